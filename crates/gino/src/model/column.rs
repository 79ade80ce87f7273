//! Owns typed columns: `User::NICKNAME`. Never holds a value.

use std::fmt;
use std::marker::PhantomData;

use sea_query::{ColumnName, Expr as SeaExpr, IntoIden};

use super::{Model, Table};
use crate::expr::{Expr, Expression, arithmetic, expressions};
use crate::sql_type::SqlType;

/// A column of the model `M`, whose values are `T`s. The derive makes one for each field.
pub struct Column<M, T> {
    name: &'static str,
    index: usize,
    of: PhantomData<fn() -> (M, T)>,
}

impl<M, T> Column<M, T> {
    /// The column `name` at position `index`.
    pub const fn new(name: &'static str, index: usize) -> Column<M, T> {
        Column {
            name,
            index,
            of: PhantomData,
        }
    }

    /// Its name in the database.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its position among the table's columns, from 0.
    pub const fn index(&self) -> usize {
        self.index
    }
}

impl<M, T> Clone for Column<M, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M, T> Copy for Column<M, T> {}

impl<M, T> fmt::Debug for Column<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl<M: Model, T: SqlType> Expression for Column<M, T> {
    type Value = T;

    fn into_expr(self) -> Expr<T> {
        Expr::from_sea(reference(M::TABLE, self.name))
    }
}

expressions! {
    <M: Model, T: SqlType> Column<M, T>, T;
}
arithmetic! {
    <M: Model, T: SqlType> Column<M, T>, T;
}

/// `"schema"."table"."column"`.
pub(crate) fn reference(table: &Table, column: &'static str) -> SeaExpr {
    SeaExpr::Column(sea_query::ColumnRef::Column(ColumnName(
        Some(table_name(table)),
        column.into_iden(),
    )))
}

pub(crate) fn table_name(table: &Table) -> sea_query::TableName {
    let schema = table
        .schema
        .map(|schema| sea_query::SchemaName(None, schema.into_iden()));
    sea_query::TableName(schema, table.name.into_iden())
}
