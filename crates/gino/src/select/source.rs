//! Owns what a query reads from: tables, aliases of tables, other queries.

use std::fmt;
use std::marker::PhantomData;

use gino_core::error::Result;
use sea_query::{
    Alias as Name, ColumnName, ColumnRef, CommonTableExpression, Expr as SeaExpr, IntoIden,
    SelectExpr, SelectStatement, TableName, TableRef,
};

use crate::expr::{Expr, Expression};
use crate::model::{Column, Model, Property, Table, table_name};
use crate::record::Record;
use crate::sql_type::SqlType;

use super::selection::Item;

/// What a query can join: a model's `TABLE`, an alias, another query.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not something to join",
    label = "join `Team::TABLE`, an alias (`&manager`) or another query (`&adults`)"
)]
pub trait Source {
    /// As it stands after FROM or JOIN.
    fn table_ref(&self) -> TableRef;
}

impl Source for &'static Table {
    fn table_ref(&self) -> TableRef {
        TableRef::Table(table_name(self), None)
    }
}

/// The table of the model `M` under another name: `User::alias("manager")`.
pub struct Alias<M> {
    name: &'static str,
    of: PhantomData<fn() -> M>,
}

impl<M: Model> Alias<M> {
    pub(crate) const fn new(name: &'static str) -> Alias<M> {
        Alias {
            name,
            of: PhantomData,
        }
    }

    /// The name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// A column or property of it: `manager.col(User::NICKNAME)`.
    pub fn col<C: Member<M>>(&self, member: C) -> Expr<C::Value> {
        Expr::from_sea(member.of(self.name))
    }

    /// All its columns, to select instances from it.
    pub const fn whole(&self) -> WholeAlias<M> {
        WholeAlias(*self)
    }
}

impl<M> Clone for Alias<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Alias<M> {}

impl<M> fmt::Debug for Alias<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Alias").field(&self.name).finish()
    }
}

impl<M: Model> Source for &Alias<M> {
    fn table_ref(&self) -> TableRef {
        TableRef::Table(table_name(M::TABLE), Some(self.name.into_iden()))
    }
}

/// All columns of an alias; a row becomes an instance.
#[derive(Debug)]
pub struct WholeAlias<M>(Alias<M>);

impl<M> Clone for WholeAlias<M> {
    fn clone(&self) -> Self {
        WholeAlias(self.0)
    }
}

impl<M: Model> Item for WholeAlias<M> {
    type Output = M;

    fn add_to(&self, columns: &mut Vec<SelectExpr>) {
        let name = self.0.name;
        columns.extend(
            M::TABLE.columns.iter().map(|column| {
                SelectExpr::from(column_of(name.into_iden(), column.name.into_iden()))
            }),
        );
    }

    fn width(&self) -> usize {
        M::TABLE.columns.len()
    }

    fn read(&self, record: &Record<'_>, at: usize) -> Result<M> {
        M::from_record(record, at)
    }
}

fn column_of(table: sea_query::DynIden, column: sea_query::DynIden) -> SeaExpr {
    let table = TableName(None, table);
    SeaExpr::Column(ColumnRef::Column(ColumnName(Some(table), column)))
}

/// A column or a property of the model `M`.
pub trait Member<M>: Expression {
    /// The same of a table with another name.
    fn of(self, table: &str) -> SeaExpr;
}

impl<M: Model, T: SqlType> Member<M> for Column<M, T> {
    fn of(self, table: &str) -> SeaExpr {
        column_of(Name::new(table).into_iden(), self.name().into_iden())
    }
}

impl<M: Model, T: SqlType> Member<M> for Property<M, T> {
    fn of(self, table: &str) -> SeaExpr {
        let column = column_of(Name::new(table).into_iden(), self.column().into_iden());
        self.within(column).sea
    }
}

/// A query that others read from: `query.subquery("adults")`, `query.cte("adults")`.
#[derive(Debug, Clone)]
pub struct Derived {
    pub(super) name: String,
    pub(super) statement: SelectStatement,
    pub(super) is_cte: bool,
}

impl Derived {
    /// A column or property that the query selects of a model: `adults.col(User::ID)`.
    pub fn col<M: Model, C: Member<M>>(&self, member: C) -> Expr<C::Value> {
        Expr::from_sea(member.of(&self.name))
    }

    /// What the query selects under a label: `adults.named::<i64>("friends")`.
    pub fn named<T: SqlType>(&self, label: &'static str) -> Expr<T> {
        let table = Name::new(self.name.as_str()).into_iden();
        Expr::from_sea(column_of(table, label.into_iden()))
    }

    pub(super) fn common(&self) -> CommonTableExpression {
        let mut common = CommonTableExpression::new();
        common.table_name(Name::new(self.name.as_str()));
        common.query(self.statement.clone());
        common
    }
}

impl Source for &Derived {
    fn table_ref(&self) -> TableRef {
        let name = Name::new(self.name.as_str()).into_iden();
        match self.is_cte {
            true => TableRef::Table(TableName(None, name), None),
            false => TableRef::SubQuery(Box::new(self.statement.clone()), name),
        }
    }
}
