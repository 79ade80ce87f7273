//! Owns the passage of errors between Python and core. Never makes an exception class: `errors` does.
//! Everything that decodes, encodes or loads uses it.

use std::borrow::Cow;

use gino_core::codec::{Oid, type_name};
use gino_core::error::{CodecError, Error, HostError};
use pyo3::prelude::*;

/// Why a value cannot be decoded or encoded.
pub(crate) enum Fault {
    /// It does not fit its type.
    Misfit(Cow<'static, str>),
    /// Python code raised.
    Raised(PyErr),
}

/// What decoding and encoding give; one word wide if it is an object.
pub(crate) type Fitted<T = ()> = Result<T, Box<Fault>>;

impl Fault {
    /// The error of a value at `place`.
    #[cold]
    pub(crate) fn at(self, place: String, oid: Oid, host_type: Cow<'static, str>) -> Error {
        match self {
            Fault::Misfit(reason) => CodecError {
                place,
                sql_type: type_name(oid),
                host_type,
                reason,
            }
            .into(),
            Fault::Raised(error) => host(error),
        }
    }
}

impl From<PyErr> for Box<Fault> {
    #[cold]
    fn from(error: PyErr) -> Box<Fault> {
        Box::new(Fault::Raised(error))
    }
}

impl From<&'static str> for Box<Fault> {
    #[cold]
    fn from(reason: &'static str) -> Box<Fault> {
        Box::new(Fault::Misfit(Cow::Borrowed(reason)))
    }
}

impl From<String> for Box<Fault> {
    #[cold]
    fn from(reason: String) -> Box<Fault> {
        Box::new(Fault::Misfit(Cow::Owned(reason)))
    }
}

/// An exception as an error of core, which passes it through unchanged.
#[cold]
pub(crate) fn host(error: PyErr) -> Error {
    HostError(Box::new(error)).into()
}
