//! Owns the JSON text of Python's plain values: `dict`, `list`, `tuple`, `str`, `int`, `float`,
//! `bool` and None, of exactly these types. Never decides about others: `json.dumps` does.
//! `encode` and the dialect's JSON types call it.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::python;

/// The JSON text of a value, as `json.dumps` has it but for spaces and escapes.
///
/// # Errors
/// What `json.dumps` raises.
#[pyfunction]
pub(crate) fn json_text<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = value.py();
    let mut text = String::new();
    match write(value, DEEPEST, &mut text) {
        Some(()) => Ok(PyString::new(py, &text).into_any()),
        None => python::json_dumps(py)?.call1((value,)),
    }
}

/// Appends the text of `value`, or gives up on it.
fn write(value: &Bound<'_, PyAny>, depth: usize, text: &mut String) -> Option<()> {
    if let Ok(value) = value.cast_exact::<PyString>() {
        return string(value, text);
    }
    if value.is_none() {
        text.push_str("null");
    } else if let Ok(value) = value.cast_exact::<PyBool>() {
        text.push_str(if value.is_true() { "true" } else { "false" });
    } else if let Ok(value) = value.cast_exact::<PyInt>() {
        let number: i64 = value.extract().ok()?;
        text.push_str(&number.to_string());
    } else if let Ok(value) = value.cast_exact::<PyFloat>() {
        let number = value.value();
        if !number.is_finite() {
            return None;
        }
        text.push_str(&format!("{number:?}"));
    } else if let Ok(items) = value.cast_exact::<PyDict>() {
        let depth = depth.checked_sub(1)?;
        text.push('{');
        for (index, (key, value)) in items.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            string(key.cast_exact::<PyString>().ok()?, text)?;
            text.push(':');
            write(&value, depth, text)?;
        }
        text.push('}');
    } else if let Ok(items) = value.cast_exact::<PyList>() {
        list(items.iter(), depth, text)?;
    } else {
        list(value.cast_exact::<PyTuple>().ok()?.iter(), depth, text)?;
    }
    Some(())
}

fn list<'py>(
    items: impl Iterator<Item = Bound<'py, PyAny>>,
    depth: usize,
    text: &mut String,
) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    text.push('[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            text.push(',');
        }
        write(&item, depth, text)?;
    }
    text.push(']');
    Some(())
}

/// RFC 8259, section 7: what has to be escaped, is.
fn string(value: &Bound<'_, PyString>, text: &mut String) -> Option<()> {
    let value = value.to_str().ok()?;
    text.push('"');
    if value.bytes().all(|b| b >= b' ' && b != b'"' && b != b'\\') {
        text.push_str(value);
    } else {
        for character in value.chars() {
            match character {
                '"' => text.push_str("\\\""),
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                control if control < ' ' => {
                    text.push_str(&format!("\\u{:04x}", u32::from(control)));
                }
                other => text.push(other),
            }
        }
    }
    text.push('"');
    Some(())
}

/// How deep a document may be before `json.dumps` takes it, which looks out for circles.
const DEEPEST: usize = 64;
