//! Owns `hstore` (PostgreSQL manual, "hstore"): keys and values of text, where a value may be NULL.
//! Never sorts or removes doubles: the server does.
//!
//! Layout: `hstore_send`.

use bytes::{BufMut, BytesMut};

use super::reader::{Reader, put_count, put_part};
use super::{Coded, Reason, text};

/// An `hstore` on the wire: an iterator over keys and values. It ends after an error.
#[derive(Debug, Clone)]
pub struct Hstore<'a> {
    left: usize,
    reader: Reader<'a>,
}

impl<'a> Hstore<'a> {
    /// Reads `hstore`.
    ///
    /// # Errors
    /// If it claims more pairs than there are bytes for.
    pub fn decode(bytes: &'a [u8]) -> Coded<Hstore<'a>> {
        let mut reader = Reader(bytes);
        let left = reader.count(8)?; // two lengths
        if left == 0 {
            reader.end()?;
        }
        Ok(Hstore { left, reader })
    }

    /// How many pairs are left; never more than an eighth of the bytes.
    pub fn len(&self) -> usize {
        self.left
    }

    /// Whether there is no pair left.
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    fn read(&mut self) -> Coded<(&'a str, Option<&'a str>)> {
        let key = self.reader.part()?.ok_or("a key of the hstore is NULL")?;
        let value = self.reader.part()?;
        if self.left == 1 {
            self.reader.end()?;
        }
        Ok((text::decode(key)?, value.map(text::decode).transpose()?))
    }
}

impl<'a> Iterator for Hstore<'a> {
    type Item = Coded<(&'a str, Option<&'a str>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let pair = self.read();
        self.left = if pair.is_ok() { self.left - 1 } else { 0 };
        Some(pair)
    }
}

/// Appends `hstore`: begin it with the number of pairs, give them all, finish it.
///
/// After an error the output holds a part of it; whoever owns the output drops it.
#[derive(Debug)]
pub struct HstoreWriter<'b> {
    out: &'b mut BytesMut,
    left: usize,
}

impl<'b> HstoreWriter<'b> {
    /// Begins an `hstore` of `pairs` pairs.
    ///
    /// # Errors
    /// If there are too many.
    pub fn begin(pairs: usize, out: &'b mut BytesMut) -> Coded<HstoreWriter<'b>> {
        put_count(pairs, out)?;
        Ok(HstoreWriter { out, left: pairs })
    }

    /// Gives the next pair.
    ///
    /// # Errors
    /// If it is one too many, too long, or contains NUL.
    pub fn pair(&mut self, key: &str, value: Option<&str>) -> Coded {
        self.left = self.left.checked_sub(1).ok_or(WRONG_COUNT)?;
        put_part(self.out, |out| text::encode(key, out))?;
        match value {
            Some(value) => put_part(self.out, |out| text::encode(value, out)),
            None => {
                self.out.put_i32(-1);
                Ok(())
            }
        }
    }

    /// Ends the `hstore`.
    ///
    /// # Errors
    /// If pairs are missing.
    pub fn finish(self) -> Coded {
        if self.left == 0 {
            Ok(())
        } else {
            Err(WRONG_COUNT)
        }
    }
}

const WRONG_COUNT: Reason = "the number of pairs changed while they were written";

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> BytesMut {
        let mut out = BytesMut::new();
        let mut writer = HstoreWriter::begin(3, &mut out).unwrap();
        writer.pair("a", Some("1")).unwrap();
        writer.pair("", None).unwrap();
        writer.pair("ü", Some("")).unwrap();
        assert_eq!(writer.pair("b", None), Err(WRONG_COUNT));
        writer.finish().unwrap();
        out
    }

    #[test]
    fn pairs_come_back_with_null() {
        let store = store();
        let pairs: Coded<Vec<_>> = Hstore::decode(&store).unwrap().collect();
        let expected = vec![("a", Some("1")), ("", None), ("ü", Some(""))];
        assert_eq!(pairs, Ok(expected));
        assert!(Hstore::decode(&[0; 4]).unwrap().is_empty());
    }

    #[test]
    fn a_store_that_is_cut_or_too_long_is_refused_once() {
        let mut store = store();
        for end in 0..store.len() {
            if let Ok(pairs) = Hstore::decode(&store[..end]) {
                assert_eq!(pairs.filter(Result::is_err).count(), 1, "{end}");
            }
        }
        store.put_u8(0);
        assert_eq!(
            Hstore::decode(&store)
                .unwrap()
                .filter(Result::is_err)
                .count(),
            1
        );
        assert!(Hstore::decode(&[0; 5]).is_err());
        let null_key = b"\0\0\0\x01\xff\xff\xff\xff\xff\xff\xff\xff";
        assert!(Hstore::decode(null_key).unwrap().next().unwrap().is_err());
    }

    #[test]
    fn what_hstore_cannot_hold_is_refused() {
        let mut out = BytesMut::new();
        let mut writer = HstoreWriter::begin(2, &mut out).unwrap();
        assert!(writer.pair("a\0", None).is_err());
        let writer = HstoreWriter::begin(2, &mut out).unwrap();
        assert_eq!(writer.finish(), Err(WRONG_COUNT));
        assert!(
            Hstore::decode(b"\0\0\0\x01\0\0\0\x01\xff\xff\xff\xff\xff")
                .unwrap()
                .next()
                .unwrap()
                .is_err()
        );
    }
}
