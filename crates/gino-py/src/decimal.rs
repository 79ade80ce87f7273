//! Owns `numeric` to `Decimal`: by its text, with a small cache per thread, since amounts repeat.
//! Never reaches into a Decimal. `decode` calls it.

use std::cell::RefCell;

use gino_core::codec::Numeric;
use pyo3::prelude::*;

use crate::fault::Fitted;
use crate::python;
use crate::raw;

/// How many values are kept: 160 KiB. A power of two.
const ENTRIES: usize = 4096;

/// Longer values are not kept: 8 groups of 4 digits are 24 bytes on the wire.
const LONGEST: usize = 24;

/// Longer texts, of up to 147,455 digits, give their room back, in bytes.
const ROOM: usize = 1024;

thread_local! {
    static CACHE: RefCell<Cache> = const {
        RefCell::new(Cache { entries: Vec::new(), text: Vec::new() })
    };
}

/// Wire forms and what they became; an entry is replaced by what comes to its place next.
struct Cache {
    entries: Vec<Entry>,
    /// Room for a text, kept from value to value.
    text: Vec<u8>,
}

#[derive(Default)]
struct Entry {
    key: [u8; LONGEST],
    len: usize,
    value: Option<Py<PyAny>>,
}

/// The `Decimal` for a `numeric`.
///
/// # Errors
/// Bytes that are no `numeric`.
pub(crate) fn decode<'py>(py: Python<'py>, bytes: &[u8]) -> Fitted<Bound<'py, PyAny>> {
    let mut key = [0; LONGEST];
    let Some(start) = key.get_mut(..bytes.len()) else {
        return make(py, bytes);
    };
    start.copy_from_slice(bytes);
    let place = place(&key);
    let known = CACHE.with_borrow(|cache| {
        let entry = cache.entries.get(place)?;
        let fits = entry.len == bytes.len() && entry.key == key;
        entry
            .value
            .as_ref()
            .filter(|_| fits)
            .map(|value| value.clone_ref(py))
    });
    if let Some(known) = known {
        return Ok(known.into_bound(py));
    }
    let made = make(py, bytes)?;
    let entry = Entry {
        key,
        len: bytes.len(),
        value: Some(made.clone().unbind()),
    };
    let old = CACHE.with_borrow_mut(|cache| {
        if cache.entries.is_empty() {
            cache.entries.resize_with(ENTRIES, Entry::default);
        }
        cache
            .entries
            .get_mut(place)
            .map(|old| std::mem::replace(old, entry))
    });
    // Not while the cache is borrowed: dropping may run any code.
    drop(old);
    Ok(made)
}

fn make<'py>(py: Python<'py>, bytes: &[u8]) -> Fitted<Bound<'py, PyAny>> {
    let numeric = Numeric::decode(bytes)?;
    let mut text = CACHE.with_borrow_mut(|cache| std::mem::take(&mut cache.text));
    text.clear();
    numeric.write(&mut text);
    let digits = raw::text(py, &text)?;
    if text.capacity() <= ROOM {
        CACHE.with_borrow_mut(|cache| cache.text = text);
    }
    Ok(python::decimal(py)?.call1((digits,))?)
}

/// A multiplicative hash of the three words of the key.
#[inline]
fn place(key: &[u8; LONGEST]) -> usize {
    const FACTORS: [u64; 3] = [
        0x9E37_79B9_7F4A_7C15,
        0xC2B2_AE3D_27D4_EB4F,
        0x1656_67B1_9E37_79F9,
    ];
    let (words, _) = key.as_chunks::<8>();
    let mixed = words
        .iter()
        .zip(FACTORS)
        .fold(0_u64, |hash, (word, factor)| {
            hash.rotate_left(23) ^ u64::from_le_bytes(*word).wrapping_mul(factor)
        });
    let mixed = mixed.wrapping_mul(FACTORS[0]) >> 52;
    usize::try_from(mixed).unwrap_or(0) % ENTRIES
}
