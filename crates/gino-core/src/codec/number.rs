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
