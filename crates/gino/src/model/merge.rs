//! Owns how properties that were set reach the JSON column they live in. Never touches keys that
//! were not set.

#[cfg(feature = "json")]
use sea_query::{BinOper, Expr as SeaExpr, Func};

#[cfg(feature = "json")]
use super::Held;
use super::{Model, PropertySlot, Slot};

/// What the properties are merged into, where the column itself was not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Merge {
    /// An empty object.
    Create,
    /// What the row has.
    Update,
}

/// Without JSON there are no properties.
#[cfg(not(feature = "json"))]
pub(crate) fn merge<M: Model>(_: &mut Vec<(usize, Slot)>, _: Vec<PropertySlot>, _: Merge) {}

/// Puts `properties` into the columns they live in.
#[cfg(feature = "json")]
pub(crate) fn merge<M: Model>(
    slots: &mut Vec<(usize, Slot)>,
    properties: Vec<PropertySlot>,
    merge: Merge,
) {
    let mut left = properties;
    while let Some(column) = left.first().map(|property| property.column) {
        let (mine, others): (Vec<_>, Vec<_>) = left
            .into_iter()
            .partition(|property| property.column == column);
        left = others;
        let place = slots.iter().position(|(index, _)| *index == column);
        let base = match place {
            Some(place) => Some(slots.remove(place).1.into_sea()),
            None if merge == Merge::Update => {
                let name = M::TABLE
                    .columns
                    .get(column)
                    .map_or("", |column| column.name);
                let now = super::reference(M::TABLE, name);
                let empty = SeaExpr::Custom("'{}'::jsonb".into());
                Some(SeaExpr::FunctionCall(Func::coalesce([now, empty])))
            }
            None => None,
        };
        slots.push((column, merged(base, mine)));
    }
    slots.sort_by_key(|(index, _)| *index);
}

#[cfg(feature = "json")]
fn merged(base: Option<SeaExpr>, properties: Vec<PropertySlot>) -> Slot {
    use super::PropertyValue;
    use crate::json::Json;
    use crate::sql_type::SqlType;

    let mut plain = serde_json::Map::new();
    let mut computed = Func::cust("jsonb_build_object");
    let mut is_computed = false;
    for PropertySlot { key, value, .. } in properties {
        match value {
            PropertyValue::Json(value) => {
                plain.insert(key.to_owned(), value);
            }
            PropertyValue::Sql(sql) => {
                let key = sea_query::Value::String(Some(key.to_owned()));
                computed = computed.arg(SeaExpr::Constant(key)).arg(sql);
                is_computed = true;
            }
        }
    }
    let plain = Json(serde_json::Value::Object(plain));
    if base.is_none() && !is_computed {
        return Slot::Value(Held::new(plain));
    }
    let plain = SeaExpr::FunctionCall(Func::cast_as(SeaExpr::Value(plain.into_value()), "jsonb"));
    let mut whole = match base {
        Some(base) => both(base, plain),
        None => plain,
    };
    if is_computed {
        whole = both(whole, SeaExpr::FunctionCall(computed));
    }
    Slot::Sql(Box::new(whole))
}

#[cfg(feature = "json")]
fn both(left: SeaExpr, right: SeaExpr) -> SeaExpr {
    SeaExpr::Binary(Box::new(left), BinOper::Custom("||"), Box::new(right))
}
