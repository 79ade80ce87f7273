//! Owns the hooks of `create_pool`: coroutine functions over a connection, run by core's flows as
//! tasks of the loop. Never decides when: `gino_core::engine` does. `engine` makes them.

use std::sync::{Arc, Weak};

use gino_core::engine::{self as core, Hook, Hooks, Seat};
use gino_core::error::{Closed, Result};
use pyo3::prelude::*;

use crate::driver::{Adopted, LoopRuntime};
use crate::fault::host;
use crate::handle::Handle;
use crate::pools::Pools;

/// The coroutine functions, each called with a connection that is made by `connection_class`.
pub(crate) struct Functions {
    pub(crate) connection_class: Py<PyAny>,
    pub(crate) init: Option<Py<PyAny>>,
    pub(crate) setup: Option<Py<PyAny>>,
    pub(crate) reset: Option<Py<PyAny>>,
}

/// Core's hooks for `functions`. They don't keep the pools.
pub(crate) fn hooks(functions: Functions, pools: &Weak<Pools>) -> Hooks<LoopRuntime> {
    let functions = Arc::new(functions);
    let make = |pick: Pick| {
        let made = Calling {
            functions: Arc::clone(&functions),
            pools: Weak::clone(pools),
            pick,
        };
        pick(&functions).is_some().then(|| -> Hook<LoopRuntime> {
            let made = Arc::new(made);
            Arc::new(move |seat| Box::pin(Arc::clone(&made).call(seat)))
        })
    };
    Hooks {
        opened: make(|functions| functions.init.as_ref()),
        acquired: make(|functions| functions.setup.as_ref()),
        released: make(|functions| functions.reset.as_ref()),
    }
}

type Pick = fn(&Functions) -> Option<&Py<PyAny>>;

struct Calling {
    functions: Arc<Functions>,
    pools: Weak<Pools>,
    pick: Pick,
}

impl Calling {
    async fn call(self: Arc<Self>, seat: Arc<Seat<LoopRuntime>>) -> Result<()> {
        let pools = self.pools.upgrade().ok_or(Closed::Pool)?;
        let home = seat.runtime().clone();
        let handle = Arc::new(core::Handle::lent(seat));
        let begun = Python::attach(|py| {
            let public = Py::new(py, Handle::new(pools, Arc::clone(&handle)))?;
            let connection = self.functions.connection_class.call1(py, (public,))?;
            let Some(function) = (self.pick)(&self.functions) else {
                return Ok(None);
            };
            let coroutine = function.bind(py).call1((connection,))?;
            Adopted::new(home.home().bind(py), &coroutine).map(Some)
        });
        let done = match begun.map_err(host)? {
            Some(task) => task.await.map(drop).map_err(host),
            None => Ok(()),
        };
        handle.release(true).await?;
        done
    }
}
