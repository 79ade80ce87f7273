//! Owns the public class Transaction: one that has begun.

use std::sync::Arc;
use std::time::Duration;

use gino_core::engine::{self as core, Limit, Scope, within};
use pyo3::prelude::*;

use crate::driver::{LoopRuntime, awaitable};
use crate::errors;
use crate::query::seconds;

/// A transaction or savepoint that has begun.
#[pyclass(frozen, module = "gino._core")]
pub(crate) struct Transaction {
    core: Arc<core::Transaction<LoopRuntime>>,
    scope: Scope,
    /// The engine's.
    command_timeout: Option<Duration>,
}

impl Transaction {
    pub(crate) fn new(
        begun: core::Transaction<LoopRuntime>,
        scope: Scope,
        command_timeout: Option<Duration>,
    ) -> Transaction {
        Transaction {
            core: Arc::new(begun),
            scope,
            command_timeout,
        }
    }

    fn end<'py>(
        &self,
        py: Python<'py>,
        commit: bool,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (core, scope, timeout) = (Arc::clone(&self.core), self.scope, seconds(timeout)?);
        let command_timeout = self.command_timeout;
        let future = async move {
            let runtime = core.seat().runtime().clone();
            let ended = if commit {
                let limit = scope.limit(&runtime, timeout, command_timeout);
                within(&runtime, limit, core.commit()).await
            } else {
                // Also when the time of the scope is over.
                let limit = Limit::within(&runtime, timeout);
                within(&runtime, limit, core.rollback()).await
            };
            Python::attach(|py| ended.map(|()| py.None()).map_err(|e| errors::raise(py, e)))
        };
        awaitable(py, Box::pin(future))
    }
}

#[pymethods]
impl Transaction {
    /// Whether this is a savepoint inside another transaction.
    #[getter]
    fn is_nested(&self) -> bool {
        self.core.is_nested()
    }

    #[getter]
    fn is_active(&self) -> bool {
        self.core.is_active()
    }

    #[pyo3(signature = (timeout = None))]
    fn commit<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> PyResult<Bound<'py, PyAny>> {
        self.end(py, true, timeout)
    }

    #[pyo3(signature = (timeout = None))]
    fn rollback<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> PyResult<Bound<'py, PyAny>> {
        self.end(py, false, timeout)
    }
}
