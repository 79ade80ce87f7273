//! Owns `__values__`, the live mapping over an instance's slots, and what instances do with it.
//! Never keeps a value: all of them live in the instance. Python code and pickling call it.

use pyo3::exceptions::{PyKeyError, PyTypeError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyString, PyTuple, PyType};

use crate::layout::Layout;
use crate::raw;

/// The values of an instance that are set, by attribute name.
#[pyclass(frozen, mapping, module = "gino._core")]
pub(crate) struct Values {
    instance: Py<PyAny>,
}

/// What the native base type of models does in safe Rust.
pub(crate) struct Methods;

impl raw::InstanceMethods for Methods {
    fn slots(class: &Bound<'_, PyType>) -> PyResult<usize> {
        Ok(Layout::of(class)?.map_or(0, |layout| layout.get().len(class.py())))
    }

    fn values<'py>(this: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let values = Values {
            instance: this.clone().unbind(),
        };
        Ok(Bound::new(this.py(), values)?.into_any())
    }

    fn getstate<'py>(this: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let dict = raw::state_dict(this).map(|dict| dict.copy()).transpose()?;
        let values = snapshot(this)?;
        Ok((dict, values).into_pyobject(this.py())?.into_any())
    }

    fn setstate<'py>(this: &Bound<'py, PyAny>, state: &Bound<'py, PyAny>) -> PyResult<()> {
        let (dict, values): (Option<Bound<'py, PyDict>>, Bound<'py, PyDict>) = state.extract()?;
        if let Some(dict) = dict {
            for (name, value) in dict.iter() {
                this.setattr(name.cast::<PyString>()?, value)?;
            }
        }
        for (name, value) in values.iter() {
            raw::put_slot(this, known(this, &name)?, value)?;
        }
        Ok(())
    }
}

#[pymethods]
impl Values {
    fn __len__(&self, py: Python<'_>) -> usize {
        let instance = self.instance.bind(py);
        (0..raw::slots(instance))
            .filter(|slot| raw::get_slot(instance, *slot).is_some())
            .count()
    }

    fn __contains__(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(value(self.instance.bind(key.py()), key)?.is_some())
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        snapshot(self.instance.bind(py))?.try_iter()
    }

    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        value(self.instance.bind(key.py()), key)?.ok_or_else(|| missing(key))
    }

    fn __setitem__(&self, key: &Bound<'_, PyAny>, value: Bound<'_, PyAny>) -> PyResult<()> {
        let instance = self.instance.bind(key.py());
        raw::put_slot(instance, known(instance, key)?, value)
    }

    fn __delitem__(&self, key: &Bound<'_, PyAny>) -> PyResult<()> {
        let instance = self.instance.bind(key.py());
        raw::take_slot(instance, known(instance, key)?)?
            .map(drop)
            .ok_or_else(|| missing(key))
    }

    fn __eq__<'py>(&self, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = other.py();
        let this = snapshot(self.instance.bind(py))?;
        match other.cast::<Values>() {
            Ok(other) => {
                let other = snapshot(other.get().instance.bind(py))?;
                this.rich_compare(other, pyo3::pyclass::CompareOp::Eq)
            }
            Err(_) => this.rich_compare(other, pyo3::pyclass::CompareOp::Eq),
        }
    }

    fn __repr__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        snapshot(self.instance.bind(py))?.repr()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.instance)
    }

    fn __copy__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        snapshot(self.instance.bind(py))
    }

    /// A dictionary of what is set now.
    fn copy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        snapshot(self.instance.bind(py))
    }

    /// The names of what is set.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        snapshot(self.instance.bind(py))?.call_method0("keys")
    }

    /// What is set.
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        snapshot(self.instance.bind(py))?.call_method0("values")
    }

    /// Names and values of what is set.
    fn items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        snapshot(self.instance.bind(py))?.call_method0("items")
    }

    /// The value called `key`, or `default`.
    #[pyo3(signature = (key, default = None, /))]
    fn get<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(value(self.instance.bind(key.py()), key)?.or(default))
    }

    /// Empties the slot called `key` and returns what was in it, or the default if one is given.
    #[pyo3(signature = (key, /, *default))]
    fn pop<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if default.len() > 1 {
            return Err(PyTypeError::new_err(
                "pop takes a key and at most one default",
            ));
        }
        let instance = self.instance.bind(key.py());
        if let Some(slot) = place(instance, key)?
            && let Some(value) = raw::take_slot(instance, slot)?
        {
            return Ok(value);
        }
        default.iter().next().ok_or_else(|| missing(key))
    }

    /// Empties the last slot that is set and returns its name and value.
    fn popitem<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let all = snapshot(self.instance.bind(py))?;
        match all.iter().last() {
            Some((key, value)) => {
                self.__delitem__(&key)?;
                Ok((key, value))
            }
            None => Err(PyKeyError::new_err("no value is set")),
        }
    }

    /// The value called `key`, which becomes `default` if it is not set.
    #[pyo3(signature = (key, default = None, /))]
    fn setdefault<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        if let Some(value) = value(self.instance.bind(py), key)? {
            return Ok(value);
        }
        let default = default.unwrap_or_else(|| py.None().into_bound(py));
        self.__setitem__(key, default.clone())?;
        Ok(default)
    }

    /// Sets what a mapping, an iterable of pairs and keywords say.
    #[pyo3(signature = (other = None, /, **named))]
    fn update<'py>(
        &self,
        py: Python<'py>,
        other: Option<&Bound<'py, PyAny>>,
        named: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<()> {
        let all = match other {
            Some(other) => py
                .get_type::<PyDict>()
                .call1((other,))?
                .cast_into::<PyDict>()?,
            None => PyDict::new(py),
        };
        if let Some(named) = named {
            all.update(named.as_mapping())?;
        }
        for (key, value) in all.iter() {
            self.__setitem__(&key, value)?;
        }
        Ok(())
    }

    /// Empties every slot.
    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        let instance = self.instance.bind(py);
        for slot in 0..raw::slots(instance) {
            raw::take_slot(instance, slot)?;
        }
        Ok(())
    }
}

/// The slot called `key`, if the instance has it.
fn place(instance: &Bound<'_, PyAny>, key: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
    match Layout::of(&instance.get_type())? {
        Some(layout) => layout.get().place(key),
        None => Ok(None),
    }
}

/// The slot called `key`.
fn known(instance: &Bound<'_, PyAny>, key: &Bound<'_, PyAny>) -> PyResult<usize> {
    place(instance, key)?.ok_or_else(|| missing(key))
}

fn value<'py>(
    instance: &Bound<'py, PyAny>,
    key: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(place(instance, key)?.and_then(|slot| raw::get_slot(instance, slot)))
}

fn missing(key: &Bound<'_, PyAny>) -> PyErr {
    PyKeyError::new_err(key.clone().unbind())
}

/// A dictionary of what is set now, in the order of the slots.
fn snapshot<'py>(instance: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    let py = instance.py();
    let all = PyDict::new(py);
    if let Some(layout) = Layout::of(&instance.get_type())? {
        for (slot, name) in layout.get().names(py).iter().enumerate() {
            if let Some(value) = raw::get_slot(instance, slot) {
                all.set_item(name, value)?;
            }
        }
    }
    Ok(all)
}
