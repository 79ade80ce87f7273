//! Owns what a PostgreSQL type looks like on the wire, one file per type family.
//! Never knows a host's types: values cross as plain numbers, slices and small structs.
//! `session` asks it for formats; both faces build their values from it.
//!
//! `decode*` reads the bytes of one value, `encode*` appends them without a length. A reason comes
//! back where that fails; the caller knows the place and both types and makes the `CodecError`.
//! Layouts: the `send` and `recv` functions of PostgreSQL's types, which its manual leaves to them.

pub mod array;
pub mod bits;
pub mod bytea;
pub mod catalog;
pub mod composite;
mod counted;
pub mod datetime;
pub mod geometry;
pub mod hstore;
pub mod interval;
pub mod json;
pub mod literal;
mod kind;
pub mod network;
pub mod number;
pub mod numeric;
pub mod range;
mod reader;
pub mod system;
pub mod text;
pub mod timetz;
#[cfg(feature = "postgres-types")]
mod traits;
pub mod uuid;
pub mod value;
pub mod vector;
pub mod versioned;

pub use array::{Array, ArrayWriter, Dimension};
pub use bits::BitString;
pub use catalog::{Catalog, Type};
pub use composite::{Composite, CompositeWriter};
pub use datetime::{Civil, Timeline};
pub use geometry::{Circle, Line, Point};
pub use hstore::{Hstore, HstoreWriter};
pub use interval::Interval;
pub use kind::{Format, Kind, Oid, array_of, element_of, subtype_of, type_name};
pub use network::Inet;
pub use numeric::Numeric;
pub use range::{Multirange, Range};
pub use system::{Lsn, Snapshot, Tid};
pub use timetz::TimeTz;
pub use value::Value;

/// Why bytes are no value of their type, or a value has no bytes.
pub type Reason = &'static str;

/// What decoding or encoding gives.
pub type Coded<T = ()> = std::result::Result<T, Reason>;

/// How deeply values within values are decoded: arrays in records in arrays. Bytes can claim far
/// more than the stack holds; no schema comes near.
pub const MAX_DEPTH: usize = 64;

const WRONG_LENGTH: Reason = "the value has the wrong length";

#[cfg(test)]
mod tests;
