//! Owns how a value on the wire becomes a Python object, one arm per family of types.
//! Never knows which column it comes from. `reader` calls it.

use std::cell::Cell;

use gino_core::codec::{
    Civil, Composite, Interval, Kind, Lsn, MAX_DEPTH, Oid, Snapshot, Tid, TimeTz, Timeline, bytea,
    datetime, json, network as wire, number, subtype_of, system, uuid, versioned,
};
use jiter::{PythonParse, StringCacheMode};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyBytes, PyDate, PyDateTime, PyDelta, PyFloat, PyString, PyTime, PyTuple, PyTzInfo,
};

use crate::array;
use crate::decimal;
use crate::extension;
use crate::fault::{Fault, Fitted, Within};
use crate::geometry;
use crate::network;
use crate::python;
use crate::raw;
use crate::span;

/// The object for the `bytes` of a value of the type `oid`, which is of `kind`.
///
/// # Errors
/// Bytes that are no such value, or a value that Python's type cannot hold.
#[inline]
pub(crate) fn decode<'py>(
    py: Python<'py>,
    kind: Kind,
    oid: Oid,
    bytes: &[u8],
) -> Fitted<Bound<'py, PyAny>> {
    match kind {
        Kind::Int4 => integer(py, i64::from(number::decode_int4(bytes)?)),
        Kind::Text | Kind::Other => text(py, bytes),
        Kind::Int8 => integer(py, number::decode_int8(bytes)?),
        Kind::Bool => Ok(PyBool::new(py, number::decode_bool(bytes)?)
            .to_owned()
            .into_any()),
        Kind::TimestampTz => {
            let utc = PyTzInfo::utc(py)?;
            moment(py, datetime::decode_timestamp(bytes)?, Some(&*utc))
        }
        Kind::Timestamp => moment(py, datetime::decode_timestamp(bytes)?, None),
        Kind::Jsonb => document(py, json::decode_jsonb(bytes)?),
        Kind::Json => document(py, json::decode_json(bytes)),
        Kind::Numeric => decimal::decode(py, bytes),
        Kind::Float8 => Ok(PyFloat::new(py, number::decode_float8(bytes)?).into_any()),
        Kind::Float4 => Ok(PyFloat::new(py, number::decode_float4(bytes)?.into()).into_any()),
        Kind::Int2 => integer(py, i64::from(number::decode_int2(bytes)?)),
        Kind::Oid => integer(py, i64::from(number::decode_oid(bytes)?)),
        Kind::Uuid => python::uuid(py, uuid::decode(bytes)?),
        Kind::Bytea => Ok(PyBytes::new(py, bytea::decode(bytes)).into_any()),
        Kind::Date => date(py, datetime::decode_date(bytes)?),
        Kind::Time => time(py, datetime::decode_time(bytes)?, None),
        Kind::Interval => interval(py, Interval::decode(bytes)?),
        Kind::Array => array::decode(py, bytes, decode),
        _ => rare(py, kind, oid, bytes),
    }
}

/// The families that are not met often.
fn rare<'py>(py: Python<'py>, kind: Kind, oid: Oid, bytes: &[u8]) -> Fitted<Bound<'py, PyAny>> {
    let bound = |bytes: &[u8]| {
        let bound = subtype_of(oid).ok_or("the type of its bounds is not known")?;
        decode(py, Kind::of(bound), bound, bytes)
    };
    match kind {
        Kind::TimeTz => {
            let TimeTz {
                microseconds,
                offset,
            } = TimeTz::decode(bytes)?;
            let offset = PyDelta::new(py, 0, offset, 0, true)?;
            let zone = python::timezone(py)?.call1((offset,))?;
            time(py, microseconds, Some(zone.cast().map_err(PyErr::from)?))
        }
        Kind::Inet => network::inet(py, bytes),
        Kind::Cidr => network::cidr(py, bytes),
        Kind::Macaddr => Ok(string(py, &wire::mac_text::<6>(wire::decode_mac(bytes)?))),
        Kind::Macaddr8 => Ok(string(py, &wire::mac_text::<8>(wire::decode_mac(bytes)?))),
        Kind::Bit => network::bit_string(py, bytes),
        Kind::Point
        | Kind::Line
        | Kind::Lseg
        | Kind::Box
        | Kind::Path
        | Kind::Polygon
        | Kind::Circle => geometry::decode(py, kind, bytes),
        Kind::Range => span::range(py, bytes, bound),
        Kind::Multirange => span::multirange(py, bytes, bound),
        Kind::Record => record(py, bytes, |oid, bytes| match Kind::of(oid) {
            Kind::Other if !Kind::is_listed(oid) => {
                Err(format!("the type with OID {oid} is not known").into())
            }
            Kind::Other => Err(NO_BINARY.into()),
            kind => decode(py, kind, oid, bytes),
        }),
        Kind::Versioned => Ok(string(py, versioned::decode(bytes)?)),
        Kind::Xid8 => Ok(unsigned(py, system::decode_xid8(bytes)?)),
        Kind::Lsn => Ok(unsigned(py, Lsn::decode(bytes)?.0)),
        Kind::Tid => {
            let Tid { block, offset } = Tid::decode(bytes)?;
            Ok((block, offset).into_pyobject(py)?.into_any())
        }
        Kind::Snapshot => {
            let snapshot = Snapshot::decode(bytes)?;
            let running = PyTuple::new(py, snapshot.running())?;
            let parts = (snapshot.lowest, snapshot.next, running);
            Ok(parts.into_pyobject(py)?.into_any())
        }
        Kind::Hstore => extension::hstore(py, bytes),
        Kind::Vector | Kind::HalfVector => extension::numbers(py, kind, bytes),
        Kind::SparseVector => extension::sparse(py, bytes),
        Kind::TextArray => array::of_text(py, string_of(py, bytes)?.to_str()?, b',', &|text| {
            Ok(string(py, text))
        }),
        _ => text(py, bytes),
    }
}

/// A tuple of the fields of a `record`, as `field` makes them.
pub(crate) fn record<'py>(
    py: Python<'py>,
    bytes: &[u8],
    field: impl Fn(Oid, &[u8]) -> Fitted<Bound<'py, PyAny>>,
) -> Fitted<Bound<'py, PyAny>> {
    let Some(_deeper) = Depth::enter() else {
        return Err("records are nested too deeply".into());
    };
    let mut values = Vec::new();
    for (index, part) in Composite::decode(bytes)?.enumerate() {
        let (oid, bytes) = part?;
        values.push(match bytes {
            Some(bytes) => field(oid, bytes).within(|| format!("[{index}]"))?,
            None => py.None().into_bound(py),
        });
    }
    Ok(PyTuple::new(py, values)?.into_any())
}

/// One record more within others: what is read says how many there are, so they are counted.
struct Depth;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

impl Depth {
    fn enter() -> Option<Depth> {
        let depth = DEPTH.get();
        (depth < MAX_DEPTH).then(|| {
            DEPTH.set(depth + 1);
            Depth
        })
    }
}

impl Drop for Depth {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get().saturating_sub(1));
    }
}

/// Said of a type that travels as text, inside of one that does not.
pub(crate) const NO_BINARY: &str =
    "there is no binary form for values of this type: cast it to text";

fn string<'py>(py: Python<'py>, text: &str) -> Bound<'py, PyAny> {
    PyString::new(py, text).into_any()
}

/// The bytes of a text as a str.
pub(crate) fn string_of<'py>(py: Python<'py>, bytes: &[u8]) -> Fitted<Bound<'py, PyString>> {
    Ok(text(py, bytes)?.cast_into().map_err(PyErr::from)?)
}

fn unsigned(py: Python<'_>, value: u64) -> Bound<'_, PyAny> {
    let Ok(value) = value.into_pyobject(py);
    value.into_any()
}

fn time<'py>(
    py: Python<'py>,
    microseconds: i64,
    zone: Option<&Bound<'py, PyTzInfo>>,
) -> Fitted<Bound<'py, PyAny>> {
    let Civil {
        hour,
        minute,
        second,
        microsecond,
        ..
    } = Civil::from_time(microseconds);
    Ok(PyTime::new(py, hour, minute, second, microsecond, zone)?.into_any())
}

/// What values of `kind` become, for messages.
pub(crate) fn host_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "bool",
        Kind::Int2 | Kind::Int4 | Kind::Int8 | Kind::Oid => "int",
        Kind::Float4 | Kind::Float8 => "float",
        Kind::Numeric => "Decimal",
        Kind::Text | Kind::Other => "str",
        Kind::Bytea => "bytes",
        Kind::Date => "date",
        Kind::Time => "time",
        Kind::Timestamp | Kind::TimestampTz => "datetime",
        Kind::Interval => "timedelta",
        Kind::Uuid => "UUID",
        Kind::Json | Kind::Jsonb => "object",
        Kind::Array | Kind::TextArray | Kind::Multirange | Kind::Vector | Kind::HalfVector => {
            "list"
        }
        Kind::TimeTz => "time",
        Kind::Range => "Range",
        Kind::Bit => "BitString",
        Kind::Hstore => "dict",
        Kind::Xid8 | Kind::Lsn => "int",
        Kind::Record | Kind::Tid | Kind::Snapshot => "tuple",
        Kind::Macaddr | Kind::Macaddr8 | Kind::Versioned | Kind::SparseVector => "str",
        Kind::Point => "Point",
        Kind::Line => "Line",
        Kind::Lseg => "LineSegment",
        Kind::Box => "Box",
        Kind::Path => "Path",
        Kind::Polygon => "Polygon",
        Kind::Circle => "Circle",
        Kind::Inet | Kind::Cidr => "an address",
        Kind::Learnt => "object",
    }
}

#[inline]
fn text<'py>(py: Python<'py>, bytes: &[u8]) -> Fitted<Bound<'py, PyAny>> {
    raw::text(py, bytes).map_err(|error| misfit(py, error, "it is not UTF-8"))
}

/// What a parser says of a wrong value, a `ValueError`, is the value's fault; the rest is not.
#[cold]
fn misfit(py: Python<'_>, error: PyErr, reason: &'static str) -> Box<Fault> {
    if error.is_instance_of::<PyValueError>(py) {
        reason.into()
    } else {
        error.into()
    }
}

#[inline]
fn integer(py: Python<'_>, value: i64) -> Fitted<Bound<'_, PyAny>> {
    let Ok(value) = value.into_pyobject(py);
    Ok(value.into_any())
}

fn moment<'py>(
    py: Python<'py>,
    at: Timeline<i64>,
    zone: Option<&Bound<'py, PyTzInfo>>,
) -> Fitted<Bound<'py, PyAny>> {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
        microsecond,
    } = match at {
        Timeline::At(microseconds) => Civil::from_micros(microseconds),
        Timeline::Infinity => LAST,
        Timeline::MinusInfinity => FIRST,
    };
    check_year(year)?;
    let made = PyDateTime::new(
        py,
        year,
        month,
        day,
        hour,
        minute,
        second,
        microsecond,
        zone,
    )?;
    Ok(made.into_any())
}

fn date(py: Python<'_>, at: Timeline<i32>) -> Fitted<Bound<'_, PyAny>> {
    let Civil {
        year, month, day, ..
    } = match at {
        Timeline::At(days) => Civil::from_days(days),
        Timeline::Infinity => LAST,
        Timeline::MinusInfinity => FIRST,
    };
    check_year(year)?;
    Ok(PyDate::new(py, year, month, day)?.into_any())
}

#[inline]
fn check_year(year: i32) -> Fitted {
    if (1..=9999).contains(&year) {
        Ok(())
    } else {
        Err("the year is not one of 1 to 9999".into())
    }
}

/// Months count as 30 days and years as 365, as asyncpg has it: timedelta knows neither.
fn interval(py: Python<'_>, interval: Interval) -> Fitted<Bound<'_, PyAny>> {
    const DAY: i64 = datetime::DAY;
    let days = if interval.is_finite() {
        let Interval {
            months,
            days,
            microseconds,
        } = interval;
        let months = i64::from(months);
        let whole = microseconds.div_euclid(DAY);
        i64::from(days) + months / 12 * 365 + months % 12 * 30 + whole
    } else if interval == Interval::INFINITY {
        return Ok(python::timedelta_end(py, "max")?);
    } else {
        return Ok(python::timedelta_end(py, "min")?);
    };
    let time = interval.microseconds.rem_euclid(DAY);
    let Some(days) = i32::try_from(days)
        .ok()
        .filter(|days| days.abs() <= 999_999_999)
    else {
        return Err("the interval is longer than 999999999 days".into());
    };
    let narrow = |number: i64| i32::try_from(number).map_err(|_| "the interval is too long");
    let (seconds, micros) = (narrow(time / 1_000_000)?, narrow(time % 1_000_000)?);
    Ok(PyDelta::new(py, days, seconds, micros, false)?.into_any())
}

/// What `json.loads` gives; it is asked itself for what the faster parser does not take, such as
/// half of a surrogate pair or very deep nesting.
fn document<'py>(py: Python<'py>, text: &[u8]) -> Fitted<Bound<'py, PyAny>> {
    let parser = PythonParse {
        allow_inf_nan: true,
        cache_mode: StringCacheMode::All,
        ..PythonParse::default()
    };
    match parser.python_parse(py, text) {
        Ok(document) => Ok(document),
        Err(_) => {
            let loaded = python::json_loads(py)?.call1((self::text(py, text)?,));
            loaded.map_err(|error| misfit(py, error, "it is not JSON"))
        }
    }
}

/// `datetime.max`, which stands for `infinity`.
pub(crate) const LAST: Civil = Civil {
    year: 9999,
    month: 12,
    day: 31,
    hour: 23,
    minute: 59,
    second: 59,
    microsecond: 999_999,
};

/// `datetime.min`, which stands for `-infinity`.
pub(crate) const FIRST: Civil = Civil {
    year: 1,
    month: 1,
    day: 1,
    hour: 0,
    minute: 0,
    second: 0,
    microsecond: 0,
};
