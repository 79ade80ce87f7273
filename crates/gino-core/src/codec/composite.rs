//! Owns the frame of composite types and of `record`: fields with a type and a length each.
//! Never decodes a field or knows its name: the catalog does.
//!
//! Layout: `record_send`.

use bytes::{BufMut, BytesMut};

use super::counted::{Counted, CountedWriter};
use super::reader::put_part;
use super::{Coded, Oid, Reason};

/// A row on the wire: an iterator over its fields, each a type and a value; `None` is NULL. It
/// ends after an error.
#[derive(Debug, Clone)]
pub struct Composite<'a>(Counted<'a>);

impl<'a> Composite<'a> {
    /// Reads a row.
    ///
    /// # Errors
    /// If it claims more fields than there are bytes for.
    #[inline]
    pub fn decode(bytes: &'a [u8]) -> Coded<Composite<'a>> {
        Counted::decode(bytes, 8).map(Composite) // type and length
    }

    /// How many fields are left; never more than an eighth of the bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no field left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'a> Iterator for Composite<'a> {
    type Item = Coded<(Oid, Option<&'a [u8]>)>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next(|reader| Ok((reader.u32()?, reader.part()?)))
    }
}

/// Appends a row: begin it with the number of fields, give them all, finish it.
///
/// After an error the output holds a part of the row; whoever owns the output drops it.
#[derive(Debug)]
pub struct CompositeWriter<'b>(CountedWriter<'b>);

impl<'b> CompositeWriter<'b> {
    /// Begins a row of `fields` fields.
    ///
    /// # Errors
    /// If there are too many.
    pub fn begin(fields: usize, out: &'b mut BytesMut) -> Coded<CompositeWriter<'b>> {
        CountedWriter::begin(fields, WRONG_COUNT, out).map(CompositeWriter)
    }

    /// Gives the next field as `write` appends it.
    ///
    /// # Errors
    /// What `write` returns, or a reason if the field is one too many or too long.
    #[inline]
    pub fn field<E: From<Reason>>(
        &mut self,
        oid: Oid,
        write: impl FnOnce(&mut BytesMut) -> Result<(), E>,
    ) -> Result<(), E> {
        let out = self.0.part()?;
        out.put_u32(oid);
        put_part(out, write)
    }

    /// Gives NULL as the next field.
    ///
    /// # Errors
    /// If it is one too many.
    #[inline]
    pub fn null(&mut self, oid: Oid) -> Coded {
        let out = self.0.part()?;
        out.put_u32(oid);
        out.put_i32(-1);
        Ok(())
    }

    /// Ends the row.
    ///
    /// # Errors
    /// If fields are missing.
    pub fn finish(self) -> Coded {
        self.0.finish()
    }
}

const WRONG_COUNT: Reason = "the number of fields is not that of the composite type";

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> BytesMut {
        let mut out = BytesMut::new();
        let mut writer = CompositeWriter::begin(3, &mut out).unwrap();
        let write = |out: &mut BytesMut| {
            out.put_i32(7);
            Coded::Ok(())
        };
        writer.field(23, write).unwrap();
        writer.null(25).unwrap();
        writer.field(25, |_| Coded::Ok(())).unwrap();
        assert_eq!(writer.null(25), Err(WRONG_COUNT));
        writer.finish().unwrap();
        out
    }

    #[test]
    fn fields_come_back_with_type_and_null() {
        let row = row();
        let fields: Coded<Vec<_>> = Composite::decode(&row).unwrap().collect();
        let expected = vec![
            (23, Some(&[0, 0, 0, 7][..])),
            (25, None),
            (25, Some(&[][..])),
        ];
        assert_eq!(fields, Ok(expected));
        assert_eq!(Composite::decode(&[0; 4]).unwrap().count(), 0);
    }

    #[test]
    fn a_row_that_is_cut_or_too_long_is_refused_once() {
        let mut row = row();
        for end in 0..row.len() {
            if let Ok(fields) = Composite::decode(&row[..end]) {
                assert_eq!(fields.filter(|field| field.is_err()).count(), 1, "{end}");
            }
        }
        row.put_u8(0);
        assert_eq!(
            Composite::decode(&row)
                .unwrap()
                .filter(Result::is_err)
                .count(),
            1
        );
        assert!(Composite::decode(&[0; 5]).is_err());
        assert!(Composite::decode(&[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]).is_err());
    }

    #[test]
    fn a_row_with_missing_fields_is_refused() {
        let mut out = BytesMut::new();
        let writer = CompositeWriter::begin(1, &mut out).unwrap();
        assert_eq!(writer.finish(), Err(WRONG_COUNT));
    }
}
