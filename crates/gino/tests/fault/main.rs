//! Owns the faults of the Rust face: networks that cut, futures that are dropped, servers that are
//! killed, in recovery or lie. After each nothing is lost, doubled or leaked. Every test is alone in
//! the process, so that it may count files, tasks and memory. The server is that of `GINO_TEST_DSN`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "clippy spares tests, but not what they share"
)]

#[path = "../live/chance.rs"]
mod chance;
mod cluster;
mod crash;
mod drop;
mod ground;
mod ledger;
mod liar;
mod lie;
mod load;
mod network;
mod operation;
#[path = "../live/proxy.rs"]
mod proxy;
mod secret;
#[path = "../live/server.rs"]
#[allow(dead_code, reason = "the live suite uses the rest")]
mod server;
mod soak;
mod storm;
mod witness;
