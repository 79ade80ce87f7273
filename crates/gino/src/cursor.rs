//! Owns the reading of a server-side cursor, row by row or as a stream: portions are fetched ahead.
//! Never outlives its transaction: `gino_core::engine::Cursor` sees to that.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use gino_core::engine::within;
use gino_core::error::{Closed, Result};
use gino_core::session::{Completion, Params, Sql};
use postgres_types::ToSql;

use crate::context;
use crate::driver::{Seat, TokioRuntime};
use crate::row::{Row, RowSink};
use crate::value::Values;

type CoreCursor = gino_core::engine::Cursor<TokioRuntime>;

/// A server-side cursor. It ends with its transaction, or when there are no more rows.
///
/// It is a stream of rows too, for all that works on streams.
///
/// ```no_run
/// use futures_util::TryStreamExt;
/// use gino::prelude::*;
///
/// # static DB: Gino = Gino::new();
/// # async fn run() -> gino::Result<()> {
/// DB.transaction(async |tx| {
///     let cursor = tx.iterate("SELECT name FROM users", &[]).await?.prefetch(500);
///     let long = cursor.try_filter(|row| std::future::ready(row.get::<&str>(0).len() > 20));
///     let long: Vec<Row> = long.try_collect().await?;
///     Ok::<_, gino::Error>(long)
/// })
/// .await?;
/// # Ok(())
/// # }
/// ```
///
/// # Cancellation
/// Dropping [`Cursor::next`] loses nothing, so it may stand in a `select!`. A cursor that is dropped
/// while it fetches has the fetch cancelled on the server, which fails the transaction.
pub struct Cursor<'p> {
    state: State<'p>,
    params: Arc<dyn Params + Send + Sync + 'p>,
    timeout: Option<Duration>,
    prefetch: u32,
    ahead: VecDeque<Row>,
}

enum State<'p> {
    Resting(CoreCursor),
    Fetching(Fetch<'p>),
    /// For the moment between the others.
    Changing,
}

type Fetch<'p> = Pin<Box<dyn Future<Output = (CoreCursor, Result<Vec<Row>>)> + Send + 'p>>;

impl<'p> Cursor<'p> {
    pub(crate) fn new(
        seat: Arc<Seat>,
        sql: Sql,
        params: &'p [&'p (dyn ToSql + Sync)],
        timeout: Option<Duration>,
    ) -> Cursor<'p> {
        Cursor {
            state: State::Resting(CoreCursor::new(seat, sql)),
            params: Arc::new(Values(params)),
            timeout,
            prefetch: AHEAD,
            ahead: VecDeque::new(),
        }
    }

    /// How many rows [`Cursor::next`] and the stream fetch at once, at least one. Default: 50.
    #[must_use]
    pub fn prefetch(mut self, rows: u32) -> Cursor<'p> {
        self.prefetch = rows.max(1);
        self
    }

    /// The next row; `None` after the last.
    ///
    /// # Errors
    /// A `UsageError` outside a transaction; the server's error; a time-out.
    ///
    /// # Cancellation
    /// Nothing is lost.
    pub async fn next(&mut self) -> Result<Option<Row>> {
        poll_fn(|cx| self.poll_row(cx)).await
    }

    /// Up to `count` rows; fewer, or none, at the end.
    ///
    /// # Errors
    /// As [`Cursor::next`].
    ///
    /// # Cancellation
    /// Nothing is lost.
    pub async fn many(&mut self, count: u32) -> Result<Vec<Row>> {
        let wanted = usize::try_from(count).unwrap_or(usize::MAX);
        loop {
            let missing = u32::try_from(wanted.saturating_sub(self.ahead.len())).unwrap_or(0);
            // What was begun before may bring all that is missing, some of it, or nothing.
            let under_way = matches!(self.state, State::Fetching(_));
            if !under_way && (missing == 0 || self.is_exhausted()) {
                break;
            }
            poll_fn(|cx| self.poll_fetch(cx, missing)).await?;
        }
        Ok(self.ahead.drain(..wanted.min(self.ahead.len())).collect())
    }

    /// Skips up to `count` rows and gives how many there were.
    ///
    /// # Errors
    /// As [`Cursor::next`].
    ///
    /// # Cancellation
    /// The skipping is cancelled on the server, which fails the transaction.
    pub async fn forward(&mut self, count: u32) -> Result<u64> {
        self.settle().await?;
        let wanted = usize::try_from(count).unwrap_or(usize::MAX);
        let skipped = self.ahead.drain(..wanted.min(self.ahead.len())).count();
        let missing = u32::try_from(wanted - skipped).unwrap_or(0);
        let skipped = u64::try_from(skipped).unwrap_or(u64::MAX);
        let State::Resting(cursor) = &mut self.state else {
            return Ok(skipped);
        };
        if missing == 0 {
            return Ok(skipped);
        }
        let runtime = cursor.seat().runtime().clone();
        let limit = context::limit(&runtime, self.timeout);
        let forward = cursor.forward(&*self.params, missing);
        Ok(skipped + within(&runtime, limit, forward).await?)
    }

    /// Gives up what is left, here and at the server: nobody can alter a table that an open cursor
    /// reads. The end of the transaction does the same for all its cursors.
    ///
    /// # Errors
    /// As [`Cursor::next`].
    ///
    /// # Cancellation
    /// The cursor has ended; what it holds at the server may stay until the transaction ends.
    pub async fn close(mut self) -> Result<()> {
        self.settle().await?;
        match &mut self.state {
            State::Resting(cursor) => cursor.close().await,
            _ => Ok(()),
        }
    }

    fn is_exhausted(&self) -> bool {
        matches!(&self.state, State::Resting(cursor) if cursor.is_exhausted())
    }

    /// Until nothing is under way.
    async fn settle(&mut self) -> Result<()> {
        match self.state {
            State::Fetching(_) => poll_fn(|cx| self.poll_fetch(cx, 0)).await,
            _ => Ok(()),
        }
    }

    fn poll_row(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Row>>> {
        loop {
            if let Some(row) = self.ahead.pop_front() {
                return Poll::Ready(Ok(Some(row)));
            }
            if self.is_exhausted() {
                return Poll::Ready(Ok(None));
            }
            ready!(self.poll_fetch(cx, self.prefetch))?;
        }
    }

    /// Fetches `count` rows, or waits for what was begun before.
    fn poll_fetch(&mut self, cx: &mut Context<'_>, count: u32) -> Poll<Result<()>> {
        loop {
            match std::mem::replace(&mut self.state, State::Changing) {
                State::Resting(cursor) => self.state = State::Fetching(self.fetch(cursor, count)),
                State::Fetching(mut fetch) => {
                    let Poll::Ready((cursor, fetched)) = fetch.as_mut().poll(cx) else {
                        self.state = State::Fetching(fetch);
                        return Poll::Pending;
                    };
                    self.state = State::Resting(cursor);
                    self.ahead.extend(fetched?);
                    return Poll::Ready(Ok(()));
                }
                // A poll that panicked.
                State::Changing => return Poll::Ready(Err(Closed::Connection.into())),
            }
        }
    }

    fn fetch(&self, mut cursor: CoreCursor, count: u32) -> Fetch<'p> {
        let (params, timeout) = (Arc::clone(&self.params), self.timeout);
        Box::pin(async move {
            let runtime = cursor.seat().runtime().clone();
            let limit = context::limit(&runtime, timeout);
            let fetch = cursor.fetch(&*params, count, RowSink::boxed());
            let fetched = within(&runtime, limit, fetch).await;
            let rows = |done: Option<Completion>| {
                done.map_or_else(Vec::new, |done| RowSink::rows_of(done.sink))
            };
            (cursor, fetched.map(rows))
        })
    }
}

impl Stream for Cursor<'_> {
    type Item = Result<Row>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Row>>> {
        self.poll_row(cx).map(Result::transpose)
    }
}

impl fmt::Debug for Cursor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor")
            .field("ahead", &self.ahead.len())
            .finish_non_exhaustive()
    }
}

/// A round trip is spread over that many rows, and they take little memory.
const AHEAD: u32 = 50;
