//! Owns what Python is told about an engine: a call for each finished statement, and the pool's
//! statistics as plain dictionaries. Never decides when: core's observer seam does. `engine` uses it.

use std::sync::{Mutex, PoisonError};

use gino_core::config::Endpoint;
use gino_core::engine::{
    self as core, ConnectionFigures, Observer, Observers, Outcome, QueryReport,
};
use gino_core::session::Status;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::driver::LoopRuntime;
use crate::errors;

/// A callback that is told of each finished statement, until this is ended.
#[pyclass(frozen, module = "gino._core")]
pub(crate) struct Observation {
    core: Mutex<Option<core::Observation>>,
}

impl Observation {
    pub(crate) fn begin(observers: &Observers, callback: Py<PyAny>) -> Observation {
        let core = observers.add(std::sync::Arc::new(Callback(callback)));
        Observation {
            core: Mutex::new(Some(core)),
        }
    }
}

#[pymethods]
impl Observation {
    fn end(&self) {
        let core = self
            .core
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(core) = core {
            core.end();
        }
    }
}

struct Callback(Py<PyAny>);

impl Observer for Callback {
    fn query(&self, query: &QueryReport<'_>) {
        Python::attach(|py| {
            if let Err(error) = self.call(py, query) {
                error.write_unraisable(py, Some(self.0.bind(py)));
            }
        });
    }
}

impl Callback {
    fn call(&self, py: Python<'_>, query: &QueryReport<'_>) -> PyResult<()> {
        let (rows, error, cancelled) = match query.outcome {
            Outcome::Done { rows } => (rows, None, false),
            Outcome::Failed(error) => (None, Some(errors::tell(py, error)), false),
            _ => (None, None, true),
        };
        let error = error.map(|error| error.into_value(py));
        let (host, port) = address(query.endpoint);
        let arguments = (
            query.sql,
            query.duration.as_secs_f64(),
            rows,
            error,
            cancelled,
            query.prepared,
            query.connection,
            host,
            port,
            query.database,
        );
        self.0.call1(py, arguments).map(drop)
    }
}

/// A host and a port, or a socket's path.
fn address(endpoint: &Endpoint) -> (&str, Option<u16>) {
    match endpoint {
        Endpoint::Tcp { host, port, .. } => (host, Some(*port)),
        Endpoint::Unix { path } => (path, None),
    }
}

/// Metrics and connections of a pool; of one that has done nothing if there is none.
///
/// # Errors
/// What making the dictionaries raises.
pub(crate) fn stats<'py>(
    py: Python<'py>,
    pool: Option<&core::Engine<LoopRuntime>>,
) -> PyResult<Bound<'py, PyDict>> {
    let metrics = pool.map_or_else(Default::default, core::Engine::metrics);
    let found = PyDict::new(py);
    found.set_item("opened", metrics.opened)?;
    found.set_item("closed", metrics.closed)?;
    found.set_item("reused", metrics.reused)?;
    found.set_item("waited", metrics.waited)?;
    found.set_item("wait_time", metrics.wait_time.as_secs_f64())?;
    found.set_item("timeouts", metrics.timeouts)?;
    found.set_item("failed_connects", metrics.failed_connects)?;
    found.set_item("health_checks", metrics.health_checks)?;
    found.set_item("resets", metrics.resets)?;
    let connections = PyList::empty(py);
    for figures in pool.map_or_else(Vec::new, core::Engine::connections) {
        connections.append(connection(py, &figures)?)?;
    }
    found.set_item("connections", connections)?;
    Ok(found)
}

fn connection<'py>(py: Python<'py>, figures: &ConnectionFigures) -> PyResult<Bound<'py, PyDict>> {
    let found = PyDict::new(py);
    found.set_item("number", figures.number)?;
    found.set_item("process", figures.process)?;
    found.set_item("address", figures.endpoint.to_string())?;
    found.set_item("age", figures.age.as_secs_f64())?;
    found.set_item("state", state(figures.status))?;
    found.set_item("in_flight", figures.in_flight)?;
    found.set_item("statements", figures.cache.size)?;
    found.set_item("statement_cache_size", figures.cache.capacity)?;
    found.set_item("statement_hits", figures.cache.hits)?;
    found.set_item("statement_misses", figures.cache.misses)?;
    let holder = figures.holder.as_ref().map(|holder| {
        let held = PyDict::new(py);
        held.set_item("caller", holder.caller.as_deref())?;
        held.set_item("place", holder.origin.as_ref().map(ToString::to_string))?;
        held.set_item("age", holder.age.as_secs_f64())?;
        held.set_item("last_sql", holder.last_sql.as_deref())?;
        PyResult::Ok(held)
    });
    found.set_item("holder", holder.transpose()?)?;
    Ok(found)
}

/// What the server last said, in one word or two.
pub(crate) fn state(status: Status) -> &'static str {
    match status {
        Status::Starting => "starting",
        Status::Idle => "idle",
        Status::InTransaction => "in transaction",
        Status::Failed => "failed",
        Status::Closed => "closed",
    }
}
