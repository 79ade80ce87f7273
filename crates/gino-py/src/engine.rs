//! Owns the public class Engine: one configuration and a pool for each event loop that uses it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gino_core::engine::{self as core, AcquireOptions, Limit};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::config::Config;
use crate::connection::Handle;
use crate::driver::stack::{self, Entry};
use crate::driver::{LoopRuntime, awaitable, wake};
use crate::errors;
use crate::plan::Plan;
use crate::query::{Query, seconds};

/// Pools of connections, one for each running event loop, over one configuration.
#[pyclass(frozen, module = "gino._core")]
pub(crate) struct Engine {
    shared: Arc<Shared>,
}

/// What awaitables keep of an engine.
pub(crate) struct Shared {
    config: Arc<gino_core::config::Config>,
    connection_class: Py<PyAny>,
    pools: Mutex<Pools>,
}

#[derive(Default)]
struct Pools {
    open: Vec<core::Engine<LoopRuntime>>,
    closed: bool,
}

#[pymethods]
impl Engine {
    #[new]
    fn new(config: &Bound<'_, Config>, connection_class: Py<PyAny>) -> Engine {
        let config = Arc::clone(&config.get().core);
        Engine {
            shared: Arc::new(Shared {
                config,
                connection_class,
                pools: Mutex::default(),
            }),
        }
    }

    /// Opens `min_size` connections in the running loop's pool.
    fn open<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let shared = Arc::clone(&self.shared);
        let future = async move {
            let pool = Python::attach(|py| shared.pool(py))?;
            let opened = pool.warm_up().await;
            Python::attach(|py| opened.map(|()| py.None()).map_err(|e| errors::raise(py, e)))
        };
        awaitable(py, Box::pin(future))
    }

    #[pyo3(signature = (plan, args, mode, timeout = None, many = false, into = None))]
    #[expect(clippy::too_many_arguments, reason = "Python's keyword arguments")]
    fn run<'py>(
        &self,
        py: Python<'py>,
        plan: Bound<'py, Plan>,
        args: &Bound<'py, PyAny>,
        mode: usize,
        timeout: Option<f64>,
        many: bool,
        into: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let query = Query::new(plan, args, mode, timeout, many, into)?;
        let shared = Arc::clone(&self.shared);
        awaitable(py, Box::pin(async move { shared.run(query).await }))
    }

    #[pyo3(signature = (timeout = None, reuse = false, lazy = false, reusable = true))]
    fn acquire<'py>(
        &self,
        py: Python<'py>,
        timeout: Option<f64>,
        reuse: bool,
        lazy: bool,
        reusable: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (shared, timeout) = (Arc::clone(&self.shared), seconds(timeout)?);
        awaitable(
            py,
            Box::pin(async move {
                let (pool, newest) =
                    Python::attach(|py| PyResult::Ok((shared.pool(py)?, shared.newest(py)?)))?;
                let limit = Limit::within(pool.runtime(), timeout);
                let options = AcquireOptions {
                    reuse,
                    lazy,
                    reusable,
                    limit,
                };
                let handle = pool.handle(newest.as_deref(), options).await;
                Python::attach(|py| {
                    let handle = Arc::new(handle.map_err(|error| errors::raise(py, error))?);
                    shared.connection(py, handle)
                })
            }),
        )
    }

    /// The current task's newest reusable connection.
    fn current(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        stack::newest(py, self.shared.id(), |entry| entry.connection.clone_ref(py))
    }

    #[pyo3(signature = (grace = None))]
    fn close<'py>(&self, py: Python<'py>, grace: Option<f64>) -> PyResult<Bound<'py, PyAny>> {
        let shared = Arc::clone(&self.shared);
        let grace = seconds(grace)?.unwrap_or(GRACE);
        let future = async move {
            let pool = Python::attach(|py| {
                let own = shared.pool_if_any(py)?;
                shared.lock().closed = true;
                PyResult::Ok(own)
            })?;
            let Some(pool) = pool else {
                return Ok(Python::attach(|py| py.None()));
            };
            let closed = pool.close(grace).await;
            Python::attach(|py| closed.map(|()| py.None()).map_err(|e| errors::raise(py, e)))
        };
        awaitable(py, Box::pin(future))
    }

    fn terminate(&self) {
        let pools = {
            let mut pools = self.shared.lock();
            pools.closed = true;
            std::mem::take(&mut pools.open)
        };
        pools.iter().for_each(core::Engine::terminate);
    }

    #[getter]
    fn figures<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let config = &self.shared.config;
        let empty = core::Figures {
            max: config.max_size,
            min: config.min_size,
            size: 0,
            in_use: 0,
            idle: 0,
            waiting: 0,
        };
        let pool = self.shared.pool_if_any(py)?;
        let figures = pool.map_or(empty, |pool| pool.figures());
        let named = PyDict::new(py);
        named.set_item("max", figures.max)?;
        named.set_item("min", figures.min)?;
        named.set_item("size", figures.size)?;
        named.set_item("in_use", figures.in_use)?;
        named.set_item("idle", figures.idle)?;
        named.set_item("waiting", figures.waiting)?;
        Ok(named)
    }

    #[getter]
    fn is_closed(&self) -> bool {
        self.shared.lock().closed
    }
}

impl Shared {
    /// What the task stacks know the engine by.
    pub(crate) fn id(self: &Arc<Self>) -> usize {
        Arc::as_ptr(self).addr()
    }

    fn lock(&self) -> MutexGuard<'_, Pools> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn newest(
        self: &Arc<Self>,
        py: Python<'_>,
    ) -> PyResult<Option<Arc<core::Handle<LoopRuntime>>>> {
        stack::newest(py, self.id(), |entry| Arc::clone(&entry.handle))
    }

    /// The running loop's pool, if it has one.
    fn pool_if_any(&self, py: Python<'_>) -> PyResult<Option<core::Engine<LoopRuntime>>> {
        let Ok(home) = wake::running_loop(py) else {
            return Ok(None);
        };
        let pools = self.lock();
        Ok(pools
            .open
            .iter()
            .find(|pool| pool.runtime().home().is(&home))
            .cloned())
    }

    /// The running loop's pool, made if need be. Pools of loops that are closed go.
    pub(crate) fn pool(&self, py: Python<'_>) -> PyResult<core::Engine<LoopRuntime>> {
        let home = wake::running_loop(py)?;
        {
            let pools = self.lock();
            if let Some(pool) = pools
                .open
                .iter()
                .find(|pool| pool.runtime().home().is(&home))
            {
                return Ok(pool.clone());
            }
            if pools.closed {
                return Err(errors::raise(py, gino_core::error::Closed::Pool.into()));
            }
        }
        let made = core::Engine::new(Arc::clone(&self.config), LoopRuntime::new(home));
        let mut dead = Vec::new();
        for pool in self.lock().open.clone() {
            if pool
                .runtime()
                .home()
                .call_method0(py, "is_closed")?
                .is_truthy(py)?
            {
                dead.push(pool);
            }
        }
        let mut pools = self.lock();
        pools.open.retain(|pool| {
            !dead
                .iter()
                .any(|gone| gone.runtime().home().is(pool.runtime().home()))
        });
        pools.open.push(made.clone());
        drop(pools);
        dead.iter().for_each(core::Engine::terminate);
        Ok(made)
    }

    async fn run(self: Arc<Self>, query: Query) -> PyResult<Py<PyAny>> {
        let (pool, newest) = Python::attach(|py| PyResult::Ok((self.pool(py)?, self.newest(py)?)))?;
        let timeout = query.timeout.or(self.config.command_timeout);
        let limit = Limit::within(pool.runtime(), timeout);
        if let Some(handle) = newest {
            let seat = handle.seat(limit).await;
            let seat = seat.map_err(|error| Python::attach(|py| errors::raise(py, error)))?;
            return query.run(&seat, limit).await;
        }
        let lease = match pool.try_acquire() {
            Some(lease) => lease,
            None => match pool.acquire(limit).await {
                Ok(lease) => lease,
                Err(error) => return Err(Python::attach(|py| errors::raise(py, error))),
            },
        };
        let done = query.run(lease.seat(), limit).await;
        lease.release().await;
        done
    }

    /// The public object for a handle, on its task's stack if it is reusable.
    fn connection(
        self: &Arc<Self>,
        py: Python<'_>,
        handle: Arc<core::Handle<LoopRuntime>>,
    ) -> PyResult<Py<PyAny>> {
        let public = Py::new(py, Handle::new(Arc::clone(self), Arc::clone(&handle)))?;
        let connection = self.connection_class.call1(py, (public.clone_ref(py),))?;
        if handle.is_reusable() {
            let entry = Entry {
                handle,
                connection: connection.clone_ref(py),
            };
            match stack::push(py, self.id(), entry)? {
                Some(spot) => public.get().put_spot(spot),
                None => {
                    let reason = "a reusable connection belongs to a task: acquire it in one";
                    return Err(PyRuntimeError::new_err(reason));
                }
            }
        }
        Ok(connection)
    }

    /// The default for statements that are given no time-out, in seconds.
    pub(crate) fn command_timeout(&self) -> Option<Duration> {
        self.config.command_timeout
    }
}

/// How long `close` waits for borrowed connections.
const GRACE: Duration = Duration::from_secs(10);
