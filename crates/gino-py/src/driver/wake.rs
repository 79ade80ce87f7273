//! Owns the wake-up of tasks: at once, from the callback that read the answer, where that is
//! possible; else by `call_soon`. Also the names of asyncio that the driver needs.

use std::cell::{Cell, RefCell};

use pyo3::exceptions::{PyKeyboardInterrupt, PySystemExit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString};

use crate::raw;

thread_local! {
    /// Whether a task may be run at once: only while the loop runs a callback of ours and no task.
    static DIRECT: Cell<bool> = const { Cell::new(false) };
    /// Whether the garbage collector is to be resumed.
    static PAUSED: Cell<bool> = const { Cell::new(false) };
    /// SystemExit or KeyboardInterrupt of a task that was run at once.
    static EXIT: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// Runs `body`, a callback of the loop, so that tasks it wakes are run at once. The garbage collector
/// waits meanwhile, but not while a task runs: rows that are being loaded are no garbage, and looking
/// through them again and again took a third of the time of a large result on Python 3.11.
///
/// # Errors
/// SystemExit or KeyboardInterrupt that such a task raised: the loop has to see it.
pub(super) fn with_direct_wake<T>(py: Python<'_>, body: impl FnOnce() -> T) -> PyResult<T> {
    let before = DIRECT.replace(true);
    let paused = raw::pause_gc(py);
    PAUSED.set(paused);
    let value = body();
    if PAUSED.replace(false) {
        raw::resume_gc(py);
    }
    DIRECT.set(before);
    match EXIT.take() {
        Some(exit) => Err(exit),
        None => Ok(value),
    }
}

/// Runs `callback(argument)` in `context`: at once if `direct` and nothing else runs, else in the
/// next turn of `home`.
pub(crate) fn notify(
    home: &Bound<'_, PyAny>,
    callback: &Bound<'_, PyAny>,
    context: Option<&Bound<'_, PyAny>>,
    argument: &Bound<'_, PyAny>,
    direct: bool,
) {
    if let Some(context) = context.filter(|_| direct && DIRECT.get()) {
        let py = home.py();
        DIRECT.set(false);
        if PAUSED.replace(false) {
            raw::resume_gc(py);
        }
        let called = raw::call_in_context(context, callback, argument);
        PAUSED.set(raw::pause_gc(py));
        DIRECT.set(true);
        if let Err(error) = called {
            if error.is_instance_of::<PySystemExit>(py)
                || error.is_instance_of::<PyKeyboardInterrupt>(py)
            {
                EXIT.set(Some(error));
            } else {
                error.write_unraisable(py, Some(callback));
            }
        }
        return;
    }
    // A loop that is closed runs no task any more: there is nobody to wake.
    let _ = call_soon(home, callback, context, argument);
}

fn call_soon(
    home: &Bound<'_, PyAny>,
    callback: &Bound<'_, PyAny>,
    context: Option<&Bound<'_, PyAny>>,
    argument: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let py = home.py();
    let kwargs = match context {
        Some(context) => {
            let kwargs = PyDict::new(py);
            kwargs.set_item(intern!(py, "context"), context)?;
            Some(kwargs)
        }
        None => None,
    };
    let name = call_soon_name(home)?;
    home.call_method(name, (callback, argument), kwargs.as_ref())
        .map(drop)
}

/// `call_soon` in the loop's own thread, `call_soon_threadsafe` elsewhere.
pub(super) fn call_soon_name<'py>(home: &Bound<'py, PyAny>) -> PyResult<&'py Bound<'py, PyString>> {
    let py = home.py();
    let here = current_loop(py)?.is_some_and(|running| running.is(home));
    Ok(if here {
        intern!(py, "call_soon")
    } else {
        intern!(py, "call_soon_threadsafe")
    })
}

fn current_loop(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    static GET: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let running = GET.import(py, "asyncio", "_get_running_loop")?.call0()?;
    Ok((!running.is_none()).then_some(running))
}

/// The loop that runs now.
///
/// # Errors
/// `RuntimeError` outside of one.
pub(crate) fn running_loop(py: Python<'_>) -> PyResult<Py<PyAny>> {
    static GET: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    Ok(GET
        .import(py, "asyncio", "get_running_loop")?
        .call0()?
        .unbind())
}

/// The task that runs now, if any does.
pub(super) fn current_task(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    static GET: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let Some(home) = current_loop(py)? else {
        return Ok(None);
    };
    let task = GET.import(py, "asyncio", "current_task")?.call1((home,))?;
    Ok((!task.is_none()).then_some(task))
}

/// A fresh `asyncio.CancelledError`.
pub(crate) fn cancelled_error(py: Python<'_>) -> PyErr {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    match CLASS
        .import(py, "asyncio", "CancelledError")
        .and_then(|class| class.call0())
    {
        Ok(error) => PyErr::from_value(error),
        Err(error) => error,
    }
}
