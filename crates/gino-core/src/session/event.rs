//! Owns what a session says without being asked, and who hears it. Never keeps an event: the outlet
//! gets each at once, in the server's order. Backends give events, faces implement [`Outlet`].

use crate::error::DbError;

/// What the server said by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Somebody notified a channel that the session listens to.
    Notification {
        /// The process of the session that notified.
        process: i32,
        /// The channel.
        channel: Box<str>,
        /// What it was told; empty if nothing.
        payload: Box<str>,
    },
    /// A warning, a notice, or what the session's settings let the server log to it.
    Notice(DbError),
    /// A setting that the server reports by itself has another value now.
    Parameter {
        /// The setting.
        name: Box<str>,
        /// Its value.
        value: Box<str>,
    },
}

/// Why an outlet hears nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// The connection went back to the pool.
    Released,
    /// The session is closed, by either side.
    Closed,
}

/// Where a session's events go: one outlet per borrowed connection.
///
/// Called from the connection's input path, with no lock held, in the order in which the server
/// spoke, and before the completion of a request that ends later. Nothing is queued on the way, so
/// that no server can fill memory by notifying; an outlet that queues has to bound its queue, or to
/// empty it before the next read, as an event loop does.
pub trait Outlet: Send + Sync {
    /// The server said something.
    fn hear(&self, event: Event);

    /// Nothing more will come. Called once.
    fn end(&self, silence: Silence);
}
