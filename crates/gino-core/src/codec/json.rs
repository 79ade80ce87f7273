//! Owns the frame of `json` and `jsonb`. Never parses JSON: each face has its own parser,
//! which also checks the UTF-8.

use bytes::{BufMut, BytesMut};

use super::Coded;

/// The only version of `jsonb`'s binary form.
const VERSION: u8 = 1;

/// The JSON text in a `json`.
#[inline]
pub fn decode_json(bytes: &[u8]) -> &[u8] {
    bytes
}

/// The JSON text in a `jsonb`.
///
/// # Errors
/// If the version is not 1.
#[inline]
pub fn decode_jsonb(bytes: &[u8]) -> Coded<&[u8]> {
    match bytes {
        [VERSION, text @ ..] => Ok(text),
        _ => Err("the version of the jsonb is unknown"),
    }
}

/// Appends `json` of a JSON text.
#[inline]
pub fn encode_json(text: &[u8], out: &mut BytesMut) {
    out.extend_from_slice(text);
}

/// Appends `jsonb` of a JSON text. To write the text piece by piece, append it after an empty one.
#[inline]
pub fn encode_jsonb(text: &[u8], out: &mut BytesMut) {
    out.put_u8(VERSION);
    out.extend_from_slice(text);
}
