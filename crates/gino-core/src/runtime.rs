//! Owns the seam: the four things that the engine asks of its surroundings.
//! Never implemented here, but for the deterministic runtime of core's own tests.

use std::sync::Arc;

use crate::clock::Instant;
use crate::config::Endpoint;
use crate::error::Result;
use crate::session::Wire;

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

    /// Opens a socket to `endpoint`, attaches it to `wire` and feeds the wire from then on.
    ///
    /// # Errors
    /// A `ConnectError` with the phase, the address and the system's reason.
    ///
    /// # Cancellation
    /// Dropping the future closes what was opened.
    fn connect(
        &self,
        endpoint: &Endpoint,
        wire: Arc<dyn Wire>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Who is asking, for messages about held connections: a task's or thread's name.
    fn caller(&self) -> Option<Arc<str>> {
        None
    }
}
