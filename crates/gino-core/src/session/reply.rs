//! Owns the one-shot path from a backend's completion to the flow that waits for it.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::{Sink, Statement};
use crate::codec::catalog::Entry;
use crate::error::{Closed, Error, Result};

/// What a request came to.
#[derive(Default)]
pub struct Completion {
    /// The sink that was given, with its rows.
    pub sink: Option<Box<dyn Sink>>,
    /// The last command tag, such as `INSERT 0 1`; empty if there was none.
    pub tag: Cow<'static, str>,
    /// How many rows the command tags of all parameter sets speak of together.
    pub affected: u64,
    /// Whether the row limit was reached before the end.
    pub suspended: bool,
    /// What few requests come to; apart, since each statement has room for the rest.
    pub rare: Option<Box<Rare>>,
}

/// See [`Completion::rare`].
#[derive(Default)]
pub struct Rare {
    /// The statement that was prepared.
    pub statement: Option<Arc<Statement>>,
    /// The types that were asked for.
    pub types: Vec<Entry>,
    /// Nothing ran: the session no longer has the statement as it was prepared, and says so with
    /// this error. Prepared again, it may run, with the same sink.
    pub stale: Option<Error>,
}

impl Completion {
    /// The place for what is rare.
    pub fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// See [`Rare::stale`].
    pub fn take_stale(&mut self) -> Option<Error> {
        self.rare.as_mut()?.stale.take()
    }
}

/// The number at the end of a command tag (PostgreSQL manual, "CommandComplete"), if it has one.
pub fn tag_rows(tag: &str) -> Option<u64> {
    let space = tag.bytes().rposition(|byte| byte == b' ')?;
    tag.get(space + 1..)?.parse().ok()
}

enum State {
    Waiting(Option<Waker>),
    Done(Result<Completion>),
    Taken,
    Abandoned(Option<Waker>),
    Drained,
}

struct Shared {
    state: Mutex<State>,
    /// Whether the state is or was `Abandoned`: asked for each result, without the lock.
    abandoned: AtomicBool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self, result: Result<Completion>) -> Settled {
        let mut state = self.lock();
        let (waker, unwanted) = match &mut *state {
            State::Waiting(waker) => {
                let waker = waker.take();
                *state = State::Done(result);
                (waker, None)
            }
            State::Abandoned(waker) => {
                let waker = waker.take();
                *state = State::Drained;
                (waker, Some(result))
            }
            _ => (None, Some(result)),
        };
        Settled { waker, unwanted }
    }
}

/// The answer to a request, to be awaited once.
///
/// # Cancellation
/// Dropping it abandons the answer: rows are drained without decoding. The request itself goes on.
pub struct Reply {
    /// None once it was taken.
    shared: Option<Arc<Shared>>,
}

impl Reply {
    /// Gives the answer up: its rows are drained without decoding. What comes back resolves when
    /// the last message of the answer is in, or the session is closed.
    pub fn abandon(self) -> Drained {
        let shared = self.shared.clone();
        drop(self);
        Drained(shared)
    }
}

/// The end of an answer that was given up.
pub struct Drained(Option<Arc<Shared>>);

impl Future for Drained {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(shared) = &self.0 else {
            return Poll::Ready(());
        };
        match &mut *shared.lock() {
            State::Abandoned(waker) => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }
}

impl Drained {
    /// Whether it resolves at once.
    pub fn is_over(&self) -> bool {
        let is_awaited = |shared: &Arc<Shared>| matches!(*shared.lock(), State::Abandoned(_));
        !self.0.as_ref().is_some_and(is_awaited)
    }
}

/// The backend's end of a [`Reply`].
pub struct Completer {
    /// None once it was answered.
    shared: Option<Arc<Shared>>,
}

/// A fresh pair.
pub fn reply() -> (Completer, Reply) {
    let shared = Some(Arc::new(Shared {
        state: Mutex::new(State::Waiting(None)),
        abandoned: AtomicBool::new(false),
    }));
    let completer = Completer {
        shared: shared.clone(),
    };
    (completer, Reply { shared })
}

impl Completer {
    /// Whether nobody waits any more.
    pub fn is_abandoned(&self) -> bool {
        let is_abandoned = |shared: &Arc<Shared>| shared.abandoned.load(Ordering::Acquire);
        self.shared.as_ref().is_some_and(is_abandoned)
    }

    /// Answers, and wakes who waits. Call it without holding a lock.
    pub fn complete(self, result: Result<Completion>) {
        self.settle(result).wake();
    }

    /// Answers without waking anybody, for who holds a lock: call [`Settled::wake`] after it.
    pub fn settle(mut self, result: Result<Completion>) -> Settled {
        match self.shared.take() {
            Some(shared) => shared.finish(result),
            None => Settled {
                waker: None,
                unwanted: Some(result),
            },
        }
    }
}

/// An answer that is in: who is to be woken, and what nobody wants any more.
#[must_use = "somebody waits to be woken"]
pub struct Settled {
    waker: Option<Waker>,
    unwanted: Option<Result<Completion>>,
}

impl Settled {
    /// Wakes who waits. Call it without holding a lock.
    pub fn wake(self) {
        drop(self.unwanted);
        if let Some(waker) = self.waker {
            waker.wake();
        }
    }
}

impl Drop for Completer {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take() {
            shared.finish(Err(Closed::Connection.into())).wake();
        }
    }
}

impl Future for Reply {
    type Output = Result<Completion>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let taken = match &self.shared {
            None => State::Taken,
            Some(shared) => {
                let mut state = shared.lock();
                match &mut *state {
                    State::Waiting(Some(waker)) if waker.will_wake(cx.waker()) => {
                        return Poll::Pending;
                    }
                    State::Waiting(waker) => {
                        *waker = Some(cx.waker().clone());
                        return Poll::Pending;
                    }
                    state => std::mem::replace(state, State::Taken),
                }
            }
        };
        self.shared = None;
        match taken {
            State::Done(result) => Poll::Ready(result),
            _ => Poll::Ready(Err(Closed::Connection.into())),
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        let Some(shared) = self.shared.take() else {
            return;
        };
        let previous = {
            let mut state = shared.lock();
            match *state {
                State::Waiting(_) => {
                    shared.abandoned.store(true, Ordering::Release);
                    std::mem::replace(&mut *state, State::Abandoned(None))
                }
                State::Done(_) => std::mem::replace(&mut *state, State::Drained),
                _ => return,
            }
        };
        // Rows and wakers may call out when dropped: not under the lock.
        drop(previous);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_the_last_number_of_the_tag() {
        for (tag, rows) in [
            ("SELECT 3", Some(3)),
            ("INSERT 0 2", Some(2)),
            ("BEGIN", None),
            ("CREATE TABLE", None),
            ("", None),
        ] {
            assert_eq!(tag_rows(tag), rows, "{tag}");
        }
    }
}
