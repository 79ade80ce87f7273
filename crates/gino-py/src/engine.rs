//! Owns the public class Engine: one configuration and a pool for each event loop that uses it.

use std::sync::Arc;
use std::time::Duration;

use gino_core::engine::{self as core, AcquireOptions, Limit, Scope};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::config::Config;
use crate::driver::stack::{self, Entry};
use crate::driver::{LoopRuntime, awaitable};
use crate::errors;
use crate::handle::Handle;
use crate::hook::{Functions, hooks};
use crate::observe::{self, Observation};
use crate::origin;
use crate::plan::Plan;
use crate::pools::Pools;
use crate::query::{Query, seconds};

/// Pools of connections, one for each running event loop, over one configuration.
#[pyclass(frozen, module = "gino._core")]
pub(crate) struct Engine {
    shared: Arc<Shared>,
}

/// What awaitables keep of an engine.
struct Shared {
    pools: Arc<Pools>,
    connection_class: Py<PyAny>,
}

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (config, connection_class, init = None, setup = None, reset = None))]
    fn new(
        config: &Bound<'_, Config>,
        connection_class: Py<PyAny>,
        init: Option<Py<PyAny>>,
        setup: Option<Py<PyAny>>,
        reset: Option<Py<PyAny>>,
    ) -> Engine {
        let functions = Functions {
            connection_class: connection_class.clone_ref(config.py()),
            init,
            setup,
            reset,
        };
        let (config, context) = (config.get().core.clone(), config.get().context.clone());
        let pools = Arc::new_cyclic(|pools| Pools::new(config, context, hooks(functions, pools)));
        Engine {
            shared: Arc::new(Shared {
                pools,
                connection_class,
            }),
        }
    }

    /// Opens `min_size` connections in the running loop's pool.
    fn open<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let shared = Arc::clone(&self.shared);
        let future = async move {
            let pool = Python::attach(|py| shared.pools.of_loop(py))?;
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

    #[pyo3(signature = (timeout = None, reuse = false, lazy = false, reusable = true, command_timeout = None, deadline = None))]
    #[expect(clippy::too_many_arguments, reason = "Python's keyword arguments")]
    fn acquire<'py>(
        &self,
        py: Python<'py>,
        timeout: Option<f64>,
        reuse: bool,
        lazy: bool,
        reusable: bool,
        command_timeout: Option<f64>,
        deadline: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (shared, timeout) = (Arc::clone(&self.shared), seconds(timeout)?);
        let (command_timeout, deadline) = (seconds(command_timeout)?, seconds(deadline)?);
        let origin = origin::of_caller(py)?;
        awaitable(
            py,
            Box::pin(async move {
                let (pool, newest) = Python::attach(|py| {
                    PyResult::Ok((shared.pools.of_loop(py)?, shared.pools.newest(py)?))
                })?;
                let limit = Limit::within(pool.runtime(), timeout);
                let scope = Scope {
                    command_timeout,
                    deadline: Limit::of_scope(pool.runtime(), deadline),
                };
                let options = AcquireOptions {
                    scope,
                    origin,
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
        stack::newest(py, self.shared.pools.id(), |entry| {
            entry.connection.clone_ref(py)
        })
    }

    #[pyo3(signature = (grace = None))]
    fn close<'py>(&self, py: Python<'py>, grace: Option<f64>) -> PyResult<Bound<'py, PyAny>> {
        let shared = Arc::clone(&self.shared);
        let grace = seconds(grace)?.unwrap_or(GRACE);
        let future = async move {
            let pool = Python::attach(|py| shared.pools.of_loop_if_any(py));
            shared.pools.close();
            let Some(pool) = pool else {
                return Ok(Python::attach(|py| py.None()));
            };
            let closed = pool.close(grace).await;
            Python::attach(|py| closed.map(|()| py.None()).map_err(|e| errors::raise(py, e)))
        };
        awaitable(py, Box::pin(future))
    }

    fn terminate(&self) {
        self.shared
            .pools
            .close()
            .iter()
            .for_each(core::Engine::terminate);
    }

    #[getter]
    fn figures<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let config = self.shared.pools.config();
        let empty = core::Figures {
            max: config.max_size,
            min: config.min_size,
            size: 0,
            in_use: 0,
            idle: 0,
            waiting: 0,
        };
        let pool = self.shared.pools.of_loop_if_any(py);
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

    /// What the running loop's pool has done, and its connections.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        observe::stats(py, self.shared.pools.of_loop_if_any(py).as_ref())
    }

    /// From now on `callback` is told of each finished statement.
    fn on_query(&self, callback: Py<PyAny>) -> Observation {
        Observation::begin(self.shared.pools.observers(), callback)
    }

    #[getter]
    fn is_closed(&self) -> bool {
        self.shared.pools.is_closed()
    }
}

impl Shared {
    async fn run(self: Arc<Self>, query: Query) -> PyResult<Py<PyAny>> {
        let (pool, newest) =
            Python::attach(|py| PyResult::Ok((self.pools.of_loop(py)?, self.pools.newest(py)?)))?;
        let scope = newest.as_ref().map_or(Scope::NONE, |handle| handle.scope());
        let limit = scope.limit(pool.runtime(), query.timeout, self.pools.command_timeout());
        if let Some(handle) = newest {
            let seat = handle.seat(limit).await;
            let seat = seat.map_err(|error| Python::attach(|py| errors::raise(py, error)))?;
            return query.run(&seat, limit).await;
        }
        let lease = pool.acquire(limit).await;
        let lease = lease.map_err(|error| Python::attach(|py| errors::raise(py, error)))?;
        lease.name_holder(None);
        let done = query.run(lease.seat(), limit).await;
        let released = lease.try_release().await;
        let value = done?;
        released.map_err(|error| Python::attach(|py| errors::raise(py, error)))?;
        Ok(value)
    }

    /// The public object for a handle, on its task's stack if it is reusable.
    fn connection(
        self: &Arc<Self>,
        py: Python<'_>,
        handle: Arc<core::Handle<LoopRuntime>>,
    ) -> PyResult<Py<PyAny>> {
        let public = Py::new(
            py,
            Handle::new(Arc::clone(&self.pools), Arc::clone(&handle)),
        )?;
        let connection = self.connection_class.call1(py, (public.clone_ref(py),))?;
        if handle.is_reusable() {
            let entry = Entry {
                handle,
                connection: connection.clone_ref(py),
            };
            match stack::push(py, self.pools.id(), entry)? {
                Some(spot) => public.get().put_spot(spot),
                None => {
                    let reason = "a reusable connection belongs to a task: acquire it in one";
                    return Err(PyRuntimeError::new_err(reason));
                }
            }
        }
        Ok(connection)
    }
}

/// How long `close` waits for borrowed connections.
const GRACE: Duration = Duration::from_secs(10);
