//! Owns the base type of models: a dictionary made on demand, weak references, and one value per
//! slot in the object itself, so that an instance is a single allocation.
//! Never knows the names of its slots. `values`, `instance` and the sinks call it.

use std::ffi::{c_int, c_void};
use std::mem::offset_of;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::exceptions::PyIndexError;
use pyo3::ffi::{self, Py_ssize_t, PyObject, PyTypeObject, visitproc};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use super::array::Array;
use super::heap::{self, Spec};

/// What the type does in safe Rust.
pub(crate) trait InstanceMethods: 'static {
    /// How many slots an instance of `class` has.
    fn slots(class: &Bound<'_, PyType>) -> PyResult<usize>;
    /// `__values__`.
    fn values<'py>(this: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>;
    /// `__getstate__()`.
    fn getstate<'py>(this: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>;
    /// `__setstate__(state)`.
    fn setstate<'py>(this: &Bound<'py, PyAny>, state: &Bound<'py, PyAny>) -> PyResult<()>;
}

#[repr(C)]
struct Instance {
    base: ffi::PyVarObject,
    dict: *mut PyObject,
    weak: *mut PyObject,
    values: [*mut PyObject; 0],
}

/// Set once by [`create`], read by every type check.
static TYPE: AtomicPtr<PyTypeObject> = AtomicPtr::new(ptr::null_mut());

/// The base type, once it is made.
pub(crate) fn instance_base(py: Python<'_>) -> Option<Bound<'_, PyType>> {
    // SAFETY: null, or a type that lives as long as the process.
    let base = unsafe { Bound::from_borrowed_ptr_or_opt(py, TYPE.load(Ordering::Relaxed).cast()) };
    base?.cast_into().ok()
}

/// Whether `object` is an instance of the base type.
#[inline]
fn is_instance(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: a live object.
    unsafe { check(object.as_ptr()) }
}

/// How many slots `object` has; none if it is not an instance.
pub(crate) fn slots(object: &Bound<'_, PyAny>) -> usize {
    if is_instance(object) {
        // SAFETY: just checked.
        unsafe { array_of(object.as_ptr()).len() }
    } else {
        0
    }
}

/// The value of slot `index`, if `object` is an instance and the slot is set.
#[inline]
pub(crate) fn get_slot<'py>(object: &Bound<'py, PyAny>, index: usize) -> Option<Bound<'py, PyAny>> {
    if !is_instance(object) {
        return None;
    }
    // SAFETY: just checked; the array owns what it holds.
    unsafe {
        let value = array_of(object.as_ptr()).get(index);
        Bound::from_borrowed_ptr_or_opt(object.py(), value)
    }
}

/// Sets slot `index`.
///
/// # Errors
/// `IndexError` if `object` has no such slot.
pub(crate) fn put_slot(
    object: &Bound<'_, PyAny>,
    index: usize,
    value: Bound<'_, PyAny>,
) -> PyResult<()> {
    drop(exchange(object, index, Some(value))?);
    Ok(())
}

/// Empties slot `index` and returns what was in it.
pub(crate) fn take_slot<'py>(
    object: &Bound<'py, PyAny>,
    index: usize,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    exchange(object, index, None)
}

/// The dictionary of `object`, if one was needed so far.
pub(crate) fn state_dict<'py>(object: &Bound<'py, PyAny>) -> Option<Bound<'py, PyDict>> {
    if !is_instance(object) {
        return None;
    }
    // SAFETY: just checked; the field is null or owns a dictionary.
    unsafe {
        let dict = (*object.as_ptr().cast::<Instance>()).dict;
        Bound::from_borrowed_ptr_or_opt(object.py(), dict)?
            .cast_into()
            .ok()
    }
}

/// Makes the base type with the methods of `M`.
pub(crate) fn create<M: InstanceMethods>(py: Python<'_>) -> PyResult<Bound<'_, PyType>> {
    let member = |name: &'static std::ffi::CStr, offset: usize| -> PyResult<ffi::PyMemberDef> {
        Ok(ffi::PyMemberDef {
            name: name.as_ptr(),
            type_code: ffi::Py_T_PYSSIZET,
            offset: Py_ssize_t::try_from(offset)?,
            flags: ffi::Py_READONLY,
            doc: ptr::null(),
        })
    };
    let members = Box::leak(Box::new([
        member(c"__dictoffset__", offset_of!(Instance, dict))?,
        member(c"__weaklistoffset__", offset_of!(Instance, weak))?,
        ffi::PyMemberDef::default(),
    ]));
    let getset = Box::leak(Box::new([
        ffi::PyGetSetDef {
            name: c"__dict__".as_ptr(),
            get: Some(ffi::PyObject_GenericGetDict),
            set: Some(ffi::PyObject_GenericSetDict),
            ..Default::default()
        },
        ffi::PyGetSetDef {
            name: c"__values__".as_ptr(),
            get: Some(values::<M>),
            doc: c"A live mapping of the values that are set, by attribute name.".as_ptr(),
            ..Default::default()
        },
        ffi::PyGetSetDef::default(),
    ]));
    let methods = Box::leak(Box::new([
        ffi::PyMethodDef {
            ml_name: c"__getstate__".as_ptr(),
            ml_meth: ffi::PyMethodDefPointer {
                PyCFunction: getstate::<M>,
            },
            ml_flags: ffi::METH_NOARGS,
            ml_doc: ptr::null(),
        },
        ffi::PyMethodDef {
            ml_name: c"__setstate__".as_ptr(),
            ml_meth: ffi::PyMethodDefPointer {
                PyCFunction: setstate::<M>,
            },
            ml_flags: ffi::METH_O,
            ml_doc: ptr::null(),
        },
        ffi::PyMethodDef::zeroed(),
    ]));
    let spec = Spec {
        name: c"gino._core.Instance",
        size: size_of::<Instance>(),
        item: size_of::<*mut PyObject>(),
        flags: ffi::Py_TPFLAGS_BASETYPE,
    };
    let doc = c"Native base of models: one value slot per column, no dictionary until needed.";
    // SAFETY: the functions have their slots' signatures and fit `Instance`; the arrays are static
    // and end with a zeroed element.
    let made = unsafe {
        heap::make(
            py,
            &spec,
            &[
                (ffi::Py_tp_doc, doc.as_ptr().cast_mut().cast()),
                (ffi::Py_tp_new, new::<M> as *mut c_void),
                (ffi::Py_tp_init, init as *mut c_void),
                (ffi::Py_tp_dealloc, dealloc as *mut c_void),
                (ffi::Py_tp_traverse, traverse as *mut c_void),
                (ffi::Py_tp_clear, clear as *mut c_void),
                (ffi::Py_tp_members, members.as_mut_ptr().cast()),
                (ffi::Py_tp_getset, getset.as_mut_ptr().cast()),
                (ffi::Py_tp_methods, methods.as_mut_ptr().cast()),
            ],
        )?
    };
    // One reference is never given back: the type lives as long as the pointer to it.
    TYPE.store(made.clone_ref(py).into_ptr().cast(), Ordering::Relaxed);
    Ok(made.into_bound(py))
}

/// Whether `class` makes its objects as the base type does.
///
/// # Safety
/// `class` is a live type.
pub(super) unsafe fn is_plain(class: *mut PyTypeObject) -> bool {
    let base = TYPE.load(Ordering::Relaxed);
    // SAFETY: both are live types; `tp_new` is only compared.
    unsafe {
        !base.is_null()
            && ffi::PyType_IsSubtype(class, base) != 0
            && (*class).tp_new.map(|f| f as usize) == (*base).tp_new.map(|f| f as usize)
    }
}

/// # Safety
/// `object` is a live object.
#[inline]
pub(super) unsafe fn check(object: *mut PyObject) -> bool {
    // SAFETY: a live object has a live type, and `TYPE` is a live type or null.
    unsafe {
        let base = TYPE.load(Ordering::Relaxed);
        !base.is_null() && ffi::PyObject_TypeCheck(object, base) != 0
    }
}

/// # Safety
/// `object` passes [`check`] and outlives the array.
#[inline]
pub(super) unsafe fn array_of(object: *mut PyObject) -> Array {
    let this = object.cast::<Instance>();
    // SAFETY: the layout is that of `Instance`, and `ob_size` pointers follow it.
    unsafe { Array::new((&raw mut (*this).values).cast(), (*this).base.ob_size) }
}

/// An untracked object with nothing set.
///
/// # Safety
/// `class` is a subtype of [`TYPE`], and the caller is attached.
#[inline]
pub(super) unsafe fn allocate(class: *mut PyTypeObject, slots: usize) -> *mut PyObject {
    // Without the spare element that `tp_alloc` adds to every array.
    let Ok(slots) = Py_ssize_t::try_from(slots) else {
        return ptr::null_mut();
    };
    // SAFETY: subtypes of a type with an array keep its layout (CPython refuses `__slots__` in
    // them), so the fields and the array are inside of what is allocated for `slots` elements.
    unsafe {
        let this: *mut Instance = ffi::PyObject_GC_NewVar(class, slots);
        if !this.is_null() {
            (*this).dict = ptr::null_mut();
            (*this).weak = ptr::null_mut();
            array_of(this.cast()).reset();
        }
        this.cast()
    }
}

fn exchange<'py>(
    object: &Bound<'py, PyAny>,
    index: usize,
    value: Option<Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    if !is_instance(object) || index >= slots(object) {
        return Err(PyIndexError::new_err("no such slot"));
    }
    let value = value.map_or(ptr::null_mut(), Bound::into_ptr);
    // SAFETY: just checked; the array owned what it gives back.
    unsafe {
        let old = array_of(object.as_ptr())
            .replace(index, value)
            .unwrap_or(ptr::null_mut());
        Ok(Bound::from_owned_ptr_or_opt(object.py(), old))
    }
}

unsafe extern "C" fn new<M: InstanceMethods>(
    class: *mut PyTypeObject,
    _args: *mut PyObject,
    _kwargs: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: `class` is a live subtype of `TYPE`, the object is whole when it is tracked.
    unsafe {
        heap::object(|py| {
            let slots = M::slots(&heap::borrowed(py, class.cast()).cast_into_unchecked())?;
            let made = Bound::from_owned_ptr_or_err(py, allocate(class, slots))?;
            ffi::PyObject_GC_Track(made.as_ptr().cast());
            Ok(made)
        })
    }
}

/// Takes anything: a model's own `__init__` checks what it gets.
unsafe extern "C" fn init(_: *mut PyObject, _: *mut PyObject, _: *mut PyObject) -> c_int {
    0
}

unsafe extern "C" fn dealloc(object: *mut PyObject) {
    // SAFETY: the last reference is gone; the collector's eyes are off the object before it is
    // taken apart, and the type's reference goes last.
    unsafe {
        ffi::PyObject_GC_UnTrack(object.cast());
        if !(*object.cast::<Instance>()).weak.is_null() {
            ffi::PyObject_ClearWeakRefs(object);
        }
        clear(object);
        let class = ffi::Py_TYPE(object);
        if let Some(free) = (*class).tp_free {
            free(object.cast());
        }
        ffi::Py_DECREF(class.cast());
    }
}

unsafe extern "C" fn traverse(object: *mut PyObject, visit: visitproc, arg: *mut c_void) -> c_int {
    // SAFETY: shows what the object owns, its type included, and nothing else.
    unsafe {
        let stop = visit(ffi::Py_TYPE(object).cast(), arg);
        if stop != 0 {
            return stop;
        }
        let dict = (*object.cast::<Instance>()).dict;
        if !dict.is_null() {
            let stop = visit(dict, arg);
            if stop != 0 {
                return stop;
            }
        }
        array_of(object).traverse(visit, arg)
    }
}

unsafe extern "C" fn clear(object: *mut PyObject) -> c_int {
    // SAFETY: each field is null before what it held is dropped.
    unsafe {
        let dict = &raw mut (*object.cast::<Instance>()).dict;
        ffi::Py_XDECREF(dict.replace(ptr::null_mut()));
        array_of(object).clear();
    }
    0
}

unsafe extern "C" fn values<M: InstanceMethods>(
    object: *mut PyObject,
    _: *mut c_void,
) -> *mut PyObject {
    // SAFETY: a getter's argument is a live instance.
    unsafe { heap::object(|py| M::values(&heap::borrowed(py, object))) }
}

unsafe extern "C" fn getstate<M: InstanceMethods>(
    object: *mut PyObject,
    _: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: a method's first argument is a live instance.
    unsafe { heap::object(|py| M::getstate(&heap::borrowed(py, object))) }
}

unsafe extern "C" fn setstate<M: InstanceMethods>(
    object: *mut PyObject,
    state: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the arguments of a method with one argument are live objects.
    unsafe {
        heap::object(|py| {
            M::setstate(&heap::borrowed(py, object), &heap::borrowed(py, state))?;
            Ok(py.None().into_bound(py))
        })
    }
}
