//! Owns loaders of values: a literal, and what a closure makes of others. Columns, expressions and
//! tuples are [`Item`]s by themselves.

use gino_core::error::Result;
use sea_query::SelectExpr;

use crate::record::Record;
use crate::select::Item;

/// The same value for each row.
#[derive(Debug, Clone, Copy)]
pub struct Literal<T>(T);

/// Loads `value` for each row, without asking for a column.
///
/// ```
/// # use gino::prelude::*;
/// # static DB: Gino = Gino::new();
/// # #[derive(Model)] #[gino(db = DB)] struct User { #[gino(primary_key)] id: i32 }
/// let query = User::select((User::ID, gino::loader::literal("user")));
/// assert_eq!(query.to_sql(), r#"SELECT "user"."id" FROM "user""#);
/// ```
pub const fn literal<T: Clone + Send + 'static>(value: T) -> Literal<T> {
    Literal(value)
}

impl<T: Clone + Send + 'static> Item for Literal<T> {
    type Output = T;

    fn add_to(&self, _: &mut Vec<SelectExpr>) {}

    fn width(&self) -> usize {
        0
    }

    fn read(&self, _: &Record<'_>, _: usize) -> Result<T> {
        Ok(self.0.clone())
    }
}

/// What a closure makes of other values.
#[derive(Debug, Clone, Copy)]
pub struct Map<I, F> {
    item: I,
    make: F,
}

/// Loads what `make` makes of the values of `item`: a column, an expression, a model, a tuple.
///
/// ```
/// # use gino::prelude::*;
/// # static DB: Gino = Gino::new();
/// # #[derive(Model)] #[gino(db = DB)] struct User { #[gino(primary_key)] id: i32, name: String }
/// use gino::loader;
///
/// # async fn run() -> gino::Result<()> {
/// let labels = loader::map((User::ID, User::NAME), |(id, name)| format!("{id}: {name}"));
/// let labels: Vec<String> = User::query().load(labels).all().await?;
/// # Ok(())
/// # }
/// ```
pub const fn map<I, F, T>(item: I, make: F) -> Map<I, F>
where
    I: Item,
    F: Fn(I::Output) -> T + Clone + Send + 'static,
    T: Send + 'static,
{
    Map { item, make }
}

impl<I, F, T> Item for Map<I, F>
where
    I: Item,
    F: Fn(I::Output) -> T + Clone + Send + 'static,
    T: Send + 'static,
{
    type Output = T;

    fn add_to(&self, columns: &mut Vec<SelectExpr>) {
        self.item.add_to(columns);
    }

    fn width(&self) -> usize {
        self.item.width()
    }

    fn read(&self, record: &Record<'_>, at: usize) -> Result<T> {
        self.item.read(record, at).map(&self.make)
    }
}
