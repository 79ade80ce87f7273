//! Owns `numeric`: decimal digits in groups of four, and their text. Never rounds.
//! What a header claims is never allocated: text is at most 131,072 + 16,383 digits.

use bytes::{BufMut, BytesMut};

use super::{Coded, Reason};

/// A `numeric` on the wire: a count of groups, the weight of the first as a power of 10,000, the
/// sign, how many digits to show after the point, and the groups.
#[derive(Debug, Clone, Copy)]
pub enum Numeric<'a> {
    /// Not a number.
    NaN,
    /// `Infinity`, which PostgreSQL 14 and later know.
    Infinity,
    /// `-Infinity`, which PostgreSQL 14 and later know.
    NegativeInfinity,
    /// A number.
    Finite {
        /// Whether it is less than zero.
        negative: bool,
        /// The power of 10,000 of the first group.
        weight: i16,
        /// How many digits there are after the point.
        scale: u16,
        /// The groups, two bytes each, each 0 to 9,999.
        groups: &'a [[u8; 2]],
    },
}

impl<'a> Numeric<'a> {
    /// Reads `numeric`.
    ///
    /// # Errors
    /// If length, sign, scale or a group are out of range.
    #[inline]
    pub fn decode(bytes: &'a [u8]) -> Coded<Numeric<'a>> {
        let ([header, groups @ ..], []) = bytes.as_chunks::<2>() else {
            return Err(BAD_HEADER);
        };
        let [weight, sign, scale, groups @ ..] = groups else {
            return Err(BAD_HEADER);
        };
        if usize::from(u16::from_be_bytes(*header)) != groups.len() {
            return Err(BAD_HEADER);
        }
        let scale = u16::from_be_bytes(*scale);
        match u16::from_be_bytes(*sign) {
            NAN => return Ok(Numeric::NaN),
            INFINITY => return Ok(Numeric::Infinity),
            NEGATIVE_INFINITY => return Ok(Numeric::NegativeInfinity),
            POSITIVE | NEGATIVE if scale <= MAX_SCALE => {}
            _ => return Err(BAD_HEADER),
        }
        if groups.iter().any(|group| u16::from_be_bytes(*group) > 9999) {
            return Err("a digit of the numeric is out of range");
        }
        Ok(Numeric::Finite {
            negative: u16::from_be_bytes(*sign) == NEGATIVE,
            weight: i16::from_be_bytes(*weight),
            scale,
            groups,
        })
    }

    /// Appends the decimal text, as PostgreSQL writes it, in ASCII.
    pub fn write(&self, out: &mut Vec<u8>) {
        let (negative, weight, scale, groups) = match *self {
            Numeric::NaN => return out.extend_from_slice(b"NaN"),
            Numeric::Infinity => return out.extend_from_slice(b"Infinity"),
            Numeric::NegativeInfinity => return out.extend_from_slice(b"-Infinity"),
            Numeric::Finite {
                negative,
                weight,
                scale,
                groups,
            } => (negative, i32::from(weight), usize::from(scale), groups),
        };
        let mut groups = groups.iter().map(|group| u16::from_be_bytes(*group));
        let whole = usize::try_from(weight + 1).unwrap_or(0);
        out.reserve(whole * 4 + scale + 8);
        if negative {
            out.push(b'-');
        }
        if whole == 0 || groups.len() == 0 {
            out.push(b'0');
        } else {
            let first = digits(groups.next().unwrap_or(0));
            let zeros = first
                .iter()
                .take(3)
                .take_while(|digit| **digit == b'0')
                .count();
            out.extend_from_slice(first.get(zeros..).unwrap_or_default());
            for _ in 1..whole {
                out.extend_from_slice(&digits(groups.next().unwrap_or(0)));
            }
        }
        if scale > 0 {
            out.push(b'.');
            let end = out.len() + scale;
            // Groups of zeros between the point and the first group are not sent.
            let zeros = usize::try_from(-1 - weight).unwrap_or(0);
            let mut after = std::iter::repeat_n(0, zeros).chain(groups);
            while out.len() < end {
                out.extend_from_slice(&digits(after.next().unwrap_or(0)));
            }
            out.truncate(end);
        }
    }

    /// The number as a coefficient and a scale (`coefficient / 10^scale`), if it is finite and the
    /// coefficient fits: the quick way to a host's decimal type.
    #[inline]
    pub fn to_i128(&self) -> Option<(i128, u16)> {
        let Numeric::Finite {
            negative,
            weight,
            scale,
            groups,
        } = *self
        else {
            return None;
        };
        let mut coefficient: i128 = 0;
        for group in groups {
            coefficient = coefficient
                .checked_mul(10_000)?
                .checked_add(i128::from(u16::from_be_bytes(*group)))?;
        }
        if coefficient != 0 {
            // The coefficient now counts units of 10^-after; bring it to units of 10^-scale.
            let after = (i32::try_from(groups.len()).ok()? - 1 - i32::from(weight)) * 4;
            let shift = i32::from(scale) - after;
            let factor = 10_i128.checked_pow(shift.unsigned_abs())?;
            coefficient = if shift >= 0 {
                coefficient.checked_mul(factor)?
            } else {
                coefficient / factor
            };
        }
        Some((if negative { -coefficient } else { coefficient }, scale))
    }
}

/// Appends `numeric` of a decimal text: digits with a point, an exponent, `NaN` or `Infinity`.
///
/// # Errors
/// If the text is none of them, or PostgreSQL cannot hold the number. Nothing was appended then.
pub fn encode(text: &str, out: &mut BytesMut) -> Coded {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (NEGATIVE, rest),
        None => (POSITIVE, text.strip_prefix('+').unwrap_or(text)),
    };
    if unsigned.starts_with(|c: char| c.is_ascii_alphabetic()) {
        let sign = match unsigned.to_ascii_lowercase().as_str() {
            "nan" => NAN,
            "inf" | "infinity" if sign == NEGATIVE => NEGATIVE_INFINITY,
            "inf" | "infinity" => INFINITY,
            _ => return Err(NOT_DECIMAL),
        };
        put_header(0, 0, sign, 0, out);
        return Ok(());
    }

    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        // More than nine digits are out of range whatever they are.
        Some((_, exponent)) if exponent.len() > 10 => return Err(TOO_LARGE),
        Some((mantissa, exponent)) => (mantissa, exponent.parse().map_err(|_| NOT_DECIMAL)?),
        None => (unsigned, 0_i64),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || whole.bytes().chain(fraction.bytes());
    if mantissa.len() > MAX_TEXT {
        return Err(TOO_LARGE);
    }
    if digits().next().is_none() || !digits().all(|digit| digit.is_ascii_digit()) {
        return Err(NOT_DECIMAL);
    }
    let length = |text: &str| i64::try_from(text.len()).map_err(|_| TOO_LARGE);
    let scale = u16::try_from((length(fraction)? - exponent).max(0))
        .ok()
        .filter(|scale| *scale <= MAX_SCALE)
        .ok_or("the number has more digits after the point than numeric can hold")?;

    let leading = digits().take_while(|digit| *digit == b'0').count();
    let trailing = digits().rev().take_while(|digit| *digit == b'0').count();
    let significant = (whole.len() + fraction.len()).saturating_sub(leading + trailing);
    if significant == 0 {
        put_header(0, 0, POSITIVE, scale, out);
        return Ok(());
    }
    // The power of ten of the first significant digit; a group holds four powers.
    let power = length(whole)? - 1 - i64::try_from(leading).map_err(|_| TOO_LARGE)? + exponent;
    let mut places = usize::try_from(power.rem_euclid(4)).map_err(|_| TOO_LARGE)? + 1;
    let count = u16::try_from((significant + 4 - places).div_ceil(4)).map_err(|_| TOO_LARGE)?;
    let weight = i16::try_from(power.div_euclid(4)).map_err(|_| TOO_LARGE)?;
    out.reserve(8 + 2 * usize::from(count));
    put_header(count, weight, sign, scale, out);
    let mut digits = digits().skip(leading).take(significant);
    for _ in 0..count {
        let group = (0..places).fold(0, |group, _| {
            group * 10 + u16::from(digits.next().unwrap_or(b'0') - b'0')
        });
        out.put_u16(group);
        places = 4;
    }
    Ok(())
}

fn put_header(count: u16, weight: i16, sign: u16, scale: u16, out: &mut BytesMut) {
    out.put_u16(count);
    out.put_i16(weight);
    out.put_u16(sign);
    out.put_u16(scale);
}

/// The four digits of a group.
#[inline]
fn digits(group: u16) -> [u8; 4] {
    let pair = |number: u16| PAIRS.get(usize::from(number)).copied().unwrap_or(*b"00");
    let ([a, b], [c, d]) = (pair(group / 100), pair(group % 100));
    [a, b, c, d]
}

/// `00` to `99`.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut rest: &mut [[u8; 2]] = &mut pairs;
    let mut number = 0_u8;
    while let [pair, after @ ..] = rest {
        *pair = [b'0' + number / 10, b'0' + number % 10];
        number += 1;
        rest = after;
    }
    pairs
};

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;

/// The most digits after the point (PostgreSQL manual, "Numeric Types").
const MAX_SCALE: u16 = 16_383;

/// The longest text worth reading: all digits that a `numeric` can have, and a point.
const MAX_TEXT: usize = 131_072 + 16_383 + 1;

const BAD_HEADER: Reason = "the header of the numeric is wrong";
const NOT_DECIMAL: Reason = "this is no decimal number";
const TOO_LARGE: Reason = "the number has more digits than numeric can hold";

#[cfg(test)]
mod tests {
    use super::*;

    fn round(text: &str) -> String {
        let mut out = BytesMut::new();
        encode(text, &mut out).unwrap();
        let mut written = Vec::new();
        Numeric::decode(&out).unwrap().write(&mut written);
        String::from_utf8(written).unwrap()
    }

    #[test]
    fn text_comes_back_with_its_scale() {
        for text in [
            "0",
            "0.00",
            "1",
            "-1",
            "10000",
            "9999",
            "12345678.9",
            "0.0001",
            "0.00001",
            "-0.5000",
            "100000000000000000000",
            "1.10",
            "NaN",
            "Infinity",
            "-Infinity",
        ] {
            assert_eq!(round(text), text);
        }
    }

    #[test]
    fn other_spellings_mean_the_same() {
        for (text, same) in [
            ("1E+5", "100000"),
            ("1e-5", "0.00001"),
            ("1.50E1", "15.0"),
            ("+7", "7"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-0", "0"),
            ("000123", "123"),
            ("0E-3", "0.000"),
            ("nan", "NaN"),
            ("-inf", "-Infinity"),
            ("0E+9", "0"),
        ] {
            assert_eq!(round(text), same, "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused_and_leaves_nothing_behind() {
        let mut out = BytesMut::new();
        for text in [
            "",
            "-",
            ".",
            "e5",
            "1e",
            "1e1e1",
            "1.2.3",
            "1 ",
            "0x1",
            "1_0",
            "sNaN",
            "--1",
            "é",
            "1e200000",
            "1e-20000",
            "1e99999999999",
            "infinit",
        ] {
            assert!(encode(text, &mut out).is_err(), "{text}");
        }
        assert!(encode(&"1".repeat(200_000), &mut out).is_err());
        assert!(out.is_empty());
    }

    #[test]
    fn the_largest_number_comes_back() {
        let text = format!("1E{}", 32_767 * 4 + 3);
        assert_eq!(round(&text).len(), 131_072);
        assert!(encode("1E131072", &mut BytesMut::new()).is_err());
        let small = format!("0.{}1", "0".repeat(16_382));
        assert_eq!(round(&small), small);
    }

    #[test]
    fn a_claimed_size_is_not_believed() {
        for bytes in [
            &b"\xff\xff\0\0\0\0\0\0"[..],
            b"\0\x01\0\0\0\0\0\0",
            b"\0\0\0\0\0\0\xff\xff",
            b"\0\0\0\0\x12\x34\0\0",
            b"\0\x01\0\0\0\0\0\0\x27\x10",
            b"\0\0\0\0\0\0\0",
            b"\0\0",
            b"",
        ] {
            assert!(Numeric::decode(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn the_quick_way_agrees_with_the_text() {
        for (text, expected) in [
            ("0", Some((0, 0))),
            ("0.00", Some((0, 2))),
            ("-1.5", Some((-15, 1))),
            ("100000000", Some((100_000_000, 0))),
            ("0.0001", Some((1, 4))),
            ("123456789.123456789", Some((123_456_789_123_456_789, 9))),
            ("1E100", None),
            ("NaN", None),
        ] {
            let mut out = BytesMut::new();
            encode(text, &mut out).unwrap();
            assert_eq!(Numeric::decode(&out).unwrap().to_i128(), expected, "{text}");
        }
    }
}
