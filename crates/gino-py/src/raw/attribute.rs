//! Owns the descriptor that reads and writes one slot: a type of its own because every attribute
//! access of every model goes through it. Never looks at the column it carries.

use std::ffi::{c_int, c_void};
use std::mem::offset_of;
use std::ptr;

use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::ffi::{self, Py_ssize_t, PyObject, visitproc};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};

use super::heap::{self, Spec};
use super::instance;

#[repr(C)]
struct Attribute {
    base: PyObject,
    index: Py_ssize_t,
    name: *mut PyObject,
    column: *mut PyObject,
}

/// Makes the descriptor's type.
pub(crate) fn create(py: Python<'_>) -> PyResult<Bound<'_, PyType>> {
    let member = |name: &'static std::ffi::CStr, kind, offset: usize| {
        PyResult::Ok(ffi::PyMemberDef {
            name: name.as_ptr(),
            type_code: kind,
            offset: Py_ssize_t::try_from(offset)?,
            flags: 0,
            doc: ptr::null(),
        })
    };
    let members = Box::leak(Box::new([
        member(c"name", ffi::Py_T_OBJECT_EX, offset_of!(Attribute, name))?,
        member(c"index", ffi::Py_T_PYSSIZET, offset_of!(Attribute, index))?,
        member(
            c"column",
            ffi::Py_T_OBJECT_EX,
            offset_of!(Attribute, column),
        )?,
        ffi::PyMemberDef::default(),
    ]));
    let spec = Spec {
        name: c"gino._core.Attribute",
        size: size_of::<Attribute>(),
        item: 0,
        flags: ffi::Py_TPFLAGS_BASETYPE,
    };
    let doc = c"Data descriptor of a slot: the column on the class, the value on an instance.";
    // SAFETY: the functions have their slots' signatures and fit `Attribute`; the array is static
    // and ends with a zeroed element. `PyType_GenericNew` zeroes the fields.
    let made = unsafe {
        heap::make(
            py,
            &spec,
            &[
                (ffi::Py_tp_doc, doc.as_ptr().cast_mut().cast()),
                (ffi::Py_tp_new, ffi::PyType_GenericNew as *mut c_void),
                (ffi::Py_tp_init, init as *mut c_void),
                (ffi::Py_tp_descr_get, get as *mut c_void),
                (ffi::Py_tp_descr_set, set as *mut c_void),
                (ffi::Py_tp_dealloc, dealloc as *mut c_void),
                (ffi::Py_tp_traverse, traverse as *mut c_void),
                (ffi::Py_tp_clear, clear as *mut c_void),
                (ffi::Py_tp_members, members.as_mut_ptr().cast()),
            ],
        )?
    };
    Ok(made.into_bound(py))
}

unsafe extern "C" fn init(
    object: *mut PyObject,
    args: *mut PyObject,
    kwargs: *mut PyObject,
) -> c_int {
    // SAFETY: `tp_init` gets a live object, a tuple and a dictionary or null; the old values are
    // dropped after the new ones are in place.
    unsafe {
        heap::number(|py| {
            let args = heap::borrowed(py, args).cast_into::<PyTuple>()?;
            let kwargs = Bound::from_borrowed_ptr_or_opt(py, kwargs);
            let kwargs = kwargs
                .map(|kwargs| kwargs.cast_into::<PyDict>())
                .transpose()?;
            let given = args.len() + kwargs.as_ref().map_or(0, PyDictMethods::len);
            let argument = |place: usize, name: &str| -> PyResult<Bound<'_, PyAny>> {
                if place < args.len() {
                    return args.get_item(place);
                }
                let named = match &kwargs {
                    Some(kwargs) => kwargs.get_item(name)?,
                    None => None,
                };
                named.ok_or_else(|| PyTypeError::new_err(SIGNATURE))
            };
            if given != 3 {
                return Err(PyTypeError::new_err(SIGNATURE));
            }
            let name = argument(0, "name")?;
            let index: Py_ssize_t = argument(1, "index")?.extract()?;
            let column = argument(2, "column")?;
            let this = object.cast::<Attribute>();
            (*this).index = index;
            let name = (&raw mut (*this).name).replace(name.into_ptr());
            let column = (&raw mut (*this).column).replace(column.into_ptr());
            ffi::Py_XDECREF(name);
            ffi::Py_XDECREF(column);
            Ok(0)
        })
    }
}

const SIGNATURE: &str = "Attribute takes exactly three arguments: name, index, column";

unsafe extern "C" fn get(
    object: *mut PyObject,
    owner: *mut PyObject,
    _class: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: `object` is a live descriptor and `owner` a live object or null; whether it has an
    // array is checked before it is used, and so is the index.
    unsafe {
        let this = object.cast::<Attribute>();
        if owner.is_null() || owner == ffi::Py_None() {
            let column = (*this).column;
            return ffi::Py_NewRef(if column.is_null() {
                ffi::Py_None()
            } else {
                column
            });
        }
        if !instance::check(owner) {
            return heap::object(|py| Err(stranger(py, object, owner)));
        }
        let index = usize::try_from((*this).index).unwrap_or(usize::MAX);
        let value = instance::array_of(owner).get(index);
        ffi::Py_NewRef(if value.is_null() {
            ffi::Py_None()
        } else {
            value
        })
    }
}

unsafe extern "C" fn set(
    object: *mut PyObject,
    owner: *mut PyObject,
    value: *mut PyObject,
) -> c_int {
    // SAFETY: as in `get`; the old value is dropped after the new one is in place.
    unsafe {
        if value.is_null() {
            return heap::number(|py| {
                let name = name_of(py, object);
                Err(PyAttributeError::new_err(format!(
                    "attribute {name} cannot be deleted"
                )))
            });
        }
        if !instance::check(owner) {
            return heap::number(|py| Err(stranger(py, object, owner)));
        }
        let index = usize::try_from((*object.cast::<Attribute>()).index).unwrap_or(usize::MAX);
        match instance::array_of(owner).replace(index, ffi::Py_NewRef(value)) {
            Ok(old) => {
                ffi::Py_XDECREF(old);
                0
            }
            Err(_) => {
                ffi::Py_DECREF(value);
                heap::number(|py| {
                    let name = name_of(py, object);
                    let class = heap::borrowed(py, owner).get_type();
                    Err(PyAttributeError::new_err(format!(
                        "{class} has no slot for {name}"
                    )))
                })
            }
        }
    }
}

/// # Safety
/// `object` is a live descriptor.
#[cold]
unsafe fn name_of(py: Python<'_>, object: *mut PyObject) -> String {
    // SAFETY: a live descriptor; its name is null or owned by it.
    let name = unsafe { Bound::from_borrowed_ptr_or_opt(py, (*object.cast::<Attribute>()).name) };
    name.and_then(|name| name.repr().ok())
        .map_or_else(|| "?".to_owned(), |name| name.to_string())
}

/// # Safety
/// `object` is a live descriptor and `owner` a live object.
#[cold]
unsafe fn stranger(py: Python<'_>, object: *mut PyObject, owner: *mut PyObject) -> PyErr {
    // SAFETY: both are alive, says the caller.
    unsafe {
        let name = name_of(py, object);
        let class = heap::borrowed(py, owner).get_type();
        PyTypeError::new_err(format!(
            "attribute {name} belongs to models, not to {class}"
        ))
    }
}

unsafe extern "C" fn dealloc(object: *mut PyObject) {
    // SAFETY: the last reference is gone; the type's reference goes last.
    unsafe {
        ffi::PyObject_GC_UnTrack(object.cast());
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
        let this = object.cast::<Attribute>();
        for owned in [ffi::Py_TYPE(object).cast(), (*this).name, (*this).column] {
            if !owned.is_null() {
                let stop = visit(owned, arg);
                if stop != 0 {
                    return stop;
                }
            }
        }
    }
    0
}

unsafe extern "C" fn clear(object: *mut PyObject) -> c_int {
    // SAFETY: each field is null before what it held is dropped.
    unsafe {
        let this = object.cast::<Attribute>();
        ffi::Py_XDECREF((&raw mut (*this).name).replace(ptr::null_mut()));
        ffi::Py_XDECREF((&raw mut (*this).column).replace(ptr::null_mut()));
    }
    0
}
