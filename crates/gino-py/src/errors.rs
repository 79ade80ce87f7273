//! Owns how errors of core become Python exceptions: a factory, set once by `gino.exceptions`, makes
//! them of a kind, a message and fields. Exceptions of Python code pass through unchanged.

use gino_core::error::{Closed, DbError, Deadline, Error, Leaf, RowError, UsageError};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

static FACTORY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Sets how native errors become exceptions: `factory(kind, message, fields)`. The first call counts.
#[pyfunction]
pub(crate) fn set_exceptions(py: Python<'_>, factory: Py<PyAny>) {
    let _ = FACTORY.set(py, factory);
}

/// The exception for `error`.
#[cold]
pub(crate) fn raise(py: Python<'_>, error: Error) -> PyErr {
    let message = error.to_string();
    let leaf = match error.into_leaf() {
        Leaf::Host(host) => match host.0.downcast::<PyErr>() {
            Ok(raised) => return *raised,
            Err(other) => return PyRuntimeError::new_err(other.to_string()),
        },
        leaf => leaf,
    };
    make(py, &leaf, &message).unwrap_or_else(|error| error)
}

/// The exception for `error`, for who is told of it besides its owner.
#[cold]
pub(crate) fn tell(py: Python<'_>, error: &Error) -> PyErr {
    match error.leaf() {
        Leaf::Host(host) => match host.0.downcast_ref::<PyErr>() {
            Some(raised) => raised.clone_ref(py),
            None => PyRuntimeError::new_err(host.to_string()),
        },
        leaf => make(py, leaf, &error.to_string()).unwrap_or_else(|error| error),
    }
}

fn make(py: Python<'_>, leaf: &Leaf, message: &str) -> PyResult<PyErr> {
    let fields = PyDict::new(py);
    let kind = match leaf {
        Leaf::Database(db) => {
            database(db, &fields)?;
            "Database"
        }
        Leaf::Closed(closed) => {
            fields.set_item("what", closed_name(closed))?;
            "Closed"
        }
        Leaf::Timeout(timeout) => {
            fields.set_item("deadline", deadline_name(timeout.deadline()))?;
            "Timeout"
        }
        leaf => kind(leaf),
    };
    let text = match leaf {
        Leaf::Database(db) => db.message(),
        _ => message,
    };
    match FACTORY.get(py) {
        Some(factory) => Ok(PyErr::from_value(
            factory.bind(py).call1((kind, text, fields))?,
        )),
        None => Ok(PyRuntimeError::new_err(format!("{kind}: {message}"))),
    }
}

fn kind(leaf: &Leaf) -> &'static str {
    match leaf {
        Leaf::Protocol(_) => "Protocol",
        Leaf::Connect(_) => "Connect",
        Leaf::Auth(_) => "Auth",
        Leaf::Codec(_) => "Codec",
        Leaf::Row(RowError::NoneFound) => "NoneFound",
        Leaf::Row(RowError::SeveralFound) => "SeveralFound",
        Leaf::Row(RowError::NoColumn(_)) => "NoSuchColumn",
        Leaf::Usage(usage) => match usage {
            UsageError::Config { .. } => "Config",
            UsageError::ParameterCount { .. } => "ParameterCount",
            UsageError::Released => "Released",
            UsageError::AlreadyReleased => "AlreadyReleased",
            UsageError::CursorOutsideTransaction => "CursorOutsideTransaction",
            UsageError::TransactionEnded | UsageError::SideBySide => "TransactionEnded",
            UsageError::TransactionBegun => "TransactionBegun",
            _ => "Usage",
        },
        _ => "Usage",
    }
}

/// Puts the server's fields into a dictionary, by name.
///
/// # Errors
/// What making their strings raises.
pub(crate) fn database(db: &DbError, fields: &Bound<'_, PyDict>) -> PyResult<()> {
    for (code, value) in db.fields() {
        if let Some(name) = DbError::field_name(code) {
            fields.set_item(name, value)?;
        }
    }
    fields.set_item("sqlstate", db.sqlstate())
}

fn closed_name(closed: &Closed) -> &'static str {
    match closed {
        Closed::Lost(_) => "lost",
        Closed::Connection => "connection",
        Closed::Pool => "pool",
    }
}

fn deadline_name(deadline: Deadline) -> &'static str {
    match deadline {
        Deadline::Connect => "connect",
        Deadline::Acquire => "acquire",
        Deadline::Statement => "statement",
        Deadline::Scope => "scope",
        Deadline::Close => "close",
    }
}
