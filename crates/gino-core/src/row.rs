//! Owns rows: columns described once, one shared buffer, no allocation per cell.
//! Never decodes a value. Backends make [`RawRow`]s, sinks read them.

use std::any::Any;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use crate::codec::{Format, Kind, Oid, Type};
use crate::error::{ProtocolError, Result};

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, not necessarily unique.
    pub name: Box<str>,
    /// Its type.
    pub oid: Oid,
    /// The type's modifier, -1 if it has none.
    pub modifier: i32,
    /// The format in which values come.
    pub format: Format,
    /// What the catalog knows of the type, if it had to be asked.
    pub learnt: Option<Arc<Type>>,
}

impl Column {
    /// How to decode its values.
    pub fn kind(&self) -> Kind {
        match self.format {
            _ if self.learnt.is_some() => Kind::Learnt,
            Format::Binary => Kind::of(self.oid),
            Format::Text => match Kind::of(self.oid) {
                Kind::TextArray => Kind::TextArray,
                _ => Kind::Other,
            },
        }
    }
}

/// The columns of a result, in order.
#[derive(Default)]
pub struct Columns {
    list: Box<[Column]>,
    /// Values of some column come in text form.
    text: bool,
    made: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl Columns {
    /// What a face makes of the columns of all results of a statement, once; there is room for one
    /// kind of it. None if something else was made.
    pub fn made<T: Send + Sync + 'static>(&self, make: impl Fn(&[Column]) -> T) -> Option<&T> {
        let made = self.made.get_or_init(|| Box::new(make(&self.list)));
        made.downcast_ref()
    }

    /// Whether all values come in binary form.
    pub fn is_binary(&self) -> bool {
        !self.text
    }
}

impl FromIterator<Column> for Columns {
    fn from_iter<I: IntoIterator<Item = Column>>(columns: I) -> Columns {
        let list: Box<[Column]> = columns.into_iter().collect();
        Columns {
            text: list.iter().any(|column| column.format == Format::Text),
            list,
            made: OnceLock::new(),
        }
    }
}

impl Deref for Columns {
    type Target = [Column];

    fn deref(&self) -> &[Column] {
        &self.list
    }
}

impl<'a> IntoIterator for &'a Columns {
    type Item = &'a Column;
    type IntoIter = std::slice::Iter<'a, Column>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

impl PartialEq for Columns {
    fn eq(&self, other: &Columns) -> bool {
        self.list == other.list
    }
}

impl fmt::Debug for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&*self.list).finish()
    }
}

/// One row as the server sent it: a big-endian count, then a length and the bytes of each value
/// (PostgreSQL manual, "Message Formats", DataRow). Lengths are checked when they are read.
#[derive(Clone, Copy, Debug)]
pub struct RawRow<'a> {
    body: &'a [u8],
}

impl<'a> RawRow<'a> {
    /// The body of a DataRow message.
    pub fn new(body: &'a [u8]) -> RawRow<'a> {
        RawRow { body }
    }

    /// How many values it claims to have.
    pub fn len(&self) -> usize {
        self.body
            .first_chunk()
            .map_or(0, |count| usize::from(u16::from_be_bytes(*count)))
    }

    /// Whether it has no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values in order; `None` is NULL. A length that does not fit ends it with an error.
    pub fn values(&self) -> Values<'a> {
        Values {
            left: self.len(),
            rest: self.body.get(2..).unwrap_or_default(),
        }
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        self.body.len()
    }

    /// The body as it came.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }
}

/// Iterator over the values of a [`RawRow`].
#[derive(Clone, Debug)]
pub struct Values<'a> {
    left: usize,
    rest: &'a [u8],
}

impl<'a> Iterator for Values<'a> {
    type Item = Result<Option<&'a [u8]>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        let Some((length, rest)) = self.rest.split_first_chunk::<4>() else {
            self.left = 0;
            return Some(Err(bad_row()));
        };
        let length = i32::from_be_bytes(*length);
        if length == -1 {
            self.rest = rest;
            return Some(Ok(None));
        }
        match usize::try_from(length)
            .ok()
            .and_then(|length| rest.split_at_checked(length))
        {
            Some((value, rest)) => {
                self.rest = rest;
                Some(Ok(Some(value)))
            }
            None => {
                self.left = 0;
                Some(Err(bad_row()))
            }
        }
    }
}

#[cold]
fn bad_row() -> crate::error::Error {
    ProtocolError {
        state: "reading a row",
        expected: "values within the message",
        got: "a length that does not fit".into(),
    }
    .into()
}

/// Where the values of the current row lie; reused from row to row.
#[derive(Debug, Default, Clone)]
pub struct Cells {
    ends: Vec<(u32, i32)>,
}

impl Cells {
    /// Reads the places of all values of `row`.
    ///
    /// # Errors
    /// A protocol error if a length does not fit or the count is not `expected`.
    #[inline]
    pub fn read(&mut self, row: RawRow<'_>, expected: usize) -> Result<()> {
        self.ends.clear();
        self.ends.reserve(expected);
        let base = row.body.as_ptr().addr();
        for value in row.values() {
            self.ends.push(match value? {
                Some(value) => (
                    u32::try_from(value.as_ptr().addr() - base).map_err(|_| bad_row())?,
                    i32::try_from(value.len()).map_err(|_| bad_row())?,
                ),
                None => (0, -1),
            });
        }
        if self.ends.len() == expected {
            Ok(())
        } else {
            Err(bad_row())
        }
    }

    /// Value `index` of the `row` that was read; `None` for NULL and for an index out of range.
    #[inline]
    pub fn get<'a>(&self, row: RawRow<'a>, index: usize) -> Option<&'a [u8]> {
        let &(start, length) = self.ends.get(index)?;
        let start = usize::try_from(start).ok()?;
        let length = usize::try_from(length).ok()?;
        row.body.get(start..start + length)
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

/// Rows that share one buffer: what the Rust face collects.
#[derive(Debug)]
pub struct Rows {
    columns: Arc<Columns>,
    bytes: Vec<u8>,
    /// Where each value begins and how long it is, row after row; -1 is NULL.
    cells: Vec<(u32, i32)>,
    count: usize,
}

impl Rows {
    /// No rows yet, of `columns`.
    pub fn new(columns: Arc<Columns>) -> Rows {
        Rows {
            columns,
            bytes: Vec::new(),
            cells: Vec::new(),
            count: 0,
        }
    }

    /// Adds a copy of `row`.
    ///
    /// # Errors
    /// A protocol error if the row does not hold a value per column.
    #[inline]
    pub fn push(&mut self, row: RawRow<'_>) -> Result<()> {
        let expected = self.cells.len() + self.columns.len();
        for value in row.values() {
            let start = u32::try_from(self.bytes.len()).map_err(|_| bad_row())?;
            self.cells.push(match value? {
                Some(value) => {
                    self.bytes.extend_from_slice(value);
                    (start, i32::try_from(value.len()).map_err(|_| bad_row())?)
                }
                None => (start, -1),
            });
        }
        if self.cells.len() != expected {
            return Err(bad_row());
        }
        self.count += 1;
        Ok(())
    }

    /// The columns.
    pub fn columns(&self) -> &Arc<Columns> {
        &self.columns
    }

    /// Whether what comes should go to a buffer of its own: a row that is kept keeps its whole
    /// buffer, and a large buffer is copied when it grows.
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= FULL
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The rows one by one, without another allocation than the one that is shared.
    pub fn into_rows(mut self) -> impl ExactSizeIterator<Item = Row> {
        self.bytes.shrink_to_fit();
        self.cells.shrink_to_fit();
        let count = self.count;
        let rows = Arc::new(self);
        (0..count).map(move |index| Row {
            rows: Arc::clone(&rows),
            index,
        })
    }
}

/// A row in a buffer that it shares with others.
#[derive(Debug, Clone)]
pub struct Row {
    rows: Arc<Rows>,
    index: usize,
}

impl Row {
    /// The columns.
    pub fn columns(&self) -> &Arc<Columns> {
        &self.rows.columns
    }

    /// Value `index`; `None` for NULL and for an index out of range.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let width = self.rows.columns.len();
        if index >= width {
            return None;
        }
        let &(start, length) = self.rows.cells.get(self.index * width + index)?;
        let start = usize::try_from(start).ok()?;
        let length = usize::try_from(length).ok()?;
        self.rows.bytes.get(start..start + length)
    }
}

/// 256 KiB: some thousand rows of a usual table.
const FULL: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &[&str]) -> Arc<Columns> {
        let column = |name: &&str| Column {
            name: (*name).into(),
            oid: 25,
            modifier: -1,
            format: Format::Binary,
            learnt: None,
        };
        Arc::new(names.iter().map(column).collect())
    }

    #[test]
    fn rows_share_a_buffer_and_know_null_from_empty() {
        let mut rows = Rows::new(columns(&["a", "b"]));
        rows.push(RawRow::new(b"\0\x02\0\0\0\x02hi\xff\xff\xff\xff"))
            .unwrap();
        rows.push(RawRow::new(b"\0\x02\0\0\0\0\0\0\0\x01x"))
            .unwrap();
        let rows: Vec<Row> = rows.into_rows().collect();
        assert_eq!((rows[0].get(0), rows[0].get(1)), (Some(&b"hi"[..]), None));
        assert_eq!(
            (rows[1].get(0), rows[1].get(1)),
            (Some(&b""[..]), Some(&b"x"[..]))
        );
        assert_eq!((rows[0].get(2), rows[1].get(2)), (None, None));
    }

    #[test]
    fn row_that_does_not_fit_its_columns_is_an_error() {
        let whole = b"\0\x01\0\0\0\x02hi";
        for cut in 0..whole.len() {
            assert!(
                Rows::new(columns(&["a"]))
                    .push(RawRow::new(&whole[..cut]))
                    .is_err()
            );
        }
        assert!(
            Rows::new(columns(&["a", "b"]))
                .push(RawRow::new(whole))
                .is_err()
        );
        assert!(Rows::new(columns(&[])).push(RawRow::new(whole)).is_err());
    }
}
