//! Owns what slots and columns are called: `Layout` for instances, `RowKeys` for rows.
//! Never holds a value. `values`, `row` and the plans use it.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};

use crate::raw;

/// The value slots of a model class: attribute names, in the order of the slots.
#[pyclass(frozen, module = "gino._core")]
pub(crate) struct Layout {
    /// The names, interned.
    #[pyo3(get)]
    names: Py<PyTuple>,
    places: Py<PyDict>,
}

#[pymethods]
impl Layout {
    #[new]
    fn new(names: &Bound<'_, PyAny>) -> PyResult<Layout> {
        let names = interned(names)?;
        let places = places(&names)?;
        Ok(Layout {
            names: names.unbind(),
            places: places.unbind(),
        })
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("Layout({})", self.names.bind(py).repr()?))
    }
}

impl Layout {
    /// The layout of `class`; None if it is abstract.
    pub(crate) fn of<'py>(class: &Bound<'py, PyType>) -> PyResult<Option<Bound<'py, Layout>>> {
        match class.getattr_opt(intern!(class.py(), "__layout__"))? {
            Some(layout) if !layout.is_none() => Ok(Some(layout.cast_into()?)),
            _ => Ok(None),
        }
    }

    /// How many slots there are.
    pub(crate) fn len(&self, py: Python<'_>) -> usize {
        self.names.bind(py).len()
    }

    /// The names in order.
    pub(crate) fn names<'py>(&self, py: Python<'py>) -> &Bound<'py, PyTuple> {
        self.names.bind(py)
    }

    /// The slot called `name`.
    pub(crate) fn place(&self, name: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
        match self.places.bind(name.py()).get_item(name)? {
            Some(place) => place.extract().map(Some),
            None => Ok(None),
        }
    }
}

/// What a row's values are called.
#[pyclass(frozen, module = "gino._core")]
pub(crate) struct RowKeys {
    names: Py<PyTuple>,
    /// Every key, names included, to its place.
    places: Py<PyDict>,
    /// The names that rows offer as attributes: those that are not methods of rows.
    attributes: Py<PyDict>,
}

#[pymethods]
impl RowKeys {
    #[new]
    #[pyo3(signature = (names, keys = None))]
    fn new(names: &Bound<'_, PyAny>, keys: Option<&Bound<'_, PyAny>>) -> PyResult<RowKeys> {
        let names = interned(names)?;
        RowKeys::named(&names, keys)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("RowKeys({})", self.names.bind(py).repr()?))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.places)?;
        visit.call(&self.attributes)?;
        visit.call(&self.names)
    }
}

impl RowKeys {
    /// Keys of columns called `names`, and further `keys` to positions.
    pub(crate) fn named(
        names: &Bound<'_, PyTuple>,
        keys: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<RowKeys> {
        let py = names.py();
        let places = places(names)?;
        let attributes = PyDict::new(py);
        let methods = raw::row_methods(py)?;
        for (name, place) in places.iter() {
            if !methods.contains(&name)? {
                attributes.set_item(name, place)?;
            }
        }
        if let Some(keys) = keys {
            places.update(keys.cast()?)?;
        }
        Ok(RowKeys {
            names: names.clone().unbind(),
            places: places.unbind(),
            attributes: attributes.unbind(),
        })
    }

    /// The names in order.
    pub(crate) fn names<'py>(&self, py: Python<'py>) -> &Bound<'py, PyTuple> {
        self.names.bind(py)
    }

    /// The place of `key`: itself if it is known, else what its `name` attribute names.
    pub(crate) fn place(&self, key: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
        let py = key.py();
        let places = self.places.bind(py);
        if let Some(place) = places.get_item(key)? {
            return place.extract().map(Some);
        }
        if key.is_instance_of::<PyString>() {
            return Ok(None);
        }
        match key.getattr_opt(intern!(py, "name"))? {
            Some(name) if name.is_instance_of::<PyString>() => match places.get_item(name)? {
                Some(place) => place.extract().map(Some),
                None => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// The place of the value that is the attribute `name`.
    pub(crate) fn attribute(&self, name: &Bound<'_, PyString>) -> PyResult<Option<usize>> {
        match self.attributes.bind(name.py()).get_item(name)? {
            Some(place) => place.extract().map(Some),
            None => Ok(None),
        }
    }
}

/// A tuple of interned strings: attribute access compares them by identity first.
fn interned<'py>(names: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyTuple>> {
    let py = names.py();
    let mut all = Vec::new();
    for name in names.try_iter()? {
        let name = name?;
        // A `str` subclass, such as SQLAlchemy's quoted_name, becomes a plain one.
        all.push(PyString::intern(py, name.cast::<PyString>()?.to_str()?));
    }
    PyTuple::new(py, all)
}

/// Names to places; the last of several equal names wins.
fn places<'py>(names: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyDict>> {
    let places = PyDict::new(names.py());
    for (place, name) in names.iter().enumerate() {
        places.set_item(name, place)?;
    }
    Ok(places)
}
