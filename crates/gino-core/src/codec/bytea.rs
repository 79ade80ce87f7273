//! Owns `bytea`: the bytes themselves. Never looks into them.

use bytes::BytesMut;

/// Reads `bytea`.
#[inline]
pub fn decode(bytes: &[u8]) -> &[u8] {
    bytes
}

/// Appends `bytea`.
#[inline]
pub fn encode(value: &[u8], out: &mut BytesMut) {
    out.extend_from_slice(value);
}
