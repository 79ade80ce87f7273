//! Owns loader programs: the tree that Python builds, compiled to core's plan, and what makes
//! Python objects of its nodes. Never decodes a value itself. Sinks run it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use gino_core::loader::{self, Shape, Tree};
use pyo3::exceptions::PyValueError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple, PyType};

use crate::layout::Layout;
use crate::python;
use crate::raw::{self, PlainClass};

/// A loader tree for one shape of result, compiled.
#[pyclass(frozen, module = "gino._core")]
pub(crate) struct Program {
    /// The nodes; they name what is in the lists below by its place, so that the garbage collector
    /// sees each object once.
    plan: loader::Plan<Nodes>,
    models: Vec<Model>,
    keys: Vec<Key>,
    objects: Vec<Py<PyAny>>,
    root: Root,
}

/// What core's nodes hold: places in the program's lists.
pub(crate) struct Nodes;

impl Shape for Nodes {
    type Model = usize;
    type Key = usize;
    type Value = usize;
    type Call = usize;
}

/// What a program makes of a row, where that needs no walk.
pub(crate) enum Root {
    /// The whole row.
    Row,
    /// One value.
    Column(usize),
    /// An instance with nothing below it, made without calling its class, from columns none of
    /// which is used twice.
    Plain(PlainClass, Vec<(usize, usize)>),
    /// An instance with more to it.
    Model(Vec<(usize, usize)>),
    /// Anything else.
    Tree,
}

/// How instances of a class are made.
pub(crate) enum Model {
    /// Without calling the class.
    Plain(PlainClass),
    /// By calling it.
    Called(Py<PyType>),
}

/// Where a sub-result goes.
pub(crate) struct Key {
    /// The attribute's name.
    pub(crate) name: Py<PyString>,
    /// Whether the attribute is a function, to be called with it.
    pub(crate) called: bool,
}

static PLAIN_INIT: Mutex<Option<Py<PyAny>>> = Mutex::new(None);

/// The `__init__` that model classes have unless they override it: instances of those are made
/// without calling it.
#[pyfunction]
pub(crate) fn set_plain_init(init: Bound<'_, PyAny>) {
    let old = plain_init().replace(init.unbind());
    // Not under the lock: dropping may run Python code.
    drop(old);
}

#[pymethods]
impl Program {
    #[new]
    fn new(tree: &Bound<'_, PyAny>) -> PyResult<Program> {
        let py = tree.py();
        let mut compiler = Compiler::default();
        let tree = compiler.tree(tree)?;
        let root = match &tree {
            Tree::Row => Root::Row,
            Tree::Column(column) => Root::Column(*column),
            Tree::Model {
                model,
                columns,
                distinct: None,
                children,
            } if children.is_empty() && once(columns) => match compiler.models.get(*model) {
                Some(Model::Plain(class)) => Root::Plain(class.clone_ref(py), columns.clone()),
                _ => Root::Model(columns.clone()),
            },
            Tree::Model { columns, .. } => Root::Model(columns.clone()),
            _ => Root::Tree,
        };
        let Compiler {
            models,
            keys,
            objects,
        } = compiler;
        Ok(Program {
            plan: loader::Plan::new(tree),
            models,
            keys,
            objects,
            root,
        })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Root::Plain(class, _) = &self.root {
            class.traverse(visit)?;
        }
        for model in &self.models {
            match model {
                Model::Plain(class) => class.traverse(visit)?,
                Model::Called(class) => visit.call(class)?,
            }
        }
        self.objects
            .iter()
            .try_for_each(|object| visit.call(object))
    }
}

impl Program {
    /// The plan for core to walk.
    pub(crate) fn plan(&self) -> &loader::Plan<Nodes> {
        &self.plan
    }

    /// What the program makes of a row.
    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    /// The model at `place`.
    pub(crate) fn model(&self, place: usize) -> Option<&Model> {
        self.models.get(place)
    }

    /// The key at `place`.
    pub(crate) fn key(&self, place: usize) -> Option<&Key> {
        self.keys.get(place)
    }

    /// The literal or function at `place`.
    pub(crate) fn object(&self, place: usize) -> Option<&Py<PyAny>> {
        self.objects.get(place)
    }
}

#[derive(Default)]
struct Compiler {
    models: Vec<Model>,
    keys: Vec<Key>,
    objects: Vec<Py<PyAny>>,
}

impl Compiler {
    fn tree(&mut self, tree: &Bound<'_, PyAny>) -> PyResult<Tree<Nodes>> {
        let node = tree.cast::<PyTuple>()?;
        let kind: String = node.get_item(0)?.extract()?;
        Ok(match (kind.as_str(), node.len()) {
            ("row", 1) => Tree::Row,
            ("column", 2) => Tree::Column(node.get_item(1)?.extract()?),
            ("model", 5) => self.model(node)?,
            ("tuple", 2) => {
                let items = node.get_item(1)?;
                let items = items.try_iter()?.map(|item| self.tree(&item?));
                Tree::Tuple(items.collect::<PyResult<_>>()?)
            }
            ("value", 2) => Tree::Value(self.object(node.get_item(1)?)),
            ("call", 2) => Tree::Call(self.object(node.get_item(1)?)),
            _ => {
                return Err(PyValueError::new_err(format!(
                    "no loader node: {}",
                    node.repr()?
                )));
            }
        })
    }

    fn model(&mut self, node: &Bound<'_, PyTuple>) -> PyResult<Tree<Nodes>> {
        let class = node.get_item(1)?.cast_into::<PyType>()?;
        let columns = node.get_item(2)?;
        let columns = columns.try_iter()?.map(|pair| pair?.extract());
        let columns = columns.collect::<PyResult<Vec<(usize, usize)>>>()?;
        let distinct = node.get_item(3)?;
        let distinct = if distinct.is_none() {
            None
        } else {
            Some(
                distinct
                    .try_iter()?
                    .map(|column| column?.extract())
                    .collect::<PyResult<_>>()?,
            )
        };
        let mut children = Vec::new();
        for child in node.get_item(4)?.try_iter()? {
            let child = child?.cast_into::<PyTuple>()?;
            let key = self.key(&class, &child.get_item(0)?)?;
            children.push((key, self.tree(&child.get_item(1)?)?));
        }
        self.models.push(model(&class)?);
        Ok(Tree::Model {
            model: self.models.len() - 1,
            columns,
            distinct,
            children,
        })
    }

    fn key(&mut self, class: &Bound<'_, PyType>, name: &Bound<'_, PyAny>) -> PyResult<usize> {
        let py = class.py();
        let name = PyString::intern(py, name.cast::<PyString>()?.to_str()?);
        let function = python::function(py)?;
        let called = match class.getattr_opt(&name)? {
            Some(attribute) => attribute.get_type().is(function),
            None => false,
        };
        self.keys.push(Key {
            name: name.unbind(),
            called,
        });
        Ok(self.keys.len() - 1)
    }

    fn object(&mut self, object: Bound<'_, PyAny>) -> usize {
        self.objects.push(object.unbind());
        self.objects.len() - 1
    }
}

fn model(class: &Bound<'_, PyType>) -> PyResult<Model> {
    let py = class.py();
    let init = class.getattr("__init__")?;
    let base = raw::instance_base(py)
        .map(|base| base.getattr("__init__"))
        .transpose()?;
    let plain = plain_init().as_ref().is_some_and(|plain| plain.is(&init))
        || base.is_some_and(|base| base.is(&init));
    let slots = Layout::of(class)?.map_or(0, |layout| layout.get().len(py));
    let plain = if plain {
        PlainClass::new(class, slots)
    } else {
        None
    };
    Ok(plain.map_or_else(|| Model::Called(class.clone().unbind()), Model::Plain))
}

fn plain_init() -> MutexGuard<'static, Option<Py<PyAny>>> {
    PLAIN_INIT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether no column of the row fills two slots.
fn once(columns: &[(usize, usize)]) -> bool {
    let mut used: Vec<usize> = columns.iter().map(|(column, _)| *column).collect();
    used.sort_unstable();
    used.windows(2).all(|pair| pair.first() != pair.last())
}
