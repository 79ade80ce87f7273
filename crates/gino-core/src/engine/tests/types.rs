//! Owns the types of the server's database, and its answers to the client's question about them.
//! Never decides when it is asked. `backend` calls it.

use crate::pg::tests::server::row;

pub(super) const MOOD: u32 = 100_001;
pub(super) const MOODS: u32 = 100_002;
pub(super) const PET: u32 = 100_003;
/// It does not exist.
pub(super) const GONE: u32 = 100_004;

/// The text that the log has for the client's question, which is `sql` with the values of a Bind
/// message; None for other statements.
pub(super) fn question(sql: &str, bind: &[u8]) -> Option<String> {
    sql.starts_with("SELECT t.oid, n.nspname").then_some(())?;
    // The array is the first value: a length, dimensions, flags, the type of its elements, how many
    // they are and from which number on, and for each a length and its bytes.
    let array = bind
        .windows(12)
        .position(|at| at == [ONE, NO_NULLS, OID].concat())
        .unwrap();
    let mut rest = &bind[array + 12..];
    let count = take(&mut rest);
    take(&mut rest);
    let mut text = String::from("TYPES");
    for _ in 0..count {
        assert_eq!(take(&mut rest), 4);
        text += &format!(" {}", take(&mut rest));
    }
    Some(text)
}

/// The rows that answer a question.
pub(super) fn answer(question: &str) -> Vec<Vec<u8>> {
    let oids = question.split(' ').skip(1).map(|oid| oid.parse().unwrap());
    oids.filter_map(describe).collect()
}

/// The types of the columns of `TYPED oid…`.
pub(super) fn typed(sql: &str) -> Option<Vec<u32>> {
    let oids = sql.strip_prefix("TYPED ")?.split(' ');
    Some(oids.map(|oid| oid.parse().unwrap()).collect())
}

fn describe(oid: u32) -> Option<Vec<u8>> {
    let name = |name: &'static str| Some(name.as_bytes());
    let inner = MOOD.to_be_bytes();
    let labels = array(25, &[b"sad", b"happy"]);
    let names = array(25, &[b"name", b"mood"]);
    let types = array(26, &[&25_u32.to_be_bytes(), &inner]);
    let (named, kind, inner, names, types): (_, _, _, Option<&[u8]>, Option<&[u8]>) = match oid {
        MOOD => (name("mood"), name("e"), None, Some(&labels), None),
        MOODS => (name("_mood"), name("a"), Some(&inner[..]), None, None),
        PET => (name("pet"), name("c"), None, Some(&names), Some(&types)),
        _ => return None,
    };
    let comma = Some(&b","[..]);
    Some(row(&[
        Some(&oid.to_be_bytes()),
        name("app"),
        named,
        named,
        comma,
        kind,
        inner,
        names,
        types,
    ]))
}

fn array(of: u32, elements: &[&[u8]]) -> Vec<u8> {
    let count = u32::try_from(elements.len()).unwrap().to_be_bytes();
    let mut out = [ONE, NO_NULLS, of.to_be_bytes(), count, ONE].concat();
    for element in elements {
        out.extend(u32::try_from(element.len()).unwrap().to_be_bytes());
        out.extend(*element);
    }
    out
}

fn take(rest: &mut &[u8]) -> u32 {
    let (word, more) = rest.split_first_chunk().unwrap();
    *rest = more;
    u32::from_be_bytes(*word)
}

const ONE: [u8; 4] = [0, 0, 0, 1];
const NO_NULLS: [u8; 4] = [0; 4];
const OID: [u8; 4] = [0, 0, 0, 26];
