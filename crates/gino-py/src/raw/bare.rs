//! Owns the making of small value objects without running their `__init__`. Never makes one whose
//! memory needs a constructor. `python` calls it.

use pyo3::exceptions::PyTypeError;
use pyo3::ffi::{self, PyObject, PyTypeObject};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

/// An object of a class written in Python that has no base but `object`, with `fields` set past
/// its own `__setattr__`.
///
/// # Errors
/// `TypeError` if the class is of another kind, or what setting a field raises.
pub(crate) fn bare<'py>(
    class: &Bound<'py, PyType>,
    fields: &[(&Bound<'py, PyString>, &Bound<'py, PyAny>)],
) -> PyResult<Bound<'py, PyAny>> {
    let this = class.as_type_ptr();
    // SAFETY: a live type. Memory of such a class is `object`'s and slots that may be null, which
    // `tp_alloc` leaves zeroed; objects and names are alive.
    unsafe {
        let heap = ffi::PyType_HasFeature(this, ffi::Py_TPFLAGS_HEAPTYPE) != 0;
        let Some(allocate) = (*this)
            .tp_alloc
            .filter(|_| heap && (*this).tp_base == object_type())
        else {
            return Err(PyTypeError::new_err(
                "only a plain Python class can be made bare",
            ));
        };
        let made = Bound::from_owned_ptr_or_err(class.py(), allocate(this, 0))?;
        for (name, value) in fields {
            if ffi::PyObject_GenericSetAttr(made.as_ptr(), name.as_ptr(), value.as_ptr()) != 0 {
                return Err(PyErr::fetch(class.py()));
            }
        }
        Ok(made)
    }
}

fn object_type() -> *mut PyTypeObject {
    (&raw mut ffi::PyBaseObject_Type).cast::<PyObject>().cast()
}
