//! Owns texts with a version in front: `ltree`, `lquery`, `ltxtquery` (PostgreSQL manual, "ltree"),
//! and `jsonpath`. Never checks what the text says: the server does.
//!
//! Layouts: `ltree_send`, `lquery_send`, `ltxtq_send`, `jsonpath_send`.

use bytes::{BufMut, BytesMut};

use super::{Coded, text};

/// The only version of all of them.
const VERSION: u8 = 1;

/// The text of an `ltree`, `lquery`, `ltxtquery` or `jsonpath`.
///
/// # Errors
/// If the version is not 1 or the text is not UTF-8.
#[inline]
pub fn decode(bytes: &[u8]) -> Coded<&str> {
    match bytes {
        [VERSION, rest @ ..] => text::decode(rest),
        _ => Err("the version of the value is unknown"),
    }
}

/// Appends an `ltree`, `lquery`, `ltxtquery` or `jsonpath` of its text.
///
/// # Errors
/// If it contains NUL.
#[inline]
pub fn encode(value: &str, out: &mut BytesMut) -> Coded {
    out.put_u8(VERSION);
    text::encode(value, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_back_without_its_version() {
        let mut out = BytesMut::new();
        encode("Top.Science", &mut out).unwrap();
        assert_eq!(out[0], 1);
        assert_eq!(decode(&out), Ok("Top.Science"));
        assert!(encode("a\0b", &mut out).is_err());
    }

    #[test]
    fn an_unknown_version_is_refused() {
        for bytes in [&b""[..], b"\0a", b"\x02a", b"\x01\xff"] {
            assert!(decode(bytes).is_err(), "{bytes:?}");
        }
    }
}
