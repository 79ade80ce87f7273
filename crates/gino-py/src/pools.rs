//! Owns the pools of one engine: one for each event loop that uses it. Made by `engine`; connections
//! keep it to know their loop.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gino_core::codec::Catalog;
use gino_core::config::Config;
use gino_core::engine::{Engine, Handle, Hooks, Observers};
use pyo3::prelude::*;

use crate::driver::{Context, LoopRuntime, stack, wake};
use crate::errors;

/// The pools of one engine, over one configuration.
pub(crate) struct Pools {
    config: Arc<Config>,
    context: Context,
    hooks: Hooks<LoopRuntime>,
    /// What all pools know of the database's types.
    catalog: Arc<Catalog>,
    observers: Observers,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: Vec<Engine<LoopRuntime>>,
    closed: bool,
}

impl Pools {
    pub(crate) fn new(config: Arc<Config>, context: Context, hooks: Hooks<LoopRuntime>) -> Pools {
        Pools {
            config,
            context,
            hooks,
            catalog: Arc::default(),
            observers: Observers::default(),
            state: Mutex::default(),
        }
    }

    /// What the task stacks know the engine by.
    pub(crate) fn id(self: &Arc<Self>) -> usize {
        Arc::as_ptr(self).addr()
    }

    /// The configuration.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// Who is told what the pools of all loops do.
    pub(crate) fn observers(&self) -> &Observers {
        &self.observers
    }

    /// The time-out of statements that are given none.
    pub(crate) fn command_timeout(&self) -> Option<Duration> {
        self.config.command_timeout
    }

    /// The running task's newest reusable connection.
    pub(crate) fn newest(
        self: &Arc<Self>,
        py: Python<'_>,
    ) -> PyResult<Option<Arc<Handle<LoopRuntime>>>> {
        stack::newest(py, self.id(), |entry| Arc::clone(&entry.handle))
    }

    /// The running loop's pool, if it has one.
    pub(crate) fn of_loop_if_any(&self, py: Python<'_>) -> Option<Engine<LoopRuntime>> {
        let home = wake::running_loop(py).ok()?;
        self.lock()
            .open
            .iter()
            .find(|pool| pool.runtime().home().is(&home))
            .cloned()
    }

    /// The running loop's pool, made if need be. Pools of loops that are closed go.
    ///
    /// # Errors
    /// `RuntimeError` without a running loop; `Closed`.
    pub(crate) fn of_loop(&self, py: Python<'_>) -> PyResult<Engine<LoopRuntime>> {
        let home = wake::running_loop(py)?;
        {
            let state = self.lock();
            if let Some(pool) = state
                .open
                .iter()
                .find(|pool| pool.runtime().home().is(&home))
            {
                return Ok(pool.clone());
            }
            if state.closed {
                return Err(errors::raise(py, gino_core::error::Closed::Pool.into()));
            }
        }
        self.drop_dead(py)?;
        let runtime = LoopRuntime::new(home, self.context.clone());
        let config = Arc::clone(&self.config);
        let (hooks, observers) = (self.hooks.clone(), self.observers.clone());
        let catalog = Arc::clone(&self.catalog);
        let made = Engine::with_observers(config, runtime, hooks, catalog, observers);
        self.lock().open.push(made.clone());
        Ok(made)
    }

    /// From now on no pool is made. Returns those there are.
    pub(crate) fn close(&self) -> Vec<Engine<LoopRuntime>> {
        let mut state = self.lock();
        state.closed = true;
        state.open.clone()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn drop_dead(&self, py: Python<'_>) -> PyResult<()> {
        let open = self.lock().open.clone();
        for pool in open {
            let home = pool.runtime().home();
            if home.call_method0(py, "is_closed")?.is_truthy(py)? {
                self.lock()
                    .open
                    .retain(|other| !other.runtime().home().is(home));
                pool.terminate();
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
