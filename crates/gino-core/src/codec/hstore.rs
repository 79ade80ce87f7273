//! Owns `hstore` (PostgreSQL manual, "hstore"): keys and values of text, where a value may be NULL.
//! Never sorts or removes doubles: the server does.
//!
//! Layout: `hstore_send`.

use bytes::{BufMut, BytesMut};

use super::counted::{Counted, CountedWriter};
use super::reader::put_part;
use super::{Coded, Reason, text};

/// An `hstore` on the wire: an iterator over keys and values. It ends after an error.
#[derive(Debug, Clone)]
pub struct Hstore<'a>(Counted<'a>);

impl<'a> Hstore<'a> {
    /// Reads `hstore`.
    ///
    /// # Errors
    /// If it claims more pairs than there are bytes for.
    pub fn decode(bytes: &'a [u8]) -> Coded<Hstore<'a>> {
        Counted::decode(bytes, 8).map(Hstore) // two lengths
    }

    /// How many pairs are left; never more than an eighth of the bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no pair left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'a> Iterator for Hstore<'a> {
    type Item = Coded<(&'a str, Option<&'a str>)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next(|reader| {
            let key = reader.part()?.ok_or("a key of the hstore is NULL")?;
            let value = reader.part()?;
            Ok((text::decode(key)?, value.map(text::decode).transpose()?))
        })
    }
}

/// Appends `hstore`: begin it with the number of pairs, give them all, finish it.
///
/// After an error the output holds a part of it; whoever owns the output drops it.
#[derive(Debug)]
pub struct HstoreWriter<'b>(CountedWriter<'b>);

impl<'b> HstoreWriter<'b> {
    /// Begins an `hstore` of `pairs` pairs.
    ///
    /// # Errors
    /// If there are too many.
    pub fn begin(pairs: usize, out: &'b mut BytesMut) -> Coded<HstoreWriter<'b>> {
        CountedWriter::begin(pairs, WRONG_COUNT, out).map(HstoreWriter)
    }

    /// Gives the next pair.
    ///
    /// # Errors
    /// If it is one too many, too long, or contains NUL.
    pub fn pair(&mut self, key: &str, value: Option<&str>) -> Coded {
        let out = self.0.part()?;
        put_part(out, |out| text::encode(key, out))?;
        match value {
            Some(value) => put_part(out, |out| text::encode(value, out)),
            None => {
                out.put_i32(-1);
                Ok(())
            }
        }
    }

    /// Ends the `hstore`.
    ///
    /// # Errors
    /// If pairs are missing.
    pub fn finish(self) -> Coded {
        self.0.finish()
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
