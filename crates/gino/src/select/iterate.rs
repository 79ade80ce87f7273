//! Owns the reading of a query by a server-side cursor, in portions. Never outlives its transaction.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use gino_core::engine::within;
use gino_core::error::Result;

use crate::context;
use crate::driver::TokioRuntime;
use crate::param::Built;
use crate::place::On;
use crate::query::cursor_seat;
use crate::record::{Load, LoadSink};
use crate::value::Values;

use super::Selection;

/// A server-side cursor over what a query loads. It ends with its transaction, or when there are no
/// more rows.
///
/// # Cancellation
/// A fetch that is dropped is cancelled on the server, which fails the transaction; the cursor has
/// ended then.
pub struct Portions<S: Selection> {
    cursor: gino_core::engine::Cursor<TokioRuntime>,
    built: Built,
    /// Given to each fetch, which gives it back.
    load: Option<S::Load>,
    timeout: Option<Duration>,
    ahead: VecDeque<S::Output>,
}

impl<S: Selection> Portions<S> {
    pub(super) async fn new(on: On, built: Built, load: S::Load) -> Result<Portions<S>> {
        let target = on.target()?;
        let timeout = target.timeout.or(target.core.config().command_timeout);
        let seat = cursor_seat(&target).await?;
        Ok(Portions {
            cursor: gino_core::engine::Cursor::new(seat, built.sql.clone()),
            built,
            load: Some(load),
            timeout,
            ahead: VecDeque::new(),
        })
    }

    /// The next; `None` after the last.
    ///
    /// # Errors
    /// A `UsageError` outside a transaction; the server's error; a value that does not fit; a
    /// time-out.
    pub async fn next(&mut self) -> Result<Option<S::Output>> {
        while self.ahead.is_empty() {
            match self.fetch(AHEAD).await? {
                Some(more) => self.ahead = more.into(),
                None => return Ok(None),
            }
        }
        Ok(self.ahead.pop_front())
    }

    /// Up to `count`; fewer, or none, at the end.
    ///
    /// # Errors
    /// As [`Portions::next`].
    pub async fn many(&mut self, count: u32) -> Result<Vec<S::Output>> {
        let wanted = usize::try_from(count).unwrap_or(usize::MAX);
        let mut all: Vec<S::Output> = self.ahead.drain(..wanted.min(self.ahead.len())).collect();
        while let Ok(missing @ 1..) = u32::try_from(wanted - all.len()) {
            match self.fetch(missing).await? {
                Some(more) => all.extend(more),
                None => break,
            }
        }
        Ok(all)
    }

    async fn fetch(&mut self, count: u32) -> Result<Option<Vec<S::Output>>> {
        let Some(load) = self.load.take() else {
            return Ok(None);
        };
        let runtime = self.cursor.seat().runtime().clone();
        let limit = context::limit(&runtime, self.timeout);
        let params = self.built.values()?;
        let values = Values(&params);
        let fetch = self.cursor.fetch(&values, count, LoadSink::boxed(load));
        let Some(done) = within(&runtime, limit, fetch).await? else {
            return Ok(None);
        };
        let Some(mut load) = LoadSink::<S::Load>::load_of(done.sink) else {
            return Ok(None);
        };
        let portion = load.take();
        self.load = Some(load);
        Ok(Some(portion))
    }
}

impl<S: Selection> fmt::Debug for Portions<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Portions")
            .field("ahead", &self.ahead.len())
            .finish_non_exhaustive()
    }
}

/// How many rows [`Portions::next`] fetches at once: a round trip is spread over them, and a portion
/// is small.
const AHEAD: u32 = 50;
