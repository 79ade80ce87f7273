//! Owns calls under a `contextvars.Context` and the reading of a context variable, without the
//! detour over Python methods.

use std::ptr;

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;

/// Calls `callback(argument)` with `context` entered, as `context.run` does.
///
/// # Errors
/// What the callback raised; `RuntimeError` if the context is entered already.
pub(crate) fn call_in_context(
    context: &Bound<'_, PyAny>,
    callback: &Bound<'_, PyAny>,
    argument: &Bound<'_, PyAny>,
) -> PyResult<()> {
    // SAFETY: attached, as the bound arguments show; enter checks the type of its argument and
    // fails with an exception for anything but a context. Enter and exit are paired.
    unsafe {
        let py = context.py();
        if ffi::PyContext_CheckExact(context.as_ptr()) == 0 {
            return Err(PyRuntimeError::new_err("not a context"));
        }
        if ffi::PyContext_Enter(context.as_ptr()) < 0 {
            return Err(PyErr::fetch(py));
        }
        let called = callback.call1((argument,));
        // An exception that is pending here would be lost: PyO3 has fetched it into `called`.
        if ffi::PyContext_Exit(context.as_ptr()) < 0 {
            return Err(PyErr::fetch(py));
        }
        called.map(drop)
    }
}

/// A context variable without a default.
pub(crate) fn new_context_var(
    py: Python<'_>,
    name: &'static std::ffi::CStr,
) -> PyResult<Py<PyAny>> {
    // SAFETY: attached; the name is zero-terminated; a new reference or null with an exception.
    unsafe {
        let made = ffi::PyContextVar_New(name.as_ptr(), ptr::null_mut());
        Ok(Bound::from_owned_ptr_or_err(py, made)?.unbind())
    }
}

/// The value of a variable made by [`new_context_var`] in the current context.
pub(crate) fn get_context_var<'py>(
    py: Python<'py>,
    variable: &Py<PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let mut value = ptr::null_mut();
    // SAFETY: attached; fails with an exception if it is no variable; `value` gets a new reference.
    unsafe {
        if ffi::PyContextVar_Get(variable.as_ptr(), ptr::null_mut(), &raw mut value) < 0 {
            return Err(PyErr::fetch(py));
        }
        Ok(Bound::from_owned_ptr_or_opt(py, value))
    }
}

/// Sets the variable in the current context.
pub(crate) fn set_context_var(variable: &Py<PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    // SAFETY: attached, as the bound value shows; the token is a new reference that we drop.
    unsafe {
        let token = ffi::PyContextVar_Set(variable.as_ptr(), value.as_ptr());
        Bound::from_owned_ptr_or_err(value.py(), token).map(drop)
    }
}
