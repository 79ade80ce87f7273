//! Owns the entrance: an engine from a URL, and everything that starts from it.
//! Never runs a statement itself: `query` does, on the current connection or one of the pool.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gino_core::codec::Catalog;
use gino_core::config::Config;
use gino_core::engine::{
    ConnectionFigures, Figures, Hooks, Metrics, Observation, Observer, Observers,
};
use gino_core::error::Result;
use gino_core::runtime::Runtime;

use crate::begin::scopes;
use crate::connection::Acquire;
use crate::driver::{self, Core, TokioRuntime};
use crate::process::Process;
use crate::query::{Place, Target, sealed};

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
    /// environment variables, such as `PGPASSWORD`, its service file and its password file. Over TCP the
    /// connection is encrypted if the server can and the crate has its feature `tls`;
    /// `sslmode=verify-full&sslrootcert=…` makes sure.
    ///
    /// # Errors
    /// A usage error that names the setting at fault; what connecting came to.
    ///
    /// # Cancellation
    /// Closes what was opened.
    pub async fn connect(url: &str) -> Result<Engine> {
        Engine::open(Config::parse(Some(url), &Process)?).await
    }

    /// As [`Engine::connect`], with a configuration.
    pub(crate) async fn open(config: Config) -> Result<Engine> {
        Engine::new(config)?.warmed_up().await
    }

    /// The same engine with `min_size` connections, or none.
    pub(crate) async fn warmed_up(self) -> Result<Engine> {
        let opening = TerminateOnDrop(Some(&self));
        self.core.warm_up().await?;
        opening.keep();
        Ok(self)
    }

    pub(crate) fn made(
        mut config: Config,
        hooks: Hooks<TokioRuntime>,
        observers: Observers,
        runtime: TokioRuntime,
    ) -> Result<Engine> {
        config.check()?;
        config.read_passfile(&Process);
        driver::check(&mut config)?;
        let catalog = Arc::new(Catalog::new());
        let core = Core::with_observers(Arc::new(config), runtime, hooks, catalog, observers);
        Ok(Engine { core })
    }

    /// What flows run on.
    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// Whether both are clones of one engine.
    pub(crate) fn is_same(&self, other: &Engine) -> bool {
        self.core.is_same(&other.core)
    }

    /// An engine that connects when it is first used.
    ///
    /// # Errors
    /// A usage error for settings that do not fit together.
    pub fn new(config: Config) -> Result<Engine> {
        Engine::made(
            config,
            Hooks::default(),
            Observers::default(),
            TokioRuntime::new(),
        )
    }

    /// Acquires a connection: `engine.acquire().await?`, or with options before the `await`.
    #[track_caller]
    pub fn acquire(&self) -> Acquire {
        Acquire::new(Some(self.core.clone()))
    }

    /// Forgets what the server said of types that are not its own. It is asked again by itself where a
    /// value or a statement shows a change, and for all that this engine does; this is for what others
    /// do that shows nowhere, such as new names of fields.
    pub fn forget_types(&self) {
        self.core.forget_types();
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

    /// As [`Engine::close`], with nobody to wait for it.
    pub(crate) fn close_in_background(self, grace: Duration) {
        let runtime = self.core.runtime().clone();
        runtime.spawn(async move {
            // Who still holds connections loses them; nobody is there to be told.
            let _ = self.core.close(grace).await;
        });
    }

    /// Closes everything at once. Statements that run fail with `Closed`.
    pub fn terminate(&self) {
        self.core.terminate();
    }

    /// Whether the engine is closed or closing.
    pub fn is_closed(&self) -> bool {
        self.core.is_closed()
    }

    /// From now on `observer` is told of each finished statement and of the pool's connections, until
    /// that is ended.
    pub fn observe(&self, observer: impl Observer + 'static) -> Observation {
        self.core.observe(Arc::new(observer))
    }

    /// What the pool has done so far.
    pub fn metrics(&self) -> Metrics {
        self.core.metrics()
    }

    /// The open connections, in no order: their state, statement caches, and who holds them.
    pub fn connections(&self) -> Vec<ConnectionFigures> {
        self.core.connections()
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

scopes!(Engine);

impl sealed::Runs for Engine {
    fn target(&self) -> Result<Target<'_>> {
        Ok(Target::new(&self.core, Place::Pool))
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

/// Closes an engine that is not wanted any more: its connecting failed or was given up.
struct TerminateOnDrop<'a>(Option<&'a Engine>);

impl TerminateOnDrop<'_> {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for TerminateOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(engine) = self.0 {
            engine.terminate();
        }
    }
}
