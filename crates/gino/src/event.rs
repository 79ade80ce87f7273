//! Owns what a connection says without being asked, as a queue that the application reads: a
//! bounded one, so that a server that notifies faster than anybody reads fills no memory.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use gino_core::error::Result;
use gino_core::session::{Event, Outlet, Silence};

use crate::connection::Connection;

impl Connection {
    /// From now on notifications, notices and changed settings of this connection go to what is
    /// returned, and no longer to what was returned before. Run `LISTEN channel` to be notified.
    ///
    /// It ends when the connection goes back to the pool, which forgets its channels too.
    ///
    /// # Errors
    /// As a statement's, if a connection has to be borrowed; `Closed`.
    ///
    /// # Cancellation
    /// Harmless.
    pub async fn events(&self) -> Result<Events> {
        let seat = Box::pin(self.seat()).await?;
        let queue = Arc::new(Queue::default());
        let before = seat.listen(Some(Arc::clone(&queue) as Arc<dyn Outlet>))?;
        if let Some(before) = before {
            before.end(Silence::Released);
        }
        Ok(Events(queue))
    }
}

/// What a connection says without being asked, in order. It is a stream too.
pub struct Events(Arc<Queue>);

impl Events {
    /// The next event; `None` once the connection went back to the pool or is closed.
    ///
    /// # Cancellation
    /// Nothing is lost.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    fn poll_event(&self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut state = self.0.lock();
        match state.events.pop_front() {
            Some(event) => Poll::Ready(Some(event)),
            None if state.ended => Poll::Ready(None),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// How many events were thrown away because 1,024 others waited to be read.
    pub fn lost(&self) -> u64 {
        self.0.lock().lost
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll_event(cx)
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Queue(Mutex<State>);

#[derive(Default)]
struct State {
    events: VecDeque<Event>,
    lost: u64,
    ended: bool,
    waker: Option<Waker>,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let waker = {
            let mut state = self.lock();
            change(&mut state);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Outlet for Queue {
    fn hear(&self, event: Event) {
        self.change(|state| {
            if state.events.len() < MOST {
                state.events.push_back(event);
            } else {
                state.lost += 1;
            }
        });
    }

    fn end(&self, _silence: Silence) {
        self.change(|state| state.ended = true);
    }
}

/// How many events wait at most.
const MOST: usize = 1024;
