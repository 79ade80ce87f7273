//! Owns transactions around a closure: begin, commit, roll back, leave early. Nested ones are
//! savepoints.
//! Never decides what is nested: the server's state does, in `gino_core::engine::Transaction`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use gino_core::engine::{AfterCommit, TransactionOptions, within};
use gino_core::error::{Deadline, Error, Result, Timeout, UsageError};
use gino_core::runtime::Runtime;

use crate::context;
use crate::driver::{Core, CoreTransaction, Handle};
use crate::level::{Early, Level, Verdict};
use crate::query::{Place, Target, sealed};

/// A transaction, or a savepoint inside one, as long as its closure runs.
///
/// Clones are the same transaction. Statements of several tasks queue on its connection.
#[derive(Clone)]
pub struct Transaction {
    core: Core,
    level: Arc<Level>,
}

impl Transaction {
    /// Runs `body` in a savepoint: its error rolls back to here, and nothing else. Implicit
    /// statements in `body` run there too.
    ///
    /// # Errors
    /// `body`'s; the server's; a usage error if this transaction has ended.
    ///
    /// # Cancellation
    /// Rolled back to the savepoint.
    pub async fn transaction<T: 'static, E>(
        &self,
        body: impl AsyncFnOnce(Transaction) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        nested(&self.core, &self.level, body).await
    }

    /// Leaves the closure early and commits: `tx.raise_commit(value)?`. The transaction's value is
    /// `value`. Called inside nested transactions, the nested ones are committed too, and those
    /// around this one go on.
    ///
    /// It always gives an error, which `?` takes to the end of the closure. It has to get there, if
    /// only as the source or a field of another error: if it is dropped on the way nothing is
    /// ended, and another error rolls back as usual.
    ///
    /// ```no_run
    /// # use gino::prelude::*;
    /// # static DB: Gino = Gino::new();
    /// # async fn run() -> gino::Result<()> {
    /// let id = DB.transaction(async |tx| {
    ///     let found = DB.scalar("SELECT id FROM users WHERE name = $1", &[&"daisy"]).await?;
    ///     if let Some(id) = found {
    ///         tx.raise_commit::<i32>(id)?;
    ///     }
    ///     DB.one("INSERT INTO users (name) VALUES ($1) RETURNING id", &[&"daisy"]).await?.try_get(0)
    /// });
    /// # let _: i32 = id.await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Always. A usage error if `value` has not the type of the transaction's value, or the
    /// transaction has ended.
    pub fn raise_commit<V: Send + 'static>(&self, value: V) -> Result<Infallible> {
        self.level.leave_with(Verdict::Commit, value)
    }

    /// Leaves the closure early and rolls back: `tx.raise_rollback()?`. As
    /// [`Transaction::raise_commit`]; the transaction's value is `()`. A transaction that has
    /// another value than `()` ends with the error that this gives: see
    /// [`Transaction::raise_rollback_with`].
    ///
    /// # Errors
    /// Always.
    pub fn raise_rollback(&self) -> Result<Infallible> {
        self.level.leave(Verdict::RollBack, Box::new(()))
    }

    /// Leaves the closure early and rolls back: `tx.raise_rollback_with(value)?`. As
    /// [`Transaction::raise_commit`] otherwise.
    ///
    /// # Errors
    /// Always.
    pub fn raise_rollback_with<V: Send + 'static>(&self, value: V) -> Result<Infallible> {
        self.level.leave_with(Verdict::RollBack, value)
    }

    /// Has `task` done once the outermost transaction is committed and its connection given back,
    /// before [`Engine::transaction`](crate::Engine::transaction) returns. Tasks are done in order.
    /// They are dropped with the transaction that they were given to, if that or one around it is
    /// rolled back.
    ///
    /// ```no_run
    /// # use gino::prelude::*;
    /// # static DB: Gino = Gino::new();
    /// # async fn tell(_: i32) {}
    /// # async fn run() -> gino::Result<()> {
    /// DB.transaction(async |tx| {
    ///     let row = tx.one("INSERT INTO orders DEFAULT VALUES RETURNING id", &[]).await?;
    ///     let id = row.try_get(0)?;
    ///     tx.on_commit(async move { tell(id).await })
    /// })
    /// .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A usage error if the transaction has ended.
    ///
    /// # Cancellation
    /// If the transaction's future is dropped after the commit, the rest is done in the background.
    pub fn on_commit(&self, task: impl Future<Output = ()> + Send + 'static) -> Result<()> {
        self.level.inner.on_commit(Box::pin(task))
    }

    /// Whether this is a savepoint inside another transaction.
    pub fn is_nested(&self) -> bool {
        self.level.inner.is_nested()
    }

    /// Whether it has neither been committed nor rolled back.
    pub fn is_active(&self) -> bool {
        self.level.inner.is_active()
    }
}

impl sealed::Runs for Transaction {
    fn target(&self) -> Result<Target<'_>> {
        Ok(Target::new(&self.core, Place::Transaction(&self.level)))
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("nested", &self.is_nested())
            .field("active", &self.is_active())
            .finish()
    }
}

/// What became of a transaction.
pub(crate) struct Ended<T, E> {
    pub(crate) outcome: Result<T, E>,
    /// Another transaction is to blame: all of it may be tried again.
    pub(crate) conflict: bool,
    after: Vec<AfterCommit>,
}

impl<T, E> Ended<T, E> {
    pub(crate) fn failed(error: Error) -> Ended<T, E>
    where
        E: From<Error>,
    {
        Ended {
            outcome: Err(error.into()),
            conflict: false,
            after: Vec::new(),
        }
    }

    fn done(level: &Level, outcome: Result<T, impl Into<E>>) -> Ended<T, E> {
        Ended {
            outcome: outcome.map_err(Into::into),
            conflict: false,
            after: level.inner.take_after_commit(),
        }
    }

    /// Does what is left to do after a commit.
    pub(crate) async fn finish(self, core: &Core) -> Result<T, E> {
        if !self.after.is_empty() {
            let (core, left) = (core.clone(), self.after.into());
            AfterTasks { core, left }.run().await;
        }
        self.outcome
    }
}

/// Runs `body` in a savepoint inside `outer`.
pub(crate) async fn nested<T: 'static, E>(
    core: &Core,
    outer: &Arc<Level>,
    body: impl AsyncFnOnce(Transaction) -> Result<T, E>,
) -> Result<T, E>
where
    E: From<Error>,
{
    if !outer.inner.is_active() {
        return Err(Error::from(UsageError::TransactionEnded).into());
    }
    let (handle, options) = (&outer.handle, TransactionOptions::default());
    let ended = run(core, handle, Some(Arc::clone(outer)), options, body).await;
    ended.finish(core).await
}

/// Runs `body` in a transaction on `handle`; `outer` is what it is nested in, if the caller knows.
pub(crate) async fn run<T: 'static, E>(
    core: &Core,
    handle: &Arc<Handle>,
    outer: Option<Arc<Level>>,
    options: TransactionOptions,
    body: impl AsyncFnOnce(Transaction) -> Result<T, E>,
) -> Ended<T, E>
where
    E: From<Error>,
{
    let (inner, outer) = match begin(core, handle, outer, options).await {
        Ok(begun) => begun,
        Err(error) => return Ended::failed(error),
    };
    let level = Arc::new(Level::new::<T>(inner, Arc::clone(handle), outer));
    let unfinished = AbandonOnDrop(Arc::clone(&level));
    let transaction = Transaction {
        core: core.clone(),
        level: Arc::clone(&level),
    };
    let running = context::scope(Some(level), async {
        // Who stands on another connection shares that one's reusability.
        let shared = handle.is_reusable() || handle.is_reusing();
        let _entered = shared.then(|| context::enter(core, handle));
        // On the heap: futures of nested transactions would contain each other several times over.
        Box::pin(body(transaction)).await
    });
    let outcome = running.await;
    let level = &unfinished.0;
    let blamed = level.seat().had_conflict();
    let outcome = match outcome {
        Ok(value) => commit(core, level).await.map(|()| value),
        Err(error) => match level.early() {
            None => {
                roll_back(level).await;
                return Ended {
                    outcome: Err(error),
                    conflict: blamed && !level.inner.is_nested(),
                    after: Vec::new(),
                };
            }
            Some(Early::Here(verdict, value)) => match settle(core, level, verdict).await {
                Ok(()) => match value.downcast() {
                    Ok(value) => Ok(*value),
                    Err(_) => return Ended::done(level, Err(error)),
                },
                Err(failed) => Err(failed),
            },
            Some(Early::Passing(verdict)) => match settle(core, level, verdict).await {
                Ok(()) => return Ended::done(level, Err(error)),
                Err(failed) => Err(failed),
            },
        },
    };
    Ended::done(level, outcome)
}

async fn begin(
    core: &Core,
    handle: &Handle,
    outer: Option<Arc<Level>>,
    options: TransactionOptions,
) -> Result<(CoreTransaction, Option<Arc<Level>>)> {
    let limit = context::limit(core.runtime(), None);
    let seat = Box::pin(handle.seat(limit)).await?;
    let limit = context::command_limit(core);
    let outer = outer.or_else(|| context::level(&seat));
    let outer = outer.filter(|outer| outer.inner.is_active());
    let around = outer.as_ref().map(|outer| &outer.inner);
    let beginning = CoreTransaction::begin(seat, options, around);
    let inner = within(core.runtime(), limit, beginning).await?;
    Ok((inner, outer))
}

async fn settle(core: &Core, level: &Level, verdict: Verdict) -> Result<()> {
    match verdict {
        Verdict::Commit => commit(core, level).await,
        Verdict::RollBack => {
            roll_back(level).await;
            Ok(())
        }
    }
}

async fn commit(core: &Core, level: &Level) -> Result<()> {
    let limit = context::limit(core.runtime(), None);
    if let Some(limit) = limit.filter(|limit| limit.at <= core.runtime().now()) {
        // What may still be undone for certain is not left to chance.
        roll_back(level).await;
        return Err(Timeout::Plain(Deadline::Scope, limit.duration).into());
    }
    let limit = context::command_limit(core);
    within(core.runtime(), limit, level.inner.commit()).await
}

async fn roll_back(level: &Level) {
    // The first error is the one to tell; if this fails the connection is gone or is made whole on
    // its way back.
    let _ = level.inner.rollback().await;
}

/// Rolls back what is dropped on the way: by a cancelled task or a panic.
struct AbandonOnDrop(Arc<Level>);

impl Drop for AbandonOnDrop {
    fn drop(&mut self) {
        self.0.inner.abandon();
    }
}

/// What is left to do after a commit: in the background, if nobody waits for it any more.
struct AfterTasks {
    core: Core,
    left: VecDeque<AfterCommit>,
}

impl AfterTasks {
    async fn run(mut self) {
        while let Some(task) = self.left.front_mut() {
            task.await;
            drop(self.left.pop_front());
        }
    }
}

impl Drop for AfterTasks {
    fn drop(&mut self) {
        if std::thread::panicking() {
            drop(self.left.pop_front());
        }
        let left = std::mem::take(&mut self.left);
        if !left.is_empty() {
            self.core.runtime().spawn(async move {
                for task in left {
                    task.await;
                }
            });
        }
    }
}
