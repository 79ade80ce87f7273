//! Owns the asyncio loop as core's runtime: time, sleeping, background work. Never opens a
//! connection itself: `connect` does.

use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, OnceLock};
use std::time::Instant as Clock;

use gino_core::clock::Instant;
use gino_core::error::Result;
use gino_core::runtime::{Caller, Runtime};
use gino_core::session::{Channel, Route, Wire};
use pyo3::prelude::*;
use pyo3::types::{PyWeakrefMethods, PyWeakrefReference};

use super::adopt::Adopted;
use super::sleep::Sleep;
use super::{background, connect, wake};
use crate::origin;

/// An `ssl.SSLContext` of the application's, which takes the place of what the settings say.
pub(crate) type Context = Option<Arc<Py<PyAny>>>;

/// One event loop.
#[derive(Clone)]
pub(crate) struct LoopRuntime {
    home: Arc<Py<PyAny>>,
    pub(super) context: Context,
    /// The context that trusts the system's authorities.
    pub(super) system: Arc<OnceLock<Py<PyAny>>>,
}

impl LoopRuntime {
    /// The runtime of `home`, a loop.
    pub(crate) fn new(home: Py<PyAny>, context: Context) -> LoopRuntime {
        LoopRuntime {
            home: Arc::new(home),
            context,
            system: Arc::default(),
        }
    }

    /// The loop.
    pub(crate) fn home(&self) -> &Arc<Py<PyAny>> {
        &self.home
    }

    /// Makes a coroutine of the loop and runs it as a task.
    pub(super) fn adopt(
        &self,
        make: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<Adopted>,
    ) -> PyResult<Adopted> {
        Python::attach(|py| make(self.home.bind(py)))
    }
}

impl Runtime for LoopRuntime {
    type Sleep = Sleep;

    fn now(&self) -> Instant {
        static ORIGIN: OnceLock<Clock> = OnceLock::new();
        Instant::new(ORIGIN.get_or_init(Clock::now).elapsed())
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        Sleep::new(&self.home, at.saturating_since(self.now()))
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        background::spawn(&self.home, Box::pin(task));
    }

    fn random(&self) -> u64 {
        // A fresh state is seeded by the system.
        RandomState::new().build_hasher().finish()
    }

    async fn connect(&self, route: &Route, wire: Arc<dyn Wire>) -> Result<Channel> {
        connect::connect(self, route, wire).await
    }

    fn caller(&self) -> Option<Arc<dyn Caller>> {
        Python::attach(|py| {
            let task = wake::current_task(py).ok()??;
            // Weakly: what a task borrows goes back when nobody has the task any more.
            let task = PyWeakrefReference::new(&task).ok()?.unbind();
            Some(Arc::new(Asking(task)) as Arc<dyn Caller>)
        })
    }
}

/// The task that asked for a connection.
struct Asking(Py<PyWeakrefReference>);

impl Caller for Asking {
    fn name(&self) -> Option<Arc<str>> {
        Python::attach(|py| {
            let task = self.0.bind(py).upgrade()?;
            let name: String = task.call_method0("get_name").ok()?.extract().ok()?;
            Some(format!("task {name}").into())
        })
    }

    fn place(&self) -> Option<Arc<str>> {
        Python::attach(|py| origin::of_task(&self.0.bind(py).upgrade()?).ok()?)
    }
}
