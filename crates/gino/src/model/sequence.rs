//! Owns sequences as descriptions and as expressions. Never touches a database: the schema creates
//! them, statements ask them.

use sea_query::{Expr as SeaExpr, Func};

use crate::expr::Expr;
use crate::sql_type::quoted;

/// A sequence of the database, for columns to share or to be asked by itself.
///
/// ```
/// use gino::model::Sequence;
/// use gino::prelude::*;
/// # static DB: Gino = Gino::new();
///
/// const NUMBERS: Sequence = Sequence::new("order_numbers").start(1000).increment(10);
///
/// #[derive(Model, Debug)]
/// #[gino(db = DB, table = "orders")]
/// struct Order {
///     #[gino(primary_key, sequence = NUMBERS)]
///     number: i64,
/// }
///
/// assert!(Order::TABLE.columns[0].sequence.is_some());
/// assert_eq!(gino::to_sql(NUMBERS.next()), r#"nextval('"order_numbers"')"#);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequence {
    /// Its name.
    pub name: &'static str,
    /// Its schema; `None` is the search path's.
    pub schema: Option<&'static str>,
    /// Its first number.
    pub start: Option<i64>,
    /// The step from one number to the next.
    pub increment: Option<i64>,
    /// Its smallest number.
    pub min: Option<i64>,
    /// Its largest number.
    pub max: Option<i64>,
    /// How many numbers a session takes at once.
    pub cache: Option<i64>,
    /// Whether it begins again after its last number.
    pub cycle: bool,
}

impl Sequence {
    /// The sequence `name`: 1, 2, 3, ….
    pub const fn new(name: &'static str) -> Sequence {
        Sequence {
            name,
            schema: None,
            start: None,
            increment: None,
            min: None,
            max: None,
            cache: None,
            cycle: false,
        }
    }

    /// In a schema.
    pub const fn schema(mut self, schema: &'static str) -> Sequence {
        self.schema = Some(schema);
        self
    }

    /// With another first number.
    pub const fn start(mut self, start: i64) -> Sequence {
        self.start = Some(start);
        self
    }

    /// With another step.
    pub const fn increment(mut self, increment: i64) -> Sequence {
        self.increment = Some(increment);
        self
    }

    /// With a smallest number.
    pub const fn min(mut self, min: i64) -> Sequence {
        self.min = Some(min);
        self
    }

    /// With a largest number.
    pub const fn max(mut self, max: i64) -> Sequence {
        self.max = Some(max);
        self
    }

    /// Numbers that a session takes at once.
    pub const fn cache(mut self, cache: i64) -> Sequence {
        self.cache = Some(cache);
        self
    }

    /// Beginning again after the last number.
    pub const fn cycle(mut self) -> Sequence {
        self.cycle = true;
        self
    }

    /// Its next number, as an expression: each time it is evaluated it is another one.
    pub fn next(&self) -> Expr<i64> {
        let name = SeaExpr::Constant(sea_query::Value::String(Some(self.sql())));
        Expr::from_sea(Func::cust("nextval").arg(name))
    }

    /// The name in quotes, with its schema.
    pub fn sql(&self) -> String {
        match self.schema {
            Some(schema) => format!("{}.{}", quoted(schema), quoted(self.name)),
            None => quoted(self.name),
        }
    }
}
