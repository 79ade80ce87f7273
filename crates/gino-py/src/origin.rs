//! Owns the question from which line of the application a native method was called, or at which a task
//! waits. Never keeps a frame. `engine` asks when a connection is acquired, the driver for messages.

use std::sync::Arc;

use gino_core::engine::Origin;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;

/// The innermost line outside of the package, as `file:line`; none when there is no such line.
///
/// # Errors
/// What looking at frames raises.
pub(crate) fn of_caller(py: Python<'_>) -> PyResult<Option<Origin>> {
    static FRAME: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let package = package(py)?;
    let mut frame = FRAME.import(py, "sys", "_getframe")?.call0()?;
    for _ in 0..DEPTH {
        if frame.is_none() {
            break;
        }
        if let Some(line) = line(&frame, package)? {
            return Ok(Some(Origin::Host(line)));
        }
        frame = frame.getattr(intern!(py, "f_back"))?;
    }
    Ok(None)
}

/// The innermost line outside of the package at which a suspended task waits, as `file:line`.
///
/// # Errors
/// What looking at coroutines raises.
pub(crate) fn of_task(task: &Bound<'_, PyAny>) -> PyResult<Option<Arc<str>>> {
    let py = task.py();
    let package = package(py)?;
    let mut awaited = task.call_method0(intern!(py, "get_coro"))?;
    let mut found = None;
    // Coroutines, generators and asynchronous generators have their own names for the same.
    for _ in 0..CHAIN {
        let of = |names: [&str; 3]| names.iter().find_map(|name| awaited.getattr(*name).ok());
        if let Some(frame) = of(["cr_frame", "gi_frame", "ag_frame"]).filter(|f| !f.is_none()) {
            found = line(&frame, package)?.or(found);
        }
        match of(["cr_await", "gi_yieldfrom", "ag_await"]).filter(|next| !next.is_none()) {
            Some(next) => awaited = next,
            None => break,
        }
    }
    Ok(found)
}

/// The line that `frame` is at, if it is outside of the package.
fn line(frame: &Bound<'_, PyAny>, package: &str) -> PyResult<Option<Arc<str>>> {
    let py = frame.py();
    let code = frame.getattr(intern!(py, "f_code"))?;
    let file = code.getattr(intern!(py, "co_filename"))?;
    let file = file.cast::<PyString>()?.to_str()?;
    if file.starts_with(package) {
        return Ok(None);
    }
    let line: u32 = frame.getattr(intern!(py, "f_lineno"))?.extract()?;
    Ok(Some(format!("{file}:{line}").into()))
}

/// The directory of the package's own files, with a separator at its end.
fn package(py: Python<'_>) -> PyResult<&'static str> {
    static DIRECTORY: PyOnceLock<String> = PyOnceLock::new();
    let found = DIRECTORY.get_or_try_init(py, || {
        let file: String = py.import("gino")?.getattr("__file__")?.extract()?;
        let end = file.rfind(['/', '\\']).map_or(0, |at| at + 1);
        PyResult::Ok(file.get(..end).unwrap_or_default().to_owned())
    })?;
    Ok(found)
}

/// How many frames of the package there may be between an application and the driver.
const DEPTH: usize = 16;

/// How many coroutines that await each other are looked at.
const CHAIN: usize = 1000;
