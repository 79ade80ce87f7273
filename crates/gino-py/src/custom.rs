//! Owns the codecs that an application gives for a type: functions over text, bytes or tuples, and
//! types that are to be taken for another. Never knows a type's name. `tree` calls it.

use bytes::BytesMut;
use gino_core::codec::catalog::{Shape, Type};
use gino_core::codec::{
    Format, Interval, Kind, Oid, TimeTz, Timeline, datetime, json, text, versioned,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};

use crate::decode::{self, NO_BINARY};
use crate::fault::Fitted;

/// A codec that an application has set.
pub(crate) enum PyCodec {
    /// Functions, and what they exchange.
    Functions {
        encoder: Py<PyAny>,
        decoder: Py<PyAny>,
        form: Form,
    },
    /// The type is to be taken for another.
    Alias(Kind, Oid),
}

/// What functions exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The text of a value.
    Text,
    /// Its bytes.
    Binary,
    /// A tuple of plain numbers, or of a composite's fields.
    Tuple,
}

impl PyCodec {
    /// In which format values travel.
    pub(crate) fn format(&self) -> Format {
        match self {
            PyCodec::Functions {
                form: Form::Text, ..
            } => Format::Text,
            PyCodec::Functions { .. } => Format::Binary,
            PyCodec::Alias(kind, _) => kind.format(),
        }
    }

    /// Whether it can be the codec of a type.
    ///
    /// # Errors
    /// `ValueError` if there are no tuples for the type, or nothing but tuples.
    pub(crate) fn check(&self, of: &Type) -> PyResult<()> {
        let PyCodec::Functions { form, .. } = self else {
            return Ok(());
        };
        let is_composite = matches!(of.base().shape, Shape::Composite(_));
        let has_tuples = match &of.base().shape {
            Shape::Composite(_) => true,
            Shape::Plain(kind) => matches!(
                kind,
                Kind::Date
                    | Kind::Time
                    | Kind::TimeTz
                    | Kind::Timestamp
                    | Kind::TimestampTz
                    | Kind::Interval
            ),
            _ => false,
        };
        let reason = match form {
            Form::Tuple if !has_tuples => {
                "there are no tuples for it: they are for dates, times, intervals and composites"
            }
            Form::Text | Form::Binary if is_composite => {
                "the codec of a composite type has format='tuple'"
            }
            _ => return Ok(()),
        };
        Err(PyValueError::new_err(format!(
            "type {}: {reason}",
            of.full_name
        )))
    }
}

impl Form {
    /// The form of that name.
    ///
    /// # Errors
    /// `ValueError` if there is none.
    pub(crate) fn parse(name: &str) -> PyResult<Form> {
        match name {
            "text" => Ok(Form::Text),
            "binary" => Ok(Form::Binary),
            "tuple" => Ok(Form::Tuple),
            _ => Err(PyValueError::new_err(format!(
                "format={name:?}: \"text\", \"binary\" or \"tuple\""
            ))),
        }
    }
}

/// The text in the binary form of a kind that has one.
pub(crate) fn text_in<'a>(base: &Type, bytes: &'a [u8]) -> Fitted<&'a str> {
    Ok(match base.base().shape {
        Shape::Plain(Kind::Jsonb) => text::decode(json::decode_jsonb(bytes)?)?,
        Shape::Plain(Kind::Versioned) => versioned::decode(bytes)?,
        _ => text::decode(bytes)?,
    })
}

/// Appends a text as the binary form of a kind that has one.
pub(crate) fn put_text(base: &Type, value: &str, out: &mut BytesMut) -> Fitted {
    match base.base().shape {
        Shape::Plain(Kind::Jsonb) => json::encode_jsonb(value.as_bytes(), out),
        Shape::Plain(Kind::Versioned) => versioned::encode(value, out)?,
        Shape::Enum(_) | Shape::Plain(Kind::Text | Kind::Json) => text::encode(value, out)?,
        _ => return Err(NO_BINARY.into()),
    }
    Ok(())
}

/// The tuple for a value of a kind of date or time (see asyncpg's `set_type_codec`).
pub(crate) fn tuple<'py>(py: Python<'py>, kind: Kind, bytes: &[u8]) -> Fitted<Bound<'py, PyAny>> {
    Ok(match kind {
        Kind::Date => {
            let days = match datetime::decode_date(bytes)? {
                Timeline::At(days) => days,
                Timeline::Infinity => i32::MAX,
                Timeline::MinusInfinity => i32::MIN,
            };
            (days,).into_pyobject(py)?.into_any()
        }
        Kind::Time => (datetime::decode_time(bytes)?,)
            .into_pyobject(py)?
            .into_any(),
        Kind::Timestamp | Kind::TimestampTz => {
            let microseconds = match datetime::decode_timestamp(bytes)? {
                Timeline::At(microseconds) => microseconds,
                Timeline::Infinity => i64::MAX,
                Timeline::MinusInfinity => i64::MIN,
            };
            (microseconds,).into_pyobject(py)?.into_any()
        }
        Kind::TimeTz => {
            let time = TimeTz::decode(bytes)?;
            // Seconds west of UTC, as on the wire.
            (time.microseconds, -time.offset)
                .into_pyobject(py)?
                .into_any()
        }
        Kind::Interval => {
            let Interval {
                months,
                days,
                microseconds,
            } = Interval::decode(bytes)?;
            (months, days, microseconds).into_pyobject(py)?.into_any()
        }
        _ => return Err("there is no tuple for values of this type".into()),
    })
}

/// Appends a value of a kind of date or time, of its tuple.
pub(crate) fn put_tuple(kind: Kind, value: &Bound<'_, PyAny>, out: &mut BytesMut) -> Fitted {
    let tuple = value.cast::<PyTuple>().map_err(|_| TUPLE)?;
    match kind {
        Kind::Date => {
            let (days,): (i32,) = tuple.extract().map_err(|_| TUPLE)?;
            datetime::encode_date(
                match days {
                    i32::MAX => Timeline::Infinity,
                    i32::MIN => Timeline::MinusInfinity,
                    days => Timeline::At(days),
                },
                out,
            );
        }
        Kind::Time => {
            let (microseconds,): (i64,) = tuple.extract().map_err(|_| TUPLE)?;
            datetime::encode_time(microseconds, out);
        }
        Kind::Timestamp | Kind::TimestampTz => {
            let (microseconds,): (i64,) = tuple.extract().map_err(|_| TUPLE)?;
            datetime::encode_timestamp(
                match microseconds {
                    i64::MAX => Timeline::Infinity,
                    i64::MIN => Timeline::MinusInfinity,
                    microseconds => Timeline::At(microseconds),
                },
                out,
            );
        }
        Kind::TimeTz => {
            let (microseconds, west): (i64, i32) = tuple.extract().map_err(|_| TUPLE)?;
            let offset = west.checked_neg().ok_or(TUPLE)?;
            TimeTz {
                microseconds,
                offset,
            }
            .encode(out)?;
        }
        _ => {
            let (months, days, microseconds) = tuple.extract().map_err(|_| TUPLE)?;
            Interval {
                months,
                days,
                microseconds,
            }
            .encode(out);
        }
    }
    Ok(())
}

/// What an encoder gave, as text.
pub(crate) fn given_text<'py>(value: Bound<'py, PyAny>) -> Fitted<Bound<'py, PyString>> {
    value
        .cast_into()
        .map_err(|_| "the encoder of the type has to return a str".into())
}

/// What an encoder gave, as bytes.
pub(crate) fn given_bytes(value: &Bound<'_, PyAny>, out: &mut BytesMut) -> Fitted {
    if value.is_instance_of::<PyString>() {
        return Err("the encoder of the type has to return bytes".into());
    }
    match value.cast::<PyBytes>() {
        Ok(bytes) => out.extend_from_slice(bytes.as_bytes()),
        Err(_) => {
            let bytes = pyo3::buffer::PyBuffer::<u8>::get(value);
            let bytes = bytes.map_err(|_| "the encoder of the type has to return bytes")?;
            out.extend_from_slice(&bytes.to_vec(value.py())?);
        }
    }
    Ok(())
}

/// What a decoder gets of bytes.
pub(crate) fn bytes<'py>(py: Python<'py>, bytes: &[u8]) -> Bound<'py, PyAny> {
    PyBytes::new(py, bytes).into_any()
}

/// What a decoder gets of a text.
pub(crate) fn string<'py>(py: Python<'py>, bytes: &[u8]) -> Fitted<Bound<'py, PyAny>> {
    Ok(decode::string_of(py, bytes)?.into_any())
}

const TUPLE: &str = "the encoder of the type has to return a tuple of its numbers";
