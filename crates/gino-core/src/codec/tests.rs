//! Owns the run of `spec/codecs.toml`, and of random bytes through every decoder.

use bytes::BytesMut;

use super::*;

struct Case {
    name: String,
    oid: Oid,
    kind: Kind,
    wire: Vec<u8>,
    text: String,
    normalized: bool,
}

fn cases() -> Vec<Case> {
    let spec: toml::Table = include_str!("../../../../spec/codecs.toml")
        .parse()
        .expect("TOML");
    let cases = spec["case"].as_array().expect("cases");
    let text = |case: &toml::Value, key: &str| {
        case[key]
            .as_str()
            .unwrap_or_else(|| panic!("{key} of {case}"))
            .to_owned()
    };
    cases
        .iter()
        .map(|case| Case {
            name: format!("{} {}", text(case, "type"), text(case, "sql")),
            oid: oid_named(&text(case, "type")),
            kind: kind_named(&text(case, "type")),
            wire: unhex(&text(case, "wire")),
            text: text(case, "text"),
            normalized: case.get("normalized").is_some(),
        })
        .collect()
}

/// 0 for the types of extensions, which have no OID of their own.
fn oid_named(name: &str) -> Oid {
    (1..10_000)
        .find(|oid| type_name(*oid) == name)
        .unwrap_or_default()
}

fn kind_named(name: &str) -> Kind {
    match oid_named(name) {
        0 => Kind::of_extension(name),
        oid => Kind::of(oid),
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
        .collect()
}

#[test]
fn every_value_of_the_table_is_decoded_and_encoded_as_the_server_does() {
    let cases = cases();
    assert!(cases.len() > 100);
    for Case {
        name,
        oid,
        kind,
        wire,
        text,
        normalized,
    } in cases
    {
        let value =
            Value::decode(kind, oid, &wire).unwrap_or_else(|reason| panic!("{name}: {reason}"));
        assert_eq!(value.to_string(), text, "{name}");
        let mut out = BytesMut::new();
        value
            .encode(kind, oid, &mut out)
            .unwrap_or_else(|reason| panic!("{name}: {reason}"));
        // Infinity has no scale: an equal value of other bytes.
        assert!(
            normalized || out == wire,
            "{name}: {out:02x?} for {wire:02x?}"
        );
    }
}

#[test]
fn every_kind_is_in_the_table() {
    let cases = cases();
    for kind in KINDS {
        let there = cases.iter().any(|case| case.kind == kind);
        assert!(there, "{kind:?}");
    }
}

#[test]
fn a_value_of_another_kind_is_refused() {
    let mut out = BytesMut::new();
    assert!(Value::Bool(true).encode(Kind::Int4, 23, &mut out).is_err());
    assert!(Value::Null.encode(Kind::Text, 25, &mut out).is_err());
    assert!(
        Value::Integer(40_000)
            .encode(Kind::Int2, 21, &mut out)
            .is_err()
    );
    assert!(Value::Integer(-1).encode(Kind::Oid, 26, &mut out).is_err());
    assert!(
        Value::Text("a\0b".into())
            .encode(Kind::Text, 25, &mut out)
            .is_err()
    );
    assert!(out.is_empty());
}

const KINDS: [Kind; 45] = [
    Kind::Bool,
    Kind::Int2,
    Kind::Int4,
    Kind::Int8,
    Kind::Oid,
    Kind::Float4,
    Kind::Float8,
    Kind::Numeric,
    Kind::Text,
    Kind::Bytea,
    Kind::Date,
    Kind::Time,
    Kind::Timestamp,
    Kind::TimestampTz,
    Kind::Interval,
    Kind::Uuid,
    Kind::Json,
    Kind::Jsonb,
    Kind::TimeTz,
    Kind::Inet,
    Kind::Cidr,
    Kind::Macaddr,
    Kind::Bit,
    Kind::Point,
    Kind::Line,
    Kind::Lseg,
    Kind::Box,
    Kind::Path,
    Kind::Polygon,
    Kind::Circle,
    Kind::Xid8,
    Kind::Lsn,
    Kind::Tid,
    Kind::Snapshot,
    Kind::Macaddr8,
    Kind::Versioned,
    Kind::Range,
    Kind::Multirange,
    Kind::Record,
    Kind::Hstore,
    Kind::Vector,
    Kind::HalfVector,
    Kind::SparseVector,
    Kind::Array,
    Kind::Other,
];

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next()).unwrap() % end
    }

    fn byte(&mut self) -> u8 {
        // Small and extreme numbers are what headers trip over.
        match self.next() % 4 {
            0 => 0,
            1 => 0xff,
            2 => u8::try_from(self.next() % 8).unwrap(),
            _ => u8::try_from(self.next() % 256).unwrap(),
        }
    }
}

/// Decodes, checks what was allocated, and goes on with whatever came out.
fn probe(kind: Kind, oid: Oid, bytes: &[u8]) {
    let Ok(value) = Value::decode(kind, oid, bytes) else {
        return;
    };
    let (count, least) = match &value {
        Value::Array { elements, .. } => (elements.len(), 4),
        Value::Record(fields) => (fields.len(), 8),
        Value::Hstore(pairs) => (pairs.len(), 8),
        Value::Multirange(ranges) => (ranges.len(), 5),
        Value::Polygon(points) | Value::Path(_, points) => (points.len(), 16),
        Value::Vector(numbers) => (numbers.len(), 2),
        Value::SparseVector(_, pairs) => (pairs.len(), 8),
        Value::Bit(digits) => (digits.len().div_ceil(8), 1),
        Value::Numeric(text) => (text.len().saturating_sub(131_072 + 16_383 + 2), usize::MAX),
        _ => (0, 1),
    };
    assert!(count.saturating_mul(least) <= bytes.len(), "{value:?}");
    let text = value.to_string();
    let mut out = BytesMut::new();
    if value.encode(kind, oid, &mut out).is_ok() {
        let again = Value::decode(kind, oid, &out);
        let again = again.unwrap_or_else(|e| panic!("{kind:?} {text}: {e}"));
        // Leading zeros of a numeric are not kept.
        if !format!("{value:?}").contains("Numeric(") {
            assert_eq!(again.to_string(), text);
        }
    }
}

#[test]
fn no_bytes_make_a_decoder_panic_or_believe_a_claimed_size() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for round in 0..80_000 {
        let kind = KINDS[round % KINDS.len()];
        let oid = [INT4RANGE, TSTZMULTIRANGE][random.below(2)];
        let bytes: Vec<u8> = (0..random.below(48)).map(|_| random.byte()).collect();
        probe(kind, oid, &bytes);
    }
}

#[test]
fn no_change_to_a_good_value_makes_a_decoder_panic() {
    let mut random = Random(0xD1B5_4A32_D192_ED03);
    let cases = cases();
    for _ in 0..40_000 {
        let Case {
            oid, kind, wire, ..
        } = &cases[random.below(cases.len())];
        let mut wire = wire.clone();
        for _ in 0..=random.below(3) {
            match random.next() % 4 {
                0 if !wire.is_empty() => wire.truncate(random.below(wire.len())),
                1 => wire.push(random.byte()),
                _ if !wire.is_empty() => {
                    let at = random.below(wire.len());
                    wire[at] = random.byte();
                }
                _ => {}
            }
        }
        probe(*kind, *oid, &wire);
    }
}

const INT4RANGE: Oid = 3904;
const TSTZMULTIRANGE: Oid = 4534;
