//! Owns sleeping: a `call_later` of the loop that is cancelled with the future.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use pyo3::prelude::*;

/// A sleep of the loop. It begins with its first poll.
pub(crate) struct Sleep {
    home: Arc<Py<PyAny>>,
    length: Duration,
    timer: Option<(Py<PyAny>, Arc<State>)>,
}

#[derive(Default)]
struct State(Mutex<(bool, Option<Waker>)>);

impl State {
    fn with<T>(&self, change: impl FnOnce(&mut (bool, Option<Waker>)) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What the loop calls when the time is over.
#[pyclass(frozen, module = "gino._core")]
struct Ring(Arc<State>);

#[pymethods]
impl Ring {
    fn __call__(&self) {
        let waker = self.0.with(|state| {
            state.0 = true;
            state.1.take()
        });
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Sleep {
    pub(super) fn new(home: &Arc<Py<PyAny>>, length: Duration) -> Sleep {
        Sleep {
            home: Arc::clone(home),
            length,
            timer: None,
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some((_, state)) = &self.timer {
            return state.with(|state| {
                if state.0 {
                    return Poll::Ready(());
                }
                state.1 = Some(cx.waker().clone());
                Poll::Pending
            });
        }
        let state = Arc::new(State::default());
        state.with(|state| state.1 = Some(cx.waker().clone()));
        let ring = Ring(Arc::clone(&state));
        let seconds = self.length.as_secs_f64();
        let timer = Python::attach(|py| {
            self.home
                .bind(py)
                .call_method1("call_later", (seconds, ring))
                .map(Bound::unbind)
        });
        match timer {
            Ok(timer) => {
                self.timer = Some((timer, state));
                Poll::Pending
            }
            // A closed loop has no time. To be over at once could make a caller ask again for ever.
            Err(_) => Poll::Pending,
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some((timer, state)) = self.timer.take() {
            drop(state.with(|state| state.1.take()));
            Python::attach(|py| {
                // A timer of a closed loop has nothing to cancel.
                let _ = timer.call_method0(py, "cancel");
            });
        }
    }
}
