//! Owns ranges and multiranges between the wire and Python: `gino.types.Range` out; that, asyncpg's,
//! SQLAlchemy's, a pair or a dict in. Never decodes a bound. `decode`, `encode` and `tree` call it.

use std::ops::Bound as Limit;

use bytes::BytesMut;
use gino_core::codec::{Multirange, Range};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};

use crate::fault::{Fitted, Within};
use crate::python;

/// A `Range`, its bounds as `bound` makes them.
pub(crate) fn range<'py>(
    py: Python<'py>,
    bytes: &[u8],
    bound: impl Fn(&[u8]) -> Fitted<Bound<'py, PyAny>>,
) -> Fitted<Bound<'py, PyAny>> {
    make(py, Range::decode(bytes)?, &bound)
}

/// A list of `Range`s.
pub(crate) fn multirange<'py>(
    py: Python<'py>,
    bytes: &[u8],
    bound: impl Fn(&[u8]) -> Fitted<Bound<'py, PyAny>>,
) -> Fitted<Bound<'py, PyAny>> {
    let list = PyList::empty(py);
    for (index, range) in Multirange::decode(bytes)?.enumerate() {
        list.append(make(py, range?, &bound).within(|| format!("[{index}]"))?)?;
    }
    Ok(list.into_any())
}

fn make<'py>(
    py: Python<'py>,
    range: Range<&[u8]>,
    bound: &impl Fn(&[u8]) -> Fitted<Bound<'py, PyAny>>,
) -> Fitted<Bound<'py, PyAny>> {
    let (lower, upper, empty) = match range {
        Range::Empty => (Limit::Unbounded, Limit::Unbounded, true),
        Range::Between(lower, upper) => (lower, upper, false),
    };
    let side = |limit: Limit<&[u8]>| {
        Ok::<_, Box<crate::fault::Fault>>(match limit {
            Limit::Included(bytes) => (bound(bytes)?, true),
            Limit::Excluded(bytes) => (bound(bytes)?, false),
            Limit::Unbounded => (py.None().into_bound(py), false),
        })
    };
    let (lower, lower_inc) = side(lower).within(|| ".lower".into())?;
    let (upper, upper_inc) = side(upper).within(|| ".upper".into())?;
    let made = python::range(py)?.call1((lower, upper, lower_inc, upper_inc, empty));
    Ok(made?)
}

/// Appends a range, its bounds as `bound` writes them.
pub(crate) fn encode_range<'py>(
    value: &Bound<'py, PyAny>,
    out: &mut BytesMut,
    mut bound: impl FnMut(&Bound<'py, PyAny>, &mut BytesMut) -> Fitted,
) -> Fitted {
    read(value)?.encode(out, |value, out| bound(&value, out))
}

/// Appends a multirange, the bounds as `bound` writes them.
pub(crate) fn encode_multirange<'py>(
    value: &Bound<'py, PyAny>,
    out: &mut BytesMut,
    mut bound: impl FnMut(&Bound<'py, PyAny>, &mut BytesMut) -> Fitted,
) -> Fitted {
    let reason = "a list of ranges is required";
    if value.is_instance_of::<PyString>() || is_range(value)? {
        return Err(reason.into());
    }
    let Ok(items) = value.try_iter() else {
        return Err(reason.into());
    };
    let mut ranges = Vec::new();
    for (index, item) in items.enumerate() {
        ranges.push(read(&item?).within(|| format!("[{index}]"))?);
    }
    Multirange::encode(ranges.into_iter(), out, |range, out| {
        range.encode(out, |value, out| bound(&value, out))
    })
}

/// Whether it is an object with bounds, of whatever library.
fn is_range(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(value.hasattr(intern!(value.py(), "lower"))?
        && value.hasattr(intern!(value.py(), "upper"))?
        && !value.is_instance_of::<PyString>())
}

fn read<'py>(value: &Bound<'py, PyAny>) -> Fitted<Range<Bound<'py, PyAny>>> {
    let py = value.py();
    if !is_range(value)? {
        return pair(value);
    }
    let truth = |name: &Bound<'py, PyString>| match value.getattr_opt(name)? {
        Some(attribute) => attribute.is_truthy(),
        None => Ok(false),
    };
    // `isempty` is asyncpg's, `empty` SQLAlchemy's and psycopg's is `isempty`.
    let is_empty = match value.getattr_opt(intern!(py, "isempty"))? {
        Some(empty) => empty.is_truthy()?,
        None => truth(intern!(py, "empty"))?,
    };
    if is_empty {
        return Ok(Range::Empty);
    }
    let (lower_inc, upper_inc) = match value.getattr_opt(intern!(py, "lower_inc"))? {
        Some(lower_inc) => (lower_inc.is_truthy()?, truth(intern!(py, "upper_inc"))?),
        None => {
            let bounds: String = value.getattr(intern!(py, "bounds"))?.extract()?;
            (bounds.starts_with('['), bounds.ends_with(']'))
        }
    };
    let limit = |value: Bound<'py, PyAny>, included| match (value.is_none(), included) {
        (true, _) => Limit::Unbounded,
        (false, true) => Limit::Included(value),
        (false, false) => Limit::Excluded(value),
    };
    Ok(Range::Between(
        limit(value.getattr(intern!(py, "lower"))?, lower_inc),
        limit(value.getattr(intern!(py, "upper"))?, upper_inc),
    ))
}

/// As asyncpg has it: both bounds of a list or tuple are in the range, and the upper may be missing.
fn pair<'py>(value: &Bound<'py, PyAny>) -> Fitted<Range<Bound<'py, PyAny>>> {
    let reason = "a Range, or a pair of bounds, is required";
    let items = match value.cast::<PyList>() {
        Ok(list) => list.to_tuple(),
        Err(_) => value.cast::<PyTuple>().map_err(|_| reason)?.clone(),
    };
    if items.len() > 2 {
        return Err(reason.into());
    }
    let limit = |index| match items.get_item(index) {
        Ok(value) if !value.is_none() => Limit::Included(value),
        _ => Limit::Unbounded,
    };
    match items.len() {
        0 => Ok(Range::Empty),
        _ => Ok(Range::Between(limit(0), limit(1))),
    }
}
