//! Owns `uuid`: 16 bytes, and their text of hexadecimal digits. Never makes one.

use bytes::BytesMut;

use super::{Coded, WRONG_LENGTH};

/// Reads `uuid`.
///
/// # Errors
/// If it is not 16 bytes.
#[inline]
pub fn decode(bytes: &[u8]) -> Coded<[u8; 16]> {
    bytes.try_into().map_err(|_| WRONG_LENGTH)
}

/// Appends `uuid`.
#[inline]
pub fn encode(value: &[u8; 16], out: &mut BytesMut) {
    out.extend_from_slice(value);
}

/// Reads the text of a UUID: 32 hexadecimal digits, hyphens between bytes where they please,
/// braces or `urn:uuid:` around.
///
/// # Errors
/// If it is anything else.
pub fn parse(text: &str) -> Coded<[u8; 16]> {
    const REASON: &str = "this is no UUID: 32 hexadecimal digits are expected";
    let text = text.strip_prefix("urn:uuid:").unwrap_or(text);
    let text = text
        .strip_prefix('{')
        .and_then(|t| t.strip_suffix('}'))
        .unwrap_or(text);
    let mut digits = text.bytes();
    let mut value = [0; 16];
    for (index, byte) in value.iter_mut().enumerate() {
        let mut high = digits.next();
        if index > 0 && high == Some(b'-') {
            high = digits.next();
        }
        let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
        let (high, low) = digit(high).zip(digit(digits.next())).ok_or(REASON)?;
        *byte = u8::try_from(high * 16 + low).map_err(|_| REASON)?;
    }
    if digits.next().is_some() {
        Err(REASON)
    } else {
        Ok(value)
    }
}

/// The usual text, in lower case: `8-4-4-4-12` digits.
pub fn format(value: &[u8; 16]) -> String {
    let number = u128::from_be_bytes(*value);
    let part = |shift: u32, bits: u32| (number >> shift) & ((1 << bits) - 1);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        part(96, 32),
        part(80, 16),
        part(64, 16),
        part(48, 16),
        part(0, 48)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_every_common_form_is_read() {
        let text = "0123f567-89ab-cdef-0123-456789abcdef";
        let value = parse(text).unwrap();
        assert_eq!(format(&value), text);
        for form in [
            text.replace('-', ""),
            text.to_uppercase(),
            format!("{{{text}}}"),
            format!("urn:uuid:{text}"),
        ] {
            assert_eq!(parse(&form), Ok(value), "{form}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "-",
            "0123f567",
            "0123f567-89ab-cdef-0123-456789abcdefa",
            "é",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&"g".repeat(32)).is_err());
        assert!(decode(&[0; 15]).is_err());
    }
}
