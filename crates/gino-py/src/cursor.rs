//! Owns the public class Cursor: a server-side cursor that hands out objects one by one or in lists.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gino_core::engine::{self as core, Limit, within};
use gino_core::session::Completion;
use pyo3::exceptions::{PyRuntimeError, PyStopAsyncIteration};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::driver::{LoopRuntime, awaitable};
use crate::errors;
use crate::handle::Handle;
use crate::params::PyParams;
use crate::plan::Plan;
use crate::query::seconds;
use crate::sink::{Mode, PySink};

/// A server-side cursor. It begins on first use.
#[pyclass(frozen, module = "gino._core")]
pub(crate) struct Cursor {
    shared: Arc<Shared>,
}

struct Shared {
    handle: Py<Handle>,
    plan: Py<Plan>,
    params: PyParams,
    timeout: Option<Duration>,
    state: Mutex<Option<State>>,
}

/// Taken out while a fetch runs.
#[derive(Default)]
struct State {
    core: Option<core::Cursor<LoopRuntime>>,
    sink: Option<Box<PySink>>,
    ready: VecDeque<Py<PyAny>>,
}

impl Cursor {
    pub(crate) fn new(
        handle: Py<Handle>,
        plan: Bound<'_, Plan>,
        args: &Bound<'_, PyAny>,
        timeout: Option<Duration>,
    ) -> PyResult<Cursor> {
        let params = PyParams::new(plan.get(), args, false)?;
        let state = Mutex::new(Some(State::default()));
        Ok(Cursor {
            shared: Arc::new(Shared {
                handle,
                plan: plan.unbind(),
                params,
                timeout,
                state,
            }),
        })
    }

    /// An awaitable for one object; `end` makes what comes after the last.
    fn one<'py>(
        &self,
        py: Python<'py>,
        timeout: Option<f64>,
        end: fn(Python<'_>) -> PyResult<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (shared, timeout) = (Arc::clone(&self.shared), seconds(timeout)?);
        let future = async move {
            let mut state = shared.take()?;
            if state.state.ready.is_empty() {
                shared.fetch(&mut state.state, PREFETCH, timeout).await?;
            }
            match state.state.ready.pop_front() {
                Some(object) => Ok(object),
                None => Python::attach(end),
            }
        };
        awaitable(py, Box::pin(future))
    }
}

#[pymethods]
impl Cursor {
    #[pyo3(signature = (timeout = None))]
    fn next<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> PyResult<Bound<'py, PyAny>> {
        self.one(py, timeout, |py| Ok(py.None()))
    }

    #[pyo3(signature = (n, timeout = None))]
    fn many<'py>(
        &self,
        py: Python<'py>,
        n: u32,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (shared, timeout) = (Arc::clone(&self.shared), seconds(timeout)?);
        let future = async move {
            let mut taken = shared.take()?;
            let state = &mut taken.state;
            let wanted = usize::try_from(n).unwrap_or(usize::MAX);
            while state.ready.len() < wanted {
                let missing = u32::try_from(wanted - state.ready.len()).unwrap_or(u32::MAX);
                if !shared.fetch(state, missing, timeout).await? {
                    break;
                }
            }
            let count = wanted.min(state.ready.len());
            Python::attach(|py| {
                Ok(PyList::new(py, state.ready.drain(..count))?
                    .into_any()
                    .unbind())
            })
        };
        awaitable(py, Box::pin(future))
    }

    #[pyo3(signature = (n, timeout = None))]
    fn forward<'py>(
        &self,
        py: Python<'py>,
        n: u32,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (shared, timeout) = (Arc::clone(&self.shared), seconds(timeout)?);
        let future = async move {
            let mut taken = shared.take()?;
            let state = &mut taken.state;
            let ready = usize::try_from(n)
                .unwrap_or(usize::MAX)
                .min(state.ready.len());
            state.ready.drain(..ready);
            let skipped = u32::try_from(ready).unwrap_or(u32::MAX);
            let rest = match n - skipped {
                0 => 0,
                missing => shared.forward(state, missing, timeout).await?,
            };
            let total = rest + u64::from(skipped);
            Python::attach(|py| Ok(total.into_pyobject(py)?.into_any().unbind()))
        };
        awaitable(py, Box::pin(future))
    }

    #[pyo3(signature = (timeout = None))]
    fn close<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> PyResult<Bound<'py, PyAny>> {
        let (shared, timeout) = (Arc::clone(&self.shared), seconds(timeout)?);
        let future = async move {
            let mut taken = shared.take()?;
            shared.close(&mut taken.state, timeout).await?;
            Ok(Python::attach(|py| py.None()))
        };
        awaitable(py, Box::pin(future))
    }

    fn __aiter__(slf: Py<Cursor>) -> Py<Cursor> {
        slf
    }

    fn __anext__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.one(py, None, |_| Err(PyStopAsyncIteration::new_err(())))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> PyResult<Taken<'_>> {
        let state = self.lock().take();
        let state = state.ok_or_else(|| {
            PyRuntimeError::new_err("another task is fetching from this cursor: await it first")
        })?;
        Ok(Taken {
            shared: self,
            state,
        })
    }

    async fn open(&self, state: &mut State, limit: Option<Limit>) -> PyResult<()> {
        if state.core.is_none() {
            let seat = self.handle.get().seat(limit).await?;
            state.core = Some(core::Cursor::new(seat, self.plan.get().sql().clone()));
        }
        Ok(())
    }

    /// Fetches up to `count` rows; whether there may be more.
    async fn fetch(
        &self,
        state: &mut State,
        count: u32,
        timeout: Option<Duration>,
    ) -> PyResult<bool> {
        let limit = self.handle.get().limit(timeout.or(self.timeout))?;
        self.open(state, limit).await?;
        let Some(cursor) = &mut state.core else {
            return Ok(false);
        };
        let sink = state.sink.take().unwrap_or_else(|| {
            Python::attach(|py| Box::new(PySink::new(py, &self.plan, Mode::All, None, false)))
        });
        let runtime = cursor.seat().runtime().clone();
        let fetching = cursor.fetch(&self.params, count, Some(sink));
        let done = within(&runtime, limit, fetching).await;
        let done = done.map_err(|error| Python::attach(|py| errors::raise(py, error)))?;
        let Some(Completion {
            sink: Some(sink),
            suspended,
            ..
        }) = done
        else {
            return Ok(false);
        };
        if let Ok(mut sink) = sink.into_any().downcast::<PySink>() {
            Python::attach(|py| {
                let list = sink.take_list(py);
                state.ready.extend(list.iter().map(Bound::unbind));
            });
            state.sink = Some(sink);
        }
        Ok(suspended)
    }

    async fn forward(
        &self,
        state: &mut State,
        count: u32,
        timeout: Option<Duration>,
    ) -> PyResult<u64> {
        let limit = self.handle.get().limit(timeout.or(self.timeout))?;
        self.open(state, limit).await?;
        let Some(cursor) = &mut state.core else {
            return Ok(0);
        };
        let runtime = cursor.seat().runtime().clone();
        let moved = within(&runtime, limit, cursor.forward(&self.params, count)).await;
        moved.map_err(|error| Python::attach(|py| errors::raise(py, error)))
    }

    async fn close(&self, state: &mut State, timeout: Option<Duration>) -> PyResult<()> {
        let limit = self.handle.get().limit(timeout.or(self.timeout))?;
        let ready = std::mem::take(&mut state.ready);
        Python::attach(|_| drop(ready));
        let Some(cursor) = &mut state.core else {
            return Ok(());
        };
        let runtime = cursor.seat().runtime().clone();
        let closed = within(&runtime, limit, cursor.close()).await;
        closed.map_err(|error| Python::attach(|py| errors::raise(py, error)))
    }
}

/// The cursor's state in one fetch's hands.
struct Taken<'a> {
    shared: &'a Shared,
    state: State,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        *self.shared.lock() = Some(std::mem::take(&mut self.state));
    }
}

/// How many rows are fetched at once when they are asked for one by one, as asyncpg does.
const PREFETCH: u32 = 50;
