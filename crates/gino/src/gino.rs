//! Owns the database of an application as a `static`: which engine is bound to it at the moment, and
//! everything an engine can do, on that one. Never connects by itself: `engine` does.

use std::borrow::Cow;
use std::fmt;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use gino_core::config::Config;
use gino_core::error::{Error, Result, UsageError};

use crate::begin::scopes;
use crate::connection::Acquire;
use crate::driver::Core;
use crate::engine::Engine;
use crate::query::{Place, Target, sealed};

/// A database of an application: an engine that is bound once it is known where the database is.
///
/// It is made for a `static`, which models name and every function can reach. Statements run as on
/// the bound [`Engine`], with the words of [`Executor`](crate::Executor). An application with
/// several databases has a `static` for each.
///
/// ```no_run
/// use gino::prelude::*;
///
/// pub static DB: Gino = Gino::new();
///
/// # async fn run() -> gino::Result<()> {
/// DB.set_bind("postgresql://localhost/gino").await?;
/// let now: Option<String> = DB.scalar("SELECT now()::text", &[]).await?;
/// # Ok(())
/// # }
/// ```
pub struct Gino {
    // Reading is two atomic operations and a third for the clone of the engine: the pool's lock,
    // which every statement takes anyway, costs as much.
    bound: RwLock<Option<Engine>>,
}

impl Gino {
    /// A database without an engine.
    pub const fn new() -> Gino {
        Gino {
            bound: RwLock::new(None),
        }
    }

    /// Binds `bind`, a URL, a [`Config`] or an [`Engine`], and gives the engine. A URL and a
    /// configuration are connected to first, as by [`Engine::connect`]. What was bound before is
    /// not bound any more, and stays open.
    ///
    /// # Errors
    /// As [`Engine::connect`]; nothing has changed then.
    ///
    /// # Cancellation
    /// Closes what was opened; nothing has changed.
    pub async fn set_bind(&self, bind: impl IntoBind) -> Result<Engine> {
        let engine = bind.into_engine().await?;
        let before = self.replace(Some(engine.clone()));
        drop(before);
        Ok(engine)
    }

    /// The bound engine.
    ///
    /// # Errors
    /// `UsageError::Uninitialized` if there is none.
    pub fn bind(&self) -> Result<Engine> {
        self.bound().ok_or_else(|| UsageError::Uninitialized.into())
    }

    /// Unbinds the engine and gives it; closing it is up to the caller.
    ///
    /// # Errors
    /// `UsageError::Uninitialized` if there is none.
    pub fn pop_bind(&self) -> Result<Engine> {
        self.replace(None)
            .ok_or_else(|| UsageError::Uninitialized.into())
    }

    /// Binds `bind` while `body` runs, then unbinds and closes it: connections that are still
    /// borrowed have 10 seconds.
    ///
    /// # Errors
    /// `body`'s, else that of [`Gino::set_bind`] or [`Engine::close`].
    ///
    /// # Cancellation
    /// Unbound at once; closed in the background.
    pub async fn with_bind<T, E>(
        &self,
        bind: impl IntoBind,
        body: impl AsyncFnOnce() -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        let engine = self.set_bind(bind).await?;
        let mut bound = Bound {
            gino: self,
            engine: Some(engine),
        };
        let outcome = Box::pin(body()).await;
        let Some(engine) = bound.pop() else {
            return outcome;
        };
        let closed = engine.close(GRACE).await;
        let value = outcome?;
        closed?;
        Ok(value)
    }

    /// Acquires a connection: `DB.acquire().await?`, or with options before the `await`.
    #[track_caller]
    pub fn acquire(&self) -> Acquire {
        Acquire::new(self.bound().map(|engine| engine.core().clone()))
    }

    fn core(&self) -> Result<Core> {
        let bound = self.bound.read().unwrap_or_else(PoisonError::into_inner);
        let engine = bound.as_ref().ok_or(UsageError::Uninitialized)?;
        Ok(engine.core().clone())
    }

    fn bound(&self) -> Option<Engine> {
        let bound = self.bound.read().unwrap_or_else(PoisonError::into_inner);
        bound.clone()
    }

    fn replace(&self, engine: Option<Engine>) -> Option<Engine> {
        let mut bound = self.bound.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *bound, engine)
    }

    /// Unbinds `engine`, unless another one was bound meanwhile.
    fn unbind(&self, engine: &Engine) {
        let mut bound = self.bound.write().unwrap_or_else(PoisonError::into_inner);
        let popped = bound.take_if(|bound| bound.is_same(engine));
        drop(bound);
        drop(popped);
    }
}

impl Default for Gino {
    fn default() -> Self {
        Gino::new()
    }
}

scopes!(Gino);

impl sealed::Runs for Gino {
    fn target(&self) -> Result<Target<'_>> {
        Ok(Target {
            core: Cow::Owned(self.core()?),
            place: Place::Pool,
            timeout: None,
            origin: None,
        })
    }
}

impl fmt::Debug for Gino {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gino")
            .field("bound", &self.bound())
            .finish()
    }
}

/// What [`Gino::set_bind`] takes: a URL (`&str`, `String`), a [`Config`] or an [`Engine`].
pub trait IntoBind: into::IntoEngine {}

impl<T: into::IntoEngine> IntoBind for T {}

mod into {
    use super::{Config, Engine, Result};

    pub trait IntoEngine {
        fn into_engine(self) -> impl Future<Output = Result<Engine>> + Send;
    }

    impl IntoEngine for &str {
        fn into_engine(self) -> impl Future<Output = Result<Engine>> + Send {
            Engine::connect(self)
        }
    }

    impl IntoEngine for &String {
        fn into_engine(self) -> impl Future<Output = Result<Engine>> + Send {
            Engine::connect(self)
        }
    }

    impl IntoEngine for String {
        async fn into_engine(self) -> Result<Engine> {
            Engine::connect(&self).await
        }
    }

    impl IntoEngine for Config {
        fn into_engine(self) -> impl Future<Output = Result<Engine>> + Send {
            Engine::open(self)
        }
    }

    impl IntoEngine for Engine {
        async fn into_engine(self) -> Result<Engine> {
            Ok(self)
        }
    }
}

/// An engine that is bound as long as a body runs.
struct Bound<'a> {
    gino: &'a Gino,
    engine: Option<Engine>,
}

impl Bound<'_> {
    fn pop(&mut self) -> Option<Engine> {
        let engine = self.engine.take()?;
        self.gino.unbind(&engine);
        Some(engine)
    }
}

impl Drop for Bound<'_> {
    fn drop(&mut self) {
        if let Some(engine) = self.pop() {
            engine.close_in_background(GRACE);
        }
    }
}

/// How long [`Gino::with_bind`] waits for borrowed connections.
const GRACE: Duration = Duration::from_secs(10);
