//! Owns sea-query statements that no model began: they run with the same words as everything else.

use std::sync::Arc;

use gino_core::error::{Result, RowError};
use postgres_types::FromSqlOwned;
use sea_query::{DeleteStatement, InsertStatement, SelectStatement, UpdateStatement, WithQuery};

use crate::cursor::Cursor;
use crate::gino::Gino;
use crate::param::{Built, POSTGRES};
use crate::place::{On, placed};
use crate::query::{Status, at_most_one, cursor_seat};
use crate::row::{Row, RowSink};

use super::Selection;

/// A sea-query statement with a place to run: `gino::sea(statement).on(&DB).all().await?`.
///
/// ```no_run
/// # use gino::prelude::*;
/// # static DB: Gino = Gino::new();
/// # async fn run() -> gino::Result<()> {
/// use gino::sea_query::{ExprTrait, Func, Query};
///
/// let statement = Query::select().column("name").from("users").limit(3).to_owned();
/// for row in gino::sea(statement).on(&DB).all().await? {
///     let name: &str = row.try_get("name")?;
/// }
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn sea(statement: impl IntoStatement) -> Statement {
    Statement {
        built: statement.built(),
        on: On::new(|| &NOWHERE),
    }
}

/// Nothing is ever bound to it.
static NOWHERE: Gino = Gino::new();

/// What [`sea`] takes: sea-query's statements.
pub trait IntoStatement: sealed::Build {}

impl<T: sealed::Build> IntoStatement for T {}

mod sealed {
    use super::{Built, Result};

    pub trait Build {
        #[expect(private_interfaces, reason = "implemented here only")]
        fn built(self) -> Result<Built>;
    }
}

macro_rules! statements {
    ($($statement:ty),*) => { $(
        impl sealed::Build for $statement {
            #[expect(private_interfaces, reason = "implemented here only")]
            fn built(self) -> Result<Built> {
                Built::new(|writer| self.build_collect_into(POSTGRES, writer))
            }
        }
    )* };
}

statements!(
    SelectStatement,
    InsertStatement,
    UpdateStatement,
    DeleteStatement,
    WithQuery
);

/// See [`sea`].
///
/// # Errors
/// Of what runs it: `Uninitialized` without [`Statement::on`]; the server's error; a value that does
/// not fit.
///
/// # Cancellation
/// A future that is dropped has the statement cancelled on the server.
#[must_use = "a statement does nothing before it is run"]
pub struct Statement {
    built: Result<Built>,
    on: On,
}

impl Statement {
    /// All rows.
    pub async fn all(self) -> Result<Vec<Row>> {
        self.rows(0).await
    }

    /// The first row, if there is any.
    pub async fn first(self) -> Result<Option<Row>> {
        Ok(self.rows(1).await?.into_iter().next())
    }

    /// The only row; a `RowError` if there is none, or more than one.
    pub async fn one(self) -> Result<Row> {
        self.one_or_none()
            .await?
            .ok_or_else(|| RowError::NoneFound.into())
    }

    /// The only row, if there is any; a `RowError` if there is more than one.
    pub async fn one_or_none(self) -> Result<Option<Row>> {
        at_most_one(self.rows(2).await?)
    }

    /// The first value of the first row; `None` if there is no row, or the value is NULL.
    pub async fn scalar<T: FromSqlOwned>(self) -> Result<Option<T>> {
        match self.first().await? {
            Some(row) => row.try_get(0),
            None => Ok(None),
        }
    }

    /// A server-side cursor over its rows, which is a stream too. It needs a transaction, that of
    /// [`Statement::on`].
    ///
    /// # Errors
    /// Also `CursorOutsideTransaction`.
    pub async fn iterate(self) -> Result<Cursor<'static>> {
        let built = self.built?;
        let target = self.on.target()?;
        let timeout = target.timeout.or(target.core.config().command_timeout);
        let seat = cursor_seat(&target).await?;
        let sql = built.sql.clone();
        Ok(Cursor::rows_of(seat, sql, Arc::new(built), timeout))
    }

    /// Runs it for the server's command tag.
    pub async fn status(self) -> Result<Status> {
        let built = self.built?;
        self.on.status(&built.sql, &built).await
    }

    /// What `selection` makes of its rows, whose columns are those that the selection reads:
    /// `.load(User::whole())`.
    pub async fn load<S: Selection>(self, selection: S) -> Result<Vec<S::Output>> {
        let built = self.built?;
        self.on.load(&built.sql, &built, 0, selection.load()).await
    }

    async fn rows(self, max_rows: u32) -> Result<Vec<Row>> {
        let built = self.built?;
        let done = self
            .on
            .run(&built.sql, &built, max_rows, RowSink::boxed())
            .await?;
        Ok(RowSink::rows_of(done.sink))
    }
}

placed!(Statement, []);
