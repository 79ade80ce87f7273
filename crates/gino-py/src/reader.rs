//! Owns the reading of one row: which decoder a value needs, and the processor after it.
//! Never keeps a row. `sink` and `host` read with it.

use gino_core::codec::{Kind, type_name};
use gino_core::error::{ProtocolError, Result};
use gino_core::row::RawRow;
use pyo3::prelude::*;

use crate::decode;
use crate::fault::{Fault, Fitted, host};
use crate::plan::{NOWHERE, Plan, Table};
use crate::raw::{NewInstance, NewRow};

/// Reads values as a plan and its table say.
pub(crate) struct Reader<'a, 'py> {
    py: Python<'py>,
    plan: &'a Plan,
    table: &'a Table,
}

impl<'a, 'py> Reader<'a, 'py> {
    /// A reader of rows with the columns of `table`.
    #[inline]
    pub(crate) fn new(py: Python<'py>, plan: &'a Plan, table: &'a Table) -> Reader<'a, 'py> {
        Reader { py, plan, table }
    }

    /// The token.
    #[inline]
    pub(crate) fn py(&self) -> Python<'py> {
        self.py
    }

    /// Checks that `row` has a value for each column.
    ///
    /// # Errors
    /// A protocol error.
    #[inline]
    pub(crate) fn check(&self, row: RawRow<'_>) -> Result<()> {
        if row.len() == self.table.columns.len() {
            Ok(())
        } else {
            Err(bad_width(row.len()))
        }
    }

    /// The value of column `index`, `None` for NULL, after its processor.
    ///
    /// # Errors
    /// A value that does not fit its Python type, or what the processor raised.
    #[inline]
    pub(crate) fn value(&self, index: usize, bytes: Option<&[u8]>) -> Result<Bound<'py, PyAny>> {
        let value = match bytes {
            None => self.py.None().into_bound(self.py),
            Some(bytes) => {
                let Some((kind, oid)) = self.table.kinds.get(index) else {
                    return Err(bad_width(index));
                };
                let decoded = match kind {
                    Kind::Learnt => self.learnt(index, bytes),
                    kind => decode::decode(self.py, *kind, *oid, bytes),
                };
                match decoded {
                    Ok(value) => value,
                    Err(fault) => return Err(self.misfit(index, *fault)),
                }
            }
        };
        match self.plan.result(self.table, index) {
            None => Ok(value),
            Some(processor) => processor.bind(self.py).call1((value,)).map_err(host),
        }
    }

    /// The whole row.
    ///
    /// # Errors
    /// As [`Reader::value`], or a protocol error.
    #[inline]
    pub(crate) fn row(&self, row: RawRow<'_>) -> Result<Bound<'py, PyAny>> {
        let Some(keys) = self.plan.keys(self.table) else {
            return Err(bad_width(row.len()));
        };
        let mut made =
            NewRow::new(self.py, keys.bind(self.py).as_any(), row.len()).map_err(host)?;
        for (index, value) in row.values().enumerate() {
            made.push(self.value(index, value?)?);
        }
        Ok(made.finish())
    }

    /// An instance of a model with nothing below it, its values in the order in which they come.
    ///
    /// # Errors
    /// As [`Reader::value`], or a protocol error.
    #[inline]
    pub(crate) fn plain(
        &self,
        mut made: NewInstance<'py>,
        row: RawRow<'_>,
    ) -> Result<Bound<'py, PyAny>> {
        for ((index, value), slot) in row.values().enumerate().zip(&self.table.slots) {
            let value = value?;
            if *slot != NOWHERE {
                made.put(*slot, self.value(index, value)?);
            }
        }
        Ok(made.finish())
    }

    fn learnt(&self, index: usize, bytes: &[u8]) -> Fitted<Bound<'py, PyAny>> {
        match (self.table.learnt(index), self.table.columns.get(index)) {
            (Some(decoder), Some(column)) => decoder.decode(self.py, column.format, bytes),
            _ => Err("the type is not known".into()),
        }
    }

    #[cold]
    fn misfit(&self, index: usize, fault: Fault) -> gino_core::error::Error {
        let Some(column) = self.table.columns.get(index) else {
            return bad_width(index);
        };
        let host_type = match self.table.learnt(index) {
            Some(decoder) => decoder.host_type(),
            None => decode::host_type(column.kind()),
        };
        let sql_type = match &column.learnt {
            Some(of) => of.full_name.to_string().into(),
            None => type_name(column.oid),
        };
        let place = format!("column \"{}\"", column.name);
        fault.at(place, sql_type, host_type.into())
    }
}

#[cold]
fn bad_width(got: usize) -> gino_core::error::Error {
    ProtocolError {
        state: "reading a row",
        expected: "a value per column",
        got: format!("{got} values").into(),
    }
    .into()
}
