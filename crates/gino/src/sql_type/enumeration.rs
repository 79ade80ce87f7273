//! Owns enumerations of the application as enumerated types of the database.

use std::error::Error;

use bytes::BytesMut;
use postgres_types::{IsNull, Kind, Type};

use super::quoted;

/// An enumerated type: `CREATE TYPE name AS ENUM (labels)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnumDef {
    /// Its name.
    pub name: &'static str,
    /// Its schema, if that is not the search path's.
    pub schema: Option<&'static str>,
    /// Its labels, in order.
    pub labels: &'static [&'static str],
}

impl EnumDef {
    /// The name in quotes, with its schema.
    pub fn sql(&self) -> String {
        match self.schema {
            Some(schema) => format!("{}.{}", quoted(schema), quoted(self.name)),
            None => quoted(self.name),
        }
    }
}

/// An enumeration that is an enumerated type of the database; derive it with
/// `#[derive(GinoEnum)]`.
///
/// ```
/// use gino::prelude::*;
///
/// #[derive(GinoEnum, Debug, Clone, Copy, PartialEq)]
/// #[gino(name = "mood")]
/// enum Mood {
///     #[gino(name = "happy")]
///     Happy,
///     Sad,
/// }
///
/// assert_eq!(Mood::DEFINITION.labels, ["happy", "Sad"]);
/// assert_eq!(Mood::from_label("Sad"), Some(Mood::Sad));
/// ```
pub trait GinoEnum: Sized {
    /// The type.
    const DEFINITION: &'static EnumDef;

    /// The label of a variant.
    fn label(&self) -> &'static str;

    /// The variant of a label.
    fn from_label(label: &str) -> Option<Self>;
}

/// Whether a type's values are labels, or text that stands for them.
pub fn __accepts_label(ty: &Type) -> bool {
    matches!(*ty, Type::TEXT | Type::VARCHAR | Type::UNKNOWN) || matches!(ty.kind(), Kind::Enum(_))
}

/// Writes a label.
pub fn __write_label(label: &str, out: &mut BytesMut) -> IsNull {
    out.extend_from_slice(label.as_bytes());
    IsNull::No
}

/// Reads a label.
pub fn __read_label<E: GinoEnum>(raw: &[u8]) -> Result<E, Box<dyn Error + Sync + Send>> {
    let label = std::str::from_utf8(raw)?;
    E::from_label(label).ok_or_else(|| {
        let known = E::DEFINITION.labels.join(", ");
        format!("\"{label}\" is none of its labels here: {known}").into()
    })
}

/// What the derive leaves to be said for each enumeration alike.
#[doc(hidden)]
#[macro_export]
macro_rules! __enum {
    ($name:ident) => {
        impl $crate::types::ToSql for $name {
            fn to_sql(
                &self,
                _: &$crate::types::Type,
                out: &mut $crate::__BytesMut,
            ) -> ::core::result::Result<
                $crate::types::IsNull,
                ::std::boxed::Box<dyn ::std::error::Error + Sync + Send>,
            > {
                let label = $crate::GinoEnum::label(self);
                Ok($crate::__write_label(label, out))
            }

            fn accepts(ty: &$crate::types::Type) -> bool {
                $crate::__accepts_label(ty)
            }

            $crate::types::to_sql_checked!();
        }

        impl<'a> $crate::types::FromSql<'a> for $name {
            fn from_sql(
                _: &$crate::types::Type,
                raw: &'a [u8],
            ) -> ::core::result::Result<
                Self,
                ::std::boxed::Box<dyn ::std::error::Error + Sync + Send>,
            > {
                $crate::__read_label(raw)
            }

            fn accepts(ty: &$crate::types::Type) -> bool {
                $crate::__accepts_label(ty)
            }
        }

        impl $crate::SqlType for $name {
            type Plain = $name;
            const TYPE: $crate::TypeDef = $crate::TypeDef {
                name: <$name as $crate::GinoEnum>::DEFINITION.name,
                array: false,
                enumeration: Some(<$name as $crate::GinoEnum>::DEFINITION),
            };
        }

        $crate::__operand!($name);
    };
}
