//! Owns the awaitable: a Rust future that an asyncio task polls as if it were a coroutine, and that
//! looks like a Future while it is waited for. Never knows what the future does.
//! `driver` makes them; a task of the loop drives them.
//!
//! How asyncio sees it: `await` gets the object itself as iterator. A pending poll yields the object with
//! `_asyncio_future_blocking` set, so the task registers its wake-up in `add_done_callback`. The
//! future's waker calls that wake-up, the task calls `result()`, which only says whether the wait was
//! cancelled, and polls again.

mod coroutine;
mod future;
mod life;
mod waker;

use std::ffi::{CStr, c_int, c_void};
use std::future::Future;
use std::pin::Pin;
use std::ptr;
use std::sync::OnceLock;

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::PyType;

use super::heap::{self, Spec, borrowed};

/// What an awaitable runs. Polled with the interpreter attached, in the loop's thread.
pub(crate) type PyFuture = Pin<Box<dyn Future<Output = PyResult<Py<PyAny>>> + Send>>;

#[repr(C)]
struct Waiter {
    head: PyObject,
    /// The future; none once it is done, closed or cancelled.
    future: Option<PyFuture>,
    /// The wake-up of the task that waits, and the context it wants.
    callback: Option<(Py<PyAny>, Option<Py<PyAny>>)>,
    /// The loop in which it was first polled.
    home: Option<Py<PyAny>>,
    started: bool,
    blocking: bool,
    cancelled: bool,
    polling: bool,
    /// Woken while it was being polled, or before the task registered its wake-up.
    woken: bool,
}

static TYPE: OnceLock<Py<PyType>> = OnceLock::new();
static HOOKS: OnceLock<Hooks> = OnceLock::new();

/// Calls a task's wake-up: the loop, the callback, its context, its argument, whether at once is fine.
pub(crate) type Notify =
    fn(&Bound<'_, PyAny>, &Bound<'_, PyAny>, Option<&Bound<'_, PyAny>>, &Bound<'_, PyAny>, bool);

/// What the awaitable needs to know of asyncio.
pub(crate) struct Hooks {
    /// Calls a task's wake-up.
    pub(crate) notify: Notify,
    /// The loop that runs now.
    pub(crate) running_loop: fn(Python<'_>) -> PyResult<Py<PyAny>>,
    /// A fresh CancelledError.
    pub(crate) cancelled_error: fn(Python<'_>) -> PyErr,
}

fn hooks() -> PyResult<&'static Hooks> {
    HOOKS
        .get()
        .ok_or_else(|| PyRuntimeError::new_err("gino._core is not loaded"))
}

/// An awaitable that runs `future` when it is first awaited.
pub(crate) fn awaitable(py: Python<'_>, future: PyFuture) -> PyResult<Bound<'_, PyAny>> {
    let class = TYPE
        .get()
        .ok_or_else(|| PyRuntimeError::new_err("gino._core is not loaded"))?;
    let class = class.bind(py).as_type_ptr();
    // SAFETY: the type was made by `create` with GC support and the size of `Waiter`; `tp_alloc`
    // zeroes the object, every field is then written before anything else can see it.
    unsafe {
        let made = ffi::PyType_GenericAlloc(class, 0);
        if made.is_null() {
            return Err(PyErr::fetch(py));
        }
        let waiter = made.cast::<Waiter>();
        ptr::write(&raw mut (*waiter).future, Some(future));
        ptr::write(&raw mut (*waiter).callback, None);
        ptr::write(&raw mut (*waiter).home, None);
        Ok(Bound::from_owned_ptr(py, made))
    }
}

/// The fields of a waiter.
///
/// # Safety
/// `slf` is a live object of the type `Waiter`, and the caller is attached. The reference must not be kept
/// across a call that can run Python code or drop a future: those can come back to the same object.
unsafe fn fields<'a>(slf: *mut PyObject) -> &'a mut Waiter {
    // SAFETY: said above.
    unsafe { &mut *slf.cast::<Waiter>() }
}

/// Calls a task's wake-up, which may run the task at once if `direct`.
///
/// # Safety
/// As `fields`; the caller keeps no reference to the fields.
unsafe fn notify(
    py: Python<'_>,
    slf: *mut PyObject,
    (callback, context): (Py<PyAny>, Option<Py<PyAny>>),
    direct: bool,
) {
    // SAFETY: said above.
    let (slf, home) = unsafe {
        (
            borrowed(py, slf),
            fields(slf).home.as_ref().map(|home| home.clone_ref(py)),
        )
    };
    let context = context.as_ref().map(|context| context.bind(py));
    if let (Some(home), Ok(hooks)) = (home, hooks()) {
        (hooks.notify)(home.bind(py), callback.bind(py), context, &slf, direct);
    }
}

use ffi::PyMethodDefPointer as Call;

fn method(name: &'static CStr, ml_flags: c_int, ml_meth: Call) -> ffi::PyMethodDef {
    ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth,
        ml_flags,
        ml_doc: ptr::null(),
    }
}

fn plain(name: &'static CStr, flags: c_int, function: ffi::PyCFunction) -> ffi::PyMethodDef {
    method(
        name,
        flags,
        Call {
            PyCFunction: function,
        },
    )
}

fn keywords(name: &'static CStr, function: ffi::PyCFunctionFastWithKeywords) -> ffi::PyMethodDef {
    let flags = ffi::METH_FASTCALL | ffi::METH_KEYWORDS;
    method(
        name,
        flags,
        Call {
            PyCFunctionFastWithKeywords: function,
        },
    )
}

/// Makes the type. Called once, when the module is loaded.
pub(crate) fn create(py: Python<'_>, hooks: Hooks) -> PyResult<Py<PyType>> {
    let _ = HOOKS.set(hooks);
    let methods = Box::leak(Box::new([
        plain(c"send", ffi::METH_O, coroutine::send),
        plain(c"close", ffi::METH_NOARGS, coroutine::close),
        method(
            c"throw",
            ffi::METH_FASTCALL,
            Call {
                PyCFunctionFast: coroutine::throw,
            },
        ),
        plain(c"result", ffi::METH_NOARGS, future::result),
        plain(c"done", ffi::METH_NOARGS, future::done),
        plain(c"cancelled", ffi::METH_NOARGS, future::was_cancelled),
        plain(c"get_loop", ffi::METH_NOARGS, future::get_loop),
        plain(
            c"remove_done_callback",
            ffi::METH_O,
            future::remove_done_callback,
        ),
        keywords(c"cancel", future::cancel),
        keywords(c"add_done_callback", future::add_done_callback),
        ffi::PyMethodDef::zeroed(),
    ]));
    let blocking = ffi::PyGetSetDef {
        name: c"_asyncio_future_blocking".as_ptr(),
        get: Some(future::get_blocking),
        set: Some(future::set_blocking),
        doc: ptr::null(),
        closure: ptr::null_mut(),
    };
    let getset = Box::leak(Box::new([blocking, ffi::PyGetSetDef::default()]));
    let spec = Spec {
        name: c"gino._core.Awaitable",
        size: size_of::<Waiter>(),
        item: 0,
        flags: ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION,
    };
    // SAFETY: each function has its slot's signature and works on `Waiter`; the arrays are leaked,
    // so static, and end with a zeroed element.
    let class = unsafe {
        heap::make(
            py,
            &spec,
            &[
                (ffi::Py_tp_methods, methods.as_mut_ptr().cast()),
                (ffi::Py_tp_getset, getset.as_mut_ptr().cast()),
                (ffi::Py_tp_iter, coroutine::itself as *mut c_void),
                (ffi::Py_tp_iternext, coroutine::step as *mut c_void),
                (ffi::Py_am_await, coroutine::itself as *mut c_void),
                (ffi::Py_am_send, coroutine::send_slot as *mut c_void),
                (ffi::Py_tp_traverse, life::traverse as *mut c_void),
                (ffi::Py_tp_clear, life::clear as *mut c_void),
                (ffi::Py_tp_finalize, life::finalize as *mut c_void),
                (ffi::Py_tp_dealloc, life::dealloc as *mut c_void),
            ],
        )?
    };
    let _ = TYPE.set(class.clone_ref(py));
    Ok(class)
}
