//! Owns plans: statements with all that can be decided once, and the decoder tables that are made
//! when a server first says what columns a statement has. Never runs anything. The driver half
//! reads the text, sinks and parameters the rest.

use std::sync::{Arc, Mutex, PoisonError};

use gino_core::codec::{Kind, Oid};
use gino_core::row::Columns;
use gino_core::session::Sql;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::layout::RowKeys;
use crate::program::{Program, Root};
use crate::tree::Decoder;

/// How many tables a plan keeps: one per connection that ran it, for pools of a usual size.
const TABLES: usize = 64;

/// A statement with all that can be decided once.
#[pyclass(frozen, module = "gino._core")]
pub(crate) struct Plan {
    sql: Sql,
    program: Option<Py<Program>>,
    binds: Processors,
    results: Processors,
    /// The columns that `results` are for, if these are found by name.
    named: Option<Box<[String]>>,
    keys: Option<Py<RowKeys>>,
    tables: Mutex<Vec<Arc<Table>>>,
}

/// A callable or nothing, per parameter or column. Empty if there is no callable at all.
type Processors = Box<[Option<Py<PyAny>>]>;

/// How the values of one result are decoded; the same for each of its rows.
pub(crate) struct Table {
    /// The columns it was made for.
    pub(crate) columns: Arc<Columns>,
    /// How each column travels, and its type.
    pub(crate) kinds: Box<[(Kind, Oid)]>,
    /// The decoders of those that the catalog describes; empty if there is none.
    pub(crate) learnt: Box<[Option<Arc<Decoder>>]>,
    /// What each column is called, by the server; None where the plan knows better. Names alone are
    /// never part of a cycle, so that the garbage collector need not see them here.
    keys: Option<Py<RowKeys>>,
    /// The slot that each column fills, if the program is a plain model.
    pub(crate) slots: Box<[usize]>,
    /// Which of the plan's processors each column has, if they are found by name.
    processors: Option<Box<[usize]>>,
}

/// In [`Table::slots`]: the column fills no slot.
pub(crate) const NOWHERE: usize = usize::MAX;

#[pymethods]
impl Plan {
    #[new]
    #[pyo3(signature = (sql, *, program = None, binds = None, results = None, named = None,
        keys = None))]
    fn new(
        sql: &str,
        program: Option<Py<Program>>,
        binds: Option<&Bound<'_, PyAny>>,
        results: Option<&Bound<'_, PyAny>>,
        named: Option<Vec<String>>,
        keys: Option<Py<RowKeys>>,
    ) -> PyResult<Plan> {
        let (binds, results) = (processors(binds)?, processors(results)?);
        let tables = Mutex::default();
        Ok(Plan {
            sql: Sql::new(sql),
            program,
            binds,
            results,
            named: named.map(Vec::into_boxed_slice),
            keys,
            tables,
        })
    }

    /// The same statement with another program.
    #[pyo3(signature = (program))]
    fn with_program(&self, py: Python<'_>, program: Option<Py<Program>>) -> Plan {
        let copy = |processors: &Processors| {
            processors
                .iter()
                .map(|one| one.as_ref().map(|one| one.clone_ref(py)))
                .collect()
        };
        Plan {
            sql: self.sql.clone(),
            program,
            binds: copy(&self.binds),
            results: copy(&self.results),
            named: self.named.clone(),
            keys: self.keys.as_ref().map(|keys| keys.clone_ref(py)),
            tables: Mutex::default(),
        }
    }

    #[getter(sql)]
    fn text(&self) -> &str {
        self.sql.as_str()
    }

    /// Name and type OID of each column of the newest result; None before there was one.
    #[getter]
    fn columns(&self) -> Option<Vec<(String, Oid)>> {
        let tables = self.tables();
        let columns = &tables.last()?.columns;
        let pairs = columns.iter().map(|one| (one.name.to_string(), one.oid));
        Some(pairs.collect())
    }

    fn __repr__<'py>(&self, py: Python<'py>) -> PyResult<String> {
        Ok(format!(
            "Plan({})",
            PyString::new(py, self.sql.as_str()).repr()?
        ))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        for processor in self.binds.iter().chain(&self.results) {
            visit.call(processor)?;
        }
        visit.call(&self.program)?;
        visit.call(&self.keys)
    }
}

impl Table {
    /// The decoder of column `index`, if the catalog describes its type.
    pub(crate) fn learnt(&self, index: usize) -> Option<&Decoder> {
        self.learnt.get(index)?.as_deref()
    }
}

impl Plan {
    /// The statement's text.
    pub(crate) fn sql(&self) -> &Sql {
        &self.sql
    }

    /// The loader program; None for rows.
    pub(crate) fn program(&self) -> Option<&Program> {
        self.program.as_ref().map(Py::get)
    }

    /// What is called with the value of parameter `index` before it is encoded.
    pub(crate) fn bind(&self, index: usize) -> Option<&Py<PyAny>> {
        self.binds.get(index)?.as_ref()
    }

    /// Whether any parameter has a processor.
    pub(crate) fn has_binds(&self) -> bool {
        !self.binds.is_empty()
    }

    /// What is called with the value of column `index` of `table` after it is decoded.
    #[inline]
    pub(crate) fn result(&self, table: &Table, index: usize) -> Option<&Py<PyAny>> {
        if self.results.is_empty() {
            return None;
        }
        let index = match &table.processors {
            Some(processors) => *processors.get(index)?,
            None => index,
        };
        self.results.get(index)?.as_ref()
    }

    /// What the columns of `table` are called.
    #[inline]
    pub(crate) fn keys<'a>(&'a self, table: &'a Table) -> Option<&'a Py<RowKeys>> {
        table.keys.as_ref().or(self.keys.as_ref())
    }

    /// The table for a result with `columns`: made once, then found by the columns' address.
    pub(crate) fn table(&self, py: Python<'_>, columns: &Arc<Columns>) -> PyResult<Arc<Table>> {
        if let Some(known) = self
            .tables()
            .iter()
            .find(|t| Arc::ptr_eq(&t.columns, columns))
        {
            return Ok(Arc::clone(known));
        }
        let made = Arc::new(self.make_table(py, columns)?);
        let mut tables = self.tables();
        let old = if tables.len() < TABLES {
            Vec::new()
        } else {
            std::mem::take(&mut *tables)
        };
        tables.push(Arc::clone(&made));
        drop(tables);
        drop(old);
        Ok(made)
    }

    fn tables(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Table>>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make_table(&self, py: Python<'_>, columns: &Arc<Columns>) -> PyResult<Table> {
        let known = self
            .keys
            .as_ref()
            .is_some_and(|keys| keys.get().names(py).len() == columns.len());
        let keys = if known {
            None
        } else {
            let names = columns
                .iter()
                .map(|column| PyString::intern(py, &column.name));
            let names = PyTuple::new(py, names.collect::<Vec<_>>())?;
            Some(Py::new(py, RowKeys::named(&names, None)?)?)
        };
        let decoders = columns.iter().map(|column| {
            let learnt = column.learnt.as_ref();
            learnt.map(|learnt| Decoder::of(py, learnt)).transpose()
        });
        let learnt = match columns.iter().any(|column| column.learnt.is_some()) {
            true => decoders.collect::<PyResult<_>>()?,
            false => Box::default(),
        };
        let mut slots = vec![NOWHERE; columns.len()];
        if let Some(Root::Plain(_, pairs)) = self.program().map(Program::root) {
            for (column, slot) in pairs {
                if let Some(place) = slots.get_mut(*column) {
                    *place = *slot;
                }
            }
        }
        let processors = self.named.as_ref().map(|named| {
            let place = |name: &str| named.iter().position(|one| one == name);
            let places = columns.iter().map(|column| place(&column.name));
            places.map(|found| found.unwrap_or(NOWHERE)).collect()
        });
        Ok(Table {
            processors,
            columns: Arc::clone(columns),
            kinds: columns.iter().map(|one| (one.kind(), one.oid)).collect(),
            learnt,
            keys,
            slots: slots.into(),
        })
    }
}

fn processors(given: Option<&Bound<'_, PyAny>>) -> PyResult<Processors> {
    let Some(given) = given else {
        return Ok(Box::default());
    };
    let all = given.try_iter()?.map(|one| {
        let one = one?;
        Ok(if one.is_none() {
            None
        } else {
            Some(one.unbind())
        })
    });
    let all = all.collect::<PyResult<Processors>>()?;
    Ok(if all.iter().any(Option::is_some) {
        all
    } else {
        Box::default()
    })
}
