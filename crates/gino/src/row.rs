//! Owns rows: values by position or name, decoded when they are asked for, in a buffer that the rows
//! of a result share. Never converts between Rust types: a column is read as the type it has.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

use gino_core::error::{Result, RowError};
use gino_core::row::{Column, Columns, RawRow, Row as RawOwned, Rows};
use gino_core::session::Sink;
use postgres_types::FromSql;

use crate::value::{Text, decode};

/// A row of a result.
///
/// Rows are cheap to clone. They share buffers of about 256 KiB: a row that is kept for long keeps
/// its buffer.
#[derive(Clone)]
pub struct Row {
    raw: RawOwned,
    /// Text forms that were asked for, a place per column.
    texts: OnceLock<Box<[Text]>>,
}

impl Row {
    /// The value at `index`: a position from 0 or a column's name. Of columns with one name it is
    /// the last.
    ///
    /// # Panics
    /// If there is no such column or its value is not a `T`; see [`Row::try_get`].
    #[track_caller]
    #[expect(clippy::panic, reason = "what it is for: the caller knows the columns")]
    pub fn get<'a, T: FromSql<'a>>(&'a self, index: impl ColumnIndex) -> T {
        match self.try_get(index) {
            Ok(value) => value,
            Err(error) => panic!("{error}"),
        }
    }

    /// The value at `index`: a position from 0 or a column's name. Of columns with one name it is
    /// the last.
    ///
    /// # Errors
    /// A `RowError` if there is no such column; a `CodecError` with column, SQL type and Rust type
    /// if its value is not a `T`. NULL is only an `Option`.
    pub fn try_get<'a, T: FromSql<'a>>(&'a self, index: impl ColumnIndex) -> Result<T> {
        let columns = self.raw.columns();
        let found = index.find(columns);
        let Some((index, column)) = found.and_then(|i| Some((i, columns.get(i)?))) else {
            return Err(RowError::NoColumn(index.describe()).into());
        };
        let text = || {
            let make = || columns.iter().map(|_| Text::new()).collect();
            self.texts.get_or_init(make).get(index)
        };
        decode(column, self.raw.get(index), text)
    }

    /// The columns, in order.
    pub fn columns(&self) -> &[Column] {
        self.raw.columns()
    }

    /// How many columns there are.
    pub fn len(&self) -> usize {
        self.raw.columns().len()
    }

    /// Whether there are no columns.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Row {
    /// The columns, without values: those may be secret, and are not decoded yet.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.columns().iter().map(|column| &column.name);
        f.debug_list().entries(names).finish()
    }
}

/// What finds a column: a position from 0, or a name. Implemented here only.
pub trait ColumnIndex: sealed::ColumnIndex {}

impl<T: sealed::ColumnIndex> ColumnIndex for T {}

mod sealed {
    use super::Column;

    pub trait ColumnIndex {
        fn find(&self, columns: &[Column]) -> Option<usize>;
        fn describe(&self) -> String;
    }

    impl ColumnIndex for usize {
        fn find(&self, columns: &[Column]) -> Option<usize> {
            (*self < columns.len()).then_some(*self)
        }

        fn describe(&self) -> String {
            format!("#{self}")
        }
    }

    impl ColumnIndex for &str {
        fn find(&self, columns: &[Column]) -> Option<usize> {
            columns.iter().rposition(|column| &*column.name == *self)
        }

        fn describe(&self) -> String {
            (*self).to_owned()
        }
    }
}

/// Collects the rows of a result.
#[derive(Default)]
pub(crate) struct RowSink {
    full: Vec<Rows>,
    rows: Option<Rows>,
}

impl RowSink {
    pub(crate) fn boxed() -> Option<Box<dyn Sink>> {
        Some(Box::new(RowSink::default()))
    }

    /// The rows of a sink that comes back from a request; none if it is not one of these.
    pub(crate) fn rows_of(sink: Option<Box<dyn Sink>>) -> Vec<Row> {
        match sink.map(|sink| sink.into_any().downcast::<RowSink>()) {
            Some(Ok(sink)) => sink.into_rows(),
            _ => Vec::new(),
        }
    }

    fn into_rows(self) -> Vec<Row> {
        let parts = || self.full.iter().chain(&self.rows);
        let mut all = Vec::with_capacity(parts().map(Rows::len).sum());
        for part in self.full.into_iter().chain(self.rows) {
            all.extend(part.into_rows().map(|raw| Row {
                raw,
                texts: OnceLock::new(),
            }));
        }
        all
    }
}

impl Sink for RowSink {
    fn begin(&mut self, columns: &Arc<Columns>) -> Result<()> {
        let before = self.rows.replace(Rows::new(Arc::clone(columns)));
        self.full.extend(before.filter(|rows| !rows.is_empty()));
        Ok(())
    }

    #[inline]
    fn row(&mut self, row: RawRow<'_>) -> Result<()> {
        let Some(rows) = &mut self.rows else {
            return Ok(());
        };
        rows.push(row)?;
        if rows.is_full() {
            let next = Rows::new(Arc::clone(rows.columns()));
            self.full.push(std::mem::replace(rows, next));
        }
        Ok(())
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}
