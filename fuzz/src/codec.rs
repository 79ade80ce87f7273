//! Owns the check of values in binary form: whatever decodes encodes to what stays the same.

use bytes::BytesMut;
use gino_core::codec::{Array, Kind, Numeric, Oid, Value};

/// The first two bytes choose a type, the rest is its value.
pub fn run(data: &[u8]) {
    let Some(([high, low], bytes)) = data.split_first_chunk::<2>() else {
        return;
    };
    let (kind, oid) = chosen(u16::from_be_bytes([*high, *low]));
    if let Ok(value) = Value::decode(kind, oid, bytes) {
        let mut out = BytesMut::new();
        // Some values have no binary form of their own: those in text form, and arrays of them.
        if value.encode(kind, oid, &mut out).is_ok() {
            // A server may send what is not in its normal form, such as leading zeros.
            let again = Value::decode(kind, oid, &out).expect("what was encoded decodes");
            let mut normal = BytesMut::new();
            again.encode(kind, oid, &mut normal).expect("and encodes");
            assert_eq!(out, normal, "{value:?}");
        }
    }
    if let Ok(array) = Array::decode(bytes) {
        assert!(array.len() <= bytes.len(), "elements without bytes");
        let _ = array.elements().map_while(Result::ok).count();
    }
    if let Ok(numeric) = Numeric::decode(bytes) {
        let _ = numeric.to_i128();
    }
}

/// A type of PostgreSQL's own by its OID, or one of an extension by a number from 60,000.
fn chosen(number: u16) -> (Kind, Oid) {
    let extensions = ["hstore", "ltree", "vector", "halfvec", "sparsevec"];
    let extension = usize::from(number)
        .checked_sub(60_000)
        .and_then(|index| extensions.get(index));
    match extension {
        Some(name) => (Kind::of_extension(name), 0),
        None => (Kind::of(number.into()), number.into()),
    }
}
