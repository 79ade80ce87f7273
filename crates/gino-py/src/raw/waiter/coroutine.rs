//! Owns the coroutine's side of an awaitable: polling, and what a task calls to drive or end it.

use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::task::{Context, Poll, RawWaker, Waker};

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::PyType;

use super::waker::WAKER;
use super::{fields, hooks};
use crate::raw::heap::{borrowed, object};

/// Polls once: `Ok(None)` is pending.
///
/// # Safety
/// As `fields`.
pub(super) unsafe fn poll(py: Python<'_>, slf: *mut PyObject) -> PyResult<Option<Py<PyAny>>> {
    // SAFETY: no reference is kept over the poll.
    let mut future = unsafe {
        let waiter = fields(slf);
        waiter.woken = false;
        if waiter.cancelled {
            return Err(cancelled(py));
        }
        if waiter.polling {
            return Err(PyRuntimeError::new_err(
                "this awaitable is being polled already",
            ));
        }
        let Some(future) = waiter.future.take() else {
            return Err(PyRuntimeError::new_err(
                "cannot reuse an already awaited awaitable",
            ));
        };
        if !waiter.started {
            waiter.started = true;
            waiter.home = Some((hooks()?.running_loop)(py)?);
        }
        waiter.polling = true;
        future
    };
    // SAFETY: a new reference for the waker, given back by its drop.
    let waker = unsafe {
        ffi::Py_INCREF(slf);
        Waker::from_raw(RawWaker::new(slf.cast_const().cast(), &WAKER))
    };
    // A panic must not cross into C.
    let polled = panic::catch_unwind(AssertUnwindSafe(|| {
        future.as_mut().poll(&mut Context::from_waker(&waker))
    }));
    drop(waker);
    let polled = polled.unwrap_or_else(|_| {
        Poll::Ready(Err(PyRuntimeError::new_err(
            "gino._core panicked; this is a bug of gino",
        )))
    });
    // SAFETY: as above.
    let waiter = unsafe { fields(slf) };
    waiter.polling = false;
    match polled {
        Poll::Ready(result) => {
            drop(future);
            result.map(Some)
        }
        Poll::Pending => {
            waiter.future = Some(future);
            Ok(None)
        }
    }
}

pub(super) fn cancelled(py: Python<'_>) -> PyErr {
    hooks().map_or_else(|error| error, |hooks| (hooks.cancelled_error)(py))
}

/// The next step: the object itself while pending, StopIteration with the value at the end.
pub(super) unsafe extern "C" fn step(slf: *mut PyObject) -> *mut PyObject {
    // SAFETY: a slot of this type; attached.
    unsafe {
        let py = Python::assume_attached();
        match poll(py, slf) {
            Ok(None) => {
                fields(slf).blocking = true;
                ffi::Py_NewRef(slf)
            }
            Ok(Some(value)) => {
                stop(py, value);
                ptr::null_mut()
            }
            Err(error) => {
                error.restore(py);
                ptr::null_mut()
            }
        }
    }
}

/// `am_send`: as `step`, without the detour over StopIteration.
pub(super) unsafe extern "C" fn send_slot(
    slf: *mut PyObject,
    _value: *mut PyObject,
    result: *mut *mut PyObject,
) -> ffi::PySendResult {
    // SAFETY: a slot of this type; attached; `result` is valid for writing.
    unsafe {
        let py = Python::assume_attached();
        match poll(py, slf) {
            Ok(None) => {
                fields(slf).blocking = true;
                *result = ffi::Py_NewRef(slf);
                ffi::PySendResult::PYGEN_NEXT
            }
            Ok(Some(value)) => {
                *result = value.into_ptr();
                ffi::PySendResult::PYGEN_RETURN
            }
            Err(error) => {
                error.restore(py);
                *result = ptr::null_mut();
                ffi::PySendResult::PYGEN_ERROR
            }
        }
    }
}

fn stop(py: Python<'_>, value: Py<PyAny>) {
    // A tuple or exception as value would be taken for the exception's arguments: wrap always.
    let stop = py
        .get_type::<pyo3::exceptions::PyStopIteration>()
        .call1((value,));
    match stop {
        Ok(stop) => PyErr::from_value(stop).restore(py),
        Err(error) => error.restore(py),
    }
}

pub(super) unsafe extern "C" fn itself(slf: *mut PyObject) -> *mut PyObject {
    // SAFETY: a slot of this type; attached.
    unsafe { ffi::Py_NewRef(slf) }
}

pub(super) unsafe extern "C" fn send(slf: *mut PyObject, _value: *mut PyObject) -> *mut PyObject {
    // SAFETY: as `step`.
    unsafe {
        let next = step(slf);
        if next.is_null() && ffi::PyErr_Occurred().is_null() {
            ffi::PyErr_SetNone(ffi::PyExc_StopIteration);
        }
        next
    }
}

/// Ends the future; the exception goes on.
pub(super) unsafe extern "C" fn throw(
    slf: *mut PyObject,
    args: *mut *mut PyObject,
    count: ffi::Py_ssize_t,
) -> *mut PyObject {
    // SAFETY: a method of this type; `args` holds `count` borrowed references.
    unsafe {
        object(|py| {
            finish(slf);
            if count < 1 {
                return Err(pyo3::exceptions::PyTypeError::new_err(
                    "throw() takes an exception",
                ));
            }
            let given = borrowed(py, *args);
            if let Ok(class) = given.cast::<PyType>() {
                let value = if count > 1 {
                    Some(borrowed(py, *args.add(1)))
                } else {
                    None
                };
                let made = match value {
                    Some(value) if value.is_instance(class)? => value,
                    Some(value) if !value.is_none() => class.call1((value,))?,
                    _ => class.call0()?,
                };
                return Err(PyErr::from_value(made));
            }
            Err(PyErr::from_value(given))
        })
    }
}

pub(super) unsafe extern "C" fn close(slf: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: a method of this type; attached.
    unsafe {
        finish(slf);
        ffi::Py_NewRef(ffi::Py_None())
    }
}

/// Drops the future, outside of any reference to the fields: dropping may wake and call out.
pub(super) unsafe fn finish(slf: *mut PyObject) {
    // SAFETY: as `fields`.
    let (future, callback) = unsafe {
        let waiter = fields(slf);
        waiter.started = true;
        (waiter.future.take(), waiter.callback.take())
    };
    drop(future);
    drop(callback);
}
