//! Owns models that plain SQL finds: its columns are put into the model's order by the server. Never
//! reads the SQL it is given.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use gino_core::error::{Result, RowError};
use gino_core::session::Sql;
use postgres_types::ToSql;

use crate::cursor::Cursor;
use crate::model::Model;
use crate::place::{On, words};
use crate::query::at_most_one;
use crate::sql_type::quoted;
use crate::value::Values;

use super::{Rows, Whole, iterate};

/// Instances of `M` that plain SQL finds: `User::by_sql(…)`.
///
/// # Errors
/// Of what runs it: the server's error, also if the SQL gives no column of the name of one of the
/// model's; a value that does not fit; a time-out, `Closed`, and `Uninitialized` if the model's
/// database has no engine.
///
/// # Cancellation
/// A future that is dropped has the statement cancelled on the server.
#[must_use = "a query does nothing before it is run"]
pub struct BySql<'p, M> {
    sql: Sql,
    params: &'p [&'p (dyn ToSql + Sync)],
    on: On,
    of: PhantomData<fn() -> M>,
}

impl<'p, M: Model> BySql<'p, M> {
    #[track_caller]
    pub(crate) fn new(sql: &str, params: &'p [&'p (dyn ToSql + Sync)]) -> BySql<'p, M> {
        // The table's name for what is given: inside of it that is still the table.
        let (given, columns) = (quoted(M::TABLE.name), M::plans().columns(M::TABLE));
        let sql = sql.trim_end().trim_end_matches(';');
        BySql {
            // A comment at its end stays one.
            sql: Sql::from(format!(
                "WITH {given} AS ({sql}\n) SELECT {columns} FROM {given}"
            )),
            params,
            on: On::new(M::db),
            of: PhantomData,
        }
    }

    /// All of them.
    pub async fn all(self) -> Result<Vec<M>> {
        self.run(0).await
    }

    /// The first, if there is any.
    pub async fn first(self) -> Result<Option<M>> {
        Ok(self.run(1).await?.into_iter().next())
    }

    /// The only one.
    ///
    /// # Errors
    /// Also a `RowError` if there is none, or more than one.
    pub async fn one(self) -> Result<M> {
        let only = self.one_or_none().await?;
        only.ok_or_else(|| RowError::NoneFound.into())
    }

    /// The only one, if there is any.
    ///
    /// # Errors
    /// Also a `RowError` if there is more than one.
    pub async fn one_or_none(self) -> Result<Option<M>> {
        at_most_one(self.run(2).await?)
    }

    /// A server-side cursor over them: see [`Query::iterate`](crate::Query::iterate).
    ///
    /// # Errors
    /// Also `CursorOutsideTransaction`.
    pub async fn iterate(self) -> Result<Cursor<'p, M>> {
        let rows = Rows::new(Whole::<M>::new());
        iterate::cursor(self.on, self.sql, Arc::new(Values(self.params)), rows).await
    }

    async fn run(self, max_rows: u32) -> Result<Vec<M>> {
        let rows = Rows::new(Whole::<M>::new());
        self.on
            .load(&self.sql, &Values(self.params), max_rows, rows)
            .await
    }
}

words!(BySql<'p, M: Model>);

impl<M> fmt::Debug for BySql<'_, M> {
    /// Without values: those may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BySql")
            .field("sql", &self.sql.as_str())
            .field("on", &self.on)
            .finish_non_exhaustive()
    }
}
