//! Owns the Rust type for `bit` and `varbit`. Never pads: the server does.

use std::fmt;
use std::str::FromStr;

use gino_core::codec::{BitString as Wire, bits};
use postgres_types::Type;

use super::sql;

/// A `bit` or `varbit`: bits in order, eight a byte, the first in the highest place.
///
/// ```
/// let bits: gino::types::BitString = "1011".parse()?;
/// assert_eq!(bits.len(), 4);
/// assert_eq!(bits.iter().filter(|bit| *bit).count(), 3);
/// # Ok::<_, &str>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct BitString {
    len: usize,
    bytes: Vec<u8>,
}

impl BitString {
    /// How many bits there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bits in order.
    pub fn iter(&self) -> impl Iterator<Item = bool> {
        let each = |byte: &u8| {
            let byte = *byte;
            (0..8).map(move |at| byte & (0x80 >> at) != 0)
        };
        self.bytes.iter().flat_map(each).take(self.len)
    }

    /// The bits, eight a byte; those after the last are 0.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl FromIterator<bool> for BitString {
    fn from_iter<I: IntoIterator<Item = bool>>(bits: I) -> Self {
        let mut made = BitString::default();
        for bit in bits {
            let at = made.len % 8;
            if at == 0 {
                made.bytes.push(0);
            }
            if let Some(last) = made.bytes.last_mut().filter(|_| bit) {
                *last |= 0x80 >> at;
            }
            made.len += 1;
        }
        made
    }
}

/// The digits.
impl fmt::Display for BitString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter()
            .try_for_each(|bit| f.write_str(if bit { "1" } else { "0" }))
    }
}

/// From the digits `0` and `1`.
impl FromStr for BitString {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (len, bytes) = bits::parse(text)?;
        Ok(BitString { len, bytes })
    }
}

sql! {
    BitString: |ty| matches!(*ty, Type::BIT | Type::VARBIT);
    raw => {
        let bits = Wire::decode(raw)?;
        BitString { len: bits.len(), bytes: bits.as_bytes().to_owned() }
    };
    value, out => Wire::new(value.len, &value.bytes)?.encode(out)?;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_text_and_iterators_agree() {
        for text in ["", "1", "01", "101010101", "0000000011111111"] {
            let bits: BitString = text.parse().unwrap();
            assert_eq!(bits.to_string(), text);
            assert_eq!(bits.iter().collect::<BitString>(), bits);
            assert_eq!(bits.len(), text.len());
        }
        assert!("12".parse::<BitString>().is_err());
    }
}
