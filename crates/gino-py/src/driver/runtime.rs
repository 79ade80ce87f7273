//! Owns the asyncio loop as core's runtime: time, sleeping, background work, connecting.

use std::future::Future;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Instant as Clock;

use gino_core::clock::Instant;
use gino_core::config::Endpoint;
use gino_core::error::{ConnectError, Phase, Result};
use gino_core::runtime::Runtime;
use gino_core::session::Wire;
use pyo3::exceptions::PyNotImplementedError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::adopt::Adopted;
use super::protocol::Factory;
use super::sleep::Sleep;
use super::socket::{self, Stream};
use super::{background, wake};
use crate::raw::detach_socket;

/// One event loop.
#[derive(Clone)]
pub(crate) struct LoopRuntime(Arc<Py<PyAny>>);

impl LoopRuntime {
    /// The runtime of `home`, a loop.
    pub(crate) fn new(home: Py<PyAny>) -> LoopRuntime {
        LoopRuntime(Arc::new(home))
    }

    /// The loop.
    pub(crate) fn home(&self) -> &Py<PyAny> {
        &self.0
    }

    fn adopt(
        &self,
        make: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<Adopted>,
    ) -> PyResult<Adopted> {
        Python::attach(|py| make(self.0.bind(py)))
    }

    /// Opens a socket without a transport and returns it connected.
    async fn open_socket(&self, endpoint: &Endpoint) -> Result<Py<PyAny>> {
        let address = endpoint.to_string();
        let failed = |phase| move |error| connect_error(phase, &address, error);
        match endpoint {
            Endpoint::Unix { path } => self
                .connect_socket("AF_UNIX", |py| {
                    Ok(path.into_pyobject(py)?.into_any().unbind())
                })
                .await
                .map_err(failed(Phase::Socket)),
            Endpoint::Tcp { host, port } => {
                let found = self
                    .resolve(host, *port)
                    .await
                    .map_err(failed(Phase::Resolve))?;
                let mut last = None;
                for (family, address) in found {
                    let target = |py: Python<'_>| Ok(address.clone_ref(py));
                    match self.connect_socket(&family, target).await {
                        Ok(socket) => return Ok(socket),
                        Err(error) => last = Some(error),
                    }
                }
                let address = endpoint.to_string();
                Err(match last {
                    Some(error) => connect_error(Phase::Socket, &address, error),
                    None => ConnectError::new(Phase::Resolve, address, None).into(),
                })
            }
        }
    }

    /// The families (by their name in `socket`) and addresses of a host.
    async fn resolve(&self, host: &str, port: u16) -> PyResult<Vec<(String, Py<PyAny>)>> {
        let looking = self.adopt(|home| {
            let kind = home.py().import("socket")?.getattr("SOCK_STREAM")?;
            let kwargs = PyDict::new(home.py());
            kwargs.set_item("type", kind)?;
            let coroutine = home.call_method("getaddrinfo", (host, port), Some(&kwargs))?;
            Adopted::new(home, &coroutine)
        })?;
        let found = looking.await?;
        Python::attach(|py| {
            let found = found.bind(py).cast::<PyList>()?.clone();
            found
                .iter()
                .map(|entry| {
                    let family = entry.get_item(0)?.getattr("name")?.extract()?;
                    Ok((family, entry.get_item(4)?.unbind()))
                })
                .collect()
        })
    }

    async fn connect_socket(
        &self,
        family: &str,
        address: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let (socket, connecting) = Python::attach(|py| {
            let module = py.import("socket")?;
            let kind = module.getattr("SOCK_STREAM")?;
            let socket = module.call_method1("socket", (module.getattr(family)?, kind))?;
            socket.call_method1("setblocking", (false,))?;
            if family != "AF_UNIX" {
                for (level, option) in [
                    ("IPPROTO_TCP", "TCP_NODELAY"),
                    ("SOL_SOCKET", "SO_KEEPALIVE"),
                ] {
                    let (level, option) = (module.getattr(level)?, module.getattr(option)?);
                    socket.call_method1("setsockopt", (level, option, 1))?;
                }
            }
            let home = self.0.bind(py);
            let coroutine = home.call_method1("sock_connect", (&socket, address(py)?))?;
            let connecting = Adopted::new(home, &coroutine)?;
            PyResult::Ok((CloseOnDrop(Some(socket.unbind())), connecting))
        })?;
        connecting.await?;
        Ok(socket.keep())
    }

    /// The way for loops that cannot watch a socket.
    async fn connect_protocol(&self, endpoint: &Endpoint, wire: Arc<dyn Wire>) -> Result<()> {
        let connecting = self.adopt(|home| {
            let factory = Factory::new(home.py(), wire)?;
            let coroutine = match endpoint {
                Endpoint::Tcp { host, port } => {
                    home.call_method1("create_connection", (factory, host, port))?
                }
                Endpoint::Unix { path } => {
                    home.call_method1("create_unix_connection", (factory, path))?
                }
            };
            Adopted::new(home, &coroutine)
        });
        let failed = |error| connect_error(phase_of(&error), &endpoint.to_string(), error);
        connecting.map_err(failed)?.await.map(drop).map_err(failed)
    }
}

impl Runtime for LoopRuntime {
    type Sleep = Sleep;

    fn now(&self) -> Instant {
        static ORIGIN: OnceLock<Clock> = OnceLock::new();
        Instant::new(ORIGIN.get_or_init(Clock::now).elapsed())
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        Sleep::new(&self.0, at.saturating_since(self.now()))
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        background::spawn(&self.0, Box::pin(task));
    }

    async fn connect(&self, endpoint: &Endpoint, wire: Arc<dyn Wire>) -> Result<()> {
        if !Python::attach(|py| can_watch(self.0.bind(py))) {
            return self.connect_protocol(endpoint, wire).await;
        }
        let socket = CloseOnDrop(Some(self.open_socket(endpoint).await?));
        let unix = matches!(endpoint, Endpoint::Unix { .. });
        let attached = Python::attach(|py| {
            let stream = Stream::new(detach_socket(socket.keep().bind(py))?, unix);
            socket::attach(self.0.bind(py), Arc::clone(&self.0), stream, wire)
        });
        attached.map_err(|error| connect_error(Phase::Socket, &endpoint.to_string(), error))
    }

    fn caller(&self) -> Option<Arc<str>> {
        Python::attach(|py| {
            let task = wake::current_task(py).ok()??;
            let name: String = task.call_method0("get_name").ok()?.extract().ok()?;
            Some(format!("task {name}").into())
        })
    }
}

/// Whether `add_reader` works, and tells of a connection that was reset. uvloop's does not: libuv
/// stops watching a descriptor in error, closes its handle and calls nobody. Otherwise asked with a
/// descriptor that is none, so that nothing is watched.
fn can_watch(home: &Bound<'_, PyAny>) -> bool {
    let module = home.get_type().module().map(|name| name.to_string());
    if module.is_ok_and(|name| name == "uvloop" || name.starts_with("uvloop.")) {
        return false;
    }
    let asked = home.call_method1("remove_reader", (-1,));
    !asked.is_err_and(|error| error.is_instance_of::<PyNotImplementedError>(home.py()))
}

struct CloseOnDrop(Option<Py<PyAny>>);

impl CloseOnDrop {
    fn keep(mut self) -> Py<PyAny> {
        match self.0.take() {
            Some(socket) => socket,
            None => Python::attach(|py| py.None()),
        }
    }
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        if let Some(socket) = self.0.take() {
            Python::attach(|py| {
                // Closing a socket that is not connected cannot lose anything.
                let _ = socket.call_method0(py, "close");
            });
        }
    }
}

/// Which step of a connection that asyncio made failed.
fn phase_of(error: &PyErr) -> Phase {
    Python::attach(|py| {
        let kind = py
            .import("socket")
            .and_then(|socket| socket.getattr("gaierror"));
        let unknown = kind.is_ok_and(|kind| error.is_instance(py, &kind));
        if unknown {
            Phase::Resolve
        } else {
            Phase::Socket
        }
    })
}

fn connect_error(phase: Phase, address: &str, error: PyErr) -> gino_core::error::Error {
    Python::attach(|py| {
        let value = error.value(py);
        let number = value
            .getattr("errno")
            .and_then(|errno| errno.extract::<i32>());
        let cause = match number {
            // The numbers of a failed look-up are not the system's.
            Ok(number) if phase != Phase::Resolve => io::Error::from_raw_os_error(number),
            _ => {
                let text = value
                    .getattr("strerror")
                    .and_then(|text| text.extract::<String>());
                io::Error::other(text.unwrap_or_else(|_| error.to_string()))
            }
        };
        ConnectError::new(phase, address, cause).into()
    })
}
