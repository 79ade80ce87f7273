//! Owns the seam: the four things that the engine asks of its surroundings.
//! Never implemented here, but for the deterministic runtime of core's own tests.

use std::sync::Arc;

use crate::clock::Instant;
use crate::error::Result;
use crate::session::{Channel, Route, Wire};

/// A face's runtime: tokio, an asyncio loop, or a test's virtual clock.
pub trait Runtime: Clone + Send + Sync + 'static {
    /// A sleep that ends by itself; dropping it cancels it.
    type Sleep: Future<Output = ()> + Send + Unpin;

    /// The time now.
    fn now(&self) -> Instant;

    /// Sleeps until `at`.
    fn sleep_until(&self, at: Instant) -> Self::Sleep;

    /// Runs `task` in the background, independent of the caller.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static);

    /// Opens a socket to `route`, encrypts it if that is asked for, attaches it to `wire` and feeds
    /// the wire from then on. Returns how it is secured.
    ///
    /// # Errors
    /// A `ConnectError` with the phase, the address and the system's reason; a usage error for
    /// certificates and keys that cannot be used.
    ///
    /// # Cancellation
    /// Dropping the future closes what was opened.
    fn connect(
        &self,
        route: &Route,
        wire: Arc<dyn Wire>,
    ) -> impl Future<Output = Result<Channel>> + Send;

    /// A number that nobody can foretell, for choices that shall not be alike everywhere.
    fn random(&self) -> u64;

    /// Puts `items` into random order.
    fn shuffle<T>(&self, items: &mut [T]) {
        // Fisher and Yates's.
        for last in (1..items.len()).rev() {
            let bound = u64::try_from(last + 1).unwrap_or(u64::MAX);
            let pick = usize::try_from(self.random() % bound).unwrap_or(last);
            items.swap(last, pick);
        }
    }

    /// Who is asking, for messages about held connections.
    fn caller(&self) -> Option<Arc<dyn Caller>> {
        None
    }
}

/// Somebody who asked for a connection. Every statement that borrows one leaves this behind: words are
/// made only when somebody has to be told.
pub trait Caller: Send + Sync {
    /// The task's or thread's name; none if it has ended.
    fn name(&self) -> Option<Arc<str>>;

    /// The line at which it waits now, as `file:line`, if the host can tell.
    fn place(&self) -> Option<Arc<str>> {
        None
    }
}
