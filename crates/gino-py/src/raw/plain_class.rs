//! Owns the making of instances without calling their class, value by value.
//! Never makes one of a class that overrides `__new__`. The sinks call it.

use pyo3::ffi::{self, PyTypeObject};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyType;

use super::array::Array;
use super::instance;

/// A class whose instances are made without calling it.
#[derive(Debug)]
pub(crate) struct PlainClass {
    class: Py<PyType>,
    slots: usize,
}

impl PlainClass {
    /// `class`, if it inherits from the base type and does not override `__new__`.
    pub(crate) fn new(class: &Bound<'_, PyType>, slots: usize) -> Option<PlainClass> {
        // SAFETY: a live type.
        let plain = unsafe { instance::is_plain(class.as_type_ptr()) };
        plain.then(|| PlainClass {
            class: class.clone().unbind(),
            slots,
        })
    }

    /// The same class.
    pub(crate) fn clone_ref(&self, py: Python<'_>) -> PlainClass {
        PlainClass {
            class: self.class.clone_ref(py),
            slots: self.slots,
        }
    }

    /// Shows the class to the garbage collector.
    pub(crate) fn traverse(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.class)
    }
}

/// An instance that is being filled: the garbage collector does not see it yet.
pub(crate) struct NewInstance<'py> {
    object: Bound<'py, PyAny>,
    array: Array,
}

impl<'py> NewInstance<'py> {
    /// An instance of `class` with nothing set.
    #[inline]
    pub(crate) fn new(py: Python<'py>, class: &PlainClass) -> PyResult<NewInstance<'py>> {
        let class_ptr = class.class.as_ptr().cast::<PyTypeObject>();
        // SAFETY: `PlainClass` holds a subtype of the base type.
        unsafe {
            let object = instance::allocate(class_ptr, class.slots);
            let object = Bound::from_owned_ptr_or_err(py, object)?;
            let array = instance::array_of(object.as_ptr());
            Ok(NewInstance { object, array })
        }
    }

    /// Sets slot `index`; nothing happens if there is no such slot.
    #[inline]
    pub(crate) fn put(&mut self, index: usize, value: Bound<'py, PyAny>) {
        if index < self.array.len()
            && let Ok(old) = self.array.replace(index, value.into_ptr())
        {
            // SAFETY: the place owned it, and nobody else sees this array yet.
            unsafe { ffi::Py_XDECREF(old) }
        }
    }

    /// The instance, now in the garbage collector's sight.
    #[inline]
    pub(crate) fn finish(self) -> Bound<'py, PyAny> {
        // SAFETY: it was allocated with a collector's header and is whole.
        unsafe { ffi::PyObject_GC_Track(self.object.as_ptr().cast()) }
        self.object
    }
}
