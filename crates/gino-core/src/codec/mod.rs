//! Owns what a PostgreSQL type looks like on the wire, one file per type family.
//! Never knows a host's types: values cross as plain numbers, slices and small structs.
//! `session` asks it for formats; both faces build their values from it.

mod kind;

pub use kind::{Format, Kind, Oid, array_of, element_of, type_name};
