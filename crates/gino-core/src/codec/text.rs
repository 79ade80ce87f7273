//! Owns text: UTF-8 in either format, without NUL. Never changes a character.
//! The text types use it, and every type that travels in its text form.

use bytes::BytesMut;

use super::Coded;

/// Reads a text type, or any type in its text form.
///
/// # Errors
/// If it is not UTF-8, which `client_encoding` promises.
#[inline]
pub fn decode(bytes: &[u8]) -> Coded<&str> {
    std::str::from_utf8(bytes).map_err(|_| "the text is not UTF-8")
}

/// Appends a text type, or any type in its text form.
///
/// # Errors
/// If it contains NUL, which PostgreSQL cannot store.
#[inline]
pub fn encode(value: &str, out: &mut BytesMut) -> Coded {
    if value.as_bytes().contains(&0) {
        return Err("PostgreSQL text cannot contain a NUL character");
    }
    out.extend_from_slice(value.as_bytes());
    Ok(())
}
