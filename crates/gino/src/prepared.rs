//! Owns statements that are prepared before they are run. Never keeps one alive at the server by
//! itself: a connection prepares again what its cache has let go.

use std::fmt;
use std::sync::Arc;

use gino_core::engine::within;
use gino_core::error::Result;
use gino_core::row::Column;
use gino_core::session::{Sql, Statement};
use postgres_types::{FromSqlOwned, ToSql};

use crate::connection::Connection;
use crate::context;
use crate::cursor::Cursor;
use crate::query::{Executor, Status};
use crate::row::Row;

impl Connection {
    /// Prepares `sql` on this connection. Every statement is prepared the first time it runs; this
    /// is for knowing its parameters and columns, or a mistake in it, before.
    ///
    /// # Errors
    /// The server's, for a statement that makes no sense.
    ///
    /// # Cancellation
    /// Harmless.
    pub async fn prepare(&self, sql: impl Into<Sql>) -> Result<Prepared> {
        let sql = sql.into();
        let seat = Box::pin(self.seat()).await?;
        let limit = context::command_limit(self.core());
        let statement = within(seat.runtime(), limit, seat.prepared(&sql)).await?;
        Ok(Prepared {
            connection: self.clone(),
            sql,
            statement,
        })
    }
}

/// A prepared statement of a connection. It runs with the words of [`Executor`].
///
/// # Errors
/// Of all methods, and *Cancellation*: as those of [`Executor`].
#[derive(Clone)]
pub struct Prepared {
    connection: Connection,
    sql: Sql,
    statement: Arc<Statement>,
}

impl Prepared {
    /// All rows.
    pub async fn all(&self, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>> {
        self.connection.all(&self.sql, params).await
    }

    /// The first row, if there is any.
    pub async fn first(&self, params: &[&(dyn ToSql + Sync)]) -> Result<Option<Row>> {
        self.connection.first(&self.sql, params).await
    }

    /// The only row; a `RowError` if there is none, or more than one.
    pub async fn one(&self, params: &[&(dyn ToSql + Sync)]) -> Result<Row> {
        self.connection.one(&self.sql, params).await
    }

    /// The only row, if there is any; a `RowError` if there is more than one.
    pub async fn one_or_none(&self, params: &[&(dyn ToSql + Sync)]) -> Result<Option<Row>> {
        self.connection.one_or_none(&self.sql, params).await
    }

    /// The first value of the first row; `None` if there is no row, or the value is NULL.
    pub async fn scalar<T: FromSqlOwned>(
        &self,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<T>> {
        self.connection.scalar(&self.sql, params).await
    }

    /// Runs the statement and gives the server's command tag; rows are not kept.
    pub async fn status(&self, params: &[&(dyn ToSql + Sync)]) -> Result<Status> {
        self.connection.status(&self.sql, params).await
    }

    /// Runs the statement once for each set of parameters: see [`Executor::status_many`].
    pub async fn status_many(&self, sets: &[&[&(dyn ToSql + Sync)]]) -> Result<Status> {
        self.connection.status_many(&self.sql, sets).await
    }

    /// A server-side cursor: see [`Executor::iterate`].
    pub async fn iterate<'p>(&self, params: &'p [&'p (dyn ToSql + Sync)]) -> Result<Cursor<'p>> {
        self.connection.iterate(&self.sql, params).await
    }

    /// How many parameters it has.
    pub fn parameters(&self) -> usize {
        self.statement.params.len()
    }

    /// The columns of its rows; none if it gives no rows.
    pub fn columns(&self) -> &[Column] {
        &self.statement.columns
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("sql", &self.sql.as_str())
            .finish_non_exhaustive()
    }
}
