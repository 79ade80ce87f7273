//! Owns the question from which line of the application a native method was called. Never keeps a
//! frame. `engine` asks when a connection is acquired.

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
        let code = frame.getattr(intern!(py, "f_code"))?;
        let file = code.getattr(intern!(py, "co_filename"))?;
        let file = file.cast::<PyString>()?.to_str()?;
        if !file.starts_with(package) {
            let line: u32 = frame.getattr(intern!(py, "f_lineno"))?.extract()?;
            return Ok(Some(Origin::Host(format!("{file}:{line}").into())));
        }
        frame = frame.getattr(intern!(py, "f_back"))?;
    }
    Ok(None)
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
