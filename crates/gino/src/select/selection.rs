//! Owns what a query selects and what its rows become: whole models, columns, expressions, tuples of
//! them. Loaders implement [`Selection`] themselves.

use std::marker::PhantomData;

use gino_core::error::Result;
use sea_query::{SelectExpr, SelectStatement};

use crate::expr::{Expr, Expression};
use crate::model::{Column, Model, Property};
use crate::record::{Load, Record};
use crate::sql_type::SqlType;

/// What a query selects, and what its rows become.
pub trait Selection: Send + 'static {
    /// What rows come to.
    type Output: Send + 'static;

    /// What makes it of them.
    type Load: Load<Output = Self::Output>;

    /// Whether each row gives one output: the first row is the first output then, and the server
    /// need not be asked for more.
    fn by_row(&self) -> bool {
        false
    }

    /// Whether [`Selection::select`] may add conditions.
    #[doc(hidden)]
    fn filters(&self) -> bool {
        true
    }

    /// Whether it can be selected.
    ///
    /// # Errors
    /// A `UsageError` that says why not.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Adds its columns, and joins if it needs any, to `statement`.
    fn select(&self, statement: &mut SelectStatement);

    /// What makes its output of the rows of one run.
    fn load(&self) -> Self::Load;
}

/// A selection, or a part of one, that makes something of each row by itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be selected",
    label = "select columns, expressions, models by `User::whole()`, or a tuple of those"
)]
pub trait Item: Clone + Send + 'static {
    /// What it makes of a row.
    type Output: Send + 'static;

    /// Adds its columns.
    fn add_to(&self, columns: &mut Vec<SelectExpr>);

    /// How many columns it has.
    fn width(&self) -> usize {
        1
    }

    /// What it makes of a row whose columns at `at` are its own.
    ///
    /// # Errors
    /// A value that does not fit.
    fn read(&self, record: &Record<'_>, at: usize) -> Result<Self::Output>;
}

impl<I: Item> Selection for I {
    type Output = I::Output;
    type Load = Rows<I>;

    fn by_row(&self) -> bool {
        true
    }

    fn filters(&self) -> bool {
        false
    }

    fn select(&self, statement: &mut SelectStatement) {
        let mut columns = Vec::with_capacity(1);
        self.add_to(&mut columns);
        for column in columns {
            statement.expr(column);
        }
    }

    fn load(&self) -> Rows<I> {
        Rows::new(self.clone())
    }
}

/// The rows of an [`Item`].
pub struct Rows<I: Item> {
    item: I,
    rows: Vec<I::Output>,
}

impl<I: Item> Rows<I> {
    pub(crate) fn new(item: I) -> Rows<I> {
        Rows {
            item,
            rows: Vec::new(),
        }
    }
}

impl<I: Item> Load for Rows<I> {
    type Output = I::Output;

    #[inline]
    fn row(&mut self, record: &Record<'_>) -> Result<()> {
        self.rows.push(self.item.read(record, 0)?);
        Ok(())
    }

    fn take(&mut self) -> Vec<I::Output> {
        std::mem::take(&mut self.rows)
    }
}

/// All columns of a model; a row becomes an instance.
pub struct Whole<M>(PhantomData<fn() -> M>);

impl<M> Whole<M> {
    pub(crate) const fn new() -> Whole<M> {
        Whole(PhantomData)
    }
}

impl<M> Clone for Whole<M> {
    fn clone(&self) -> Self {
        Whole::new()
    }
}

impl<M: Model> Item for Whole<M> {
    type Output = M;

    fn add_to(&self, columns: &mut Vec<SelectExpr>) {
        // One text for all: it was made once.
        let all = M::plans().columns(M::TABLE);
        columns.push(sea_query::Expr::Custom(all.into()).into());
    }

    fn width(&self) -> usize {
        M::TABLE.columns.len()
    }

    #[inline]
    fn read(&self, record: &Record<'_>, at: usize) -> Result<M> {
        M::from_record(record, at)
    }
}

impl<T: SqlType> Item for Expr<T> {
    type Output = T;

    fn add_to(&self, columns: &mut Vec<SelectExpr>) {
        columns.push(self.sea.clone().into());
    }

    fn read(&self, record: &Record<'_>, at: usize) -> Result<T> {
        record.get(at)
    }
}

impl<M: Model, T: SqlType> Item for Column<M, T> {
    type Output = T;

    fn add_to(&self, columns: &mut Vec<SelectExpr>) {
        columns.push(self.into_expr().sea.into());
    }

    fn read(&self, record: &Record<'_>, at: usize) -> Result<T> {
        record.get(at)
    }
}

impl<M: Model, T: SqlType> Item for Property<M, T> {
    type Output = T;

    fn add_to(&self, columns: &mut Vec<SelectExpr>) {
        columns.push(self.into_expr().sea.into());
    }

    fn read(&self, record: &Record<'_>, at: usize) -> Result<T> {
        record.get(at)
    }
}

/// A selection of one column, which can be a value by itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not one column",
    label = "select one column or expression: `User::select(User::ID)`"
)]
pub trait Single: Item<Output = Self::Value> {
    /// Its type.
    type Value: SqlType;
}

impl<T: SqlType> Single for Expr<T> {
    type Value = T;
}

impl<M: Model, T: SqlType> Single for Column<M, T> {
    type Value = T;
}

impl<M: Model, T: SqlType> Single for Property<M, T> {
    type Value = T;
}

impl<T: SqlType> Single for Labeled<T> {
    type Value = T;
}

/// The values of one column, NULL included.
pub(crate) struct ScalarRows<T>(Vec<Option<T>>);

impl<T> ScalarRows<T> {
    pub(crate) fn new() -> ScalarRows<T> {
        ScalarRows(Vec::new())
    }
}

impl<T: SqlType> Load for ScalarRows<T> {
    type Output = Option<T>;

    fn row(&mut self, record: &Record<'_>) -> Result<()> {
        self.0.push(record.get(0)?);
        Ok(())
    }

    fn take(&mut self) -> Vec<Option<T>> {
        std::mem::take(&mut self.0)
    }
}

/// An expression with a name in the result: `func::count().label("friends")`.
#[derive(Debug)]
pub struct Labeled<T> {
    expr: Expr<T>,
    label: &'static str,
}

impl<T> Clone for Labeled<T> {
    fn clone(&self) -> Self {
        Labeled {
            expr: self.expr.clone(),
            label: self.label,
        }
    }
}

/// Names for what is selected.
pub trait Label: Expression {
    /// The same, under `label` in the result and for queries around this one.
    fn label(self, label: &'static str) -> Labeled<Self::Value> {
        Labeled {
            expr: self.into_expr(),
            label,
        }
    }
}

impl<E: Expression> Label for E {}

impl<T: SqlType> Item for Labeled<T> {
    type Output = T;

    fn add_to(&self, columns: &mut Vec<SelectExpr>) {
        columns.push(SelectExpr {
            expr: self.expr.sea.clone(),
            alias: Some(sea_query::IntoIden::into_iden(self.label)),
            window: None,
        });
    }

    fn read(&self, record: &Record<'_>, at: usize) -> Result<T> {
        record.get(at)
    }
}

/// What an outer join may not have found: `None` if all its columns are NULL.
#[derive(Debug, Clone)]
pub struct Maybe<I>(pub(crate) I);

/// An item that an outer join may not have found: `None` then.
pub fn optional<I: Item>(item: I) -> Maybe<I> {
    Maybe(item)
}

impl<I: Item> Item for Maybe<I> {
    type Output = Option<I::Output>;

    fn add_to(&self, columns: &mut Vec<SelectExpr>) {
        self.0.add_to(columns);
    }

    fn width(&self) -> usize {
        self.0.width()
    }

    fn read(&self, record: &Record<'_>, at: usize) -> Result<Self::Output> {
        match record.all_null(at, self.0.width()) {
            true => Ok(None),
            false => self.0.read(record, at).map(Some),
        }
    }
}

macro_rules! tuples {
    ($(($($part:ident),+);)*) => { $(
        impl<$($part: Item),+> Item for ($($part,)+) {
            type Output = ($($part::Output,)+);

            #[allow(non_snake_case)]
            fn add_to(&self, columns: &mut Vec<SelectExpr>) {
                let ($($part,)+) = self;
                $($part.add_to(columns);)+
            }

            #[allow(non_snake_case)]
            fn width(&self) -> usize {
                let ($($part,)+) = self;
                0 $(+ $part.width())+
            }

            #[allow(non_snake_case)]
            fn read(&self, record: &Record<'_>, at: usize) -> Result<Self::Output> {
                let ($($part,)+) = self;
                let mut next = at;
                Ok(($({
                    let place = next;
                    next += $part.width();
                    let _ = next;
                    $part.read(record, place)?
                },)+))
            }
        }
    )* };
}

tuples! {
    (A);
    (A, B);
    (A, B, C);
    (A, B, C, D);
    (A, B, C, D, E);
    (A, B, C, D, E, F);
    (A, B, C, D, E, F, G);
    (A, B, C, D, E, F, G, H);
    (A, B, C, D, E, F, G, H, I);
    (A, B, C, D, E, F, G, H, I, J);
    (A, B, C, D, E, F, G, H, I, J, K);
    (A, B, C, D, E, F, G, H, I, J, K, L);
}
