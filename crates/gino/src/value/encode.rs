//! Owns the writing of parameters. Never rounds or truncates: the Rust type has to be the right one.

use std::borrow::Cow;
use std::error::Error as StdError;

use bytes::BytesMut;
use gino_core::codec::catalog::Shape;
use gino_core::codec::{Format, Oid, Type as Described, type_name};
use gino_core::error::{CodecError, Result};
use gino_core::session::{ParamType, Params, Written};
use postgres_types::{IsNull, ToSql, Type, WrongType};

use super::host::type_for;
use super::learnt::type_of;
use super::{has_text_form, has_text_form_of, known, labels_of};

type Value<'a> = &'a (dyn ToSql + Sync);

/// The values of a statement's parameters.
pub(crate) struct Values<'a>(pub(crate) &'a [Value<'a>]);

/// The parameters of several runs of a statement.
pub(crate) struct Sets<'a, P>(pub(crate) &'a [P]);

impl Params for Values<'_> {
    fn len(&self, _set: usize) -> usize {
        self.0.len()
    }

    fn encode(
        &self,
        _set: usize,
        index: usize,
        of: ParamType<'_>,
        out: &mut BytesMut,
    ) -> Result<Written> {
        write(self.0.get(index).copied(), index, of, out)
    }
}

/// Appends parameter `index`, as [`Params::encode`] does.
pub(crate) fn write(
    value: Option<Value<'_>>,
    index: usize,
    of: ParamType<'_>,
    out: &mut BytesMut,
) -> Result<Written> {
    let Some(value) = value else {
        return Ok(Written::Null);
    };
    let written = match of.learnt {
        Some(learnt) => as_learnt(value, learnt, out),
        None => as_own(value, of.oid, out),
    };
    written.map_err(|cause| refused(index, of, &*cause).into())
}

impl<P: Params> Params for Sets<'_, P> {
    fn sets(&self) -> usize {
        self.0.len()
    }

    fn len(&self, set: usize) -> usize {
        self.0.get(set).map_or(0, |own| own.len(0))
    }

    fn written(&self, set: usize, types: &[Oid]) -> Option<&[u8]> {
        self.0.get(set)?.written(0, types)
    }

    fn encode(
        &self,
        set: usize,
        index: usize,
        of: ParamType<'_>,
        out: &mut BytesMut,
    ) -> Result<Written> {
        match self.0.get(set) {
            Some(own) => own.encode(0, index, of, out),
            None => Ok(Written::Null),
        }
    }
}

/// Writes `value` where the server wants one of its own types.
fn as_own(value: Value<'_>, oid: Oid, out: &mut BytesMut) -> Outcome {
    match known(oid) {
        Some(ty) => as_type(value, &ty, out)
            .or_else(|error| in_text_form(value, has_text_form(oid), error, out)),
        None => as_text(value, out),
    }
}

/// The same where it wants one that the catalog describes. A value for the type below a domain will do.
fn as_learnt(value: Value<'_>, of: &Described, out: &mut BytesMut) -> Outcome {
    let error = match as_type(value, &type_of(of), out) {
        Err(error) => error,
        written => return written,
    };
    if let Shape::Domain(base) = &of.shape
        && error.is::<WrongType>()
    {
        match as_learnt(value, base, out) {
            Err(inner) if inner.is::<WrongType>() => {}
            outcome => return outcome,
        }
    }
    in_text_form(value, has_text_form_of(of), error, out)
}

/// Appends nothing if it fails.
fn as_type(value: Value<'_>, ty: &Type, out: &mut BytesMut) -> Outcome {
    let start = out.len();
    match value.to_sql_checked(ty, out) {
        Ok(IsNull::Yes) => Ok(Written::Null),
        Ok(IsNull::No) => Ok(Written::Value(match value.encode_format(ty) {
            postgres_types::Format::Binary => Format::Binary,
            postgres_types::Format::Text => Format::Text,
        })),
        Err(error) => {
            out.truncate(start);
            Err(error)
        }
    }
}

/// The text form of a value that was refused as itself, if there is one.
#[cold]
fn in_text_form(value: Value<'_>, is_possible: bool, error: Cause, out: &mut BytesMut) -> Outcome {
    match is_possible {
        true => as_text(value, out).map_err(|_| error),
        false => Err(error),
    }
}

fn as_text(value: Value<'_>, out: &mut BytesMut) -> Outcome {
    Ok(match as_type(value, &Type::TEXT, out)? {
        Written::Null => Written::Null,
        Written::Value(_) => Written::Value(Format::Text),
    })
}

type Cause = Box<dyn StdError + Sync + Send>;
type Outcome = std::result::Result<Written, Cause>;

#[cold]
fn refused(
    index: usize,
    of: ParamType<'_>,
    cause: &(dyn StdError + Sync + Send + 'static),
) -> CodecError {
    let message = cause.to_string();
    let (host_type, reason) = match cause.downcast_ref::<WrongType>() {
        Some(_) => (rust_type(&message), way_out(of)),
        None => ("the value".to_owned(), Cow::Owned(message)),
    };
    CodecError {
        place: format!("parameter ${}", index + 1),
        sql_type: match of.learnt {
            Some(learnt) => learnt.full_name.to_string().into(),
            None => type_name(of.oid),
        },
        host_type: host_type.into(),
        reason,
    }
}

fn way_out(of: ParamType<'_>) -> Cow<'static, str> {
    if let Some(labels) = of.learnt.and_then(labels_of) {
        return labels.into();
    }
    let (oid, has_text_form) = match of.learnt {
        Some(learnt) => (learnt.base().oid, has_text_form_of(learnt)),
        None => (of.oid, has_text_form(of.oid)),
    };
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
        let of = ParamType { oid, learnt: None };
        match Values(values).encode(0, 0, of, &mut out)? {
            Written::Value(format) => Ok((format, out.to_vec())),
            Written::Null => panic!("{value:?} is not NULL"),
        }
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
