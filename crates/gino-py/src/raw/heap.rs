//! Owns the making of heap types, and the bridge from slot functions to safe Rust.
//! Never knows what a type is for. `instance`, `attribute` and `row` call it.

use std::ffi::{CStr, c_int, c_uint, c_void};
use std::ptr;

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::PyType;

/// What a new type is made of.
pub(super) struct Spec {
    /// The dotted name.
    pub(super) name: &'static CStr,
    /// The size of an object without its array.
    pub(super) size: usize,
    /// The size of an element of its array, 0 if it has none.
    pub(super) item: usize,
    /// Type flags on top of the default ones.
    pub(super) flags: std::ffi::c_ulong,
}

/// Makes a type that lives as long as the process.
///
/// # Safety
/// Each slot's function has the signature that CPython gives to that slot and fits the object
/// layout that `spec` describes; arrays among the slots end with a zeroed element and are static.
pub(super) unsafe fn make(
    py: Python<'_>,
    spec: &Spec,
    slots: &[(c_int, *mut c_void)],
) -> PyResult<Py<PyType>> {
    let mut table: Vec<ffi::PyType_Slot> = slots
        .iter()
        .map(|&(slot, pfunc)| ffi::PyType_Slot { slot, pfunc })
        .collect();
    table.push(ffi::PyType_Slot {
        slot: 0,
        pfunc: ptr::null_mut(),
    });
    let flags = ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_HAVE_GC | spec.flags;
    let mut spec = ffi::PyType_Spec {
        name: spec.name.as_ptr(),
        basicsize: c_int::try_from(spec.size)?,
        itemsize: c_int::try_from(spec.item)?,
        flags: c_uint::try_from(flags)?,
        slots: table.as_mut_ptr(),
    };
    // SAFETY: `spec` and `table` live until the call returns, CPython copies what it keeps; the
    // result is a new reference to a type object, or null with an exception set.
    unsafe {
        let made = Bound::from_owned_ptr_or_err(py, ffi::PyType_FromSpec(&raw mut spec))?;
        Ok(made.cast_into_unchecked::<PyType>().unbind())
    }
}

/// Runs `body` for a slot that returns an object: a new reference, or null and an exception.
///
/// # Safety
/// The caller is attached to the interpreter.
pub(super) unsafe fn object(
    body: impl for<'py> FnOnce(Python<'py>) -> PyResult<Bound<'py, PyAny>>,
) -> *mut PyObject {
    // SAFETY: attached, says the caller.
    let py = unsafe { Python::assume_attached() };
    match body(py) {
        Ok(value) => value.into_ptr(),
        Err(error) => {
            error.restore(py);
            ptr::null_mut()
        }
    }
}

/// Runs `body` for a slot that returns a number, -1 for an exception.
///
/// # Safety
/// The caller is attached to the interpreter.
pub(super) unsafe fn number<T: From<i8>>(body: impl FnOnce(Python<'_>) -> PyResult<T>) -> T {
    // SAFETY: attached, says the caller.
    let py = unsafe { Python::assume_attached() };
    match body(py) {
        Ok(value) => value,
        Err(error) => {
            error.restore(py);
            T::from(-1)
        }
    }
}

/// A borrowed argument of a slot function.
///
/// # Safety
/// `object` is not null and outlives `'py`.
pub(super) unsafe fn borrowed<'py>(py: Python<'py>, object: *mut PyObject) -> Bound<'py, PyAny> {
    // SAFETY: not null and alive, says the caller.
    unsafe { Bound::from_borrowed_ptr(py, object) }
}
