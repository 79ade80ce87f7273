//! Owns queries: what is selected from where, in which order, and the words that run it. Never
//! renders SQL, sea-query does. `crud` begins them; loaders are selections of theirs.

mod selection;
mod source;
mod compose;
mod run;
mod page;
mod iterate;
mod by_sql;
mod statement;

use std::marker::PhantomData;

use sea_query::{CommonTableExpression, LockType, SelectStatement};

use crate::model::{Model, table_name};
use crate::place::{On, placed};

pub use by_sql::BySql;
pub use page::{Page, PageKey};
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
    pub(crate) statement: SelectStatement,
    pub(crate) selection: S,
    pub(crate) on: On,
    pub(crate) lock: Option<LockType>,
    pub(crate) ctes: Vec<CommonTableExpression>,
    pub(crate) recursive: bool,
    of: PhantomData<fn() -> M>,
}

impl<M: Model, S: Selection> Query<M, S> {
    #[track_caller]
    pub(crate) fn new(selection: S) -> Query<M, S> {
        let mut statement = SelectStatement::new();
        statement.from(sea_query::TableRef::Table(table_name(M::TABLE), None));
        Query {
            statement,
            selection,
            on: On::new(M::db),
            lock: None,
            ctes: Vec::new(),
            recursive: false,
            of: PhantomData,
        }
    }

    /// Loads `selection` instead: a loader, columns, a tuple.
    pub fn load<L: Selection>(self, selection: L) -> Query<M, L> {
        Query {
            statement: self.statement,
            selection,
            on: self.on,
            lock: self.lock,
            ctes: self.ctes.clone(),
            recursive: self.recursive,
            of: PhantomData,
        }
    }

    /// The whole as a sea-query statement.
    pub fn into_statement(mut self) -> SelectStatement {
        let mut statement = std::mem::take(&mut self.statement);
        self.complete(&mut statement);
        statement
    }

    /// Adds to `statement` what is kept beside it.
    fn complete(&self, statement: &mut SelectStatement) {
        self.selection.select(statement);
        if !self.ctes.is_empty() {
            let mut clause = sea_query::WithClause::new();
            clause.recursive(self.recursive);
            for common in &self.ctes {
                clause.cte(common.clone());
            }
            statement.with_cte(clause);
        }
    }

    /// The SQL text, for logs and tests; values are `$1`, `$2`, ….
    pub fn to_sql(&self) -> String {
        let built = self.build(self.statement.clone());
        built.map_or_else(
            |error| error.to_string(),
            |built| built.sql.as_str().to_owned(),
        )
    }
}

impl<M, S: Clone> Clone for Query<M, S> {
    fn clone(&self) -> Self {
        Query {
            statement: self.statement.clone(),
            selection: self.selection.clone(),
            on: self.on.clone(),
            lock: self.lock,
            ctes: self.ctes.clone(),
            recursive: self.recursive,
            of: PhantomData,
        }
    }
}

placed!(Query<M: Model, S: Selection>, []);
