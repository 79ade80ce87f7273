//! Owns how a value on the wire becomes a Python object, one arm per family of types.
//! Never knows which column it comes from. `reader` calls it.

use gino_core::codec::{Civil, Interval, Kind, Timeline, bytea, datetime, json, number, uuid};
use jiter::{PythonParse, StringCacheMode};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDate, PyDateTime, PyDelta, PyFloat, PyTime, PyTzInfo};

use crate::array;
use crate::decimal;
use crate::fault::{Fault, Fitted};
use crate::python;
use crate::raw;

/// The object for the `bytes` of a value of `kind`.
///
/// # Errors
/// Bytes that are no such value, or a value that Python's type cannot hold.
#[inline]
pub(crate) fn decode<'py>(py: Python<'py>, kind: Kind, bytes: &[u8]) -> Fitted<Bound<'py, PyAny>> {
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
        Kind::Time => {
            let Civil {
                hour,
                minute,
                second,
                microsecond,
                ..
            } = Civil::from_time(datetime::decode_time(bytes)?);
            Ok(PyTime::new(py, hour, minute, second, microsecond, None)?.into_any())
        }
        Kind::Interval => interval(py, Interval::decode(bytes)?),
        Kind::Array => array::decode(py, bytes, decode),
    }
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
        Kind::Array => "list",
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
