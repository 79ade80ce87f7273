//! Owns what implicit statements of a task see: its contextual connections, the transaction it is
//! in, its deadline. A scope lasts as long as the future it wraps; scopes nest, and branches of one
//! task do not see each other's.
//! Never borrows or releases. `connection` and `transaction` put handles in, `query` looks them up.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gino_core::engine::Limit;
use gino_core::stack::{Place, Stack};
use tokio::task::futures::TaskLocalFuture;
use tokio::time::Instant;

use crate::driver::{Core, Handle, Seat, TokioRuntime};
use crate::level::Level;

tokio::task_local! {
    static SCOPE: Scope;
}

/// What a task's implicit statements see: the connections and transactions that it is inside of, and
/// its [`deadline`].
///
/// A task that is spawned starts without: its statements run on connections of their own. Give it
/// the scope to have them run where those of this task do.
///
/// ```no_run
/// use gino::ScopeExt;
/// use gino::prelude::*;
///
/// # static DB: Gino = Gino::new();
/// # async fn run() -> gino::Result<()> {
/// DB.transaction(async |_| {
///     let insert = async { DB.status("INSERT INTO seen VALUES (now())", &[]).await };
///     // Part of the transaction.
///     tokio::spawn(insert.in_current_scope()).await.expect("no panic")
/// })
/// .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Scope(Arc<Frame>);

/// The connections that were acquired in one scope, of whatever engine, and what else it brings.
#[derive(Default)]
struct Frame {
    outer: Option<Scope>,
    entries: Mutex<Stack<Entry>>,
    level: Option<Arc<Level>>,
    until: Option<Until>,
}

struct Entry {
    core: Core,
    handle: Arc<Handle>,
}

/// A deadline: how long was given, and when that is over.
#[derive(Clone, Copy)]
struct Until {
    duration: Duration,
    at: Instant,
}

impl Scope {
    /// That of the current task.
    pub fn current() -> Scope {
        SCOPE.try_with(Scope::clone).unwrap_or_default()
    }

    /// Runs `future` in it. What the scope refers to may end before `future` does: its statements
    /// run on connections of their own from then on.
    ///
    /// # Cancellation
    /// As `future`'s.
    pub fn run<F: Future>(self, future: F) -> InScope<F> {
        SCOPE.scope(self, future)
    }

    fn lock(&self) -> MutexGuard<'_, Stack<Entry>> {
        (self.0.entries.lock()).unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut connections, mut scope) = (0, Some(self));
        while let Some(current) = scope {
            connections += current.lock().iter().count();
            scope = current.0.outer.as_ref();
        }
        f.debug_struct("Scope")
            .field("connections", &connections)
            .finish()
    }
}

/// A future in a [`Scope`].
pub type InScope<F> = TaskLocalFuture<Scope, F>;

/// Hands the [`Scope`] of a task on to another.
pub trait ScopeExt: Future + Sized {
    /// The future in the scope of the task that calls this, wherever it will run.
    fn in_current_scope(self) -> InScope<Self> {
        Scope::current().run(self)
    }
}

impl<F: Future> ScopeExt for F {}

/// Runs `future`, whose implicit and explicit statements, with all they wait for, have to be over in
/// `limit`. One that is not ends with a `Timeout`, and so does each that is begun later. Inside
/// another deadline the earlier one counts.
///
/// What `future` does besides is not stopped: for that there is `tokio::time::timeout`, which leaves
/// everything as clean.
///
/// ```no_run
/// use std::time::Duration;
///
/// use gino::prelude::*;
///
/// # static DB: Gino = Gino::new();
/// # async fn run() -> gino::Result<()> {
/// let report = async {
///     let count: Option<i64> = DB.scalar("SELECT count(*) FROM users", &[]).await?;
///     DB.status("INSERT INTO reports VALUES ($1)", &[&count]).await
/// };
/// gino::deadline(Duration::from_secs(2), report).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Cancellation
/// As `future`'s.
pub async fn deadline<F: Future>(limit: Duration, future: F) -> F::Output {
    let at = Instant::now().checked_add(limit);
    let until = at.map(|at| Until {
        duration: limit,
        at,
    });
    inner(None, until).run(future).await
}

/// A place on the stack of a scope; leaving it empty again is up to the owner's drop.
pub(crate) struct Entered {
    scope: Scope,
    place: Place,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let entry = self.scope.lock().remove(self.place);
        drop(entry);
    }
}

/// The newest reusable connection of the current task to `core`'s pool.
pub(crate) fn newest(core: &Core) -> Option<Arc<Handle>> {
    find(|scope| {
        let entries = scope.lock();
        let found = entries.iter().rev().find(|entry| entry.core.is_same(core));
        found.map(|entry| Arc::clone(&entry.handle))
    })
}

/// The innermost transaction of the current task on `seat`.
pub(crate) fn level(seat: &Arc<Seat>) -> Option<Arc<Level>> {
    find(|scope| {
        let level = scope.0.level.as_ref()?;
        Arc::ptr_eq(level.seat(), seat).then(|| Arc::clone(level))
    })
}

/// Until when something may take that was given `own` time: the current deadline may be earlier.
pub(crate) fn limit(runtime: &TokioRuntime, own: Option<Duration>) -> Option<Limit> {
    let own = Limit::within(runtime, own);
    let Ok(Some(until)) = SCOPE.try_with(|scope| scope.0.until) else {
        return own;
    };
    let left = until.at.saturating_duration_since(Instant::now());
    let limit = Limit::of_scope(runtime, Some(left)).map(|limit| limit.lasting(until.duration));
    match (own, limit) {
        (Some(own), Some(limit)) if own.at <= limit.at => Some(own),
        _ => limit,
    }
}

/// The limit of what runs on a connection and is given no time of its own.
pub(crate) fn command_limit(core: &Core) -> Option<Limit> {
    limit(core.runtime(), core.config().command_timeout)
}

/// Makes `handle` the newest connection of the current scope, if there is a scope.
pub(crate) fn enter(core: &Core, handle: &Arc<Handle>) -> Option<Entered> {
    let scope = SCOPE.try_with(Scope::clone).ok()?;
    let entry = Entry {
        core: core.clone(),
        handle: Arc::clone(handle),
    };
    let place = scope.lock().push(entry);
    Some(Entered { scope, place })
}

/// Runs `future` in a scope inside the current one, and in `level` if there is one.
///
/// # Cancellation
/// The scope ends with the future.
pub(crate) fn scope<F: Future>(level: Option<Arc<Level>>, future: F) -> InScope<F> {
    inner(level, None).run(future)
}

fn inner(level: Option<Arc<Level>>, until: Option<Until>) -> Scope {
    let outer = SCOPE.try_with(Scope::clone).ok();
    let before = outer.as_ref().and_then(|outer| outer.0.until);
    let until = match (before, until) {
        (Some(before), Some(until)) if until.at < before.at => Some(until),
        (before, until) => before.or(until),
    };
    Scope(Arc::new(Frame {
        outer,
        entries: Mutex::default(),
        level,
        until,
    }))
}

fn find<T>(look: impl Fn(&Scope) -> Option<T>) -> Option<T> {
    let mut scope = SCOPE.try_with(Scope::clone).ok();
    while let Some(current) = scope {
        let found = look(&current);
        if found.is_some() {
            return found;
        }
        scope = current.0.outer.clone();
    }
    None
}
