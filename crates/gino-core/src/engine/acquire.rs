//! Owns the borrowing of a connection from the pool and its way back. Called by the faces for plain
//! use and by `Handle` for contextual use.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use super::inner::{Holder, Inner, Pooled};
use super::on_drop::OnDrop;
use super::open::Opened;
use super::seat::Seat;
use super::timeout::{Limit, race};
use super::{Engine, close};
use crate::error::{Closed, Deadline, Result};
use crate::pool::{Acquired, SlotId, WaiterId};
use crate::runtime::Runtime;
use crate::session::Status;

/// An exclusively borrowed connection. Dropping it gives it back; what it left behind is rolled back
/// in the background first.
pub struct Lease<R: Runtime> {
    seat: Arc<Seat<R>>,
}

impl<R: Runtime> Lease<R> {
    /// Where requests run.
    pub fn seat(&self) -> &Arc<Seat<R>> {
        &self.seat
    }

    /// Says in messages about held connections who has this one.
    pub(super) fn name_holder(&self) {
        let caller = self.seat.inner.runtime.caller();
        let mut pooled = self.seat.inner.peek();
        if let Some(holder) = &mut pooled.place(self.seat.slot).holder {
            holder.caller = caller;
        }
    }

    /// Gives the connection back, and returns when the next borrower could have it.
    ///
    /// # Cancellation
    /// It is finished in the background.
    pub async fn release(self) {
        // A hook that fails has closed the connection: the next borrower is not concerned.
        let _ = self.try_release().await;
    }

    /// As [`Lease::release`], for who wants to know what a hook came to.
    ///
    /// # Errors
    /// That of the `released` hook. The connection is closed then.
    ///
    /// # Cancellation
    /// It is finished in the background.
    pub async fn try_release(self) -> Result<()> {
        let seat = Arc::clone(&self.seat);
        if seat.needs_nothing() || !seat.retire() {
            return Ok(());
        }
        let finishing = OnDrop::new(Arc::clone(&seat), finish_in_background);
        let healed = seat.heal().await;
        finishing.keep();
        healed
    }

    /// Gives the connection back as it is: what its first hook has set is for the first borrower.
    fn leave(self) {
        if self.seat.is_settled() && self.seat.retire() {
            self.seat.give_back(true);
        }
    }
}

impl<R: Runtime> Drop for Lease<R> {
    fn drop(&mut self) {
        if !self.seat.retire() {
            return;
        }
        if self.seat.needs_nothing() {
            self.seat.give_back(true);
        } else if self.seat.session.status() == Status::Closed {
            self.seat.give_back(false);
        } else {
            finish_in_background(Arc::clone(&self.seat));
        }
    }
}

fn finish_in_background<R: Runtime>(seat: Arc<Seat<R>>) {
    let runtime = seat.inner.runtime.clone();
    // Nobody is there to be told what a hook came to.
    runtime.spawn(async move { drop(seat.heal().await) });
}

impl<R: Runtime> Engine<R> {
    /// Borrows a connection: the one used last if any is idle, a new one while there is room, else
    /// the one that becomes free when it is this caller's turn.
    ///
    /// # Errors
    /// `Timeout` with deadline `Acquire` after `limit`, naming who holds connections; what opening
    /// a connection came to; `Closed`.
    ///
    /// # Cancellation
    /// The place in the queue is given up; a connection that was granted goes to the next.
    pub async fn acquire(&self, limit: Option<Limit>) -> Result<Lease<R>> {
        if let Some(lease) = self.try_acquire() {
            return Ok(lease);
        }
        let late = |limit: Limit| close::pool_timeout(&self.0, Deadline::Acquire, limit.duration);
        race(&self.0.runtime, limit, late, self.0.acquire()).await
    }

    /// As [`Engine::acquire`], if that is possible without waiting; never if there is a hook to run.
    pub fn try_acquire(&self) -> Option<Lease<R>> {
        if self.0.hooks.acquired.is_some() {
            return None;
        }
        let now = self.0.runtime.now();
        self.0.with_pool(|pooled| {
            pooled.pool.handle_timeout(now);
            while pooled.pool.idle() > 0 {
                let Acquired::Idle(slot) = pooled.pool.acquire(now) else {
                    return None;
                };
                if let Some(lease) = self.0.take_seat(pooled, slot) {
                    return Some(lease);
                }
            }
            None
        })
    }

    /// Opens connections until there are `min_size`, and leaves them idle.
    ///
    /// # Errors
    /// What opening a connection came to. Those opened before stay in the pool.
    pub async fn warm_up(&self) -> Result<()> {
        while let Some(slot) = self.0.with_pool(|pooled| pooled.pool.reserve()) {
            self.0.open_into(slot).await?.leave();
        }
        Ok(())
    }
}

impl<R: Runtime> Inner<R> {
    async fn acquire(self: &Arc<Self>) -> Result<Lease<R>> {
        let lease = self.borrow().await?;
        lease.hooked(self.hooks.acquired.as_ref()).await
    }

    async fn borrow(self: &Arc<Self>) -> Result<Lease<R>> {
        let now = self.runtime.now();
        let mut acquired = self.with_pool(|pooled| pooled.pool.acquire(now));
        loop {
            acquired = match acquired {
                Acquired::Closed => return Err(Closed::Pool.into()),
                Acquired::Connect(slot) => return self.open_into(slot).await,
                Acquired::Wait(waiter) => {
                    Waiting {
                        inner: self,
                        waiter,
                        taken: false,
                    }
                    .await
                }
                Acquired::Idle(slot) => {
                    if let Some(lease) = self.with_pool(|pooled| self.take_seat(pooled, slot)) {
                        return Ok(lease);
                    }
                    self.with_pool(|pooled| pooled.pool.acquire(now))
                }
            }
        }
    }

    /// The seat of an open connection; none if the connection died while it was idle.
    fn take_seat(self: &Arc<Self>, pooled: &mut Pooled, slot: SlotId) -> Option<Lease<R>> {
        let now = self.runtime.now();
        let place = pooled.place(slot);
        let alive = place
            .session
            .clone()
            .zip(place.endpoint.clone())
            .filter(|(session, _)| session.status() != Status::Closed);
        let Some((session, endpoint)) = alive else {
            pooled.discard(slot);
            pooled.pool.release(slot, now, false);
            return None;
        };
        let last_sql = Arc::new(Mutex::new(None));
        place.holder = Some(Holder {
            caller: None,
            since: now,
            last_sql: Arc::clone(&last_sql),
        });
        let seat = Seat::new(Arc::clone(self), slot, session, endpoint, last_sql);
        Some(Lease { seat })
    }

    async fn open_into(self: &Arc<Self>, slot: SlotId) -> Result<Lease<R>> {
        let opening = Opening {
            inner: self,
            slot,
            open: false,
        };
        let opened = self.open().await?;
        let lease = opening.connected(opened)?;
        lease.hooked(self.hooks.opened.as_ref()).await
    }
}

/// A slot whose connection is being opened.
struct Opening<'a, R: Runtime> {
    inner: &'a Arc<Inner<R>>,
    slot: SlotId,
    open: bool,
}

impl<R: Runtime> Opening<'_, R> {
    fn connected(mut self, opened: Opened) -> Result<Lease<R>> {
        self.open = true;
        let slot = self.slot;
        self.inner.with_pool(|pooled| {
            pooled.pool.connected(slot);
            let place = pooled.place(slot);
            place.session = Some(opened.session);
            place.endpoint = Some(Arc::new(opened.endpoint));
            if pooled.pool.is_closed() {
                // Nobody began to use it: it is refused as what is asked for from now on.
                pooled.discard(slot);
                pooled.pool.release(slot, self.inner.runtime.now(), false);
                return Err(Closed::Pool.into());
            }
            let lost = || Closed::Lost(None).into();
            self.inner.take_seat(pooled, slot).ok_or_else(lost)
        })
    }
}

impl<R: Runtime> Drop for Opening<'_, R> {
    fn drop(&mut self) {
        if !self.open {
            self.inner.with_pool(|pooled| pooled.pool.failed(self.slot));
        }
    }
}

/// A place in the queue.
struct Waiting<'a, R: Runtime> {
    inner: &'a Arc<Inner<R>>,
    waiter: WaiterId,
    taken: bool,
}

impl<R: Runtime> Future for Waiting<'_, R> {
    type Output = Acquired;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Acquired> {
        let waiter = self.waiter;
        let taken = self.inner.with_pool(|pooled| {
            let taken = pooled.pool.take(waiter);
            if matches!(taken, Acquired::Wait(_)) {
                pooled.wakers.insert(waiter, cx.waker().clone());
            }
            taken
        });
        if matches!(taken, Acquired::Wait(_)) {
            return Poll::Pending;
        }
        self.taken = true;
        Poll::Ready(taken)
    }
}

impl<R: Runtime> Drop for Waiting<'_, R> {
    fn drop(&mut self) {
        if !self.taken {
            let waker = self.inner.with_pool(|pooled| {
                pooled.pool.abandon(self.waiter);
                pooled.wakers.remove(&self.waiter)
            });
            drop(waker);
        }
    }
}
