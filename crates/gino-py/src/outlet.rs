//! Owns the way of what a connection says by itself into Python: one callable that is told each event.
//! Never keeps an event or decides who wants it: `gino.listening` does.

use gino_core::error::DbError;
use gino_core::session::{Event, Outlet, Silence};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::errors;

/// Calls `callable(kind, *fields)`. What it raises goes to `sys.unraisablehook`.
pub(crate) struct PyOutlet(Py<PyAny>);

impl PyOutlet {
    pub(crate) fn new(callable: Py<PyAny>) -> PyOutlet {
        PyOutlet(callable)
    }

    fn tell<'py>(&self, py: Python<'py>, args: PyResult<Bound<'py, PyTuple>>) {
        if let Err(error) = args.and_then(|args| self.0.call1(py, args)) {
            error.write_unraisable(py, Some(self.0.bind(py)));
        }
    }
}

impl Outlet for PyOutlet {
    fn hear(&self, event: Event) {
        Python::attach(|py| {
            self.tell(
                py,
                match event {
                    Event::Notification {
                        process,
                        channel,
                        payload,
                    } => ("notification", process, &*channel, &*payload).into_pyobject(py),
                    Event::Notice(notice) => {
                        fields(py, &notice).and_then(|told| ("notice", told).into_pyobject(py))
                    }
                    Event::Parameter { name, value } => {
                        ("parameter", &*name, &*value).into_pyobject(py)
                    }
                },
            );
        });
    }

    fn end(&self, silence: Silence) {
        let why = match silence {
            Silence::Released => "released",
            Silence::Closed => "closed",
        };
        Python::attach(|py| self.tell(py, ("end", why).into_pyobject(py)));
    }
}

fn fields<'py>(py: Python<'py>, notice: &DbError) -> PyResult<Bound<'py, PyDict>> {
    let fields = PyDict::new(py);
    errors::database(notice, &fields)?;
    Ok(fields)
}
