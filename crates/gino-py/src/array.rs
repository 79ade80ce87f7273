//! Owns arrays: nested lists out, nested lists or tuples in. Never decodes or encodes an element.
//! `decode` and `encode` call it.

use bytes::BytesMut;
use gino_core::codec::array::{Elements, MAX_DIMENSIONS};
use gino_core::codec::{Array, ArrayWriter, Kind, Oid};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::fault::Fitted;

/// How an element is decoded.
pub(crate) type Decode = for<'py> fn(Python<'py>, Kind, &[u8]) -> Fitted<Bound<'py, PyAny>>;

/// How an element that is not None is encoded.
pub(crate) type Encode = fn(Kind, Oid, &Bound<'_, PyAny>, &mut BytesMut) -> Fitted;

/// The list for an array.
///
/// # Errors
/// Bytes that are no array, or an element that cannot be decoded.
pub(crate) fn decode<'py>(
    py: Python<'py>,
    bytes: &[u8],
    element: Decode,
) -> Fitted<Bound<'py, PyAny>> {
    let array = Array::decode(bytes)?;
    if array.is_empty() {
        return Ok(PyList::empty(py).into_any());
    }
    let lengths: Vec<usize> = array.dimensions().iter().map(|one| one.length).collect();
    let mut reader = Reader {
        kind: Kind::of(array.element()),
        elements: array.elements(),
        element,
    };
    let list = reader.list(py, &lengths)?;
    match reader.elements.next() {
        Some(Err(reason)) => Err(reason.into()),
        _ => Ok(list),
    }
}

struct Reader<'a> {
    kind: Kind,
    elements: Elements<'a>,
    element: Decode,
}

impl Reader<'_> {
    /// The product of all lengths is no more than a quarter of the bytes there are, and not 0.
    fn list<'py>(&mut self, py: Python<'py>, lengths: &[usize]) -> Fitted<Bound<'py, PyAny>> {
        let Some((length, inner)) = lengths.split_first() else {
            return match self.elements.next() {
                Some(Ok(Some(bytes))) => (self.element)(py, self.kind, bytes),
                Some(Ok(None)) => Ok(py.None().into_bound(py)),
                Some(Err(reason)) => Err(reason.into()),
                None => Err("the array has fewer elements than it claims".into()),
            };
        };
        let list = PyList::empty(py);
        for _ in 0..*length {
            list.append(self.list(py, inner)?)?;
        }
        Ok(list.into_any())
    }
}

/// Appends an array of `of`.
///
/// # Errors
/// Anything but lists and tuples of equal lengths, or an element that cannot be encoded.
pub(crate) fn encode(
    of: Oid,
    value: &Bound<'_, PyAny>,
    out: &mut BytesMut,
    element: Encode,
) -> Fitted {
    let kind = Kind::of(of);
    let lengths = lengths(value, kind)?;
    let mut writer = ArrayWriter::begin(of, &lengths, out)?;
    if !lengths.contains(&0) {
        write(&mut writer, &lengths, value, &|value, out| {
            element(kind, of, value, out)
        })?;
    }
    Ok(writer.finish()?)
}

fn write(
    writer: &mut ArrayWriter<'_>,
    lengths: &[usize],
    value: &Bound<'_, PyAny>,
    element: &dyn Fn(&Bound<'_, PyAny>, &mut BytesMut) -> Fitted,
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
    items
        .iter()
        .try_for_each(|item| write(writer, inner, &item, element))
}

/// The lengths of the nested lists, from the first item of each.
fn lengths(value: &Bound<'_, PyAny>, kind: Kind) -> Fitted<Vec<usize>> {
    // A list in an array of JSON is a document.
    let deepest = if matches!(kind, Kind::Json | Kind::Jsonb) {
        1
    } else {
        MAX_DIMENSIONS + 1
    };
    let mut at = items(value).ok_or("a list or tuple is required")?;
    let mut lengths = vec![at.len()];
    while lengths.len() < deepest {
        let Some(inner) = at.iter().next().and_then(|first| items(&first)) else {
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
