//! Owns the passage of errors between Python and core. Never makes an exception class: `errors` does.
//! Everything that decodes, encodes or loads uses it.

use std::borrow::Cow;

use gino_core::error::{CodecError, Error, HostError};
use pyo3::prelude::*;

/// Why a value cannot be decoded or encoded.
pub(crate) enum Fault {
    /// It does not fit its type, and where in it that is, if it is made of others.
    Misfit(Cow<'static, str>, String),
    /// Python code raised.
    Raised(PyErr),
}

/// What decoding and encoding give; one word wide if it is an object.
pub(crate) type Fitted<T = ()> = Result<T, Box<Fault>>;

impl Fault {
    /// The error of a value at `place`.
    #[cold]
    pub(crate) fn at(
        self,
        place: String,
        sql_type: Cow<'static, str>,
        host_type: Cow<'static, str>,
    ) -> Error {
        match self {
            Fault::Misfit(reason, path) => CodecError {
                place,
                sql_type,
                host_type,
                reason: match path.as_str() {
                    "" => reason,
                    path => format!("at {path}: {reason}").into(),
                },
            }
            .into(),
            Fault::Raised(error) => host(error),
        }
    }
}

/// Says in which part of a value the fault is.
pub(crate) trait Within {
    /// `step` is `[2]` or `.name`.
    fn within(self, step: impl FnOnce() -> String) -> Self;
}

impl<T> Within for Fitted<T> {
    #[inline]
    fn within(self, step: impl FnOnce() -> String) -> Self {
        match self {
            Err(fault) => Err(inside(fault, step())),
            fitted => fitted,
        }
    }
}

#[cold]
fn inside(mut fault: Box<Fault>, step: String) -> Box<Fault> {
    if let Fault::Misfit(_, path) = &mut *fault {
        path.insert_str(0, &step);
    }
    fault
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
        Box::new(Fault::Misfit(Cow::Borrowed(reason), String::new()))
    }
}

impl From<String> for Box<Fault> {
    #[cold]
    fn from(reason: String) -> Box<Fault> {
        Box::new(Fault::Misfit(Cow::Owned(reason), String::new()))
    }
}

/// An exception as an error of core, which passes it through unchanged.
#[cold]
pub(crate) fn host(error: PyErr) -> Error {
    HostError(Box::new(error)).into()
}
