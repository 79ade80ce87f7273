//! Owns the connection through an `asyncio.Protocol`: for TLS, and for loops whose `add_reader` is
//! missing or does not tell of errors. Slower than `socket`, otherwise the same.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use gino_core::session::{Flush, Transport, Wire, empty};
use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::wake::with_direct_wake;

/// The protocol that asyncio talks to.
#[pyclass(frozen, module = "gino._core")]
pub(super) struct Protocol {
    wire: Arc<dyn Wire>,
    shared: Arc<Shared>,
    passage: Arc<Passage>,
}

/// The way of a socket to a transport.
#[derive(Default)]
pub(super) struct Passage {
    /// A transport has the socket.
    pub(super) taken: AtomicBool,
    /// Nobody waits for the transport any more.
    pub(super) over: AtomicBool,
}

#[derive(Default)]
struct Shared {
    transport: Mutex<Option<Py<PyAny>>>,
    out: Mutex<BytesMut>,
    encrypted: AtomicBool,
}

/// Gives asyncio the protocol.
#[pyclass(frozen, module = "gino._core")]
pub(super) struct Factory(Py<Protocol>);

#[pymethods]
impl Factory {
    fn __call__(&self, py: Python<'_>) -> Py<Protocol> {
        self.0.get().passage.taken.store(true, Ordering::Release);
        self.0.clone_ref(py)
    }
}

impl Factory {
    pub(super) fn new(
        py: Python<'_>,
        wire: Arc<dyn Wire>,
        passage: Arc<Passage>,
    ) -> PyResult<Factory> {
        let protocol = Protocol {
            wire,
            shared: Arc::default(),
            passage,
        };
        Py::new(py, protocol).map(Factory)
    }
}

#[pymethods]
impl Protocol {
    fn connection_made(&self, transport: Bound<'_, PyAny>) {
        // The loop closes it, and uvloop then calls no `connection_lost`: a transport that is kept
        // here would keep this protocol, and be kept by it, for ever.
        if self.passage.over.load(Ordering::Acquire) {
            return;
        }
        let object = transport.call_method1("get_extra_info", ("ssl_object",));
        let encrypted = object.is_ok_and(|object| !object.is_none());
        self.shared.encrypted.store(encrypted, Ordering::Relaxed);
        // A transport that has no limits tells nothing of its buffer either.
        let _ = transport.call_method1("set_write_buffer_limits", (HIGH_WATER,));
        *self.shared.transport() = Some(transport.unbind());
        self.wire.attach(Box::new(Handle(
            Arc::clone(&self.shared),
            Arc::downgrade(&self.wire),
        )));
    }

    fn data_received(&self, data: &Bound<'_, PyBytes>) -> PyResult<()> {
        let mut rest = data.as_bytes();
        with_direct_wake(data.py(), || {
            while !rest.is_empty() {
                let fed = self.wire.readable(&mut |buffer| {
                    let count = rest.len().min(buffer.len());
                    let (taken, left) = rest.split_at(count);
                    if let Some(room) = buffer.get_mut(..count) {
                        room.copy_from_slice(taken);
                    }
                    rest = left;
                    Ok(count)
                });
                if fed.is_err() {
                    break;
                }
            }
        })
    }

    fn eof_received(&self) -> bool {
        false
    }

    fn connection_lost(&self, error: Option<Bound<'_, PyAny>>) {
        let transport = self.shared.transport().take();
        drop(transport);
        self.wire
            .lost(error.map(|error| io::Error::other(error.to_string())));
    }

    // asyncio buffers what we write; a request is never so large that we must wait for it.
    #[expect(clippy::unused_self, reason = "the protocol's interface")]
    fn pause_writing(&self) {}

    fn resume_writing(&self, py: Python<'_>) -> PyResult<()> {
        with_direct_wake(py, || self.wire.drained())
    }
}

impl Shared {
    fn transport(&self) -> MutexGuard<'_, Option<Py<PyAny>>> {
        self.transport
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// From so many bytes on asyncio tells when they have gone. Less than the backlog that a copy waits
/// for, 256 KiB: over TLS asyncio's own default is 512 KiB, and nobody would end the wait.
const HIGH_WATER: usize = 64 * 1024;

struct Handle(Arc<Shared>, std::sync::Weak<dyn Wire>);

impl Handle {
    /// What a method of asyncio's transport gives; none once it is closed.
    fn call(&self, method: &str) -> Option<Py<PyAny>> {
        Python::attach(|py| {
            let transport = self.0.transport().as_ref().map(|t| t.clone_ref(py))?;
            transport.call_method0(py, method).ok()
        })
    }
}

impl Transport for Handle {
    fn flush(&self, _when: Flush) {
        let Some(wire) = self.1.upgrade() else { return };
        Python::attach(|py| {
            let mut out =
                std::mem::take(&mut *self.0.out.lock().unwrap_or_else(PoisonError::into_inner));
            let any = wire.poll_transmit(&mut out);
            let transport = self
                .0
                .transport()
                .as_ref()
                .map(|transport| transport.clone_ref(py));
            if let Some(transport) = transport.filter(|_| any) {
                let bytes = PyBytes::new(py, &out);
                match transport.call_method1(py, intern!(py, "write"), (bytes,)) {
                    // It is closed: `connection_lost` tells of that, unless its loop is closed, too.
                    Err(error) if error.is_instance_of::<PyRuntimeError>(py) => {}
                    Err(error) => error.write_unraisable(py, None),
                    Ok(_) => {}
                }
            }
            empty(&mut out, HIGH_WATER);
            *self.0.out.lock().unwrap_or_else(PoisonError::into_inner) = out;
        });
    }

    fn backlog(&self) -> usize {
        let asked = self.call("get_write_buffer_size");
        asked
            .and_then(|size| Python::attach(|py| size.extract(py).ok()))
            .unwrap_or(0)
    }

    fn pause(&self) {
        self.call("pause_reading");
    }

    fn resume(&self) {
        self.call("resume_reading");
    }

    fn close(&self) {
        self.flush(Flush::Now);
        Python::attach(|py| {
            let transport = self.0.transport().take();
            if let Some(transport) = transport {
                // What is flushed is with the system or sent in this turn. The goodbye of TLS would be
                // waited for, beyond the end of a loop that ends now; PostgreSQL's was said.
                let method = match self.0.encrypted.load(Ordering::Relaxed) {
                    true => intern!(py, "abort"),
                    false => intern!(py, "close"),
                };
                // A transport of a closed loop is closed with it.
                let _ = transport.call_method0(py, method);
            }
        });
    }
}
