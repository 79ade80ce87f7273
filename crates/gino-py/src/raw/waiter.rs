//! Owns the awaitable: a Rust future that an asyncio task polls as if it were a coroutine, and that
//! looks like a Future while it is waited for. Never knows what the future does.
//! `driver` makes them; a task of the loop drives them.
//!
//! How asyncio sees it: `await` gets the object itself as iterator. A pending poll yields the object with
//! `_asyncio_future_blocking` set, so the task registers its wake-up in `add_done_callback`. The
//! future's waker calls that wake-up, the task calls `result()`, which only says whether the wait was
//! cancelled, and polls again.

use std::ffi::{c_int, c_void};
use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::ptr;
use std::sync::OnceLock;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use pyo3::exceptions::{PyRuntimeError, PyRuntimeWarning};
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::PyType;

use super::heap::{self, Spec, borrowed, object};

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

/// What the awaitable needs to know of asyncio.
pub(crate) struct Hooks {
    /// Calls a task's wake-up: loop, callback, its context, its argument, whether at once is fine.
    pub(crate) notify: fn(
        &Bound<'_, PyAny>,
        &Bound<'_, PyAny>,
        Option<&Bound<'_, PyAny>>,
        &Bound<'_, PyAny>,
        bool,
    ),
    /// The loop that runs now.
    pub(crate) running_loop: fn(Python<'_>) -> PyResult<Py<PyAny>>,
    /// A fresh CancelledError.
    pub(crate) cancelled_error: fn(Python<'_>) -> PyErr,
}

fn hooks() -> PyResult<&'static Hooks> {
    HOOKS.get().ok_or_else(|| PyRuntimeError::new_err("gino._core is not loaded"))
}

/// An awaitable that runs `future` when it is first awaited.
pub(crate) fn awaitable(py: Python<'_>, future: PyFuture) -> PyResult<Bound<'_, PyAny>> {
    let class = TYPE.get().ok_or_else(|| PyRuntimeError::new_err("gino._core is not loaded"))?;
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

// ---- waker: a counted reference to the object ----------------------------------------------------

static WAKER: RawWakerVTable =
    RawWakerVTable::new(waker_clone, waker_wake, waker_wake_by_ref, waker_drop);

unsafe fn waker_clone(data: *const ()) -> RawWaker {
    Python::attach(|_| {
        // SAFETY: the waker holds a reference to the object, and we are attached.
        unsafe { ffi::Py_INCREF(data.cast_mut().cast()) };
        RawWaker::new(data, &WAKER)
    })
}

unsafe fn waker_wake(data: *const ()) {
    // SAFETY: consumes the waker's reference after waking.
    unsafe {
        waker_wake_by_ref(data);
        waker_drop(data);
    }
}

unsafe fn waker_wake_by_ref(data: *const ()) {
    Python::attach(|py| {
        // SAFETY: the waker holds a reference to a live waiter; no field reference is kept over `notify`.
        unsafe {
            let slf = data.cast_mut().cast();
            let waiter = fields(slf);
            match waiter.callback.take() {
                Some(callback) if !waiter.polling => notify(py, slf, callback, true),
                callback => {
                    waiter.callback = callback;
                    waiter.woken = true;
                }
            }
        }
    });
}

unsafe fn waker_drop(data: *const ()) {
    Python::attach(|_| {
        // SAFETY: gives back the waker's reference, attached.
        unsafe { ffi::Py_DECREF(data.cast_mut().cast()) };
    });
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
    let (slf, home) =
        unsafe { (borrowed(py, slf), fields(slf).home.as_ref().map(|home| home.clone_ref(py))) };
    let context = context.as_ref().map(|context| context.bind(py));
    if let (Some(home), Ok(hooks)) = (home, hooks()) {
        (hooks.notify)(home.bind(py), callback.bind(py), context, &slf, direct);
    }
}

// ---- the coroutine's side ------------------------------------------------------------------------

/// Polls once: `Ok(None)` is pending.
///
/// # Safety
/// As `fields`.
unsafe fn poll(py: Python<'_>, slf: *mut PyObject) -> PyResult<Option<Py<PyAny>>> {
    // SAFETY: no reference is kept over the poll.
    let mut future = unsafe {
        let waiter = fields(slf);
        waiter.woken = false;
        if waiter.cancelled {
            return Err(cancelled(py));
        }
        if waiter.polling {
            return Err(PyRuntimeError::new_err("this awaitable is being polled already"));
        }
        let Some(future) = waiter.future.take() else {
            return Err(PyRuntimeError::new_err("cannot reuse an already awaited awaitable"));
        };
        if !waiter.started {
            waiter.started = true;
            waiter.home = Some((hooks()?.running_loop)(py)?);
        }
        waiter.polling = true;
        future
    };
    // SAFETY: a new reference for the waker, given back by its drop.
    let waker = unsafe {
        ffi::Py_INCREF(slf);
        Waker::from_raw(RawWaker::new(slf.cast_const().cast(), &WAKER))
    };
    // A panic must not cross into C.
    let polled = panic::catch_unwind(AssertUnwindSafe(|| {
        future.as_mut().poll(&mut Context::from_waker(&waker))
    }));
    drop(waker);
    let polled = polled.unwrap_or_else(|_| {
        Poll::Ready(Err(PyRuntimeError::new_err("gino._core panicked; this is a bug of gino")))
    });
    // SAFETY: as above.
    let waiter = unsafe { fields(slf) };
    waiter.polling = false;
    match polled {
        Poll::Ready(result) => {
            drop(future);
            result.map(Some)
        }
        Poll::Pending => {
            waiter.future = Some(future);
            Ok(None)
        }
    }
}

fn cancelled(py: Python<'_>) -> PyErr {
    hooks().map_or_else(|error| error, |hooks| (hooks.cancelled_error)(py))
}

/// The next step: the object itself while pending, StopIteration with the value at the end.
unsafe extern "C" fn step(slf: *mut PyObject) -> *mut PyObject {
    // SAFETY: a slot of this type; attached.
    unsafe {
        let py = Python::assume_attached();
        match poll(py, slf) {
            Ok(None) => {
                fields(slf).blocking = true;
                ffi::Py_NewRef(slf)
            }
            Ok(Some(value)) => {
                stop(py, value);
                ptr::null_mut()
            }
            Err(error) => {
                error.restore(py);
                ptr::null_mut()
            }
        }
    }
}

/// `am_send`: as `step`, without the detour over StopIteration.
unsafe extern "C" fn send_slot(
    slf: *mut PyObject,
    _value: *mut PyObject,
    result: *mut *mut PyObject,
) -> ffi::PySendResult {
    // SAFETY: a slot of this type; attached; `result` is valid for writing.
    unsafe {
        let py = Python::assume_attached();
        match poll(py, slf) {
            Ok(None) => {
                fields(slf).blocking = true;
                *result = ffi::Py_NewRef(slf);
                ffi::PySendResult::PYGEN_NEXT
            }
            Ok(Some(value)) => {
                *result = value.into_ptr();
                ffi::PySendResult::PYGEN_RETURN
            }
            Err(error) => {
                error.restore(py);
                *result = ptr::null_mut();
                ffi::PySendResult::PYGEN_ERROR
            }
        }
    }
}

fn stop(py: Python<'_>, value: Py<PyAny>) {
    // A tuple or exception as value would be taken for the exception's arguments: wrap always.
    let stop = py.get_type::<pyo3::exceptions::PyStopIteration>().call1((value,));
    match stop {
        Ok(stop) => PyErr::from_value(stop).restore(py),
        Err(error) => error.restore(py),
    }
}

unsafe extern "C" fn itself(slf: *mut PyObject) -> *mut PyObject {
    // SAFETY: a slot of this type; attached.
    unsafe { ffi::Py_NewRef(slf) }
}

unsafe extern "C" fn send(slf: *mut PyObject, _value: *mut PyObject) -> *mut PyObject {
    // SAFETY: as `step`.
    unsafe {
        let next = step(slf);
        if next.is_null() && ffi::PyErr_Occurred().is_null() {
            ffi::PyErr_SetNone(ffi::PyExc_StopIteration);
        }
        next
    }
}

/// Ends the future; the exception goes on.
unsafe extern "C" fn throw(
    slf: *mut PyObject,
    args: *mut *mut PyObject,
    count: ffi::Py_ssize_t,
) -> *mut PyObject {
    // SAFETY: a method of this type; `args` holds `count` borrowed references.
    unsafe {
        object(|py| {
            finish(slf);
            if count < 1 {
                return Err(pyo3::exceptions::PyTypeError::new_err("throw() takes an exception"));
            }
            let given = borrowed(py, *args);
            if let Ok(class) = given.cast::<PyType>() {
                let value = if count > 1 { Some(borrowed(py, *args.add(1))) } else { None };
                let made = match value {
                    Some(value) if value.is_instance(class)? => value,
                    Some(value) if !value.is_none() => class.call1((value,))?,
                    _ => class.call0()?,
                };
                return Err(PyErr::from_value(made));
            }
            Err(PyErr::from_value(given))
        })
    }
}

unsafe extern "C" fn close(slf: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: a method of this type; attached.
    unsafe {
        finish(slf);
        ffi::Py_NewRef(ffi::Py_None())
    }
}

/// Drops the future, outside of any reference to the fields: dropping may wake and call out.
unsafe fn finish(slf: *mut PyObject) {
    // SAFETY: as `fields`.
    let (future, callback) = unsafe {
        let waiter = fields(slf);
        waiter.started = true;
        (waiter.future.take(), waiter.callback.take())
    };
    drop(future);
    drop(callback);
}

// ---- the Future's side ---------------------------------------------------------------------------

unsafe extern "C" fn add_done_callback(
    slf: *mut PyObject,
    args: *const *mut PyObject,
    count: ffi::Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: a method of this type, METH_FASTCALL with keywords: `args` holds `count` positional
    // values, then one per name.
    unsafe {
        object(|py| {
            if count != 1 {
                let usage = "add_done_callback() takes a callback and context=";
                return Err(pyo3::exceptions::PyTypeError::new_err(usage));
            }
            let callback = borrowed(py, *args).unbind();
            let has_context = !names.is_null() && ffi::PyTuple_GET_SIZE(names) == 1;
            let context = has_context.then(|| borrowed(py, *args.add(1)).unbind());
            let waiter = fields(slf);
            if waiter.callback.is_some() {
                let usage = "two tasks cannot wait for one awaitable";
                return Err(PyRuntimeError::new_err(usage));
            }
            if waiter.woken || waiter.cancelled || waiter.future.is_none() {
                waiter.woken = false;
                notify(py, slf, (callback, context), false);
            } else {
                waiter.callback = Some((callback, context));
            }
            Ok(py.None().into_bound(py))
        })
    }
}

unsafe extern "C" fn remove_done_callback(
    slf: *mut PyObject,
    callback: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: a method of this type; attached.
    unsafe {
        object(|py| {
            let waiter = fields(slf);
            let same = waiter.callback.as_ref().is_some_and(|(c, _)| c.as_ptr() == callback);
            let removed = if same { waiter.callback.take() } else { None };
            let count = usize::from(removed.is_some());
            drop(removed);
            Ok(count.into_pyobject(py)?.into_any())
        })
    }
}

/// A task that is cancelled while it waits. The future ends now, the task hears of it in the loop's
/// next turn.
unsafe extern "C" fn cancel(
    slf: *mut PyObject,
    _args: *const *mut PyObject,
    _count: ffi::Py_ssize_t,
    _names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: a method of this type; attached; no field reference is kept over drop or notify.
    unsafe {
        object(|py| {
            let (future, callback) = {
                let waiter = fields(slf);
                if waiter.cancelled || waiter.future.is_none() {
                    return Ok(false.into_pyobject(py)?.to_owned().into_any());
                }
                waiter.cancelled = true;
                (waiter.future.take(), waiter.callback.take())
            };
            drop(future);
            if let Some(callback) = callback {
                notify(py, slf, callback, false);
            }
            Ok(true.into_pyobject(py)?.to_owned().into_any())
        })
    }
}

/// What the task asks for when it is woken: only a cancellation is told here.
unsafe extern "C" fn result(slf: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: a method of this type; attached.
    unsafe {
        object(|py| {
            if fields(slf).cancelled {
                return Err(cancelled(py));
            }
            Ok(py.None().into_bound(py))
        })
    }
}

unsafe extern "C" fn done(slf: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: a method of this type; attached.
    unsafe { ffi::PyBool_FromLong(fields(slf).future.is_none().into()) }
}

unsafe extern "C" fn was_cancelled(slf: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: a method of this type; attached.
    unsafe { ffi::PyBool_FromLong(fields(slf).cancelled.into()) }
}

unsafe extern "C" fn get_loop(slf: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: a method of this type; attached.
    unsafe {
        object(|py| match &fields(slf).home {
            Some(home) => Ok(home.bind(py).clone()),
            None => Ok((hooks()?.running_loop)(py)?.into_bound(py)),
        })
    }
}

/// None unless the object was just yielded: else `asyncio.isfuture` would keep `gather` from starting it.
unsafe extern "C" fn get_blocking(slf: *mut PyObject, _: *mut c_void) -> *mut PyObject {
    // SAFETY: a getter of this type; attached.
    unsafe {
        if fields(slf).blocking {
            ffi::PyBool_FromLong(1)
        } else {
            ffi::Py_NewRef(ffi::Py_None())
        }
    }
}

unsafe extern "C" fn set_blocking(
    slf: *mut PyObject,
    value: *mut PyObject,
    _: *mut c_void,
) -> c_int {
    // SAFETY: a setter of this type; `value` is null for a deletion.
    unsafe { fields(slf).blocking = value == ffi::Py_True() };
    0
}

// ---- life cycle ----------------------------------------------------------------------------------

unsafe extern "C" fn traverse(
    slf: *mut PyObject,
    visit: ffi::visitproc,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: called by the collector on a live object; only visits.
    unsafe {
        let waiter = fields(slf);
        let (callback, context) = match &waiter.callback {
            Some((callback, context)) => (Some(callback), context.as_ref()),
            None => (None, None),
        };
        for held in [callback, context, waiter.home.as_ref()].into_iter().flatten() {
            let outcome = visit(held.as_ptr(), arg);
            if outcome != 0 {
                return outcome;
            }
        }
        visit(ffi::Py_TYPE(slf).cast(), arg)
    }
}

unsafe extern "C" fn clear(slf: *mut PyObject) -> c_int {
    // SAFETY: as `finish`.
    unsafe {
        finish(slf);
        drop(fields(slf).home.take());
    }
    0
}

/// As for a coroutine: forgetting `await` is told.
unsafe extern "C" fn finalize(slf: *mut PyObject) {
    // SAFETY: called once before deallocation, attached; the error indicator is kept as it was.
    unsafe {
        if !fields(slf).started {
            let py = Python::assume_attached();
            let before = PyErr::take(py);
            let category = py.get_type::<PyRuntimeWarning>();
            let text = c"a database operation was never awaited";
            if let Err(error) = PyErr::warn(py, &category, text, 1) {
                error.write_unraisable(py, None);
            }
            if let Some(before) = before {
                before.restore(py);
            }
        }
    }
}

unsafe extern "C" fn dealloc(slf: *mut PyObject) {
    // SAFETY: the last reference is gone. Finalizers run first and may resurrect; then the fields are
    // dropped in place, once, and the memory goes back to where `PyType_GenericAlloc` took it from.
    unsafe {
        if ffi::PyObject_CallFinalizerFromDealloc(slf) < 0 {
            return;
        }
        ffi::PyObject_GC_UnTrack(slf.cast());
        let waiter = slf.cast::<Waiter>();
        finish(slf);
        ptr::drop_in_place(&raw mut (*waiter).future);
        ptr::drop_in_place(&raw mut (*waiter).callback);
        ptr::drop_in_place(&raw mut (*waiter).home);
        let class = ffi::Py_TYPE(slf);
        ffi::PyObject_GC_Del(slf.cast());
        ffi::Py_DECREF(class.cast());
    }
}

/// Makes the type. Called once, when the module is loaded.
pub(crate) fn create(py: Python<'_>, hooks: Hooks) -> PyResult<Py<PyType>> {
    let _ = HOOKS.set(hooks);
    use ffi::PyMethodDefPointer as P;
    let flags = (ffi::METH_NOARGS, ffi::METH_O, ffi::METH_FASTCALL);
    let fast = ffi::METH_FASTCALL | ffi::METH_KEYWORDS;
    let method = |name: &'static std::ffi::CStr, ml_meth, ml_flags| ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth,
        ml_flags,
        ml_doc: ptr::null(),
    };
    let methods = Box::leak(Box::new([
        method(c"send", P { PyCFunction: send }, flags.1),
        method(c"throw", P { PyCFunctionFast: throw }, flags.2),
        method(c"close", P { PyCFunction: close }, flags.0),
        method(c"result", P { PyCFunction: result }, flags.0),
        method(c"done", P { PyCFunction: done }, flags.0),
        method(c"cancelled", P { PyCFunction: was_cancelled }, flags.0),
        method(c"get_loop", P { PyCFunction: get_loop }, flags.0),
        method(c"cancel", P { PyCFunctionFastWithKeywords: cancel }, fast),
        method(c"remove_done_callback", P { PyCFunction: remove_done_callback }, flags.1),
        method(c"add_done_callback", P { PyCFunctionFastWithKeywords: add_done_callback }, fast),
        ffi::PyMethodDef::zeroed(),
    ]));
    let blocking = ffi::PyGetSetDef {
        name: c"_asyncio_future_blocking".as_ptr(),
        get: Some(get_blocking),
        set: Some(set_blocking),
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
                (ffi::Py_tp_iter, itself as *mut c_void),
                (ffi::Py_tp_iternext, step as *mut c_void),
                (ffi::Py_am_await, itself as *mut c_void),
                (ffi::Py_am_send, send_slot as *mut c_void),
                (ffi::Py_tp_traverse, traverse as *mut c_void),
                (ffi::Py_tp_clear, clear as *mut c_void),
                (ffi::Py_tp_finalize, finalize as *mut c_void),
                (ffi::Py_tp_dealloc, dealloc as *mut c_void),
            ],
        )?
    };
    let _ = TYPE.set(class.clone_ref(py));
    Ok(class)
}
