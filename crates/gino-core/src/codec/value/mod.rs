//! Owns a host-neutral value of any decoded type. Never on a hot path: faces decode with the
//! families' functions. Tests, tools and tables use it.

mod learnt;
mod text_form;

use bytes::BytesMut;

use super::array::{Array, ArrayWriter, Dimension};
use super::geometry::{self, Circle, Line, Point};
use super::vector::{self, Sparse};
use super::{
    BitString, Coded, Composite, CompositeWriter, Hstore, HstoreWriter, Inet, Interval, Kind, Lsn,
    MAX_DEPTH, Multirange, Numeric, Oid, Range, Snapshot, Tid, TimeTz, Timeline, bits, bytea,
    datetime, json, network, number, numeric, subtype_of, system, text, uuid, versioned,
};

/// A value, or NULL.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// `bool`
    Bool(bool),
    /// `int2`, `int4`, `int8`, `oid`
    Integer(i64),
    /// `float4`
    Float4(f32),
    /// `float8`
    Float8(f64),
    /// `numeric`, as PostgreSQL writes it
    Numeric(String),
    /// A text type, or any type in its text form
    Text(String),
    /// `bytea`
    Bytea(Vec<u8>),
    /// `date`, in days since 2000-01-01
    Date(Timeline<i32>),
    /// `time`, in microseconds since midnight
    Time(i64),
    /// `timestamp`, in microseconds since the start of 2000
    Timestamp(Timeline<i64>),
    /// `timestamptz`, in microseconds since the start of 2000 in UTC
    TimestampTz(Timeline<i64>),
    /// `interval`
    Interval(Interval),
    /// `uuid`
    Uuid([u8; 16]),
    /// `json`, `jsonb`
    Json(String),
    /// `timetz`
    TimeTz(TimeTz),
    /// `inet`
    Inet(Inet),
    /// `cidr`
    Cidr(Inet),
    /// `macaddr`
    Macaddr([u8; 6]),
    /// `macaddr8`
    Macaddr8([u8; 8]),
    /// `bit`, `varbit`, as digits
    Bit(String),
    /// `point`
    Point(Point),
    /// `line`
    Line(Line),
    /// `lseg`
    Lseg([Point; 2]),
    /// `box`, the upper right corner first
    Box([Point; 2]),
    /// `path`: whether it is closed, and its points
    Path(bool, Vec<Point>),
    /// `polygon`
    Polygon(Vec<Point>),
    /// `circle`
    Circle(Circle),
    /// `xid8`
    Xid8(u64),
    /// `pg_lsn`
    Lsn(Lsn),
    /// `tid`
    Tid(Tid),
    /// `pg_snapshot`, `txid_snapshot`: the lowest transaction, the next, and those that ran
    Snapshot(u64, u64, Vec<u64>),
    /// A range
    Range(Box<Range<Value>>),
    /// A multirange
    Multirange(Vec<Range<Value>>),
    /// A `record`: each field's type, and its value or NULL
    Record(Vec<(Oid, Value)>),
    /// `hstore`
    Hstore(Vec<(String, Option<String>)>),
    /// `vector`, `halfvec`
    Vector(Vec<f32>),
    /// `sparsevec`: how many numbers it has, and those that are not 0 with their indices from 0
    SparseVector(usize, Vec<(usize, f32)>),
    /// `int2vector`, `oidvector`: the type of the numbers, and the numbers
    Numbers(Oid, Vec<i64>),
    /// An array
    Array {
        /// The type of the elements.
        element: Oid,
        /// The dimensions, the outermost first; none if it is empty.
        dimensions: Vec<Dimension>,
        /// The elements, the last dimension running fastest.
        elements: Vec<Value>,
    },
}

impl Value {
    /// Reads a value of the type `oid`, whose kind is `kind`, in that kind's format.
    ///
    /// # Errors
    /// If the bytes are no such value, or the type of a range's bounds is not known.
    pub fn decode(kind: Kind, oid: Oid, bytes: &[u8]) -> Coded<Value> {
        decode(kind, oid, bytes, 0)
    }

    /// Appends the value as one of the type `oid`, whose kind is `kind`.
    ///
    /// # Errors
    /// If it does not fit the kind, or is NULL, which has no bytes.
    pub fn encode(&self, kind: Kind, oid: Oid, out: &mut BytesMut) -> Coded {
        match (kind, self) {
            (Kind::Bool, Value::Bool(value)) => number::encode_bool(*value, out),
            (Kind::Int2, Value::Integer(value)) => number::encode_int2(fit(*value)?, out),
            (Kind::Int4, Value::Integer(value)) => number::encode_int4(fit(*value)?, out),
            (Kind::Int8, Value::Integer(value)) => number::encode_int8(*value, out),
            (Kind::Oid, Value::Integer(value)) => number::encode_oid(fit(*value)?, out),
            (Kind::Float4, Value::Float4(value)) => number::encode_float4(*value, out),
            (Kind::Float8, Value::Float8(value)) => number::encode_float8(*value, out),
            (Kind::Numeric, Value::Numeric(value)) => numeric::encode(value, out)?,
            (Kind::Text | Kind::TextArray | Kind::Other, Value::Text(value)) => {
                text::encode(value, out)?;
            }
            (Kind::Versioned, Value::Text(value)) => versioned::encode(value, out)?,
            (Kind::Bytea, Value::Bytea(value)) => bytea::encode(value, out),
            (Kind::Date, Value::Date(value)) => datetime::encode_date(*value, out),
            (Kind::Time, Value::Time(value)) => datetime::encode_time(*value, out),
            (Kind::TimeTz, Value::TimeTz(value)) => value.encode(out)?,
            (Kind::Timestamp, Value::Timestamp(value))
            | (Kind::TimestampTz, Value::TimestampTz(value)) => {
                datetime::encode_timestamp(*value, out);
            }
            (Kind::Interval, Value::Interval(value)) => value.encode(out),
            (Kind::Uuid, Value::Uuid(value)) => uuid::encode(value, out),
            (Kind::Json, Value::Json(value)) => json::encode_json(value.as_bytes(), out),
            (Kind::Jsonb, Value::Json(value)) => json::encode_jsonb(value.as_bytes(), out),
            (Kind::Inet, Value::Inet(value)) => value.encode(false, out)?,
            (Kind::Cidr, Value::Cidr(value)) => value.encode(true, out)?,
            (Kind::Macaddr, Value::Macaddr(value)) => network::encode_mac(*value, out),
            (Kind::Macaddr8, Value::Macaddr8(value)) => network::encode_mac(*value, out),
            (Kind::Bit, Value::Bit(value)) => {
                let (len, bytes) = bits::parse(value)?;
                BitString::new(len, &bytes)?.encode(out)?;
            }
            (Kind::Point, Value::Point(value)) => value.encode(out),
            (Kind::Line, Value::Line(value)) => value.encode(out)?,
            (Kind::Lseg, Value::Lseg(value)) | (Kind::Box, Value::Box(value)) => {
                geometry::encode_pair(*value, out);
            }
            (Kind::Path, Value::Path(is_closed, points)) => {
                geometry::encode_path(*is_closed, points.iter().copied(), out)?;
            }
            (Kind::Polygon, Value::Polygon(points)) => {
                geometry::encode_polygon(points.iter().copied(), out)?;
            }
            (Kind::Circle, Value::Circle(value)) => value.encode(out)?,
            (Kind::Xid8, Value::Xid8(value)) => system::encode_xid8(*value, out),
            (Kind::Lsn, Value::Lsn(value)) => value.encode(out),
            (Kind::Tid, Value::Tid(value)) => value.encode(out),
            (Kind::Snapshot, Value::Snapshot(lowest, next, running)) => {
                Snapshot::encode(*lowest, *next, running.iter().copied(), out)?;
            }
            (Kind::Range, Value::Range(range)) => encode_range(range, oid, out)?,
            (Kind::Multirange, Value::Multirange(ranges)) => {
                Multirange::encode(ranges.iter(), out, |range, out| {
                    encode_range(range, oid, out)
                })?;
            }
            (Kind::Record, Value::Record(fields)) => {
                let mut writer = CompositeWriter::begin(fields.len(), out)?;
                for (oid, value) in fields {
                    match value {
                        Value::Null => writer.null(*oid)?,
                        value => {
                            writer.field(*oid, |out| value.encode(Kind::of(*oid), *oid, out))?
                        }
                    }
                }
                writer.finish()?;
            }
            (Kind::Hstore, Value::Hstore(pairs)) => {
                let mut writer = HstoreWriter::begin(pairs.len(), out)?;
                for (key, value) in pairs {
                    writer.pair(key, value.as_deref())?;
                }
                writer.finish()?;
            }
            (Kind::Vector, Value::Vector(numbers)) => vector::encode(numbers.iter().copied(), out)?,
            (Kind::HalfVector, Value::Vector(numbers)) => {
                vector::encode_half(numbers.iter().copied(), out)?;
            }
            (Kind::SparseVector, Value::SparseVector(dimensions, pairs)) => {
                Sparse::encode(*dimensions, pairs.iter().copied(), out)?;
            }
            (Kind::Array, Value::Numbers(element, numbers)) => {
                let mut writer = ArrayWriter::begin_vector(*element, numbers.len(), out)?;
                for number in numbers {
                    let number = Value::Integer(*number);
                    writer.element(|out| number.encode(Kind::of(*element), *element, out))?;
                }
                writer.finish()?;
            }
            (
                Kind::Array,
                Value::Array {
                    element,
                    dimensions,
                    elements,
                },
            ) => {
                let mut writer = ArrayWriter::begin_at(*element, dimensions, out)?;
                for value in elements {
                    match value {
                        Value::Null => writer.null()?,
                        value => {
                            let kind = Kind::of(*element);
                            writer.element(|out| value.encode(kind, *element, out))?;
                        }
                    }
                }
                writer.finish()?;
            }
            _ => return Err("the value is of another type"),
        }
        Ok(())
    }
}

fn decode(kind: Kind, oid: Oid, bytes: &[u8], depth: usize) -> Coded<Value> {
    if depth > MAX_DEPTH {
        return Err("the value is nested too deeply");
    }
    Ok(match kind {
        Kind::Bool => Value::Bool(number::decode_bool(bytes)?),
        Kind::Int2 => Value::Integer(number::decode_int2(bytes)?.into()),
        Kind::Int4 => Value::Integer(number::decode_int4(bytes)?.into()),
        Kind::Int8 => Value::Integer(number::decode_int8(bytes)?),
        Kind::Oid => Value::Integer(number::decode_oid(bytes)?.into()),
        Kind::Float4 => Value::Float4(number::decode_float4(bytes)?),
        Kind::Float8 => Value::Float8(number::decode_float8(bytes)?),
        Kind::Numeric => {
            let mut out = Vec::new();
            Numeric::decode(bytes)?.write(&mut out);
            Value::Numeric(text::decode(&out)?.to_owned())
        }
        Kind::Text | Kind::TextArray | Kind::Other => Value::Text(text::decode(bytes)?.to_owned()),
        Kind::Versioned => Value::Text(versioned::decode(bytes)?.to_owned()),
        Kind::Bytea => Value::Bytea(bytea::decode(bytes).to_owned()),
        Kind::Date => Value::Date(datetime::decode_date(bytes)?),
        Kind::Time => Value::Time(datetime::decode_time(bytes)?),
        Kind::TimeTz => Value::TimeTz(TimeTz::decode(bytes)?),
        Kind::Timestamp => Value::Timestamp(datetime::decode_timestamp(bytes)?),
        Kind::TimestampTz => Value::TimestampTz(datetime::decode_timestamp(bytes)?),
        Kind::Interval => Value::Interval(Interval::decode(bytes)?),
        Kind::Uuid => Value::Uuid(uuid::decode(bytes)?),
        Kind::Json => Value::Json(text::decode(json::decode_json(bytes))?.to_owned()),
        Kind::Jsonb => Value::Json(text::decode(json::decode_jsonb(bytes)?)?.to_owned()),
        Kind::Inet => Value::Inet(Inet::decode(bytes)?),
        Kind::Cidr => Value::Cidr(Inet::decode(bytes)?),
        Kind::Macaddr => Value::Macaddr(network::decode_mac(bytes)?),
        Kind::Macaddr8 => Value::Macaddr8(network::decode_mac(bytes)?),
        Kind::Bit => Value::Bit(BitString::decode(bytes)?.to_string()),
        Kind::Point => Value::Point(Point::decode(bytes)?),
        Kind::Line => Value::Line(Line::decode(bytes)?),
        Kind::Lseg => Value::Lseg(geometry::decode_pair(bytes)?),
        Kind::Box => Value::Box(geometry::decode_pair(bytes)?),
        Kind::Path => {
            let (is_closed, points) = geometry::decode_path(bytes)?;
            Value::Path(is_closed, points.iter().collect())
        }
        Kind::Polygon => Value::Polygon(geometry::decode_polygon(bytes)?.iter().collect()),
        Kind::Circle => Value::Circle(Circle::decode(bytes)?),
        Kind::Xid8 => Value::Xid8(system::decode_xid8(bytes)?),
        Kind::Lsn => Value::Lsn(Lsn::decode(bytes)?),
        Kind::Tid => Value::Tid(Tid::decode(bytes)?),
        Kind::Snapshot => {
            let snapshot = Snapshot::decode(bytes)?;
            Value::Snapshot(snapshot.lowest, snapshot.next, snapshot.running().collect())
        }
        Kind::Range => Value::Range(Box::new(decode_range(Range::decode(bytes)?, oid, depth)?)),
        Kind::Multirange => {
            let ranges = Multirange::decode(bytes)?;
            let ranges = ranges.map(|range| decode_range(range?, oid, depth));
            Value::Multirange(ranges.collect::<Coded<_>>()?)
        }
        Kind::Record => {
            let fields = Composite::decode(bytes)?.map(|field| {
                let (oid, value) = field?;
                Ok((oid, nullable(oid, value, depth)?))
            });
            Value::Record(fields.collect::<Coded<_>>()?)
        }
        Kind::Hstore => {
            let pairs = Hstore::decode(bytes)?.map(|pair| {
                let (key, value) = pair?;
                Ok((key.to_owned(), value.map(str::to_owned)))
            });
            Value::Hstore(pairs.collect::<Coded<_>>()?)
        }
        Kind::Vector => Value::Vector(vector::decode(bytes)?.collect()),
        Kind::HalfVector => Value::Vector(vector::decode_half(bytes)?.collect()),
        Kind::SparseVector => {
            let sparse = Sparse::decode(bytes)?;
            Value::SparseVector(sparse.dimensions(), sparse.pairs().collect())
        }
        Kind::Array if matches!(oid, INT2_VECTOR | OID_VECTOR) => {
            let array = Array::decode(bytes)?;
            let element = array.element();
            let numbers = array
                .elements()
                .map(|number| match nullable(element, number?, depth)? {
                    Value::Integer(number) => Ok(number),
                    _ => Err("an element of the vector is no number"),
                });
            Value::Numbers(element, numbers.collect::<Coded<_>>()?)
        }
        Kind::Array => {
            let array = Array::decode(bytes)?;
            let element = array.element();
            let elements = array
                .elements()
                .map(|value| nullable(element, value?, depth));
            Value::Array {
                element,
                dimensions: array.dimensions().to_vec(),
                elements: elements.collect::<Coded<_>>()?,
            }
        }
        Kind::Learnt => return Err("the type is described by the catalog alone"),
    })
}

fn nullable(oid: Oid, value: Option<&[u8]>, depth: usize) -> Coded<Value> {
    match value {
        Some(value) => decode(Kind::of(oid), oid, value, depth + 1),
        None => Ok(Value::Null),
    }
}

fn decode_range(range: Range<&[u8]>, oid: Oid, depth: usize) -> Coded<Range<Value>> {
    let of = subtype_of(oid).ok_or(NO_SUBTYPE)?;
    range.try_map(|bound| decode(Kind::of(of), of, bound, depth + 1))
}

fn encode_range(range: &Range<Value>, oid: Oid, out: &mut BytesMut) -> Coded {
    let of = subtype_of(oid).ok_or(NO_SUBTYPE)?;
    range
        .as_ref()
        .encode(out, |bound, out| bound.encode(Kind::of(of), of, out))
}

fn fit<T: TryFrom<i64>>(value: i64) -> Coded<T> {
    value.try_into().map_err(|_| "the number is out of range")
}

const INT2_VECTOR: Oid = 22;
const OID_VECTOR: Oid = 30;
const NO_SUBTYPE: &str = "the type of the bounds is not known";
