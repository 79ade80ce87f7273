//! Owns deadlines: a flow is raced against a sleep, and dropped when the sleep wins.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::clock::Instant;
use crate::error::{Deadline, Error, Result, Timeout};
use crate::runtime::Runtime;

/// How long something may take: a duration, and when that is over.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// How long it was given.
    pub duration: Duration,
    /// When it is over.
    pub at: Instant,
}

impl Limit {
    /// `duration` from now on; `None` is no limit.
    pub fn within<R: Runtime>(runtime: &R, duration: Option<Duration>) -> Option<Limit> {
        duration.map(|duration| Limit {
            duration,
            at: runtime.now() + duration,
        })
    }
}

/// Runs `flow` until `limit`; `late` makes the error when the time is over.
///
/// # Cancellation
/// As `flow`'s.
pub(super) async fn race<R: Runtime, T>(
    runtime: &R,
    limit: Option<Limit>,
    late: impl FnOnce(Limit) -> Error,
    flow: impl Future<Output = Result<T>>,
) -> Result<T> {
    let Some(limit) = limit else {
        return flow.await;
    };
    let mut flow = pin!(flow);
    let mut sleep: Option<R::Sleep> = None;
    let outcome = std::future::poll_fn(|cx: &mut Context<'_>| {
        if let Poll::Ready(result) = flow.as_mut().poll(cx) {
            return Poll::Ready(Some(result));
        }
        // Most flows over an idle server never get here twice: the timer is made late.
        let sleep = sleep.get_or_insert_with(|| runtime.sleep_until(limit.at));
        Pin::new(sleep).poll(cx).map(|()| None)
    })
    .await;
    outcome.unwrap_or_else(|| Err(late(limit)))
}

/// Runs `flow`, a statement with whatever it has to wait for, until `limit`.
///
/// # Errors
/// `Timeout` with deadline `Statement`; as `flow`.
///
/// # Cancellation
/// As `flow`'s, which is dropped when the time is over.
pub async fn within<R: Runtime, T>(
    runtime: &R,
    limit: Option<Limit>,
    flow: impl Future<Output = Result<T>>,
) -> Result<T> {
    race(runtime, limit, statement_late, flow).await
}

/// The error of a statement that took too long.
pub(super) fn statement_late(limit: Limit) -> Error {
    Timeout::Plain(Deadline::Statement, limit.duration).into()
}
