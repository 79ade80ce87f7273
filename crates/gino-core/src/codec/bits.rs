//! Owns `bit` and `varbit`: a count of bits, the first in the highest bit of the first byte.
//! Never pads to a type's length: the server does.
//!
//! Layout: `bit_send`, `varbit_send`.

use std::fmt;

use bytes::{BufMut, BytesMut};

use super::reader::{Reader, put_count};
use super::{Coded, Reason};

/// A string of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BitString<'a> {
    len: usize,
    bytes: &'a [u8],
}

impl<'a> BitString<'a> {
    /// The first `len` bits of `bytes`.
    ///
    /// # Errors
    /// If `bytes` are not as many as `len` bits need, or a bit after the last is set.
    pub fn new(len: usize, bytes: &'a [u8]) -> Coded<BitString<'a>> {
        if len.div_ceil(8) != bytes.len() {
            return Err("the bit string has another length than it claims");
        }
        let unused = bytes.len() * 8 - len;
        match bytes.last() {
            Some(last) if last.trailing_zeros() < u32::try_from(unused).unwrap_or(8) => {
                Err("a bit after the end of the bit string is set")
            }
            _ => Ok(BitString { len, bytes }),
        }
    }

    /// Reads `bit` or `varbit`.
    ///
    /// # Errors
    /// If the length is not what the header claims.
    #[inline]
    pub fn decode(bytes: &'a [u8]) -> Coded<BitString<'a>> {
        let mut reader = Reader(bytes);
        let len = usize::try_from(reader.i32()?).map_err(|_| "the length is negative")?;
        BitString::new(len, reader.0)
    }

    /// Appends `bit` or `varbit`.
    ///
    /// # Errors
    /// If there are too many bits.
    #[inline]
    pub fn encode(self, out: &mut BytesMut) -> Coded {
        put_count(self.len, out)?;
        out.put_slice(self.bytes);
        Ok(())
    }

    /// How many bits there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bits, eight a byte; those after the last are 0.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The bits in order.
    pub fn bits(&self) -> impl Iterator<Item = bool> + Clone + use<'a> {
        let each = |byte: &'a u8| (0..8).map(move |at| byte & (0x80 >> at) != 0);
        self.bytes.iter().flat_map(each).take(self.len)
    }
}

/// Reads the text of a bit string, `0`s and `1`s, to its bytes.
///
/// # Errors
/// If there is any other character.
pub fn parse(text: &str) -> Coded<(usize, Vec<u8>)> {
    const REASON: Reason = "a bit string has only the digits 0 and 1";
    let mut bytes = vec![0; text.len().div_ceil(8)];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(8)) {
        for (at, digit) in digits.iter().enumerate() {
            match digit {
                b'0' => {}
                b'1' => *byte |= 0x80 >> at,
                _ => return Err(REASON),
            }
        }
    }
    Ok((text.len(), bytes))
}

impl fmt::Display for BitString<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bits()
            .try_for_each(|bit| f.write_str(if bit { "1" } else { "0" }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_back_from_bytes_and_text() {
        for text in [
            "",
            "1",
            "0",
            "101",
            "00000000",
            "111111111",
            "0101010101010101",
        ] {
            let (len, bytes) = parse(text).unwrap();
            let value = BitString::new(len, &bytes).unwrap();
            assert_eq!(value.to_string(), text);
            let mut out = BytesMut::new();
            value.encode(&mut out).unwrap();
            assert_eq!(BitString::decode(&out), Ok(value));
            assert_eq!(
                (value.len(), value.is_empty()),
                (text.len(), text.is_empty())
            );
        }
    }

    #[test]
    fn what_is_no_bit_string_is_refused() {
        for bytes in [
            &b""[..],
            b"\0\0\0\x09\xff",
            b"\0\0\0\x08",
            b"\0\0\0\x08\0\0",
            b"\0\0\0\x03\xf0",
            b"\xff\xff\xff\xff",
            b"\x7f\xff\xff\xff\0",
        ] {
            assert!(BitString::decode(bytes).is_err(), "{bytes:?}");
        }
        assert!(parse("102").is_err() && parse("é").is_err());
    }
}
