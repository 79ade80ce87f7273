//! What both faces of GINO execute: configuration, protocol, pool, loaders and engine flows.
//!
//! No socket, clock, thread, runtime or Python inside: time and I/O come in through [`runtime`].
//! The order of the modules is the dependency order: each may use only those above it.

pub mod error;
pub mod clock;
pub mod config;
pub mod codec;
pub mod row;
pub mod session;
pub mod pg;
pub mod pool;
pub mod loader;
pub mod stack;
pub mod runtime;
pub mod engine;
