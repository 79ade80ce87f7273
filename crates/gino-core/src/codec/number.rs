//! Owns booleans, integers and floating-point numbers: big-endian, of fixed length.
//! Never converts between widths. The hot paths of both faces call it for every cell.

use bytes::{BufMut, BytesMut};

use super::{Coded, WRONG_LENGTH};

macro_rules! fixed {
    ($($sql:literal $type:ty: $decode:ident $encode:ident $put:ident,)*) => {$(
        #[doc = concat!("Reads `", $sql, "`.")]
        ///
        /// # Errors
        /// If the length is another.
        #[inline]
        pub fn $decode(bytes: &[u8]) -> Coded<$type> {
            match bytes.try_into() {
                Ok(bytes) => Ok(<$type>::from_be_bytes(bytes)),
                Err(_) => Err(WRONG_LENGTH),
            }
        }

        #[doc = concat!("Appends `", $sql, "`.")]
        #[inline]
        pub fn $encode(value: $type, out: &mut BytesMut) {
            out.$put(value);
        }
    )*};
}

fixed! {
    "int2" i16: decode_int2 encode_int2 put_i16,
    "int4" i32: decode_int4 encode_int4 put_i32,
    "int8" i64: decode_int8 encode_int8 put_i64,
    "oid" u32: decode_oid encode_oid put_u32,
    "float4" f32: decode_float4 encode_float4 put_f32,
    "float8" f64: decode_float8 encode_float8 put_f64,
}

/// Reads `bool`: one byte, anything but 0 is true.
///
/// # Errors
/// If it is not one byte.
#[inline]
pub fn decode_bool(bytes: &[u8]) -> Coded<bool> {
    match bytes {
        [byte] => Ok(*byte != 0),
        _ => Err(WRONG_LENGTH),
    }
}

/// Appends `bool`.
#[inline]
pub fn encode_bool(value: bool, out: &mut BytesMut) {
    out.put_u8(u8::from(value));
}

/// The text of a `float4`, as PostgreSQL writes it: the shortest that is read back as the same.
pub fn float4_text(value: f32) -> String {
    float_text(format!("{value:e}"), value.is_finite(), 6)
}

/// The text of a `float8`, as PostgreSQL writes it: the shortest that is read back as the same.
pub fn float8_text(value: f64) -> String {
    float_text(format!("{value:e}"), value.is_finite(), 15)
}

/// From digits with an exponent to PostgreSQL's choice of form: an exponent only below -4 and from
/// `digits` on (`float8out`, `float4out`).
fn float_text(text: String, is_finite: bool, digits: i32) -> String {
    let Some((mantissa, exponent)) = text.split_once('e').filter(|_| is_finite) else {
        return text.replace("inf", "Infinity");
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if !(-4..digits).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs());
    }
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    let significant = mantissa.replace('.', "");
    match usize::try_from(exponent) {
        Err(_) => {
            let zeros = "0".repeat(usize::try_from(-1 - exponent).unwrap_or_default());
            format!("{sign}0.{zeros}{significant}")
        }
        Ok(exponent) => match significant.split_at_checked(exponent + 1) {
            Some((whole, "")) => format!("{sign}{whole}"),
            Some((whole, fraction)) => format!("{sign}{whole}.{fraction}"),
            None => format!("{sign}{significant:0<width$}", width = exponent + 1),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_the_server_does() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-120.5, "-120.5"),
            (1e14, "100000000000000"),
            (1e15, "1e+15"),
            (123_456_789_012_345.6, "123456789012345.6"),
            (0.0001, "0.0001"),
            (0.000_012, "1.2e-05"),
            (1.5e-300, "1.5e-300"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(float8_text(value), text);
        }
        assert_eq!(float4_text(100_000.0), "100000");
        assert_eq!(float4_text(1_000_000.0), "1e+06");
        assert_eq!(float4_text(0.1), "0.1");
    }

    #[test]
    fn a_number_of_another_length_is_refused() {
        assert_eq!(decode_int4(&[0xff; 4]), Ok(-1));
        assert!(decode_int4(&[0; 3]).is_err() && decode_int8(&[0; 9]).is_err());
        assert!(decode_bool(&[]).is_err() && decode_float8(&[0; 4]).is_err());
    }
}
