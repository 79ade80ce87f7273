//! Owns queries: what is selected from where, in which order, and the words that run it. Never
//! renders SQL, sea-query does. `crud` begins them; loaders are selections of theirs.

mod selection;
mod source;
mod parts;
mod compose;
mod run;
mod page;
mod iterate;
mod by_sql;
mod statement;

use std::marker::PhantomData;

use sea_query::SelectStatement;

use crate::model::{Model, table_name};
use crate::place::{On, placed};

pub use by_sql::BySql;
pub use page::{Page, PageKey};
use parts::Parts;
pub use selection::{Item, Label, Labeled, Maybe, Rows, Selection, Single, Whole, optional};
pub use source::{Alias, Derived, Member, Source, WholeAlias};
pub use statement::{IntoStatement, Statement, sea};

/// A query on the table of the model `M`: `User::query()`, `User::select(…)`.
///
/// Every method adds to it; `all`, `first`, `one`, `one_or_none` and `scalar` run it. What sea-query
/// knows and this does not is at hand with [`Query::sea`].
///
/// # Errors
/// Of what runs it: the server's error, a value that does not fit, a time-out, `Closed`, and
/// `Uninitialized` if the model's database has no engine.
///
/// # Cancellation
/// A future that is dropped has the statement cancelled on the server.
#[must_use = "a query does nothing before it is run"]
pub struct Query<M, S = Whole<M>> {
    parts: Box<Parts>,
    selection: S,
    on: On,
    of: PhantomData<fn() -> M>,
}

impl<M: Model, S: Selection> Query<M, S> {
    #[track_caller]
    pub(crate) fn new(selection: S) -> Query<M, S> {
        Query {
            parts: Parts::new(table_name(M::TABLE)),
            selection,
            on: On::new(M::db),
            of: PhantomData,
        }
    }

    /// Loads `selection` instead: a loader, columns, a tuple.
    pub fn load<L: Selection>(self, selection: L) -> Query<M, L> {
        Query {
            parts: self.parts,
            selection,
            on: self.on,
            of: PhantomData,
        }
    }

    /// The whole as a sea-query statement.
    pub fn into_statement(self) -> SelectStatement {
        self.parts.into_statement(&self.selection)
    }

    /// The SQL text, for logs and tests; values are `$1`, `$2`, ….
    pub fn to_sql(&self) -> String {
        let built = self.parts.clone().build(&self.selection);
        built.map_or_else(
            |error| error.to_string(),
            |built| built.sql.as_str().to_owned(),
        )
    }
}

impl<M, S: Clone> Clone for Query<M, S> {
    fn clone(&self) -> Self {
        Query {
            parts: self.parts.clone(),
            selection: self.selection.clone(),
            on: self.on.clone(),
            of: PhantomData,
        }
    }
}

placed!(Query<M: Model, S: Selection>, []);
