//! Owns the reading of values. A value in text form, or of a type without a Rust type of its own,
//! is given to strings only.

use std::any::type_name as rust_type;
use std::sync::OnceLock;

use gino_core::codec::{Format, Kind, Numeric, Value, type_name, uuid};
use gino_core::error::{CodecError, Result};
use gino_core::row::Column;
use postgres_types::{FromSql, Type, WasNull};

use super::host::type_for;
use super::learnt::type_of;
use super::{has_text_form, has_text_form_of, is_text, known, labels_of};

/// The text of a value that came in binary form, made when it is asked for.
pub(crate) type Text = OnceLock<Box<str>>;

/// Reads the value of `column`; `text` gives the place where its text form is kept.
///
/// # Errors
/// A `CodecError` that names column, SQL type and Rust type.
pub(crate) fn decode<'a, T: FromSql<'a>>(
    column: &Column,
    value: Option<&'a [u8]>,
    text: impl FnOnce() -> Option<&'a Text>,
) -> Result<T> {
    let refused = |reason: String| refused::<T>(column, reason);
    let outcome = match own_type(column) {
        Some(ty) if T::accepts(&ty) => T::from_sql_nullable(&ty, value),
        // What is known of the type may be out of date, and only values tell.
        Some(ty) if column.learnt.is_some() && value.is_none() => T::from_sql_null(&ty),
        _ if T::accepts(&Type::TEXT) && may_be_string(column) => {
            let value = match value {
                Some(value) if column.format == Format::Binary => {
                    let place = text().ok_or_else(|| refused("there is no such value".into()))?;
                    let made = match place.get() {
                        Some(made) => made,
                        None => {
                            let made = text_form(column, value).map_err(|e| refused(e.into()))?;
                            place.get_or_init(|| made)
                        }
                    };
                    Some(made.as_bytes())
                }
                value => value,
            };
            T::from_sql_nullable(&Type::TEXT, value)
        }
        _ => {
            // The type may be another by now: the next statement will know.
            column.learnt.iter().for_each(|of| of.doubt());
            return Err(refused(way_out(column)).into());
        }
    };
    outcome.map_err(|cause| match cause.is::<WasNull>() {
        true => refused("it is NULL, which only an Option can hold".into()).into(),
        false => refused(cause.to_string()).into(),
    })
}

/// The column's type, if its values come in the form that `postgres-types` reads.
pub(crate) fn own_type(column: &Column) -> Option<Type> {
    let ty = match &column.learnt {
        Some(of) => type_of(of),
        None => known(column.oid)?,
    };
    // Text looks the same in both forms, and of `money` it is the text that `Money` reads.
    let is_readable = column.format == Format::Binary || is_text(&ty) || ty == Type::MONEY;
    is_readable.then_some(ty)
}

fn may_be_string(column: &Column) -> bool {
    match &column.learnt {
        Some(of) => has_text_form_of(of),
        None => has_text_form(column.oid),
    }
}

fn way_out(column: &Column) -> String {
    let labels = column.learnt.as_deref().and_then(labels_of);
    let ty = type_for(column.oid);
    match (labels, own_type(column)) {
        (Some(labels), _) => labels,
        (None, None) => "its values come as text: read it as a String".to_owned(),
        (None, Some(_)) if may_be_string(column) => {
            format!("read it as {ty}, or as a String in the server's text form")
        }
        (None, Some(_)) => format!("read it as {ty}"),
    }
}

fn text_form(column: &Column, value: &[u8]) -> std::result::Result<Box<str>, &'static str> {
    if let Some(of) = &column.learnt {
        return Ok(of.value(value)?.to_string().into());
    }
    let utf8 = |bytes: &[u8]| std::str::from_utf8(bytes).map(Box::from);
    match Kind::of(column.oid) {
        Kind::Numeric => {
            let mut out = Vec::new();
            Numeric::decode(value)?.write(&mut out);
            utf8(&out)
        }
        Kind::Uuid => return Ok(uuid::format(&uuid::decode(value)?).into()),
        Kind::Jsonb => utf8(gino_core::codec::json::decode_jsonb(value)?),
        Kind::Json => utf8(value),
        kind => return Ok(Value::decode(kind, column.oid, value)?.to_string().into()),
    }
    .map_err(|_| "the text is not UTF-8")
}

#[cold]
fn refused<T>(column: &Column, reason: String) -> CodecError {
    CodecError {
        place: format!("column \"{}\"", column.name),
        sql_type: match &column.learnt {
            Some(of) => of.full_name.to_string().into(),
            None => type_name(column.oid),
        },
        host_type: rust_type::<T>().into(),
        reason: reason.into(),
    }
}
