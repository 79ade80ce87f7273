//! Owns values on their way through a sea-query statement: what sea-query has no word for travels as
//! the bytes it will have on the wire, with the type they were made for. Never guesses a type: where
//! the server wants another one, that is an error. `sql_type` and `expr` put values in, what runs
//! statements takes them out.

use std::error::Error as StdError;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use bytes::BytesMut;
use gino_core::error::{Error, Result, UsageError};
use gino_core::session::{ParamType, Params, Sql, Written};
use postgres_types::{Format, IsNull, Kind, ToSql, Type, WrongType};
use sea_query::{PostgresQueryBuilder, QueryBuilder, SqlWriter, Value};

use crate::value::write;

/// `value` as bytes of `ty`, in a form that a sea-query statement can carry.
pub(crate) fn encoded(value: &dyn ToSql, ty: &Type) -> Value {
    let mut out = BytesMut::new();
    match value.to_sql_checked(ty, &mut out) {
        Ok(IsNull::Yes) => null(),
        Ok(IsNull::No) => carried(ty.oid(), &out),
        Err(error) => refused(&error.to_string()),
    }
}

/// In place of a value that cannot be sent: the statement is refused for this reason.
pub(crate) fn refused(reason: &str) -> Value {
    carried(FAILED, reason.as_bytes())
}

/// NULL of any type.
pub(crate) fn null() -> Value {
    carried(NULL, &[])
}

/// Bytes of the type `oid` as sea-query's bytes, behind a mark that nobody else can make: it is
/// random, and leaves the process as little as the statement does. Bytes of the application's own
/// are carried too, so that they cannot be taken for a mark.
fn carried(oid: u32, bytes: &[u8]) -> Value {
    let mut letter = Vec::with_capacity(HEAD + bytes.len());
    letter.extend_from_slice(mark());
    letter.extend_from_slice(&oid.to_be_bytes());
    letter.extend_from_slice(bytes);
    Value::Bytes(Some(letter))
}

/// Stands where the type does, if there is only a reason why a value cannot be sent.
const FAILED: u32 = 0;

/// Stands where the type does, for NULL.
const NULL: u32 = u32::MAX;

/// The mark and the type.
const HEAD: usize = 16 + 4;

fn mark() -> &'static [u8; 16] {
    static MADE: OnceLock<[u8; 16]> = OnceLock::new();
    MADE.get_or_init(|| {
        let random = |seed: u8| RandomState::new().hash_one(seed).to_be_bytes();
        let mut mark = [0; 16];
        mark.iter_mut()
            .zip([random(0), random(1)].as_flattened())
            .for_each(|(at, of)| *at = *of);
        mark
    })
}

/// A parameter of a statement that is ready to run.
#[derive(Debug)]
pub(crate) enum Param {
    Sea(Value),
    Null,
    Carried(Carried),
    Integer(Integer),
}

#[derive(Debug)]
pub(crate) struct Carried {
    oid: u32,
    bytes: Vec<u8>,
}

impl Param {
    pub(crate) fn new(value: Value) -> Result<Param> {
        Ok(match value {
            Value::Bytes(Some(bytes)) => match bytes.strip_prefix(mark().as_slice()) {
                Some(letter) => return Param::opened(letter),
                None => Param::Sea(Value::Bytes(Some(bytes))),
            },
            Value::TinyInt(Some(value)) => Param::Integer(value.into()),
            Value::TinyUnsigned(Some(value)) => Param::Integer(value.into()),
            Value::SmallUnsigned(Some(value)) => Param::Integer(value.into()),
            Value::Unsigned(Some(value)) => Param::Integer(value.into()),
            Value::BigUnsigned(Some(value)) => match i64::try_from(value) {
                Ok(value) => Param::Integer(value.into()),
                Err(_) => return Err(UsageError::Value(format!("{value} is not an int8")).into()),
            },
            Value::Char(Some(value)) => Param::Sea(Value::String(Some(value.to_string()))),
            Value::TinyInt(None)
            | Value::TinyUnsigned(None)
            | Value::SmallUnsigned(None)
            | Value::Unsigned(None)
            | Value::BigUnsigned(None)
            | Value::Char(None) => Param::Null,
            other => Param::Sea(other),
        })
    }

    fn opened(letter: &[u8]) -> Result<Param> {
        let Some((oid, bytes)) = letter.split_first_chunk() else {
            return Ok(Param::Null);
        };
        match u32::from_be_bytes(*oid) {
            NULL => Ok(Param::Null),
            FAILED => Err(UsageError::Value(String::from_utf8_lossy(bytes).into()).into()),
            oid => Ok(Param::Carried(Carried {
                oid,
                bytes: bytes.into(),
            })),
        }
    }

    /// As a parameter.
    pub(crate) fn as_sql(&self) -> Result<&(dyn ToSql + Sync)> {
        Ok(match self {
            Param::Null => &None::<Null>,
            Param::Carried(carried) => carried,
            Param::Integer(integer) => integer,
            Param::Sea(Value::Bool(value)) => value,
            Param::Sea(Value::SmallInt(value)) => value,
            Param::Sea(Value::Int(value)) => value,
            Param::Sea(Value::BigInt(value)) => value,
            Param::Sea(Value::Float(value)) => value,
            Param::Sea(Value::Double(value)) => value,
            Param::Sea(Value::String(value)) => value,
            Param::Sea(Value::Bytes(value)) => value,
            Param::Sea(other) => {
                return Err(UsageError::Value(format!(
                    "PostgreSQL has no type for the sea-query value {other:?}: \
                     write it as gino::value(…)"
                ))
                .into());
            }
        })
    }
}

/// NULL, whatever the type.
#[derive(Debug)]
struct Null;

impl ToSql for Null {
    fn to_sql(&self, _: &Type, _: &mut BytesMut) -> Outcome {
        Ok(IsNull::Yes)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    postgres_types::to_sql_checked!();
}

pub(crate) type Outcome = std::result::Result<IsNull, Box<dyn StdError + Sync + Send>>;

impl ToSql for Carried {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Outcome {
        let (own, wanted) = (self.oid, ty.oid());
        let (json, jsonb) = (Type::JSON.oid(), Type::JSONB.oid());
        if own == wanted || (is_text(own) && is_text(wanted)) {
            out.extend_from_slice(&self.bytes);
        } else if own == jsonb && wanted == json {
            // A jsonb begins with its version (PostgreSQL source, jsonb_send).
            out.extend_from_slice(self.bytes.get(1..).unwrap_or_default());
        } else if let (Some(member), Some((head, rest))) =
            (labels(ty), self.bytes.split_at_checked(8))
            && own == Type::TEXT_ARRAY.oid()
        {
            // PostgreSQL source, array_send: dimensions, flags, the type of the elements. Labels are
            // texts.
            out.extend_from_slice(head);
            out.extend_from_slice(&member.to_be_bytes());
            out.extend_from_slice(rest.get(4..).unwrap_or_default());
        } else if is_text(wanted) {
            return Err(WrongType::new::<Carried>(ty.clone()).into());
        } else {
            let own = Type::from_oid(own)
                .map(|ty| ty.to_string())
                .unwrap_or_default();
            return Err(format!("the value was made for {own}; cast one of the two").into());
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(&self, ty: &Type, out: &mut BytesMut) -> Outcome {
        self.to_sql(ty, out)
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Binary
    }
}

/// An integer of which sea-query says no more than that: a limit, or a plain sea-query statement's.
#[derive(Debug)]
pub(crate) struct Integer(i64);

impl<T: Into<i64>> From<T> for Integer {
    fn from(value: T) -> Integer {
        Integer(value.into())
    }
}

impl ToSql for Integer {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Outcome {
        match *ty {
            Type::INT2 => i16::try_from(self.0)?.to_sql(ty, out),
            Type::INT4 => i32::try_from(self.0)?.to_sql(ty, out),
            Type::OID => u32::try_from(self.0)?.to_sql(ty, out),
            _ => self.0.to_sql(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::INT2 | Type::INT4 | Type::INT8 | Type::OID)
    }

    postgres_types::to_sql_checked!();
}

/// The elements' type of an array of an enumerated type.
fn labels(ty: &Type) -> Option<u32> {
    match ty.kind() {
        Kind::Array(member) => matches!(member.kind(), Kind::Enum(_)).then(|| member.oid()),
        _ => None,
    }
}

fn is_text(oid: u32) -> bool {
    let is_text = |ty| matches!(ty, Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME);
    Type::from_oid(oid).is_some_and(is_text)
}

/// A statement that is ready to run.
pub(crate) struct Built {
    pub(crate) sql: Sql,
    params: Vec<Param>,
}

impl Built {
    /// What `write` writes with sea-query's PostgreSQL backend.
    ///
    /// # Errors
    /// A value that could not be encoded.
    pub(crate) fn new(write: impl FnOnce(&mut Writer)) -> Result<Built> {
        let mut writer = Writer {
            sql: String::with_capacity(ROOM),
            params: Vec::with_capacity(4),
            refused: None,
        };
        write(&mut writer);
        match writer.refused {
            Some(error) => Err(error),
            None => Ok(Built {
                sql: Sql::from(writer.sql),
                params: writer.params,
            }),
        }
    }

    /// How many parameters it has.
    pub(crate) fn count(&self) -> usize {
        self.params.len()
    }
}

impl Params for Built {
    fn len(&self, _set: usize) -> usize {
        self.params.len()
    }

    fn encode(
        &self,
        _set: usize,
        index: usize,
        of: ParamType<'_>,
        out: &mut BytesMut,
    ) -> Result<Written> {
        let value = self.params.get(index).map(Param::as_sql).transpose()?;
        write(value, index, of, out)
    }
}

/// Collects a statement's text and its parameters.
pub(crate) struct Writer {
    sql: String,
    params: Vec<Param>,
    /// Why the first of the values that cannot be sent cannot.
    refused: Option<Error>,
}

/// In bytes: most statements of models fit.
const ROOM: usize = 512;

impl Writer {
    fn number(&mut self, number: usize) {
        if number > 9 {
            self.number(number / 10);
        }
        let digit = u32::try_from(number % 10).ok();
        if let Some(digit) = digit.and_then(|digit| char::from_digit(digit, 10)) {
            self.sql.push(digit);
        }
    }
}

impl std::fmt::Write for Writer {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.sql.push_str(text);
        Ok(())
    }

    fn write_char(&mut self, letter: char) -> std::fmt::Result {
        self.sql.push(letter);
        Ok(())
    }
}

impl std::fmt::Display for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.sql)
    }
}

impl SqlWriter for Writer {
    fn push_param<T: QueryBuilder>(&mut self, value: Value, _: &T) {
        // A limit is written out: where the planner does not see it, its generic plan is made for a
        // tenth of all rows (PostgreSQL source, preprocess_limit), looks dear, and the
        // query is planned anew each time.
        if let Value::BigUnsigned(Some(limit)) = value
            && self.sql.ends_with(" LIMIT ")
            && let Ok(limit) = isize::try_from(limit)
        {
            return self.number(limit.unsigned_abs());
        }
        match Param::new(value) {
            Ok(param) => self.params.push(param),
            Err(error) => self.refused = self.refused.take().or(Some(error)),
        }
        self.sql.push('$');
        self.number(self.params.len());
    }

    fn as_writer(&mut self) -> &mut dyn std::fmt::Write {
        self
    }
}

/// The dialect.
pub(crate) const POSTGRES: PostgresQueryBuilder = PostgresQueryBuilder;
