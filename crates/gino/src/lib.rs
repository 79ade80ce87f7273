//! GINO for tokio: a pool, contextual connections and nested transactions on PostgreSQL.
//!
//! ```no_run
//! use gino::prelude::*;
//!
//! # async fn run() -> gino::Result<()> {
//! let engine = Engine::connect("postgresql://localhost/gino").await?;
//! engine.script("CREATE TABLE IF NOT EXISTS users (id serial PRIMARY KEY, name text)").await?;
//!
//! let daisy = engine
//!     .transaction(async |tx| {
//!         let row = tx.one("INSERT INTO users (name) VALUES ($1) RETURNING id", &[&"daisy"]).await?;
//!         // In the same task the engine itself runs inside the transaction too.
//!         engine.status("UPDATE users SET name = upper(name) WHERE id = $1", &[&row.get::<i32>(0)]).await?;
//!         row.try_get::<i32>("id")
//!     })
//!     .await?;
//!
//! let name: Option<String> = engine.scalar("SELECT name FROM users WHERE id = $1", &[&daisy]).await?;
//! assert_eq!(name.as_deref(), Some("DAISY"));
//! # Ok(())
//! # }
//! ```
//!
//! - [`Engine`] is the pool. It runs statements on a connection of its own choice.
//! - [`Executor`] has the statements: `all`, `first`, `one`, `one_or_none`, `scalar`, `status`,
//!   `iterate`, on an engine, a [`Connection`], a [`Transaction`], or any of them with a time-out.
//! - [`Row`] is a row: values by position or name.
//! - [`Error`] is every error; ask it for its [`kind`](Error::kind), its
//!   [`sqlstate`](Error::sqlstate) or the server's fields ([`db`](Error::db)).
//!
//! A future that is dropped half-way cancels its statement on the server, rolls back its
//! transaction and gives its connection back in a state that the next borrower can use.
//!
//! # Types
//! Parameters and values are those of `postgres-types`, with the features `chrono`, `uuid` and
//! `json` for the types of those crates. A `String` also reads and writes `numeric`, `uuid`, `json`,
//! `jsonb`, and every type that has no Rust type here (enumerations, domains, network addresses), in
//! the server's text form. Types are never converted: an `int8` is an `i64` and nothing else.

mod driver;
mod value;
mod row;
mod context;
mod cursor;
mod query;
mod transaction;
mod connection;
mod copy;
mod event;
mod engine;

pub use gino_core::config::{Config, Endpoint};
pub use gino_core::engine::{Figures, Isolation, TransactionOptions};
pub use gino_core::error::{self, Error, ErrorKind, Result};
pub use gino_core::row::Column;
pub use gino_core::session::{Event, Sql};
pub use postgres_types::{self as types, FromSql, ToSql};

pub use connection::{Acquire, Connection};
pub use copy::{CopyIn, CopyOut};
pub use cursor::Cursor;
pub use engine::Engine;
pub use event::Events;
pub use query::{Executor, Status, TimeLimited};
pub use row::{ColumnIndex, Row};
pub use transaction::Transaction;

/// What most programs need: `use gino::prelude::*;`.
pub mod prelude {
    pub use crate::{Connection, Engine, Executor, Row, Transaction};
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct HouseReadme;
