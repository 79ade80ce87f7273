//! Owns `CASE`: a value by condition.

use sea_query::{CaseStatement, Condition as SeaCondition, Expr as SeaExpr};

use super::{Condition, Expr, Operand};
use crate::sql_type::SqlType;

/// `CASE WHEN condition THEN value …`, with more of [`Case::when`], and [`Case::otherwise`] at the
/// end.
///
/// ```
/// # use gino::prelude::*;
/// # static DB: Gino = Gino::new();
/// # #[derive(Model)] #[gino(db = DB)] struct User { #[gino(primary_key)] id: i32, age: i32 }
/// let stage = gino::case::<String>(User::AGE.lt(18), "minor").otherwise("grown");
/// let count = User::select((stage, gino::func::count()));
/// ```
pub fn case<T: SqlType>(condition: impl Condition, value: impl Operand<T::Plain>) -> Case<T> {
    let case = Case {
        statement: CaseStatement::new(),
        value: std::marker::PhantomData,
    };
    case.when(condition, value)
}

/// See [`case`].
#[derive(Debug, Clone)]
#[must_use = "a case does nothing without `.otherwise(…)` or `.or_null()`"]
pub struct Case<T> {
    statement: CaseStatement,
    value: std::marker::PhantomData<fn() -> T>,
}

impl<T: SqlType> Case<T> {
    /// `WHEN condition THEN value`, if none before was true.
    pub fn when(mut self, condition: impl Condition, value: impl Operand<T::Plain>) -> Case<T> {
        let condition = SeaCondition::all().add(condition.into_condition());
        self.statement = self.statement.case(condition, typed::<T>(value));
        self
    }

    /// `ELSE value`.
    pub fn otherwise(self, value: impl Operand<T::Plain>) -> Expr<T> {
        Expr::from_sea(self.statement.finally(typed::<T>(value)))
    }

    /// NULL, if none is true.
    pub fn or_null(self) -> Expr<Option<T::Plain>> {
        Expr::from_sea(self.statement)
    }
}

/// A value on its own says nothing of its type to the server.
fn typed<T: SqlType>(value: impl Operand<T::Plain>) -> SeaExpr {
    match value.into_operand() {
        value @ SeaExpr::Value(_) => {
            SeaExpr::FunctionCall(sea_query::Func::cast_as(value, T::TYPE.sql()))
        }
        other => other,
    }
}
