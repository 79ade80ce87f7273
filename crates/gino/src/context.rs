//! Owns the contextual connections of a task: which one an implicit query uses. A scope lasts as
//! long as the future it wraps; scopes nest, and branches of one task do not see each other's.
//! Never borrows or releases. `connection` and `transaction` put handles in, `query` looks them up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gino_core::stack::{Place, Stack};

use crate::driver::TokioRuntime;

/// The engine that both faces share, on tokio.
pub(crate) type Core = gino_core::engine::Engine<TokioRuntime>;
/// A contextual connection of it.
pub(crate) type Handle = gino_core::engine::Handle<TokioRuntime>;

tokio::task_local! {
    static SCOPE: Arc<Scope>;
}

/// The connections that were acquired in one scope, of whatever engine.
#[derive(Default)]
struct Scope {
    outer: Option<Arc<Scope>>,
    entries: Mutex<Stack<Entry>>,
}

struct Entry {
    core: Core,
    handle: Arc<Handle>,
}

impl Scope {
    fn lock(&self) -> MutexGuard<'_, Stack<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place on the stack of a scope; leaving it empty again is up to the owner's drop.
pub(crate) struct Entered {
    scope: Arc<Scope>,
    place: Place,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let entry = self.scope.lock().remove(self.place);
        drop(entry);
    }
}

/// The newest reusable connection of the current task to `core`'s pool.
pub(crate) fn newest(core: &Core) -> Option<Arc<Handle>> {
    let mut scope = SCOPE.try_with(Arc::clone).ok();
    while let Some(current) = scope {
        let found = current
            .lock()
            .iter()
            .rev()
            .find(|entry| entry.core.is_same(core))
            .map(|entry| Arc::clone(&entry.handle));
        if found.is_some() {
            return found;
        }
        scope = current.outer.clone();
    }
    None
}

/// Makes `handle` the newest connection of the current scope, if there is a scope and the handle is
/// reusable.
pub(crate) fn enter(core: &Core, handle: &Arc<Handle>) -> Option<Entered> {
    if !handle.is_reusable() {
        return None;
    }
    let scope = SCOPE.try_with(Arc::clone).ok()?;
    let entry = Entry {
        core: core.clone(),
        handle: Arc::clone(handle),
    };
    let place = scope.lock().push(entry);
    Some(Entered { scope, place })
}

/// Runs `future` in a scope inside the current one.
///
/// # Cancellation
/// The scope ends with the future.
pub(crate) async fn scope<T>(future: impl Future<Output = T>) -> T {
    let inner = Scope {
        outer: SCOPE.try_with(Arc::clone).ok(),
        entries: Mutex::default(),
    };
    SCOPE.scope(Arc::new(inner), future).await
}
