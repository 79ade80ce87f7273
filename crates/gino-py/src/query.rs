//! Owns one run of a plan: what the public classes' `run` methods share. Never finds a connection.

use std::sync::Arc;
use std::time::Duration;

use gino_core::engine::{Limit, Seat};
use gino_core::session::{Completion, Sink};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::driver::LoopRuntime;
use crate::errors;
use crate::params::PyParams;
use crate::plan::Plan;
use crate::sink::{Mode, PySink};

/// A run of a plan, with everything but the connection.
pub(crate) struct Query {
    plan: Py<Plan>,
    params: PyParams,
    mode: Mode,
    many: bool,
    into: Option<Py<PyAny>>,
    pub(crate) timeout: Option<Duration>,
}

impl Query {
    /// Takes the arguments of `run`.
    ///
    /// # Errors
    /// What a bind processor raised; a mode or time-out that makes no sense.
    pub(crate) fn new(
        plan: Bound<'_, Plan>,
        args: &Bound<'_, PyAny>,
        mode: usize,
        timeout: Option<f64>,
        many: bool,
        into: Option<Py<PyAny>>,
    ) -> PyResult<Query> {
        let params = PyParams::new(plan.get(), args, many)?;
        let (mode, timeout) = (Mode::new(mode)?, seconds(timeout)?);
        Ok(Query {
            plan: plan.unbind(),
            params,
            mode,
            many,
            into,
            timeout,
        })
    }

    /// Runs it on `seat`.
    pub(crate) async fn run(
        self,
        seat: &Arc<Seat<LoopRuntime>>,
        limit: Option<Limit>,
    ) -> PyResult<Py<PyAny>> {
        let Query {
            plan,
            params,
            mode,
            many,
            into,
            ..
        } = self;
        let sink = Python::attach(|py| PySink::new(py, &plan, mode, into, many));
        let sink = Some(Box::new(sink) as Box<dyn Sink>);
        let max_rows = if many { 0 } else { mode.max_rows() };
        let sql = plan.get().sql();
        let done = seat.run_within(limit, sql, &params, sink, max_rows).await;
        let Completion {
            sink,
            tag,
            affected,
            ..
        } = done.map_err(|error| Python::attach(|py| errors::raise(py, error)))?;
        let Some(sink) = sink.and_then(|sink| sink.into_any().downcast::<PySink>().ok()) else {
            return Ok(Python::attach(|py| py.None()));
        };
        Python::attach(|py| sink.finish(py, &tag, affected).map(Bound::unbind))
    }
}

/// A time-out in seconds.
///
/// # Errors
/// `ValueError` for one that is negative or no number.
pub(crate) fn seconds(timeout: Option<f64>) -> PyResult<Option<Duration>> {
    let Some(timeout) = timeout else {
        return Ok(None);
    };
    match Duration::try_from_secs_f64(timeout) {
        Ok(duration) => Ok(Some(duration)),
        Err(_) if timeout == f64::INFINITY => Ok(None),
        Err(_) => Err(PyValueError::new_err(format!(
            "timeout={timeout}: seconds, not negative"
        ))),
    }
}
