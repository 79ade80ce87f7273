//! Owns the border between a byte-stream backend and the face's socket. Neither side blocks.

use std::io;

use bytes::BytesMut;

/// How urgent it is to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    /// The server is idle: send at once.
    Now,
    /// The server has work: send at the end of this turn of the loop, with what comes until then.
    Soon,
}

/// The face's end: a socket that can send. Closing is idempotent.
pub trait Transport: Send + Sync {
    /// Fetch bytes with [`Wire::poll_transmit`] and send them.
    fn flush(&self, when: Flush);

    /// How many bytes were fetched and are not with the system yet. A face that counts them calls
    /// [`Wire::drained`] when there are fewer.
    fn backlog(&self) -> usize {
        0
    }

    /// Read nothing until [`Transport::resume`]. Without it what comes in is not bounded.
    fn pause(&self) {}

    /// Read again. May be called from inside [`Wire::readable`].
    fn resume(&self) {}

    /// Send what is left if that is possible without waiting, then close the socket.
    fn close(&self);
}

/// The backend's end: fed by the face, one call at a time.
pub trait Wire: Send + Sync {
    /// Gives the wire its transport, before any other call.
    fn attach(&self, transport: Box<dyn Transport>);

    /// Reads once with `read` into the input buffer, handles every whole message, and wakes those
    /// whose requests are complete. Returns how many bytes were read; 0 means end of stream.
    ///
    /// # Errors
    /// What `read` returned (`WouldBlock` included), or `InvalidData` if the peer broke the
    /// protocol: the wire is closed then.
    fn readable(&self, read: &mut dyn FnMut(&mut [u8]) -> io::Result<usize>) -> io::Result<usize>;

    /// Moves all bytes to be sent to the end of `out`, without a copy if that is empty. Returns whether
    /// there were any.
    fn poll_transmit(&self, out: &mut BytesMut) -> bool;

    /// Bytes that had to wait are with the system now. Called without a lock of the face.
    fn drained(&self) {}

    /// The connection is gone: everything in flight fails with `Closed`.
    fn lost(&self, cause: Option<io::Error>);
}

/// Moves what is in `from` to the end of `to`, without a copy if that is empty, and empties it as
/// [`empty`] does.
pub fn pass(from: &mut BytesMut, to: &mut BytesMut, keep: usize) {
    match to.is_empty() {
        true => std::mem::swap(from, to),
        false => to.extend_from_slice(from),
    }
    empty(from, keep);
}

/// Empties a buffer that is used again, and gives its room back if that is more than `keep` bytes.
pub fn empty(buffer: &mut BytesMut, keep: usize) {
    if buffer.capacity() > keep {
        *buffer = BytesMut::new();
    }
    buffer.clear();
}
