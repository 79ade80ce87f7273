//! Owns the words that run a query, and what is asked of one without its rows.

use std::sync::Arc;

use gino_core::error::{Result, RowError, UsageError};
use sea_query::SelectStatement;

use crate::cursor::Cursor;
use crate::expr::{self, func};
use crate::model::Model;
use crate::param::{Built, POSTGRES};
use crate::place::On;
use crate::query::{Status, at_most_one};
use crate::sql_type::SqlType;

use super::selection::ScalarRows;
use super::{Query, Selection, Single, iterate};

impl<M: Model, S: Selection> Query<M, S> {
    /// All that the rows come to.
    pub fn all(self) -> impl Future<Output = Result<Vec<S::Output>>> + Send {
        self.run(0)
    }

    /// The first, if there is any.
    pub async fn first(self) -> Result<Option<S::Output>> {
        Ok(self.run(1).await?.into_iter().next())
    }

    /// The only one.
    ///
    /// # Errors
    /// Also a `RowError` if there is none, or more than one.
    pub async fn one(self) -> Result<S::Output> {
        let only = self.one_or_none().await?;
        only.ok_or_else(|| RowError::NoneFound.into())
    }

    /// The only one, if there is any.
    ///
    /// # Errors
    /// Also a `RowError` if there is more than one.
    pub async fn one_or_none(self) -> Result<Option<S::Output>> {
        at_most_one(self.run(2).await?)
    }

    /// Runs it for the server's command tag; rows are not kept.
    pub async fn status(self) -> Result<Status> {
        let built = self.parts.build(&self.selection)?;
        self.on.status(&built.sql, &built).await
    }

    /// A server-side cursor, which is a stream too: rows come as they are asked for. It needs a
    /// transaction: the current one, or that of [`Query::on`].
    ///
    /// ```no_run
    /// use futures_util::TryStreamExt;
    /// # use gino::prelude::*;
    /// # static DB: Gino = Gino::new();
    /// # #[derive(Model)] #[gino(db = DB)] struct User { #[gino(primary_key)] id: i32, name: String }
    /// # async fn run() -> gino::Result<()> {
    /// DB.transaction(async |_| {
    ///     let mut users = User::query().order_by(User::ID).iterate().await?;
    ///     while let Some(user) = users.try_next().await? {
    ///         let name: String = user.name;
    ///     }
    ///     Ok(())
    /// })
    /// .await
    /// # }
    /// ```
    ///
    /// # Errors
    /// `CursorOutsideTransaction`, here or with the first row; a `UsageError` for a loader that puts
    /// several rows together, which may not be in one portion.
    pub async fn iterate(self) -> Result<Cursor<'static, S::Output>> {
        if !self.selection.by_row() {
            return Err(UsageError::Statement(APART).into());
        }
        let built = self.parts.build(&self.selection)?;
        let (sql, load) = (built.sql.clone(), self.selection.load());
        iterate::cursor(self.on, sql, Arc::new(built), load).await
    }

    /// How many rows it has.
    pub async fn count(self) -> Result<u64> {
        let on = self.on.clone();
        let mut counted = self.into_statement();
        counted.clear_order_by();
        let mut statement = SelectStatement::new();
        statement.expr(func::count().into_sea());
        statement.from_subquery(counted, "counted");
        let count: Option<i64> = scalar(&on, &statement).await?;
        Ok(u64::try_from(count.unwrap_or_default()).unwrap_or_default())
    }

    /// Whether it has a row.
    pub async fn exists(self) -> Result<bool> {
        let on = self.on.clone();
        let mut statement = SelectStatement::new();
        statement.expr(expr::exists(self.into_statement()).into_sea());
        let exists: Option<bool> = scalar(&on, &statement).await?;
        Ok(exists.unwrap_or_default())
    }

    /// At most as many rows as are asked for, if they can be told apart from the rest.
    #[expect(
        clippy::manual_async_fn,
        reason = "an async function has room for its arguments twice"
    )]
    fn run(self, max_rows: u32) -> impl Future<Output = Result<Vec<S::Output>>> + Send {
        async move {
            let built = self.parts.build(&self.selection)?;
            let max_rows = if self.selection.by_row() { max_rows } else { 0 };
            let load = self.selection.load();
            self.on.load(&built.sql, &built, max_rows, load).await
        }
    }
}

impl<M: Model, I: Single> Query<M, I> {
    /// The value of the first row; `None` if there is no row, or the value is NULL.
    pub async fn scalar(self) -> Result<Option<<I::Value as SqlType>::Plain>> {
        let built = self.parts.build(&self.selection)?;
        let load = ScalarRows::<<I::Value as SqlType>::Plain>::new();
        let found = self.on.load(&built.sql, &built, 1, load).await?;
        Ok(found.into_iter().next().flatten())
    }
}

const APART: &str = "this loader puts several rows together, and a cursor may have them in several \
                     portions: use `all`";

/// The one value of a statement.
async fn scalar<T: SqlType<Plain = T>>(on: &On, statement: &SelectStatement) -> Result<Option<T>> {
    let built = Built::new(|writer| statement.build_collect_into(POSTGRES, writer))?;
    let load = ScalarRows::new();
    Ok(on
        .load(&built.sql, &built, 1, load)
        .await?
        .into_iter()
        .next()
        .flatten())
}
