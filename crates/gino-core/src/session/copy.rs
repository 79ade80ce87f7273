//! Owns the two ways of COPY data between a session and a flow, both bounded: [`CopyDoor`] for what
//! goes in, [`CopyPipe`] for what comes out. Never looks at the data; wakes nobody under its lock.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};

use super::Sink;
use crate::error::Result;
use crate::row::{Columns, RawRow};

/// What a session in COPY FROM STDIN is fed.
#[derive(Debug, Clone, Copy)]
pub enum Feed<'a> {
    /// Some of the data, cut wherever it likes.
    Data(&'a [u8]),
    /// That was all.
    Done,
    /// The copy is given up: the server undoes it.
    Fail(&'a str),
}

/// Whether a session takes COPY data now. The session opens and fills it, the flow waits at it.
#[derive(Default)]
pub struct CopyDoor(Mutex<Door>);

#[derive(Default)]
struct Door {
    state: State,
    waker: Option<Waker>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The server has not asked for data yet.
    #[default]
    Shut,
    Open,
    /// Too much is on its way to the server.
    Full,
    /// Nothing more will come.
    Used,
}

impl CopyDoor {
    /// The server takes data from now on. False if nobody has any for it.
    pub fn open(&self) -> bool {
        self.turn(State::Shut, State::Open)
    }

    /// What was fed has to leave first.
    pub fn fill(&self) {
        self.turn(State::Open, State::Full);
    }

    /// There is room again.
    pub fn clear(&self) {
        self.turn(State::Full, State::Open);
    }

    /// Nothing more will come. Whether the server waits for an end.
    pub fn close(&self) -> bool {
        let before = std::mem::replace(&mut self.lock().state, State::Used);
        matches!(before, State::Open | State::Full)
    }

    /// Until data may be fed.
    pub fn poll_open(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut door = self.lock();
        if door.state == State::Open {
            return Poll::Ready(());
        }
        door.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn turn(&self, from: State, to: State) -> bool {
        let waker = {
            let mut door = self.lock();
            if door.state != from {
                return false;
            }
            door.state = to;
            door.waker.take_if(|_| to == State::Open)
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Door> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// COPY data on its way from a session to a flow. The session's input waits when it is full.
#[derive(Default)]
pub struct CopyPipe(Mutex<Pipe>);

#[derive(Default)]
struct Pipe {
    data: BytesMut,
    waker: Option<Waker>,
    /// The session was told to wait.
    paused: bool,
}

impl CopyPipe {
    /// A pipe, and the sink that fills it.
    pub fn new() -> (Arc<CopyPipe>, Box<dyn Sink>) {
        let pipe = Arc::new(CopyPipe::default());
        (Arc::clone(&pipe), Box::new(Inlet(pipe)))
    }

    /// All that is there, which is at least a byte.
    pub fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Bytes> {
        let mut pipe = self.lock();
        if pipe.data.is_empty() {
            pipe.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(std::mem::take(&mut pipe.data).freeze())
    }

    /// Whether the session waits for room. It does not any more after this.
    pub fn take_pause(&self) -> bool {
        std::mem::take(&mut self.lock().paused)
    }

    fn lock(&self) -> MutexGuard<'_, Pipe> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Inlet(Arc<CopyPipe>);

impl Sink for Inlet {
    fn begin(&mut self, _columns: &Arc<Columns>) -> Result<()> {
        Ok(())
    }

    fn row(&mut self, _row: RawRow<'_>) -> Result<()> {
        Ok(())
    }

    fn takes_copy(&self) -> bool {
        true
    }

    fn copy(&mut self, data: &[u8]) {
        self.0.lock().data.extend_from_slice(data);
    }

    fn is_full(&mut self) -> bool {
        let mut pipe = self.0.lock();
        pipe.paused = pipe.data.len() >= ROOM;
        pipe.paused
    }

    fn wake(&mut self) {
        let waker = {
            let mut pipe = self.0.lock();
            if pipe.data.is_empty() {
                return;
            }
            pipe.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}

/// From how many bytes on a pipe is full. A session may add what it has read by then.
const ROOM: usize = 256 * 1024;
