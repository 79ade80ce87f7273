//! Owns the end of an engine: a grace period for borrowed connections, then who still holds what.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::Engine;
use super::inner::Inner;
use super::observe::PoolEvent;
use super::timeout::{Limit, race};
use crate::error::{Deadline, Error, PoolTimeout, Result, Timeout};
use crate::runtime::Runtime;

impl<R: Runtime> Engine<R> {
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
    if deadline == Deadline::Acquire {
        inner.peek().metrics.timeouts += 1;
        inner.observers.pool(|| PoolEvent::TimedOut { waited });
    }
    let (holders, max, last_failure) = {
        let pooled = inner.peek();
        let places = pooled.places.iter();
        let holders: Vec<_> = places.filter_map(|place| place.holder.clone()).collect();
        let down = pooled.last_failure.as_ref();
        let last_failure = down
            .filter(|_| pooled.pool.is_down())
            .map(ToString::to_string);
        (holders, pooled.pool.limits().max, last_failure)
    };
    let holders = holders.iter();
    let holders = holders
        .map(|holder| holder.describe(now).to_string())
        .collect();
    Timeout::Pool(PoolTimeout {
        deadline,
        waited,
        max,
        holders,
        last_failure,
    })
    .into()
}
