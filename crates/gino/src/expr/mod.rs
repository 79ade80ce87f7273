//! Owns typed expressions over sea-query's: what a column can be asked, computed or compared to.
//! Never renders SQL, sea-query does; never runs anything. Models, queries and loaders build on it.
//!
//! An [`Expr<T>`] is a `sea_query::Expr` whose values are read as `T`; [`Expr::from_sea`] and
//! [`Expr::into_sea`] go from one to the other at any point.

mod operand;
mod array;
mod compare;
mod arithmetic;
mod subquery;
mod case;
pub mod func;

use std::fmt;
use std::marker::PhantomData;

use sea_query::{BinOper, Expr as SeaExpr};

pub(crate) use arithmetic::arithmetic;
pub use array::List;
pub use case::{Case, case};
pub(crate) use compare::bin;
pub use compare::{Condition, all, any_of, not};
pub(crate) use operand::expressions;
pub use operand::{Assignable, Assigned, Operand, Taker};
pub(crate) use subquery::whole;
pub use subquery::{SubQuery, SubQueryOf, exists};

use crate::param::{Built, POSTGRES, refused};
use crate::sql_type::SqlType;

/// An SQL expression whose value is read as a `T`.
///
/// Where it may be NULL, `T` is an `Option`: see [`Expression::nullable`].
#[must_use = "an expression does nothing outside of a statement"]
pub struct Expr<T> {
    pub(crate) sea: SeaExpr,
    value: PhantomData<fn() -> T>,
}

impl<T> Expr<T> {
    /// A sea-query expression, whose value is a `T`.
    pub fn from_sea(sea: impl Into<SeaExpr>) -> Expr<T> {
        Expr {
            sea: sea.into(),
            value: PhantomData,
        }
    }

    /// The same as a sea-query expression.
    pub fn into_sea(self) -> SeaExpr {
        self.sea
    }
}

impl<T> Clone for Expr<T> {
    fn clone(&self) -> Self {
        Expr::from_sea(self.sea.clone())
    }
}

impl<T> fmt::Debug for Expr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sea.fmt(f)
    }
}

impl<T> From<Expr<T>> for SeaExpr {
    fn from(expr: Expr<T>) -> SeaExpr {
        expr.sea
    }
}

/// A value where only an expression can stand: a function's argument, a column of a select.
///
/// It is cast to its SQL type, so that the server knows what it is.
///
/// ```
/// # use gino::prelude::*;
/// let one = gino::value(1_i32);
/// assert_eq!(gino::to_sql(one), "CAST($1 AS int4)");
/// ```
pub fn value<T: SqlType>(value: T) -> Expr<T> {
    Expr::<T>::from_sea(SeaExpr::Value(value.into_value())).cast()
}

/// SQL as it stands, with a `$1`, `$2`, … for each of `values`, which are expressions or
/// [`value`]s. The caller says what type its value has.
///
/// ```
/// # use gino::prelude::*;
/// let age = gino::sql::<i32>("extract(year from age($1))::int4", [gino::value("2001-02-03".to_owned())]);
/// ```
pub fn sql<T>(
    sql: impl Into<String>,
    values: impl IntoIterator<Item = impl Into<SeaExpr>>,
) -> Expr<T> {
    let values: Vec<SeaExpr> = values.into_iter().map(Into::into).collect();
    let sql = sql.into();
    let places = sql.split('$').skip(1).map(|rest| {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        rest.get(..digits)
            .and_then(|number| number.parse().ok())
            .unwrap_or(0)
    });
    let most: usize = places.max().unwrap_or(0);
    Expr::from_sea(match values.is_empty() {
        _ if most > values.len() => {
            let reason = format!(
                "`{sql}` has a ${most}, and {} values were given",
                values.len()
            );
            SeaExpr::Value(refused(&reason))
        }
        true => SeaExpr::Custom(sql.into()),
        false => SeaExpr::CustomWithExpr(sql.into(), values),
    })
}

/// The SQL text of an expression, for tests and logs; values are `$1`, `$2`, ….
pub fn to_sql<T>(expr: Expr<T>) -> String {
    use sea_query::QueryBuilder;

    let built = Built::new(|writer| POSTGRES.prepare_expr(&expr.sea, writer));
    built.map_or_else(
        |error| error.to_string(),
        |built| built.sql.as_str().to_owned(),
    )
}

/// What has a value in SQL: a column, a property, an expression.
#[expect(
    clippy::wrong_self_convention,
    reason = "SQL's words; expressions are consumed"
)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an expression",
    label = "give a column, such as `User::ID`, or an expression of columns"
)]
pub trait Expression: Sized {
    /// What its value is read as.
    type Value: SqlType;

    /// As an expression.
    fn into_expr(self) -> Expr<Self::Value>;

    /// `=`.
    fn eq(self, other: impl Operand<Plain<Self>>) -> Expr<bool> {
        compare::binary(self, BinOper::Equal, other)
    }

    /// `<>`.
    fn ne(self, other: impl Operand<Plain<Self>>) -> Expr<bool> {
        compare::binary(self, BinOper::NotEqual, other)
    }

    /// `<`.
    fn lt(self, other: impl Operand<Plain<Self>>) -> Expr<bool> {
        compare::binary(self, BinOper::SmallerThan, other)
    }

    /// `<=`.
    fn le(self, other: impl Operand<Plain<Self>>) -> Expr<bool> {
        compare::binary(self, BinOper::SmallerThanOrEqual, other)
    }

    /// `>`.
    fn gt(self, other: impl Operand<Plain<Self>>) -> Expr<bool> {
        compare::binary(self, BinOper::GreaterThan, other)
    }

    /// `>=`.
    fn ge(self, other: impl Operand<Plain<Self>>) -> Expr<bool> {
        compare::binary(self, BinOper::GreaterThanOrEqual, other)
    }

    /// `IS DISTINCT FROM`: as `<>`, with NULL as a value like others.
    fn is_distinct_from(self, other: impl Operand<Plain<Self>>) -> Expr<bool> {
        compare::binary(self, BinOper::Custom("IS DISTINCT FROM"), other)
    }

    /// `BETWEEN`: both ends belong to it.
    fn between(
        self,
        low: impl Operand<Plain<Self>>,
        high: impl Operand<Plain<Self>>,
    ) -> Expr<bool> {
        compare::between(
            self.into_expr().sea,
            low.into_operand(),
            high.into_operand(),
        )
    }

    /// Whether it is one of `values`; false if there are none. All of them travel as one array, so
    /// that the statement is the same however many there are.
    fn in_<V: Operand<Plain<Self>>>(self, values: impl IntoIterator<Item = V>) -> Expr<bool> {
        compare::any::<Self, V>(self, values, BinOper::Equal, "ANY")
    }

    /// Whether it is none of `values`; true if there are none.
    fn not_in<V: Operand<Plain<Self>>>(self, values: impl IntoIterator<Item = V>) -> Expr<bool> {
        compare::any::<Self, V>(self, values, BinOper::NotEqual, "ALL")
    }

    /// Whether it is one of the values of `query`, which selects one column.
    fn in_query(self, query: impl SubQueryOf<Plain<Self>>) -> Expr<bool> {
        subquery::within(self, query, BinOper::In)
    }

    /// Whether it is none of the values of `query`, which selects one column and has no NULL.
    fn not_in_query(self, query: impl SubQueryOf<Plain<Self>>) -> Expr<bool> {
        subquery::within(self, query, BinOper::NotIn)
    }

    /// `IS NULL`.
    fn is_null(self) -> Expr<bool> {
        compare::postfix(self, BinOper::Is)
    }

    /// `IS NOT NULL`.
    fn is_not_null(self) -> Expr<bool> {
        compare::postfix(self, BinOper::IsNot)
    }

    /// The value, or `other` where it is NULL.
    fn coalesce(self, other: impl Operand<Plain<Self>>) -> Expr<Plain<Self>> {
        let both = [self.into_expr().sea, other.into_operand()];
        Expr::from_sea(SeaExpr::FunctionCall(sea_query::Func::coalesce(both)))
    }

    /// `NULLIF`: NULL where it is `other`.
    fn null_if(self, other: impl Operand<Plain<Self>>) -> Expr<Option<Plain<Self>>>
    where
        Plain<Self>: SqlType<Plain = Plain<Self>>,
    {
        let call = sea_query::Func::cust("NULLIF");
        Expr::from_sea(call.arg(self.into_expr().sea).arg(other.into_operand()))
    }

    /// `CAST(… AS U)`.
    fn cast<U: SqlType>(self) -> Expr<U> {
        let sea = self.into_expr().sea;
        Expr::from_sea(sea_query::Func::cast_as(sea, U::TYPE.sql()))
    }

    /// The same, read as an `Option`: for what may be NULL here though its type does not say so, such
    /// as a column of an outer join.
    fn nullable(self) -> Expr<Option<Plain<Self>>>
    where
        Plain<Self>: SqlType<Plain = Plain<Self>>,
    {
        Expr::from_sea(self.into_expr().sea)
    }

    /// The same, read as a `U`: the caller knows.
    fn read_as<U: SqlType>(self) -> Expr<U> {
        Expr::from_sea(self.into_expr().sea)
    }

    /// Any other operator: `User::TAGS.op::<bool>("@>", vec!["rust"])`. The operator is part of the
    /// program: it is not escaped.
    fn op<U>(self, operator: &'static str, other: impl Operand<Plain<Self>>) -> Expr<U> {
        Expr::from_sea(compare::bin(
            self.into_expr().sea,
            BinOper::Custom(operator),
            other.into_operand(),
        ))
    }

    /// `LIKE`: `%` stands for any text, `_` for a letter.
    fn like(self, pattern: impl Operand<String>) -> Expr<bool>
    where
        Plain<Self>: Text,
    {
        compare::text(self, BinOper::Like, pattern)
    }

    /// `NOT LIKE`.
    fn not_like(self, pattern: impl Operand<String>) -> Expr<bool>
    where
        Plain<Self>: Text,
    {
        compare::text(self, BinOper::NotLike, pattern)
    }

    /// `ILIKE`: as [`Expression::like`], whatever the case.
    fn ilike(self, pattern: impl Operand<String>) -> Expr<bool>
    where
        Plain<Self>: Text,
    {
        compare::text(self, BinOper::Custom("ILIKE"), pattern)
    }

    /// Whether it begins with `prefix`, in which nothing is special.
    fn starts_with(self, prefix: impl Operand<String>) -> Expr<bool>
    where
        Plain<Self>: Text,
    {
        let call = sea_query::Func::cust("starts_with");
        Expr::from_sea(call.arg(self.into_expr().sea).arg(prefix.into_operand()))
    }

    /// `||`: one text after the other.
    fn concat(self, other: impl Operand<String>) -> Expr<Self::Value>
    where
        Plain<Self>: Text,
    {
        let operator = BinOper::Custom("||");
        Expr::from_sea(compare::bin(
            self.into_expr().sea,
            operator,
            other.into_operand(),
        ))
    }

    /// Whether `item` is one of its elements: `Book::TAGS.has("rust")`.
    fn has(self, item: impl Operand<<Plain<Self> as List>::Item>) -> Expr<bool>
    where
        Plain<Self>: List,
    {
        array::has(item.into_operand(), self.into_expr().sea)
    }

    /// `@>`: whether all of `items` are among its elements.
    fn contains(self, items: impl Operand<Plain<Self>>) -> Expr<bool>
    where
        Plain<Self>: List,
    {
        self.op("@>", items)
    }

    /// `&&`: whether one of `items` is among its elements.
    fn overlaps(self, items: impl Operand<Plain<Self>>) -> Expr<bool>
    where
        Plain<Self>: List,
    {
        self.op("&&", items)
    }

    /// From the smallest to the largest.
    fn asc(self) -> Order {
        Order::new(self.into_expr().sea, sea_query::Order::Asc)
    }

    /// From the largest to the smallest.
    fn desc(self) -> Order {
        Order::new(self.into_expr().sea, sea_query::Order::Desc)
    }
}

/// The type of an expression's values without `Option`.
pub type Plain<E> = <<E as Expression>::Value as SqlType>::Plain;

impl<T: SqlType> Expression for Expr<T> {
    type Value = T;

    fn into_expr(self) -> Expr<T> {
        self
    }
}

/// Types that are text in SQL, and can be asked what texts are asked.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not text",
    label = "cast it first: `.cast::<String>()`"
)]
pub trait Text: SqlType {}

impl Text for String {}
impl Text for Box<str> {}

/// What rows are ordered by: `User::AGE.desc()`.
#[derive(Debug, Clone)]
#[must_use = "an order does nothing outside of a query"]
pub struct Order {
    pub(crate) expr: SeaExpr,
    pub(crate) order: sea_query::Order,
    pub(crate) nulls: Option<sea_query::NullOrdering>,
}

impl Order {
    fn new(expr: SeaExpr, order: sea_query::Order) -> Order {
        Order {
            expr,
            order,
            nulls: None,
        }
    }

    /// NULL comes first.
    pub fn nulls_first(mut self) -> Order {
        self.nulls = Some(sea_query::NullOrdering::First);
        self
    }

    /// NULL comes last.
    pub fn nulls_last(mut self) -> Order {
        self.nulls = Some(sea_query::NullOrdering::Last);
        self
    }
}

/// What `order_by` takes: a column or expression, its `.asc()` or `.desc()`, or a tuple of those.
#[diagnostic::on_unimplemented(
    message = "rows cannot be ordered by `{Self}`",
    label = "give a column, `User::ID`, `User::ID.desc()`, an expression, or a tuple of those"
)]
pub trait IntoOrder {
    /// Adds its parts.
    fn add_to(self, orders: &mut Vec<Order>);
}

impl IntoOrder for Order {
    fn add_to(self, orders: &mut Vec<Order>) {
        orders.push(self);
    }
}

impl<E: Expression> IntoOrder for E {
    fn add_to(self, orders: &mut Vec<Order>) {
        orders.push(self.asc());
    }
}

impl<O: IntoOrder> IntoOrder for Vec<O> {
    fn add_to(self, orders: &mut Vec<Order>) {
        self.into_iter().for_each(|order| order.add_to(orders));
    }
}

/// Tuples of what stands alone, too.
macro_rules! tuples {
    ($(($($part:ident),+);)*) => { $(
        impl<$($part: IntoOrder),+> IntoOrder for ($($part,)+) {
            #[allow(non_snake_case)]
            fn add_to(self, orders: &mut Vec<Order>) {
                let ($($part,)+) = self;
                $($part.add_to(orders);)+
            }
        }
    )* };
}

tuples! {
    (A);
    (A, B);
    (A, B, C);
    (A, B, C, D);
}
