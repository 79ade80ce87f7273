//! Owns the contextual connections of tasks: one stack per task and engine, found through a context
//! variable and valid only in the task that made it, since child tasks inherit the variable.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gino_core::engine::Handle;
use gino_core::stack::{Place, Stack};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyWeakrefMethods;
use pyo3::types::PyWeakrefReference;

use super::LoopRuntime;
use super::wake::current_task;
use crate::raw::{get_context_var, new_context_var, set_context_var};

/// A contextual connection on a stack: core's handle and the public object.
pub(crate) struct Entry {
    pub(crate) handle: Arc<Handle<LoopRuntime>>,
    pub(crate) connection: Py<PyAny>,
}

/// The stacks of one task, by the identity of their engines.
#[pyclass(frozen, module = "gino._core")]
pub(crate) struct TaskStacks {
    task: Py<PyWeakrefReference>,
    stacks: Mutex<Vec<(usize, Stack<Entry>)>>,
}

impl TaskStacks {
    fn lock(&self) -> MutexGuard<'_, Vec<(usize, Stack<Entry>)>> {
        self.stacks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a connection lies, so that it can be taken away from any task.
pub(crate) struct Spot {
    stacks: Py<TaskStacks>,
    engine: usize,
    place: Place,
}

impl Spot {
    /// Takes the connection away.
    pub(crate) fn remove(self) {
        let gone = {
            let mut stacks = self.stacks.get().lock();
            let stack = stacks.iter_mut().find(|(engine, _)| *engine == self.engine);
            let gone = stack.and_then(|(_, stack)| stack.remove(self.place));
            stacks.retain(|(_, stack)| !stack.is_empty());
            gone
        };
        drop(gone);
    }
}

fn variable(py: Python<'_>) -> PyResult<&Py<PyAny>> {
    static VARIABLE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    VARIABLE.get_or_try_init(py, || new_context_var(py, c"gino_connections"))
}

/// The running task's stacks, if it has any of its own.
fn stacks(py: Python<'_>) -> PyResult<Option<Bound<'_, TaskStacks>>> {
    let Some(found) = get_context_var(py, variable(py)?)? else {
        return Ok(None);
    };
    let found = found.cast_into::<TaskStacks>()?;
    let owner = found.get().task.bind(py).upgrade();
    let own = match (owner, current_task(py)?) {
        (Some(owner), Some(task)) => owner.is(&task),
        _ => false,
    };
    Ok(own.then_some(found))
}

/// The newest reusable connection of the running task for `engine`.
pub(crate) fn newest<T>(
    py: Python<'_>,
    engine: usize,
    read: impl FnOnce(&Entry) -> T,
) -> PyResult<Option<T>> {
    let Some(stacks) = stacks(py)? else {
        return Ok(None);
    };
    let stacks = stacks.get().lock();
    let stack = stacks.iter().find(|(id, _)| *id == engine);
    Ok(stack.and_then(|(_, stack)| stack.newest()).map(read))
}

/// Puts a connection on top of the running task's stack. None if no task runs.
pub(crate) fn push(py: Python<'_>, engine: usize, entry: Entry) -> PyResult<Option<Spot>> {
    let stacks = match stacks(py)? {
        Some(stacks) => stacks,
        None => {
            let Some(task) = current_task(py)? else {
                return Ok(None);
            };
            let task = PyWeakrefReference::new(&task)?.unbind();
            let made = Bound::new(
                py,
                TaskStacks {
                    task,
                    stacks: Mutex::default(),
                },
            )?;
            set_context_var(variable(py)?, made.as_any())?;
            made
        }
    };
    let place = {
        let mut own = stacks.get().lock();
        if !own.iter().any(|(id, _)| *id == engine) {
            own.push((engine, Stack::default()));
        }
        let stack = own.iter_mut().find(|(id, _)| *id == engine);
        stack.map(|(_, stack)| stack.push(entry))
    };
    Ok(place.map(|place| Spot {
        stacks: stacks.unbind(),
        engine,
        place,
    }))
}
