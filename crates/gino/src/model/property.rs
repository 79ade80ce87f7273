//! Owns JSON properties as expressions: `User::AGE`, a value inside a JSON column.
//! Never reads or writes JSON, `json` does.

use std::fmt;
use std::marker::PhantomData;

use sea_query::{BinOper, Expr as SeaExpr};

use super::{Model, column};
use crate::expr::{Expr, Expression, arithmetic, expressions};
use crate::sql_type::{SqlType, TypeDef, literal};

/// A property of the model `M` inside one of its JSON columns, whose values are `T`s.
///
/// In SQL it is `("users"."profile" ->> 'age')::int8`, NULL where nothing is stored: defaults are the
/// struct's. A `Vec` is an array, a `Json<T>` stays JSON.
pub struct Property<M, T> {
    column: &'static str,
    index: usize,
    key: &'static str,
    of: PhantomData<fn() -> (M, T)>,
}

impl<M, T> Property<M, T> {
    /// The property `key` inside `column`, which is at position `index`.
    pub const fn new(column: &'static str, index: usize, key: &'static str) -> Property<M, T> {
        Property {
            column,
            index,
            key,
            of: PhantomData,
        }
    }

    /// The key in the JSON object.
    pub const fn key(&self) -> &'static str {
        self.key
    }

    /// The name of the JSON column.
    pub const fn column(&self) -> &'static str {
        self.column
    }

    /// The position of the JSON column among the table's columns, from 0.
    pub const fn index(&self) -> usize {
        self.index
    }
}

impl<M, T> Clone for Property<M, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M, T> Copy for Property<M, T> {}

impl<M, T> fmt::Debug for Property<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.column, self.key)
    }
}

impl<M: Model, T: SqlType> Expression for Property<M, T> {
    type Value = T;

    fn into_expr(self) -> Expr<T> {
        self.within(column::reference(M::TABLE, self.column))
    }
}

impl<M, T: SqlType> Property<M, T> {
    /// The property inside `column`, which may be that of an alias.
    pub(crate) fn within(self, column: SeaExpr) -> Expr<T> {
        if T::TYPE.array {
            return array(column, self.key, &T::TYPE);
        }
        let key = SeaExpr::Constant(sea_query::Value::String(Some(self.key.to_owned())));
        let text = SeaExpr::Binary(
            Box::new(column),
            BinOper::Custom(if is_json::<T>() { "->" } else { "->>" }),
            Box::new(key),
        );
        match T::TYPE.name {
            "text" => Expr::from_sea(text),
            _ => Expr::<String>::from_sea(text).cast(),
        }
    }
}

/// A JSON array as an array of the database; NULL if it is none.
fn array<T>(column: SeaExpr, key: &str, ty: &TypeDef) -> Expr<T> {
    let key = literal(key);
    let item = TypeDef {
        array: false,
        ..*ty
    }
    .sql();
    let sql = format!(
        "CASE WHEN jsonb_typeof(($1)::jsonb -> {key}) = 'array' THEN \
         ARRAY(SELECT value::{item} FROM jsonb_array_elements_text(($1)::jsonb -> {key})) END"
    );
    Expr::from_sea(SeaExpr::CustomWithExpr(sql.into(), vec![column]))
}

/// Whether values of `T` stay JSON in SQL.
fn is_json<T: SqlType>() -> bool {
    matches!(T::TYPE.name, "json" | "jsonb")
}

expressions! {
    <M: Model, T: SqlType> Property<M, T>, T;
}
arithmetic! {
    <M: Model, T: SqlType> Property<M, T>, T;
}
