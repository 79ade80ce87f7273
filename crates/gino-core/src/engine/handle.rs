//! Owns GINO's contextual connections: reuse, lazy and permanent release. A face keeps handles on
//! its task's [`crate::stack::Stack`] and asks for the newest when it needs one.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use super::figures::Origin;
use super::seat::Seat;
use super::signal::Signal;
use super::timeout::{Limit, Scope, race};
use super::{Engine, Lease, close};
use crate::error::{Deadline, Result, UsageError};
use crate::runtime::Runtime;

/// How a contextual connection is acquired.
#[derive(Debug, Clone)]
pub struct AcquireOptions {
    /// Stand on the task's newest reusable connection if there is one.
    pub reuse: bool,
    /// Borrow nothing before the first query.
    pub lazy: bool,
    /// May be reused by others of the same task.
    pub reusable: bool,
    /// For borrowing; of a lazy one for each time that it borrows.
    pub limit: Option<Limit>,
    /// For all that runs on it.
    pub scope: Scope,
    /// Where in the application it is asked for.
    pub origin: Option<Origin>,
}

/// A contextual connection: the root that borrows, or one that stands on a root.
pub struct Handle<R: Runtime> {
    root: Arc<Root<R>>,
    reusing: bool,
    reusable: bool,
    scope: Scope,
    /// How long a lazy one waits for a connection, where nothing shorter is said.
    patience: Option<Duration>,
    released: AtomicBool,
}

struct Root<R: Runtime> {
    engine: Engine<R>,
    state: Mutex<State<R>>,
    origin: Option<Origin>,
    settled: Signal,
}

enum State<R: Runtime> {
    Empty,
    Borrowing,
    Held(Lease<R>),
    /// Somebody else's, for a time.
    Lent(Arc<Seat<R>>),
    Released,
}

impl<R: Runtime> Engine<R> {
    /// Makes a contextual connection; `newest` is the task's newest reusable one.
    ///
    /// # Errors
    /// As [`Engine::acquire`], unless it is lazy.
    ///
    /// # Cancellation
    /// As [`Engine::acquire`].
    pub async fn handle(
        &self,
        newest: Option<&Handle<R>>,
        options: AcquireOptions,
    ) -> Result<Handle<R>> {
        let newest = newest.filter(|_| options.reuse);
        let reused = newest.map(|handle| Arc::clone(&handle.root));
        let outer = newest.map_or(Scope::default(), |handle| handle.scope);
        let reusing = reused.is_some();
        let root = reused.unwrap_or_else(|| {
            let state = Mutex::new(State::Empty);
            Arc::new(Root {
                engine: self.clone(),
                state,
                origin: options.origin,
                settled: Signal::opened(),
            })
        });
        let reusable = options.reusable && !reusing;
        let handle = Handle {
            root,
            reusing,
            reusable,
            scope: options.scope.inside(outer),
            patience: options
                .limit
                .filter(|_| options.lazy)
                .map(|limit| limit.duration),
            released: AtomicBool::new(false),
        };
        if !options.lazy {
            handle.seat(options.limit.or(handle.scope.deadline)).await?;
        }
        Ok(handle)
    }
}

impl<R: Runtime> Handle<R> {
    /// A contextual connection on a seat that somebody else gives back: for hooks.
    pub fn lent(seat: Arc<Seat<R>>) -> Handle<R> {
        let engine = Engine(Arc::clone(&seat.inner));
        Handle {
            root: Arc::new(Root {
                engine,
                state: Mutex::new(State::Lent(seat)),
                origin: None,
                settled: Signal::opened(),
            }),
            reusing: false,
            reusable: false,
            scope: Scope::default(),
            patience: None,
            released: AtomicBool::new(false),
        }
    }

    /// Where requests run; borrows a connection if there is none.
    ///
    /// # Errors
    /// As [`Engine::acquire`]; `Released` after a permanent release.
    ///
    /// # Cancellation
    /// As [`Engine::acquire`].
    pub async fn seat(&self, limit: Option<Limit>) -> Result<Arc<Seat<R>>> {
        if self.released.load(Ordering::Acquire) {
            return Err(UsageError::Released.into());
        }
        if let Some(seat) = self.current_seat() {
            return Ok(seat);
        }
        let inner = &self.root.engine.0;
        let limit = match (limit, Limit::within(&inner.runtime, self.patience)) {
            (Some(given), Some(own)) if own.at < given.at => Some(own),
            (given, own) => given.or(own),
        };
        let late = |limit: Limit| close::pool_timeout(inner, Deadline::Acquire, limit.duration);
        let borrowing = pin!(self.root.borrow(limit.is_some()));
        race(&inner.runtime, limit, late, borrowing).await
    }

    /// The engine that it borrows from.
    pub fn engine(&self) -> &Engine<R> {
        &self.root.engine
    }

    /// The time-outs of all that runs on it.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Where requests run now; none if nothing is borrowed.
    pub fn current_seat(&self) -> Option<Arc<Seat<R>>> {
        match &*self.root.lock() {
            State::Held(lease) => Some(Arc::clone(lease.seat())),
            State::Lent(seat) => Some(Arc::clone(seat)),
            _ => None,
        }
    }

    /// Gives the connection back. For good, if `permanent`; else the next query borrows again.
    /// Returns whether a connection went back: never for one that stands on another.
    ///
    /// # Errors
    /// `AlreadyReleased` for the second permanent release of a reusable root; that of the `released`
    /// hook.
    ///
    /// # Cancellation
    /// Finished in the background.
    pub async fn release(&self, permanent: bool) -> Result<bool> {
        let again = permanent && self.released.swap(true, Ordering::AcqRel);
        if again && self.reusable && !self.reusing {
            return Err(UsageError::AlreadyReleased.into());
        }
        if self.reusing || again {
            return Ok(false);
        }
        let Some(lease) = self.root.give_up(permanent) else {
            return Ok(false);
        };
        lease.try_release().await?;
        Ok(true)
    }

    /// Whether it stands on another connection.
    pub fn is_reusing(&self) -> bool {
        self.reusing
    }

    /// Whether implicit queries of its task may use it.
    pub fn is_reusable(&self) -> bool {
        self.reusable
    }

    /// Whether it was released for good.
    pub fn is_released(&self) -> bool {
        self.released.load(Ordering::Acquire)
    }

    /// Whether both stand on the same root.
    pub fn shares_root(&self, other: &Handle<R>) -> bool {
        Arc::ptr_eq(&self.root, &other.root)
    }
}

impl<R: Runtime> Root<R> {
    fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the lease out. For good, it also ends a borrowing that has not come to one yet.
    fn give_up(&self, permanent: bool) -> Option<Lease<R>> {
        let before = {
            let mut state = self.lock();
            match (&*state, permanent) {
                (State::Held(_), false) => std::mem::replace(&mut *state, State::Empty),
                (_, true) => std::mem::replace(&mut *state, State::Released),
                _ => return None,
            }
        };
        self.settled.open();
        match before {
            State::Held(lease) => Some(lease),
            _ => None,
        }
    }

    async fn borrow(&self, patient: bool) -> Result<Arc<Seat<R>>> {
        loop {
            {
                let mut state = self.lock();
                match &*state {
                    State::Held(lease) => return Ok(Arc::clone(lease.seat())),
                    State::Lent(seat) => return Ok(Arc::clone(seat)),
                    State::Released => return Err(UsageError::Released.into()),
                    State::Borrowing => {}
                    State::Empty => {
                        *state = State::Borrowing;
                        self.settled.close();
                        break;
                    }
                }
            }
            self.settled.wait().await;
        }
        let borrowing = Borrowing(self);
        let lease = self.unless_released(self.engine.0.acquire(patient)).await?;
        lease.name_holder(self.origin.clone());
        borrowing.done(lease)
    }

    /// Runs `flow`, which is dropped as soon as this root, which is borrowing, is released for good.
    async fn unless_released<T>(&self, flow: impl Future<Output = Result<T>>) -> Result<T> {
        let mut flow = pin!(flow);
        let mut released = pin!(self.settled.wait());
        poll_fn(|cx| match flow.as_mut().poll(cx) {
            Poll::Pending => released
                .as_mut()
                .poll(cx)
                .map(|()| Err(UsageError::Released.into())),
            ready => ready,
        })
        .await
    }
}

/// A root that is about to have a connection; without one again if that is given up.
struct Borrowing<'a, R: Runtime>(&'a Root<R>);

impl<R: Runtime> Borrowing<'_, R> {
    fn done(self, lease: Lease<R>) -> Result<Arc<Seat<R>>> {
        let seat = Arc::clone(lease.seat());
        let mut state = self.0.lock();
        if matches!(*state, State::Borrowing) {
            *state = State::Held(lease);
            drop(state);
            Ok(seat)
        } else {
            drop(state);
            // Released while it was borrowed: the lease goes straight back.
            Err(UsageError::Released.into())
        }
    }
}

impl<R: Runtime> Drop for Borrowing<'_, R> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if matches!(*state, State::Borrowing) {
            *state = State::Empty;
        }
        drop(state);
        self.0.settled.open();
    }
}
