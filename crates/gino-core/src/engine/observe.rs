//! Owns who is told what an engine does: each finished statement, and what becomes of connections.
//! Costs one look at a flag while nobody listens; never waits for an observer or holds a lock while
//! telling. `seat`, `cursor`, `acquire` and `heal` report, applications and faces listen.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::seat::Seat;
use crate::clock::Instant;
use crate::config::Endpoint;
use crate::error::{Error, Result};
use crate::runtime::Runtime;
use crate::session::{Completion, Sql, tag_rows};

/// Is told what an engine does, from within its flows: it should be quick, and must not wait.
pub trait Observer: Send + Sync {
    /// A statement has ended, however it did. `BEGIN`, `COMMIT` and savepoints count, what the pool
    /// runs to make a connection whole does not.
    fn query(&self, _query: &QueryReport<'_>) {}

    /// Something became of a connection.
    fn pool(&self, _event: &PoolEvent<'_>) {}
}

/// One finished statement.
#[derive(Debug)]
#[non_exhaustive]
pub struct QueryReport<'a> {
    /// The text as it was sent; values are not part of it.
    pub sql: &'a str,
    /// From submitting to the last message of the answer, preparing included. Waiting for a
    /// connection is not.
    pub duration: Duration,
    /// What it came to.
    pub outcome: Outcome<'a>,
    /// Whether it had to be prepared first on this connection.
    pub prepared: bool,
    /// The connection's number in its pool, from 1 in the order of opening.
    pub connection: u64,
    /// Where the connection leads to.
    pub endpoint: &'a Endpoint,
    /// The database.
    pub database: &'a str,
}

/// What a statement came to.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// It ran. How many rows it returned or changed, of all parameter sets, if the server said so.
    Done {
        /// The number in the command tag.
        rows: Option<u64>,
    },
    /// It failed, possibly with a time-out.
    Failed(&'a Error),
    /// Nobody waited for it any more; the server was asked to stop.
    Cancelled,
}

/// What became of a connection of the pool.
#[derive(Debug)]
#[non_exhaustive]
pub enum PoolEvent<'a> {
    /// One was opened.
    Opened {
        /// Its number in the pool.
        connection: u64,
        /// How long that took.
        duration: Duration,
    },
    /// One could not be opened.
    ConnectFailed {
        /// Why.
        error: &'a Error,
    },
    /// One was borrowed.
    Acquired {
        /// Its number in the pool.
        connection: u64,
        /// How long the borrower waited for it, opening included.
        waited: Duration,
    },
    /// None was borrowed within the borrower's limit.
    TimedOut {
        /// How long the borrower waited.
        waited: Duration,
    },
    /// One came back: to be used again, or closed.
    Released {
        /// Its number in the pool.
        connection: u64,
        /// Whether the next borrower can have it.
        kept: bool,
    },
}

/// Who listens to an engine, or to several. Clones are the same list.
#[derive(Clone, Default)]
pub struct Observers(Arc<List>);

#[derive(Default)]
struct List {
    any: AtomicBool,
    last: AtomicU64,
    entries: Mutex<Told>,
}

type Told = Arc<[(u64, Arc<dyn Observer>)]>;

/// That somebody listens. Dropping it changes nothing.
#[derive(Clone)]
pub struct Observation {
    observers: Observers,
    number: u64,
}

impl Observation {
    /// Ends it. What is being told at this moment still is.
    pub fn end(&self) {
        self.observers
            .change(|entries| entries.retain(|(number, _)| *number != self.number));
    }
}

impl Observers {
    /// From now on `observer` is told, too.
    pub fn add(&self, observer: Arc<dyn Observer>) -> Observation {
        let number = self.0.last.fetch_add(1, Ordering::Relaxed) + 1;
        self.change(|entries| entries.push((number, observer)));
        let observers = self.clone();
        Observation { observers, number }
    }

    /// Whether nobody listens.
    pub fn is_empty(&self) -> bool {
        !self.0.any.load(Ordering::Acquire)
    }

    fn change(&self, change: impl FnOnce(&mut Vec<(u64, Arc<dyn Observer>)>)) {
        let before = {
            let mut entries = self
                .0
                .entries
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let mut new = entries.to_vec();
            change(&mut new);
            self.0.any.store(!new.is_empty(), Ordering::Release);
            std::mem::replace(&mut *entries, new.into())
        };
        drop(before);
    }

    fn told(&self) -> Option<Told> {
        if self.is_empty() {
            return None;
        }
        let entries = self
            .0
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&entries))
    }

    /// Tells of a connection, if anybody listens.
    pub(super) fn pool<'a>(&self, event: impl FnOnce() -> PoolEvent<'a>) {
        if let Some(told) = self.told() {
            let event = event();
            told.iter().for_each(|(_, observer)| observer.pool(&event));
        }
    }
}

impl<R: Runtime> Seat<R> {
    /// Where the connection leads to.
    pub fn endpoint(&self) -> &Endpoint {
        &self.route.endpoint
    }

    /// The database it is connected to.
    pub fn database(&self) -> &str {
        &self.inner.config.database
    }

    /// Begins to watch a statement, if anybody listens. Dropped early, it was cancelled.
    pub(super) fn watch(&self, sql: &Sql) -> Option<Box<Watch<'_, R>>> {
        let told = self.inner.observers.told()?;
        Some(Box::new(Watch {
            seat: self,
            sql: sql.clone(),
            since: self.inner.runtime.now(),
            told: Some(told),
        }))
    }
}

/// A statement that runs and is watched.
pub(super) struct Watch<'a, R: Runtime> {
    seat: &'a Seat<R>,
    sql: Sql,
    since: Instant,
    /// Until it was told.
    told: Option<Told>,
}

impl<R: Runtime> Watch<'_, R> {
    /// Tells what it came to; `most` is how many rows were asked for (0: all).
    pub(super) fn done(mut self, result: &Result<Completion>, prepared: bool, most: u32) {
        let outcome = match result {
            Ok(done) => Outcome::Done {
                rows: match done.suspended {
                    true => Some(most.into()),
                    false => tag_rows(&done.tag).map(|last| last.max(done.affected)),
                },
            },
            Err(error) => Outcome::Failed(error),
        };
        self.tell(outcome, prepared);
    }

    fn tell(&mut self, outcome: Outcome<'_>, prepared: bool) {
        let Some(told) = self.told.take() else { return };
        let inner = &self.seat.inner;
        let report = QueryReport {
            sql: self.sql.as_str(),
            duration: inner.runtime.now().saturating_since(self.since),
            outcome,
            prepared,
            connection: self.seat.number,
            endpoint: &self.seat.route.endpoint,
            database: &inner.config.database,
        };
        told.iter()
            .for_each(|(_, observer)| observer.query(&report));
    }
}

impl<R: Runtime> Drop for Watch<'_, R> {
    fn drop(&mut self) {
        self.tell(Outcome::Cancelled, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_says_whether_anybody_listens() {
        struct Nobody;
        impl Observer for Nobody {}
        let observers = Observers::default();
        assert!(observers.is_empty());
        let (one, two) = (
            observers.add(Arc::new(Nobody)),
            observers.add(Arc::new(Nobody)),
        );
        one.end();
        one.end();
        assert!(!observers.is_empty());
        two.end();
        assert!(observers.is_empty());
    }
}
