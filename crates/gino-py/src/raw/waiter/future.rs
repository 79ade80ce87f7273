//! Owns the Future's side of an awaitable: what a task asks of what it waits for.

use std::ffi::{c_int, c_void};

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

use super::coroutine::cancelled;
use super::{fields, hooks, notify};
use crate::raw::heap::{borrowed, object};

pub(super) unsafe extern "C" fn add_done_callback(
    slf: *mut PyObject,
    args: *const *mut PyObject,
    count: ffi::Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: a method of this type, METH_FASTCALL with keywords: `args` holds `count` positional
    // values, then one per name.
    unsafe {
        object(|py| {
            if count != 1 {
                let usage = "add_done_callback() takes a callback and context=";
                return Err(pyo3::exceptions::PyTypeError::new_err(usage));
            }
            let callback = borrowed(py, *args).unbind();
            let has_context = !names.is_null() && ffi::PyTuple_GET_SIZE(names) == 1;
            let context = has_context.then(|| borrowed(py, *args.add(1)).unbind());
            let waiter = fields(slf);
            if waiter.callback.is_some() {
                let usage = "two tasks cannot wait for one awaitable";
                return Err(PyRuntimeError::new_err(usage));
            }
            if waiter.woken || waiter.cancelled || waiter.future.is_none() {
                waiter.woken = false;
                notify(py, slf, (callback, context), false);
            } else {
                waiter.callback = Some((callback, context));
            }
            Ok(py.None().into_bound(py))
        })
    }
}

pub(super) unsafe extern "C" fn remove_done_callback(
    slf: *mut PyObject,
    callback: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: a method of this type; attached.
    unsafe {
        object(|py| {
            let waiter = fields(slf);
            let same = waiter
                .callback
                .as_ref()
                .is_some_and(|(c, _)| c.as_ptr() == callback);
            let removed = if same { waiter.callback.take() } else { None };
            let count = usize::from(removed.is_some());
            drop(removed);
            Ok(count.into_pyobject(py)?.into_any())
        })
    }
}

/// A task that is cancelled while it waits. The future ends now, the task hears of it in the loop's
/// next turn.
pub(super) unsafe extern "C" fn cancel(
    slf: *mut PyObject,
    _args: *const *mut PyObject,
    _count: ffi::Py_ssize_t,
    _names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: a method of this type; attached; no field reference is kept over drop or notify.
    unsafe {
        object(|py| {
            let (future, callback) = {
                let waiter = fields(slf);
                if waiter.cancelled || waiter.future.is_none() {
                    return Ok(false.into_pyobject(py)?.to_owned().into_any());
                }
                waiter.cancelled = true;
                (waiter.future.take(), waiter.callback.take())
            };
            drop(future);
            if let Some(callback) = callback {
                notify(py, slf, callback, false);
            }
            Ok(true.into_pyobject(py)?.to_owned().into_any())
        })
    }
}

/// What the task asks for when it is woken: only a cancellation is told here.
pub(super) unsafe extern "C" fn result(slf: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: a method of this type; attached.
    unsafe {
        object(|py| {
            if fields(slf).cancelled {
                return Err(cancelled(py));
            }
            Ok(py.None().into_bound(py))
        })
    }
}

pub(super) unsafe extern "C" fn done(slf: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: a method of this type; attached.
    unsafe { ffi::PyBool_FromLong(fields(slf).future.is_none().into()) }
}

pub(super) unsafe extern "C" fn was_cancelled(
    slf: *mut PyObject,
    _: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: a method of this type; attached.
    unsafe { ffi::PyBool_FromLong(fields(slf).cancelled.into()) }
}

pub(super) unsafe extern "C" fn get_loop(slf: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: a method of this type; attached.
    unsafe {
        object(|py| match &fields(slf).home {
            Some(home) => Ok(home.bind(py).clone()),
            None => Ok((hooks()?.running_loop)(py)?.into_bound(py)),
        })
    }
}

/// None unless the object was just yielded: else `asyncio.isfuture` would keep `gather` from starting it.
pub(super) unsafe extern "C" fn get_blocking(slf: *mut PyObject, _: *mut c_void) -> *mut PyObject {
    // SAFETY: a getter of this type; attached.
    unsafe {
        if fields(slf).blocking {
            ffi::PyBool_FromLong(1)
        } else {
            ffi::Py_NewRef(ffi::Py_None())
        }
    }
}

pub(super) unsafe extern "C" fn set_blocking(
    slf: *mut PyObject,
    value: *mut PyObject,
    _: *mut c_void,
) -> c_int {
    // SAFETY: a setter of this type; `value` is null for a deletion.
    unsafe { fields(slf).blocking = value == ffi::Py_True() };
    0
}
