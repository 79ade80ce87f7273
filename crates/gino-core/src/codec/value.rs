//! Owns a host-neutral value of any decoded type. Never on a hot path: faces decode with the
//! families' functions. Tests, tools and tables use it.

use std::fmt;

use bytes::BytesMut;

use super::array::{Array, ArrayWriter, Dimension};
use super::{
    Civil, Coded, Interval, Kind, Numeric, Oid, Timeline, bytea, datetime, json, number, numeric,
    text, uuid,
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
    /// Reads a value of a kind, in that kind's format.
    ///
    /// # Errors
    /// If the bytes are no such value.
    pub fn decode(kind: Kind, bytes: &[u8]) -> Coded<Value> {
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
            Kind::Text | Kind::Other => Value::Text(text::decode(bytes)?.to_owned()),
            Kind::Bytea => Value::Bytea(bytea::decode(bytes).to_owned()),
            Kind::Date => Value::Date(datetime::decode_date(bytes)?),
            Kind::Time => Value::Time(datetime::decode_time(bytes)?),
            Kind::Timestamp => Value::Timestamp(datetime::decode_timestamp(bytes)?),
            Kind::TimestampTz => Value::TimestampTz(datetime::decode_timestamp(bytes)?),
            Kind::Interval => Value::Interval(Interval::decode(bytes)?),
            Kind::Uuid => Value::Uuid(uuid::decode(bytes)?),
            Kind::Json => Value::Json(text::decode(json::decode_json(bytes))?.to_owned()),
            Kind::Jsonb => Value::Json(text::decode(json::decode_jsonb(bytes)?)?.to_owned()),
            Kind::Array => {
                let array = Array::decode(bytes)?;
                let kind = Kind::of(array.element());
                let mut elements = Vec::with_capacity(array.len().min(bytes.len() / 4));
                for element in array.elements() {
                    elements.push(match element? {
                        Some(element) => Value::decode(kind, element)?,
                        None => Value::Null,
                    });
                }
                let dimensions = array.dimensions().to_vec();
                Value::Array {
                    element: array.element(),
                    dimensions,
                    elements,
                }
            }
        })
    }

    /// Appends the value as one of a kind. Lower bounds of arrays become 1.
    ///
    /// # Errors
    /// If it does not fit the kind, or is NULL, which has no bytes.
    pub fn encode(&self, kind: Kind, out: &mut BytesMut) -> Coded {
        match (kind, self) {
            (Kind::Bool, Value::Bool(value)) => number::encode_bool(*value, out),
            (Kind::Int2, Value::Integer(value)) => number::encode_int2(fit(*value)?, out),
            (Kind::Int4, Value::Integer(value)) => number::encode_int4(fit(*value)?, out),
            (Kind::Int8, Value::Integer(value)) => number::encode_int8(*value, out),
            (Kind::Oid, Value::Integer(value)) => number::encode_oid(fit(*value)?, out),
            (Kind::Float4, Value::Float4(value)) => number::encode_float4(*value, out),
            (Kind::Float8, Value::Float8(value)) => number::encode_float8(*value, out),
            (Kind::Numeric, Value::Numeric(value)) => numeric::encode(value, out)?,
            (Kind::Text | Kind::Other, Value::Text(value)) => text::encode(value, out)?,
            (Kind::Bytea, Value::Bytea(value)) => bytea::encode(value, out),
            (Kind::Date, Value::Date(value)) => datetime::encode_date(*value, out),
            (Kind::Time, Value::Time(value)) => datetime::encode_time(*value, out),
            (Kind::Timestamp, Value::Timestamp(value))
            | (Kind::TimestampTz, Value::TimestampTz(value)) => {
                datetime::encode_timestamp(*value, out);
            }
            (Kind::Interval, Value::Interval(value)) => value.encode(out),
            (Kind::Uuid, Value::Uuid(value)) => uuid::encode(value, out),
            (Kind::Json, Value::Json(value)) => json::encode_json(value.as_bytes(), out),
            (Kind::Jsonb, Value::Json(value)) => json::encode_jsonb(value.as_bytes(), out),
            (
                Kind::Array,
                Value::Array {
                    element,
                    dimensions,
                    elements,
                },
            ) => {
                let lengths: Vec<_> = dimensions
                    .iter()
                    .map(|dimension| dimension.length)
                    .collect();
                let mut writer = ArrayWriter::begin(*element, &lengths, out)?;
                for value in elements {
                    match value {
                        Value::Null => writer.null()?,
                        value => writer.element(|out| value.encode(Kind::of(*element), out))?,
                    }
                }
                writer.finish()?;
            }
            _ => return Err("the value is of another type"),
        }
        Ok(())
    }
}

fn fit<T: TryFrom<i64>>(value: i64) -> Coded<T> {
    value.try_into().map_err(|_| "the number is out of range")
}

/// As PostgreSQL writes it (DateStyle ISO, time zone UTC), but for intervals and exponents of floats.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("NULL"),
            Value::Bool(value) => value.fmt(f),
            Value::Integer(value) => value.fmt(f),
            Value::Float4(value) => write_float(f, value.is_infinite(), format!("{value:?}")),
            Value::Float8(value) => write_float(f, value.is_infinite(), format!("{value:?}")),
            Value::Numeric(value) | Value::Text(value) | Value::Json(value) => f.write_str(value),
            Value::Bytea(value) => {
                f.write_str("\\x")?;
                value.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Value::Date(days) => {
                write_timeline(f, days, |days| Civil::from_days(*days).date_text())
            }
            Value::Time(datetime::DAY) => f.write_str("24:00:00"),
            Value::Time(time) => f.write_str(&Civil::from_time(*time).time_text()),
            Value::Timestamp(micros) => {
                write_timeline(f, micros, |micros| Civil::from_micros(*micros).to_string())
            }
            Value::TimestampTz(micros) => write_timeline(f, micros, |micros| {
                let text = Civil::from_micros(*micros).to_string();
                match text.strip_suffix(" BC") {
                    Some(text) => format!("{text}+00 BC"),
                    None => format!("{text}+00"),
                }
            }),
            Value::Interval(value) => value.fmt(f),
            Value::Uuid(value) => f.write_str(&uuid::format(value)),
            Value::Array {
                dimensions,
                elements,
                ..
            } => {
                if dimensions.iter().any(|dimension| dimension.lower != 1) {
                    for Dimension { length, lower } in dimensions {
                        let length = i64::try_from(*length).unwrap_or(i64::MAX);
                        write!(
                            f,
                            "[{lower}:{}]",
                            i64::from(*lower).saturating_add(length) - 1
                        )?;
                    }
                    f.write_str("=")?;
                }
                if dimensions.is_empty() {
                    return f.write_str("{}");
                }
                write_nested(f, dimensions, &mut elements.iter())
            }
        }
    }
}

fn write_float(f: &mut fmt::Formatter<'_>, infinite: bool, text: String) -> fmt::Result {
    f.write_str(
        text.strip_suffix(".0")
            .unwrap_or(&text)
            .trim_end_matches("inf"),
    )?;
    if infinite {
        f.write_str("Infinity")
    } else {
        Ok(())
    }
}

fn write_timeline<T>(
    f: &mut fmt::Formatter<'_>,
    value: &Timeline<T>,
    finite: impl Fn(&T) -> String,
) -> fmt::Result {
    match value {
        Timeline::MinusInfinity => f.write_str("-infinity"),
        Timeline::At(value) => f.write_str(&finite(value)),
        Timeline::Infinity => f.write_str("infinity"),
    }
}

fn write_nested(
    f: &mut fmt::Formatter<'_>,
    dimensions: &[Dimension],
    elements: &mut std::slice::Iter<'_, Value>,
) -> fmt::Result {
    let Some((Dimension { length, .. }, inner)) = dimensions.split_first() else {
        return match elements.next() {
            Some(Value::Null) | None => f.write_str("NULL"),
            Some(value) => write_quoted(f, &value.to_string()),
        };
    };
    f.write_str("{")?;
    for index in 0..*length {
        if index > 0 {
            f.write_str(",")?;
        }
        write_nested(f, inner, elements)?;
    }
    f.write_str("}")
}

/// Quotes what would not be read back as one element (PostgreSQL manual, "Arrays").
fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let special = |c: char| c.is_ascii_whitespace() || "{},\"\\".contains(c);
    if !text.is_empty() && !text.eq_ignore_ascii_case("null") && !text.contains(special) {
        return f.write_str(text);
    }
    f.write_str("\"")?;
    for c in text.chars() {
        if c == '"' || c == '\\' {
            f.write_str("\\")?;
        }
        write!(f, "{c}")?;
    }
    f.write_str("\"")
}
