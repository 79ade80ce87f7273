//! Owns what a result row can do: tuple, mapping by name and by Column, attributes.
//! Never decodes a value: sinks fill rows. Python code calls it.

use gino_core::error::RowError;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::pyclass::CompareOp;
use pyo3::types::{PyInt, PyList, PySlice, PyString, PyTuple};

use crate::errors;
use crate::layout::RowKeys;
use crate::raw;

/// What the native row type does in safe Rust.
pub(crate) struct Methods;

type Any<'py> = Bound<'py, PyAny>;

impl raw::RowMethods for Methods {
    fn subscript<'py>(row: &Any<'py>, key: &Any<'py>) -> PyResult<Any<'py>> {
        if key.is_instance_of::<PySlice>() || key.is_instance_of::<PyInt>() {
            return tuple(row)?.as_any().get_item(key);
        }
        match keys(row)?
            .get()
            .place(key)?
            .and_then(|place| raw::row_value(row, place))
        {
            Some(value) => Ok(value),
            None => {
                let name = key.str()?.to_string();
                Err(errors::raise(row.py(), RowError::NoColumn(name).into()))
            }
        }
    }

    fn attribute<'py>(row: &Any<'py>, name: &Bound<'py, PyString>) -> PyResult<Any<'py>> {
        let place = keys(row)?.get().attribute(name)?;
        match place.and_then(|place| raw::row_value(row, place)) {
            Some(value) => Ok(value),
            None => raw::generic_attribute(row, name),
        }
    }

    fn contains(row: &Any<'_>, key: &Any<'_>) -> PyResult<bool> {
        Ok(keys(row)?.get().place(key)?.is_some())
    }

    fn iter<'py>(row: &Any<'py>) -> PyResult<Any<'py>> {
        Ok(tuple(row)?.try_iter()?.into_any())
    }

    fn repr<'py>(row: &Any<'py>) -> PyResult<Any<'py>> {
        Ok(tuple(row)?.repr()?.into_any())
    }

    fn hash(row: &Any<'_>) -> PyResult<isize> {
        tuple(row)?.hash()
    }

    fn compare<'py>(row: &Any<'py>, other: &Any<'py>, by: CompareOp) -> PyResult<Any<'py>> {
        let this = tuple(row)?;
        if raw::is_row(other) {
            return this.rich_compare(tuple(other)?, by);
        }
        if other.is_instance_of::<PyTuple>() {
            return this.rich_compare(other, by);
        }
        Ok(row.py().NotImplemented().into_bound(row.py()))
    }

    fn keys<'py>(row: &Any<'py>) -> PyResult<Any<'py>> {
        Ok(names(row)?.to_list().into_any())
    }

    fn values<'py>(row: &Any<'py>) -> PyResult<Any<'py>> {
        Ok(tuple(row)?.to_list().into_any())
    }

    fn items<'py>(row: &Any<'py>) -> PyResult<Any<'py>> {
        let items: Vec<_> = names(row)?.iter().zip(tuple(row)?.iter()).collect();
        Ok(PyList::new(row.py(), items)?.into_any())
    }

    fn reduce<'py>(row: &Any<'py>) -> PyResult<Any<'py>> {
        let py = row.py();
        let values = tuple(row)?;
        Ok((py.get_type::<PyTuple>(), (values,))
            .into_pyobject(py)?
            .into_any())
    }

    fn get<'py>(row: &Any<'py>, arguments: &Any<'py>) -> PyResult<Any<'py>> {
        let arguments = arguments.cast::<PyTuple>()?;
        if !(1..=2).contains(&arguments.len()) {
            return Err(PyTypeError::new_err(
                "get takes a key and at most one default",
            ));
        }
        let place = keys(row)?.get().place(&arguments.get_item(0)?)?;
        match place.and_then(|place| raw::row_value(row, place)) {
            Some(value) => Ok(value),
            None => Ok(arguments
                .iter()
                .nth(1)
                .unwrap_or_else(|| row.py().None().into_bound(row.py()))),
        }
    }

    fn index<'py>(row: &Any<'py>, arguments: &Any<'py>) -> PyResult<Any<'py>> {
        tuple(row)?
            .getattr("index")?
            .call1(arguments.cast::<PyTuple>()?.clone())
    }

    fn count<'py>(row: &Any<'py>, arguments: &Any<'py>) -> PyResult<Any<'py>> {
        tuple(row)?
            .getattr("count")?
            .call1(arguments.cast::<PyTuple>()?.clone())
    }
}

fn keys<'py>(row: &Any<'py>) -> PyResult<Bound<'py, RowKeys>> {
    match raw::row_keys(row) {
        Some(keys) => Ok(keys.cast_into()?),
        None => Err(PyTypeError::new_err("a row is required")),
    }
}

fn names<'py>(row: &Any<'py>) -> PyResult<Bound<'py, PyTuple>> {
    Ok(keys(row)?.get().names(row.py()).clone())
}

fn tuple<'py>(row: &Any<'py>) -> PyResult<Bound<'py, PyTuple>> {
    let py = row.py();
    let value = |place| raw::row_value(row, place).unwrap_or_else(|| py.None().into_bound(py));
    PyTuple::new(py, (0..raw::row_len(row)).map(value))
}
