//! Owns the types that the catalog describes, as `postgres-types` has them: its derives and collections
//! read and write enums, composites, domains, ranges and arrays by them. Never asks the server.

use std::convert::Infallible;

use gino_core::codec::Type as Described;
use gino_core::codec::catalog::Shape;
use postgres_types::{Field, Kind, Type};

/// The type for `of`, put together once.
pub(super) fn type_of(of: &Described) -> Type {
    let Ok(made) = of.made(|| Ok::<_, Infallible>(make(of)));
    Type::clone(&made)
}

fn make(of: &Described) -> Type {
    if let Some(own) = Type::from_oid(of.oid) {
        return own;
    }
    let kind = match &of.shape {
        Shape::Plain(_) => Kind::Simple,
        Shape::Record(_) => Kind::Pseudo,
        Shape::Enum(labels) => Kind::Enum(labels.iter().map(|label| label.to_string()).collect()),
        Shape::Domain(base) => Kind::Domain(type_of(base)),
        Shape::Array(element) => Kind::Array(type_of(element)),
        Shape::Range(bound) => Kind::Range(type_of(bound)),
        Shape::Multirange(bound) => Kind::Multirange(type_of(bound)),
        Shape::Composite(fields) => {
            let field = |field: &gino_core::codec::catalog::Field| {
                Field::new(field.name.to_string(), type_of(&field.of))
            };
            Kind::Composite(fields.iter().map(field).collect())
        }
        Shape::Custom(custom) => return type_of(&custom.base),
    };
    Type::new(of.name.to_string(), of.oid, kind, of.schema.to_string())
}
