//! Owns GINO's contextual connections as the application sees them: acquiring, reuse, release.
//! Never borrows by itself: `gino_core::engine::Handle` does.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gino_core::engine::{AcquireOptions, Limit, TransactionOptions};
use gino_core::error::{Error, Result};

use crate::context::{self, Core, Entered, Handle};
use crate::query::{Place, Target, sealed};
use crate::transaction::{self, Transaction};

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
    /// Runs `body` in a transaction on this connection; in a savepoint, if it is in one already.
    /// Implicit statements in `body` run there too.
    ///
    /// # Errors
    /// `body`'s, after a rollback; the server's, a failed commit included.
    ///
    /// # Cancellation
    /// Rolled back.
    pub async fn transaction<T, E>(
        &self,
        body: impl AsyncFnOnce(Transaction) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.transaction_with(TransactionOptions::default(), body)
            .await
    }

    /// The same with an isolation level, read only or deferrable. Savepoints have no options.
    ///
    /// # Errors
    /// As [`Connection::transaction`].
    ///
    /// # Cancellation
    /// Rolled back.
    pub async fn transaction_with<T, E>(
        &self,
        options: TransactionOptions,
        body: impl AsyncFnOnce(Transaction) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        let Acquired { core, handle, .. } = &*self.0;
        context::scope(async {
            let _entered = context::enter(core, handle);
            let seat = Box::pin(handle.seat(None)).await?;
            transaction::run(core, seat, options, body).await
        })
        .await
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

    /// What it stands on.
    pub(crate) fn handle(&self) -> &Handle {
        &self.0.handle
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
    fn target(&self) -> Target<'_> {
        Target::new(&self.0.core, Place::Handle(&self.0.handle))
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
    core: Core,
    reuse: bool,
    lazy: bool,
    reusable: bool,
    timeout: Option<Duration>,
}

impl Acquire {
    pub(crate) fn new(core: Core) -> Acquire {
        Acquire {
            core,
            reuse: false,
            lazy: false,
            reusable: true,
            timeout: None,
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
        context::scope(async {
            let connection = self.acquire().await?;
            let outcome = Box::pin(body(connection.clone())).await;
            // The body may have released it itself.
            let _ = connection.release(true).await;
            outcome
        })
        .await
    }

    async fn acquire(self) -> Result<Connection> {
        let newest = context::newest(&self.core);
        let options = AcquireOptions {
            reuse: self.reuse,
            lazy: self.lazy,
            reusable: self.reusable,
            limit: Limit::within(self.core.runtime(), self.timeout),
        };
        let handle = Box::pin(self.core.handle(newest.as_deref(), options)).await?;
        let handle = Arc::new(handle);
        let entered = Mutex::new(context::enter(&self.core, &handle));
        Ok(Connection(Arc::new(Acquired {
            core: self.core,
            handle,
            entered,
        })))
    }
}

impl IntoFuture for Acquire {
    type Output = Result<Connection>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Connection>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.acquire())
    }
}
