//! Owns what a handler answers when something is missing or fails: which status, and no more words
//! than a stranger may read. Never logs. The frameworks' modules make responses of it.

use std::borrow::Cow;
use std::fmt;

use gino_core::error::{Deadline, Error, ErrorKind, Result};
use gino_core::session::Sql;
use postgres_types::ToSql;

use crate::crud::Crud;
use crate::model::Key;
use crate::query::Executor;
use crate::row::Row;

/// Why a handler has no answer. It is a response in axum and an error in actix-web, and takes
/// everything of gino by `?`.
///
/// A 404 has its text as body. Errors of the database become 503 if another try may work soon (no
/// connection, a conflict with another transaction), else 500; their text stays inside: as the
/// response's extension `Arc<gino::Error>` in axum, as the response's error in actix-web.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// There is no such thing: 404, with this text.
    NotFound(Cow<'static, str>),
    /// The database had no answer.
    Gino(Error),
    /// An extractor found nothing to extract: the route lacks the layer.
    NoLayer(&'static str),
}

impl Failure {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Failure::NotFound(_) => 404,
            Failure::NoLayer(_) => 500,
            Failure::Gino(error) => match error.kind() {
                ErrorKind::Connect | ErrorKind::Closed => 503,
                _ if error.is_conflict() => 503,
                _ if error.deadline() == Some(Deadline::Acquire) => 503,
                _ => 500,
            },
        }
    }

    /// What a stranger may read.
    pub(super) fn body(&self) -> Cow<'static, str> {
        match (self, self.status()) {
            (Failure::NotFound(text), _) => text.clone(),
            (_, 503) => "the database is not available".into(),
            _ => "internal server error".into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::NotFound(text) => f.write_str(text),
            Failure::Gino(error) => error.fmt(f),
            Failure::NoLayer(what) => write!(
                f,
                "the request has no {what}: put gino::ext::PerRequest around the route"
            ),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Failure::Gino(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Gino(error)
    }
}

/// Answers 404 where there may be nothing: `DB.first(sql, params).or_404().await?`.
pub trait Or404<T>: IntoFuture<Output = Result<Option<T>>> + Sized {
    /// What is found.
    ///
    /// # Errors
    /// [`Failure::NotFound`] if it is `None`.
    ///
    /// # Cancellation
    /// As of what is awaited.
    fn or_404(self) -> impl Future<Output = Result<T, Failure>> {
        async { self.await?.ok_or(Failure::NotFound("no such data".into())) }
    }
}

impl<T, F: IntoFuture<Output = Result<Option<T>>>> Or404<T> for F {}

/// GINO's word for it, on whatever runs statements.
pub trait FirstOr404: Executor {
    /// The first row.
    ///
    /// # Errors
    /// [`Failure::NotFound`] if there is none.
    ///
    /// # Cancellation
    /// As [`Executor::first`].
    fn first_or_404(
        &self,
        sql: impl Into<Sql>,
        params: &[&(dyn ToSql + Sync)],
    ) -> impl Future<Output = Result<Row, Failure>> + Send {
        let first = self.first(sql, params);
        async { first.await?.ok_or(Failure::NotFound("no such data".into())) }
    }
}

impl<T: Executor> FirstOr404 for T {}

/// GINO's word for it, on models: `User::get_or_404(id).await?`.
pub trait GetOr404: Crud {
    /// The row with the primary key `key`.
    ///
    /// # Errors
    /// [`Failure::NotFound`] if there is none.
    ///
    /// # Cancellation
    /// As [`Crud::get`].
    fn get_or_404(key: impl Into<Self::Key>) -> impl Future<Output = Result<Self, Failure>> + Send
    where
        Self::Key: Key + Send,
    {
        let get = Self::get(key).into_future();
        async { get.await?.ok_or(Failure::NotFound("no such data".into())) }
    }
}

impl<M: Crud> GetOr404 for M {}
