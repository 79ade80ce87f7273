//! Owns how a transaction is begun: on what, with which options, how often it is tried. What an engine
//! and a database have in common for that stands here once.
//! Never begins one itself: `transaction` does.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use gino_core::engine::{Isolation, TransactionOptions};
use gino_core::error::{Error, Result, UsageError};
use gino_core::runtime::Runtime;

use crate::connection::{Acquire, Connection};
use crate::driver::Core;
use crate::transaction::{Ended, Transaction, run};

/// The scopes of what has `acquire()`.
macro_rules! scopes {
    ($of:ty) => {
        impl $of {
            /// Runs `body` with a connection; implicit statements in `body` use it too.
            /// Short for `acquire().scope(body)`.
            ///
            /// # Errors
            /// `body`'s; what acquiring came to; of a [`Gino`](crate::Gino) without an engine
            /// `UsageError::Uninitialized`.
            ///
            /// # Cancellation
            /// The connection goes back.
            #[track_caller]
            pub fn with_connection<T, E>(
                &self,
                body: impl AsyncFnOnce($crate::Connection) -> Result<T, E>,
            ) -> impl Future<Output = Result<T, E>>
            where
                E: From<$crate::Error>,
            {
                self.acquire().scope(body)
            }

            /// Runs `body` in a transaction; implicit statements in `body` run in it too. Inside
            /// another transaction of the same task it is a savepoint. An `Err` rolls back.
            ///
            /// # Errors
            /// `body`'s, after a rollback; the server's, a failed commit included; of a
            /// [`Gino`](crate::Gino) without an engine `UsageError::Uninitialized`.
            ///
            /// # Cancellation
            /// Rolled back.
            #[track_caller]
            pub fn transaction<T: 'static, E>(
                &self,
                body: impl AsyncFnOnce($crate::Transaction) -> Result<T, E>,
            ) -> impl Future<Output = Result<T, E>>
            where
                E: From<$crate::Error>,
            {
                self.begin().run(body)
            }

            /// The same with an isolation level, read only or deferrable, or tried again:
            /// `DB.begin().readonly().run(async |tx| …)`.
            #[track_caller]
            pub fn begin(&self) -> $crate::Begin {
                $crate::Begin::on_pool(self.acquire())
            }
        }
    };
}
pub(crate) use scopes;

impl Connection {
    /// Runs `body` in a transaction on this connection; in a savepoint, if it is in one already.
    /// Implicit statements in `body` run there too.
    ///
    /// # Errors
    /// `body`'s, after a rollback; the server's, a failed commit included.
    ///
    /// # Cancellation
    /// Rolled back.
    pub async fn transaction<T: 'static, E>(
        &self,
        body: impl AsyncFnOnce(Transaction) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.begin().run(body).await
    }

    /// The same with an isolation level, read only or deferrable, or tried again.
    pub fn begin(&self) -> Begin {
        self.begin_with(TransactionOptions::default())
    }

    pub(crate) fn begin_with(&self, options: TransactionOptions) -> Begin {
        Begin {
            on: On::Connection(self.clone()),
            options,
        }
    }
}

/// How to begin a transaction; [`Begin::run`] runs a closure in it.
///
/// ```no_run
/// use gino::Isolation;
/// use gino::prelude::*;
///
/// # static DB: Gino = Gino::new();
/// # async fn run() -> gino::Result<()> {
/// DB.begin()
///     .isolation(Isolation::Serializable)
///     .retry(3)
///     .run(async |tx| tx.status("UPDATE counters SET n = n + 1", &[]).await)
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is begun before it is run"]
#[derive(Debug, Clone)]
pub struct Begin {
    on: On,
    options: TransactionOptions,
}

#[derive(Debug, Clone)]
enum On {
    Pool(Acquire),
    Connection(Connection),
}

impl Begin {
    pub(crate) fn on_pool(acquire: Acquire) -> Begin {
        Begin {
            on: On::Pool(acquire.reuse()),
            options: TransactionOptions::default(),
        }
    }

    /// The isolation level, else the session's default. Like the other options it belongs to the
    /// outermost transaction: a savepoint has none, and refuses.
    pub fn isolation(mut self, isolation: Isolation) -> Begin {
        self.options.isolation = Some(isolation);
        self
    }

    /// Nothing may be written.
    pub fn readonly(mut self) -> Begin {
        self.options.readonly = true;
        self
    }

    /// A serializable read-only transaction waits until it can run without the risk of a
    /// serialization failure.
    pub fn deferrable(mut self) -> Begin {
        self.options.deferrable = true;
        self
    }

    /// Runs the closure again, in a new transaction, if another transaction was to blame for its
    /// failure (SQLSTATE 40001, a serialization failure, or 40P01, a deadlock): up to `times` more,
    /// after pauses of about 10, 20, 40, … milliseconds, at most a second. A nested transaction is
    /// not tried again by itself: the outermost has to be.
    pub fn retry(self, times: u32) -> Retry {
        Retry { begin: self, times }
    }

    /// Runs `body` in the transaction: see [`Engine::transaction`](crate::Engine::transaction).
    ///
    /// # Errors
    /// `body`'s, after a rollback; the server's, a failed commit included; a usage error for options
    /// on a savepoint.
    ///
    /// # Cancellation
    /// Rolled back.
    pub async fn run<T: 'static, E>(
        self,
        body: impl AsyncFnOnce(Transaction) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        let Some(core) = self.core() else {
            return Err(Error::from(UsageError::Uninitialized).into());
        };
        self.attempt(body).await.finish(&core).await
    }

    fn core(&self) -> Option<Core> {
        match &self.on {
            On::Pool(acquire) => acquire.core().cloned(),
            On::Connection(connection) => Some(connection.core().clone()),
        }
    }

    async fn attempt<T: 'static, E>(
        &self,
        body: impl AsyncFnOnce(Transaction) -> Result<T, E>,
    ) -> Ended<T, E>
    where
        E: From<Error>,
    {
        let options = self.options;
        match &self.on {
            On::Connection(connection) => {
                let (core, handle) = (connection.core(), connection.handle());
                run(core, handle, None, options, body).await
            }
            On::Pool(acquire) => {
                let ended = acquire.clone().enter(async |connection: Connection| {
                    let (core, handle) = (connection.core(), connection.handle());
                    run(core, handle, None, options, body).await
                });
                ended.await.unwrap_or_else(Ended::failed)
            }
        }
    }
}

/// How to begin a transaction that is tried again; [`Retry::run`] runs a closure in it.
#[must_use = "nothing is begun before it is run"]
#[derive(Debug, Clone)]
pub struct Retry {
    begin: Begin,
    times: u32,
}

impl Retry {
    /// Runs `body`, each time in a transaction of its own: see [`Begin::run`]. Each try is a clone
    /// of `body`; what an earlier one did outside of the database is not undone.
    ///
    /// # Errors
    /// That of the last time, as [`Begin::run`].
    ///
    /// # Cancellation
    /// Rolled back.
    pub async fn run<T: 'static, E>(
        self,
        body: impl AsyncFnOnce(Transaction) -> Result<T, E> + Clone,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        let Some(core) = self.begin.core() else {
            return Err(Error::from(UsageError::Uninitialized).into());
        };
        let mut tried = 0;
        loop {
            let ended = self.begin.attempt(body.clone()).await;
            if !ended.conflict || tried >= self.times {
                return ended.finish(&core).await;
            }
            drop(ended);
            let runtime = core.runtime();
            runtime.sleep_until(runtime.now() + pause(tried)).await;
            tried += 1;
        }
    }
}

/// Longer each time, and never the same for two that are in each other's way.
fn pause(tried: u32) -> Duration {
    let whole = FIRST.saturating_mul(1 << tried.min(16)).min(LONGEST);
    let share = u32::from(RandomState::new().hash_one(tried).to_le_bytes()[0]);
    whole / 2 + whole * share / 512
}

const FIRST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(1);
