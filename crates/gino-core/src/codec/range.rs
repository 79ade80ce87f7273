//! Owns the frames of ranges and multiranges: flags, and bounds with a length each. Never decodes a
//! bound and never orders or canonicalizes: the server does.
//!
//! Layouts: `range_send` and `multirange_send`; the flags are those of PostgreSQL's `rangetypes.h`.

use std::ops::Bound;

use bytes::{BufMut, BytesMut};

use super::counted::Counted;
use super::reader::{Reader, put_count, put_part};
use super::{Coded, Reason};

/// A range: nothing at all, or what lies between two bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Range<T> {
    /// The range that contains nothing.
    Empty,
    /// From the lower to the upper bound.
    Between(Bound<T>, Bound<T>),
}

impl<'a> Range<&'a [u8]> {
    /// Reads a range, whose bounds are values of its subtype.
    ///
    /// # Errors
    /// If the frame is wrong or a bound is NULL.
    #[inline]
    pub fn decode(bytes: &'a [u8]) -> Coded<Range<&'a [u8]>> {
        let mut reader = Reader(bytes);
        let flags = reader.u8()?;
        let range = if flags & EMPTY != 0 {
            Range::Empty
        } else {
            let lower = bound(&mut reader, flags, LOWER_INFINITE, LOWER_INCLUDED)?;
            let upper = bound(&mut reader, flags, UPPER_INFINITE, UPPER_INCLUDED)?;
            Range::Between(lower, upper)
        };
        reader.end()?;
        Ok(range)
    }
}

impl<T> Range<T> {
    /// Appends the range, each bound as `write` appends it.
    ///
    /// # Errors
    /// What `write` returns, or a reason if a bound is too long.
    #[inline]
    pub fn encode<E: From<Reason>>(
        self,
        out: &mut BytesMut,
        mut write: impl FnMut(T, &mut BytesMut) -> Result<(), E>,
    ) -> Result<(), E> {
        let Range::Between(lower, upper) = self else {
            out.put_u8(EMPTY);
            return Ok(());
        };
        let (low, lower) = flag(lower, LOWER_INFINITE, LOWER_INCLUDED);
        let (high, upper) = flag(upper, UPPER_INFINITE, UPPER_INCLUDED);
        out.put_u8(low | high);
        for bound in [lower, upper].into_iter().flatten() {
            put_part(out, |out| write(bound, out))?;
        }
        Ok(())
    }

    /// The same range of references.
    pub fn as_ref(&self) -> Range<&T> {
        match self {
            Range::Empty => Range::Empty,
            Range::Between(lower, upper) => Range::Between(lower.as_ref(), upper.as_ref()),
        }
    }

    /// The range with its bounds changed by `change`.
    ///
    /// # Errors
    /// What `change` returns.
    pub fn try_map<U, E>(self, mut change: impl FnMut(T) -> Result<U, E>) -> Result<Range<U>, E> {
        let mut bound = |bound| {
            Ok(match bound {
                Bound::Included(value) => Bound::Included(change(value)?),
                Bound::Excluded(value) => Bound::Excluded(change(value)?),
                Bound::Unbounded => Bound::Unbounded,
            })
        };
        Ok(match self {
            Range::Empty => Range::Empty,
            Range::Between(lower, upper) => Range::Between(bound(lower)?, bound(upper)?),
        })
    }
}

#[inline]
fn bound<'a>(
    reader: &mut Reader<'a>,
    flags: u8,
    infinite: u8,
    included: u8,
) -> Coded<Bound<&'a [u8]>> {
    // The server takes the null flags for "no bound", though it never sends them.
    if flags & (infinite | infinite << 2) != 0 {
        return Ok(Bound::Unbounded);
    }
    let value = reader.part()?.ok_or("a bound of the range is NULL")?;
    Ok(if flags & included != 0 {
        Bound::Included(value)
    } else {
        Bound::Excluded(value)
    })
}

fn flag<T>(bound: Bound<T>, infinite: u8, included: u8) -> (u8, Option<T>) {
    match bound {
        Bound::Included(value) => (included, Some(value)),
        Bound::Excluded(value) => (0, Some(value)),
        Bound::Unbounded => (infinite, None),
    }
}

/// A multirange on the wire: an iterator over its ranges. It ends after an error.
#[derive(Debug, Clone)]
pub struct Multirange<'a>(Counted<'a>);

impl<'a> Multirange<'a> {
    /// Reads a multirange.
    ///
    /// # Errors
    /// If it claims more ranges than there are bytes for.
    #[inline]
    pub fn decode(bytes: &'a [u8]) -> Coded<Multirange<'a>> {
        Counted::decode(bytes, 5).map(Multirange) // a length and the flags
    }

    /// Appends a multirange of ranges, each as `write` appends it.
    ///
    /// # Errors
    /// What `write` returns, or a reason if there are too many ranges or one is too long.
    pub fn encode<T, E: From<Reason>>(
        ranges: impl ExactSizeIterator<Item = T>,
        out: &mut BytesMut,
        mut write: impl FnMut(T, &mut BytesMut) -> Result<(), E>,
    ) -> Result<(), E> {
        put_count(ranges.len(), out)?;
        for range in ranges {
            put_part(out, |out| write(range, out))?;
        }
        Ok(())
    }

    /// How many ranges are left.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no range left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'a> Iterator for Multirange<'a> {
    type Item = Coded<Range<&'a [u8]>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next(|reader| {
            let range = reader.part()?;
            Range::decode(range.ok_or("a range of the multirange is NULL")?)
        })
    }
}

const EMPTY: u8 = 0x01;
const LOWER_INCLUDED: u8 = 0x02;
const UPPER_INCLUDED: u8 = 0x04;
const LOWER_INFINITE: u8 = 0x08;
const UPPER_INFINITE: u8 = 0x10;

#[cfg(test)]
mod tests {
    use super::*;

    fn write(value: &[u8], out: &mut BytesMut) -> Coded {
        out.extend_from_slice(value);
        Ok(())
    }

    fn all() -> Vec<Range<&'static [u8]>> {
        let bounds = [
            Bound::Unbounded,
            Bound::Included(&b"low"[..]),
            Bound::Excluded(&b""[..]),
        ];
        let mut all = vec![Range::Empty];
        for lower in bounds {
            all.extend(bounds.map(|upper| Range::Between(lower, upper)));
        }
        all
    }

    #[test]
    fn every_kind_of_bound_comes_back() {
        for range in all() {
            let mut out = BytesMut::new();
            range.encode(&mut out, write).unwrap();
            assert_eq!(Range::decode(&out), Ok(range));
            for end in 0..out.len() {
                assert!(Range::decode(&out[..end]).is_err());
            }
            out.put_u8(0);
            assert!(Range::decode(&out).is_err());
        }
        assert!(Range::decode(b"\0\xff\xff\xff\xff\xff\xff\xff\xff").is_err());
    }

    #[test]
    fn multirange_gives_its_ranges_in_order_and_ends_after_an_error() {
        let mut out = BytesMut::new();
        let ranges = all();
        Multirange::encode(ranges.iter(), &mut out, |range, out| {
            range.encode(out, write)
        })
        .unwrap();
        let read = Multirange::decode(&out).unwrap();
        assert_eq!(read.len(), ranges.len());
        assert_eq!(read.collect::<Coded<Vec<_>>>().as_ref(), Ok(&ranges));
        for end in 0..out.len() {
            let Ok(read) = Multirange::decode(&out[..end]) else {
                continue;
            };
            let read: Vec<_> = read.collect();
            assert!(read.last().unwrap().is_err());
            assert_eq!(read.iter().filter(|range| range.is_err()).count(), 1);
        }
        out.put_u8(0);
        assert!(
            Multirange::decode(&out)
                .unwrap()
                .any(|range| range.is_err())
        );
        assert!(Multirange::decode(b"\0\0\0\0\0").is_err());
        assert!(Multirange::decode(b"\x7f\xff\xff\xff\0\0\0\x01\x01").is_err());
    }

    #[test]
    fn bounds_are_changed_one_by_one() {
        let range = Range::Between(Bound::Included(1), Bound::Excluded(2));
        let double = |number| {
            if number < 9 {
                Ok(number * 2)
            } else {
                Err("no")
            }
        };
        assert_eq!(
            range.try_map(double),
            Ok(Range::Between(Bound::Included(2), Bound::Excluded(4)))
        );
        let range = Range::Between(Bound::Unbounded, Bound::Excluded(9));
        assert_eq!(range.try_map(double), Err("no"));
    }
}
