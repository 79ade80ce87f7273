//! Owns the frame that composites, hstore and multiranges have in common: a count, then that many parts.
//! Never knows what a part is. The families read and write the parts themselves.

use bytes::BytesMut;

use super::reader::{Reader, put_count};
use super::{Coded, Reason};

/// Parts on the wire. There is nothing after an error.
#[derive(Debug, Clone)]
pub(super) struct Counted<'a> {
    left: usize,
    reader: Reader<'a>,
}

impl<'a> Counted<'a> {
    /// Begins to read parts of at least `least` bytes each.
    ///
    /// # Errors
    /// If there are not the bytes for as many as are claimed.
    #[inline]
    pub(super) fn decode(bytes: &'a [u8], least: usize) -> Coded<Counted<'a>> {
        let mut reader = Reader(bytes);
        let left = reader.count(least)?;
        if left == 0 {
            reader.end()?;
        }
        Ok(Counted { left, reader })
    }

    /// How many parts are left.
    pub(super) fn len(&self) -> usize {
        self.left
    }

    /// The next part, as `read` reads it. After the last there must be nothing.
    #[inline]
    pub(super) fn next<T>(
        &mut self,
        read: impl FnOnce(&mut Reader<'a>) -> Coded<T>,
    ) -> Option<Coded<T>> {
        self.left = self.left.checked_sub(1)?;
        let part = read(&mut self.reader).and_then(|part| match self.left {
            0 => self.reader.end().map(|()| part),
            _ => Ok(part),
        });
        if part.is_err() {
            self.left = 0;
        }
        Some(part)
    }
}

/// Appends parts: begin with their number, give them all, finish.
#[derive(Debug)]
pub(super) struct CountedWriter<'b> {
    out: &'b mut BytesMut,
    left: usize,
    /// What is wrong if there are more or fewer.
    wrong: Reason,
}

impl<'b> CountedWriter<'b> {
    /// Begins `count` parts.
    ///
    /// # Errors
    /// If there are too many.
    pub(super) fn begin(
        count: usize,
        wrong: Reason,
        out: &'b mut BytesMut,
    ) -> Coded<CountedWriter<'b>> {
        put_count(count, out)?;
        Ok(CountedWriter {
            out,
            left: count,
            wrong,
        })
    }

    /// Where the next part goes.
    ///
    /// # Errors
    /// If it is one too many.
    #[inline]
    pub(super) fn part(&mut self) -> Coded<&mut BytesMut> {
        self.left = self.left.checked_sub(1).ok_or(self.wrong)?;
        Ok(self.out)
    }

    /// Ends it.
    ///
    /// # Errors
    /// If parts are missing.
    pub(super) fn finish(self) -> Coded {
        match self.left {
            0 => Ok(()),
            _ => Err(self.wrong),
        }
    }
}
