//! Owns the end of an engine: a grace period for borrowed connections, then who still holds what.
//! Also the pool's figures, which the same messages need.

use std::sync::{Arc, PoisonError};
use std::task::Poll;
use std::time::Duration;

use super::Engine;
use super::inner::{Holder, Inner};
use super::timeout::{Limit, race};
use crate::clock::Instant;
use crate::error::{Deadline, Error, PoolTimeout, Result, Timeout};
use crate::runtime::Runtime;

/// How many connections there are, and in whose hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// The most there may be.
    pub max: usize,
    /// How many are kept open.
    pub min: usize,
    /// How many are open or being opened.
    pub size: usize,
    /// How many are handed out.
    pub in_use: usize,
    /// How many are idle.
    pub idle: usize,
    /// How many callers wait.
    pub waiting: usize,
}

impl<R: Runtime> Engine<R> {
    /// The pool's figures now.
    pub fn figures(&self) -> Figures {
        let pooled = self.0.peek();
        let pool = &pooled.pool;
        Figures {
            max: pool.limits().max,
            min: pool.limits().min,
            size: pool.size(),
            in_use: pool.in_use(),
            idle: pool.idle(),
            waiting: pool.waiting(),
        }
    }

    /// Whether the engine is closed or closing.
    pub fn is_closed(&self) -> bool {
        self.0.peek().pool.is_closed()
    }

    /// Refuses new borrowers, closes what is idle and waits up to `grace` for the rest.
    ///
    /// # Errors
    /// `Timeout` with deadline `Close`, naming task, age and last SQL of who still holds connections.
    /// Those connections are closed then.
    ///
    /// # Cancellation
    /// The engine stays closed; what is borrowed is closed when it comes back.
    pub async fn close(&self, grace: Duration) -> Result<()> {
        self.0.with_pool(|pooled| pooled.pool.close());
        let limit = Limit::within(&self.0.runtime, Some(grace));
        let late = |limit: Limit| {
            let error = pool_timeout(&self.0, Deadline::Close, limit.duration);
            self.terminate();
            error
        };
        let drained = std::future::poll_fn(|cx| {
            let mut pooled = self.0.peek();
            if pooled.pool.is_drained() {
                return Poll::Ready(Ok(()));
            }
            pooled.closers.push(cx.waker().clone());
            Poll::Pending
        });
        race(&self.0.runtime, limit, late, drained).await
    }

    /// Closes everything at once. Requests in flight fail with `Closed`.
    pub fn terminate(&self) {
        let sessions: Vec<_> = self.0.with_pool(|pooled| {
            pooled.pool.close();
            pooled
                .places
                .iter()
                .filter_map(|place| place.session.clone())
                .collect()
        });
        for session in sessions {
            session.close();
        }
    }
}

/// The pool's [`Timeout`], naming who holds connections.
pub(super) fn pool_timeout<R: Runtime>(
    inner: &Arc<Inner<R>>,
    deadline: Deadline,
    waited: Duration,
) -> Error {
    let now = inner.runtime.now();
    let pooled = inner.peek();
    let holders = pooled
        .places
        .iter()
        .filter_map(|place| place.holder.as_ref())
        .map(|holder| describe(holder, now))
        .collect();
    let max = pooled.pool.limits().max;
    Timeout::Pool(PoolTimeout {
        deadline,
        waited,
        max,
        holders,
    })
    .into()
}

fn describe(holder: &Holder, now: Instant) -> String {
    let caller = holder.caller.as_deref().unwrap_or("an unnamed caller");
    let age = now.saturating_since(holder.since).as_secs_f64();
    let last = holder
        .last_sql
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    match &*last {
        Some(sql) => {
            let mut text: String = sql.as_str().chars().take(SQL_LENGTH).collect();
            if text.len() < sql.as_str().len() {
                text.push('…');
            }
            format!("{caller} for {age:.1} s, last SQL: {text}")
        }
        None => format!("{caller} for {age:.1} s, no SQL yet"),
    }
}

/// How much of a statement a message shows, in characters.
const SQL_LENGTH: usize = 80;
