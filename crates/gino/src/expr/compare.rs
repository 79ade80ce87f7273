//! Owns comparisons and logic: what gives true, false or NULL.

use std::ops::{BitAnd, BitOr, Not};

use sea_query::{BinOper, Expr as SeaExpr, UnOper};

use super::{Expr, Expression, Operand, Plain};
use crate::sql_type::SqlType;

pub(crate) fn bin(left: SeaExpr, operator: BinOper, right: SeaExpr) -> SeaExpr {
    SeaExpr::Binary(Box::new(left), operator, Box::new(right))
}

pub(super) fn binary<E: Expression>(
    left: E,
    operator: BinOper,
    right: impl Operand<Plain<E>>,
) -> Expr<bool> {
    Expr::from_sea(bin(left.into_expr().sea, operator, right.into_operand()))
}

pub(super) fn text(
    left: impl Expression,
    operator: BinOper,
    right: impl Operand<String>,
) -> Expr<bool> {
    Expr::from_sea(bin(left.into_expr().sea, operator, right.into_operand()))
}

pub(super) fn between(left: SeaExpr, low: SeaExpr, high: SeaExpr) -> Expr<bool> {
    let ends = bin(low, BinOper::And, high);
    Expr::from_sea(bin(left, BinOper::Between, ends))
}

pub(super) fn postfix(left: impl Expression, operator: BinOper) -> Expr<bool> {
    let null = SeaExpr::Keyword(sea_query::Keyword::Null);
    Expr::from_sea(bin(left.into_expr().sea, operator, null))
}

/// `= ANY(array)`, or with expressions among them `= ANY(ARRAY[…])`.
pub(super) fn any<E: Expression, V: Operand<Plain<E>>>(
    left: E,
    values: impl IntoIterator<Item = V>,
    operator: BinOper,
    quantifier: &'static str,
) -> Expr<bool> {
    let values: Vec<SeaExpr> = values.into_iter().map(Operand::into_operand).collect();
    let array = super::array::array::<Plain<E>>(values);
    let call = sea_query::Func::cust(quantifier).arg(array);
    let right = SeaExpr::FunctionCall(call);
    Expr::from_sea(bin(left.into_expr().sea, operator, right))
}

impl Expr<bool> {
    /// Both.
    pub fn and(self, other: impl Expression<Value = bool>) -> Expr<bool> {
        Expr::from_sea(bin(self.sea, BinOper::And, other.into_expr().sea))
    }

    /// One of the two, or both.
    pub fn or(self, other: impl Expression<Value = bool>) -> Expr<bool> {
        Expr::from_sea(bin(self.sea, BinOper::Or, other.into_expr().sea))
    }
}

/// What a filter takes: something that is true or false, NULL counting as false.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a condition",
    label = "write a comparison, such as `User::AGE.gt(20)`"
)]
pub trait Condition {
    /// The condition.
    fn into_condition(self) -> SeaExpr;
}

impl<E> Condition for E
where
    E: Expression,
    E::Value: SqlType<Plain = bool>,
{
    fn into_condition(self) -> SeaExpr {
        self.into_expr().sea
    }
}

/// True if all of `conditions` are, also if there are none.
pub fn all<C: Condition>(conditions: impl IntoIterator<Item = C>) -> Expr<bool> {
    joined(conditions, BinOper::And, true)
}

/// True if any of `conditions` is; false if there are none.
pub fn any_of<C: Condition>(conditions: impl IntoIterator<Item = C>) -> Expr<bool> {
    joined(conditions, BinOper::Or, false)
}

fn joined<C: Condition>(
    conditions: impl IntoIterator<Item = C>,
    operator: BinOper,
    empty: bool,
) -> Expr<bool> {
    let parts = conditions.into_iter().map(Condition::into_condition);
    let whole = parts.reduce(|left, right| bin(left, operator, right));
    let constant = || SeaExpr::Constant(sea_query::Value::Bool(Some(empty)));
    Expr::from_sea(whole.unwrap_or_else(constant))
}

/// `NOT`: true where `condition` is false.
pub fn not(condition: impl Condition) -> Expr<bool> {
    Expr::from_sea(SeaExpr::Unary(
        UnOper::Not,
        Box::new(condition.into_condition()),
    ))
}

impl Not for Expr<bool> {
    type Output = Expr<bool>;

    fn not(self) -> Expr<bool> {
        not(self)
    }
}

impl<C: Condition> BitAnd<C> for Expr<bool> {
    type Output = Expr<bool>;

    fn bitand(self, other: C) -> Expr<bool> {
        Expr::from_sea(bin(self.sea, BinOper::And, other.into_condition()))
    }
}

impl<C: Condition> BitOr<C> for Expr<bool> {
    type Output = Expr<bool>;

    fn bitor(self, other: C) -> Expr<bool> {
        Expr::from_sea(bin(self.sea, BinOper::Or, other.into_condition()))
    }
}
