//! Owns transactions and savepoints: which commands they are and when they may run. Depth is the
//! server's: a transaction inside a transaction block is a savepoint.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::heal::HEAL;
use super::on_drop::OnDrop;
use super::seat::{AfterCommit, Owed, Seat};
use super::timeout::{Limit, race};
use crate::error::{Error, ProtocolError, Result, UsageError};
use crate::runtime::Runtime;
use crate::session::Status;

/// PostgreSQL manual, "Transaction Isolation".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Treated as read committed by the server.
    ReadUncommitted,
    /// The server's default.
    ReadCommitted,
    /// One snapshot for the whole transaction.
    RepeatableRead,
    /// As if transactions ran one after the other.
    Serializable,
}

/// How a transaction is begun. Savepoints have no options of their own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TransactionOptions {
    /// The isolation level, else the session's default.
    pub isolation: Option<Isolation>,
    /// Whether nothing may be written.
    pub readonly: bool,
    /// Whether a serializable read-only transaction waits for a safe snapshot.
    pub deferrable: bool,
}

impl TransactionOptions {
    fn begin(&self) -> String {
        let mut sql = String::from("BEGIN");
        match self.isolation {
            None => {}
            Some(Isolation::ReadUncommitted) => sql.push_str(" ISOLATION LEVEL READ UNCOMMITTED"),
            Some(Isolation::ReadCommitted) => sql.push_str(" ISOLATION LEVEL READ COMMITTED"),
            Some(Isolation::RepeatableRead) => sql.push_str(" ISOLATION LEVEL REPEATABLE READ"),
            Some(Isolation::Serializable) => sql.push_str(" ISOLATION LEVEL SERIALIZABLE"),
        }
        if self.readonly {
            sql.push_str(" READ ONLY");
        }
        if self.deferrable {
            sql.push_str(" DEFERRABLE");
        }
        sql
    }
}

/// A transaction that has begun, or a savepoint inside one.
///
/// Dropping it does nothing: call [`Transaction::abandon`] where a drop should roll back. A
/// connection that goes back to the pool inside a transaction is rolled back anyway.
pub struct Transaction<R: Runtime> {
    seat: Arc<Seat<R>>,
    savepoint: Option<String>,
    /// Its number among the levels of the seat; the outermost has 0.
    level: u64,
    active: AtomicBool,
    /// How much was to be done after the commit when it began.
    before: usize,
}

impl<R: Runtime> Transaction<R> {
    /// Begins a transaction, or a savepoint inside one: inside `outer`, if the caller knows.
    ///
    /// # Errors
    /// The server's, or a usage error for options on a savepoint; `SideBySide` if another one is under
    /// way in `outer`.
    ///
    /// # Cancellation
    /// What has begun is rolled back, before whatever is submitted later; a transaction around it goes
    /// on.
    pub async fn begin(
        seat: Arc<Seat<R>>,
        options: TransactionOptions,
        outer: Option<&Transaction<R>>,
    ) -> Result<Transaction<R>> {
        seat.settle().await?;
        let nested = matches!(seat.status(), Status::InTransaction | Status::Failed);
        let is_innermost = |outer: &Transaction<R>| seat.levels().last() == Some(&outer.level);
        if nested && !outer.is_none_or(is_innermost) {
            return Err(UsageError::SideBySide.into());
        }
        let level = if nested { seat.next_number() } else { 0 };
        let savepoint = nested.then(|| format!("gino_savepoint_{level}"));
        let begin = match &savepoint {
            None => options.begin(),
            Some(_) if options != TransactionOptions::default() => {
                let reason =
                    "isolation, readonly and deferrable belong to the outermost transaction";
                return Err(UsageError::Statement(reason).into());
            }
            Some(name) => format!("SAVEPOINT {name}"),
        };
        let owed = Owed {
            sent: Some(&rollback(savepoint.as_deref())),
            ..Owed::default()
        };
        if !nested {
            // What a block that the application began and ended by itself has left.
            seat.levels().clear();
        }
        seat.levels().push(level);
        let leave = OnDrop::new((&*seat, level), |(seat, level)| {
            seat.levels().retain(|under_way| *under_way != level);
        });
        let begun = seat.control(&begin, owed).await;
        begun.map_err(|error| match error.sqlstate() {
            // The one around it has ended before this one could begin.
            Some(NO_TRANSACTION) if nested => UsageError::SideBySide.into(),
            _ => error,
        })?;
        leave.keep();
        if seat.status() == Status::Idle {
            return Err(match seat.levels().contains(&level) {
                true => distrust(&seat, "beginning a transaction", "one", "none"),
                // The one around it has ended before this one was told that it has begun.
                false => UsageError::SideBySide.into(),
            });
        }
        let before = seat.after_commit().len();
        let transaction = Transaction {
            before,
            seat,
            savepoint,
            level,
            active: AtomicBool::new(true),
        };
        if !nested {
            // What a block that the application began and ended by itself has left.
            drop(transaction.forget(0));
            transaction.seat.forget_conflict();
        }
        Ok(transaction)
    }

    /// Has `task` done after the commit of the outermost transaction. It is forgotten if this one is
    /// rolled back, or one around it. Who commits takes it: [`Transaction::take_after_commit`].
    ///
    /// # Errors
    /// `TransactionEnded`.
    pub fn on_commit(&self, task: AfterCommit) -> Result<()> {
        if !self.is_active() {
            return Err(UsageError::TransactionEnded.into());
        }
        self.seat.after_commit().push(task);
        Ok(())
    }

    /// What is to be done now that it is committed, in order; nothing if it is a savepoint.
    pub fn take_after_commit(&self) -> Vec<AfterCommit> {
        match self.is_nested() || self.is_active() {
            true => Vec::new(),
            false => std::mem::take(&mut *self.seat.after_commit()),
        }
    }

    /// Takes away what was to be done, but for the first `keep`.
    fn forget(&self, keep: usize) -> Vec<AfterCommit> {
        let mut tasks = self.seat.after_commit();
        let keep = keep.min(tasks.len());
        tasks.split_off(keep)
    }

    /// Where requests of this transaction run.
    pub fn seat(&self) -> &Arc<Seat<R>> {
        &self.seat
    }

    /// Whether this is a savepoint inside another transaction.
    pub fn is_nested(&self) -> bool {
        self.savepoint.is_some()
    }

    /// Whether it was neither committed nor rolled back.
    pub fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }

    /// Commits, or releases the savepoint.
    ///
    /// # Errors
    /// The server's own (a deferred constraint, a serialization failure), `CommitRolledBack` if a
    /// statement had failed before, `TransactionEnded` the second time; `Protocol` if the server says
    /// neither that it was committed nor that it was rolled back; `SideBySide` if another one on the
    /// connection, which was no part of this, has ended it. It has ended in any case.
    ///
    /// # Cancellation
    /// Whether it was committed is not known then: the server may have been faster.
    pub async fn commit(&self) -> Result<()> {
        self.end()?;
        let committed = self.commit_or_release().await;
        if committed.is_err() {
            drop(self.forget(self.before));
        }
        committed
    }

    async fn commit_or_release(&self) -> Result<()> {
        let Some(name) = &self.savepoint else {
            let done = self.seat.script("COMMIT", None).await?;
            return match &*done.tag {
                "COMMIT" => Ok(()),
                "ROLLBACK" => Err(UsageError::CommitRolledBack.into()),
                tag => Err(distrust(
                    &self.seat,
                    "committing",
                    "COMMIT or ROLLBACK",
                    tag,
                )),
            };
        };
        let release = format!("RELEASE SAVEPOINT {name}");
        self.seat.control(&release, Owed::default()).await.map(drop)
    }

    /// Rolls back, or back to the savepoint. A connection whose server does not answer within ten
    /// seconds is closed instead, which rolls back as well.
    ///
    /// # Errors
    /// `Closed` if the connection was lost, `Timeout` if it was given up, `TransactionEnded` the
    /// second time.
    ///
    /// # Cancellation
    /// It is rolled back nevertheless, before whatever is submitted later.
    pub async fn rollback(&self) -> Result<()> {
        self.end()?;
        drop(self.forget(self.before));
        let script = rollback(self.savepoint.as_deref());
        let owed = Owed {
            unsent: Some(&script),
            ..Owed::default()
        };
        let (seat, runtime) = (&self.seat, self.seat.runtime());
        let limit = Limit::within(runtime, Some(HEAL));
        let rolling = pin!(seat.control(&script, owed));
        let done = race(runtime, limit, seat.gives_up(), rolling).await;
        done.map(drop)
    }

    /// Rolls back without waiting for it: what is submitted next comes after the rollback.
    pub fn abandon(&self) {
        if self.end().is_ok() {
            drop(self.forget(self.before));
            self.seat.send(rollback(self.savepoint.as_deref()));
        }
    }

    fn end(&self) -> Result<()> {
        if !self.active.swap(false, Ordering::AcqRel) {
            return Err(UsageError::TransactionEnded.into());
        }
        let mut levels = self.seat.levels();
        let place = levels.iter().position(|level| *level == self.level);
        // With it end those inside.
        levels.truncate(place.ok_or(UsageError::SideBySide)?);
        Ok(())
    }
}

/// SQLSTATE `no_active_sql_transaction`.
const NO_TRANSACTION: &str = "25P01";

/// Closes a connection whose server says of a transaction what cannot be.
fn distrust<R: Runtime>(
    seat: &Seat<R>,
    state: &'static str,
    expected: &'static str,
    got: &str,
) -> Error {
    seat.close();
    let got = got.to_owned().into();
    ProtocolError {
        state,
        expected,
        got,
    }
    .into()
}

/// What undoes all since the savepoint, or the whole transaction.
fn rollback(savepoint: Option<&str>) -> String {
    match savepoint {
        None => "ROLLBACK".into(),
        Some(name) => format!("ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}"),
    }
}
