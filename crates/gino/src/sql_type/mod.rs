//! Owns what the database calls a Rust type: names for the schema, the wire type for parameters, and
//! NULL as `Option`. Never encodes a value by itself, `postgres-types` does. Columns, expressions
//! and the schema ask here.

mod enumeration;
mod impls;

use std::fmt::Debug;

use postgres_types::{FromSqlOwned, ToSql, Type};

pub use enumeration::{__accepts_label, __read_label, __write_label, EnumDef, GinoEnum};

/// A Rust type whose values columns can hold.
///
/// The types of `std` and of the crates behind features have it. For a type of your own that has
/// `ToSql` and `FromSql`, name its SQL type: `gino::sql_type!(Email, "citext");`. An enumeration
/// gets it from `#[derive(GinoEnum)]`.
#[diagnostic::on_unimplemented(
    message = "a column cannot hold `{Self}`",
    label = "no SQL type is known for this",
    note = "implement `ToSql` and `FromSql` and name the SQL type: `gino::sql_type!({Self}, \"…\");`",
    note = "a serde type goes into a JSON column with `#[gino(json)]`, what a loader fills is \
            `#[gino(relation)]`, an enumeration derives `GinoEnum`"
)]
pub trait SqlType: ToSql + FromSqlOwned + Send + Sync + Sized + 'static {
    /// The same without `Option`.
    type Plain: SqlType;

    /// What the schema writes.
    const TYPE: TypeDef;

    /// Whether NULL is one of its values.
    const NULLABLE: bool = false;

    /// The type to encode a value as before the server is asked; text if only the server knows it.
    fn wire() -> Type {
        Type::TEXT
    }

    /// The same of an array of these.
    fn wire_array() -> Type {
        Type::TEXT_ARRAY
    }

    /// The value as a parameter of a sea-query statement.
    fn into_value(self) -> sea_query::Value {
        crate::param::encoded(&self, &Self::wire())
    }
}

/// A type of columns that are never NULL: any but `Option`.
#[diagnostic::on_unimplemented(
    message = "pages cannot be ordered by `{Self}`, which may be NULL",
    label = "give columns that cannot be NULL: `User::ID`, `(Reverse(User::AGE), User::ID)`"
)]
pub trait NotNull: SqlType {}

/// A type whose columns can refer to a column of `T`: the same, but for `Option`.
#[diagnostic::on_unimplemented(
    message = "a column of `{Self}` cannot refer to a column of `{T}`",
    label = "both have to be of one type; `Option` of it, if it may be NULL"
)]
pub trait RefersTo<T>: SqlType {}

impl<S: RefersTo<T> + SqlType<Plain = S>, T> RefersTo<T> for Option<S> {}

/// The SQL type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeDef {
    /// Its name as `CREATE TABLE` takes it, such as `int4` or `varchar(20)`; without `[]`.
    pub name: &'static str,
    /// Whether it is an array of these.
    pub array: bool,
    /// The enumerated type, if it is one: `name` is not quoted then.
    pub enumeration: Option<&'static EnumDef>,
}

impl TypeDef {
    /// A type by its name; `varchar(20)[]` is an array.
    pub const fn named(name: &'static str) -> TypeDef {
        let mut member = name.as_bytes();
        while let [before @ .., b'[', b']'] = member {
            member = before;
        }
        TypeDef {
            name: name.split_at(member.len()).0,
            array: member.len() < name.len(),
            enumeration: None,
        }
    }

    /// An array of this type.
    pub const fn array(self) -> TypeDef {
        TypeDef {
            array: true,
            ..self
        }
    }

    /// Whether it counts up by itself as a primary key: `int2`, `int4` or `int8`.
    pub const fn is_integer(&self) -> bool {
        matches!(self.name.as_bytes(), b"int2" | b"int4" | b"int8") && !self.array
    }

    /// Whether it is one of `smallserial`, `serial` and `bigserial`.
    pub(crate) const fn is_serial(&self) -> bool {
        matches!(
            self.name.as_bytes(),
            b"smallserial" | b"serial" | b"bigserial" | b"serial2" | b"serial4" | b"serial8"
        )
    }

    /// As SQL has it: `int4`, `"mood"`, `"app"."mood"[]`.
    pub fn sql(&self) -> String {
        let mut sql = self
            .enumeration
            .map_or_else(|| self.name.to_owned(), EnumDef::sql);
        if self.array {
            sql.push_str("[]");
        }
        sql
    }
}

/// A text as a literal, whatever `standard_conforming_strings` is.
pub(crate) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    match quoted.contains('\\') {
        true => format!("E'{}'", quoted.replace('\\', "\\\\")),
        false => format!("'{quoted}'"),
    }
}

/// An identifier in quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Names the SQL type of a type that has `ToSql` and `FromSql`: `gino::sql_type!(Email, "citext");`.
///
/// Where the type can be named as a `postgres_types::Type`, with that of an array of it, parameters
/// of it travel in binary form in any position:
/// `gino::sql_type!(Meters, "float8", Type::FLOAT8, Type::FLOAT8_ARRAY);`.
#[macro_export]
macro_rules! sql_type {
    ($rust:ty, $sql:expr) => {
        $crate::sql_type!(
            $rust,
            $sql,
            $crate::types::Type::TEXT,
            $crate::types::Type::TEXT_ARRAY
        );
    };
    ($rust:ty, $sql:expr, $wire:expr, $array:expr) => {
        impl $crate::SqlType for $rust {
            type Plain = $rust;
            const TYPE: $crate::TypeDef = $crate::TypeDef::named($sql);
            fn wire() -> $crate::types::Type {
                $wire
            }
            fn wire_array() -> $crate::types::Type {
                $array
            }
        }
        $crate::__operand!($rust);
    };
}
