//! Owns how core's loader plans make Python objects. Never walks a tree: core does.
//! `sink` hands it to the walk.

use std::cell::OnceCell;
use std::vec;

use gino_core::error::{Result, UsageError};
use gino_core::loader::{self, View};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::fault::host;
use crate::program::{Model, Nodes, Program};
use crate::raw::{self, NewInstance};
use crate::reader::Reader;

/// A Python object that the state of a query holds from row to row.
pub(crate) struct Object(Py<PyAny>);

impl Object {
    /// The object.
    pub(crate) fn into_bound(self, py: Python<'_>) -> Bound<'_, PyAny> {
        self.0.into_bound(py)
    }
}

impl Clone for Object {
    fn clone(&self) -> Object {
        Python::attach(|py| Object(self.0.clone_ref(py)))
    }
}

/// Makes the objects of one row.
pub(crate) struct Host<'a, 'py> {
    reader: &'a Reader<'a, 'py>,
    program: &'a Program,
    context: &'a OnceCell<Py<PyDict>>,
}

impl<'a, 'py> Host<'a, 'py> {
    /// A host for a row that `reader` reads. Functions of the row share `context`, made on demand.
    pub(crate) fn new(
        reader: &'a Reader<'a, 'py>,
        program: &'a Program,
        context: &'a OnceCell<Py<PyDict>>,
    ) -> Host<'a, 'py> {
        Host {
            reader,
            program,
            context,
        }
    }

    fn fill(
        &self,
        view: View<'_>,
        columns: &[(usize, usize)],
        object: &Bound<'py, PyAny>,
    ) -> Result<()> {
        for (column, slot) in columns {
            let value = self.reader.value(*column, view.get(*column))?;
            raw::put_slot(object, *slot, value).map_err(host)?;
        }
        Ok(())
    }
}

impl loader::Host for Host<'_, '_> {
    type Shape = Nodes;
    type Object = Object;

    fn row(&mut self, view: View<'_>) -> Result<Object> {
        Ok(Object(self.reader.row(view.row())?.unbind()))
    }

    fn value(&mut self, view: View<'_>, column: usize) -> Result<Object> {
        Ok(Object(
            self.reader.value(column, view.get(column))?.unbind(),
        ))
    }

    fn instance(
        &mut self,
        view: View<'_>,
        model: &usize,
        columns: &[(usize, usize)],
    ) -> Result<Object> {
        let py = self.reader.py();
        let object = match self.program.model(*model).ok_or(LOST)? {
            Model::Plain(class) => {
                let mut made = NewInstance::new(py, class).map_err(host)?;
                for (column, slot) in columns {
                    made.put(*slot, self.reader.value(*column, view.get(*column))?);
                }
                made.finish()
            }
            Model::Called(class) => {
                let object = class.bind(py).call0().map_err(host)?;
                self.fill(view, columns, &object)?;
                object
            }
        };
        Ok(Object(object.unbind()))
    }

    fn attach(&mut self, parent: &Object, key: &usize, child: Object) -> Result<()> {
        let py = self.reader.py();
        let key = self.program.key(*key).ok_or(LOST)?;
        let (parent, child) = (parent.0.bind(py), child.0.into_bound(py));
        if key.called {
            let setter = parent.getattr(key.name.bind(py)).map_err(host)?;
            setter.call1((child,)).map(drop).map_err(host)
        } else {
            parent.setattr(key.name.bind(py), child).map_err(host)
        }
    }

    fn tuple(&mut self, items: vec::Drain<'_, Object>) -> Result<Object> {
        let items = PyTuple::new(self.reader.py(), items.map(|item| item.0)).map_err(host)?;
        Ok(Object(items.into_any().unbind()))
    }

    fn literal(&mut self, value: &usize) -> Result<Object> {
        let value = self.program.object(*value).ok_or(LOST)?;
        Ok(Object(value.clone_ref(self.reader.py())))
    }

    fn call(&mut self, view: View<'_>, call: &usize) -> Result<Object> {
        let py = self.reader.py();
        let call = self.program.object(*call).ok_or(LOST)?;
        let row = self.reader.row(view.row())?;
        let context = self.context.get_or_init(|| PyDict::new(py).unbind());
        let made = call.bind(py).call1((row, context.bind(py))).map_err(host)?;
        Ok(Object(made.unbind()))
    }

    fn none(&mut self) -> Object {
        Object(self.reader.py().None())
    }
}

/// Nodes and lists of a program are made together.
const LOST: UsageError = UsageError::Statement("the loader program does not belong to its plan");
