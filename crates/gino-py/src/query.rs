//! Owns one run of a plan: what the public classes' `run` methods share. Never finds a connection.

use std::sync::Arc;
use std::time::Duration;

use gino_core::engine::{Limit, Seat, within};
use gino_core::session::Completion;
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
        let max_rows = if many { 0 } else { mode.max_rows() };
        let sql = plan.get().sql();
        let running = seat.run(sql, &params, Some(Box::new(sink)), max_rows);
        let done = within(seat.runtime(), limit, running).await;
        Python::attach(|py| match done {
            Ok(done) => finish(py, done),
            Err(error) => Err(errors::raise(py, error)),
        })
    }
}

fn finish(py: Python<'_>, done: Completion) -> PyResult<Py<PyAny>> {
    let sink = done
        .sink
        .and_then(|sink| sink.into_any().downcast::<PySink>().ok());
    match sink {
        Some(sink) => sink.finish(py, &done.tag).map(Bound::unbind),
        None => Ok(py.None()),
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
