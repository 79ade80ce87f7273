//! Owns pages by key: the rows after the last one that was seen, whatever was added meanwhile.

use std::cmp::Reverse;

use gino_core::error::Result;
use sea_query::{BinOper, Expr as SeaExpr, SelectExpr};

use crate::expr::{Expression, bin};
use crate::model::Model;
use crate::record::Record;
use crate::sql_type::{NotNull, SqlType as _};

use super::{Item, Query};

/// Some rows of a query, and where the next ones begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, K> {
    /// The rows.
    pub items: Vec<T>,
    /// What to ask for the next page with; `None` on the last.
    pub next: Option<K>,
}

/// What pages are ordered by: columns without NULL that tell rows apart, `Reverse(column)` from the
/// largest to the smallest; one or a tuple.
#[diagnostic::on_unimplemented(
    message = "pages cannot be ordered by `{Self}`",
    label = "give columns that cannot be NULL: `User::ID`, `(Reverse(User::AGE), User::ID)`"
)]
pub trait PageKey: Clone + Send + 'static {
    /// The values of the last row of a page.
    type Value: Send + 'static;

    /// The expressions, each with whether it descends.
    fn parts(&self, parts: &mut Vec<(SeaExpr, bool)>);

    /// A value for each.
    fn values(value: Self::Value, values: &mut Vec<SeaExpr>);

    /// The values of a row, whose columns at `at` are the expressions.
    ///
    /// # Errors
    /// A value that does not fit.
    fn read(&self, record: &Record<'_>, at: usize) -> Result<Self::Value>;
}

impl<E> PageKey for E
where
    E: Expression + Clone + Send + 'static,
    E::Value: NotNull,
{
    type Value = E::Value;

    fn parts(&self, parts: &mut Vec<(SeaExpr, bool)>) {
        parts.push((self.clone().into_expr().sea, false));
    }

    fn values(value: E::Value, values: &mut Vec<SeaExpr>) {
        values.push(SeaExpr::Value(value.into_value()));
    }

    fn read(&self, record: &Record<'_>, at: usize) -> Result<E::Value> {
        record.get(at)
    }
}

impl<E> PageKey for Reverse<E>
where
    E: Expression + Clone + Send + 'static,
    E::Value: NotNull,
{
    type Value = E::Value;

    fn parts(&self, parts: &mut Vec<(SeaExpr, bool)>) {
        parts.push((self.0.clone().into_expr().sea, true));
    }

    fn values(value: E::Value, values: &mut Vec<SeaExpr>) {
        values.push(SeaExpr::Value(value.into_value()));
    }

    fn read(&self, record: &Record<'_>, at: usize) -> Result<E::Value> {
        record.get(at)
    }
}

macro_rules! tuples {
    ($(($($part:ident),+);)*) => { $(
        impl<$($part: PageKey),+> PageKey for ($($part,)+) {
            type Value = ($($part::Value,)+);

            #[allow(non_snake_case)]
            fn parts(&self, parts: &mut Vec<(SeaExpr, bool)>) {
                let ($($part,)+) = self;
                $($part.parts(parts);)+
            }

            #[allow(non_snake_case)]
            fn values(value: Self::Value, values: &mut Vec<SeaExpr>) {
                let ($($part,)+) = value;
                $($part::values($part, values);)+
            }

            #[allow(non_snake_case)]
            fn read(&self, record: &Record<'_>, at: usize) -> Result<Self::Value> {
                let ($($part,)+) = self;
                let mut next = at;
                Ok(($({
                    let place = next;
                    next += 1;
                    let _ = next;
                    $part.read(record, place)?
                },)+))
            }
        }
    )* };
}

tuples! {
    (A, B);
    (A, B, C);
    (A, B, C, D);
}

impl<M: Model, I: Item> Query<M, I> {
    /// Up to `size` rows in the order of `key`, after the one with the values `after`, which is
    /// [`Page::next`] of the page before (`None`: the first page).
    ///
    /// ```no_run
    /// # use gino::prelude::*;
    /// # static DB: Gino = Gino::new();
    /// # #[derive(Model)] #[gino(db = DB)] struct User { #[gino(primary_key)] id: i32, age: i32 }
    /// # async fn run() -> gino::Result<()> {
    /// let mut after = None;
    /// loop {
    ///     let page = User::query().page((User::AGE, User::ID), after, 50).await?;
    ///     for user in page.items { /* … */ }
    ///     match page.next {
    ///         Some(next) => after = Some(next),
    ///         None => break,
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As of everything that runs a query.
    pub async fn page<K: PageKey>(
        mut self,
        key: K,
        after: Option<K::Value>,
        size: u32,
    ) -> Result<Page<I::Output, K::Value>> {
        let mut parts = Vec::new();
        key.parts(&mut parts);
        if let Some(after) = after {
            let mut values = Vec::new();
            K::values(after, &mut values);
            self.parts.filter(beyond(&parts, values));
        }
        self.parts.statement.clear_order_by();
        for (expr, descends) in parts {
            let order = match descends {
                true => sea_query::Order::Desc,
                false => sea_query::Order::Asc,
            };
            self.parts.statement.order_by_expr(expr, order);
        }
        self.parts.statement.limit(u64::from(size) + 1);
        let item = self.selection.clone();
        let mut found = self.load(Keyed { item, key }).all().await?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let is_last = found.len() <= size;
        found.truncate(size);
        let mut next = None;
        let items = found.into_iter().map(|(item, key)| {
            next = Some(key);
            item
        });
        let items = items.collect();
        Ok(Page {
            items,
            next: next.filter(|_| !is_last),
        })
    }
}

/// An item with the values of its key.
#[derive(Clone)]
struct Keyed<I, K> {
    item: I,
    key: K,
}

impl<I: Item, K: PageKey> Item for Keyed<I, K> {
    type Output = (I::Output, K::Value);

    fn add_to(&self, columns: &mut Vec<SelectExpr>) {
        self.item.add_to(columns);
        let mut parts = Vec::new();
        self.key.parts(&mut parts);
        columns.extend(parts.into_iter().map(|(expr, _)| SelectExpr::from(expr)));
    }

    fn read(&self, record: &Record<'_>, at: usize) -> Result<Self::Output> {
        let item = self.item.read(record, at)?;
        Ok((item, self.key.read(record, at + self.item.width())?))
    }
}

/// What comes after `values`. One comparison of rows if all parts have one direction, which an index
/// serves; else part by part.
fn beyond(parts: &[(SeaExpr, bool)], values: Vec<SeaExpr>) -> SeaExpr {
    let operator = |descends: bool| match descends {
        true => BinOper::SmallerThan,
        false => BinOper::GreaterThan,
    };
    let descends = parts.first().is_some_and(|(_, descends)| *descends);
    if parts.iter().all(|(_, each)| *each == descends) {
        let row = parts.iter().map(|(expr, _)| expr.clone()).collect();
        return bin(
            SeaExpr::Tuple(row),
            operator(descends),
            SeaExpr::Tuple(values),
        );
    }
    let mut whole = None;
    for ((expr, descends), value) in parts.iter().zip(values).rev() {
        let farther = bin(expr.clone(), operator(*descends), value.clone());
        whole = Some(match whole {
            None => farther,
            Some(rest) => {
                let equal = bin(expr.clone(), BinOper::Equal, value);
                bin(farther, BinOper::Or, bin(equal, BinOper::And, rest))
            }
        });
    }
    whole.unwrap_or(SeaExpr::Constant(sea_query::Value::Bool(Some(true))))
}
