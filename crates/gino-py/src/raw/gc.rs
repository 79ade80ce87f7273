//! Owns the pausing of the cyclic garbage collector.

use pyo3::ffi;
use pyo3::prelude::*;

/// Keeps the collector from running. True if it would have run else: then [`resume_gc`] is owed.
pub(crate) fn pause_gc(_py: Python<'_>) -> bool {
    // SAFETY: attached, as the token shows; the call only sets a flag.
    unsafe { ffi::PyGC_Disable() == 1 }
}

/// Undoes [`pause_gc`].
pub(crate) fn resume_gc(_py: Python<'_>) {
    // SAFETY: as above.
    unsafe { ffi::PyGC_Enable() };
}
