//! Owns the opening of connections in the loop: names to addresses, addresses in order, Unix sockets, the
//! question whether the server does TLS, and who feeds the wire then. Never makes a TLS context (`tls`
//! does). `runtime` calls it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use gino_core::config::{Endpoint, KeepAlive};
use gino_core::error::{ConnectError, Error, Phase, Result};
use gino_core::runtime::Runtime;
use gino_core::session::{Channel, Encryption, Route, Wire};
use pyo3::exceptions::{PyConnectionRefusedError, PyNotImplementedError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use super::adopt::Adopted;
use super::keepalive;
use super::protocol::{Factory, Passage};
use super::runtime::LoopRuntime;
use super::socket::{self, Stream};
use super::tls;
use crate::raw::detach_socket;

/// Opens a connection to `route` and feeds `wire` from then on.
pub(super) async fn connect(
    runtime: &LoopRuntime,
    route: &Route,
    wire: Arc<dyn Wire>,
) -> Result<Channel> {
    let endpoint = &route.endpoint;
    let socket = open_socket(runtime, route).await?;
    if let Some(encryption) = &route.encryption
        && begins(runtime, encryption, endpoint, &socket).await?
    {
        let options = |py: Python<'_>| tls::options(py, runtime, encryption, endpoint);
        let transport = make_transport(runtime, endpoint, socket, wire, options).await?;
        return tls::channel(&transport, encryption, endpoint);
    }
    if !Python::attach(|py| can_watch(runtime.home().bind(py))) {
        let plain = |py: Python<'_>| Ok(PyDict::new(py).unbind());
        make_transport(runtime, endpoint, socket, wire, plain).await?;
        return Ok(Channel::Plain);
    }
    let unix = matches!(endpoint, Endpoint::Unix { .. });
    let attached = Python::attach(|py| {
        let stream = Stream::new(detach_socket(socket.keep(py).bind(py))?, unix);
        let home = runtime.home();
        socket::attach(home.bind(py), Arc::clone(home), stream, wire)
    });
    attached
        .map(|()| Channel::Plain)
        .map_err(|error| connect_error(Phase::Socket, endpoint, error))
}

/// Opens a socket without a transport and returns it connected.
async fn open_socket(runtime: &LoopRuntime, route: &Route) -> Result<OpenSocket> {
    let endpoint = &route.endpoint;
    let failed = |phase| move |error| connect_error(phase, endpoint, error);
    match endpoint {
        Endpoint::Unix { path } => {
            let address = |py: Python<'_>| Ok(path.into_pyobject(py)?.into_any().unbind());
            connect_socket(runtime, "AF_UNIX", &route.keepalive, address)
                .await
                .map_err(failed(Phase::Socket))
        }
        Endpoint::Tcp {
            host,
            address,
            port,
        } => {
            let mut found = resolve(runtime, address.as_ref().unwrap_or(host), *port)
                .await
                .map_err(failed(Phase::Resolve))?;
            if route.shuffled {
                runtime.shuffle(&mut found);
            }
            let mut last = None;
            for (family, address) in found {
                let address = |py: Python<'_>| Ok(address.clone_ref(py));
                match connect_socket(runtime, &family, &route.keepalive, address).await {
                    Ok(socket) => return Ok(socket),
                    Err(error) => last = Some(error),
                }
            }
            Err(match last {
                Some(error) => connect_error(Phase::Socket, endpoint, error),
                None => ConnectError::new(Phase::Resolve, endpoint.to_string(), None).into(),
            })
        }
    }
}

/// The families (by their name in `socket`) and addresses of a host.
async fn resolve(
    runtime: &LoopRuntime,
    host: &str,
    port: u16,
) -> PyResult<Vec<(String, Py<PyAny>)>> {
    let looking = runtime.adopt(|home| {
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
    runtime: &LoopRuntime,
    family: &str,
    wanted: &KeepAlive,
    address: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>>,
) -> PyResult<OpenSocket> {
    let (socket, connecting) = Python::attach(|py| {
        let module = py.import("socket")?;
        let kind = module.getattr("SOCK_STREAM")?;
        let socket = module.call_method1("socket", (module.getattr(family)?, kind))?;
        let kept = OpenSocket {
            socket: Some(socket.clone().unbind()),
            home: Arc::clone(runtime.home()),
        };
        socket.call_method1("setblocking", (false,))?;
        if family != "AF_UNIX" {
            let (level, option) = (
                module.getattr("IPPROTO_TCP")?,
                module.getattr("TCP_NODELAY")?,
            );
            socket.call_method1("setsockopt", (level, option, 1))?;
            keepalive::set(&socket, wanted)?;
        }
        let home = runtime.home().bind(py);
        let coroutine = home.call_method1("sock_connect", (&socket, address(py)?))?;
        PyResult::Ok((kept, Adopted::new(home, &coroutine)?))
    })?;
    connecting.await?;
    Python::attach(|py| match socket.get(py) {
        Some(socket) if family != "AF_UNIX" => to_another(socket.bind(py)),
        _ => Ok(()),
    })?;
    Ok(socket)
}

/// Where nobody listens on a port that the system gives to clients too, a socket may come to be
/// connected to itself (RFC 9293, "Simultaneous open"): that is a server that is down.
fn to_another(socket: &Bound<'_, PyAny>) -> PyResult<()> {
    let [own, peer] = ["getsockname", "getpeername"].map(|end| socket.call_method0(end));
    match own?.eq(peer?)? {
        true => Err(PyConnectionRefusedError::new_err("Connection refused")),
        false => Ok(()),
    }
}

/// Asks the server whether TLS begins now.
async fn begins(
    runtime: &LoopRuntime,
    encryption: &Encryption,
    endpoint: &Endpoint,
    socket: &OpenSocket,
) -> Result<bool> {
    let Some(question) = encryption.question else {
        return Ok(true);
    };
    let asked = async {
        let sending = runtime.adopt(|home| {
            let bytes = PyBytes::new(home.py(), question.request);
            let arguments = (socket.get(home.py()), bytes);
            Adopted::new(home, &home.call_method1("sock_sendall", arguments)?)
        })?;
        sending.await?;
        // One byte is the answer, two are a fraud: what follows belongs to TLS.
        let hearing = runtime.adopt(|home| {
            let arguments = (socket.get(home.py()), 2);
            Adopted::new(home, &home.call_method1("sock_recv", arguments)?)
        })?;
        let answer = hearing.await?;
        Python::attach(|py| answer.extract::<Vec<u8>>(py))
    };
    let answer = asked
        .await
        .map_err(|error| connect_error(Phase::Tls, endpoint, error))?;
    encryption.begins(&answer, endpoint)
}

/// Gives the socket to a transport of the loop, made with `options`, which feeds `wire`.
async fn make_transport(
    runtime: &LoopRuntime,
    endpoint: &Endpoint,
    socket: OpenSocket,
    wire: Arc<dyn Wire>,
    options: impl FnOnce(Python<'_>) -> Result<Py<PyDict>>,
) -> Result<Py<PyAny>> {
    let passage = Arc::new(Passage::default());
    let socket = UntilTaken {
        socket: Some(socket),
        passage: Arc::clone(&passage),
    };
    let made = Python::attach(|py| {
        let options = options(py)?.into_bound(py);
        let begin = || {
            options.set_item("sock", socket.socket.as_ref().map(|s| s.get(py)))?;
            let factory = Factory::new(py, wire, passage)?;
            let home = runtime.home().bind(py);
            let method = match endpoint {
                Endpoint::Tcp { .. } => "create_connection",
                Endpoint::Unix { .. } => "create_unix_connection",
            };
            Adopted::new(home, &home.call_method(method, (factory,), Some(&options))?)
        };
        begin().map_err(|error| connect_error(Phase::Socket, endpoint, error))
    })?;
    let made = made
        .await
        .map_err(|error| connect_error(Phase::Tls, endpoint, error))?;
    Python::attach(|py| made.bind(py).get_item(0).map(Bound::unbind))
        .map_err(|error| connect_error(Phase::Socket, endpoint, error))
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

/// A connected socket, closed when nobody keeps it: in the loop's next turn, once it is not being
/// watched for a task that was cancelled any more.
struct OpenSocket {
    socket: Option<Py<PyAny>>,
    home: Arc<Py<PyAny>>,
}

impl OpenSocket {
    fn get(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.socket.as_ref().map(|socket| socket.clone_ref(py))
    }

    fn keep(mut self, py: Python<'_>) -> Py<PyAny> {
        self.socket.take().unwrap_or_else(|| py.None())
    }
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        let Some(socket) = self.socket.take() else {
            return;
        };
        Python::attach(|py| {
            let close = || {
                let close = socket.getattr(py, "close")?;
                self.home.call_method1(py, "call_soon_threadsafe", (close,))
            };
            if close().is_err() {
                // The loop is closed. Closing a socket that carries nothing cannot lose anything.
                let _ = socket.call_method0(py, "close");
            }
        });
    }
}

/// A socket on its way to a transport: whoever closes it has to be one of the two.
struct UntilTaken {
    socket: Option<OpenSocket>,
    passage: Arc<Passage>,
}

impl Drop for UntilTaken {
    fn drop(&mut self) {
        self.passage.over.store(true, Ordering::Release);
        if let Some(mut socket) = self.socket.take()
            && self.passage.taken.load(Ordering::Acquire)
        {
            let kept = socket.socket.take();
            Python::attach(|_| drop(kept));
        }
    }
}

/// What an exception of Python means for connecting to `endpoint`.
pub(super) fn connect_error(phase: Phase, endpoint: &Endpoint, error: PyErr) -> Error {
    Python::attach(|py| {
        let value = error.value(py);
        let text = |name: &str| {
            value
                .getattr(name)
                .and_then(|text| text.extract::<String>())
        };
        let number = value
            .getattr("errno")
            .and_then(|errno| errno.extract::<i32>());
        // The numbers of a failed look-up and of OpenSSL are not the system's.
        let is_system = phase != Phase::Resolve && !tls::is_tls_error(py, &error);
        let cause = match number {
            Ok(number) if is_system => io::Error::from_raw_os_error(number),
            _ => {
                let known = text("verify_message").or_else(|_| text("strerror"));
                io::Error::other(known.unwrap_or_else(|_| error.to_string()))
            }
        };
        ConnectError::new(phase, endpoint.to_string(), cause).into()
    })
}
