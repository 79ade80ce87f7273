//! Owns a plain socket in the loop's thread: `add_reader` and system calls, no transport between.
//! `runtime` makes it once connected; loops without `add_reader` use `protocol` instead.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::BytesMut;
use gino_core::session::{Flush, Transport, Wire, empty};
use pyo3::intern;
use pyo3::prelude::*;

use super::wake::{call_soon_name, with_direct_wake};

/// A connected socket, not blocking.
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    pub(super) fn new(fd: OwnedFd, unix: bool) -> Stream {
        if unix {
            Stream::Unix(fd.into())
        } else {
            Stream::Tcp(fd.into())
        }
    }

    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => (&*stream).read(buffer),
            Stream::Unix(stream) => (&*stream).read(buffer),
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => (&*stream).write(bytes),
            Stream::Unix(stream) => (&*stream).write(bytes),
        }
    }

    fn number(&self) -> i32 {
        match self {
            Stream::Tcp(stream) => stream.as_raw_fd(),
            Stream::Unix(stream) => stream.as_raw_fd(),
        }
    }
}

/// The loop holds the callbacks, these the socket, this the wire; the wire holds the socket only
/// weakly. So a loop that ends takes its sockets along.
struct Socket {
    home: Arc<Py<PyAny>>,
    wire: Arc<dyn Wire>,
    state: Mutex<State>,
}

struct State {
    stream: Option<Arc<Stream>>,
    out: BytesMut,
    sent: usize,
    /// The loop calls when there is room to write.
    watching: bool,
    /// The loop calls `flush` in its next turn.
    scheduled: bool,
    /// The loop does not call when there is something to read.
    paused: bool,
}

/// Puts a connected socket into the loop: feeds `wire` and becomes its transport.
///
/// # Errors
/// `NotImplementedError` where the loop has no `add_reader`.
pub(super) fn attach(
    home: &Bound<'_, PyAny>,
    shared_home: Arc<Py<PyAny>>,
    stream: Stream,
    wire: Arc<dyn Wire>,
) -> PyResult<()> {
    let number = stream.number();
    let state = State {
        stream: Some(Arc::new(stream)),
        out: BytesMut::new(),
        sent: 0,
        watching: false,
        scheduled: false,
        paused: false,
    };
    let socket = Arc::new(Socket {
        home: shared_home,
        wire: Arc::clone(&wire),
        state: Mutex::new(state),
    });
    let callback = Callback {
        socket: Arc::clone(&socket),
        what: What::Read,
    };
    home.call_method1(intern!(home.py(), "add_reader"), (number, callback))?;
    wire.attach(Box::new(Handle {
        socket: Arc::downgrade(&socket),
        paused: Mutex::default(),
    }));
    Ok(())
}

/// What the loop calls.
#[pyclass(frozen, module = "gino._core")]
struct Callback {
    socket: Arc<Socket>,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Read,
    Write,
    Flush,
}

#[pymethods]
impl Callback {
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        match self.what {
            What::Read => with_direct_wake(py, || self.socket.on_readable()),
            What::Write => with_direct_wake(py, || {
                self.socket.send(py);
                self.socket.wire.drained();
            }),
            What::Flush => {
                self.socket.lock().scheduled = false;
                with_direct_wake(py, || {
                    self.socket.send(py);
                    self.socket.wire.drained();
                })
            }
        }
    }
}

impl Socket {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads as long as the kernel has more, within reason: other sockets want their turn too.
    fn on_readable(&self) {
        let Some(stream) = self.lock().stream.clone() else {
            return;
        };
        for _ in 0..READS {
            let mut full = false;
            let read = self.wire.readable(&mut |buffer| {
                let count = stream.read(buffer)?;
                full = count == buffer.len();
                Ok(count)
            });
            match read {
                Ok(0) => return self.end(None),
                Ok(_) if full && !self.lock().paused => {}
                Ok(_) => return,
                Err(error) if is_transient(&error) => return,
                // The wire closed itself, or the connection is gone.
                Err(error) => return self.end(Some(error)),
            }
        }
    }

    fn end(&self, cause: Option<io::Error>) {
        Python::attach(|py| self.shut(py));
        self.wire.lost(cause);
    }

    /// Sends what there is; the rest when the kernel has room.
    fn send(self: &Arc<Self>, py: Python<'_>) {
        let written = {
            let mut state = self.lock();
            self.wire.poll_transmit(&mut state.out);
            Self::write(&mut state)
        };
        // After an error there is nothing to wait for: the reader sees the end, with its reason.
        self.watch(py, matches!(written, Ok(false)));
    }

    /// Sends in the loop's next turn, with what comes until then.
    fn send_soon(self: &Arc<Self>, py: Python<'_>) {
        if std::mem::replace(&mut self.lock().scheduled, true) {
            return;
        }
        let home = self.home.bind(py);
        let callback = Callback {
            socket: Arc::clone(self),
            what: What::Flush,
        };
        let scheduled = call_soon_name(home).and_then(|name| home.call_method1(name, (callback,)));
        if scheduled.is_err() {
            self.send(py);
        }
    }

    /// Writes what is left; whether that was all.
    fn write(state: &mut State) -> io::Result<bool> {
        let Some(stream) = state.stream.clone() else {
            state.out.clear();
            state.sent = 0;
            return Ok(true);
        };
        while let Some(rest) = state.out.get(state.sent..).filter(|rest| !rest.is_empty()) {
            match stream.write(rest) {
                Ok(count) => state.sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => {
                    state.out.clear();
                    state.sent = 0;
                    return Err(error);
                }
            }
        }
        empty(&mut state.out, KEEP);
        state.sent = 0;
        Ok(true)
    }

    /// Asks the loop to call when there is room, or not to any more.
    fn watch(self: &Arc<Self>, py: Python<'_>, wanted: bool) {
        let number = {
            let mut state = self.lock();
            if state.watching == wanted {
                return;
            }
            let Some(stream) = &state.stream else { return };
            let number = stream.number();
            state.watching = wanted;
            number
        };
        let home = self.home.bind(py);
        let outcome = if wanted {
            let callback = Callback {
                socket: Arc::clone(self),
                what: What::Write,
            };
            home.call_method1(intern!(py, "add_writer"), (number, callback))
        } else {
            home.call_method1(intern!(py, "remove_writer"), (number,))
        };
        if let Err(error) = outcome {
            error.write_unraisable(py, Some(home));
        }
    }

    /// Asks the loop to call when there is something to read, or not to.
    fn read_on(self: &Arc<Self>, py: Python<'_>, wanted: bool) {
        let number = {
            let mut state = self.lock();
            let Some(stream) = &state.stream else { return };
            let number = stream.number();
            if state.paused != wanted {
                return;
            }
            state.paused = !wanted;
            number
        };
        let home = self.home.bind(py);
        let outcome = if wanted {
            let callback = Callback {
                socket: Arc::clone(self),
                what: What::Read,
            };
            home.call_method1(intern!(py, "add_reader"), (number, callback))
        } else {
            home.call_method1(intern!(py, "remove_reader"), (number,))
        };
        if let Err(error) = outcome {
            error.write_unraisable(py, Some(home));
        }
    }

    fn shut(&self, py: Python<'_>) {
        let stream = {
            let mut state = self.lock();
            state.out.clear();
            state.stream.take()
        };
        if let Some(stream) = stream {
            let home = self.home.bind(py);
            for name in [intern!(py, "remove_reader"), intern!(py, "remove_writer")] {
                // A closed loop watches nothing any more.
                let _ = home.call_method1(name, (stream.number(),));
            }
        }
    }
}

/// The wire's end.
struct Handle {
    socket: Weak<Socket>,
    /// The socket as long as the loop does not watch it, and so does not hold it.
    paused: Mutex<Option<Arc<Socket>>>,
}

impl Handle {
    fn paused(&self) -> MutexGuard<'_, Option<Arc<Socket>>> {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Handle {
    fn flush(&self, when: Flush) {
        let Some(socket) = self.socket.upgrade() else {
            return;
        };
        Python::attach(|py| match when {
            Flush::Now => socket.send(py),
            Flush::Soon => socket.send_soon(py),
        });
    }

    fn backlog(&self) -> usize {
        self.socket.upgrade().map_or(0, |socket| {
            let state = socket.lock();
            state.out.len() - state.sent
        })
    }

    fn pause(&self) {
        if let Some(socket) = self.socket.upgrade() {
            *self.paused() = Some(Arc::clone(&socket));
            Python::attach(|py| socket.read_on(py, false));
        }
    }

    fn resume(&self) {
        let socket = self.paused().take();
        if let Some(socket) = socket {
            Python::attach(|py| socket.read_on(py, true));
        }
    }

    fn close(&self) {
        let Some(socket) = self.socket.upgrade() else {
            return;
        };
        Python::attach(|py| {
            socket.send(py);
            socket.shut(py);
        });
        let paused = self.paused().take();
        drop(paused);
    }
}

fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

/// How often one callback reads: enough for a large result, an end for an endless one.
const READS: usize = 16;

/// The size in bytes up to which the output buffer is kept.
const KEEP: usize = 256 * 1024;
