//! Owns the waker of an awaitable: a counted reference to the object. May be cloned, woken and
//! dropped in any thread; what it wakes runs in the loop.

use std::task::{RawWaker, RawWakerVTable};

use pyo3::ffi;
use pyo3::prelude::*;

use super::{fields, notify};

pub(super) static WAKER: RawWakerVTable =
    RawWakerVTable::new(waker_clone, waker_wake, waker_wake_by_ref, waker_drop);

unsafe fn waker_clone(data: *const ()) -> RawWaker {
    Python::attach(|_| {
        // SAFETY: the waker holds a reference to the object, and we are attached.
        unsafe { ffi::Py_INCREF(data.cast_mut().cast()) };
        RawWaker::new(data, &WAKER)
    })
}

unsafe fn waker_wake(data: *const ()) {
    // SAFETY: consumes the waker's reference after waking.
    unsafe {
        waker_wake_by_ref(data);
        waker_drop(data);
    }
}

unsafe fn waker_wake_by_ref(data: *const ()) {
    Python::attach(|py| {
        // SAFETY: the waker holds a reference to a live waiter; no field reference is kept over `notify`.
        unsafe {
            let slf = data.cast_mut().cast();
            let waiter = fields(slf);
            match waiter.callback.take() {
                Some(callback) if !waiter.polling => notify(py, slf, callback, true),
                callback => {
                    waiter.callback = callback;
                    waiter.woken = true;
                }
            }
        }
    });
}

unsafe fn waker_drop(data: *const ()) {
    Python::attach(|_| {
        // SAFETY: gives back the waker's reference, attached.
        unsafe { ffi::Py_DECREF(data.cast_mut().cast()) };
    });
}
