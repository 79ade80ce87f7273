//! Owns the entrance: an engine from a URL, and everything that starts from it.
//! Never runs a statement itself: `query` does, on the current connection or one of the pool.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gino_core::config::Config;
use gino_core::engine::{Figures, TransactionOptions};
use gino_core::error::{Error, Result};

use crate::connection::{Acquire, Connection};
use crate::context::Core;
use crate::driver::TokioRuntime;
use crate::query::{Place, Target, sealed};
use crate::transaction::Transaction;

/// A pool of connections to one database. Clones share the pool.
///
/// Statements run on the current connection, if they are inside
/// [`transaction`](Engine::transaction) or [`with_connection`](Engine::with_connection) of the
/// same task, else on one that is borrowed for the statement.
#[derive(Clone)]
pub struct Engine {
    core: Core,
}

impl Engine {
    /// Connects to the database of `url`, `postgresql://user:password@host:port/database?settings`,
    /// and opens `min_size` connections (default 10). What the URL leaves out comes from libpq's
    /// environment variables, such as `PGPASSWORD`.
    ///
    /// # Errors
    /// A usage error that names the setting at fault; what connecting came to.
    ///
    /// # Cancellation
    /// Closes what was opened.
    pub async fn connect(url: &str) -> Result<Engine> {
        let engine = Engine::new(Config::parse(Some(url), &environment)?)?;
        match engine.core.warm_up().await {
            Ok(()) => Ok(engine),
            Err(error) => {
                engine.terminate();
                Err(error)
            }
        }
    }

    /// An engine that connects when it is first used.
    ///
    /// # Errors
    /// A usage error for settings that do not fit together.
    pub fn new(config: Config) -> Result<Engine> {
        config.check()?;
        let core = Core::new(Arc::new(config), TokioRuntime::new());
        Ok(Engine { core })
    }

    /// Acquires a connection: `engine.acquire().await?`, or with options before the `await`.
    pub fn acquire(&self) -> Acquire {
        Acquire::new(self.core.clone())
    }

    /// Runs `body` with a connection; this engine's statements in `body` use it too.
    /// Short for `engine.acquire().scope(body)`.
    ///
    /// # Errors
    /// `body`'s; what acquiring came to.
    ///
    /// # Cancellation
    /// The connection goes back.
    pub async fn with_connection<T, E>(
        &self,
        body: impl AsyncFnOnce(Connection) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.acquire().scope(body).await
    }

    /// Runs `body` in a transaction; this engine's statements in `body` run in it too. Inside
    /// another transaction of the same task it is a savepoint. An `Err` rolls back.
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
    /// As [`Engine::transaction`].
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
        let acquire = self.acquire().reuse();
        acquire
            .scope(async |connection: Connection| connection.transaction_with(options, body).await)
            .await
    }

    /// Refuses new borrowers, closes idle connections and waits up to `grace` for the others.
    ///
    /// # Errors
    /// A `Timeout` that names who still holds connections; those are closed then.
    ///
    /// # Cancellation
    /// The engine stays closed; what is borrowed is closed when it comes back.
    pub async fn close(&self, grace: Duration) -> Result<()> {
        self.core.close(grace).await
    }

    /// Closes everything at once. Statements that run fail with `Closed`.
    pub fn terminate(&self) {
        self.core.terminate();
    }

    /// Whether the engine is closed or closing.
    pub fn is_closed(&self) -> bool {
        self.core.is_closed()
    }

    /// How many connections there are, and in whose hands.
    pub fn figures(&self) -> Figures {
        self.core.figures()
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        self.core.config()
    }
}

impl sealed::Runs for Engine {
    fn target(&self) -> Target<'_> {
        Target::new(&self.core, Place::Pool)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("url", &self.config().dsn_without_password())
            .field("figures", &self.figures())
            .finish()
    }
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
