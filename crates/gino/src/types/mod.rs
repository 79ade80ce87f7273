//! Owns the Rust types for values that `postgres-types` has none for, and hands on all of
//! `postgres-types`. Never encodes anything itself: `gino-core` does. Applications use it.
//!
//! | SQL | Rust |
//! |---|---|
//! | `interval`, `timetz` | [`Interval`], [`TimeTz`] |
//! | `int4range` and other ranges | [`Range<T>`], [`Multirange<T>`] |
//! | `inet`, `cidr` | [`std::net::IpAddr`], [`Inet`]; with the feature `cidr` the types of that crate, with `ipnetwork` [`Network`] |
//! | `macaddr`, `macaddr8` | [`MacAddr`], [`MacAddr8`]; with `eui48` the types of that crate |
//! | `bit`, `varbit` | [`BitString`]; with `bit-vec` that of the crate |
//! | `point` … `circle` | [`Point`], [`Line`], [`Lseg`], [`Rect`], [`Path`], [`Polygon`], [`Circle`]; with `geo` those of geo-types |
//! | `money` | [`Money`] |
//! | `pg_lsn`, `xid8`, `tid` | [`Lsn`], [`Xid8`], [`Tid`] |
//! | `hstore` | `HashMap<String, Option<String>>` |
//! | `ltree`, `lquery` | `String`, [`LTree`] |
//! | pgvector's | [`Vector`], [`HalfVector`], [`SparseVector`] |
//!
//! A Rust type of your own for any of them has [`FromSql`] and [`ToSql`]; with
//! [`sql_type!`](crate::sql_type) it is one for columns, too.

mod bits;
mod geometry;
mod multirange;
#[cfg(feature = "ipnetwork")]
mod network;
mod number;
mod text;
mod vector;

pub use bytes::BytesMut;
pub use gino_core::codec::{Circle, Inet, Interval, Line, Lsn, Point, Range, Tid, TimeTz};
pub use postgres_types::*;

pub use bits::BitString;
pub use geometry::{Lseg, Path, Polygon, Rect};
pub use multirange::Multirange;
#[cfg(feature = "ipnetwork")]
pub use network::Network;
pub use number::{MacAddr, MacAddr8, Money, Xid8};
pub use text::LTree;
pub use vector::{HalfVector, SparseVector, Vector};

/// What reading or writing a value gives.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Sync + Send>>;

/// `postgres-types`' traits for `$type`: the SQL types it is for, how it is read from `$raw`, and how
/// `$value` is appended to `$out`.
macro_rules! sql {
    ($type:ident: |$ty:ident| $accepts:expr; $raw:ident => $read:expr; $value:ident, $out:ident => $write:expr;) => {
        impl<'a> postgres_types::FromSql<'a> for $type {
            fn from_sql(_: &postgres_types::Type, $raw: &'a [u8]) -> super::Outcome<Self> {
                Ok($read)
            }

            fn accepts($ty: &postgres_types::Type) -> bool {
                $accepts
            }
        }

        impl postgres_types::ToSql for $type {
            fn to_sql(
                &self,
                _: &postgres_types::Type,
                $out: &mut bytes::BytesMut,
            ) -> super::Outcome<postgres_types::IsNull> {
                let $value = self;
                $write;
                Ok(postgres_types::IsNull::No)
            }

            fn accepts($ty: &postgres_types::Type) -> bool {
                $accepts
            }

            postgres_types::to_sql_checked!();
        }
    };
}
use sql;
