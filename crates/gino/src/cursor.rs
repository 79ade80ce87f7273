//! Owns the reading of a server-side cursor row by row: portions are fetched ahead.
//! Never outlives its transaction: `gino_core::engine::Cursor` sees to that.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use gino_core::engine::{Limit, Seat, within};
use gino_core::error::Result;
use gino_core::session::Sql;
use postgres_types::ToSql;

use crate::driver::TokioRuntime;
use crate::row::{Row, RowSink};
use crate::value::Values;

/// A server-side cursor. It ends with its transaction, or when there are no more rows.
///
/// # Cancellation
/// A fetch that is dropped is cancelled on the server, which fails the transaction; the cursor has
/// ended then.
pub struct Cursor<'p> {
    cursor: gino_core::engine::Cursor<TokioRuntime>,
    params: &'p [&'p (dyn ToSql + Sync)],
    timeout: Option<Duration>,
    ahead: VecDeque<Row>,
}

impl<'p> Cursor<'p> {
    pub(crate) fn new(
        seat: Arc<Seat<TokioRuntime>>,
        sql: Sql,
        params: &'p [&'p (dyn ToSql + Sync)],
        timeout: Option<Duration>,
    ) -> Cursor<'p> {
        Cursor {
            cursor: gino_core::engine::Cursor::new(seat, sql),
            params,
            timeout,
            ahead: VecDeque::new(),
        }
    }

    /// The next row; `None` after the last.
    ///
    /// # Errors
    /// A `UsageError` outside a transaction; the server's error; a time-out.
    pub async fn next(&mut self) -> Result<Option<Row>> {
        if self.ahead.is_empty() {
            self.ahead = self.fetch(AHEAD).await?.into();
        }
        Ok(self.ahead.pop_front())
    }

    /// Up to `count` rows; fewer, or none, at the end.
    ///
    /// # Errors
    /// As [`Cursor::next`].
    pub async fn many(&mut self, count: u32) -> Result<Vec<Row>> {
        let wanted = usize::try_from(count).unwrap_or(usize::MAX);
        let mut rows: Vec<Row> = self.ahead.drain(..wanted.min(self.ahead.len())).collect();
        let missing = u32::try_from(wanted - rows.len()).unwrap_or(0);
        if missing > 0 {
            rows.append(&mut self.fetch(missing).await?);
        }
        Ok(rows)
    }

    /// Skips up to `count` rows and gives how many there were.
    ///
    /// # Errors
    /// As [`Cursor::next`].
    pub async fn forward(&mut self, count: u32) -> Result<u64> {
        let wanted = usize::try_from(count).unwrap_or(usize::MAX);
        let skipped = self.ahead.drain(..wanted.min(self.ahead.len())).count();
        let missing = u32::try_from(wanted - skipped).unwrap_or(0);
        let skipped = u64::try_from(skipped).unwrap_or(u64::MAX);
        if missing == 0 {
            return Ok(skipped);
        }
        let runtime = self.cursor.seat().runtime().clone();
        let limit = Limit::within(&runtime, self.timeout);
        let values = Values(self.params);
        let forward = self.cursor.forward(&values, missing);
        Ok(skipped + within(&runtime, limit, forward).await?)
    }

    async fn fetch(&mut self, count: u32) -> Result<Vec<Row>> {
        let runtime = self.cursor.seat().runtime().clone();
        let limit = Limit::within(&runtime, self.timeout);
        let values = Values(self.params);
        let fetch = self.cursor.fetch(&values, count, RowSink::boxed());
        let done = within(&runtime, limit, fetch).await?;
        Ok(done.map_or_else(Vec::new, |done| RowSink::rows_of(done.sink)))
    }
}

/// How many rows [`Cursor::next`] fetches at once: a round trip is spread over them, and a portion
/// is small.
const AHEAD: u32 = 50;
