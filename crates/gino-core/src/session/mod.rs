//! Owns the vocabulary that pool, stack and flows share with every backend: requests in, rows and
//! completions out. Never names PostgreSQL's messages. Backends implement [`Session`], flows call it.

mod copy;
mod event;
mod reply;
mod request;
mod security;
mod wire;

use std::sync::Arc;

pub use copy::{CopyDoor, CopyPipe, Feed};
pub use event::{Event, Outlet, Silence};
pub use reply::{Completer, Completion, Drained, Rare, Reply, Settled, reply, tag_rows};
pub use request::{Known, NoParams, ParamType, Params, Request, Sink, Sql, Statement, Written};
pub use security::{Answer, Channel, Encryption, Question, Route};
pub use wire::{Flush, Transport, Wire, empty, pass};

use crate::codec::Catalog;
use crate::codec::catalog::Customs;
use crate::error::Result;

/// What the server last said about the session (ReadyForQuery's status byte for PostgreSQL).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The conversation has not begun, or start-up is under way.
    Starting,
    /// Not in a transaction.
    Idle,
    /// In a transaction block.
    InTransaction,
    /// In a transaction block that failed: only a rollback is accepted.
    Failed,
    /// Closed, by either side.
    Closed,
}

/// What a session's prepared statements are like, and how often that helped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheFigures {
    /// How many statements are kept.
    pub size: usize,
    /// How many may be.
    pub capacity: usize,
    /// Times a statement was there already.
    pub hits: u64,
    /// Times it had to be prepared.
    pub misses: u64,
}

/// What became of a submission.
pub enum Submitted {
    /// It is on its way.
    Reply(Reply),
    /// The session is on hold: nothing was sent. Submit again once that is over.
    Held,
}

/// How a session is left.
#[derive(Debug, Clone, Copy)]
pub struct Condition {
    /// See [`Session::status`].
    pub status: Status,
    /// See [`Session::in_flight`].
    pub in_flight: usize,
    /// See [`Session::is_touched`].
    pub is_touched: bool,
}

/// One conversation with a database. Requests are answered in the order they are submitted.
pub trait Session: Send + Sync + 'static {
    /// Queues `request`; its rows go to `sink`, which is taken once the request is on its way.
    ///
    /// # Errors
    /// A value that cannot be encoded, or a session that is closed. Nothing was sent then, and the sink
    /// is where it was.
    ///
    /// # Cancellation
    /// Dropping the [`Reply`] does not stop the request: its answer is drained without decoding.
    fn submit(&self, request: Request<'_>, sink: &mut Option<Box<dyn Sink>>) -> Result<Submitted>;

    /// Keeps everybody from submitting, if exactly one request is in flight: it may be cancelled then
    /// without hitting another. Returns whether it did; false if somebody holds it already. Undone by
    /// [`Session::unhold`].
    fn hold(&self) -> bool;

    /// Ends [`Session::hold`].
    fn unhold(&self);

    /// Whether nobody may submit, because of a hold or because a [`Request::CopyIn`] is under way.
    fn is_held(&self) -> bool;

    /// Gives data, or its end, to the COPY FROM STDIN that is under way, once its door is open.
    ///
    /// # Errors
    /// `Closed` if there is none any more: the reply says why.
    fn feed(&self, feed: Feed<'_>) -> Result<()>;

    /// Goes on reading after a sink was full.
    fn resume(&self);

    /// The prepared statement for `sql`, if this session has it.
    fn cached(&self, sql: &Sql) -> Option<Arc<Statement>>;

    /// Puts `statement`, of which more is known now, in the place of what was prepared.
    fn refine(&self, statement: Arc<Statement>);

    /// Forgets the prepared statement for `sql`: it is prepared anew before its next use.
    fn forget(&self, sql: &Sql);

    /// What is known of the database's types.
    fn catalog(&self) -> Arc<Catalog>;

    /// The types that the host reads and writes itself on this connection.
    fn customs(&self) -> Arc<Customs>;

    /// Changes them, for statements that are prepared already as well.
    fn set_customs(&self, customs: Arc<Customs>);

    /// What the server last said.
    fn status(&self) -> Status {
        self.condition().status
    }

    /// How many requests are submitted and not answered yet.
    fn in_flight(&self) -> usize {
        self.condition().in_flight
    }

    /// Whether something ran that outlives a transaction (SET, LISTEN, a temporary table, …).
    fn is_touched(&self) -> bool {
        self.condition().is_touched
    }

    /// All three at one moment.
    fn condition(&self) -> Condition;

    /// The script that undoes what [`Session::is_touched`] reports. Running it clears the mark.
    fn reset_script(&self) -> &'static str;

    /// The packet that asks the server, on a connection of its own, to cancel what runs here.
    fn cancel_packet(&self) -> Option<Vec<u8>>;

    /// A setting that the server reports by itself, such as `server_version` or `TimeZone`.
    fn parameter(&self, name: &str) -> Option<String>;

    /// All settings that the server reports by itself.
    fn parameters(&self) -> Vec<(String, String)>;

    /// The server's process that serves this session, if it told.
    fn process(&self) -> Option<i32> {
        None
    }

    /// What the prepared statements are like now.
    fn cache_figures(&self) -> CacheFigures {
        CacheFigures::default()
    }

    /// From now on what the server says by itself goes to `outlet`, or nowhere. Returns who heard it
    /// before: that one is told nothing. A closed session keeps no outlet, and gives the new one back.
    fn listen(&self, outlet: Option<Arc<dyn Outlet>>) -> Option<Arc<dyn Outlet>>;

    /// Says goodbye and closes. Requests in flight fail with `Closed`.
    fn close(&self);
}
