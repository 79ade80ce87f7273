//! Owns the client's transcripts: what the server sends and what must come out of it, each replayed
//! whole, cut in two at every byte, and byte by byte. Never opens a socket: [`play`] is both ends.
//! `engine`'s tests borrow [`server`]'s messages.

mod play;
mod values;
pub(crate) mod server;
mod scram;

mod startup;
mod binding;
mod protocol;
mod query;
mod script;
mod portal;
mod statement;
mod order;
mod copy;
mod outlet;
mod end;
mod lying;
pub(crate) mod random;
