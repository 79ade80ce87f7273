//! Owns the types of well-known extensions between the wire and Python: `hstore` as a dict of texts,
//! pgvector's `vector` and `halfvec` as lists of
//! float, its `sparsevec` as text. `decode` and `encode` call it.

use bytes::BytesMut;
use gino_core::codec::vector::Sparse;
use gino_core::codec::{Hstore, HstoreWriter, Kind, vector};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyMapping, PyString};

use crate::fault::{Fitted, Within};

/// A dict of str to str or None.
pub(crate) fn hstore<'py>(py: Python<'py>, bytes: &[u8]) -> Fitted<Bound<'py, PyAny>> {
    let dict = PyDict::new(py);
    for pair in Hstore::decode(bytes)? {
        let (key, value) = pair?;
        dict.set_item(key, value)?;
    }
    Ok(dict.into_any())
}

/// Appends `hstore`, of a mapping.
pub(crate) fn encode_hstore(value: &Bound<'_, PyAny>, out: &mut BytesMut) -> Fitted {
    let Ok(mapping) = value.cast::<PyMapping>() else {
        return Err("a dict of str to str or None is required".into());
    };
    let pairs = mapping.items()?;
    let mut writer = HstoreWriter::begin(pairs.len(), out)?;
    for pair in pairs.iter() {
        let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair.extract()?;
        let Ok(key) = key.cast::<PyString>() else {
            return Err("the keys have to be str".into());
        };
        let key = key.to_str()?;
        let text = match value.is_none() {
            true => None,
            false => match value.cast::<PyString>() {
                Ok(text) => Some(text.to_str()?),
                Err(_) => {
                    let wrong: Fitted = Err("a str or None is required".into());
                    return wrong.within(|| format!("[{key:?}]"));
                }
            },
        };
        writer.pair(key, text)?;
    }
    Ok(writer.finish()?)
}

/// A list of float.
pub(crate) fn numbers<'py>(py: Python<'py>, kind: Kind, bytes: &[u8]) -> Fitted<Bound<'py, PyAny>> {
    Ok(match kind {
        Kind::Vector => PyList::new(py, vector::decode(bytes)?.map(f64::from))?.into_any(),
        _ => PyList::new(py, vector::decode_half(bytes)?.map(f64::from))?.into_any(),
    })
}

/// The text of a `sparsevec`, as pgvector writes it: it has no counterpart in Python.
pub(crate) fn sparse<'py>(py: Python<'py>, bytes: &[u8]) -> Fitted<Bound<'py, PyAny>> {
    let sparse = Sparse::decode(bytes)?;
    let pairs: Vec<String> = sparse
        .pairs()
        .map(|(index, number)| format!("{}:{number}", index + 1))
        .collect();
    let text = format!("{{{}}}/{}", pairs.join(","), sparse.dimensions());
    Ok(PyString::new(py, &text).into_any())
}

/// Appends `vector` or `halfvec`, of any iterable of numbers.
pub(crate) fn encode_numbers(kind: Kind, value: &Bound<'_, PyAny>, out: &mut BytesMut) -> Fitted {
    let py = value.py();
    // Arrays of numpy and the like give plain numbers at once.
    let list = match value.getattr_opt(intern!(py, "tolist"))? {
        Some(tolist) => tolist.call0()?,
        None => value.clone(),
    };
    let Ok(items) = list.try_iter() else {
        return Err("a list of numbers is required".into());
    };
    let mut numbers = Vec::new();
    for (index, item) in items.enumerate() {
        let number: Fitted<f64> = item?.extract().map_err(|_| "a float is required".into());
        numbers.push(narrow(number.within(|| format!("[{index}]"))?));
    }
    match kind {
        Kind::Vector => vector::encode(numbers.into_iter(), out)?,
        _ => vector::encode_half(numbers.into_iter(), out)?,
    }
    Ok(())
}

/// Appends `sparsevec`, of its text or of what the package pgvector has for it.
pub(crate) fn encode_sparse(value: &Bound<'_, PyAny>, out: &mut BytesMut) -> Fitted {
    let py = value.py();
    let text = match value.getattr_opt(intern!(py, "to_text"))? {
        Some(to_text) => to_text.call0()?,
        None => value.clone(),
    };
    let reason = "a sparse vector such as \"{1:0.5,3:2}/5\" is required";
    let Ok(text) = text.cast::<PyString>() else {
        return Err(reason.into());
    };
    let read = |text: &str| {
        let (pairs, dimensions) = text.trim().strip_prefix('{')?.split_once("}/")?;
        let pairs = pairs.split(',').filter(|pair| !pair.trim().is_empty());
        let pairs = pairs.map(|pair| {
            let (index, number) = pair.split_once(':')?;
            let index = index.trim().parse::<usize>().ok()?.checked_sub(1)?;
            Some((index, number.trim().parse::<f32>().ok()?))
        });
        let pairs: Option<Vec<_>> = pairs.collect();
        Some((dimensions.trim().parse::<usize>().ok()?, pairs?))
    };
    let (dimensions, mut pairs) = read(text.to_str()?).ok_or(reason)?;
    pairs.sort_unstable_by_key(|(index, _)| *index);
    Ok(Sparse::encode(dimensions, pairs.into_iter(), out)?)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the type is of single precision: to the nearest"
)]
fn narrow(number: f64) -> f32 {
    number as f32
}
