//! Owns the parsing of the cold messages of the server (PostgreSQL manual, "Message Formats").
//! Never trusts a length or a count. `Answers` and `startup` call it.

use std::borrow::Cow;

use std::ffi::CStr;

use crate::codec::{Format, Oid};
use crate::error::{DbError, Error, ProtocolError};
use crate::row::{Column, Columns};
use crate::session::Event;

pub(super) const PARSE_COMPLETE: u8 = b'1';
pub(super) const BIND_COMPLETE: u8 = b'2';
pub(super) const CLOSE_COMPLETE: u8 = b'3';
pub(super) const NOTIFICATION: u8 = b'A';
pub(super) const COPY_DONE: u8 = b'c';
pub(super) const COMMAND_COMPLETE: u8 = b'C';
pub(super) const COPY_DATA: u8 = b'd';
pub(super) const DATA_ROW: u8 = b'D';
pub(super) const ERROR: u8 = b'E';
pub(super) const COPY_IN: u8 = b'G';
pub(super) const COPY_OUT: u8 = b'H';
pub(super) const EMPTY_QUERY: u8 = b'I';
pub(super) const BACKEND_KEY: u8 = b'K';
pub(super) const NO_DATA: u8 = b'n';
pub(super) const NOTICE: u8 = b'N';
pub(super) const AUTHENTICATION: u8 = b'R';
pub(super) const PORTAL_SUSPENDED: u8 = b's';
pub(super) const PARAMETER_STATUS: u8 = b'S';
pub(super) const PARAMETER_DESCRIPTION: u8 = b't';
pub(super) const NEGOTIATE_PROTOCOL: u8 = b'v';
pub(super) const ROW_DESCRIPTION: u8 = b'T';
pub(super) const READY: u8 = b'Z';

/// A reader over a message's body that ends instead of panicking.
pub(super) struct Body<'a> {
    rest: &'a [u8],
    message: &'static str,
}

impl<'a> Body<'a> {
    pub(super) fn new(body: &'a [u8], message: &'static str) -> Body<'a> {
        Body {
            rest: body,
            message,
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        match self.rest.split_first_chunk::<N>() {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(*taken)
            }
            None => Err(truncated(self.message)),
        }
    }

    pub(super) fn u8(&mut self) -> Result<u8, Error> {
        self.take::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Error> {
        self.take().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Error> {
        self.take().map(u32::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32, Error> {
        self.take().map(i32::from_be_bytes)
    }

    /// A zero-terminated string. Before login the server may not speak UTF-8 yet.
    pub(super) fn text(&mut self) -> Result<Box<str>, Error> {
        let text = CStr::from_bytes_until_nul(self.rest).map_err(|_| truncated(self.message))?;
        self.rest = self.rest.get(text.count_bytes() + 1..).unwrap_or_default();
        Ok(match text.to_str() {
            Ok(text) => text.into(),
            Err(_) => text.to_string_lossy().into(),
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}

#[cold]
fn truncated(message: &'static str) -> Error {
    ProtocolError {
        state: "parsing a message",
        expected: message,
        got: "a message that ends too early".into(),
    }
    .into()
}

#[cold]
pub(super) fn too_much(message: &'static str) -> Error {
    ProtocolError {
        state: "parsing a message",
        expected: message,
        got: "more than a server has to say".into(),
    }
    .into()
}

pub(super) fn db_error(body: &[u8]) -> Result<DbError, Error> {
    let mut body = Body::new(body, "ErrorResponse");
    let mut fields = Vec::new();
    loop {
        match body.u8()? {
            0 => return Ok(DbError::new(fields)),
            _ if fields.len() == MAX_FIELDS => return Err(too_much("ErrorResponse")),
            code => fields.push((code, body.text()?)),
        }
    }
}

pub(super) fn parameter_types(body: &[u8]) -> Result<Box<[Oid]>, Error> {
    let mut body = Body::new(body, "ParameterDescription");
    let count = body.u16()?;
    let types = (0..count).map(|_| body.u32()).collect::<Result<_, _>>()?;
    Ok(types)
}

/// The columns of a RowDescription. Its format codes are zero for a described statement: `format`
/// says in which format rows will be asked for.
pub(super) fn columns(body: &[u8], format: impl Fn(Oid) -> Format) -> Result<Columns, Error> {
    let mut body = Body::new(body, "RowDescription");
    let count = body.u16()?;
    (0..count)
        .map(|_| {
            let name = body.text()?;
            let _table = body.u32()?;
            let _attribute = body.u16()?;
            let oid = body.u32()?;
            let _size = body.u16()?;
            let modifier = body.i32()?;
            let _format = body.u16()?;
            Ok(Column {
                name,
                oid,
                modifier,
                format: format(oid),
                learnt: None,
            })
        })
        .collect()
}

/// The columns of a statement of our own, all in binary form.
pub(super) fn binary(count: usize) -> Columns {
    let column = |_| Column {
        name: "".into(),
        oid: 0,
        modifier: -1,
        format: Format::Binary,
        learnt: None,
    };
    (0..count).map(column).collect()
}

pub(super) fn text(body: &[u8], message: &'static str) -> Result<Box<str>, Error> {
    Body::new(body, message).text()
}

/// The tag of a CommandComplete. Most are one of a few.
pub(super) fn command_tag(body: &[u8]) -> Result<Cow<'static, str>, Error> {
    const USUAL: [&str; 6] = [
        "SELECT 1",
        "INSERT 0 1",
        "UPDATE 1",
        "DELETE 1",
        "BEGIN",
        "COMMIT",
    ];
    if let Some((0, tag)) = body.split_last()
        && let Some(tag) = USUAL.iter().find(|usual| usual.as_bytes() == tag)
    {
        return Ok(Cow::Borrowed(tag));
    }
    Ok(Cow::Owned(text(body, "CommandComplete")?.into()))
}

pub(super) fn parameter_status(body: &[u8]) -> Result<(Box<str>, Box<str>), Error> {
    let mut body = Body::new(body, "ParameterStatus");
    Ok((body.text()?, body.text()?))
}

/// Who notified, the channel and the payload.
pub(super) fn notification(body: &[u8]) -> Result<Event, Error> {
    let mut body = Body::new(body, "NotificationResponse");
    Ok(Event::Notification {
        process: body.i32()?,
        channel: body.text()?,
        payload: body.text()?,
    })
}

/// Process ID and secret key. Protocol 3.0 has 4 bytes of key; 3.2 may have up to 256.
pub(super) fn backend_key(body: &[u8]) -> Result<(i32, Box<[u8]>), Error> {
    let mut body = Body::new(body, "BackendKeyData");
    let process = body.i32()?;
    if body.is_empty() || body.rest.len() > 256 {
        return Err(truncated("BackendKeyData"));
    }
    Ok((process, body.rest.into()))
}

/// The newest protocol the server speaks, and how many of our options it does not know. The manual
/// has a minor version there, servers send the whole number.
pub(super) fn protocol_version(body: &[u8]) -> Result<(u32, u32), Error> {
    let mut body = Body::new(body, "NegotiateProtocolVersion");
    let newest = body.u32()?;
    let whole = if newest < 0x0001_0000 {
        newest | 0x0003_0000
    } else {
        newest
    };
    Ok((whole, body.u32()?))
}

/// PostgreSQL has 18 fields; each costs more memory than it takes on the wire.
const MAX_FIELDS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_of_a_message_is_an_error_not_a_panic() {
        let mut row = vec![0, 1];
        row.extend(b"id\0\0\0\0\x01\0\x01\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0");
        let error = b"SERROR\0C42P01\0Mno table\0\0";
        assert_eq!(columns(&row, |_| Format::Binary).unwrap()[0].oid, 23);
        assert_eq!(db_error(error).unwrap().sqlstate(), "42P01");
        for cut in 0..row.len() {
            assert!(columns(&row[..cut], |_| Format::Binary).is_err());
        }
        for cut in 0..error.len() {
            assert!(db_error(&error[..cut]).is_err());
        }
        assert!(parameter_types(&[0xff, 0xff, 0, 0, 0, 1]).is_err());
        assert!(backend_key(&[0, 0, 0, 1]).is_err());
    }
}
