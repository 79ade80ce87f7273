//! Owns the behaviour suite of the Rust face: everything here runs against a real server, the one
//! of `GINO_TEST_DSN`. `scripts/test` sets that, or starts a throw-away cluster.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy spares tests, but not what they share"
)]

mod cancellation;
mod connect;
mod context;
mod copy;
mod cursor;
mod event;
mod failure;
mod fault;
mod pool;
mod query;
mod server;
mod statement;
mod storm;
mod transaction;
mod types;
