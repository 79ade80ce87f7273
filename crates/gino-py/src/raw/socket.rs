//! Owns the taking over of a file descriptor from a Python socket.

use std::os::fd::{FromRawFd, OwnedFd};

use pyo3::prelude::*;

/// The descriptor of a `socket.socket`, which no longer has it afterwards.
///
/// # Errors
/// What `detach` raises.
pub(crate) fn detach_socket(socket: &Bound<'_, PyAny>) -> PyResult<OwnedFd> {
    let number: i32 = socket.call_method0("detach")?.extract()?;
    if number < 0 {
        return Err(pyo3::exceptions::PyOSError::new_err("the socket is closed"));
    }
    // SAFETY: `detach` gave up the descriptor, which is open (not negative) and ours alone now.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}
