//! Owns the array of values at the end of an object: null where nothing is set.
//! Never knows which type the object has. `instance` and `row` call it.

use std::ffi::{c_int, c_void};
use std::ptr;

use pyo3::ffi::{self, Py_ssize_t, PyObject, visitproc};

/// The array of one object.
#[derive(Clone, Copy)]
pub(super) struct Array {
    start: *mut *mut PyObject,
    len: usize,
}

impl Array {
    /// The array of `len` pointers at `start`.
    ///
    /// # Safety
    /// `start` points to `len` pointers that are null or own a reference, for as long as the
    /// array is used.
    #[inline]
    pub(super) unsafe fn new(start: *mut *mut PyObject, len: Py_ssize_t) -> Array {
        Array {
            start,
            len: usize::try_from(len).unwrap_or(0),
        }
    }

    #[inline]
    pub(super) fn len(self) -> usize {
        self.len
    }

    /// The value at `index`, borrowed; null if it is not set or there is no such place.
    #[inline]
    pub(super) fn get(self, index: usize) -> *mut PyObject {
        if index < self.len {
            // SAFETY: within the array, see `new`.
            unsafe { *self.start.add(index) }
        } else {
            ptr::null_mut()
        }
    }

    /// Puts an owned reference (or null) in place of another, which the caller has to drop: that
    /// may run any code, which must find the array whole.
    #[inline]
    pub(super) fn replace(self, index: usize, value: *mut PyObject) -> Result<*mut PyObject, Full> {
        if index >= self.len {
            return Err(Full);
        }
        // SAFETY: within the array, see `new`.
        Ok(unsafe { self.start.add(index).replace(value) })
    }

    /// Sets every place to null, without dropping what is there: for memory fresh from the
    /// allocator.
    #[inline]
    pub(super) fn reset(self) {
        // SAFETY: the array's own memory, see `new`.
        unsafe { ptr::write_bytes(self.start, 0, self.len) }
    }

    /// Drops every value.
    ///
    /// # Safety
    /// The caller is attached to the interpreter.
    pub(super) unsafe fn clear(self) {
        for index in 0..self.len {
            // SAFETY: within the array; the place is null before its value is dropped.
            unsafe { ffi::Py_XDECREF(self.start.add(index).replace(ptr::null_mut())) }
        }
    }

    /// Shows every value to the garbage collector.
    ///
    /// # Safety
    /// Called from a `tp_traverse` with its arguments.
    pub(super) unsafe fn traverse(self, visit: visitproc, arg: *mut c_void) -> c_int {
        for index in 0..self.len {
            let value = self.get(index);
            if !value.is_null() {
                // SAFETY: a live object, and CPython's own visitor.
                let stop = unsafe { visit(value, arg) };
                if stop != 0 {
                    return stop;
                }
            }
        }
        0
    }
}

/// There is no such place in the array.
#[derive(Debug)]
pub(super) struct Full;
