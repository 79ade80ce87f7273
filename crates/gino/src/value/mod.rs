//! Owns the border between Rust values and the wire: `postgres-types` does the work, and text takes
//! over for the types that have no Rust type of their own. `row` and `query` use it.

mod host;
mod decode;
mod encode;
mod learnt;

pub(crate) use decode::{Text, decode, own_type};
pub(crate) use encode::{Sets, Values, write};

use gino_core::codec::catalog::Shape;
use gino_core::codec::{Kind, Oid, Type as Described};
use postgres_types::Type;

/// Whether a Rust string may stand for a value of one of PostgreSQL's own types, in its text form.
/// Strings are values of the usual text types themselves.
fn has_text_form(oid: Oid) -> bool {
    match Kind::of(oid) {
        Kind::Text => !is_string(oid),
        Kind::Numeric | Kind::Uuid | Kind::Json | Kind::Jsonb => true,
        kind => !kind.is_common() && kind != Kind::Array,
    }
}

/// The same for a type that the catalog describes.
fn has_text_form_of(of: &Described) -> bool {
    match &of.base().shape {
        Shape::Plain(_) if known(of.base().oid).is_some() => has_text_form(of.base().oid),
        _ => true,
    }
}

/// What is to be known of the derives where a Rust type does not fit an enum, or an array of one.
fn labels_of(of: &Described) -> Option<String> {
    match &of.shape {
        Shape::Enum(labels) => Some(format!(
            "its labels are {}; a derive of postgres-types has to have just these or \
             #[postgres(allow_mismatch)], one of GinoEnum may have others",
            labels.join(", ")
        )),
        Shape::Array(inner) | Shape::Domain(inner) => labels_of(inner),
        _ => None,
    }
}

/// Whether the Rust type `String` is for the type.
fn is_text(ty: &Type) -> bool {
    <String as postgres_types::ToSql>::accepts(ty)
}

/// One of PostgreSQL's own types as `postgres-types` knows it.
fn known(oid: Oid) -> Option<Type> {
    Type::from_oid(oid)
}

/// Whether `is_text` is true of the type `oid`, without looking it up: asked for each parameter.
pub(crate) fn is_string(oid: Oid) -> bool {
    STRINGS.contains(&oid)
}

const STRINGS: [Oid; 5] = [19, 25, 705, 1042, 1043];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_what_postgres_types_takes_for_text() {
        let known = (0..10_000).filter(|oid| known(*oid).is_some_and(|ty| is_text(&ty)));
        assert_eq!(known.collect::<Vec<_>>(), STRINGS);
    }
}
