//! Owns arrays: nested lists out, nested lists or tuples in, in binary and in text form. Never decodes
//! or encodes an element. `decode`, `encode` and `tree` call it.

use bytes::BytesMut;
use gino_core::codec::array::{Elements, MAX_DIMENSIONS};
use gino_core::codec::literal::{self, Piece};
use gino_core::codec::{Array, ArrayWriter, Dimension, Kind, Oid};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::fault::{Fitted, Within};

/// How an element is decoded.
pub(crate) type Decode = for<'py> fn(Python<'py>, Kind, Oid, &[u8]) -> Fitted<Bound<'py, PyAny>>;

/// How an element that is not None is encoded.
pub(crate) type Encode = fn(Kind, Oid, &Bound<'_, PyAny>, &mut BytesMut) -> Fitted;

/// The list for an array of PostgreSQL's own types.
///
/// # Errors
/// Bytes that are no array, or an element that cannot be decoded.
pub(crate) fn decode<'py>(
    py: Python<'py>,
    bytes: &[u8],
    element: Decode,
) -> Fitted<Bound<'py, PyAny>> {
    let array = Array::decode(bytes)?;
    let oid = array.element();
    let kind = Kind::of(oid);
    nested(py, &array, &|bytes| element(py, kind, oid, bytes))
}

/// The list for an array, its elements as `element` makes them.
///
/// # Errors
/// As [`decode`].
pub(crate) fn nested<'py>(
    py: Python<'py>,
    array: &Array<'_>,
    element: &dyn Fn(&[u8]) -> Fitted<Bound<'py, PyAny>>,
) -> Fitted<Bound<'py, PyAny>> {
    if array.is_empty() {
        return Ok(PyList::empty(py).into_any());
    }
    let mut elements = array.elements();
    let list = list(py, array.dimensions(), &mut elements, element)?;
    match elements.next() {
        Some(Err(reason)) => Err(reason.into()),
        _ => Ok(list),
    }
}

/// The product of all lengths is no more than a quarter of the bytes there are, and not 0.
fn list<'py>(
    py: Python<'py>,
    dimensions: &[Dimension],
    elements: &mut Elements<'_>,
    element: &dyn Fn(&[u8]) -> Fitted<Bound<'py, PyAny>>,
) -> Fitted<Bound<'py, PyAny>> {
    let Some((Dimension { length, .. }, inner)) = dimensions.split_first() else {
        return match elements.next() {
            Some(Ok(Some(bytes))) => element(bytes),
            Some(Ok(None)) => Ok(py.None().into_bound(py)),
            Some(Err(reason)) => Err(reason.into()),
            None => Err("the array has fewer elements than it claims".into()),
        };
    };
    let made = PyList::empty(py);
    for index in 0..*length {
        let item = list(py, inner, elements, element).within(|| format!("[{index}]"))?;
        made.append(item)?;
    }
    Ok(made.into_any())
}

/// The list for an array in text form, whose elements are told apart by `delimiter`.
///
/// # Errors
/// As [`decode`].
pub(crate) fn of_text<'py>(
    py: Python<'py>,
    text: &str,
    delimiter: u8,
    element: &dyn Fn(&str) -> Fitted<Bound<'py, PyAny>>,
) -> Fitted<Bound<'py, PyAny>> {
    let mut open = vec![PyList::empty(py)];
    for piece in literal::array(text, delimiter) {
        let item = match piece? {
            Piece::Begin => {
                open.push(PyList::empty(py));
                continue;
            }
            Piece::End => open.pop().map(Bound::into_any),
            Piece::Null => Some(py.None().into_bound(py)),
            Piece::Text(text) => Some(element(&text)?),
        };
        if let (Some(list), Some(item)) = (open.last(), item) {
            list.append(item)?;
        }
    }
    let whole = open.pop().and_then(|outer| outer.get_item(0).ok());
    Ok(whole.ok_or("it is no array")?)
}

/// Appends an array of `of`, one of PostgreSQL's own types.
///
/// # Errors
/// Anything but lists and tuples of equal lengths, or an element that cannot be encoded.
pub(crate) fn encode(
    of: Oid,
    lower: i32,
    value: &Bound<'_, PyAny>,
    out: &mut BytesMut,
    element: Encode,
) -> Fitted {
    let kind = Kind::of(of);
    let shape = (of, lower, Nesting::of(kind));
    encode_nested(shape, value, out, &mut |value, out| {
        element(kind, of, value, out)
    })
}

/// Appends an array, its elements as `element` writes them. `shape`: the type of the elements, the
/// index of the first, and what is a dimension and no element.
///
/// # Errors
/// As [`encode`].
pub(crate) fn encode_nested(
    (of, lower, nesting): (Oid, i32, Nesting),
    value: &Bound<'_, PyAny>,
    out: &mut BytesMut,
    element: &mut dyn FnMut(&Bound<'_, PyAny>, &mut BytesMut) -> Fitted,
) -> Fitted {
    let lengths = lengths(value, nesting)?;
    let dimensions: Vec<_> = lengths
        .iter()
        .map(|length| Dimension {
            length: *length,
            lower,
        })
        .collect();
    let mut writer = ArrayWriter::begin_at(of, &dimensions, out)?;
    if !lengths.contains(&0) {
        write(&mut writer, &lengths, value, element)?;
    }
    Ok(writer.finish()?)
}

fn write(
    writer: &mut ArrayWriter<'_>,
    lengths: &[usize],
    value: &Bound<'_, PyAny>,
    element: &mut dyn FnMut(&Bound<'_, PyAny>, &mut BytesMut) -> Fitted,
) -> Fitted {
    let Some((length, inner)) = lengths.split_first() else {
        if value.is_none() {
            return Ok(writer.null()?);
        }
        element(value, writer.start_element()?)?;
        return Ok(writer.end_element()?);
    };
    let items = items(value).ok_or("all items of a nested list must be lists")?;
    if items.len() != *length {
        return Err("the inner lists of an array must all have the same length".into());
    }
    for (index, item) in items.iter().enumerate() {
        write(writer, inner, &item, element).within(|| format!("[{index}]"))?;
    }
    Ok(())
}

/// What inside of an array is one more of its dimensions, and no element; as in asyncpg, where a value
/// may be written as a tuple.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nesting {
    /// Lists and tuples.
    Sequences,
    /// Lists: a tuple is an element.
    Lists,
    /// Nothing: a list is an element.
    Nothing,
}

impl Nesting {
    /// In arrays of `kind`.
    pub(crate) fn of(kind: Kind) -> Nesting {
        match kind {
            Kind::Json
            | Kind::Jsonb
            | Kind::Multirange
            | Kind::Snapshot
            | Kind::Vector
            | Kind::HalfVector => Nesting::Nothing,
            Kind::Point
            | Kind::Line
            | Kind::Lseg
            | Kind::Box
            | Kind::Path
            | Kind::Polygon
            | Kind::Circle
            | Kind::Range
            | Kind::Record
            | Kind::Tid => Nesting::Lists,
            _ => Nesting::Sequences,
        }
    }

    /// What is in `item`, if it is a dimension.
    pub(crate) fn items<'py>(self, item: &Bound<'py, PyAny>) -> Option<Bound<'py, PyTuple>> {
        let nests = match self {
            Nesting::Sequences => true,
            Nesting::Lists => item.is_instance_of::<PyList>(),
            Nesting::Nothing => false,
        };
        if nests { items(item) } else { None }
    }
}

/// The lengths of the nested lists, from the first item of each.
fn lengths(value: &Bound<'_, PyAny>, nesting: Nesting) -> Fitted<Vec<usize>> {
    let mut at = items(value).ok_or("a list or tuple is required")?;
    let mut lengths = vec![at.len()];
    while lengths.len() <= MAX_DIMENSIONS {
        let Some(inner) = at.iter().next().and_then(|first| nesting.items(&first)) else {
            break;
        };
        lengths.push(inner.len());
        at = inner;
    }
    Ok(lengths)
}

/// The items of a list or tuple.
pub(crate) fn items<'py>(value: &Bound<'py, PyAny>) -> Option<Bound<'py, PyTuple>> {
    match value.cast::<PyList>() {
        Ok(list) => Some(list.to_tuple()),
        Err(_) => value.cast::<PyTuple>().ok().cloned(),
    }
}
