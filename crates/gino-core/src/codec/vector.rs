//! Owns the types of the extension pgvector: `vector`, `halfvec` and `sparsevec`, as single-precision
//! numbers. Never computes with them.
//!
//! Layouts: `vector_send`, `halfvec_send`, `sparsevec_send` of pgvector.

use bytes::{BufMut, BytesMut};

use super::reader::{Reader, put_count};
use super::{Coded, Reason};

/// Reads `vector`: its numbers, in order.
///
/// # Errors
/// If the length is not what the header claims.
#[inline]
pub fn decode(bytes: &[u8]) -> Coded<impl ExactSizeIterator<Item = f32> + Clone> {
    let numbers = dense::<4>(bytes)?;
    Ok(numbers.iter().map(|number| f32::from_be_bytes(*number)))
}

/// Reads `halfvec`: its numbers, in order.
///
/// # Errors
/// If the length is not what the header claims.
#[inline]
pub fn decode_half(bytes: &[u8]) -> Coded<impl ExactSizeIterator<Item = f32> + Clone> {
    let numbers = dense::<2>(bytes)?;
    Ok(numbers
        .iter()
        .map(|number| from_half(u16::from_be_bytes(*number))))
}

/// Appends `vector`.
///
/// # Errors
/// If there are too many numbers.
pub fn encode(numbers: impl ExactSizeIterator<Item = f32>, out: &mut BytesMut) -> Coded {
    put_dimensions(numbers.len(), out)?;
    numbers.for_each(|number| out.put_f32(number));
    Ok(())
}

/// Appends `halfvec`, each number rounded to the nearest of half precision.
///
/// # Errors
/// If there are too many numbers, or one is too large.
pub fn encode_half(numbers: impl ExactSizeIterator<Item = f32>, out: &mut BytesMut) -> Coded {
    put_dimensions(numbers.len(), out)?;
    for number in numbers {
        let half = to_half(number);
        if number.is_finite() && half & INFINITE_HALF == INFINITE_HALF {
            return Err("a number is out of the range of halfvec");
        }
        out.put_u16(half);
    }
    Ok(())
}

/// A `sparsevec` on the wire.
#[derive(Debug, Clone, Copy)]
pub struct Sparse<'a> {
    dimensions: usize,
    indices: &'a [[u8; 4]],
    numbers: &'a [[u8; 4]],
}

impl<'a> Sparse<'a> {
    /// Reads `sparsevec`.
    ///
    /// # Errors
    /// If the length is not what the header claims, or an index is out of the dimensions.
    pub fn decode(bytes: &'a [u8]) -> Coded<Sparse<'a>> {
        let mut reader = Reader(bytes);
        let dimensions = usize::try_from(reader.i32()?).map_err(|_| WRONG_SIZE)?;
        let count = usize::try_from(reader.i32()?).map_err(|_| WRONG_SIZE)?;
        reader.i32()?; // reserved
        let (words, []) = reader.0.as_chunks::<4>() else {
            return Err(WRONG_SIZE);
        };
        let (indices, numbers) = words.split_at_checked(count).ok_or(WRONG_SIZE)?;
        let inside = |index: &[u8; 4]| {
            usize::try_from(i32::from_be_bytes(*index)).is_ok_and(|index| index < dimensions)
        };
        if numbers.len() != count || !indices.iter().all(inside) {
            return Err(WRONG_SIZE);
        }
        Ok(Sparse {
            dimensions,
            indices,
            numbers,
        })
    }

    /// Appends `sparsevec`: indices count from 0 and have to rise, the other numbers are 0.
    ///
    /// # Errors
    /// If an index is out of the dimensions, or there are too many.
    pub fn encode(
        dimensions: usize,
        pairs: impl ExactSizeIterator<Item = (usize, f32)> + Clone,
        out: &mut BytesMut,
    ) -> Coded {
        put_count(dimensions, out)?;
        put_count(pairs.len(), out)?;
        out.put_i32(0);
        let mut least = 0;
        for (index, _) in pairs.clone() {
            if index < least || index >= dimensions {
                return Err("the indices of a sparsevec must rise and lie within its dimensions");
            }
            least = index + 1;
            put_count(index, out)?;
        }
        pairs.for_each(|(_, number)| out.put_f32(number));
        Ok(())
    }

    /// How many numbers the vector has, the zeros included. Only claimed: allocate nothing by it.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Indices from 0, and the numbers there; what is not among them is 0.
    pub fn pairs(&self) -> impl ExactSizeIterator<Item = (usize, f32)> + Clone + use<'a> {
        self.indices
            .iter()
            .zip(self.numbers)
            .map(|(index, number)| {
                let index = usize::try_from(u32::from_be_bytes(*index)).unwrap_or(usize::MAX);
                (index, f32::from_be_bytes(*number))
            })
    }
}

fn dense<const N: usize>(bytes: &[u8]) -> Coded<&[[u8; N]]> {
    let mut reader = Reader(bytes);
    let dimensions = reader.u16()?;
    reader.u16()?; // reserved
    match reader.0.as_chunks::<N>() {
        (numbers, []) if numbers.len() == usize::from(dimensions) => Ok(numbers),
        _ => Err(WRONG_SIZE),
    }
}

fn put_dimensions(count: usize, out: &mut BytesMut) -> Coded {
    out.put_i16(i16::try_from(count).map_err(|_| "the vector has too many dimensions")?);
    out.put_i16(0);
    Ok(())
}

/// IEEE 754 binary16 to binary32: every half is exact as a single.
fn from_half(half: u16) -> f32 {
    let sign = u32::from(half & 0x8000) << 16;
    let exponent = u32::from(half >> 10 & 0x1f);
    let fraction = u32::from(half & 0x3ff);
    match (exponent, fraction) {
        (0, _) => {
            // A subnormal counts units of 2^-24, which a product gives exactly.
            let magnitude = f32::from(half & 0x3ff) * f32::from_bits((127 - 24) << 23);
            f32::from_bits(sign | magnitude.to_bits())
        }
        (31, _) => f32::from_bits(sign | 0xff << 23 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13),
    }
}

/// IEEE 754 binary32 to binary16, ties to even; what is too large becomes infinite.
#[expect(clippy::cast_possible_truncation, reason = "at most 16 bits are left")]
fn to_half(number: f32) -> u16 {
    let bits = number.to_bits();
    let sign = (bits >> 16 & 0x8000) as u16;
    let magnitude = bits & 0x7fff_ffff;
    if magnitude > 0x7f80_0000 {
        return sign | INFINITE_HALF | 0x200; // not a number
    }
    let exponent = (magnitude >> 23).saturating_sub(127 - 15);
    if exponent >= 31 {
        return sign | INFINITE_HALF;
    }
    let half = if exponent == 0 {
        let shift = 126 - (magnitude >> 23); // 14 for the largest subnormal
        if shift > 24 {
            return sign;
        }
        round(magnitude & 0x007f_ffff | 0x0080_0000, shift)
    } else {
        // A carry out of the fraction raises the exponent, up to infinity: as it should be.
        round(exponent << 23 | magnitude & 0x007f_ffff, 13)
    };
    sign | half as u16
}

/// `bits >> shift`, rounded to the nearest, ties to even.
fn round(bits: u32, shift: u32) -> u32 {
    let kept = bits >> shift;
    let lost = bits & ((1 << shift) - 1);
    let half = 1 << (shift - 1);
    kept + u32::from(lost > half || lost == half && kept & 1 == 1)
}

const INFINITE_HALF: u16 = 0x7c00;
const WRONG_SIZE: Reason = "the vector has another size than it claims";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        let numbers = [1.5, -0.0, 65504.0, 6e-8];
        let mut out = BytesMut::new();
        encode(numbers.into_iter(), &mut out).unwrap();
        assert!(decode(&out).unwrap().eq(numbers));
        let mut out = BytesMut::new();
        encode_half(numbers.into_iter().take(3), &mut out).unwrap();
        assert!(decode_half(&out).unwrap().eq(numbers.into_iter().take(3)));
        assert!(encode_half([65520.0].into_iter(), &mut out).is_err());
        assert!(encode([0.0; 40_000].into_iter(), &mut out).is_err());
    }

    #[test]
    fn every_half_comes_back() {
        for half in 0..=u16::MAX {
            let number = from_half(half);
            if number.is_nan() {
                assert!(half & 0x7c00 == 0x7c00 && half & 0x3ff != 0);
            } else {
                assert_eq!(to_half(number), half, "{number}");
            }
        }
    }

    #[test]
    fn halves_are_rounded_to_the_nearest_and_ties_to_even() {
        for (number, half) in [
            (1.0, 0x3c00),
            (1.0 + 1.0 / 2048.0, 0x3c00),
            (1.0 + 3.0 / 2048.0, 0x3c02),
            (65519.9, 0x7bff),
            (65520.0, 0x7c00),
            (f32::MAX, 0x7c00),
            (6.103_515_6e-5, 0x0400),
            (5.960_464_5e-8, 0x0001),
            (2.980_232_2e-8, 0x0000),
            (2.980_233e-8, 0x0001),
            (f32::MIN_POSITIVE, 0x0000),
            (-2.0, 0xc000),
        ] {
            assert_eq!(to_half(number), half, "{number}");
        }
        assert!(from_half(to_half(f32::NAN)).is_nan());
    }

    #[test]
    fn sparse_numbers_come_back_and_indices_are_checked() {
        let pairs = [(0, 1.5), (999, -2.0)];
        let mut out = BytesMut::new();
        Sparse::encode(1000, pairs.into_iter(), &mut out).unwrap();
        let sparse = Sparse::decode(&out).unwrap();
        assert_eq!(sparse.dimensions(), 1000);
        assert!(sparse.pairs().eq(pairs));
        for pairs in [
            [(1, 1.0), (1, 1.0)],
            [(2, 1.0), (1, 1.0)],
            [(0, 1.0), (3, 1.0)],
        ] {
            assert!(Sparse::encode(3, pairs.into_iter(), &mut BytesMut::new()).is_err());
        }
        for end in 0..out.len() {
            assert!(Sparse::decode(&out[..end]).is_err());
        }
        out[3] = 0; // 999 is out of 768 dimensions
        assert!(Sparse::decode(&out).is_err());
    }

    #[test]
    fn a_claimed_size_is_not_believed() {
        for bytes in [
            &b""[..],
            b"\xff\xff\0\0",
            b"\0\x01\0\0\0\0\0",
            b"\0\0\0\0\0",
        ] {
            assert!(decode(bytes).is_err(), "{bytes:?}");
        }
        assert!(decode_half(b"\xff\xff\0\0\0\0").is_err());
        assert!(Sparse::decode(b"\x7f\xff\xff\xff\x7f\xff\xff\xff\0\0\0\0").is_err());
    }
}
