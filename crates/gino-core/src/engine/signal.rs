//! Owns waiting for a condition that another flow brings about. Never holds its lock while waking.

use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A condition that can be closed and opened; who waits goes on when it is open.
#[derive(Debug)]
pub(super) struct Signal(Mutex<State>);

#[derive(Debug)]
struct State {
    open: bool,
    waiting: Vec<Waker>,
}

impl Signal {
    pub(super) fn opened() -> Signal {
        Signal(Mutex::new(State {
            open: true,
            waiting: Vec::new(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn close(&self) {
        self.lock().open = false;
    }

    /// Closes it if `condition` holds, in one step for everybody who asks [`Signal::is_open`].
    pub(super) fn close_if(&self, condition: impl FnOnce() -> bool) -> bool {
        let mut state = self.lock();
        let closes = condition();
        state.open &= !closes;
        closes
    }

    pub(super) fn is_open(&self) -> bool {
        self.lock().open
    }

    pub(super) fn open(&self) {
        self.open_unless(|| false);
    }

    /// Opens it unless `condition` holds, in one step for everybody who asks [`Signal::is_open`].
    pub(super) fn open_unless(&self, condition: impl FnOnce() -> bool) {
        let waiting = {
            let mut state = self.lock();
            if condition() {
                return;
            }
            state.open = true;
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Until the signal is open. May be dropped at any time.
    pub(super) fn wait(&self) -> Wait<'_> {
        Wait(self)
    }
}

pub(super) struct Wait<'a>(&'a Signal);

impl Future for Wait<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.open {
            return Poll::Ready(());
        }
        if !state
            .waiting
            .iter()
            .any(|waker| waker.will_wake(cx.waker()))
        {
            state.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }
}
