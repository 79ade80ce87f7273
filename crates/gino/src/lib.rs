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
//! Parameters and values are those of `postgres-types` and of [`types`], which has what is missing
//! there: ranges, intervals, shapes, bit strings and more. The features `chrono`, `time`, `jiff`,
//! `uuid`, `decimal`, `json`, `cidr`, `ipnetwork`, `eui48`, `bit-vec` and `geo` add the types of those
//! crates, also as columns of models.
//! A `String` also reads and writes every type but the plain ones (numbers, dates, times and
//! `bytea`), in the server's text form. Types are never converted: an `int8` is an `i64` and nothing
//! else.
//!
//! What a database defines by itself is learnt from its catalog when a statement first mentions it:
//! enums, composites, domains, ranges, arrays of all these, and the types of hstore, ltree, citext and
//! pgvector. The derives of `postgres-types` (its feature `derive`) make Rust types for them, with
//! `#[postgres(name = "…")]` for the type's name; a value for the type below a domain will do for the
//! domain. Changes are noticed: those of this engine at once, those of others where a value shows them,
//! else after [`Engine::forget_types`]. A label of an enum that a Rust type has no variant for is an
//! error where a value has it, with [`GinoEnum`]; the derives of `postgres-types` refuse a type with
//! other labels than theirs, unless they have `#[postgres(allow_mismatch)]`.

pub mod types;
mod process;
mod driver;
mod value;
mod row;
mod level;
mod context;
mod cursor;
#[cfg(feature = "tracing")]
mod trace;
mod query;
mod transaction;
mod connection;
mod begin;
mod prepared;
mod copy;
mod event;
mod engine;
mod builder;
mod gino;
mod param;
#[cfg(feature = "json")]
mod document;
mod sql_type;
mod expr;
mod record;
#[cfg(feature = "json")]
pub mod json;
pub mod model;
mod place;
mod select;
mod crud;
mod bulk;
pub mod loader;
pub mod schema;
#[cfg(any(feature = "actix", feature = "axum"))]
pub mod ext;

pub use gino_core::config::{Config, Endpoint, Surroundings, TextFile};
pub use gino_core::engine::{
    ConnectionFigures, Figures, Holding, Isolation, Metrics, Observation, Observer, Origin,
    Outcome, PoolEvent, QueryReport,
};
pub use gino_core::error::{self, Error, ErrorKind, Result};
pub use gino_core::session::{Event, Sql};
pub use postgres_types::{FromSql, ToSql};

pub use self::gino::{Gino, IntoBind};
#[cfg(feature = "derive")]
pub use gino_macros::{Columns, GinoEnum, Model};
pub use sea_query;
#[cfg(feature = "tls")]
pub use tokio_rustls::rustls;

pub use begin::{Begin, Retry};
pub use builder::EngineBuilder;
pub use bulk::{
    Bulk, BulkCreate, BulkUpdate, ColumnSet, CopyRows, DeleteAll, GetOrCreate, OnConflict,
    UpdateAll, excluded,
};
#[doc(hidden)]
pub use bytes::BytesMut as __BytesMut;
pub use connection::{Acquire, Connection};
pub use context::{InScope, Scope, ScopeExt, deadline};
pub use copy::{CopyIn, CopyOut};
#[doc(hidden)]
pub use crud::Apply as __Apply;
pub use crud::{Create, Crud, Delete, Get, Update};
pub use cursor::Cursor;
pub use engine::Engine;
pub use event::Events;
#[doc(hidden)]
pub use expr::Taker;
pub use expr::{
    Assignable, Assigned, Case, Condition, Expr, Expression, IntoOrder, List, Operand, Order,
    Plain, SubQuery, SubQueryOf, Text, all, any_of, case, exists, func, not, sql, to_sql, value,
};
#[doc(hidden)]
pub use inventory as __inventory;
#[cfg(feature = "json")]
pub use json::Json;
pub use loader::{Loadable, Loader};
pub use model::{Column, Columns, Model, Property, Relation};
#[doc(hidden)]
pub use place::Placed as __Placed;
pub use prepared::Prepared;
pub use process::Process;
pub use query::{Executor, Status, TimeLimited};
pub use record::{Load, Record};
pub use row::{ColumnIndex, Row};
pub use schema::{CreateAll, DropAll, Schema};
pub use select::{
    Alias, BySql, Derived, IntoStatement, Item, Label, Labeled, Maybe, Member, Page, PageKey,
    Query, Rows, Selection, Single, Source, Statement, Whole, WholeAlias, optional, sea,
};
#[doc(hidden)]
pub use sql_type::{__accepts_label, __read_label, __write_label};
pub use sql_type::{EnumDef, GinoEnum, NotNull, RefersTo, SqlType, TypeDef};
pub use transaction::Transaction;

/// What most programs need: `use gino::prelude::*;`.
pub mod prelude {
    #[cfg(feature = "json")]
    pub use crate::Json;
    pub use crate::{
        Bulk, Columns, Connection, Crud, Engine, Executor, Expression, Gino, GinoEnum, Label,
        Loadable, Model, Row, Schema, Transaction,
    };
}

/// A future on the heap: what awaiting a builder makes.
pub type BoxFuture<T> = std::pin::Pin<Box<dyn Future<Output = T> + Send>>;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct HouseReadme;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/index.md")]
struct Home;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/tutorials/rust.md")]
struct FirstSteps;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/how-to/rust-schema.md")]
struct SchemaGuide;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/how-to/rust-loaders.md")]
struct LoadersGuide;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/how-to/rust-json.md")]
struct JsonGuide;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/how-to/rust-types.md")]
struct TypesGuide;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/how-to/rust-bulk.md")]
struct BulkGuide;
