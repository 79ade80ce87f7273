//! Owns futures that run in the loop without a task: healing, housekeeping. Kept alive by their
//! wakers alone, so that a loop that ends takes them along.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

use pyo3::prelude::*;

use super::wake::call_soon_name;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Starts `task` in the next turn of `home`.
pub(super) fn spawn(home: &Py<PyAny>, task: Task) {
    Python::attach(|py| {
        let core = Core {
            task: Mutex::new(Some(task)),
            scheduled: AtomicBool::new(false),
        };
        Arc::new(Shared {
            core,
            home: home.clone_ref(py),
        })
        .schedule(py);
    });
}

struct Shared {
    core: Core,
    home: Py<PyAny>,
}

struct Core {
    task: Mutex<Option<Task>>,
    scheduled: AtomicBool,
}

/// The callback that polls.
#[pyclass(frozen, module = "gino._core")]
struct Background(Arc<Shared>);

#[pymethods]
impl Background {
    fn __call__(&self) {
        self.0.core.scheduled.store(false, Ordering::Release);
        let Some(mut task) = self.0.take() else {
            return;
        };
        let waker = Waker::from(Arc::clone(&self.0));
        if task
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
        {
            self.0.put(task);
        }
    }
}

impl Shared {
    fn take(&self) -> Option<Task> {
        self.core
            .task
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    fn put(&self, task: Task) {
        *self
            .core
            .task
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    fn schedule(self: &Arc<Self>, py: Python<'_>) {
        if self.core.scheduled.swap(true, Ordering::AcqRel) {
            return;
        }
        let home = self.home.bind(py);
        let scheduled = call_soon_name(home)
            .and_then(|name| home.call_method1(name, (Background(Arc::clone(self)),)));
        if scheduled.is_err() {
            // The loop is closed: nothing of it runs any more.
            drop(self.take());
        }
    }
}

impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        Python::attach(|py| self.schedule(py));
    }
}
