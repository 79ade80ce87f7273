//! Owns the dropping of futures: before a poll, after a poll, or after a time. Never decides which
//! future, nor what is lost with it.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use gino::Error;
use tokio::time::Sleep;

use crate::chance::Chance;

/// Why work ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Its future was dropped.
    Dropped,
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Failed(error)
    }
}

/// Where a future is dropped. Polls are counted from 1.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Moment {
    Never,
    /// When it is woken: it does not see any more what it has waited for.
    BeforePoll(u64),
    /// While it begins to wait.
    AfterPoll(u64),
    /// While it waits.
    After(Duration),
}

impl Moment {
    /// A moment of a future that waits `polls` times.
    pub(crate) fn of(chance: &mut Chance, polls: u64) -> Moment {
        match chance.below(4) {
            0 | 1 => Moment::BeforePoll(chance.below(polls + 1) + 1),
            2 => Moment::AfterPoll(chance.below(polls.max(1)) + 1),
            _ => Moment::After(Duration::from_micros(1 << chance.below(14))),
        }
    }

    /// A moment of whatever future, or none.
    pub(crate) fn of_any(chance: &mut Chance) -> Moment {
        match chance.below(2) {
            0 => Moment::Never,
            _ => Moment::of(chance, 8),
        }
    }
}

/// Drops one future.
pub(crate) struct Drops {
    at: Moment,
    /// What comes before or after is not counted and not dropped.
    counts: AtomicBool,
    polls: AtomicU64,
}

impl Drops {
    pub(crate) fn new(at: Moment) -> Drops {
        Drops {
            at,
            counts: AtomicBool::new(true),
            polls: AtomicU64::new(0),
        }
    }

    /// Whether the future that runs may be dropped now.
    pub(crate) fn may(&self, now: bool) {
        self.counts.store(now, Ordering::SeqCst);
    }

    /// How often the future was polled while it could be dropped.
    pub(crate) fn polls(&self) -> u64 {
        self.polls.load(Ordering::SeqCst)
    }

    /// Awaits `future` as long as it is not dropped.
    pub(crate) async fn over<F: Future>(&self, future: F) -> Result<F::Output, Stop> {
        Dropping {
            drops: self,
            future: Some(Box::pin(future)),
            alarm: None,
        }
        .await
    }

    fn is_due_before(&self) -> bool {
        matches!(self.at, Moment::BeforePoll(poll) if self.polls() + 1 == poll)
    }

    fn is_due_after(&self) -> bool {
        matches!(self.at, Moment::AfterPoll(poll) if self.polls() == poll)
    }
}

struct Dropping<'a, F> {
    drops: &'a Drops,
    future: Option<Pin<Box<F>>>,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl<F: Future> Future for Dropping<'_, F> {
    type Output = Result<F::Output, Stop>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let drops = self.drops;
        let counts = || drops.counts.load(Ordering::SeqCst);
        if counts() && drops.is_due_before() {
            self.future = None;
            return Poll::Ready(Err(Stop::Dropped));
        }
        if let Poll::Ready(done) = self.future.as_mut().unwrap().as_mut().poll(cx) {
            return Poll::Ready(Ok(done));
        }
        if !counts() {
            return Poll::Pending;
        }
        drops.polls.fetch_add(1, Ordering::SeqCst);
        let late = match drops.at {
            Moment::After(time) => {
                let alarm = || Box::pin(tokio::time::sleep(time));
                self.alarm
                    .get_or_insert_with(alarm)
                    .as_mut()
                    .poll(cx)
                    .is_ready()
            }
            _ => false,
        };
        if late || drops.is_due_after() {
            self.future = None;
            return Poll::Ready(Err(Stop::Dropped));
        }
        Poll::Pending
    }
}
