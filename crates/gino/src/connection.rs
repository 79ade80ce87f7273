//! Owns GINO's contextual connections as the application sees them: acquiring, reuse, release.
//! Never borrows by itself: `gino_core::engine::Handle` does.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gino_core::engine::{AcquireOptions, Origin, Scope};
use gino_core::error::{Error, Result, UsageError};

use crate::context::{self, Entered};
use crate::driver::{Core, Handle, Seat};
use crate::query::{Place, Target, sealed};

/// A connection that is borrowed from the pool, or will be with its first statement if it is lazy.
///
/// It goes back with [`Connection::release`], or when the last clone is dropped; what it left
/// behind is rolled back before anybody else gets it. Statements of several tasks queue on it.
#[derive(Clone)]
pub struct Connection(Arc<Acquired>);

struct Acquired {
    core: Core,
    handle: Arc<Handle>,
    entered: Mutex<Option<Entered>>,
}

impl Connection {
    /// One that somebody else gives back: for hooks.
    pub(crate) fn lent(core: Core, handle: Handle) -> Connection {
        Connection(Arc::new(Acquired {
            core,
            handle: Arc::new(handle),
            entered: Mutex::default(),
        }))
    }

    /// Gives the connection back: for good, if `permanent`, else until the next statement borrows
    /// again. Returns whether a connection went back; one that stands on another has none to give.
    ///
    /// # Errors
    /// A usage error for the second permanent release.
    ///
    /// # Cancellation
    /// Finished in the background.
    pub async fn release(&self, permanent: bool) -> Result<bool> {
        if permanent {
            let mut entered = self
                .0
                .entered
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let left = entered.take();
            drop(entered);
            drop(left);
        }
        self.0.handle.release(permanent).await
    }

    /// Gives back what is borrowed, unless somebody uses it, a transaction is open, or it stands on
    /// another connection; the next statement borrows again.
    #[cfg(any(feature = "actix", feature = "axum"))]
    pub(crate) async fn give_back(&self) {
        if self
            .handle()
            .current_seat()
            .is_some_and(|seat| seat.is_settled())
        {
            // Who released it meanwhile has done the same.
            let _ = self.release(false).await;
        }
    }

    /// What it stands on.
    pub(crate) fn handle(&self) -> &Arc<Handle> {
        &self.0.handle
    }

    /// The engine it is one of.
    pub(crate) fn core(&self) -> &Core {
        &self.0.core
    }

    /// Where its statements run; borrows a connection if there is none.
    pub(crate) async fn seat(&self) -> Result<Arc<Seat>> {
        let limit = context::limit(self.core().runtime(), None);
        self.handle().seat(limit).await
    }

    /// Whether a connection of the pool is borrowed at the moment.
    pub fn is_borrowed(&self) -> bool {
        self.0.handle.current_seat().is_some()
    }

    /// Whether it was released for good.
    pub fn is_released(&self) -> bool {
        self.0.handle.is_released()
    }

    /// A setting that the server reports by itself, such as `server_version` or `TimeZone`; `None`
    /// as long as nothing is borrowed.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.0.handle.current_seat()?.parameter(name)
    }
}

impl sealed::Runs for Connection {
    fn target(&self) -> Result<Target<'_>> {
        Ok(Target::new(&self.0.core, Place::Handle(&self.0.handle)))
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("borrowed", &self.is_borrowed())
            .field("released", &self.is_released())
            .finish()
    }
}

/// How to acquire a connection; await it to have one.
#[must_use = "nothing is acquired before it is awaited"]
#[derive(Clone)]
pub struct Acquire {
    /// None if nothing is bound.
    core: Option<Core>,
    reuse: bool,
    lazy: bool,
    reusable: bool,
    timeout: Option<Duration>,
    origin: &'static Location<'static>,
}

impl Acquire {
    #[track_caller]
    pub(crate) fn new(core: Option<Core>) -> Acquire {
        Acquire::at(Location::caller(), core)
    }

    /// For the line `origin` of the application.
    pub(crate) fn at(origin: &'static Location<'static>, core: Option<Core>) -> Acquire {
        Acquire {
            core,
            reuse: false,
            lazy: false,
            reusable: true,
            timeout: None,
            origin,
        }
    }

    /// Stand on the newest reusable connection of the current scope, if there is one, instead of
    /// borrowing another. Releasing gives nothing back then.
    pub fn reuse(mut self) -> Acquire {
        self.reuse = true;
        self
    }

    /// Borrow nothing before the first statement.
    pub fn lazy(mut self) -> Acquire {
        self.lazy = true;
        self
    }

    /// Whether implicit statements in the current scope may use the connection. Default: true.
    pub fn reusable(mut self, reusable: bool) -> Acquire {
        self.reusable = reusable;
        self
    }

    /// How long to wait for a connection. Default: as long as it takes.
    pub fn timeout(mut self, timeout: Duration) -> Acquire {
        self.timeout = Some(timeout);
        self
    }

    /// Acquires, runs `body` in a scope whose implicit statements use the connection, and releases.
    ///
    /// # Errors
    /// `body`'s; a `Timeout` that names who holds connections; what connecting came to.
    ///
    /// # Cancellation
    /// The connection goes back.
    pub async fn scope<T, E>(
        self,
        body: impl AsyncFnOnce(Connection) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.enter(body).await?
    }

    /// As [`Acquire::scope`], with a body that may give anything.
    ///
    /// # Errors
    /// What acquiring came to.
    pub(crate) async fn enter<T>(self, body: impl AsyncFnOnce(Connection) -> T) -> Result<T> {
        context::scope(None, async {
            let connection = self.acquire().await?;
            let outcome = Box::pin(body(connection.clone())).await;
            // The body may have released it itself.
            let _ = connection.release(true).await;
            Ok(outcome)
        })
        .await
    }

    pub(crate) fn core(&self) -> Option<&Core> {
        self.core.as_ref()
    }

    async fn acquire(self) -> Result<Connection> {
        let core = self.core.ok_or(UsageError::Uninitialized)?;
        let newest = context::newest(&core);
        let options = AcquireOptions {
            reuse: self.reuse,
            lazy: self.lazy,
            reusable: self.reusable,
            limit: context::limit(core.runtime(), self.timeout),
            // Deadlines are the task's, not the connection's: see `context`.
            scope: Scope::NONE,
            origin: Some(Origin::Rust(self.origin)),
        };
        let handle = Box::pin(core.handle(newest.as_deref(), options)).await?;
        let handle = Arc::new(handle);
        let entered = match handle.is_reusable() {
            true => context::enter(&core, &handle),
            false => None,
        };
        let entered = Mutex::new(entered);
        Ok(Connection(Arc::new(Acquired {
            core,
            handle,
            entered,
        })))
    }
}

impl fmt::Debug for Acquire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire")
            .field("reuse", &self.reuse)
            .field("lazy", &self.lazy)
            .field("reusable", &self.reusable)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl IntoFuture for Acquire {
    type Output = Result<Connection>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Connection>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.acquire())
    }
}
