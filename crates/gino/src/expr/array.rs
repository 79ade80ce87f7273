//! Owns arrays of values and expressions on one side of a comparison.

use bytes::BytesMut;
use gino_core::error::Result;
use postgres_types::{ToSql, Type};
use sea_query::{BinOper, Expr as SeaExpr, Func};

use super::Expr;
use crate::param::{Outcome, Param, encoded, refused};
use crate::sql_type::SqlType;

/// An array of `values`: one parameter, unless there are expressions among them.
pub(super) fn array<T: SqlType>(values: Vec<SeaExpr>) -> SeaExpr {
    let is_value = |value: &SeaExpr| matches!(value, SeaExpr::Value(_));
    if !values.iter().all(is_value) {
        let places: Vec<String> = (1..=values.len()).map(|n| format!("${n}")).collect();
        let sql = format!("ARRAY[{}]", places.join(", "));
        return SeaExpr::CustomWithExpr(sql.into(), values);
    }
    let params = values.into_iter().map(|value| match value {
        SeaExpr::Value(value) => Param::new(value),
        _ => Ok(Param::Null),
    });
    let array = params.collect::<Result<Vec<Param>>>().and_then(|params| {
        let items: Result<Vec<Item<'_>>> = params.iter().map(|p| p.as_sql().map(Item)).collect();
        Ok(encoded(&items?, &T::wire_array()))
    });
    let array = array.unwrap_or_else(|error| refused(&error.to_string()));
    let by_name = T::wire() == Type::TEXT && T::TYPE.name != "text";
    match by_name {
        // Only the server knows the type: labels travel as texts.
        true => {
            let texts = Func::cast_as(SeaExpr::Value(array), "text[]");
            SeaExpr::FunctionCall(Func::cast_as(texts, T::TYPE.array().sql()))
        }
        false => SeaExpr::Value(array),
    }
}

/// `item = ANY(array)`.
pub(super) fn has(item: SeaExpr, array: SeaExpr) -> Expr<bool> {
    let any = SeaExpr::FunctionCall(Func::cust("ANY").arg(array));
    Expr::from_sea(SeaExpr::Binary(
        Box::new(item),
        BinOper::Equal,
        Box::new(any),
    ))
}

/// Types that are arrays in SQL, and can be asked what arrays are asked.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an array",
    label = "arrays are columns of a `Vec`"
)]
pub trait List: SqlType {
    /// What its elements are.
    type Item: SqlType;
}

impl<T: SqlType> List for Vec<T>
where
    Vec<T>: SqlType,
{
    type Item = T;
}

/// An element of an array.
#[derive(Debug)]
struct Item<'a>(&'a (dyn ToSql + Sync));

impl ToSql for Item<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Outcome {
        self.0.to_sql_checked(ty, out)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    postgres_types::to_sql_checked!();
}
