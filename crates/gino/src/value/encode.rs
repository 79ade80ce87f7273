//! Owns the writing of parameters. Never rounds or truncates: the Rust type has to be the right one.

use std::borrow::Cow;
use std::error::Error as StdError;

use bytes::BytesMut;
use gino_core::codec::{Format, Kind, Oid, type_name};
use gino_core::error::{CodecError, Result};
use gino_core::session::{IsNull, Params};
use postgres_types::{ToSql, Type, WrongType};

use super::{has_text_form, known};

/// The values of a statement's parameters.
pub(crate) struct Values<'a>(pub(crate) &'a [&'a (dyn ToSql + Sync)]);

impl Params for Values<'_> {
    fn len(&self, _set: usize) -> usize {
        self.0.len()
    }

    fn format(&self, _set: usize, index: usize, oid: Oid) -> Format {
        match (self.0.get(index), known(oid)) {
            (Some(value), Some(ty)) if !stands_for(*value, oid) => match value.encode_format(&ty) {
                postgres_types::Format::Text => Format::Text,
                postgres_types::Format::Binary => Format::Binary,
            },
            _ => Format::Text,
        }
    }

    fn encode(&self, _set: usize, index: usize, oid: Oid, out: &mut BytesMut) -> Result<IsNull> {
        let Some(value) = self.0.get(index) else {
            return Ok(IsNull::Yes);
        };
        let ty = known(oid).filter(|_| !stands_for(*value, oid));
        match value.to_sql_checked(&ty.unwrap_or(Type::TEXT), out) {
            Ok(postgres_types::IsNull::Yes) => Ok(IsNull::Yes),
            Ok(postgres_types::IsNull::No) => Ok(IsNull::No),
            Err(cause) => Err(refused(index, oid, &*cause).into()),
        }
    }
}

/// The values of several runs of a statement.
pub(crate) struct Sets<'a>(pub(crate) &'a [&'a [&'a (dyn ToSql + Sync)]]);

impl<'a> Sets<'a> {
    fn values(&self, set: usize) -> Values<'a> {
        Values(self.0.get(set).copied().unwrap_or_default())
    }
}

impl Params for Sets<'_> {
    fn sets(&self) -> usize {
        self.0.len()
    }

    fn len(&self, set: usize) -> usize {
        self.values(set).len(set)
    }

    fn format(&self, set: usize, index: usize, oid: Oid) -> Format {
        self.values(set).format(set, index, oid)
    }

    fn encode(&self, set: usize, index: usize, oid: Oid, out: &mut BytesMut) -> Result<IsNull> {
        self.values(set).encode(set, index, oid, out)
    }
}

/// Whether `value` is a string that stands for a type which travels as text then. A value does not
/// say what it is: trying to write it as text tells, and costs nothing unless it is a string.
fn stands_for(value: &(dyn ToSql + Sync), oid: Oid) -> bool {
    let wrong = |error: Box<dyn StdError + Sync + Send>| error.is::<WrongType>();
    has_text_form(Kind::of(oid))
        && !(value.to_sql_checked(&Type::TEXT, &mut BytesMut::new())).is_err_and(wrong)
}

#[cold]
fn refused(index: usize, oid: Oid, cause: &(dyn StdError + Sync + Send + 'static)) -> CodecError {
    let message = cause.to_string();
    let (host_type, reason) = match cause.downcast_ref::<WrongType>() {
        Some(_) => (
            rust_type(&message),
            "give a value of the matching Rust type".into(),
        ),
        None => ("the value".to_owned(), Cow::Owned(message)),
    };
    CodecError {
        place: format!("parameter ${}", index + 1),
        sql_type: type_name(oid),
        host_type: host_type.into(),
        reason,
    }
}

/// `postgres-types` names the Rust type in its message alone, in back-ticks.
fn rust_type(message: &str) -> String {
    message.split('`').nth(1).unwrap_or("the value").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(value: &(dyn ToSql + Sync), oid: Oid) -> Result<(Format, Vec<u8>)> {
        let mut out = BytesMut::new();
        let values: &[&(dyn ToSql + Sync)] = &[value];
        let values = Values(values);
        values.encode(0, 0, oid, &mut out)?;
        Ok((values.format(0, 0, oid), out.to_vec()))
    }

    #[test]
    fn value_of_the_wrong_type_names_its_place_and_both_types() {
        let error = encoded(&5_i64, 23).unwrap_err();
        assert_eq!(
            error.to_string(),
            "parameter $1: i64 does not fit SQL type int4: give a value of the matching Rust type"
        );
        assert!(encoded(&"5", 23).is_err());
    }

    #[test]
    fn string_stands_for_types_without_a_rust_type() {
        for oid in [1700, 869, 99_999, 2950, 3802] {
            let expected = (Format::Text, b"1.50".to_vec());
            assert_eq!(encoded(&"1.50", oid).unwrap(), expected, "{oid}");
        }
        assert!(encoded(&1.5_f64, 1700).is_err());
    }

    #[test]
    fn own_binary_form_wins_over_text() {
        let address = std::net::IpAddr::from([127, 0, 0, 1]);
        assert_eq!(encoded(&address, 869).unwrap().0, Format::Binary);
        assert_eq!(
            encoded(&7_i32, 23).unwrap(),
            (Format::Binary, vec![0, 0, 0, 7])
        );
    }
}
