//! Owns dates, times and intervals on their way to the wire.
//! Never reads a clock; the local time zone is asked for naive datetimes only. `encode` calls it.

use bytes::BytesMut;
use gino_core::codec::{Civil, Interval, TimeTz, Timeline, datetime};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{
    PyDate, PyDateAccess, PyDateTime, PyDelta, PyDeltaAccess, PyTime, PyTimeAccess, PyTzInfo,
    PyTzInfoAccess,
};

use crate::decode::{FIRST, LAST};
use crate::fault::Fitted;
use crate::python;

/// Appends `date`: a date, or the date of a datetime. `date.max` and `date.min` are the infinities.
pub(crate) fn date(value: &Bound<'_, PyAny>, out: &mut BytesMut) -> Fitted {
    let Ok(date) = value.cast::<PyDate>() else {
        return Err("a date is required".into());
    };
    let civil = midnight(date);
    let last = Civil {
        year: LAST.year,
        month: LAST.month,
        day: LAST.day,
        ..FIRST
    };
    let days = if civil == last {
        Timeline::Infinity
    } else if civil == FIRST {
        Timeline::MinusInfinity
    } else {
        Timeline::At(civil.to_days()?)
    };
    datetime::encode_date(days, out);
    Ok(())
}

/// Appends `time`: a time without a zone.
pub(crate) fn time(value: &Bound<'_, PyAny>, out: &mut BytesMut) -> Fitted {
    let Ok(time) = value.cast::<PyTime>() else {
        return Err("a time is required".into());
    };
    if time.get_tzinfo().is_some() {
        return Err("it has a time zone and the type has none".into());
    }
    let civil = clock(FIRST, time);
    datetime::encode_time(civil.to_time()?, out);
    Ok(())
}

/// Appends `timetz`: a time with a zone; one without is taken to be in UTC.
pub(crate) fn timetz(value: &Bound<'_, PyAny>, out: &mut BytesMut) -> Fitted {
    let Ok(time) = value.cast::<PyTime>() else {
        return Err("a time is required".into());
    };
    let offset = match time.get_tzinfo() {
        None => 0,
        Some(_) => {
            let offset = value.call_method0(intern!(value.py(), "utcoffset"))?;
            if offset.is_none() {
                let reason = "its zone has no offset without a date: give a fixed one";
                return Err(reason.into());
            }
            let offset = offset.cast::<PyDelta>().map_err(PyErr::from)?;
            i64::from(offset.get_days()) * 86_400 + i64::from(offset.get_seconds())
        }
    };
    let offset = i32::try_from(offset).map_err(|_| "the offset of its zone is too large")?;
    let microseconds = clock(FIRST, time).to_time()?;
    TimeTz {
        microseconds,
        offset,
    }
    .encode(out)?;
    Ok(())
}

/// Appends `timestamp`: a datetime without a zone, or a date. `datetime.max` and `datetime.min` are
/// the infinities.
pub(crate) fn timestamp(value: &Bound<'_, PyAny>, out: &mut BytesMut) -> Fitted {
    let civil = match value.cast::<PyDateTime>() {
        Ok(moment) if moment.get_tzinfo().is_some() => {
            return Err("it has a time zone and the type has none".into());
        }
        Ok(moment) => clock(midnight(moment), moment),
        Err(_) => match value.cast::<PyDate>() {
            Ok(date) => midnight(date),
            Err(_) => return Err("a datetime is required".into()),
        },
    };
    datetime::encode_timestamp(place(civil, 0)?, out);
    Ok(())
}

/// Appends `timestamptz`: a datetime, or a date. One without a zone is in local time, as asyncpg
/// has it.
pub(crate) fn timestamptz(value: &Bound<'_, PyAny>, out: &mut BytesMut) -> Fitted {
    let py = value.py();
    let naive = match value.cast::<PyDateTime>() {
        Ok(moment) => moment.clone(),
        Err(_) => match value.cast::<PyDate>() {
            Ok(date) => {
                let Civil {
                    year, month, day, ..
                } = midnight(date);
                PyDateTime::new(py, year, month, day, 0, 0, 0, 0, None)?
            }
            Err(_) => return Err("a datetime is required".into()),
        },
    };
    let civil = clock(midnight(&naive), &naive);
    if let Some(offset) = offset(&naive)? {
        datetime::encode_timestamp(place(civil, offset)?, out);
        return Ok(());
    }
    if civil == LAST || civil == FIRST {
        datetime::encode_timestamp(place(civil, 0)?, out);
        return Ok(());
    }
    let utc = PyTzInfo::utc(py)?;
    let aware = naive.call_method1(intern!(py, "astimezone"), (&*utc,))?;
    let aware = aware.cast::<PyDateTime>().map_err(PyErr::from)?;
    datetime::encode_timestamp(place(clock(midnight(aware), aware), 0)?, out);
    Ok(())
}

/// Appends `interval`: a timedelta. `timedelta.max` and `timedelta.min` are the infinities.
pub(crate) fn interval(value: &Bound<'_, PyAny>, out: &mut BytesMut) -> Fitted {
    let py = value.py();
    let Ok(delta) = value.cast::<PyDelta>() else {
        return Err("a timedelta is required".into());
    };
    let interval = if delta.get_days().abs() < 999_999_999 {
        finite(delta)
    } else if delta.eq(python::timedelta_end(py, "max")?)? {
        Interval::INFINITY
    } else if delta.eq(python::timedelta_end(py, "min")?)? {
        Interval::NEGATIVE_INFINITY
    } else {
        finite(delta)
    };
    interval.encode(out);
    Ok(())
}

fn finite(delta: &Bound<'_, PyDelta>) -> Interval {
    Interval {
        months: 0,
        days: delta.get_days(),
        microseconds: time_of(delta),
    }
}

/// Microseconds of what is not whole days.
fn time_of(delta: &Bound<'_, PyDelta>) -> i64 {
    i64::from(delta.get_seconds()) * 1_000_000 + i64::from(delta.get_microseconds())
}

/// Microseconds that the zone of `moment` is ahead of UTC; None if it has no zone.
fn offset(moment: &Bound<'_, PyDateTime>) -> PyResult<Option<i64>> {
    let py = moment.py();
    let Some(zone) = moment.get_tzinfo() else {
        return Ok(None);
    };
    if zone.is(&*PyTzInfo::utc(py)?) {
        return Ok(Some(0));
    }
    let offset = moment.call_method0(intern!(py, "utcoffset"))?;
    if offset.is_none() {
        return Ok(None);
    }
    let offset = offset.cast::<PyDelta>()?;
    Ok(Some(
        i64::from(offset.get_days()) * datetime::DAY + time_of(offset),
    ))
}

/// Where `civil`, `offset` ahead of UTC, is on the time line.
fn place(civil: Civil, offset: i64) -> Fitted<Timeline<i64>> {
    if offset == 0 && civil == LAST {
        return Ok(Timeline::Infinity);
    }
    if offset == 0 && civil == FIRST {
        return Ok(Timeline::MinusInfinity);
    }
    Ok(Timeline::At(civil.to_micros()? - offset))
}

fn midnight(date: &impl PyDateAccess) -> Civil {
    Civil {
        year: date.get_year(),
        month: date.get_month(),
        day: date.get_day(),
        ..FIRST
    }
}

fn clock(date: Civil, time: &impl PyTimeAccess) -> Civil {
    Civil {
        hour: time.get_hour(),
        minute: time.get_minute(),
        second: time.get_second(),
        microsecond: time.get_microsecond(),
        ..date
    }
}
