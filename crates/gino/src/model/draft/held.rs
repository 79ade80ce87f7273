//! Owns the values that drafts hold, as parameters by themselves or as part of what sea-query writes.
//! Those of the usual types are written down in PostgreSQL's binary form when they are given; here they
//! are read back where that form is not wanted.

use std::any::TypeId;
use std::fmt;

use bytes::BytesMut;
use gino_core::codec::Oid;
use postgres_types::{FromSql, IsNull, ToSql, Type};

#[cfg(feature = "json")]
use crate::document::Document;
use crate::param::{self, Outcome};
use crate::sql_type::SqlType;
use crate::value::is_string;

/// A value that can be a parameter by itself, or part of a sea-query statement.
pub(crate) trait ColumnValue: ToSql + Send + Sync {
    fn into_value(self: Box<Self>) -> sea_query::Value;
    /// The type that its bytes are of, without the server's word.
    fn wire(&self) -> Type;
    fn type_name(&self) -> &'static str;
}

impl<T: SqlType> ColumnValue for T {
    fn into_value(self: Box<Self>) -> sea_query::Value {
        SqlType::into_value(*self)
    }

    fn wire(&self) -> Type {
        T::wire()
    }

    fn type_name(&self) -> &'static str {
        T::TYPE.name
    }
}

#[cfg(feature = "json")]
impl ColumnValue for Document {
    fn into_value(self: Box<Self>) -> sea_query::Value {
        param::encoded(&*self, &Type::JSONB)
    }

    fn wire(&self) -> Type {
        Type::JSONB
    }

    fn type_name(&self) -> &'static str {
        "jsonb"
    }
}

/// A value of a draft.
pub(crate) enum Held<'a> {
    /// Of a usual type, in its binary form; None is NULL.
    Own(Oid, Option<&'a [u8]>),
    Other(&'a (dyn ToSql + Sync)),
}

/// Whether the binary form of the type `own` is what a parameter of the type `wanted` takes.
pub(super) fn fits(own: Oid, wanted: Oid) -> bool {
    own == wanted || (own == TEXT && is_string(wanted))
}

impl ToSql for Held<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Outcome {
        self.to_sql_checked(ty, out)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(&self, ty: &Type, out: &mut BytesMut) -> Outcome {
        match self {
            Held::Own(oid, bytes) if fits(*oid, ty.oid()) => Ok(match bytes {
                Some(bytes) => {
                    out.extend_from_slice(bytes);
                    IsNull::No
                }
                None => IsNull::Yes,
            }),
            Held::Own(oid, bytes) => read_back(*oid, *bytes)?.to_sql_checked(ty, out),
            Held::Other(value) => value.to_sql_checked(ty, out),
        }
    }

    fn encode_format(&self, ty: &Type) -> postgres_types::Format {
        match self {
            Held::Own(..) => postgres_types::Format::Binary,
            Held::Other(value) => value.encode_format(ty),
        }
    }
}

impl fmt::Debug for Held<'_> {
    /// Not the value: it may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").finish_non_exhaustive()
    }
}

/// NULL of the usual type `oid`, which knows of its types what all its values know.
pub(super) fn null(oid: Oid) -> Option<Box<dyn ColumnValue>> {
    read_back(oid, None).ok()
}

/// What was written down, as part of a sea-query statement.
pub(super) fn into_value(oid: Oid, bytes: Option<&[u8]>) -> sea_query::Value {
    match read_back(oid, bytes) {
        Ok(value) => value.into_value(),
        Err(error) => param::refused(&error.to_string()),
    }
}

type Cause = Box<dyn std::error::Error + Sync + Send>;

fn read<T: SqlType<Plain = T>>(bytes: Option<&[u8]>) -> Result<Box<dyn ColumnValue>, Cause> {
    Ok(match bytes {
        Some(bytes) => Box::new(<T as FromSql>::from_sql(&T::wire(), bytes)?),
        None => Box::new(None::<T>),
    })
}

#[cfg(feature = "json")]
fn read_document(bytes: Option<&[u8]>) -> Result<Box<dyn ColumnValue>, Cause> {
    match bytes {
        Some(bytes) => Ok(Box::new(Document::read(bytes))),
        None => read::<crate::json::Json>(None),
    }
}

macro_rules! usual {
    ($($(#[$when:meta])* $oid:literal $of:ty, $read:path;)*) => {
        /// The OID of the type in whose binary form values of `T` are written down.
        pub(super) fn usual<T: 'static>() -> Option<Oid> {
            // The compiler knows which one it is.
            let of = TypeId::of::<T>();
            $(
                $(#[$when])*
                if of == TypeId::of::<$of>() || of == TypeId::of::<Option<$of>>() {
                    return Some($oid);
                }
            )*
            None
        }

        /// The value that was written down.
        fn read_back(oid: Oid, bytes: Option<&[u8]>) -> Result<Box<dyn ColumnValue>, Cause> {
            match oid {
                $($(#[$when])* $oid => $read(bytes),)*
                _ => Err("its type is unknown".into()),
            }
        }
    };
}

// OIDs: PostgreSQL source, pg_type.dat.
usual! {
    16 bool, read::<bool>;
    20 i64, read::<i64>;
    21 i16, read::<i16>;
    23 i32, read::<i32>;
    25 String, read::<String>;
    700 f32, read::<f32>;
    701 f64, read::<f64>;
    #[cfg(feature = "chrono")]
    1184 chrono::DateTime<chrono::Utc>, read::<chrono::DateTime<chrono::Utc>>;
    #[cfg(feature = "uuid")]
    2950 uuid::Uuid, read::<uuid::Uuid>;
    #[cfg(feature = "json")]
    3802 Document, read_document;
}

pub(super) const TEXT: Oid = 25;
#[cfg(feature = "json")]
pub(super) const JSONB: Oid = 3802;
