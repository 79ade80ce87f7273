//! Owns JSON columns: serde types in them, and the reading and merging of JSON properties. Never
//! knows a model; the derive's output calls it.

use std::error::Error as StdError;
use std::ops::{Deref, DerefMut};

use bytes::BytesMut;
use gino_core::error::{CodecError, Result};
use postgres_types::{FromSql, IsNull, ToSql, Type};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::document::Document;
use crate::sql_type::{SqlType, TypeDef};

/// A value that a JSON column holds: JSON itself, or any type that serde knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Json<T = serde_json::Value>(pub T);

impl<T: Serialize> Serialize for Json<T> {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Json<T> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> std::result::Result<Json<T>, D::Error> {
        T::deserialize(from).map(Json)
    }
}

impl<T> Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Json<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> From<T> for Json<T> {
    fn from(value: T) -> Json<T> {
        Json(value)
    }
}

type Outcome<T> = std::result::Result<T, Box<dyn StdError + Sync + Send>>;

impl<T: Serialize + std::fmt::Debug> ToSql for Json<T> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Outcome<IsNull> {
        postgres_types::Json(&self.0).to_sql(ty, out)
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::JSON | Type::JSONB)
    }

    postgres_types::to_sql_checked!();
}

impl<'a, T: DeserializeOwned> FromSql<'a> for Json<T> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Outcome<Json<T>> {
        let text = match *ty {
            // A jsonb begins with its version, 1 (PostgreSQL source, jsonb_send).
            Type::JSONB => raw
                .strip_prefix(&[1])
                .ok_or("the version of a jsonb is not 1")?,
            _ => raw,
        };
        // Checked here at once: `from_slice` would do it string by string.
        let text = std::str::from_utf8(text).map_err(|at| format!("it is not UTF-8: {at}"))?;
        Ok(Json(serde_json::from_str(text)?))
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::JSON | Type::JSONB)
    }
}

impl<T> SqlType for Json<T>
where
    T: Serialize + DeserializeOwned + std::fmt::Debug + Send + Sync + 'static,
{
    type Plain = Json<T>;
    const TYPE: TypeDef = TypeDef::named("jsonb");

    fn wire() -> Type {
        Type::JSONB
    }

    fn wire_array() -> Type {
        Type::JSONB_ARRAY
    }
}

/// A column in which properties live.
#[diagnostic::on_unimplemented(
    message = "properties cannot live in a `{Self}`",
    label = "make the column a `Json` or an `Option<Json>`"
)]
pub trait PropertySource {
    /// The value under `key`.
    fn value(&self, key: &str) -> Option<&serde_json::Value>;
}

impl PropertySource for Json {
    fn value(&self, key: &str) -> Option<&serde_json::Value> {
        self.0.get(key)
    }
}

impl PropertySource for Option<Json> {
    fn value(&self, key: &str) -> Option<&serde_json::Value> {
        self.as_ref()?.value(key)
    }
}

/// The property `key` of `source`; for the derive.
///
/// # Errors
/// A `CodecError` if what is stored is not a `T`, or nothing is and there is no default.
#[doc(hidden)]
pub fn property<T: DeserializeOwned, S: PropertySource>(
    source: &S,
    key: &'static str,
    default: impl FnOnce() -> Option<T>,
) -> Result<T> {
    let read = match source.value(key) {
        Some(value) => T::deserialize(value),
        None => match default() {
            Some(value) => return Ok(value),
            None => T::deserialize(&serde_json::Value::Null),
        },
    };
    read.map_err(|error| {
        CodecError {
            place: format!("property \"{key}\""),
            sql_type: "jsonb".into(),
            host_type: std::any::type_name::<T>().into(),
            reason: error.to_string().into(),
        }
        .into()
    })
}

impl<T> crate::Operand<Json<T>> for Json<T>
where
    Json<T>: SqlType,
{
    fn into_operand(self) -> sea_query::Expr {
        sea_query::Expr::Value(self.into_value())
    }
}

impl<T> crate::Assignable<Json<T>> for Json<T> {
    fn assigned(self) -> crate::Assigned<Json<T>> {
        crate::Assigned::Value(self)
    }
}

impl<T> crate::Assignable<Option<Json<T>>> for Json<T> {
    fn assigned(self) -> crate::Assigned<Option<Json<T>>> {
        crate::Assigned::Value(Some(self))
    }
}

impl crate::Assignable<Json> for serde_json::Value {
    fn assigned(self) -> crate::Assigned<Json> {
        crate::Assigned::Value(Json(self))
    }
}

impl<T: Serialize> crate::Assignable<Json<T>> for &T {
    fn assigned(self) -> crate::Assigned<Json<T>> {
        crate::Assigned::Json(Document::of(self))
    }

    fn put(self, taker: &mut impl crate::Taker, at: usize) {
        taker.put_json(at, self);
    }
}

impl<T: Serialize> crate::Assignable<Option<Json<T>>> for &T {
    fn assigned(self) -> crate::Assigned<Option<Json<T>>> {
        crate::Assigned::Json(Document::of(self))
    }

    fn put(self, taker: &mut impl crate::Taker, at: usize) {
        taker.put_json(at, self);
    }
}

impl<T: Serialize> crate::Assignable<Json<T>> for &Json<T> {
    fn assigned(self) -> crate::Assigned<Json<T>> {
        (&self.0).assigned()
    }

    fn put(self, taker: &mut impl crate::Taker, at: usize) {
        taker.put_json(at, &self.0);
    }
}

impl<T: Serialize> crate::Assignable<Option<Json<T>>> for &Json<T> {
    fn assigned(self) -> crate::Assigned<Option<Json<T>>> {
        (&self.0).assigned()
    }

    fn put(self, taker: &mut impl crate::Taker, at: usize) {
        taker.put_json(at, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_that_is_not_utf_8_is_refused_with_the_place() {
        let read = |raw| Json::<serde_json::Value>::from_sql(&Type::JSONB, raw);
        assert_eq!(read(b"\x01{\"a\": \"\xc3\xa9\"}").unwrap()["a"], "é");
        let error = read(b"\x01{\"a\": \"\xc3\"}").unwrap_err().to_string();
        assert!(
            error.starts_with("it is not UTF-8: ") && error.ends_with("from index 7"),
            "{error}"
        );
    }
}
