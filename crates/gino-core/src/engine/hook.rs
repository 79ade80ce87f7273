//! Owns what the application does with each connection of a pool: after it is opened, before it is
//! handed out, before it is idle again. `acquire` and `heal` call it, faces supply the functions.

use std::pin::Pin;
use std::sync::Arc;

use super::acquire::Lease;
use super::on_drop::OnDrop;
use super::seat::Seat;
use crate::error::Result;
use crate::runtime::Runtime;

/// An async function over a borrowed connection.
pub type Hook<R> =
    Arc<dyn Fn(Arc<Seat<R>>) -> Pin<Box<dyn Future<Output = Result<()>> + Send>> + Send + Sync>;

/// What the application does with each connection. One whose hook fails, or is cancelled, is closed.
pub struct Hooks<R: Runtime> {
    /// Once, when a connection was opened. Its error is that of the acquire, or of the warming up.
    ///
    /// What it sets is there for the first borrower; it goes with the first reset, as everything.
    pub opened: Option<Hook<R>>,
    /// Each time before a connection is handed out, within the limit of the acquire.
    pub acquired: Option<Hook<R>>,
    /// Each time before a connection is idle again, after a rollback if one was needed, instead of
    /// the reset. It has 10 seconds with everything else that makes the connection whole.
    pub released: Option<Hook<R>>,
}

impl<R: Runtime> Clone for Hooks<R> {
    fn clone(&self) -> Self {
        Hooks {
            opened: self.opened.clone(),
            acquired: self.acquired.clone(),
            released: self.released.clone(),
        }
    }
}

impl<R: Runtime> Default for Hooks<R> {
    fn default() -> Self {
        Hooks {
            opened: None,
            acquired: None,
            released: None,
        }
    }
}

impl<R: Runtime> Lease<R> {
    /// Runs `hook` on the connection, if there is one; closes it if that fails.
    ///
    /// # Cancellation
    /// The connection is closed: nobody knows how far the hook came.
    pub(super) async fn hooked(self, hook: Option<&Hook<R>>) -> Result<Lease<R>> {
        let Some(hook) = hook else {
            return Ok(self);
        };
        let closing = OnDrop::new(Arc::clone(self.seat()), |seat| seat.session.close());
        hook(Arc::clone(self.seat())).await?;
        closing.keep();
        Ok(self)
    }
}
