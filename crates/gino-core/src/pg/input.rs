//! Owns the input buffer: bytes of the peer until they are whole messages. Bounds a message before
//! anything parses it and grows only by what really arrived. `Link` fills it, `Answers` reads it.

use crate::error::{ProtocolError, Result};

/// A whole message: its type byte and its body without the length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) tag: u8,
    pub(super) body: &'a [u8],
}

pub(super) struct Input {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    limit: usize,
}

impl Input {
    pub(super) fn new() -> Input {
        Input {
            buffer: vec![0; CHUNK],
            start: 0,
            end: 0,
            limit: STARTUP_LIMIT,
        }
    }

    /// From now on messages may be as large as the server makes them.
    pub(super) fn open_up(&mut self) {
        self.limit = MESSAGE_LIMIT;
    }

    /// Room for the next read, never empty.
    pub(super) fn spare(&mut self) -> &mut [u8] {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
            if self.buffer.len() > KEEP {
                self.buffer.truncate(KEEP);
                self.buffer.shrink_to_fit();
            }
        }
        if self.buffer.len() - self.end < CHUNK / 2 {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            if self.buffer.len() - self.end < CHUNK / 2 {
                let larger = self.buffer.len() * 2;
                self.buffer.resize(larger, 0);
            }
        }
        self.buffer.get_mut(self.end..).unwrap_or_default()
    }

    /// `count` bytes were read into `spare`.
    pub(super) fn advance(&mut self, count: usize) {
        self.end = (self.end + count).min(self.buffer.len());
    }

    /// The next whole message, if there is one.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<Frame<'_>>> {
        let available = self.buffer.get(self.start..self.end).unwrap_or_default();
        let Some((&[tag, a, b, c, d], rest)) = available.split_first_chunk::<5>() else {
            return Ok(None);
        };
        let claimed = u32::from_be_bytes([a, b, c, d]);
        let length = usize::try_from(claimed).unwrap_or(usize::MAX);
        if length < 4 || length > self.limit {
            return Err(bad_length(tag, claimed));
        }
        let Some(body) = rest.get(..length - 4) else {
            return Ok(None);
        };
        self.start += length + 1;
        Ok(Some(Frame { tag, body }))
    }
}

#[cold]
fn bad_length(tag: u8, claimed: u32) -> crate::error::Error {
    ProtocolError {
        state: "reading a message",
        expected: "a length from 4 to 1 GiB (64 KiB during start-up)",
        got: format!("message '{}' of {claimed} bytes", tag.escape_ascii()).into(),
    }
    .into()
}

/// The smallest buffer, and twice the least room for a read: few system calls for a large result,
/// little memory for an idle connection.
const CHUNK: usize = 64 * 1024;

/// A larger buffer is given back once it is empty.
const KEEP: usize = 1024 * 1024;

/// Before authentication a peer needs a few hundred bytes; libpq allows 30,000.
const STARTUP_LIMIT: usize = 64 * 1024;

/// The server's own limit, `MaxAllocSize` of 1 GiB - 1, and the length word.
const MESSAGE_LIMIT: usize = 1024 * 1024 * 1024 + 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn push(input: &mut Input, bytes: &[u8]) {
        for chunk in bytes.chunks(1000) {
            input.spare()[..chunk.len()].copy_from_slice(chunk);
            input.advance(chunk.len());
        }
    }

    #[test]
    fn message_comes_out_when_its_last_byte_is_in() {
        let mut input = Input::new();
        for byte in b"Z\0\0\0\x05" {
            push(&mut input, &[*byte]);
            assert!(input.next().unwrap().is_none());
        }
        push(&mut input, b"I");
        let frame = input.next().unwrap().unwrap();
        assert_eq!((frame.tag, frame.body), (b'Z', &b"I"[..]));
        assert!(input.next().unwrap().is_none());
    }

    #[test]
    fn claimed_length_allocates_nothing() {
        let mut input = Input::new();
        input.open_up();
        push(&mut input, b"D\x3f\xff\xff\xff");
        assert!(input.next().unwrap().is_none());
        assert_eq!(input.buffer.len(), CHUNK);
        for length in [[0, 0, 0, 3], [0xff, 0xff, 0xff, 0xff], [0x40, 0, 0, 4]] {
            let mut input = Input::new();
            input.open_up();
            push(&mut input, b"D");
            push(&mut input, &length);
            assert!(input.next().is_err());
        }
    }

    #[test]
    fn before_login_messages_are_small() {
        let mut input = Input::new();
        push(&mut input, b"R\0\x02\0\0");
        assert!(input.next().is_err());
    }

    #[test]
    fn large_message_grows_the_buffer_and_gives_it_back() {
        let mut input = Input::new();
        input.open_up();
        let body = vec![7; 3 * KEEP];
        push(&mut input, b"d");
        push(
            &mut input,
            &(u32::try_from(body.len()).unwrap() + 4).to_be_bytes(),
        );
        push(&mut input, &body);
        assert_eq!(input.next().unwrap().unwrap().body, body);
        input.spare();
        assert!(input.buffer.len() <= KEEP);
    }
}
