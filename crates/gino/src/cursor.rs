//! Owns the reading of a server-side cursor, one by one or as a stream: portions are fetched ahead.
//! Never knows what rows become, `Collect` does; never outlives its transaction:
//! `gino_core::engine::Cursor` sees to that.

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
use gino_core::session::{Params, Sink, Sql};
use postgres_types::ToSql;

use crate::context;
use crate::driver::{Seat, TokioRuntime};
use crate::row::{Row, RowSink};
use crate::value::Values;

type CoreCursor = gino_core::engine::Cursor<TokioRuntime>;

/// A server-side cursor, over rows or over what a query makes of them. It ends with its transaction,
/// when there is no more, or with an error.
///
/// It is a stream too, for all that works on streams.
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
pub struct Cursor<'p, T = Row> {
    state: State<'p, T>,
    params: Arc<dyn Params + Send + Sync + 'p>,
    timeout: Option<Duration>,
    prefetch: u32,
    ahead: VecDeque<T>,
}

enum State<'p, T> {
    Resting(CoreCursor, Box<dyn Collect<T>>),
    Fetching(Fetch<'p, T>),
    /// For the moment between the others.
    Changing,
}

type Fetch<'p, T> = Pin<Box<dyn Future<Output = Fetched<T>> + Send + 'p>>;
type Fetched<T> = (CoreCursor, Box<dyn Collect<T>>, Result<Vec<T>>);

/// What rows become, a portion at a time.
pub(crate) trait Collect<T>: Send {
    /// Where the next portion goes.
    fn sink(&mut self) -> Option<Box<dyn Sink>>;

    /// What it came to.
    fn items(&mut self, sink: Option<Box<dyn Sink>>) -> Vec<T>;

    /// Whether an error took away what is needed to go on.
    fn is_spent(&self) -> bool;
}

struct Rows;

impl Collect<Row> for Rows {
    fn sink(&mut self) -> Option<Box<dyn Sink>> {
        RowSink::boxed()
    }

    fn items(&mut self, sink: Option<Box<dyn Sink>>) -> Vec<Row> {
        RowSink::rows_of(sink)
    }

    fn is_spent(&self) -> bool {
        false
    }
}

impl<'p> Cursor<'p> {
    pub(crate) fn rows(
        seat: Arc<Seat>,
        sql: Sql,
        params: &'p [&'p (dyn ToSql + Sync)],
        timeout: Option<Duration>,
    ) -> Cursor<'p> {
        Cursor::rows_of(seat, sql, Arc::new(Values(params)), timeout)
    }

    pub(crate) fn rows_of(
        seat: Arc<Seat>,
        sql: Sql,
        params: Arc<dyn Params + Send + Sync + 'p>,
        timeout: Option<Duration>,
    ) -> Cursor<'p> {
        Cursor::new(CoreCursor::new(seat, sql), params, Rows, timeout)
    }
}

impl<'p, T: Send + 'static> Cursor<'p, T> {
    pub(crate) fn new(
        cursor: CoreCursor,
        params: Arc<dyn Params + Send + Sync + 'p>,
        collect: impl Collect<T> + 'static,
        timeout: Option<Duration>,
    ) -> Cursor<'p, T> {
        Cursor {
            state: State::Resting(cursor, Box::new(collect)),
            params,
            timeout,
            prefetch: AHEAD,
            ahead: VecDeque::new(),
        }
    }

    /// How many rows [`Cursor::next`] and the stream fetch at once, at least one. Default: 50.
    #[must_use]
    pub fn prefetch(mut self, rows: u32) -> Cursor<'p, T> {
        self.prefetch = rows.max(1);
        self
    }

    /// The next; `None` after the last.
    ///
    /// # Errors
    /// A `UsageError` outside a transaction; the server's error; a time-out.
    ///
    /// # Cancellation
    /// Nothing is lost.
    pub async fn next(&mut self) -> Result<Option<T>> {
        poll_fn(|cx| self.poll_item(cx)).await
    }

    /// Up to `count`; fewer, or none, at the end.
    ///
    /// # Errors
    /// As [`Cursor::next`].
    ///
    /// # Cancellation
    /// Nothing is lost.
    pub async fn many(&mut self, count: u32) -> Result<Vec<T>> {
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

    /// Skips up to `count` rows and gives how many there were: GINO's `forward`, whose name streams
    /// have for something else.
    ///
    /// # Errors
    /// As [`Cursor::next`].
    ///
    /// # Cancellation
    /// The skipping is cancelled on the server, which fails the transaction.
    pub async fn advance(&mut self, count: u32) -> Result<u64> {
        self.settle().await?;
        let wanted = usize::try_from(count).unwrap_or(usize::MAX);
        let skipped = self.ahead.drain(..wanted.min(self.ahead.len())).count();
        let missing = u32::try_from(wanted - skipped).unwrap_or(0);
        let skipped = u64::try_from(skipped).unwrap_or(u64::MAX);
        let State::Resting(cursor, _) = &mut self.state else {
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
            State::Resting(cursor, _) => cursor.close().await,
            _ => Ok(()),
        }
    }

    fn is_exhausted(&self) -> bool {
        let is_over = |cursor: &CoreCursor, collect: &dyn Collect<T>| {
            cursor.is_exhausted() || collect.is_spent()
        };
        matches!(&self.state, State::Resting(cursor, collect) if is_over(cursor, &**collect))
    }

    /// Until nothing is under way.
    async fn settle(&mut self) -> Result<()> {
        match self.state {
            State::Fetching(_) => poll_fn(|cx| self.poll_fetch(cx, 0)).await,
            _ => Ok(()),
        }
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<T>>> {
        loop {
            if let Some(item) = self.ahead.pop_front() {
                return Poll::Ready(Ok(Some(item)));
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
                State::Resting(cursor, collect) => {
                    self.state = State::Fetching(self.fetch(cursor, collect, count));
                }
                State::Fetching(mut fetch) => {
                    let Poll::Ready((cursor, collect, fetched)) = fetch.as_mut().poll(cx) else {
                        self.state = State::Fetching(fetch);
                        return Poll::Pending;
                    };
                    self.state = State::Resting(cursor, collect);
                    self.ahead.extend(fetched?);
                    return Poll::Ready(Ok(()));
                }
                // A poll that panicked.
                State::Changing => return Poll::Ready(Err(Closed::Connection.into())),
            }
        }
    }

    fn fetch(
        &self,
        mut cursor: CoreCursor,
        mut collect: Box<dyn Collect<T>>,
        count: u32,
    ) -> Fetch<'p, T> {
        let (params, timeout) = (Arc::clone(&self.params), self.timeout);
        Box::pin(async move {
            let runtime = cursor.seat().runtime().clone();
            let limit = context::limit(&runtime, timeout);
            let sink = collect.sink();
            let fetched = within(&runtime, limit, cursor.fetch(&*params, count, sink)).await;
            let items = fetched.map(|done| match done {
                Some(done) => collect.items(done.sink),
                None => Vec::new(),
            });
            (cursor, collect, items)
        })
    }
}

// Items are only moved, never pinned.
impl<T> Unpin for Cursor<'_, T> {}

impl<T: Send + 'static> Stream for Cursor<'_, T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        self.poll_item(cx).map(Result::transpose)
    }
}

impl<T> fmt::Debug for Cursor<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor")
            .field("ahead", &self.ahead.len())
            .finish_non_exhaustive()
    }
}

/// A round trip is spread over that many rows, and they take little memory.
const AHEAD: u32 = 50;
