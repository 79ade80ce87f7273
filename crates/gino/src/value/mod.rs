//! Owns the border between Rust values and the wire: `postgres-types` does the work, and text takes
//! over for the types that have no Rust type of their own. `row` and `query` use it.

mod decode;
mod encode;

pub(crate) use decode::{Text, decode, own_type};
pub(crate) use encode::{Sets, Values};

use gino_core::codec::Kind;
use postgres_types::Type;

/// Whether a Rust string may stand for a value of this kind, in its text form.
fn has_text_form(kind: Kind) -> bool {
    let plain = matches!(
        kind,
        Kind::Numeric | Kind::Uuid | Kind::Json | Kind::Jsonb | Kind::TextArray | Kind::Other
    );
    plain || !kind.is_common() && kind != Kind::Array
}

/// The type as `postgres-types` knows it; the application's own types are not known to it.
fn known(oid: u32) -> Option<Type> {
    Type::from_oid(oid)
}
