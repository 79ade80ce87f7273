//! Owns the way from the wire to Python objects: rows go straight from the input buffer into
//! models, rows or values. Never reads a socket or knows a connection.
//! The driver half makes a [`PySink`] per request, hands it to core and finishes it.

use std::any::Any;
use std::cell::OnceCell;
use std::sync::Arc;

use gino_core::error::{Result, RowError, UsageError};
use gino_core::loader::Walk;
use gino_core::row::{Cells, Columns, RawRow};
use gino_core::session::Sink;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::errors;
use crate::fault::host;
use crate::host::{Host, Object};
use crate::plan::{Plan, Table};
use crate::program::{Program, Root};
use crate::raw::{self, NewInstance};
use crate::reader::Reader;

/// What a request is to return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A list.
    All,
    /// The first object, or None.
    First,
    /// The only object.
    One,
    /// The only object, or None.
    OneOrNone,
    /// The first column of the first row, or None.
    Scalar,
    /// The command tag and a list.
    Status,
    /// How many rows all parameter sets concerned, and a list of what they all returned.
    Each,
}

impl Mode {
    /// The modes with their names in Python, in the order of their numbers.
    pub(crate) const ALL: [(&'static str, Mode); 7] = [
        ("ALL", Mode::All),
        ("FIRST", Mode::First),
        ("ONE", Mode::One),
        ("ONE_OR_NONE", Mode::OneOrNone),
        ("SCALAR", Mode::Scalar),
        ("STATUS", Mode::Status),
        ("EACH", Mode::Each),
    ];

    /// The mode with `number`.
    ///
    /// # Errors
    /// `ValueError` if there is none.
    pub(crate) fn new(number: usize) -> PyResult<Mode> {
        let mode = Mode::ALL.get(number).map(|(_, mode)| *mode);
        mode.ok_or_else(|| PyValueError::new_err(format!("no mode {number}")))
    }

    /// How many rows are worth asking for; 0 for all.
    pub(crate) fn max_rows(self) -> u32 {
        match self {
            Mode::First | Mode::Scalar => 1,
            Mode::One | Mode::OneOrNone => 2,
            Mode::All | Mode::Status | Mode::Each => 0,
        }
    }

    fn is_list(self) -> bool {
        matches!(self, Mode::All | Mode::Status | Mode::Each)
    }
}

/// Turns the rows of one request into Python objects.
pub(crate) struct PySink {
    plan: Py<Plan>,
    mode: Mode,
    many: bool,
    into: Option<Py<PyAny>>,
    table: Option<Arc<Table>>,
    list: Option<Py<PyList>>,
    first: Option<Py<PyAny>>,
    rows: usize,
    cells: Cells,
    walk: Option<Walk<Object>>,
    context: OnceCell<Py<PyDict>>,
}

impl PySink {
    /// A sink for one run of `plan`. With `many` (executemany) rows are ignored, but in the mode
    /// [`Mode::Each`]. `into` is an instance that gets the first row's values.
    pub(crate) fn new(
        py: Python<'_>,
        plan: &Py<Plan>,
        mode: Mode,
        into: Option<Py<PyAny>>,
        many: bool,
    ) -> PySink {
        let many = many && mode != Mode::Each;
        PySink {
            plan: plan.clone_ref(py),
            mode,
            many,
            into,
            table: None,
            list: (mode.is_list() && !many).then(|| PyList::empty(py).unbind()),
            first: None,
            rows: 0,
            cells: Cells::default(),
            walk: None,
            context: OnceCell::new(),
        }
    }

    /// What came in since the last call, as a list; the sink can be used for more rows of the same
    /// result, and what is distinct stays so. For cursors.
    pub(crate) fn take_list<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyList> {
        self.rows = 0;
        list(self.list.replace(PyList::empty(py).unbind()), py)
    }

    /// The result, now that the request is complete with the command tag `tag`; all its parameter
    /// sets concerned `affected` rows.
    ///
    /// # Errors
    /// No row or several where one is asked for.
    pub(crate) fn finish<'py>(
        self,
        py: Python<'py>,
        tag: &str,
        affected: u64,
    ) -> PyResult<Bound<'py, PyAny>> {
        if self.many {
            return Ok(py.None().into_bound(py));
        }
        let first = |sink: PySink| match sink.first {
            Some(first) => first.into_bound(py),
            None => py.None().into_bound(py),
        };
        match self.mode {
            Mode::All => Ok(list(self.list, py).into_any()),
            Mode::Status => Ok((tag, list(self.list, py)).into_pyobject(py)?.into_any()),
            Mode::Each => Ok((affected, list(self.list, py))
                .into_pyobject(py)?
                .into_any()),
            Mode::One | Mode::OneOrNone if self.rows > 1 => {
                Err(errors::raise(py, RowError::SeveralFound.into()))
            }
            Mode::One if self.rows == 0 => Err(errors::raise(py, RowError::NoneFound.into())),
            _ => Ok(first(self)),
        }
    }

    fn start(&mut self, py: Python<'_>, columns: &Arc<Columns>) -> Result<()> {
        let plan = self.plan.get();
        self.table = Some(plan.table(py, columns).map_err(host)?);
        if columns.is_empty() || self.mode == Mode::Scalar {
            return Ok(());
        }
        if let Some(program) = plan.program() {
            program.plan().check(columns.len())?;
        }
        Ok(())
    }

    #[inline]
    fn load(&mut self, py: Python<'_>, row: RawRow<'_>) -> Result<()> {
        let plan = self.plan.get();
        let Some(table) = &self.table else {
            return Err(UsageError::Statement("a row came before its columns").into());
        };
        self.rows += 1;
        if self.rows > 1 && !self.mode.is_list() {
            return Ok(());
        }
        let reader = Reader::new(py, plan, table);
        reader.check(row)?;
        if self.mode == Mode::Scalar {
            self.first = Some(value(&reader, row, 0)?.unbind());
            return Ok(());
        }
        if let Some(into) = &self.into {
            self.cells.read(row, row.len())?;
            fill(&reader, plan.program(), into.bind(py), row, &self.cells)?;
            self.first = Some(into.clone_ref(py));
            return Ok(());
        }
        let object = match plan.program().map(|program| (program, program.root())) {
            None | Some((_, Root::Row)) => reader.row(row)?,
            Some((_, Root::Column(column))) => value(&reader, row, *column)?,
            Some((_, Root::Plain(class, _))) => {
                reader.plain(NewInstance::new(py, class).map_err(host)?, row)?
            }
            Some((program, _)) => {
                self.cells.read(row, row.len())?;
                let walk = self.walk.get_or_insert_with(|| program.plan().begin());
                let mut maker = Host::new(&reader, program, &self.context);
                match program.plan().walk(walk, &mut maker, row, &self.cells)? {
                    Some(object) => object.into_bound(py),
                    // It went to an object that an earlier row gave.
                    None => return Ok(()),
                }
            }
        };
        match &self.list {
            Some(list) => list.bind(py).append(object).map_err(host),
            None => {
                self.first = Some(object.unbind());
                Ok(())
            }
        }
    }
}

impl Sink for PySink {
    fn begin(&mut self, columns: &Arc<Columns>) -> Result<()> {
        if self.many {
            return Ok(());
        }
        Python::attach(|py| self.start(py, columns))
    }

    fn row(&mut self, row: RawRow<'_>) -> Result<()> {
        if self.many {
            return Ok(());
        }
        Python::attach(|py| self.load(py, row))
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}

fn list(list: Option<Py<PyList>>, py: Python<'_>) -> Bound<'_, PyList> {
    list.map_or_else(|| PyList::empty(py), |list| list.into_bound(py))
}

/// Value `index` of `row`.
fn value<'py>(
    reader: &Reader<'_, 'py>,
    row: RawRow<'_>,
    index: usize,
) -> Result<Bound<'py, PyAny>> {
    let bytes = row.values().nth(index).transpose()?.flatten();
    reader.value(index, bytes)
}

/// Puts the values of `row` into the slots of an instance that exists.
fn fill(
    reader: &Reader<'_, '_>,
    program: Option<&Program>,
    into: &Bound<'_, PyAny>,
    row: RawRow<'_>,
    cells: &Cells,
) -> Result<()> {
    let Some(Root::Plain(_, columns) | Root::Model(columns)) = program.map(Program::root) else {
        return Err(UsageError::Statement("only a model can be loaded into an instance").into());
    };
    for (column, slot) in columns {
        let value = reader.value(*column, cells.get(row, *column))?;
        raw::put_slot(into, *slot, value).map_err(host)?;
    }
    Ok(())
}
