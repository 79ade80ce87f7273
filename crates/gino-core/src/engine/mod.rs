//! Owns the flows: acquire → run → release, transactions, cursors, time-outs, cancellation and reset,
//! as `async fn` over the runtime seam, written once for both faces.
//! Never knows a protocol's messages (but for `open`, which picks the backend) or a host's values.

mod signal;
mod on_drop;
mod timeout;
mod inner;
mod target;
mod open;
mod cancel;
mod late;
mod run;
mod seat;
mod learn;
mod observe;
mod figures;
mod heal;
mod outage;
mod borrow;
mod acquire;
mod hook;
mod close;
mod transaction;
mod cursor;
mod copy;
mod handle;

use std::sync::Arc;

pub use acquire::{Lease, Releasing};
pub use copy::{Copied, CopyIn, CopyOut};
pub use cursor::Cursor;
pub use figures::{ConnectionFigures, Figures, Holding, Metrics, Origin};
pub use handle::{AcquireOptions, Handle};
pub use hook::{Hook, Hooks};
pub use observe::{Observation, Observer, Observers, Outcome, PoolEvent, QueryReport};
pub use seat::{AfterCommit, Seat};
pub use timeout::{Limit, Scope, within};
pub use transaction::{Isolation, Transaction, TransactionOptions};

use crate::codec::Catalog;
use crate::config::Config;
use crate::runtime::Runtime;
use inner::Inner;

/// A pool of connections to one database, and the flows over it. Clones share the pool.
///
/// Nothing connects before it is asked to.
pub struct Engine<R: Runtime>(Arc<Inner<R>>);

impl<R: Runtime> Clone for Engine<R> {
    fn clone(&self) -> Self {
        Engine(Arc::clone(&self.0))
    }
}

impl<R: Runtime> Engine<R> {
    /// An engine over `config` in `runtime`.
    pub fn new(config: Arc<Config>, runtime: R) -> Engine<R> {
        Engine::with_hooks(
            config,
            runtime,
            Hooks::default(),
            Arc::new(Catalog::closed()),
        )
    }

    /// The same, with what is to be done with each connection, and what is known of the database's
    /// types, which others may share.
    pub fn with_hooks(
        config: Arc<Config>,
        runtime: R,
        hooks: Hooks<R>,
        catalog: Arc<Catalog>,
    ) -> Engine<R> {
        Engine::with_observers(config, runtime, hooks, catalog, Observers::default())
    }

    /// The same, with a list of observers that it may share with other engines.
    pub fn with_observers(
        config: Arc<Config>,
        runtime: R,
        hooks: Hooks<R>,
        catalog: Arc<Catalog>,
        observers: Observers,
    ) -> Engine<R> {
        let inner = Inner::new(config, runtime, hooks, catalog, observers);
        Engine(Arc::new(inner))
    }

    /// From now on `observer` is told of each finished statement and of the pool's connections.
    pub fn observe(&self, observer: Arc<dyn Observer>) -> Observation {
        self.0.observers.add(observer)
    }

    /// The engine that a borrowed connection belongs to.
    pub fn of(seat: &Seat<R>) -> Engine<R> {
        Engine(Arc::clone(&seat.inner))
    }

    /// Whether both share one pool.
    pub fn is_same(&self, other: &Engine<R>) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The configuration.
    pub fn config(&self) -> &Arc<Config> {
        &self.0.config
    }

    /// The runtime.
    pub fn runtime(&self) -> &R {
        &self.0.runtime
    }
}

#[cfg(test)]
mod tests;
