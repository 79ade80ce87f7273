//! Owns functions and aggregates that applications use every day, typed; [`call`] is any other.

use sea_query::{Asterisk, Expr as SeaExpr, Func, FunctionCall};

use super::{Condition, Expr, Expression, IntoOrder, Operand, Plain, Text, array};
use crate::sql_type::SqlType;

fn of(function: FunctionCall) -> SeaExpr {
    SeaExpr::FunctionCall(function)
}

/// A function by name; its arguments are expressions or [`value`](crate::value)s. The caller says
/// what its value is read as. The name is part of the program: it is not quoted.
///
/// ```
/// use gino::func;
///
/// let trimmed = func::call::<String>("btrim", [gino::value("  x ".to_owned()).into_sea()]);
/// assert_eq!(gino::to_sql(trimmed), "btrim(CAST($1 AS text))");
/// ```
pub fn call<T>(
    name: &'static str,
    arguments: impl IntoIterator<Item = impl Into<SeaExpr>>,
) -> Expr<T> {
    let arguments: Vec<SeaExpr> = arguments.into_iter().map(Into::into).collect();
    Expr::from_sea(of(Func::cust(name).args(arguments)))
}

/// `count(*)`: how many rows.
pub fn count() -> Expr<i64> {
    Expr::from_sea(of(Func::count(SeaExpr::Column(Asterisk.into()))))
}

/// `count(expression)`: in how many rows it is not NULL.
pub fn count_of(expression: impl Expression) -> Expr<i64> {
    Expr::from_sea(of(Func::count(expression.into_expr().sea)))
}

/// `count(DISTINCT expression)`: how many different values it has.
pub fn count_distinct(expression: impl Expression) -> Expr<i64> {
    Expr::from_sea(of(Func::count_distinct(expression.into_expr().sea)))
}

/// `sum(expression)`; NULL of no rows. A sum of integers is an `int8`.
pub fn sum<E: Expression>(expression: E) -> Expr<Option<<Plain<E> as Number>::Sum>>
where
    Plain<E>: Number,
{
    let sum = Expr::<i64>::from_sea(of(Func::sum(expression.into_expr().sea)));
    sum.cast()
}

/// `avg(expression)`; NULL of no rows.
pub fn avg<E: Expression>(expression: E) -> Expr<Option<f64>>
where
    Plain<E>: Number,
{
    Expr::<f64>::from_sea(of(Func::avg(expression.into_expr().sea))).cast()
}

/// `min(expression)`; NULL of no rows.
pub fn min<E: Expression>(expression: E) -> Expr<Option<Plain<E>>>
where
    Plain<E>: SqlType<Plain = Plain<E>>,
{
    Expr::from_sea(of(Func::min(expression.into_expr().sea)))
}

/// `max(expression)`; NULL of no rows.
pub fn max<E: Expression>(expression: E) -> Expr<Option<Plain<E>>>
where
    Plain<E>: SqlType<Plain = Plain<E>>,
{
    Expr::from_sea(of(Func::max(expression.into_expr().sea)))
}

/// `array_agg(expression)`; NULL of no rows.
pub fn array_agg<E: Expression>(expression: E) -> Expr<Option<Vec<E::Value>>>
where
    Vec<E::Value>: SqlType<Plain = Vec<E::Value>>,
{
    call("array_agg", [expression.into_expr()])
}

/// `string_agg(expression, separator)`; NULL of no rows.
pub fn string_agg<E: Expression>(expression: E, separator: &str) -> Expr<Option<String>>
where
    Plain<E>: Text,
{
    let separator = super::value(separator.to_owned());
    call("string_agg", [expression.into_expr().sea, separator.sea])
}

/// `bool_and(condition)`: whether it is true in all rows; NULL of no rows.
pub fn every(condition: impl Condition) -> Expr<Option<bool>> {
    call("bool_and", [condition.into_condition()])
}

/// `lower(expression)`.
pub fn lower<E: Expression>(expression: E) -> Expr<E::Value>
where
    Plain<E>: Text,
{
    Expr::from_sea(of(Func::lower(expression.into_expr().sea)))
}

/// `upper(expression)`.
pub fn upper<E: Expression>(expression: E) -> Expr<E::Value>
where
    Plain<E>: Text,
{
    Expr::from_sea(of(Func::upper(expression.into_expr().sea)))
}

/// `char_length(expression)`: how many letters.
pub fn length<E: Expression>(expression: E) -> Expr<i32>
where
    Plain<E>: Text,
{
    Expr::from_sea(of(Func::char_length(expression.into_expr().sea)))
}

/// `greatest(a, b)`.
pub fn greatest<E: Expression>(a: E, b: impl Operand<Plain<E>>) -> Expr<E::Value> {
    call("greatest", [a.into_expr().sea, b.into_operand()])
}

/// `least(a, b)`.
pub fn least<E: Expression>(a: E, b: impl Operand<Plain<E>>) -> Expr<E::Value> {
    call("least", [a.into_expr().sea, b.into_operand()])
}

/// `now()`: when the transaction began. Read it as the type of the application's timestamps.
pub fn now<T: SqlType>() -> Expr<T> {
    call("now", [] as [SeaExpr; 0])
}

/// `random()`.
pub fn random() -> Expr<f64> {
    call("random", [] as [SeaExpr; 0])
}

/// `ARRAY[…]` of expressions or values.
pub fn array_of<T: SqlType, O: Operand<T::Plain>>(
    items: impl IntoIterator<Item = O>,
) -> Expr<Vec<T>> {
    let items = items.into_iter().map(Operand::into_operand).collect();
    Expr::from_sea(array::array::<T::Plain>(items))
}

/// `row_number()`, for [`Expr::over`].
pub fn row_number() -> Expr<i64> {
    call("row_number", [] as [SeaExpr; 0])
}

/// `rank()`, for [`Expr::over`].
pub fn rank() -> Expr<i64> {
    call("rank", [] as [SeaExpr; 0])
}

/// `dense_rank()`, for [`Expr::over`].
pub fn dense_rank() -> Expr<i64> {
    call("dense_rank", [] as [SeaExpr; 0])
}

/// `lag(expression)`: its value in the row before, for [`Expr::over`].
pub fn lag<E: Expression>(expression: E) -> Expr<Option<Plain<E>>>
where
    Plain<E>: SqlType<Plain = Plain<E>>,
{
    call("lag", [expression.into_expr()])
}

/// `lead(expression)`: its value in the row after, for [`Expr::over`].
pub fn lead<E: Expression>(expression: E) -> Expr<Option<Plain<E>>>
where
    Plain<E>: SqlType<Plain = Plain<E>>,
{
    call("lead", [expression.into_expr()])
}

/// Types that can be added up.
#[diagnostic::on_unimplemented(message = "`{Self}` is not a number that can be added up")]
pub trait Number: SqlType {
    /// What a sum of them is.
    type Sum: SqlType<Plain = Self::Sum>;
}

macro_rules! numbers {
    ($($number:ty => $sum:ty),*) => { $(
        impl Number for $number {
            type Sum = $sum;
        }
    )* };
}

numbers!(i16 => i64, i32 => i64, i64 => i64, f32 => f32, f64 => f64);
#[cfg(feature = "decimal")]
numbers!(rust_decimal::Decimal => rust_decimal::Decimal);

/// The rows that a window function sees: `window().partition_by(User::TEAM_ID).order_by(User::ID)`.
pub fn window() -> Window {
    Window::default()
}

/// See [`window`].
#[derive(Debug, Clone, Default)]
#[must_use = "a window does nothing without `.over(…)`"]
pub struct Window {
    partitions: Vec<SeaExpr>,
    orders: Vec<super::Order>,
    frame: Option<&'static str>,
}

impl Window {
    /// Only rows with the same value, and those of calls before.
    pub fn partition_by(mut self, expression: impl Expression) -> Window {
        self.partitions.push(expression.into_expr().sea);
        self
    }

    /// In this order, within that of calls before.
    pub fn order_by(mut self, order: impl IntoOrder) -> Window {
        order.add_to(&mut self.orders);
        self
    }

    /// The frame in SQL, such as `ROWS BETWEEN 1 PRECEDING AND CURRENT ROW`.
    pub fn frame(mut self, frame: &'static str) -> Window {
        self.frame = Some(frame);
        self
    }
}

impl<T> Expr<T> {
    /// `… OVER (window)`: a window function or an aggregate, per row.
    pub fn over(self, window: Window) -> Expr<T> {
        let mut parts = vec![self.sea];
        let mut clauses = Vec::new();
        let mut place = |part: SeaExpr| {
            parts.push(part);
            format!("${}", parts.len())
        };
        if !window.partitions.is_empty() {
            let list: Vec<String> = window.partitions.into_iter().map(&mut place).collect();
            clauses.push(format!("PARTITION BY {}", list.join(", ")));
        }
        if !window.orders.is_empty() {
            let list = window.orders.into_iter().map(|order| {
                let direction = match order.order {
                    sea_query::Order::Desc => " DESC",
                    _ => "",
                };
                let nulls = match order.nulls {
                    Some(sea_query::NullOrdering::First) => " NULLS FIRST",
                    Some(sea_query::NullOrdering::Last) => " NULLS LAST",
                    None => "",
                };
                format!("{}{direction}{nulls}", place(order.expr))
            });
            let list: Vec<String> = list.collect();
            clauses.push(format!("ORDER BY {}", list.join(", ")));
        }
        clauses.extend(window.frame.map(str::to_owned));
        let sql = format!("$1 OVER ({})", clauses.join(" "));
        Expr::from_sea(SeaExpr::CustomWithExpr(sql.into(), parts))
    }

    /// `… FILTER (WHERE condition)`: an aggregate of some rows only.
    pub fn filter(self, condition: impl Condition) -> Expr<T> {
        let parts = vec![self.sea, condition.into_condition()];
        Expr::from_sea(SeaExpr::CustomWithExpr(
            "$1 FILTER (WHERE $2)".into(),
            parts,
        ))
    }
}
