//! The table of values, and random values, against the server itself: its bytes, its text, and
//! its own reading of our bytes.

use std::collections::HashSet;

use bytes::BytesMut;
use gino::prelude::*;
use gino::types::{Format, FromSql, IsNull, ToSql, Type, to_sql_checked};
use gino_core::codec::array::Dimension;
use gino_core::codec::{
    Circle, Inet, Interval, Kind, Line, Lsn, Oid, Point, Range, Tid, TimeTz, Timeline, Value,
};

use crate::server::Home;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Sync + Send>>;

/// The bytes of a value of any type, in its binary form.
#[derive(Debug, Clone, PartialEq)]
struct Raw(Vec<u8>);

impl<'a> FromSql<'a> for Raw {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Outcome<Self> {
        Ok(Raw(raw.to_owned()))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl ToSql for Raw {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Outcome<IsNull> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }

    /// Text is written as a string, since what accepts it may be sent in text form for other types.
    fn accepts(ty: &Type) -> bool {
        *ty != Type::TEXT
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Binary
    }

    to_sql_checked!();
}

/// A row of the table.
struct Case {
    sql_type: String,
    sql: String,
    wire: Vec<u8>,
    text: String,
    is_text: bool,
    one_way: bool,
    since: i64,
    needs: Option<String>,
}

fn cases() -> Vec<Case> {
    let table = include_str!("../../../../spec/codecs.toml");
    let table: toml::Table = table.parse().unwrap();
    let case = |case: &toml::Value| {
        let text = |key: &str| {
            case.get(key)
                .map(|value| value.as_str().unwrap().to_owned())
        };
        let wire = text("wire").unwrap();
        let byte = |at| u8::from_str_radix(&wire[at..at + 2], 16).unwrap();
        Case {
            sql_type: text("type").unwrap(),
            sql: text("sql").unwrap(),
            wire: (0..wire.len()).step_by(2).map(byte).collect(),
            text: text("text").unwrap(),
            is_text: text("format").is_some(),
            one_way: case.get("one_way").is_some(),
            since: case
                .get("since")
                .map_or(0, |since| since.as_integer().unwrap()),
            needs: text("needs"),
        }
    };
    table["case"].as_array().unwrap().iter().map(case).collect()
}

/// The text that the server reads `wire` as.
async fn read_by_server(engine: &Engine, sql_type: &str, wire: Vec<u8>) -> gino::Result<String> {
    let sql = format!("SELECT format('%s', $1::{sql_type})");
    let value: Box<dyn ToSql + Sync> = match sql_type {
        "text" => Box::new(String::from_utf8(wire).unwrap()),
        _ => Box::new(Raw(wire)),
    };
    Ok(engine.scalar(sql, &[&*value]).await?.unwrap())
}

/// What the table's rows may need and this server has.
async fn features(home: &Home) -> HashSet<String> {
    let mut there = HashSet::new();
    for name in ["hstore", "ltree", "citext", "vector"] {
        if home.has_extension(name).await {
            there.insert(name.to_owned());
        }
    }
    if home.engine.script("SELECT '<a/>'::xml").await.is_ok() {
        there.insert("xml".to_owned());
    }
    there
}

async fn copied(engine: &Engine, sql: &str) -> Vec<u8> {
    let connection = engine.acquire().await.unwrap();
    let mut copy = connection.copy_out(sql).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(part) = copy.read().await.unwrap() {
        bytes.extend_from_slice(&part);
    }
    drop(copy);
    connection.release(false).await.unwrap();
    bytes
}

async fn version(engine: &Engine) -> i64 {
    let sql = "SELECT current_setting('server_version_num')::int8 / 10000";
    engine.scalar(sql, &[]).await.unwrap().unwrap()
}

#[tokio::test]
async fn every_row_of_the_table_is_what_the_server_says_and_reads() {
    let home = Home::extended("codec_table").await;
    let engine = &home.engine;
    let (version, features) = (version(engine).await, features(&home).await);
    let (mut asked, mut as_text) = (0, 0);
    for case in cases() {
        let name = format!("{} {}", case.sql_type, case.sql);
        if case.since > version
            || case
                .needs
                .as_ref()
                .is_some_and(|needs| !features.contains(needs))
        {
            println!("left out, as this server has no such type: {name}");
            continue;
        }
        asked += 1;
        let sql = format!("SELECT format('%s', {})", case.sql);
        let text = engine.scalar::<String>(sql, &[]).await.unwrap();
        assert_eq!(text.as_ref(), Some(&case.text), "{name}");
        let row = engine
            .one(format!("SELECT {}", case.sql), &[])
            .await
            .unwrap();
        assert_eq!(row.get::<Raw>(0).0, case.wire, "{name}");
        // All types but the plain ones can be read as text.
        if let Ok(read) = row.try_get::<&str>(0) {
            assert_eq!(read, case.text, "{name}");
            as_text += 1;
        }
        if case.is_text {
            continue;
        }
        let sql = format!("COPY (SELECT {}) TO STDOUT (FORMAT binary)", case.sql);
        let bytes = copied(engine, &sql).await;
        // A header of 19 bytes, the number of columns, a length; the end is two bytes.
        assert_eq!(bytes[25..bytes.len() - 2], case.wire[..], "{name}");
        if case.one_way {
            continue;
        }
        let sql_type = match case.sql.rsplit_once("::") {
            Some((_, sql_type)) if !sql_type.contains('\'') => sql_type,
            _ => &case.sql_type,
        };
        let read = read_by_server(engine, sql_type, case.wire).await;
        assert_eq!(read.unwrap(), case.text, "{name}");
    }
    assert!(asked > 200 && as_text > 100, "{asked}, {as_text} as text");
    home.done().await;
}

/// xorshift64*: the same values on every machine for a seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// From `low` up to, but without, `high`.
    fn within(&mut self, low: i64, high: i64) -> i64 {
        let width = u128::try_from(i128::from(high) - i128::from(low)).unwrap();
        i64::try_from(i128::from(low) + i128::try_from(u128::from(self.next()) % width).unwrap())
            .unwrap()
    }

    fn small(&mut self, high: i64) -> usize {
        usize::try_from(self.within(0, high)).unwrap()
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        [(); N].map(|()| self.next().to_be_bytes()[0])
    }

    fn text(&mut self) -> String {
        let letters = [
            "a", "B", " ", ",", "\"", "\\", "{", "}", "(", "ü", "🦀", "NULL", "'", "\n",
        ];
        (0..self.small(6))
            .map(|_| letters[self.small(14)])
            .collect()
    }

    fn float(&mut self) -> f64 {
        match self.small(8) {
            0 => [0.0, -0.0, 1e300, -1e-300, f64::INFINITY][self.small(5)],
            1 => f64::from_bits(self.next() >> 2),
            _ => f64::from(i32::try_from(self.within(-1_000_000, 1_000_000)).unwrap()) / 64.0,
        }
    }

    fn point(&mut self) -> Point {
        Point {
            x: self.float(),
            y: self.float(),
        }
    }

    /// A finite point, for shapes that the server computes with.
    fn near(&mut self) -> f64 {
        f64::from(i32::try_from(self.within(-1000, 1000)).unwrap()) / 8.0
    }

    fn ranges(&mut self, count: usize) -> Vec<Range<Value>> {
        let mut from = -1000;
        let mut range = || {
            let low = from + self.within(1, 100);
            from = low + self.within(1, 100);
            Range::Between(
                std::ops::Bound::Included(Value::Integer(low)),
                std::ops::Bound::Excluded(Value::Integer(from)),
            )
        };
        (0..count).map(|_| range()).collect()
    }

    fn array(&mut self, element: Oid, make: impl Fn(&mut Random) -> Value) -> Value {
        let depth = self.small(4);
        let dimensions: Vec<_> = (0..depth)
            .map(|_| Dimension {
                length: self.small(3) + 1,
                lower: i32::try_from(self.within(-2, 4)).unwrap(),
            })
            .collect();
        let count = match depth {
            0 => 0,
            _ => dimensions
                .iter()
                .map(|dimension| dimension.length)
                .product(),
        };
        let one = |random: &mut Random| match random.small(5) {
            0 => Value::Null,
            _ => make(random),
        };
        Value::Array {
            element,
            dimensions,
            elements: (0..count).map(|_| one(self)).collect(),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
    fn value(&mut self, sql_type: &str) -> Value {
        const DAY: i64 = 86_400_000_000;
        match sql_type {
            "bool" => Value::Bool(self.small(2) == 1),
            "int2" => Value::Integer(self.within(-32_768, 32_768)),
            "int4" => Value::Integer(self.within(i64::from(i32::MIN), 1 << 31)),
            "int8" => Value::Integer(self.next().cast_signed()),
            "oid" => Value::Integer(self.within(0, 1 << 32)),
            // Not in the middle of two shortest texts, where the server's choice is another.
            "float4" => Value::Float4(self.near() as f32),
            "float8" => Value::Float8(self.float()),
            "numeric" => {
                let digits: String = (0..=self.small(60))
                    .map(|_| char::from(b'0' + self.small(10) as u8))
                    .collect();
                let whole = digits.trim_start_matches('0');
                let whole = if whole.is_empty() { "0" } else { whole };
                match self.small(4) {
                    0 => Value::Numeric("NaN".into()),
                    1 => Value::Numeric(format!("0.{digits}1")),
                    2 => Value::Numeric(format!("-{whole}.{digits}1")),
                    _ => Value::Numeric(whole.into()),
                }
            }
            "text" => Value::Text(self.text()),
            "bytea" => Value::Bytea(self.bytes::<9>()[..self.small(10)].to_vec()),
            "date" => match self.small(9) {
                0 => Value::Date(Timeline::Infinity),
                1 => Value::Date(Timeline::MinusInfinity),
                _ => Value::Date(Timeline::At(self.within(-2_451_545, 2_145_031_949) as i32)),
            },
            "time" => Value::Time(self.within(0, DAY + 1)),
            "timetz" => Value::TimeTz(TimeTz {
                microseconds: self.within(0, DAY + 1),
                offset: self.within(-57_599, 57_600) as i32,
            }),
            "timestamp" | "timestamptz" => {
                let at = match self.small(9) {
                    0 => Timeline::Infinity,
                    1 => Timeline::MinusInfinity,
                    _ => Timeline::At(
                        self.within(-211_813_488_000_000_000, 9_223_371_331_200_000_000),
                    ),
                };
                match sql_type {
                    "timestamp" => Value::Timestamp(at),
                    _ => Value::TimestampTz(at),
                }
            }
            "interval" => Value::Interval(Interval {
                months: self.within(-1000, 1000) as i32,
                days: self.within(-1000, 1000) as i32,
                microseconds: self.within(-DAY, DAY) * self.within(0, 3),
            }),
            "uuid" => Value::Uuid(self.bytes()),
            "inet" => {
                let address: std::net::IpAddr = match self.small(2) {
                    0 => self.bytes::<4>().into(),
                    _ => self.bytes::<16>().map(|byte| byte & 0x83).into(),
                };
                let prefix = self.small(if address.is_ipv4() { 33 } else { 129 }) as u8;
                Value::Inet(Inet { address, prefix })
            }
            "cidr" => Value::Cidr(Inet::host(self.bytes::<4>().into())),
            "macaddr" => Value::Macaddr(self.bytes()),
            "macaddr8" => Value::Macaddr8(self.bytes()),
            "varbit" => Value::Bit(
                (0..self.small(40))
                    .map(|_| ['0', '1'][self.small(2)])
                    .collect(),
            ),
            "point" => Value::Point(self.point()),
            "line" => Value::Line(Line {
                a: self.near(),
                b: 1.5,
                c: self.near(),
            }),
            "lseg" => Value::Lseg([self.point(), self.point()]),
            "box" => {
                let (x, y) = (self.near(), self.near());
                let low = Point { x, y };
                let high = Point {
                    x: x + 1.0,
                    y: y + 0.5,
                };
                Value::Box([high, low])
            }
            "path" => {
                let is_closed = self.small(2) == 1;
                Value::Path(
                    is_closed,
                    (0..=self.small(4)).map(|_| self.point()).collect(),
                )
            }
            "polygon" => {
                let points = (0..=self.small(4)).map(|_| Point {
                    x: self.near(),
                    y: self.near(),
                });
                Value::Polygon(points.collect())
            }
            "circle" => Value::Circle(Circle {
                center: self.point(),
                radius: self.near().abs(),
            }),
            "xid8" => Value::Xid8(self.next()),
            "pg_lsn" => Value::Lsn(Lsn(self.next())),
            "tid" => Value::Tid(Tid {
                block: self.next() as u32,
                offset: self.next() as u16,
            }),
            "int4range" => match self.small(4) {
                0 => Value::Range(Box::new(Range::Empty)),
                _ => Value::Range(Box::new(self.ranges(1).remove(0))),
            },
            "int8multirange" => {
                let count = self.small(4);
                Value::Multirange(self.ranges(count))
            }
            // PostgreSQL cannot read an empty one in binary, though it writes it.
            "oidvector" => Value::Numbers(
                26,
                (0..=self.small(4))
                    .map(|_| self.within(0, 1 << 32))
                    .collect(),
            ),
            "int4[]" => self.array(23, |random| random.value("int4")),
            "text[]" => self.array(25, |random| random.value("text")),
            "numeric[]" => self.array(1700, |random| random.value("numeric")),
            "interval[]" => self.array(1186, |random| random.value("interval")),
            _ => panic!("no values of {sql_type}"),
        }
    }
}

/// Types, each with its kind and OID.
const TYPES: &[(&str, Kind, Oid)] = &[
    ("bool", Kind::Bool, 16),
    ("int2", Kind::Int2, 21),
    ("int4", Kind::Int4, 23),
    ("int8", Kind::Int8, 20),
    ("oid", Kind::Oid, 26),
    ("float4", Kind::Float4, 700),
    ("float8", Kind::Float8, 701),
    ("numeric", Kind::Numeric, 1700),
    ("text", Kind::Text, 25),
    ("bytea", Kind::Bytea, 17),
    ("date", Kind::Date, 1082),
    ("time", Kind::Time, 1083),
    ("timetz", Kind::TimeTz, 1266),
    ("timestamp", Kind::Timestamp, 1114),
    ("timestamptz", Kind::TimestampTz, 1184),
    ("interval", Kind::Interval, 1186),
    ("uuid", Kind::Uuid, 2950),
    ("inet", Kind::Inet, 869),
    ("cidr", Kind::Cidr, 650),
    ("macaddr", Kind::Macaddr, 829),
    ("macaddr8", Kind::Macaddr8, 774),
    ("varbit", Kind::Bit, 1562),
    ("point", Kind::Point, 600),
    ("line", Kind::Line, 628),
    ("lseg", Kind::Lseg, 601),
    ("box", Kind::Box, 603),
    ("path", Kind::Path, 602),
    ("polygon", Kind::Polygon, 604),
    ("circle", Kind::Circle, 718),
    ("xid8", Kind::Xid8, 5069),
    ("pg_lsn", Kind::Lsn, 3220),
    ("tid", Kind::Tid, 27),
    ("int4range", Kind::Range, 3904),
    ("int8multirange", Kind::Multirange, 4536),
    ("oidvector", Kind::Array, 30),
    ("int4[]", Kind::Array, 1007),
    ("text[]", Kind::Array, 1009),
    ("numeric[]", Kind::Array, 1231),
    ("interval[]", Kind::Array, 1187),
];

/// `GINO_TEST_VALUES` random values of each type, 20 unless it says more; `GINO_TEST_SEED` repeats a run.
#[tokio::test]
async fn random_values_of_every_type_travel_in_binary_and_in_text() {
    let home = Home::new("codec_random", "max_size=1").await;
    let engine = &home.engine;
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .map(|text| text.parse::<u64>().unwrap())
    };
    let count = number("GINO_TEST_VALUES").unwrap_or(20);
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().subsec_nanos();
    let seed = number("GINO_TEST_SEED").unwrap_or(u64::from(now) | 1);
    println!("GINO_TEST_SEED={seed}");
    let mut random = Random(seed);
    let version = version(engine).await;
    for &(sql_type, kind, oid) in TYPES {
        if version < 14 && kind == Kind::Multirange {
            continue;
        }
        let send = format!("SELECT typsend::oid::regproc::text FROM pg_type WHERE oid = {oid}");
        let send = engine.scalar::<String>(send, &[]).await.unwrap().unwrap();
        let text = format!("SELECT {send}($1::text::{sql_type})");
        for _ in 0..count {
            let value = random.value(sql_type);
            let name = format!("seed {seed}: {sql_type} {value}");
            let mut wire = BytesMut::new();
            value.encode(kind, oid, &mut wire).unwrap();
            let read = read_by_server(engine, sql_type, wire.to_vec()).await;
            assert_eq!(read.expect(&name), value.to_string(), "{name}");
            let sent = engine
                .scalar::<Vec<u8>>(text.as_str(), &[&value.to_string()])
                .await;
            assert_eq!(sent.expect(&name).unwrap(), wire, "{name}");
            assert_eq!(
                Value::decode(kind, oid, &wire).as_ref(),
                Ok(&value),
                "{name}"
            );
        }
    }
    home.done().await;
}
