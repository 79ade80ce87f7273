//! Owns the public class Handle: what a Connection, its copies and its cursors stand on.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gino_core::engine::{self as core, Limit};
use pyo3::prelude::*;

use crate::driver::LoopRuntime;
use crate::driver::stack::Spot;
use crate::errors;
use crate::pools::Pools;

/// What a Connection stands on: its place in the task's stack.
#[pyclass(frozen, module = "gino._core")]
pub(crate) struct Handle {
    pools: Arc<Pools>,
    pub(crate) core: Arc<core::Handle<LoopRuntime>>,
    spot: Mutex<Option<Spot>>,
}

impl Handle {
    pub(crate) fn new(pools: Arc<Pools>, core: Arc<core::Handle<LoopRuntime>>) -> Handle {
        Handle {
            pools,
            core,
            spot: Mutex::default(),
        }
    }

    pub(crate) fn put_spot(&self, spot: Spot) {
        *self.spot.lock().unwrap_or_else(PoisonError::into_inner) = Some(spot);
    }

    pub(crate) fn take_spot(&self) -> Option<Spot> {
        self.spot
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    pub(crate) fn runtime(&self) -> PyResult<LoopRuntime> {
        Python::attach(|py| self.pools.of_loop(py)).map(|pool| pool.runtime().clone())
    }

    /// How long a statement may take that is given no time by itself or its scope.
    pub(crate) fn command_timeout(&self) -> Option<Duration> {
        self.pools.command_timeout()
    }

    /// The limit for borrowing and running together, from now on.
    pub(crate) fn limit(&self, timeout: Option<Duration>) -> PyResult<Option<Limit>> {
        let (scope, engine) = (self.core.scope(), self.command_timeout());
        match timeout.or(scope.command_timeout).or(engine) {
            None => Ok(scope.deadline),
            timeout => Ok(scope.limit(&self.runtime()?, timeout, engine)),
        }
    }

    /// The limit for borrowing alone.
    pub(crate) fn borrowing(&self, timeout: Option<Duration>) -> PyResult<Option<Limit>> {
        match timeout {
            None => Ok(self.core.scope().deadline),
            timeout => Ok(self.core.scope().limit(&self.runtime()?, timeout, None)),
        }
    }

    /// Where requests run; borrows if need be.
    pub(crate) async fn seat(
        &self,
        limit: Option<Limit>,
    ) -> PyResult<Arc<core::Seat<LoopRuntime>>> {
        let seat = self.core.seat(limit).await;
        seat.map_err(|error| Python::attach(|py| errors::raise(py, error)))
    }
}
