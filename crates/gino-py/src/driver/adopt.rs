//! Owns the awaiting of asyncio's own coroutines from Rust: name look-up, connecting, hooks.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use pyo3::prelude::*;

/// A task of the loop, awaited. Dropping it cancels the task.
pub(crate) struct Adopted {
    task: Py<PyAny>,
    waker: Option<Arc<Slot>>,
    done: bool,
}

#[derive(Default)]
struct Slot(Mutex<Option<Waker>>);

#[pyclass(frozen, module = "gino._core")]
struct Done(Arc<Slot>);

#[pymethods]
impl Done {
    fn __call__(&self, _task: &Bound<'_, PyAny>) {
        let waker = self
            .0
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Adopted {
    /// Runs `coroutine` as a task of `home`.
    ///
    /// # Errors
    /// What `create_task` raises.
    pub(crate) fn new(home: &Bound<'_, PyAny>, coroutine: &Bound<'_, PyAny>) -> PyResult<Adopted> {
        let task = home.call_method1("create_task", (coroutine,))?.unbind();
        Ok(Adopted {
            task,
            waker: None,
            done: false,
        })
    }
}

impl Future for Adopted {
    type Output = PyResult<Py<PyAny>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Python::attach(|py| {
            let task = self.task.clone_ref(py);
            if task.call_method0(py, "done")?.is_truthy(py)? {
                self.done = true;
                return Poll::Ready(task.call_method0(py, "result"));
            }
            if self.waker.is_none() {
                let slot = Arc::new(Slot::default());
                task.call_method1(py, "add_done_callback", (Done(Arc::clone(&slot)),))?;
                self.waker = Some(slot);
            }
            if let Some(slot) = &self.waker {
                let waker = cx.waker().clone();
                *slot.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker);
            }
            Poll::Pending
        })
    }
}

impl Drop for Adopted {
    fn drop(&mut self) {
        if !self.done {
            Python::attach(|py| {
                // A task of a closed loop cannot be cancelled and need not be.
                let _ = self.task.call_method0(py, "cancel");
            });
        }
    }
}
