//! Owns the life cycle of an awaitable: garbage collection, the warning for a forgotten `await`, the end.

use std::ffi::{c_int, c_void};
use std::ptr;

use pyo3::exceptions::PyRuntimeWarning;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

use super::coroutine::finish;
use super::{Waiter, fields};

pub(super) unsafe extern "C" fn traverse(
    slf: *mut PyObject,
    visit: ffi::visitproc,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: called by the collector on a live object; only visits.
    unsafe {
        let waiter = fields(slf);
        let (callback, context) = match &waiter.callback {
            Some((callback, context)) => (Some(callback), context.as_ref()),
            None => (None, None),
        };
        for held in [callback, context, waiter.home.as_ref()]
            .into_iter()
            .flatten()
        {
            let outcome = visit(held.as_ptr(), arg);
            if outcome != 0 {
                return outcome;
            }
        }
        visit(ffi::Py_TYPE(slf).cast(), arg)
    }
}

pub(super) unsafe extern "C" fn clear(slf: *mut PyObject) -> c_int {
    // SAFETY: as `finish`.
    unsafe {
        finish(slf);
        drop(fields(slf).home.take());
    }
    0
}

/// As for a coroutine: forgetting `await` is told.
pub(super) unsafe extern "C" fn finalize(slf: *mut PyObject) {
    // SAFETY: called once before deallocation, attached; the error indicator is kept as it was.
    unsafe {
        if !fields(slf).started {
            let py = Python::assume_attached();
            let before = PyErr::take(py);
            let category = py.get_type::<PyRuntimeWarning>();
            let text = c"a database operation was never awaited";
            if let Err(error) = PyErr::warn(py, &category, text, 1) {
                error.write_unraisable(py, None);
            }
            if let Some(before) = before {
                before.restore(py);
            }
        }
    }
}

pub(super) unsafe extern "C" fn dealloc(slf: *mut PyObject) {
    // SAFETY: the last reference is gone. Finalizers run first and may resurrect; then the fields are
    // dropped in place, once, and the memory goes back to where `PyType_GenericAlloc` took it from.
    unsafe {
        if ffi::PyObject_CallFinalizerFromDealloc(slf) < 0 {
            return;
        }
        ffi::PyObject_GC_UnTrack(slf.cast());
        let waiter = slf.cast::<Waiter>();
        finish(slf);
        ptr::drop_in_place(&raw mut (*waiter).future);
        ptr::drop_in_place(&raw mut (*waiter).callback);
        ptr::drop_in_place(&raw mut (*waiter).home);
        let class = ffi::Py_TYPE(slf);
        ffi::PyObject_GC_Del(slf.cast());
        ffi::Py_DECREF(class.cast());
    }
}
