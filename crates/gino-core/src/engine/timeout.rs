//! Owns deadlines: a flow is raced against a sleep, and dropped when the sleep wins.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
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
    /// Whether it is that of a whole scope, which has its own words, and runs nothing too late.
    of_scope: bool,
}

impl Limit {
    /// `duration` from now on; `None` is no limit.
    pub fn within<R: Runtime>(runtime: &R, duration: Option<Duration>) -> Option<Limit> {
        duration.map(|duration| Limit {
            duration,
            at: runtime.now() + duration,
            of_scope: false,
        })
    }

    /// The same end, in messages `duration` after its beginning.
    pub fn lasting(self, duration: Duration) -> Limit {
        Limit { duration, ..self }
    }

    /// `duration` from now on, for everything in a scope together.
    pub fn of_scope<R: Runtime>(runtime: &R, duration: Option<Duration>) -> Option<Limit> {
        Limit::within(runtime, duration).map(|limit| Limit {
            of_scope: true,
            ..limit
        })
    }
}

/// The time-outs of a scope: of a contextual connection and all that runs on it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scope {
    /// Of each statement that is given none of its own.
    pub command_timeout: Option<Duration>,
    /// Until when everything in the scope has to be over.
    pub deadline: Option<Limit>,
}

impl Scope {
    /// No time-outs but those of the engine.
    pub const NONE: Scope = Scope {
        command_timeout: None,
        deadline: None,
    };

    /// This scope inside `outer`: its own time-outs, and whichever deadline is earlier.
    pub fn inside(self, outer: Scope) -> Scope {
        Scope {
            command_timeout: self.command_timeout.or(outer.command_timeout),
            deadline: earlier(self.deadline, outer.deadline),
        }
    }

    /// The limit of a statement that begins now: its `own` time-out, else that of the scope, else the
    /// engine's; never beyond the scope's deadline.
    pub fn limit<R: Runtime>(
        &self,
        runtime: &R,
        own: Option<Duration>,
        engine: Option<Duration>,
    ) -> Option<Limit> {
        let time = own.or(self.command_timeout).or(engine);
        earlier(Limit::within(runtime, time), self.deadline)
    }
}

fn earlier(one: Option<Limit>, two: Option<Limit>) -> Option<Limit> {
    match (one, two) {
        (Some(one), Some(two)) => Some(if two.at < one.at { two } else { one }),
        (one, two) => one.or(two),
    }
}

/// Runs `flow` until `limit`; `late` makes the error when the time is over.
///
/// # Cancellation
/// As `flow`'s.
pub(super) fn race<R, T, F, L>(
    runtime: &R,
    limit: Option<Limit>,
    late: L,
    flow: F,
) -> Race<'_, R, F, L>
where
    R: Runtime,
    F: Future<Output = Result<T>> + Unpin,
    L: FnOnce(Limit) -> Error,
{
    Race {
        runtime,
        limit: limit.zip(Some(late)),
        flow,
        sleep: None,
    }
}

/// See [`race`]. Written by hand: each statement has room for one, and an async function would have
/// room for what it is given twice.
pub(super) struct Race<'a, R: Runtime, F, L> {
    runtime: &'a R,
    limit: Option<(Limit, L)>,
    flow: F,
    sleep: Option<R::Sleep>,
}

impl<R: Runtime, F: Unpin, L> Unpin for Race<'_, R, F, L> {}

impl<R, T, F, L> Future for Race<'_, R, F, L>
where
    R: Runtime,
    F: Future<Output = Result<T>> + Unpin,
    L: FnOnce(Limit) -> Error,
{
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let this = &mut *self;
        let ended = match &this.limit {
            Some((limit, _)) if limit.of_scope && this.sleep.is_none() => {
                limit.at <= this.runtime.now()
            }
            _ => false,
        };
        if !ended && let Poll::Ready(result) = Pin::new(&mut this.flow).poll(cx) {
            return Poll::Ready(result);
        }
        let Some((limit, _)) = &this.limit else {
            return Poll::Pending;
        };
        if !ended {
            // Most flows over an idle server never get here twice: the timer is made late.
            let until = || this.runtime.sleep_until(limit.at);
            ready!(Pin::new(this.sleep.get_or_insert_with(until)).poll(cx));
        }
        match this.limit.take() {
            Some((limit, late)) => Poll::Ready(Err(late(limit))),
            None => Poll::Pending,
        }
    }
}

/// Runs `flow`, a statement with whatever it has to wait for, until `limit`.
///
/// # Errors
/// `Timeout` with deadline `Statement` or `Scope`; as `flow`.
///
/// # Cancellation
/// As `flow`'s, which is dropped when the time is over.
pub async fn within<R: Runtime, T>(
    runtime: &R,
    limit: Option<Limit>,
    flow: impl Future<Output = Result<T>>,
) -> Result<T> {
    race(runtime, limit, statement_late, pin!(flow)).await
}

/// The error of a statement that took too long.
pub(super) fn statement_late(limit: Limit) -> Error {
    let deadline = match limit.of_scope {
        true => Deadline::Scope,
        false => Deadline::Statement,
    };
    Timeout::Plain(deadline, limit.duration).into()
}
