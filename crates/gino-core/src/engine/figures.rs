//! Owns what can be known of a pool from outside: its figures, what it has done so far, each of its
//! connections, and who holds them. Never changes anything. Applications and messages read it.

use std::fmt;
use std::panic::Location;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::Engine;
use super::inner::{Holder, Place};
use crate::clock::Instant;
use crate::runtime::{Caller, Runtime};
use crate::session::{CacheFigures, Status};

/// How many connections there are, and in whose hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// The most there may be.
    pub max: usize,
    /// How many are kept open.
    pub min: usize,
    /// How many are open or being opened.
    pub size: usize,
    /// How many are handed out.
    pub in_use: usize,
    /// How many are idle.
    pub idle: usize,
    /// How many callers wait.
    pub waiting: usize,
}

/// What a pool has done since it was made. Nothing counts backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Metrics {
    /// Connections that were opened.
    pub opened: u64,
    /// Connections that were closed, by either side.
    pub closed: u64,
    /// Times a connection was borrowed that was open already.
    pub reused: u64,
    /// Times a borrower had to wait in the queue.
    pub waited: u64,
    /// How long they waited there, all together.
    pub wait_time: Duration,
    /// Borrowers who got nothing within their limit.
    pub timeouts: u64,
    /// Attempts to open a connection that failed.
    pub failed_connects: u64,
    /// Connections that were asked whether they live, after idling.
    pub health_checks: u64,
    /// Connections whose session had to be reset when they came back.
    pub resets: u64,
}

/// Where in the application a connection was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A line of Rust.
    Rust(&'static Location<'static>),
    /// A line of the host's language, as `file:line`.
    Host(Arc<str>),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Rust(at) => write!(f, "{}:{}", at.file(), at.line()),
            Origin::Host(at) => f.write_str(at),
        }
    }
}

/// Who holds a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holding {
    /// The task or thread that asked for it, if that is known.
    pub caller: Option<Arc<str>>,
    /// Where it was asked for; of what a statement has borrowed by itself, where the task waits now, if
    /// the host can tell.
    pub origin: Option<Origin>,
    /// For how long.
    pub age: Duration,
    /// The statement that was submitted last, if any was.
    pub last_sql: Option<Arc<str>>,
}

/// One connection of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionFigures {
    /// Its number in the pool, from 1 in the order of opening.
    pub number: u64,
    /// The server's process, as `pg_stat_activity` has it, if the server told.
    pub process: Option<i32>,
    /// Where it leads to.
    pub endpoint: crate::config::Endpoint,
    /// How long ago it was opened.
    pub age: Duration,
    /// What the server last said.
    pub status: Status,
    /// How many requests are under way.
    pub in_flight: usize,
    /// Its prepared statements.
    pub cache: CacheFigures,
    /// Who holds it; nobody while it is idle.
    pub holder: Option<Holding>,
}

impl<R: Runtime> Engine<R> {
    /// The pool's figures now.
    pub fn figures(&self) -> Figures {
        let pooled = self.0.peek();
        let pool = &pooled.pool;
        Figures {
            max: pool.limits().max,
            min: pool.limits().min,
            size: pool.size(),
            in_use: pool.in_use(),
            idle: pool.idle(),
            waiting: pool.waiting(),
        }
    }

    /// What the pool has done so far.
    pub fn metrics(&self) -> Metrics {
        self.0.peek().metrics
    }

    /// The open connections, in no order.
    pub fn connections(&self) -> Vec<ConnectionFigures> {
        let now = self.0.runtime.now();
        let found: Vec<_> = {
            let pooled = self.0.peek();
            let places = pooled.places.iter();
            places
                .filter_map(|place| Some((describe(place, now)?, place.holder.clone())))
                .collect()
        };
        // The holders are the host's: they are asked without the lock.
        let found = found
            .into_iter()
            .map(|(figures, holder)| ConnectionFigures {
                holder: holder.map(|holder| holder.describe(now)),
                ..figures
            });
        found.collect()
    }
}

fn describe(place: &Place, now: Instant) -> Option<ConnectionFigures> {
    let session = place.session.as_ref()?;
    Some(ConnectionFigures {
        number: place.number,
        process: session.process(),
        endpoint: place.route.as_ref()?.endpoint.clone(),
        age: now.saturating_since(place.opened),
        status: session.status(),
        in_flight: session.in_flight(),
        cache: session.cache_figures(),
        holder: None,
    })
}

impl Holder {
    /// Asks the host: not to be called with a lock held.
    pub(super) fn describe(&self, now: Instant) -> Holding {
        let caller = self.caller.as_deref();
        let last = self.last_sql.lock().unwrap_or_else(PoisonError::into_inner);
        Holding {
            caller: caller.and_then(Caller::name),
            origin: (self.origin.clone())
                .or_else(|| Some(Origin::Host(caller.and_then(Caller::place)?))),
            age: now.saturating_since(self.since),
            last_sql: last.as_ref().map(|sql| sql.to_text()),
        }
    }
}

impl fmt::Display for Holding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.caller.as_deref().unwrap_or("an unnamed caller"))?;
        if let Some(origin) = &self.origin {
            write!(f, " at {origin}")?;
        }
        write!(f, " for {:.1} s, ", self.age.as_secs_f64())?;
        let Some(sql) = &self.last_sql else {
            return f.write_str("no SQL yet");
        };
        let shown = sql
            .char_indices()
            .nth(SQL_LENGTH)
            .map_or(sql.len(), |(at, _)| at);
        let (shown, rest) = sql.split_at(shown);
        write!(
            f,
            "last SQL: {shown}{}",
            if rest.is_empty() { "" } else { "…" }
        )
    }
}

/// How much of a statement a message shows, in characters.
const SQL_LENGTH: usize = 80;
