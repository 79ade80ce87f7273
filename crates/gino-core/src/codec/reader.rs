//! Owns the reading of numbers and of parts with a length in front, and the writing of such parts.
//! Never reads past the end or believes a length. The families with a frame of their own use it.

use bytes::{BufMut, BytesMut};

use super::{Coded, Reason};

/// The bytes that are left of a value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

macro_rules! numbers {
    ($($name:ident)*) => {$(
        #[inline]
        pub(super) fn $name(&mut self) -> Coded<$name> {
            self.array().map($name::from_be_bytes)
        }
    )*};
}

impl<'a> Reader<'a> {
    numbers! { u16 u32 u64 i32 f64 }

    #[inline]
    pub(super) fn u8(&mut self) -> Coded<u8> {
        self.array().map(|[byte]| byte)
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Coded<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk().ok_or(TOO_SHORT)?;
        self.0 = rest;
        Ok(*array)
    }

    #[inline]
    pub(super) fn take(&mut self, length: usize) -> Coded<&'a [u8]> {
        let (part, rest) = self.0.split_at_checked(length).ok_or(TOO_SHORT)?;
        self.0 = rest;
        Ok(part)
    }

    /// A part with a length of four bytes in front; -1 is NULL.
    #[inline]
    pub(super) fn part(&mut self) -> Coded<Option<&'a [u8]>> {
        match self.i32()? {
            -1 => Ok(None),
            length => self
                .take(usize::try_from(length).map_err(|_| TOO_SHORT)?)
                .map(Some),
        }
    }

    /// A count of four bytes of things that take at least `least` bytes each.
    #[inline]
    pub(super) fn count(&mut self, least: usize) -> Coded<usize> {
        let count = usize::try_from(self.i32()?).map_err(|_| TOO_MANY)?;
        match count.checked_mul(least) {
            Some(size) if size <= self.0.len() => Ok(count),
            _ => Err(TOO_MANY),
        }
    }

    /// Ends the reading.
    #[inline]
    pub(super) fn end(self) -> Coded {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err("there are bytes after the end of the value")
        }
    }
}

/// Appends what `write` appends, with its length in front.
#[inline]
pub(super) fn put_part<E: From<Reason>>(
    out: &mut BytesMut,
    write: impl FnOnce(&mut BytesMut) -> Result<(), E>,
) -> Result<(), E> {
    let start = out.len();
    out.put_u32(0);
    write(out)?;
    let length = i32::try_from(out.len().saturating_sub(start + 4))
        .map_err(|_| "a part of the value is too long")?;
    if let Some(header) = out.get_mut(start..start + 4) {
        header.copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

/// Appends a count of four bytes.
pub(super) fn put_count(count: usize, out: &mut BytesMut) -> Coded {
    out.put_i32(i32::try_from(count).map_err(|_| "the value has too many parts")?);
    Ok(())
}

const TOO_SHORT: Reason = "the value ends in the middle";
const TOO_MANY: Reason = "the value claims more parts than it has";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_past_the_end() {
        assert_eq!(Reader(&[1, 2]).u16(), Ok(0x0102));
        assert!(Reader(&[1, 2]).u32().is_err());
        assert!(Reader(&[0, 0, 0, 2, 1]).part().is_err());
        assert!(Reader(&[0xff, 0xff, 0xff, 0xfe]).part().is_err());
        assert_eq!(Reader(&[0xff; 4]).part(), Ok(None));
        assert!(Reader(&[0]).end().is_err());
    }

    #[test]
    fn a_count_needs_the_bytes_for_it() {
        assert_eq!(Reader(&[0, 0, 0, 1, 9]).count(1), Ok(1));
        assert!(Reader(&[0, 0, 0, 2, 9]).count(1).is_err());
        assert!(Reader(&[0x7f, 0xff, 0xff, 0xff]).count(usize::MAX).is_err());
        assert!(Reader(&[0xff; 4]).count(1).is_err());
    }

    #[test]
    fn a_part_is_as_long_as_what_was_written() {
        let mut out = BytesMut::from("before");
        put_part(&mut out, |out| {
            out.put_u8(7);
            Coded::Ok(())
        })
        .unwrap();
        assert_eq!(&out[..], b"before\0\0\0\x01\x07");
    }
}
