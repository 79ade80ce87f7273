//! Owns the text of values, as PostgreSQL writes it with its default settings and UTC.
//! Never reads text. `Value` shows itself by it.

use std::fmt::{self, Display, Formatter};
use std::ops::Bound;

use super::super::array::Dimension;
use super::super::{Civil, Point, Range, Timeline, datetime, network, number, uuid};
use super::Value;

/// As PostgreSQL writes it with DateStyle and IntervalStyle at their defaults and TimeZone UTC.
impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("NULL"),
            Value::Bool(value) => f.write_str(if *value { "t" } else { "f" }),
            Value::Integer(value) => value.fmt(f),
            Value::Float4(value) => f.write_str(&number::float4_text(*value)),
            Value::Float8(value) => f.write_str(&number::float8_text(*value)),
            Value::Numeric(value) | Value::Text(value) | Value::Json(value) | Value::Bit(value) => {
                f.write_str(value)
            }
            Value::Bytea(value) => {
                f.write_str("\\x")?;
                value.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Value::Date(days) => {
                write_timeline(f, days, |days| Civil::from_days(*days).date_text())
            }
            Value::Time(datetime::DAY) => f.write_str("24:00:00"),
            Value::Time(time) => f.write_str(&Civil::from_time(*time).time_text()),
            Value::TimeTz(value) => value.fmt(f),
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
            Value::Inet(value) => value.fmt(f),
            Value::Cidr(value) => write!(f, "{value:#}"),
            Value::Macaddr(value) => f.write_str(&network::mac_text(*value)),
            Value::Macaddr8(value) => f.write_str(&network::mac_text(*value)),
            Value::Point(point) => write!(f, "{}", Shown(point)),
            Value::Line(line) => {
                let [a, b, c] = [line.a, line.b, line.c].map(number::float8_text);
                write!(f, "{{{a},{b},{c}}}")
            }
            Value::Lseg([from, to]) => write!(f, "[{},{}]", Shown(from), Shown(to)),
            Value::Box([high, low]) => write!(f, "{},{}", Shown(high), Shown(low)),
            Value::Path(false, points) => write_list(f, ["[", ",", "]"], points.iter().map(Shown)),
            Value::Path(true, points) | Value::Polygon(points) => {
                write_list(f, ["(", ",", ")"], points.iter().map(Shown))
            }
            Value::Circle(circle) => {
                let radius = number::float8_text(circle.radius);
                write!(f, "<{},{radius}>", Shown(&circle.center))
            }
            Value::Xid8(value) => value.fmt(f),
            Value::Lsn(value) => value.fmt(f),
            Value::Tid(value) => value.fmt(f),
            Value::Snapshot(lowest, next, running) => {
                write!(f, "{lowest}:{next}:")?;
                write_list(f, ["", ",", ""], running.iter())
            }
            Value::Range(range) => write!(f, "{}", Shown(&**range)),
            Value::Multirange(ranges) => write_list(f, ["{", ",", "}"], ranges.iter().map(Shown)),
            Value::Record(fields) => {
                let fields = fields.iter().map(|(_, value)| match value {
                    Value::Null => String::new(),
                    value => doubled(&value.to_string(), "(),"),
                });
                write_list(f, ["(", ",", ")"], fields)
            }
            Value::Hstore(pairs) => {
                let pairs = pairs.iter().map(|(key, value)| match value {
                    Some(value) => format!("{}=>{}", escaped(key), escaped(value)),
                    None => format!("{}=>NULL", escaped(key)),
                });
                write_list(f, ["", ", ", ""], pairs)
            }
            Value::Vector(numbers) => {
                let numbers = numbers.iter().map(|number| number::float4_text(*number));
                write_list(f, ["[", ",", "]"], numbers)
            }
            Value::SparseVector(dimensions, pairs) => {
                let pairs = pairs.iter().map(|(index, number)| {
                    format!(
                        "{}:{}",
                        index.saturating_add(1),
                        number::float4_text(*number)
                    )
                });
                write_list(f, ["{", ",", "}"], pairs)?;
                write!(f, "/{dimensions}")
            }
            Value::Numbers(_, numbers) => write_list(f, ["", " ", ""], numbers.iter()),
            Value::Array {
                dimensions,
                elements,
                ..
            } => {
                if elements.is_empty() {
                    return f.write_str("{}");
                }
                if dimensions.iter().any(|dimension| dimension.lower != 1) {
                    for Dimension { length, lower } in dimensions {
                        let length = i64::try_from(*length).unwrap_or(i64::MAX);
                        let upper = i64::from(*lower).saturating_add(length) - 1;
                        write!(f, "[{lower}:{upper}]")?;
                    }
                    f.write_str("=")?;
                }
                write_nested(f, dimensions, &mut elements.iter())
            }
        }
    }
}

/// A part of a value that has a text of its own.
struct Shown<'a, T>(&'a T);

impl Display for Shown<'_, Point> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let [x, y] = [self.0.x, self.0.y].map(number::float8_text);
        write!(f, "({x},{y})")
    }
}

impl Display for Shown<'_, Range<Value>> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Range::Between(lower, upper) = self.0 else {
            return f.write_str("empty");
        };
        let quoted = |value: &Value| doubled(&value.to_string(), "()[],");
        match lower {
            Bound::Included(value) => write!(f, "[{},", quoted(value))?,
            Bound::Excluded(value) => write!(f, "({},", quoted(value))?,
            Bound::Unbounded => f.write_str("(,")?,
        }
        match upper {
            Bound::Included(value) => write!(f, "{}]", quoted(value)),
            Bound::Excluded(value) => write!(f, "{})", quoted(value)),
            Bound::Unbounded => f.write_str(")"),
        }
    }
}

fn write_list(
    f: &mut Formatter<'_>,
    [begin, between, end]: [&str; 3],
    items: impl Iterator<Item = impl Display>,
) -> fmt::Result {
    f.write_str(begin)?;
    for (index, item) in items.enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        write!(f, "{item}")?;
    }
    f.write_str(end)
}

fn write_timeline<T>(
    f: &mut Formatter<'_>,
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
    f: &mut Formatter<'_>,
    dimensions: &[Dimension],
    elements: &mut std::slice::Iter<'_, Value>,
) -> fmt::Result {
    let Some((Dimension { length, .. }, inner)) = dimensions.split_first() else {
        return match elements.next() {
            Some(Value::Null) | None => f.write_str("NULL"),
            Some(value) => f.write_str(&array_element(value)),
        };
    };
    // The one type whose arrays have another delimiter (`pg_type.typdelim`).
    let between = match elements.as_slice().first() {
        Some(Value::Box(_)) => ";",
        _ => ",",
    };
    f.write_str("{")?;
    for index in 0..*length {
        if index > 0 {
            f.write_str(between)?;
        }
        write_nested(f, inner, elements)?;
    }
    f.write_str("}")
}

/// Quotes what would not be read back as one element (PostgreSQL manual, "Arrays").
fn array_element(value: &Value) -> String {
    let text = value.to_string();
    let delimiter = if matches!(value, Value::Box(_)) {
        ';'
    } else {
        ','
    };
    let special = |c: char| is_space(c) || "{}\"\\".contains(c) || c == delimiter;
    if text.is_empty() || text.eq_ignore_ascii_case("null") || text.contains(special) {
        escaped(&text)
    } else {
        text
    }
}

/// Quotes for an array or hstore: backslashes in front.
fn escaped(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        if c == '"' || c == '\\' {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// Quotes for a record or range if need be: quotes and backslashes doubled (PostgreSQL manual,
/// "Composite Types" and "Range Types").
fn doubled(text: &str, special: &str) -> String {
    let special = |c: char| is_space(c) || c == '"' || c == '\\' || special.contains(c);
    if !text.is_empty() && !text.contains(special) {
        return text.to_owned();
    }
    let mut quoted = String::from('"');
    for c in text.chars() {
        if c == '"' || c == '\\' {
            quoted.push(c);
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// What C's `isspace` says.
fn is_space(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\x0b'
}
