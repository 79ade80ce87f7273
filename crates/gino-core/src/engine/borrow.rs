//! Owns the first step of borrowing: an idle connection, else a place in the queue until the pool
//! grants one. Never opens or checks a connection: `acquire` does, as it is told here.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::acquire::Lease;
use super::inner::{Inner, Pooled};
use crate::clock::Instant;
use crate::pool::{Acquired, SlotId, WaiterId};
use crate::runtime::Runtime;

/// What asking the pool came to.
pub(super) enum Borrowed<R: Runtime> {
    Lease(Lease<R>),
    /// The connection has idled for so long that it has to show that it lives.
    Check(SlotId),
    /// The slot is reserved: a connection is to be opened.
    Connect(SlotId),
    /// The server is out of reach.
    Down,
    Closed,
}

/// Asks the pool, and waits where it says so. Written by hand: each statement on the pool has room for
/// it, and goes through it under one lock each time it is polled.
pub(super) struct Borrowing<'a, R: Runtime> {
    inner: &'a Arc<Inner<R>>,
    since: Instant,
    patient: bool,
    waiter: Option<WaiterId>,
}

impl<'a, R: Runtime> Borrowing<'a, R> {
    /// Who is `patient` waits for a server that is out of reach.
    pub(super) fn new(inner: &'a Arc<Inner<R>>, since: Instant, patient: bool) -> Self {
        Borrowing {
            inner,
            since,
            patient,
            waiter: None,
        }
    }

    fn ask(&mut self, pooled: &mut Pooled, cx: &mut Context<'_>) -> Poll<Borrowed<R>> {
        let (mut acquired, now) = match self.waiter {
            None => (pooled.pool.acquire(self.since, self.patient), self.since),
            Some(waiter) => (pooled.pool.take(waiter), self.inner.runtime.now()),
        };
        if !matches!(acquired, Acquired::Wait(_)) && self.waiter.take().is_some() {
            pooled.count_wait(now.saturating_since(self.since));
        }
        loop {
            acquired = match acquired {
                Acquired::Idle(slot) => match self.inner.reuse(pooled, slot, now) {
                    Some(lease) => return Poll::Ready(Borrowed::Lease(lease)),
                    None => pooled.pool.acquire(now, self.patient),
                },
                Acquired::Wait(waiter) => {
                    self.waiter = Some(waiter);
                    pooled.wakers.insert(waiter, cx.waker().clone());
                    return Poll::Pending;
                }
                Acquired::Check(slot) => return Poll::Ready(Borrowed::Check(slot)),
                Acquired::Connect(slot) => return Poll::Ready(Borrowed::Connect(slot)),
                Acquired::Down => return Poll::Ready(Borrowed::Down),
                Acquired::Closed => return Poll::Ready(Borrowed::Closed),
            }
        }
    }
}

impl<R: Runtime> Future for Borrowing<'_, R> {
    type Output = Borrowed<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Borrowed<R>> {
        let this = &mut *self;
        this.inner.with_pool(|pooled| this.ask(pooled, cx))
    }
}

impl<R: Runtime> Drop for Borrowing<'_, R> {
    fn drop(&mut self) {
        let Some(waiter) = self.waiter else { return };
        let waited = self.inner.runtime.now().saturating_since(self.since);
        let waker = self.inner.with_pool(|pooled| {
            pooled.count_wait(waited);
            pooled.pool.abandon(waiter);
            pooled.wakers.remove(waiter)
        });
        drop(waker);
    }
}
