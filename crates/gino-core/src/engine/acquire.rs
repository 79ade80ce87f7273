//! Owns the borrowing of a connection from the pool and its way back. Called by the faces for plain
//! use and by `Handle` for contextual use.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use super::borrow::{Borrowed, Borrowing};
use super::figures::Origin;
use super::inner::{Holder, Inner, Pooled};
use super::observe::PoolEvent;
use super::on_drop::OnDrop;
use super::open::Opened;
use super::outage::{again, is_outage};
use super::seat::Seat;
use super::timeout::{Limit, race, statement_late};
use super::{Engine, close};
use crate::clock::Instant;
use crate::error::{Closed, Deadline, Result};
use crate::pool::SlotId;
use crate::runtime::Runtime;
use crate::session::{Request, Status, Submitted};

/// An exclusively borrowed connection. Dropping it gives it back; what it left behind is rolled back
/// in the background first.
pub struct Lease<R: Runtime> {
    seat: Arc<Seat<R>>,
}

/// A connection that is made whole before it goes back; dropped, in the background.
pub type Releasing = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

impl<R: Runtime> Lease<R> {
    /// Where requests run.
    pub fn seat(&self) -> &Arc<Seat<R>> {
        &self.seat
    }

    /// Says in messages about held connections that the running task has this one, since `origin`.
    pub fn name_holder(&self, origin: Option<Origin>) {
        let caller = self.seat.inner.runtime.caller();
        let mut pooled = self.seat.inner.peek();
        if let Some(holder) = &mut pooled.place(self.seat.slot).holder {
            holder.caller = caller;
            holder.origin = origin;
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
        match self.begin_release() {
            Some(rest) => rest.await,
            None => Ok(()),
        }
    }

    /// Gives the connection back if the next borrower can have it as it is. Else what makes it whole
    /// comes back, to be awaited as [`Lease::try_release`].
    pub fn begin_release(self) -> Option<Releasing> {
        let seat = Arc::clone(&self.seat);
        if !seat.retire() {
            return None;
        }
        if seat.needs_nothing() {
            seat.give_back(true);
            return None;
        }
        let finishing = OnDrop::new(Arc::clone(&seat), finish_in_background);
        Some(Box::pin(async move {
            let healed = seat.heal().await;
            finishing.keep();
            healed
        }))
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
    /// a connection came to; `Closed`. A server that cannot be reached is tried again until `limit`,
    /// after pauses that grow; without a limit its error comes at once, or after a second at most
    /// while others try.
    ///
    /// # Cancellation
    /// The place in the queue is given up; a connection that was granted goes to the next.
    pub async fn acquire(&self, limit: Option<Limit>) -> Result<Lease<R>> {
        let late = |limit: Limit| close::pool_timeout(&self.0, Deadline::Acquire, limit.duration);
        let acquiring = pin!(self.0.acquire(limit.is_some()));
        race(&self.0.runtime, limit, late, acquiring).await
    }

    /// Opens connections until there are `init_size`, several at once, and leaves them idle. From then
    /// on those that become too old are replaced, up to `min_size`.
    ///
    /// # Errors
    /// What opening a connection came to. Those opened before stay in the pool.
    pub async fn warm_up(&self) -> Result<()> {
        let config = &self.0.config;
        let count = config.init_size.unwrap_or(config.min_size);
        self.0.warm_up(count).await?;
        self.0.with_pool(|pooled| pooled.warm = true);
        Ok(())
    }
}

impl<R: Runtime> Inner<R> {
    pub(super) async fn warm_up(self: &Arc<Self>, count: usize) -> Result<()> {
        let opening = || async {
            while let Some(slot) = self.with_pool(|pooled| pooled.pool.reserve(count)) {
                self.open_into(slot).await?.leave();
            }
            Ok(())
        };
        let at_once = count.min(AT_ONCE);
        all((0..at_once).map(|_| opening())).await
    }

    pub(super) async fn acquire(self: &Arc<Self>, patient: bool) -> Result<Lease<R>> {
        let since = self.runtime.now();
        let lease = match Borrowing::new(self, since, patient).await {
            Borrowed::Lease(lease) => lease,
            // On the heap: each statement on the pool would have room for it.
            other => Box::pin(self.borrow(other, patient)).await?,
        };
        let lease = lease.hooked(self.hooks.acquired.as_ref()).await?;
        self.observers.pool(|| PoolEvent::Acquired {
            connection: lease.seat.number,
            waited: self.runtime.now().saturating_since(since),
        });
        Ok(lease)
    }

    /// Does what has to be done for a connection, until there is one.
    async fn borrow(self: &Arc<Self>, first: Borrowed<R>, patient: bool) -> Result<Lease<R>> {
        let mut borrowed = first;
        loop {
            borrowed = match borrowed {
                Borrowed::Lease(lease) => return Ok(lease),
                Borrowed::Closed => return Err(Closed::Pool.into()),
                Borrowed::Down => {
                    let pooled = self.peek();
                    let last = pooled.last_failure.as_ref();
                    return Err(last.map_or_else(|| Closed::Lost(None).into(), again));
                }
                Borrowed::Connect(slot) => match self.open_into(slot).await {
                    Err(error) if patient && is_outage(&error) => self.ask_again(patient).await,
                    opened => return opened,
                },
                Borrowed::Check(slot) => {
                    let now = self.runtime.now();
                    let lease = self.with_pool(|pooled| self.take_seat(pooled, slot, now));
                    let replaced = match lease {
                        Some(lease) if self.is_alive(&lease).await => {
                            self.peek().metrics.reused += 1;
                            return Ok(lease);
                        }
                        Some(lease) => self.replace(lease),
                        None => false,
                    };
                    match replaced {
                        true => Borrowed::Connect(slot),
                        false => self.ask_again(patient).await,
                    }
                }
            }
        }
    }

    async fn ask_again(self: &Arc<Self>, patient: bool) -> Borrowed<R> {
        Borrowing::new(self, self.runtime.now(), patient).await
    }

    /// Whether a connection that has idled for long still answers.
    ///
    /// # Cancellation
    /// The connection is made whole in the background, or closed if it does not answer.
    async fn is_alive(&self, lease: &Lease<R>) -> bool {
        self.peek().metrics.health_checks += 1;
        let Ok(Submitted::Reply(reply)) = lease.seat.session.submit(Request::Script(""), &mut None)
        else {
            return false;
        };
        let limit = Limit::within(&self.runtime, Some(CHECK));
        let answered = race(&self.runtime, limit, statement_late, reply).await;
        answered.is_ok() && lease.seat.is_settled()
    }

    /// Closes a connection that does not live, and keeps its slot for another. False if the slot was
    /// taken away meanwhile.
    fn replace(self: &Arc<Self>, lease: Lease<R>) -> bool {
        let seat = Arc::clone(&lease.seat);
        if !seat.retire() {
            return false;
        }
        drop(lease);
        seat.session.close();
        self.with_pool(|pooled| {
            pooled.discard(seat.slot);
            pooled.pool.reopen(seat.slot)
        })
    }

    /// The seat of a connection that was open before.
    pub(super) fn reuse(
        self: &Arc<Self>,
        pooled: &mut Pooled,
        slot: SlotId,
        now: Instant,
    ) -> Option<Lease<R>> {
        let lease = self.take_seat(pooled, slot, now)?;
        pooled.metrics.reused += 1;
        Some(lease)
    }

    /// The seat of an open connection; none if the connection died while it was idle.
    fn take_seat(
        self: &Arc<Self>,
        pooled: &mut Pooled,
        slot: SlotId,
        now: Instant,
    ) -> Option<Lease<R>> {
        let place = pooled.place(slot);
        let alive = place
            .session
            .clone()
            .zip(place.route.clone())
            .filter(|(session, _)| session.status() != Status::Closed);
        let Some((session, route)) = alive else {
            pooled.discard(slot);
            pooled.pool.release(slot, now, false);
            return None;
        };
        let last_sql = Arc::new(Mutex::new(None));
        place.holder = Some(Holder {
            caller: None,
            origin: None,
            since: now,
            last_sql: Arc::clone(&last_sql),
        });
        let number = place.number;
        let seat = Seat::new(Arc::clone(self), slot, number, session, route, last_sql);
        Some(Lease { seat })
    }

    async fn open_into(self: &Arc<Self>, slot: SlotId) -> Result<Lease<R>> {
        let mut opening = Opening {
            inner: self,
            slot,
            open: false,
            unreachable: false,
        };
        let since = self.runtime.now();
        let opened = self.open().await;
        if let Err(error) = &opened {
            opening.unreachable = is_outage(error);
            {
                let mut pooled = self.peek();
                pooled.metrics.failed_connects += 1;
                pooled.last_failure = opening.unreachable.then(|| again(error));
            }
            self.observers.pool(|| PoolEvent::ConnectFailed { error });
        }
        let lease = opening.connected(opened?)?;
        self.observers.pool(|| PoolEvent::Opened {
            connection: lease.seat.number,
            duration: self.runtime.now().saturating_since(since),
        });
        lease.hooked(self.hooks.opened.as_ref()).await
    }
}

/// A slot whose connection is being opened.
struct Opening<'a, R: Runtime> {
    inner: &'a Arc<Inner<R>>,
    slot: SlotId,
    open: bool,
    unreachable: bool,
}

impl<R: Runtime> Opening<'_, R> {
    fn connected(mut self, opened: Opened) -> Result<Lease<R>> {
        self.open = true;
        let slot = self.slot;
        let now = self.inner.runtime.now();
        self.inner.with_pool(|pooled| {
            pooled.pool.connected(slot, now);
            pooled.metrics.opened += 1;
            let number = pooled.metrics.opened;
            let place = pooled.place(slot);
            place.number = number;
            place.opened = now;
            place.session = Some(opened.session);
            place.route = Some(Arc::new(opened.route));
            if pooled.pool.is_closed() {
                // Nobody began to use it: it is refused as what is asked for from now on.
                pooled.discard(slot);
                pooled.pool.release(slot, now, false);
                return Err(Closed::Pool.into());
            }
            let lost = || Closed::Lost(None).into();
            self.inner.take_seat(pooled, slot, now).ok_or_else(lost)
        })
    }
}

impl<R: Runtime> Drop for Opening<'_, R> {
    fn drop(&mut self) {
        if !self.open {
            let now = self.inner.runtime.now();
            self.inner.with_pool(|pooled| match self.unreachable {
                true => pooled.pool.unreachable(self.slot, now),
                false => pooled.pool.failed(self.slot),
            });
        }
    }
}

/// Runs all flows side by side, until all are done or one fails.
async fn all<F: Future<Output = Result<()>>>(flows: impl Iterator<Item = F>) -> Result<()> {
    let mut flows: Vec<_> = flows.map(Box::pin).collect();
    std::future::poll_fn(|cx| {
        let mut failed = None;
        flows.retain_mut(|flow| match flow.as_mut().poll(cx) {
            Poll::Ready(Err(error)) => {
                failed.get_or_insert(error);
                false
            }
            Poll::Ready(Ok(())) => false,
            Poll::Pending => true,
        });
        match failed {
            Some(error) => Poll::Ready(Err(error)),
            None if flows.is_empty() => Poll::Ready(Ok(())),
            None => Poll::Pending,
        }
    })
    .await
}

/// How many connections are opened at once when a pool is warmed up: each costs the server a process.
const AT_ONCE: usize = 8;

/// How long a connection may take to show that it lives until another is opened instead.
const CHECK: Duration = Duration::from_secs(5);
