//! Owns the border to the face: what it calls its parts, and how it makes objects of them.

use std::vec;

use crate::error::Result;
use crate::row::{Cells, RawRow};

/// What a face puts into the nodes of its loaders. Apart from [`Host`], so that a plan can outlive
/// every query and a host can borrow from one.
pub trait Shape {
    /// What makes instances: a class, a constructor.
    type Model;
    /// Where a sub-result goes: an attribute's name, a setter.
    type Key;
    /// A literal.
    type Value;
    /// A function of the row.
    type Call;
}

/// The current row, for a [`Host`] to read from.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    row: RawRow<'a>,
    cells: &'a Cells,
}

impl<'a> View<'a> {
    /// A view of `row`, whose places are in `cells`.
    pub fn new(row: RawRow<'a>, cells: &'a Cells) -> View<'a> {
        View { row, cells }
    }

    /// The bytes of value `index`; `None` for NULL.
    #[inline]
    pub fn get(self, index: usize) -> Option<&'a [u8]> {
        self.cells.get(self.row, index)
    }

    /// Whether all of `columns` are NULL.
    #[inline]
    pub fn all_null(self, columns: impl IntoIterator<Item = usize>) -> bool {
        columns.into_iter().all(|column| self.get(column).is_none())
    }

    /// The row as it came.
    pub fn row(self) -> RawRow<'a> {
        self.row
    }

    /// The places of the values.
    pub fn cells(self) -> &'a Cells {
        self.cells
    }
}

/// Makes a face's objects. An error of any of these ends the query.
pub trait Host {
    /// What the nodes hold.
    type Shape: Shape;
    /// An object; a clone is the same object.
    type Object: Clone;

    /// The whole row.
    ///
    /// # Errors
    /// A value that does not fit its host type.
    fn row(&mut self, view: View<'_>) -> Result<Self::Object>;

    /// One value; NULL included.
    ///
    /// # Errors
    /// A value that does not fit its host type.
    fn value(&mut self, view: View<'_>, column: usize) -> Result<Self::Object>;

    /// An instance of `model`, filled from `columns`: pairs of a row's column and a model's slot.
    ///
    /// # Errors
    /// A value that does not fit its host type, or the host's own constructor.
    fn instance(
        &mut self,
        view: View<'_>,
        model: &<Self::Shape as Shape>::Model,
        columns: &[(usize, usize)],
    ) -> Result<Self::Object>;

    /// Gives `parent` its `child`. Called again for each row in which the two meet.
    ///
    /// # Errors
    /// The host's own setter.
    fn attach(
        &mut self,
        parent: &Self::Object,
        key: &<Self::Shape as Shape>::Key,
        child: Self::Object,
    ) -> Result<()>;

    /// A tuple of `items`.
    ///
    /// # Errors
    /// The host's own constructor.
    fn tuple(&mut self, items: vec::Drain<'_, Self::Object>) -> Result<Self::Object>;

    /// A literal.
    ///
    /// # Errors
    /// The host's own conversion.
    fn literal(&mut self, value: &<Self::Shape as Shape>::Value) -> Result<Self::Object>;

    /// What a function says of the row.
    ///
    /// # Errors
    /// The function's own.
    fn call(&mut self, view: View<'_>, call: &<Self::Shape as Shape>::Call)
    -> Result<Self::Object>;

    /// What stands in a tuple for a model whose columns are all NULL.
    fn none(&mut self) -> Self::Object;
}
