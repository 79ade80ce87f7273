//! Owns what an engine's clones share: the pool's machine, the sessions beside it and who waits.
//! Acts on the pool's events after its lock is released. All flows of the engine go through it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Poll, Waker};
use std::time::Duration;

use super::figures::{Metrics, Origin};
use super::hook::Hooks;
use super::observe::Observers;
use super::on_drop::OnDrop;
use crate::clock::Instant;
use crate::codec::Catalog;
use crate::config::Config;
use crate::error::Error;
use crate::pool::{Event, Limits, Pool, SlotId, WaiterId};
use crate::runtime::{Caller, Runtime};
use crate::session::{Route, Session, Sql};

pub(super) struct Inner<R: Runtime> {
    pub(super) config: Arc<Config>,
    pub(super) runtime: R,
    pub(super) hooks: Hooks<R>,
    pub(super) catalog: Arc<Catalog>,
    pub(super) observers: Observers,
    pooled: Mutex<Pooled>,
}

pub(super) struct Pooled {
    pub(super) pool: Pool,
    pub(super) metrics: Metrics,
    pub(super) places: Vec<Place>,
    pub(super) wakers: Wakers,
    /// Who waits until the closed pool is drained.
    pub(super) closers: Vec<Waker>,
    /// Sessions whose slots are free, to be closed once the lock is released.
    discarded: Vec<Arc<dyn Session>>,
    /// Why the server could not be reached the last time.
    pub(super) last_failure: Option<Error>,
    /// Whether there were `min` connections: it is to stay so.
    pub(super) warm: bool,
    /// When the task that keeps house looks again, if there is one.
    look: Option<Instant>,
    /// That task, asleep until then.
    housekeeper: Option<Waker>,
}

/// What belongs to a slot of the pool.
#[derive(Default)]
pub(super) struct Place {
    /// The connection's, from 1.
    pub(super) number: u64,
    pub(super) opened: Instant,
    pub(super) session: Option<Arc<dyn Session>>,
    pub(super) route: Option<Arc<Route>>,
    pub(super) holder: Option<Holder>,
}

/// Who has a connection, for messages.
#[derive(Clone)]
pub(super) struct Holder {
    pub(super) caller: Option<Arc<dyn Caller>>,
    pub(super) origin: Option<Origin>,
    pub(super) since: Instant,
    pub(super) last_sql: Arc<Mutex<Option<Sql>>>,
}

/// Who waits for a connection, in the order of the queue: the first is mostly the next to be woken.
#[derive(Default)]
pub(super) struct Wakers(VecDeque<(WaiterId, Waker)>);

impl Wakers {
    fn place(&self, waiter: WaiterId) -> Result<usize, usize> {
        self.0.binary_search_by_key(&waiter, |(id, _)| *id)
    }

    pub(super) fn insert(&mut self, waiter: WaiterId, waker: Waker) {
        match self.place(waiter) {
            Ok(at) => {
                if let Some((_, known)) = self.0.get_mut(at) {
                    *known = waker;
                }
            }
            Err(at) => self.0.insert(at, (waiter, waker)),
        }
    }

    pub(super) fn remove(&mut self, waiter: WaiterId) -> Option<Waker> {
        let (_, waker) = self.0.remove(self.place(waiter).ok()?)?;
        Some(waker)
    }
}

/// What to do once the lock is released.
#[derive(Default)]
pub(super) struct Actions {
    /// The one to be woken, as it mostly is.
    first: Option<Waker>,
    wake: Vec<Waker>,
    close: Vec<Arc<dyn Session>>,
}

impl Actions {
    fn wake(&mut self, waker: Option<Waker>) {
        match self.first {
            None => self.first = waker,
            Some(_) => self.wake.extend(waker),
        }
    }

    fn run(self) {
        self.close.iter().for_each(|session| session.close());
        let all = self.first.into_iter().chain(self.wake);
        all.for_each(Waker::wake);
    }
}

impl Pooled {
    pub(super) fn place(&mut self, slot: SlotId) -> &mut Place {
        let index = slot.index();
        if self.places.len() <= index {
            self.places.resize_with(index + 1, Place::default);
        }
        #[expect(clippy::indexing_slicing, reason = "the line above made the place")]
        &mut self.places[index]
    }

    /// Empties a place whose connection is gone.
    pub(super) fn discard(&mut self, slot: SlotId) {
        let gone = std::mem::take(self.place(slot));
        self.metrics.closed += u64::from(gone.session.is_some());
        self.discarded.extend(gone.session);
    }

    /// Somebody has waited this long in the queue.
    pub(super) fn count_wait(&mut self, waited: Duration) {
        self.metrics.waited += 1;
        self.metrics.wait_time += waited;
    }

    fn actions(&mut self) -> Option<Actions> {
        let idle = self.discarded.is_empty() && !self.pool.has_events();
        if idle && !self.pool.is_closed() && !self.pool.is_down() {
            return None;
        }
        let mut actions = Actions::default();
        actions.close.append(&mut self.discarded);
        while let Some(event) = self.pool.poll_event() {
            match event {
                Event::Grant { waiter, .. }
                | Event::Connect { waiter, .. }
                | Event::Refuse(waiter) => {
                    actions.wake(self.wakers.remove(waiter));
                }
                Event::Close(slot) => {
                    self.metrics.closed += 1;
                    actions.close.extend(self.place(slot).session.take());
                }
            }
        }
        if self.pool.is_drained() {
            actions.wake.append(&mut self.closers);
        }
        if self.look.is_some_and(|look| self.is_wanted_before(look)) {
            actions.wake(self.housekeeper.take());
        }
        Some(actions)
    }
}

impl Pooled {
    /// Whether the task that keeps house has to look before `look`: to end, or because who waits for
    /// a server that was out of reach may try again.
    fn is_wanted_before(&self, look: Instant) -> bool {
        self.pool.is_closed() || self.pool.next_attempt().is_some_and(|next| next < look)
    }
}

impl<R: Runtime> Drop for Inner<R> {
    /// Nothing is borrowed any more: whoever borrows keeps the engine.
    fn drop(&mut self) {
        let (places, housekeeper) = {
            let mut pooled = self.peek();
            (
                std::mem::take(&mut pooled.places),
                pooled.housekeeper.take(),
            )
        };
        let sessions = places.into_iter().filter_map(|place| place.session);
        sessions.for_each(|session| session.close());
        if let Some(housekeeper) = housekeeper {
            housekeeper.wake();
        }
    }
}

impl<R: Runtime> Inner<R> {
    pub(super) fn new(
        config: Arc<Config>,
        runtime: R,
        hooks: Hooks<R>,
        catalog: Arc<Catalog>,
        observers: Observers,
    ) -> Inner<R> {
        let limits = Limits {
            min: config.min_size,
            max: config.max_size,
            max_inactive: config.max_inactive_connection_lifetime,
            max_uses: config.max_queries.and_then(|uses| u64::try_from(uses).ok()),
            max_lifetime: config.max_lifetime,
            idle_check: config.idle_check,
        };
        let pool = Pool::new(limits, runtime.random());
        let pooled = Pooled {
            pool,
            metrics: Metrics::default(),
            places: Vec::new(),
            wakers: Wakers::default(),
            closers: Vec::new(),
            discarded: Vec::new(),
            last_failure: None,
            warm: false,
            look: None,
            housekeeper: None,
        };
        Inner {
            config,
            runtime,
            hooks,
            catalog,
            observers,
            pooled: Mutex::new(pooled),
        }
    }

    /// Looks at the pool without changing it.
    pub(super) fn peek(&self) -> MutexGuard<'_, Pooled> {
        self.pooled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the pool, then does what it asks for: wakes and closes, without the lock.
    pub(super) fn with_pool<T>(self: &Arc<Self>, change: impl FnOnce(&mut Pooled) -> T) -> T {
        let (value, actions, keep_house) = {
            let mut pooled = self.peek();
            let value = change(&mut pooled);
            let actions = pooled.actions();
            let due = pooled.look.is_none();
            if due {
                pooled.look = pooled.pool.next_deadline();
            }
            (value, actions, due && pooled.look.is_some())
        };
        if let Some(actions) = actions {
            actions.run();
        }
        if keep_house {
            self.keep_house();
        }
        value
    }

    /// Closes what is idle for too long and has who waits try again, as long as there is something that
    /// may become so.
    fn keep_house(self: &Arc<Self>) {
        let (weak, runtime) = (Arc::downgrade(self), self.runtime.clone());
        let keeping = OnDrop::new(Weak::clone(&weak), Self::leave_house);
        self.runtime.spawn(async move {
            loop {
                let Some(inner) = weak.upgrade() else { break };
                let next = {
                    let mut pooled = inner.peek();
                    pooled.look = pooled.pool.next_deadline();
                    pooled.look
                };
                drop(inner);
                let Some(next) = next else { break };
                idle(&weak, next, runtime.sleep_until(next)).await;
                let Some(inner) = weak.upgrade() else { break };
                inner.with_pool(|pooled| pooled.pool.handle_timeout(inner.runtime.now()));
                if inner.peek().warm {
                    // What a connection cannot be opened for is told to who needs one.
                    drop(inner.warm_up(inner.config.min_size).await);
                }
            }
            keeping.keep();
        });
    }

    /// The runtime that the house was kept in has ended: who waits in another begins again.
    fn leave_house(house: Weak<Self>) {
        let Some(inner) = house.upgrade() else { return };
        let waiting = {
            let mut pooled = inner.peek();
            pooled.look = None;
            std::mem::take(&mut pooled.wakers)
        };
        waiting.0.into_iter().for_each(|(_, waker)| waker.wake());
    }
}

/// Until `sleep` is over at `look`, or something has to be done before.
async fn idle<R: Runtime>(house: &Weak<Inner<R>>, look: Instant, mut sleep: R::Sleep) {
    std::future::poll_fn(|cx| {
        let Some(inner) = house.upgrade() else {
            return Poll::Ready(());
        };
        let before = {
            let mut pooled = inner.peek();
            if pooled.is_wanted_before(look) {
                return Poll::Ready(());
            }
            pooled.housekeeper.replace(cx.waker().clone())
        };
        drop(before);
        Pin::new(&mut sleep).poll(cx)
    })
    .await;
}
