//! Owns what a PostgreSQL type looks like on the wire, one file per type family.
//! Never knows a host's types: values cross as plain numbers, slices and small structs.
//! `session` asks it for formats; both faces build their values from it.
//!
//! `decode*` reads the bytes of one value, `encode*` appends them without a length. A reason comes
//! back where that fails; the caller knows the place and both types and makes the `CodecError`.
//! Layouts: the `send` and `recv` functions of PostgreSQL's types, which its manual leaves to them.

pub mod array;
pub mod bytea;
pub mod datetime;
pub mod interval;
pub mod json;
mod kind;
pub mod number;
pub mod numeric;
pub mod text;
pub mod uuid;
pub mod value;

pub use array::{Array, ArrayWriter};
pub use datetime::{Civil, Timeline};
pub use interval::Interval;
pub use kind::{Format, Kind, Oid, array_of, element_of, type_name};
pub use numeric::Numeric;
pub use value::Value;

/// Why bytes are no value of their type, or a value has no bytes.
pub type Reason = &'static str;

/// What decoding or encoding gives.
pub type Coded<T = ()> = std::result::Result<T, Reason>;

const WRONG_LENGTH: Reason = "the value has the wrong length";

#[cfg(test)]
mod tests;
