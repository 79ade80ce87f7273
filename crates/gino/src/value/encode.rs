//! Owns the writing of parameters. Never rounds or truncates: the Rust type has to be the right one.

use std::borrow::Cow;
use std::error::Error as StdError;

use bytes::BytesMut;
use gino_core::codec::catalog::Shape;
use gino_core::codec::{Format, Oid, Type as Described, type_name};
use gino_core::error::{CodecError, Result};
use gino_core::session::{IsNull, Params};
use postgres_types::{ToSql, Type, WrongType};

use super::host::type_for;
use super::learnt::type_of;
use super::{has_text_form, has_text_form_of, known, labels_of};

type Value<'a> = &'a (dyn ToSql + Sync);

/// The values of a statement's parameters.
pub(crate) struct Values<'a>(pub(crate) &'a [Value<'a>]);

/// The values of several runs of a statement.
pub(crate) struct Sets<'a, S>(pub(crate) &'a [S]);

impl Values<'_> {
    fn written_in(&self, index: usize, choose: impl Fn(Value<'_>) -> Option<Type>) -> Format {
        let Some(value) = self.0.get(index) else {
            return Format::Text;
        };
        match choose(*value).map(|ty| value.encode_format(&ty)) {
            Some(postgres_types::Format::Binary) => Format::Binary,
            Some(postgres_types::Format::Text) | None => Format::Text,
        }
    }

    fn write(
        &self,
        index: usize,
        sql_type: impl Fn() -> Cow<'static, str>,
        choose: impl Fn(Value<'_>) -> Option<Type>,
        way_out: impl Fn() -> Cow<'static, str>,
        out: &mut BytesMut,
    ) -> Result<IsNull> {
        let Some(value) = self.0.get(index) else {
            return Ok(IsNull::Yes);
        };
        match value.to_sql_checked(&choose(*value).unwrap_or(Type::TEXT), out) {
            Ok(postgres_types::IsNull::Yes) => Ok(IsNull::Yes),
            Ok(postgres_types::IsNull::No) => Ok(IsNull::No),
            Err(cause) => Err(refused(index, sql_type(), &*cause, way_out).into()),
        }
    }
}

impl Params for Values<'_> {
    fn len(&self, _set: usize) -> usize {
        self.0.len()
    }

    fn format(&self, _set: usize, index: usize, oid: Oid) -> Format {
        self.written_in(index, |value| as_own(value, oid))
    }

    fn encode(&self, _set: usize, index: usize, oid: Oid, out: &mut BytesMut) -> Result<IsNull> {
        let name = || type_name(oid);
        let way_out = || way_out(oid, has_text_form(oid));
        self.write(index, name, |value| as_own(value, oid), way_out, out)
    }

    fn format_learnt(&self, _set: usize, index: usize, of: &Described) -> Format {
        self.written_in(index, |value| as_learnt(value, of))
    }

    fn encode_learnt(
        &self,
        _set: usize,
        index: usize,
        of: &Described,
        out: &mut BytesMut,
    ) -> Result<IsNull> {
        let name = || of.full_name.to_string().into();
        let way_out = || match labels_of(of) {
            Some(labels) => labels.into(),
            None => way_out(of.base().oid, has_text_form_of(of)),
        };
        self.write(index, name, |value| as_learnt(value, of), way_out, out)
    }
}

impl<'v, S: AsRef<[Value<'v>]> + Sync> Params for Sets<'_, S> {
    fn sets(&self) -> usize {
        self.0.len()
    }

    fn len(&self, set: usize) -> usize {
        values(self, set).len(set)
    }

    fn format(&self, set: usize, index: usize, oid: Oid) -> Format {
        values(self, set).format(set, index, oid)
    }

    fn encode(&self, set: usize, index: usize, oid: Oid, out: &mut BytesMut) -> Result<IsNull> {
        values(self, set).encode(set, index, oid, out)
    }

    fn format_learnt(&self, set: usize, index: usize, of: &Described) -> Format {
        values(self, set).format_learnt(set, index, of)
    }

    fn encode_learnt(
        &self,
        set: usize,
        index: usize,
        of: &Described,
        out: &mut BytesMut,
    ) -> Result<IsNull> {
        values(self, set).encode_learnt(set, index, of, out)
    }
}

fn values<'a, 'v: 'a, S: AsRef<[Value<'v>]>>(sets: &Sets<'a, S>, set: usize) -> Values<'a> {
    Values(sets.0.get(set).map_or(&[], S::as_ref))
}

/// The type that `value` is written as where the server wants one of its own; None for its text form.
fn as_own(value: Value<'_>, oid: Oid) -> Option<Type> {
    known(oid).filter(|_| !(has_text_form(oid) && takes(value, &Type::TEXT)))
}

/// The same where it wants one that the catalog describes. A value for the type below a domain will do.
fn as_learnt(value: Value<'_>, of: &Described) -> Option<Type> {
    if has_text_form_of(of) && takes(value, &Type::TEXT) {
        return None;
    }
    let ty = type_of(of);
    match &of.shape {
        Shape::Domain(base) if !takes(value, &ty) => as_learnt(value, base),
        _ => Some(ty),
    }
}

/// Whether `value` can be written as `ty`. A value does not say: trying tells, and costs nothing unless
/// it can.
fn takes(value: Value<'_>, ty: &Type) -> bool {
    let wrong = |error: Box<dyn StdError + Sync + Send>| error.is::<WrongType>();
    !(value.to_sql_checked(ty, &mut BytesMut::new())).is_err_and(wrong)
}

#[cold]
fn refused(
    index: usize,
    sql_type: Cow<'static, str>,
    cause: &(dyn StdError + Sync + Send + 'static),
    way_out: impl Fn() -> Cow<'static, str>,
) -> CodecError {
    let message = cause.to_string();
    let (host_type, reason) = match cause.downcast_ref::<WrongType>() {
        Some(_) => (rust_type(&message), way_out()),
        None => ("the value".to_owned(), Cow::Owned(message)),
    };
    CodecError {
        place: format!("parameter ${}", index + 1),
        sql_type,
        host_type: host_type.into(),
        reason,
    }
}

fn way_out(oid: Oid, has_text_form: bool) -> Cow<'static, str> {
    let ty = type_for(oid);
    match has_text_form {
        true => format!("give {ty}, or a string of the server's text form"),
        false => format!("give {ty}"),
    }
    .into()
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
            "parameter $1: i64 does not fit SQL type int4: give i32"
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
