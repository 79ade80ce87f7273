//! Owns rows: columns described once, one shared buffer, no allocation per cell.
//! Never decodes a value. Backends make [`RawRow`]s, sinks read them.

use std::sync::Arc;

use bytes::Bytes;

use crate::codec::{Format, Kind, Oid};
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
}

impl Column {
    /// How to decode its values.
    pub fn kind(&self) -> Kind {
        match self.format {
            Format::Binary => Kind::of(self.oid),
            Format::Text => Kind::Other,
        }
    }
}

/// The columns of a result, in order.
pub type Columns = [Column];

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

/// A row that owns a part of a shared buffer: what the Rust face hands out.
#[derive(Debug, Clone)]
pub struct Row {
    columns: Arc<Columns>,
    body: Bytes,
    cells: Box<[(u32, i32)]>,
}

impl Row {
    /// A row of `columns` whose message body is `body`.
    ///
    /// # Errors
    /// A protocol error if the body does not hold a value per column.
    pub fn new(columns: Arc<Columns>, body: Bytes) -> Result<Row> {
        let mut cells = Cells::default();
        cells.read(RawRow::new(&body), columns.len())?;
        Ok(Row {
            columns,
            body,
            cells: cells.ends.into(),
        })
    }

    /// The columns.
    pub fn columns(&self) -> &Arc<Columns> {
        &self.columns
    }

    /// Value `index`; `None` for NULL and for an index out of range.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let &(start, length) = self.cells.get(index)?;
        let start = usize::try_from(start).ok()?;
        let length = usize::try_from(length).ok()?;
        self.body.get(start..start + length)
    }
}
