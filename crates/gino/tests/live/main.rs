//! Owns the behaviour suite of the Rust face: everything here runs against a real server, the one
//! of `GINO_TEST_DSN`. `scripts/test` sets that, or starts a throw-away cluster.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy spares tests, but not what they share"
)]

mod by_sql;
mod cancellation;
mod catalog;
#[allow(dead_code, reason = "the suite of faults uses the rest")]
mod chance;
mod codec;
mod column;
mod connect;
mod context;
mod copy;
mod cursor;
mod early;
mod event;
mod example;
mod ext_actix;
mod ext_axum;
mod failure;
mod gino;
mod json;
mod kept_out;
mod loader;
mod model;
mod shelf;
mod crud;
mod select;
mod bulk;
mod expr;
mod pipeline;
mod pool;
#[allow(dead_code, reason = "the suite of faults uses the rest")]
mod proxy;
mod query;
mod replica;
mod schema;
mod scope;
mod server;
mod statement;
mod tls;
mod trace;
mod transaction;
mod types;
mod web;
