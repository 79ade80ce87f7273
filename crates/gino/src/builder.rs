//! Owns what an engine can be told before it connects: hooks on its connections, who observes it,
//! whether it keeps connections at all. Never connects by itself: `engine` does.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use gino_core::config::Config;
use gino_core::engine::{self as core, Hook, Observer, Observers};
use gino_core::error::Result;

use crate::connection::Connection;
use crate::driver::{Core, Handle, Seat, TokioRuntime};
use crate::engine::Engine;

impl Engine {
    /// How to make an engine with hooks or observers.
    pub fn builder(config: Config) -> EngineBuilder {
        EngineBuilder::new(config)
    }
}

type Hooks = core::Hooks<TokioRuntime>;

/// How to make an engine: hooks, observers; then [`EngineBuilder::connect`] or
/// [`EngineBuilder::build`].
///
/// ```no_run
/// use gino::prelude::*;
///
/// # async fn run() -> gino::Result<()> {
/// let engine = Engine::builder(gino::Config::parse(Some("postgresql://localhost/gino"), &gino::Process)?)
///     .init(|connection| async move {
///         connection.script("SET work_mem = '64MB'").await.map(drop)
///     })
///     .connect()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is made before build() or connect()"]
pub struct EngineBuilder {
    config: Config,
    hooks: Hooks,
    observers: Observers,
    #[cfg(feature = "tls")]
    tls: Option<Arc<crate::rustls::ClientConfig>>,
}

impl EngineBuilder {
    fn new(config: Config) -> EngineBuilder {
        EngineBuilder {
            config,
            hooks: Hooks::default(),
            observers: Observers::default(),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Runs `hook` once on each connection, when it was opened. Its error is that of the acquire, or
    /// of [`EngineBuilder::connect`], and closes the connection. What it sets is there for the first
    /// borrower; it goes with the first reset, as everything: settings for good belong into the
    /// configuration.
    pub fn init<F>(mut self, hook: impl Fn(Connection) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.hooks.opened = Some(on_connection(hook));
        self
    }

    /// Runs `hook` each time before a connection is handed out, within the limit of the acquire. Its
    /// error is that of the acquire, and closes the connection.
    pub fn setup<F>(mut self, hook: impl Fn(Connection) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.hooks.acquired = Some(on_connection(hook));
        self
    }

    /// Runs `hook` each time before a connection is idle again, after a rollback if one was needed,
    /// instead of the reset. It has 10 seconds; its error closes the connection and is that of the
    /// release.
    pub fn reset<F>(mut self, hook: impl Fn(Connection) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.hooks.released = Some(on_connection(hook));
        self
    }

    /// Tells `observer` of each finished statement and of the pool's connections, from the first on.
    pub fn observe(self, observer: impl Observer + 'static) -> Self {
        self.observers.add(Arc::new(observer));
        self
    }

    /// Encrypts by a configuration of rustls of the application's own: whom to trust, its certificate and
    /// the versions are what that says, and no files of libpq are read. `sslmode` says whether to
    /// encrypt, at least `require` from now on. Without protocols for ALPN PostgreSQL's is named.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, config: impl Into<Arc<crate::rustls::ClientConfig>>) -> Self {
        use gino_core::config::SslMode;
        let tls = Arc::make_mut(&mut self.config.tls);
        tls.mode = tls.mode().max(SslMode::Require);
        self.tls = Some(config.into());
        self
    }

    /// Keeps no connections: one is opened for each acquire and closed on release. For programs
    /// whose server has a pool in front of it, and for tests.
    pub fn null_pool(mut self) -> Self {
        // More than any server accepts.
        (self.config.min_size, self.config.max_size) = (0, 65_535);
        self.config.init_size = None;
        self.config.max_queries = Some(1);
        self
    }

    /// The engine; it connects when it is first used.
    ///
    /// # Errors
    /// A usage error for settings that do not fit together.
    pub fn build(self) -> Result<Engine> {
        let runtime = TokioRuntime::new();
        #[cfg(feature = "tls")]
        let runtime = runtime.with_tls(self.tls);
        Engine::made(self.config, self.hooks, self.observers, runtime)
    }

    /// The engine, with `min_size` connections open.
    ///
    /// # Errors
    /// As [`EngineBuilder::build`]; what connecting, or the `init` hook, came to.
    ///
    /// # Cancellation
    /// Closes what was opened.
    pub async fn connect(self) -> Result<Engine> {
        self.build()?.warmed_up().await
    }
}

impl fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineBuilder")
            .field("url", &self.config.dsn_without_password())
            .finish_non_exhaustive()
    }
}

/// Core's hook, which has a seat, for one that has a connection as long as it runs.
fn on_connection<F>(hook: impl Fn(Connection) -> F + Send + Sync + 'static) -> Hook<TokioRuntime>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    Arc::new(
        move |seat: Arc<Seat>| -> Pin<Box<dyn Future<Output = Result<()>> + Send>> {
            let core = Core::of(&seat);
            let connection = Connection::lent(core, Handle::lent(seat));
            let running = hook(connection.clone());
            Box::pin(async move {
                let done = running.await;
                // The hook may have released it itself.
                let _ = connection.release(true).await;
                done
            })
        },
    )
}
