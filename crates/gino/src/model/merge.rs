//! Owns how properties that were set reach the JSON column they live in. Never touches keys that
//! were not set.

use sea_query::Expr as SeaExpr;
#[cfg(feature = "json")]
use sea_query::{BinOper, Func};

use super::{Draft, Table};

/// What the properties are merged into, where the column itself was not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Merge {
    /// An empty object.
    Create,
    /// What the row has.
    Update,
}

/// What the columns of `draft` become, in order. Without JSON there are no properties.
#[cfg(not(feature = "json"))]
pub(crate) fn merged(_: &Table, draft: Draft, _: Merge) -> Vec<(usize, SeaExpr)> {
    draft.into_sea().0
}

/// What the columns of `draft` become, in order, with the properties in the columns they live in.
#[cfg(feature = "json")]
pub(crate) fn merged(table: &Table, draft: Draft, merge: Merge) -> Vec<(usize, SeaExpr)> {
    let (mut columns, mut left) = draft.into_sea();
    while let Some(column) = left.first().map(|property| property.column) {
        let (mine, others): (Vec<_>, Vec<_>) = left
            .into_iter()
            .partition(|property| property.column == column);
        left = others;
        let place = columns.iter().position(|(index, _)| *index == column);
        let base = match place {
            Some(place) => Some(columns.remove(place).1),
            None if merge == Merge::Update => {
                let name = table.columns.get(column).map_or("", |column| column.name);
                let now = super::reference(table, name);
                let empty = SeaExpr::Custom("'{}'::jsonb".into());
                Some(SeaExpr::FunctionCall(Func::coalesce([now, empty])))
            }
            None => None,
        };
        columns.push((column, with(base, mine)));
    }
    columns.sort_by_key(|(index, _)| *index);
    columns
}

#[cfg(feature = "json")]
fn with(base: Option<SeaExpr>, properties: Vec<super::PropertySlot>) -> SeaExpr {
    use super::{PropertySlot, PropertyValue};
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
        return SeaExpr::Value(plain.into_value());
    }
    let plain = SeaExpr::FunctionCall(Func::cast_as(SeaExpr::Value(plain.into_value()), "jsonb"));
    let mut whole = match base {
        Some(base) => both(base, plain),
        None => plain,
    };
    if is_computed {
        whole = both(whole, SeaExpr::FunctionCall(computed));
    }
    whole
}

#[cfg(feature = "json")]
fn both(left: SeaExpr, right: SeaExpr) -> SeaExpr {
    SeaExpr::Binary(Box::new(left), BinOper::Custom("||"), Box::new(right))
}
