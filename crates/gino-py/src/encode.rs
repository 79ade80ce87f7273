//! Owns how a Python object becomes a value on the wire, by the parameter's type.
//! Never knows which parameter it is for. `params` calls it.

use bytes::BytesMut;
use gino_core::codec::{
    Format, Kind, Lsn, Oid, Snapshot, Tid, bytea, element_of, json, literal, number, numeric,
    subtype_of, system, text, uuid, versioned,
};
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyFloat, PyInt, PyString};

use crate::array;
use crate::document;
use crate::extension;
use crate::fault::{Fault, Fitted};
use crate::geometry;
use crate::moment;
use crate::network;
use crate::python;
use crate::span;

/// Appends `value`, which is not None, as a parameter of the type `oid`.
///
/// # Errors
/// A value that does not fit, or what Python code raised. `out` may hold a part of it then.
pub(crate) fn encode(kind: Kind, oid: Oid, value: &Bound<'_, PyAny>, out: &mut BytesMut) -> Fitted {
    match kind {
        Kind::Int4 => number::encode_int4(integer(value)?, out),
        Kind::Int8 => number::encode_int8(integer(value)?, out),
        Kind::Int2 => number::encode_int2(integer(value)?, out),
        Kind::Oid => number::encode_oid(integer(value)?, out),
        Kind::Text => text::encode(string(value)?.to_str().map_err(not_unicode)?, out)?,
        Kind::Bool => match value.cast::<PyBool>() {
            Ok(value) => number::encode_bool(value.is_true(), out),
            Err(_) => return Err("a bool is required".into()),
        },
        Kind::Float8 => number::encode_float8(float(value)?, out),
        Kind::Float4 => number::encode_float4(narrow(float(value)?)?, out),
        Kind::Numeric => decimal(value, out)?,
        Kind::TimestampTz => moment::timestamptz(value, out)?,
        Kind::Timestamp => moment::timestamp(value, out)?,
        Kind::Date => moment::date(value, out)?,
        Kind::Time => moment::time(value, out)?,
        Kind::Interval => moment::interval(value, out)?,
        Kind::Uuid => uuid::encode(&identifier(value)?, out),
        Kind::Json => json::encode_json(
            document(value)?.to_str().map_err(not_unicode)?.as_bytes(),
            out,
        ),
        Kind::Jsonb => {
            json::encode_jsonb(
                document(value)?.to_str().map_err(not_unicode)?.as_bytes(),
                out,
            );
        }
        Kind::Bytea => binary(value, out)?,
        Kind::Array => match oid {
            // The server wants these two to begin at 0.
            INT2_VECTOR => array::encode(INT2, 0, value, out, encode)?,
            OID_VECTOR => array::encode(OID, 0, value, out, encode)?,
            _ => {
                let element = element_of(oid).ok_or("the type of its elements is not known")?;
                array::encode(element, 1, value, out, encode)?;
            }
        },
        _ => rare(kind, oid, value, out)?,
    }
    Ok(())
}

/// The families that are not met often.
fn rare(kind: Kind, oid: Oid, value: &Bound<'_, PyAny>, out: &mut BytesMut) -> Fitted {
    let bound = |value: &Bound<'_, PyAny>, out: &mut BytesMut| {
        let bound = subtype_of(oid).ok_or("the type of its bounds is not known")?;
        encode(Kind::of(bound), bound, value, out)
    };
    match kind {
        Kind::TimeTz => moment::timetz(value, out)?,
        Kind::Inet => network::encode(value, false, out)?,
        Kind::Cidr => network::encode(value, true, out)?,
        Kind::Macaddr => network::encode_mac::<6>(value, out)?,
        Kind::Macaddr8 => network::encode_mac::<8>(value, out)?,
        Kind::Bit => network::encode_bits(value, out)?,
        Kind::Point
        | Kind::Line
        | Kind::Lseg
        | Kind::Box
        | Kind::Path
        | Kind::Polygon
        | Kind::Circle => geometry::encode(kind, value, out)?,
        Kind::Range => span::encode_range(value, out, bound)?,
        Kind::Multirange => span::encode_multirange(value, out, bound)?,
        Kind::Versioned => {
            versioned::encode(string(value)?.to_str().map_err(not_unicode)?, out)?;
        }
        Kind::Xid8 => system::encode_xid8(unsigned(value)?, out),
        Kind::Lsn => Lsn(unsigned(value)?).encode(out),
        Kind::Tid => {
            let (block, offset) = value.extract().map_err(|_| "a pair of int is required")?;
            Tid { block, offset }.encode(out);
        }
        Kind::Snapshot => {
            let (lowest, next, running): (u64, u64, Vec<u64>) = value
                .extract()
                .map_err(|_| "a tuple of two int and a list of int is required")?;
            Snapshot::encode(lowest, next, running.into_iter(), out)?;
        }
        Kind::Hstore => extension::encode_hstore(value, out)?,
        Kind::Vector | Kind::HalfVector => extension::encode_numbers(kind, value, out)?,
        Kind::SparseVector => extension::encode_sparse(value, out)?,
        _ => text_form(value, b',', out)?,
    }
    Ok(())
}

/// The format in which `value` goes as one of `kind`. A str stands for the text form of what has no
/// text of its own in Python, and in an array of such.
#[inline]
pub(crate) fn format(kind: Kind, value: &Bound<'_, PyAny>) -> Format {
    match kind {
        kind if kind.is_common() => Format::Binary,
        Kind::TextArray | Kind::Learnt | Kind::Other => Format::Text,
        _ if value.is_instance_of::<PyString>() => Format::Text,
        _ => Format::Binary,
    }
}

/// An integer type of a width.
trait Width: TryFrom<i64> {
    const RANGE: &'static str;
}

impl Width for i16 {
    const RANGE: &'static str = "it is outside of -32768 to 32767";
}

impl Width for i32 {
    const RANGE: &'static str = "it is outside of -2147483648 to 2147483647";
}

impl Width for i64 {
    const RANGE: &'static str = "it is outside of -9223372036854775808 to 9223372036854775807";
}

impl Width for u32 {
    const RANGE: &'static str = "it is outside of 0 to 4294967295";
}

#[inline]
fn integer<T: Width>(value: &Bound<'_, PyAny>) -> Fitted<T> {
    match value.extract::<i64>() {
        Ok(number) => T::try_from(number).map_err(|_| T::RANGE.into()),
        Err(error) if error.is_instance_of::<PyOverflowError>(value.py()) => Err(T::RANGE.into()),
        Err(_) => Err("an int is required".into()),
    }
}

fn unsigned(value: &Bound<'_, PyAny>) -> Fitted<u64> {
    match value.extract::<u64>() {
        Ok(number) => Ok(number),
        Err(error) if error.is_instance_of::<PyOverflowError>(value.py()) => {
            Err("it is outside of 0 to 18446744073709551615".into())
        }
        Err(_) => Err("an int is required".into()),
    }
}

fn float(value: &Bound<'_, PyAny>) -> Fitted<f64> {
    match value.extract::<f64>() {
        Ok(number) => Ok(number),
        Err(error) if error.is_instance_of::<PyOverflowError>(value.py()) => {
            Err("it is too large for a float".into())
        }
        Err(_) => Err("a float is required".into()),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "to the nearest float4, and checked"
)]
fn narrow(number: f64) -> Fitted<f32> {
    let narrow = number as f32;
    if narrow.is_infinite() && number.is_finite() {
        return Err("it is too large for a float4".into());
    }
    Ok(narrow)
}

/// By its text, so that 0.1 stays 0.1.
fn decimal(value: &Bound<'_, PyAny>, out: &mut BytesMut) -> Fitted {
    let number = value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>()
        || value.is_instance_of::<PyFloat>()
        || value.is_instance_of::<PyString>()
        || value.is_instance(python::decimal(value.py())?)?;
    if !number {
        return Err("a Decimal, int or float is required".into());
    }
    // The classes' own text: subclasses, such as an IntEnum, may have another.
    let text = match value.cast::<PyInt>() {
        Ok(_) => value
            .py()
            .get_type::<PyInt>()
            .call_method1(intern!(value.py(), "__repr__"), (value,))?,
        Err(_) => value.str()?.into_any(),
    };
    Ok(numeric::encode(
        text.cast::<PyString>()
            .map_err(PyErr::from)?
            .to_str()?
            .trim(),
        out,
    )?)
}

fn string<'a, 'py>(value: &'a Bound<'py, PyAny>) -> Fitted<&'a Bound<'py, PyString>> {
    value
        .cast::<PyString>()
        .map_err(|_| "a str is required".into())
}

#[cold]
fn not_unicode(_: PyErr) -> Box<Fault> {
    "it contains half of a surrogate pair, which is no character".into()
}

fn identifier(value: &Bound<'_, PyAny>) -> Fitted<[u8; 16]> {
    let py = value.py();
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(uuid::parse(text.to_str().map_err(not_unicode)?)?);
    }
    if !value.is_instance(python::uuid_class(py)?)? {
        return Err("a UUID or its text is required".into());
    }
    Ok(value
        .getattr(intern!(py, "int"))?
        .extract::<u128>()?
        .to_be_bytes())
}

/// A `str` is JSON text already.
fn document<'py>(value: &Bound<'py, PyAny>) -> Fitted<Bound<'py, PyString>> {
    match value.cast::<PyString>() {
        Ok(text) => Ok(text.clone()),
        Err(_) => {
            let py = value.py();
            match document::json_text(value) {
                Ok(text) => Ok(text.cast_into().map_err(PyErr::from)?),
                Err(error)
                    if error.is_instance_of::<PyTypeError>(py)
                        || error.is_instance_of::<PyValueError>(py) =>
                {
                    Err(error.value(py).to_string().into())
                }
                Err(error) => Err(error.into()),
            }
        }
    }
}

fn binary(value: &Bound<'_, PyAny>, out: &mut BytesMut) -> Fitted {
    if let Ok(bytes) = value.cast::<PyBytes>() {
        bytea::encode(bytes.as_bytes(), out);
    } else if let Ok(bytes) = value.cast::<PyByteArray>() {
        bytea::encode(&bytes.to_vec(), out);
    } else {
        let Ok(buffer) = PyBuffer::<u8>::get(value) else {
            return Err("bytes, bytearray or a memoryview of bytes is required".into());
        };
        bytea::encode(&buffer.to_vec(value.py())?, out);
    }
    Ok(())
}

/// Appends the text form, which the server knows how to read. A list is an array, whose elements are
/// told apart by `delimiter`.
pub(crate) fn text_form(value: &Bound<'_, PyAny>, delimiter: u8, out: &mut BytesMut) -> Fitted {
    let mut literal = String::new();
    match array::items(value) {
        Some(items) => list(&items, delimiter, &mut literal)?,
        None => literal.push_str(plain(value)?.to_str().map_err(not_unicode)?),
    }
    Ok(text::encode(&literal, out)?)
}

fn plain<'py>(value: &Bound<'py, PyAny>) -> Fitted<Bound<'py, PyString>> {
    let py = value.py();
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(text.clone());
    }
    if value.is_instance_of::<PyBytes>() || value.is_instance_of::<PyByteArray>() {
        return Err("a str is required".into());
    }
    if value.is_instance(python::enumeration(py)?)? {
        return Ok(value.getattr(intern!(py, "name"))?.str()?);
    }
    Ok(value.str()?)
}

/// An array of a type that travels as text.
fn list(items: &Bound<'_, pyo3::types::PyTuple>, delimiter: u8, literal: &mut String) -> Fitted {
    literal.push('{');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            literal.push(char::from(delimiter));
        }
        if item.is_none() {
            literal.push_str("NULL");
        } else if let Some(inner) = array::items(&item) {
            list(&inner, delimiter, literal)?;
        } else {
            literal::quote(plain(&item)?.to_str().map_err(not_unicode)?, literal);
        }
    }
    literal.push('}');
    Ok(())
}

const INT2: Oid = 21;
const INT2_VECTOR: Oid = 22;
const OID: Oid = 26;
const OID_VECTOR: Oid = 30;
