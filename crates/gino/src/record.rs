//! Owns the reading of a row on its way in: values by position, decoded straight from the buffer they
//! arrived in. Never keeps a row; [`Load`] makes something of it. Models and loaders read here.

use std::any::Any;
use std::sync::Arc;

use gino_core::error::{Result, RowError};
use gino_core::loader::View;
use gino_core::row::{Cells, Column, Columns, RawRow};
use gino_core::session::Sink;
use postgres_types::{FromSqlOwned, Type};

use crate::value::{Text, decode, own_type};

/// A row that has just arrived.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    row: RawRow<'a>,
    cells: &'a Cells,
    columns: &'a Columns,
    types: &'a Types,
}

/// The type of each column, where its values come in the form that `postgres-types` reads. Looked up
/// once for all results of a statement.
type Types = [Option<Type>];

impl<'a> Record<'a> {
    /// The value at position `index`, from 0.
    ///
    /// # Errors
    /// A `RowError` if there is no such column; a `CodecError` with column, SQL type and Rust type
    /// if its value is not a `T`. NULL is only an `Option`.
    #[inline]
    pub fn get<T: FromSqlOwned>(&self, index: usize) -> Result<T> {
        let cell = self.cells.get(self.row, index);
        if let Some(Some(ty)) = self.types.get(index)
            && T::accepts(ty)
            && let Ok(value) = T::from_sql_nullable(ty, cell)
        {
            return Ok(value);
        }
        self.get_otherwise(index, cell)
    }

    /// The text form, or the reason why there is no value.
    #[cold]
    fn get_otherwise<T: FromSqlOwned>(&self, index: usize, cell: Option<&[u8]>) -> Result<T> {
        match self.columns.get(index) {
            Some(column) => {
                let text = Text::new();
                decode(column, cell, || Some(&text))
            }
            None => Err(RowError::NoColumn(format!("#{index}")).into()),
        }
    }

    /// Whether the value at position `index` is NULL.
    #[inline]
    pub fn is_null(&self, index: usize) -> bool {
        self.cells.get(self.row, index).is_none()
    }

    /// The bytes of the value at position `index`, as they came; `None` if it is NULL.
    #[inline]
    pub(crate) fn raw(&self, index: usize) -> Option<&'a [u8]> {
        self.cells.get(self.row, index)
    }

    /// Whether all values from `start` on are NULL, `count` of them.
    #[inline]
    pub fn all_null(&self, start: usize, count: usize) -> bool {
        (start..start.saturating_add(count)).all(|index| self.is_null(index))
    }

    /// The columns of the row.
    pub fn columns(&self) -> &'a [Column] {
        self.columns
    }

    /// As the loader plans of `gino-core` read it.
    pub fn view(&self) -> View<'a> {
        View::new(self.row, self.cells)
    }
}

/// Makes something of the rows of one result, as they arrive.
///
/// It is made for each run of a query, sees each of its rows once, in order, and is asked at the end
/// (for a cursor: after each portion) for what they came to.
pub trait Load: Send + 'static {
    /// What rows come to.
    type Output: Send + 'static;

    /// Another row.
    ///
    /// # Errors
    /// A value that does not fit. The query ends with it.
    fn row(&mut self, record: &Record<'_>) -> Result<()>;

    /// All that the rows came to so far, which it forgets.
    fn take(&mut self) -> Vec<Self::Output>;
}

/// A result on its way into a [`Load`].
pub(crate) struct LoadSink<L> {
    pub(crate) load: L,
    columns: Option<Arc<Columns>>,
    cells: Cells,
}

impl<L: Load> LoadSink<L> {
    pub(crate) fn boxed(load: L) -> Option<Box<dyn Sink>> {
        Some(Box::new(LoadSink {
            load,
            columns: None,
            cells: Cells::default(),
        }))
    }

    /// The sink that comes back from a request; `None` if it is not one of these.
    pub(crate) fn of(sink: Option<Box<dyn Sink>>) -> Option<Box<LoadSink<L>>> {
        sink?.into_any().downcast().ok()
    }

    /// Its load.
    pub(crate) fn load_of(sink: Option<Box<dyn Sink>>) -> Option<L> {
        Some(LoadSink::of(sink)?.load)
    }
}

impl<L: Load> Sink for LoadSink<L> {
    fn begin(&mut self, columns: &Arc<Columns>) -> Result<()> {
        self.columns = Some(Arc::clone(columns));
        Ok(())
    }

    #[inline]
    fn row(&mut self, row: RawRow<'_>) -> Result<()> {
        let Some(columns) = &self.columns else {
            return Ok(());
        };
        self.cells.read(row, columns.len())?;
        let types = columns.made(|columns| columns.iter().map(own_type).collect::<Box<Types>>());
        self.load.row(&Record {
            row,
            cells: &self.cells,
            columns,
            types: types.map_or(&[], |types| types),
        })
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}
