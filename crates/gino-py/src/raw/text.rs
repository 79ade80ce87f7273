//! Owns the making of `str` from bytes without a check of our own. Never keeps anything.
//! `decode` calls it.

use pyo3::ffi;
use pyo3::prelude::*;

/// The `str` of UTF-8 `bytes`, which CPython checks while it copies them.
///
/// # Errors
/// `UnicodeDecodeError` if they are not UTF-8.
#[inline]
pub(crate) fn text<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    // A slice is never longer than `isize::MAX`.
    let len = ffi::Py_ssize_t::try_from(bytes.len())?;
    // SAFETY: pointer and length are those of a slice; the result is a new reference or null with
    // an exception set.
    unsafe {
        let made = ffi::PyUnicode_FromStringAndSize(bytes.as_ptr().cast(), len);
        Bound::from_owned_ptr_or_err(py, made)
    }
}
