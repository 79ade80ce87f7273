//! Owns an open socket: a task that reads, and a sending side that every thread may use.
//! Never keeps the backend's [`Wire`] alive: when that goes, so do task and socket.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};

use bytes::BytesMut;
use gino_core::session::{Flush, Transport, Wire, empty};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Gives `wire` the sending side of a socket, and feeds it with what comes in.
pub(super) fn attach<R, W>(read: R, write: W, wire: &Arc<dyn Wire>)
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let writer = Writer {
        write,
        buffer: BytesMut::new(),
        sent: 0,
    };
    let sender = Arc::new(Sender {
        wire: Arc::downgrade(wire),
        state: Mutex::new(State {
            writer: Some(writer),
            reader: None,
        }),
        due: AtomicBool::new(false),
        paused: AtomicBool::new(false),
    });
    wire.attach(Box::new(SocketTransport(Arc::clone(&sender))));
    tokio::spawn(Reader {
        read,
        sender,
        waker: None,
        ended: false,
    });
}

/// What flushing threads and the reading task share.
struct Sender<W> {
    wire: Weak<dyn Wire>,
    state: Mutex<State<W>>,
    /// The reading task is to look at the state: to fetch and send what the wire has, or to end.
    due: AtomicBool,
    /// The reading task reads nothing.
    paused: AtomicBool,
}

struct State<W> {
    /// None once the socket is closed.
    writer: Option<Writer<W>>,
    /// The reading task.
    reader: Option<Waker>,
}

struct Writer<W> {
    write: W,
    buffer: BytesMut,
    sent: usize,
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    /// Sends what is in the buffer, as far as the socket takes it.
    fn send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.buffer.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.write).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.sent += count,
            }
        }
        self.sent = 0;
        empty(&mut self.buffer, KEEP);
        // TLS takes bytes before the system does.
        Pin::new(&mut self.write).poll_flush(cx)
    }
}

impl<W: AsyncWrite + Unpin> Sender<W> {
    fn lock(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches and sends. Fetching happens under the lock, which keeps the bytes of two threads in
    /// order; a wire never flushes while it is being asked.
    fn send(&self, state: &mut State<W>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(writer) = &mut state.writer else {
            return Poll::Ready(Ok(()));
        };
        if let Some(wire) = self.wire.upgrade() {
            wire.poll_transmit(&mut writer.buffer);
        }
        writer.send(cx)
    }

    /// Has the reading task look at the state.
    fn call_reader(&self) {
        self.due.store(true, Ordering::Release);
        self.wake_reader();
    }

    fn wake_reader(&self) {
        let reader = self.lock().reader.clone();
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    fn close(&self) {
        let writer = self.lock().writer.take();
        if writer.is_some() {
            self.call_reader();
        }
        drop(writer);
    }
}

/// The wire's handle on its socket. Dropping it closes the socket.
struct SocketTransport<W: AsyncWrite + Unpin>(Arc<Sender<W>>);

impl<W: AsyncWrite + Send + Unpin> Transport for SocketTransport<W> {
    fn flush(&self, when: Flush) {
        let mut state = self.0.lock();
        let rest = state.writer.as_ref().is_some_and(|w| !w.buffer.is_empty());
        if when == Flush::Now && !rest {
            // The task registers its own waker when it has to go on with this.
            let outcome = self
                .0
                .send(&mut state, &mut Context::from_waker(Waker::noop()));
            if matches!(outcome, Poll::Ready(Ok(()))) {
                return;
            }
        }
        drop(state);
        self.0.call_reader();
    }

    fn backlog(&self) -> usize {
        let state = self.0.lock();
        let writer = state.writer.as_ref();
        writer.map_or(0, |writer| writer.buffer.len() - writer.sent)
    }

    fn pause(&self) {
        self.0.paused.store(true, Ordering::Release);
    }

    fn resume(&self) {
        self.0.paused.store(false, Ordering::Release);
        self.0.wake_reader();
    }

    fn close(&self) {
        self.0.close();
    }
}

impl<W: AsyncWrite + Unpin> Drop for SocketTransport<W> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The task of a connection: reads, and sends what a flush left.
struct Reader<R, W: AsyncWrite + Unpin> {
    read: R,
    sender: Arc<Sender<W>>,
    /// What the sender has to wake it by.
    waker: Option<Waker>,
    ended: bool,
}

impl<R, W: AsyncWrite + Unpin> Reader<R, W> {
    /// Sends what is due. None if the socket is closed, else what sending came to, and whether anything
    /// was due.
    fn send(&mut self, cx: &mut Context<'_>) -> Option<(Poll<io::Result<()>>, bool)> {
        if !(self.waker.as_ref()).is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
            self.sender.lock().reader = self.waker.clone();
        }
        if !self.sender.due.load(Ordering::Acquire) {
            return Some((Poll::Ready(Ok(())), false));
        }
        let mut state = self.sender.lock();
        state.writer.as_ref()?;
        self.sender.due.store(false, Ordering::Release);
        let sent = self.sender.send(&mut state, cx);
        if sent.is_pending() {
            self.sender.due.store(true, Ordering::Release);
        }
        Some((sent, true))
    }
}

impl<R, W> Future for Reader<R, W>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let Some((sent, was_due)) = this.send(cx) else {
            this.ended = true;
            return Poll::Ready(());
        };
        let drained = was_due && sent.is_ready();
        let broken = match sent {
            Poll::Ready(Err(error)) => Some(error),
            _ => None,
        };
        let Some(wire) = this.sender.wire.upgrade() else {
            this.ended = true;
            return Poll::Ready(());
        };
        if drained {
            wire.drained();
        }
        let cause = loop {
            if broken.is_none() && this.sender.paused.load(Ordering::Acquire) {
                return Poll::Pending;
            }
            let mut asked = false;
            let mut read = |space: &mut [u8]| {
                asked = true;
                let mut space = ReadBuf::new(space);
                match Pin::new(&mut this.read).poll_read(cx, &mut space) {
                    Poll::Ready(done) => done.map(|()| space.filled().len()),
                    Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
                }
            };
            match wire.readable(&mut read) {
                Ok(0) => break None,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !asked {
                        // Another thread is closing the wire.
                        cx.waker().wake_by_ref();
                    }
                    if broken.is_none() {
                        return Poll::Pending;
                    }
                    // What the server said before it went is read now.
                    break broken;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // TLS misses its goodbye; messages have lengths, nothing can be cut off unnoticed.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break None,
                Err(error) => break Some(error),
            }
        };
        this.ended = true;
        wire.lost(cause);
        this.sender.close();
        Poll::Ready(())
    }
}

impl<R, W: AsyncWrite + Unpin> Drop for Reader<R, W> {
    fn drop(&mut self) {
        if !self.ended
            && let Some(wire) = self.sender.wire.upgrade()
        {
            // The runtime is being shut down under the connection.
            wire.lost(None);
        }
        self.sender.close();
    }
}

/// A larger send buffer is given back once it is empty.
const KEEP: usize = 64 * 1024;

#[cfg(test)]
mod tests;
