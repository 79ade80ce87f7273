//! Owns the PostgreSQL client, protocol 3.0 and 3.2, as a machine without I/O: bytes in, bytes out, requests
//! queued, completions handed on. Never opens a socket or waits. The engine makes a [`Link`] per
//! connection and uses it as a [`crate::session::Session`]; a face feeds it as a
//! [`crate::session::Wire`].

mod message;
mod certificate;
mod negotiate;
mod input;
mod cache;
mod introspect;
mod touch;
mod stage;
mod startup;
mod encode;
mod op;
mod shared;
mod answers;
mod link;

pub use certificate::{Digest, end_point_digest};
pub use link::Link;
pub use negotiate::Attempt;

#[cfg(test)]
pub(crate) mod tests;
