//! Owns the asyncio side of the seam: the loop as a runtime, sockets in it, and how a Rust future
//! becomes something to await. Never knows plans or values. The public classes run on it.

mod adopt;
mod background;
mod connect;
mod keepalive;
mod protocol;
mod runtime;
mod sleep;
mod socket;
mod tls;
pub(crate) mod stack;
pub(crate) mod wake;

pub(crate) use adopt::Adopted;
pub(crate) use runtime::{Context, LoopRuntime};

pub(crate) use crate::raw::awaitable;
use crate::raw::{Hooks, awaitable_type};

/// Makes the awaitable's type. Called once, when the module is loaded.
///
/// # Errors
/// What making a type raises.
pub(crate) fn prepare(py: pyo3::Python<'_>) -> pyo3::PyResult<()> {
    let hooks = Hooks {
        notify: wake::notify,
        running_loop: wake::running_loop,
        cancelled_error: wake::cancelled_error,
    };
    awaitable_type(py, hooks).map(drop)
}
