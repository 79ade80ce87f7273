//! Owns records as the data of a binary COPY (PostgreSQL manual, "COPY", "Binary Format").
//! Never sends anything: `copy` does.

use bytes::{BufMut, BytesMut};
use gino_core::codec::{Format, Kind, type_name};
use gino_core::error::Result;
use gino_core::row::{Column, Columns};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::decode::NO_BINARY;
use crate::encode;
use crate::fault::host;
use crate::graft;

/// What the data begins with: the signature, no flags, no extension.
pub(crate) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// What it ends with, in place of a record's number of values.
pub(crate) const TRAILER: &[u8] = &[0xff, 0xff];

/// Appends a record, a sequence with a value for each of `types`. `number` is its place in messages.
///
/// # Errors
/// A value that does not fit, or has no binary form; another number of values; what Python raised.
pub(crate) fn append(
    record: &Bound<'_, PyAny>,
    number: usize,
    types: &Columns,
    out: &mut BytesMut,
) -> Result<()> {
    let count = i16::try_from(types.len()).map_err(|_| host(too_many(types.len())))?;
    out.put_i16(count);
    let mut values = record.try_iter().map_err(host)?;
    for (index, column) in types.iter().enumerate() {
        let Some(value) = values.next() else {
            return Err(host(wrong_count(number, types.len(), index)));
        };
        append_value(&value.map_err(host)?, (number, index), column, out)?;
    }
    match values.count() {
        0 => Ok(()),
        more => Err(host(wrong_count(number, types.len(), types.len() + more))),
    }
}

fn append_value(
    value: &Bound<'_, PyAny>,
    (number, index): (usize, usize),
    column: &Column,
    out: &mut BytesMut,
) -> Result<()> {
    if value.is_none() {
        out.put_i32(-1);
        return Ok(());
    }
    let at = out.len();
    out.put_i32(0);
    let kind = Kind::of(column.oid);
    let encoded = match &column.learnt {
        Some(of) => graft::encode(of, Format::Binary, value, out),
        None if kind.format() == Format::Text => Err(NO_BINARY.into()),
        None => encode::encode(kind, column.oid, value, out),
    };
    let length = i32::try_from(out.len() - at - 4);
    match (encoded, length, out.get_mut(at..at + 4)) {
        (Ok(()), Ok(length), Some(place)) => {
            place.copy_from_slice(&length.to_be_bytes());
            Ok(())
        }
        (encoded, ..) => {
            let fault = encoded.err();
            let fault = fault.unwrap_or_else(|| "it is too large".into());
            let place = format!("column {} of record {}", index + 1, number + 1);
            let name = value.get_type().name();
            let host_type = name.map_or_else(|_| "object".into(), |name| name.to_string());
            let name = match &column.learnt {
                Some(of) => of.full_name.to_string().into(),
                None => type_name(column.oid),
            };
            Err(fault.at(place, name, host_type.into()))
        }
    }
}

#[cold]
fn wrong_count(number: usize, expected: usize, given: usize) -> PyErr {
    PyValueError::new_err(format!(
        "record {} has {given} values, the table's columns are {expected}",
        number + 1
    ))
}

#[cold]
fn too_many(columns: usize) -> PyErr {
    PyValueError::new_err(format!("{columns} columns are more than a table has"))
}
