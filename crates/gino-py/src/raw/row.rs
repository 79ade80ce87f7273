//! Owns the type of result rows: the keys that name its values, and the values in the object
//! itself. A row never changes. Never knows how keys are looked up. `row` and the sinks call it.

use std::ffi::{CStr, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::ffi::{self, Py_hash_t, Py_ssize_t, PyObject, PyTypeObject, visitproc};
use pyo3::prelude::*;
use pyo3::pyclass::CompareOp;
use pyo3::types::{PyString, PyType};

use super::array::Array;
use super::heap::{self, Spec};

/// What the type does in safe Rust.
pub(crate) trait RowMethods: 'static {
    /// `row[key]`, for keys that are not small enough numbers.
    fn subscript<'py>(row: &Any<'py>, key: &Any<'py>) -> PyResult<Any<'py>>;
    /// `row.name`.
    fn attribute<'py>(row: &Any<'py>, name: &Bound<'py, PyString>) -> PyResult<Any<'py>>;
    /// `key in row`.
    fn contains(row: &Any<'_>, key: &Any<'_>) -> PyResult<bool>;
    /// `iter(row)`.
    fn iter<'py>(row: &Any<'py>) -> PyResult<Any<'py>>;
    /// `repr(row)`.
    fn repr<'py>(row: &Any<'py>) -> PyResult<Any<'py>>;
    /// `hash(row)`.
    fn hash(row: &Any<'_>) -> PyResult<isize>;
    /// `row == other` and the like.
    fn compare<'py>(row: &Any<'py>, other: &Any<'py>, by: CompareOp) -> PyResult<Any<'py>>;
    /// `row.keys()`.
    fn keys<'py>(row: &Any<'py>) -> PyResult<Any<'py>>;
    /// `row.values()`.
    fn values<'py>(row: &Any<'py>) -> PyResult<Any<'py>>;
    /// `row.items()`.
    fn items<'py>(row: &Any<'py>) -> PyResult<Any<'py>>;
    /// `row.__reduce__()`.
    fn reduce<'py>(row: &Any<'py>) -> PyResult<Any<'py>>;
    /// `row.get(key, default=None)`.
    fn get<'py>(row: &Any<'py>, arguments: &Any<'py>) -> PyResult<Any<'py>>;
    /// `row.index(value, start, stop)`.
    fn index<'py>(row: &Any<'py>, arguments: &Any<'py>) -> PyResult<Any<'py>>;
    /// `row.count(value)`.
    fn count<'py>(row: &Any<'py>, arguments: &Any<'py>) -> PyResult<Any<'py>>;
}

type Any<'py> = Bound<'py, PyAny>;

#[repr(C)]
struct Row {
    base: ffi::PyVarObject,
    keys: *mut PyObject,
    values: [*mut PyObject; 0],
}

/// Set once by [`create`], read by every type check.
static TYPE: AtomicPtr<PyTypeObject> = AtomicPtr::new(ptr::null_mut());

/// A row that is being filled from the left: the garbage collector does not see it yet.
pub(crate) struct NewRow<'py> {
    object: Any<'py>,
    array: Array,
    filled: usize,
}

impl<'py> NewRow<'py> {
    /// A row of `len` values called as `keys` says.
    #[inline]
    pub(crate) fn new(
        py: Python<'py>,
        keys: &Bound<'py, PyAny>,
        len: usize,
    ) -> PyResult<NewRow<'py>> {
        let class = TYPE.load(Ordering::Relaxed);
        let size = Py_ssize_t::try_from(len)?;
        // SAFETY: `create` ran when the module was made, before anything can decode a row, and
        // this is only called from there on; fields are set before anybody sees the object.
        unsafe {
            let this: *mut Row = ffi::PyObject_GC_NewVar(class, size);
            if !this.is_null() {
                (*this).keys = keys.clone().into_ptr();
                array_of(this.cast()).reset();
            }
            let object = Bound::from_owned_ptr_or_err(py, this.cast())?;
            let array = array_of(object.as_ptr());
            Ok(NewRow {
                object,
                array,
                filled: 0,
            })
        }
    }

    /// Adds the next value; nothing happens if the row is full.
    #[inline]
    pub(crate) fn push(&mut self, value: Any<'py>) {
        if self.filled < self.array.len() {
            // The place was null.
            let _ = self.array.replace(self.filled, value.into_ptr());
            self.filled += 1;
        }
    }

    /// The row, with None for what was not given, now in the garbage collector's sight.
    #[inline]
    pub(crate) fn finish(mut self) -> Any<'py> {
        while self.filled < self.array.len() {
            self.push(self.object.py().None().into_bound(self.object.py()));
        }
        // SAFETY: it was allocated with a collector's header and is whole.
        unsafe { ffi::PyObject_GC_Track(self.object.as_ptr().cast()) }
        self.object
    }
}

/// Whether `object` is a row.
#[inline]
pub(crate) fn is_row(object: &Any<'_>) -> bool {
    object.get_type_ptr() == TYPE.load(Ordering::Relaxed)
}

/// The keys of `row`, if it is one.
pub(crate) fn row_keys<'py>(row: &Any<'py>) -> Option<Any<'py>> {
    if !is_row(row) {
        return None;
    }
    // SAFETY: just checked; the field is null or owns a reference.
    unsafe { Bound::from_borrowed_ptr_or_opt(row.py(), (*row.as_ptr().cast::<Row>()).keys) }
}

/// How many values `row` has; none if it is not a row.
pub(crate) fn row_len(row: &Any<'_>) -> usize {
    // SAFETY: checked to be a row.
    if is_row(row) {
        unsafe { array_of(row.as_ptr()).len() }
    } else {
        0
    }
}

/// Value `index` of `row`.
pub(crate) fn row_value<'py>(row: &Any<'py>, index: usize) -> Option<Any<'py>> {
    if !is_row(row) {
        return None;
    }
    // SAFETY: just checked; the array owns what it holds.
    unsafe { Bound::from_borrowed_ptr_or_opt(row.py(), array_of(row.as_ptr()).get(index)) }
}

/// What the type itself offers, by name: these win over columns of the same name.
pub(crate) fn row_methods(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    // SAFETY: null before `create` ran, else a type that lives as long as the process.
    let class = unsafe { Bound::from_borrowed_ptr_or_opt(py, TYPE.load(Ordering::Relaxed).cast()) };
    class
        .unwrap_or_else(|| py.None().into_bound(py))
        .dir()
        .map(Bound::into_any)
}

/// `object.__getattribute__(row, name)`: what the type itself offers.
pub(crate) fn generic_attribute<'py>(
    row: &Any<'py>,
    name: &Bound<'py, PyString>,
) -> PyResult<Any<'py>> {
    // SAFETY: two live objects; a new reference or null and an exception.
    unsafe {
        let found = ffi::PyObject_GenericGetAttr(row.as_ptr(), name.as_ptr());
        Bound::from_owned_ptr_or_err(row.py(), found)
    }
}

/// Makes the type with the methods of `M`.
pub(crate) fn create<M: RowMethods>(py: Python<'_>) -> PyResult<Bound<'_, PyType>> {
    let method = |name: &'static CStr, body: ffi::PyCFunction, flags| ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunction: body },
        ml_flags: flags,
        ml_doc: ptr::null(),
    };
    let methods = Box::leak(Box::new([
        method(c"keys", keys::<M>, ffi::METH_NOARGS),
        method(c"values", values::<M>, ffi::METH_NOARGS),
        method(c"items", items::<M>, ffi::METH_NOARGS),
        method(c"__reduce__", reduce::<M>, ffi::METH_NOARGS),
        method(c"get", get::<M>, ffi::METH_VARARGS),
        method(c"index", index::<M>, ffi::METH_VARARGS),
        method(c"count", count::<M>, ffi::METH_VARARGS),
        ffi::PyMethodDef::zeroed(),
    ]));
    let spec = Spec {
        name: c"gino._core.Row",
        size: size_of::<Row>(),
        item: size_of::<*mut PyObject>(),
        flags: ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION | ffi::Py_TPFLAGS_SEQUENCE,
    };
    let doc = c"A result row: tuple, mapping by name and by Column, and attributes.";
    // SAFETY: the functions have their slots' signatures and fit `Row`; the array is static and
    // ends with a zeroed element.
    let made = unsafe {
        heap::make(
            py,
            &spec,
            &[
                (ffi::Py_tp_doc, doc.as_ptr().cast_mut().cast()),
                (ffi::Py_tp_dealloc, dealloc as *mut c_void),
                (ffi::Py_tp_traverse, traverse as *mut c_void),
                (ffi::Py_tp_methods, methods.as_mut_ptr().cast()),
                (ffi::Py_tp_getattro, attribute::<M> as *mut c_void),
                (ffi::Py_tp_iter, iter::<M> as *mut c_void),
                (ffi::Py_tp_repr, repr::<M> as *mut c_void),
                (ffi::Py_tp_hash, hash::<M> as *mut c_void),
                (ffi::Py_tp_richcompare, compare::<M> as *mut c_void),
                (ffi::Py_sq_length, length as *mut c_void),
                (ffi::Py_sq_contains, contains::<M> as *mut c_void),
                (ffi::Py_mp_length, length as *mut c_void),
                (ffi::Py_mp_subscript, subscript::<M> as *mut c_void),
                (ffi::Py_sq_item, item as *mut c_void),
            ],
        )?
    };
    // One reference is never given back: the type lives as long as the pointer to it.
    TYPE.store(made.clone_ref(py).into_ptr().cast(), Ordering::Relaxed);
    Ok(made.into_bound(py))
}

/// # Safety
/// `row` is a row and outlives the array.
#[inline]
unsafe fn array_of(row: *mut PyObject) -> Array {
    let this = row.cast::<Row>();
    // SAFETY: the layout is that of `Row`, and `ob_size` pointers follow it.
    unsafe { Array::new((&raw mut (*this).values).cast(), (*this).base.ob_size) }
}

unsafe extern "C" fn dealloc(row: *mut PyObject) {
    // SAFETY: the last reference is gone; each field is null before what it held is dropped, and
    // the type's reference goes last.
    unsafe {
        ffi::PyObject_GC_UnTrack(row.cast());
        ffi::Py_XDECREF((&raw mut (*row.cast::<Row>()).keys).replace(ptr::null_mut()));
        array_of(row).clear();
        let class = ffi::Py_TYPE(row);
        if let Some(free) = (*class).tp_free {
            free(row.cast());
        }
        ffi::Py_DECREF(class.cast());
    }
}

/// There is no `tp_clear`: as with tuples, a cycle through a row has something mutable in it.
unsafe extern "C" fn traverse(row: *mut PyObject, visit: visitproc, arg: *mut c_void) -> c_int {
    // SAFETY: shows what the row owns, its type included, and nothing else.
    unsafe {
        for owned in [ffi::Py_TYPE(row).cast(), (*row.cast::<Row>()).keys] {
            if !owned.is_null() {
                let stop = visit(owned, arg);
                if stop != 0 {
                    return stop;
                }
            }
        }
        array_of(row).traverse(visit, arg)
    }
}

unsafe extern "C" fn length(row: *mut PyObject) -> Py_ssize_t {
    // SAFETY: a slot's first argument is a live row.
    unsafe { (*row.cast::<ffi::PyVarObject>()).ob_size }
}

unsafe extern "C" fn item(row: *mut PyObject, index: Py_ssize_t) -> *mut PyObject {
    // SAFETY: as above; a value that is there is returned with a reference of its own.
    unsafe {
        let place = usize::try_from(index).unwrap_or(usize::MAX);
        let value = array_of(row).get(place);
        if value.is_null() {
            ffi::PyErr_SetString(ffi::PyExc_IndexError, c"row index out of range".as_ptr());
            return ptr::null_mut();
        }
        ffi::Py_NewRef(value)
    }
}

unsafe extern "C" fn subscript<M: RowMethods>(
    row: *mut PyObject,
    key: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: a slot's arguments are a live row and a live object.
    unsafe {
        if ffi::PyLong_CheckExact(key) != 0 {
            let len = (*row.cast::<ffi::PyVarObject>()).ob_size;
            let index = ffi::PyLong_AsSsize_t(key);
            if index == -1 && !ffi::PyErr_Occurred().is_null() {
                ffi::PyErr_Clear();
                return item(row, -1);
            }
            return item(
                row,
                if index < 0 {
                    index.saturating_add(len)
                } else {
                    index
                },
            );
        }
        heap::object(|py| M::subscript(&heap::borrowed(py, row), &heap::borrowed(py, key)))
    }
}

unsafe extern "C" fn attribute<M: RowMethods>(
    row: *mut PyObject,
    name: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: as above.
    unsafe {
        heap::object(|py| {
            let name = heap::borrowed(py, name).cast_into::<PyString>()?;
            M::attribute(&heap::borrowed(py, row), &name)
        })
    }
}

unsafe extern "C" fn contains<M: RowMethods>(row: *mut PyObject, key: *mut PyObject) -> c_int {
    // SAFETY: as above.
    unsafe {
        heap::number(|py| {
            M::contains(&heap::borrowed(py, row), &heap::borrowed(py, key)).map(c_int::from)
        })
    }
}

unsafe extern "C" fn hash<M: RowMethods>(row: *mut PyObject) -> Py_hash_t {
    // SAFETY: as above.
    unsafe { heap::number(|py| M::hash(&heap::borrowed(py, row))) }
}

unsafe extern "C" fn compare<M: RowMethods>(
    row: *mut PyObject,
    other: *mut PyObject,
    by: c_int,
) -> *mut PyObject {
    // SAFETY: as above.
    unsafe {
        heap::object(|py| match CompareOp::from_raw(by) {
            Some(by) => M::compare(&heap::borrowed(py, row), &heap::borrowed(py, other), by),
            None => Ok(py.NotImplemented().into_bound(py)),
        })
    }
}

/// A slot or method with the row alone.
macro_rules! alone {
    ($($name:ident($($ignored:ty)?),)*) => {$(
        unsafe extern "C" fn $name<M: RowMethods>(
            row: *mut PyObject,
            $(_: $ignored,)?
        ) -> *mut PyObject {
            // SAFETY: the first argument of a slot or method is a live row.
            unsafe { heap::object(|py| M::$name(&heap::borrowed(py, row))) }
        }
    )*};
}

/// A method with a tuple of arguments.
macro_rules! with_arguments {
    ($($name:ident,)*) => {$(
        unsafe extern "C" fn $name<M: RowMethods>(
            row: *mut PyObject,
            arguments: *mut PyObject,
        ) -> *mut PyObject {
            // SAFETY: the arguments of such a method are a live row and a tuple.
            unsafe {
                heap::object(|py| {
                    M::$name(&heap::borrowed(py, row), &heap::borrowed(py, arguments))
                })
            }
        }
    )*};
}

alone! {
    iter(),
    repr(),
    keys(*mut PyObject),
    values(*mut PyObject),
    items(*mut PyObject),
    reduce(*mut PyObject),
}

with_arguments! {
    get,
    index,
    count,
}
