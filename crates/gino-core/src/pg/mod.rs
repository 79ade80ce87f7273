//! Owns the PostgreSQL client, protocol 3.0, as a machine without I/O: bytes in, bytes out, requests
//! queued, completions handed on. Never opens a socket or waits. The engine makes a [`Link`] per
//! connection and uses it as a [`crate::session::Session`]; a face feeds it as a
//! [`crate::session::Wire`].

mod message;
mod input;
mod cache;
mod touch;
mod stage;
mod startup;
mod encode;
mod op;
mod shared;
mod answers;
mod link;

pub use link::Link;

#[cfg(test)]
pub(crate) mod tests;
