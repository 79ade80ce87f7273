//! Owns the writing of requests as messages. Calls into the host's parameters, so never under a lock.

use bytes::{BufMut, BytesMut};
use postgres_protocol::message::frontend;

use super::introspect;
use super::stage::Stage;
use crate::codec::Format;
use crate::error::{Error, Leaf, ProtocolError, Result, UsageError};
use crate::row::Columns;
use crate::session::{Feed, Known, Params, Request, Statement, Written};

/// Appends the messages of `request`, and says what its answer begins with. `name` names the
/// statement that a Prepare makes.
pub(super) fn encode(request: &Request<'_>, name: &str, out: &mut BytesMut) -> Result<Stage> {
    match request {
        Request::Prepare(sql) => prepare(sql.as_str(), name, out),
        Request::Execute {
            statement,
            params,
            max_rows,
        } => {
            if params.sets() == 0 {
                frontend::sync(out);
                return Ok(Stage::Ready);
            }
            let first = reparse(statement, out)?;
            for set in 0..params.sets() {
                bind("", statement, *params, set, out)?;
                execute("", *max_rows, out)?;
            }
            frontend::sync(out);
            Ok(first)
        }
        Request::Types { oids, all } => {
            let statement = introspect::question(*all);
            open("", &statement, &introspect::Asked(oids, *all), 0, out)
        }
        Request::Script(sql) => {
            query(sql, out)?;
            Ok(Stage::Script)
        }
        Request::CopyIn { sql, .. } => {
            query(sql, out)?;
            Ok(Stage::Feed)
        }
        Request::Open {
            portal,
            statement,
            params,
            max_rows,
        } => open(portal, statement, *params, *max_rows, out),
        Request::Fetch {
            portal, max_rows, ..
        } => {
            execute(portal, *max_rows, out)?;
            frontend::sync(out);
            Ok(Stage::Rows)
        }
        Request::Close { portal } => {
            frontend::close(b'P', portal, out).map_err(|_| zero_byte())?;
            frontend::sync(out);
            Ok(Stage::Close)
        }
    }
}

#[cold]
fn prepare(sql: &str, name: &str, out: &mut BytesMut) -> Result<Stage> {
    frontend::parse(name, sql, [], out).map_err(|_| zero_byte())?;
    frontend::describe(b'S', name, out).map_err(|_| zero_byte())?;
    frontend::sync(out);
    Ok(Stage::Parse)
}

#[cold]
fn open(
    portal: &str,
    statement: &Statement,
    params: &dyn Params,
    max_rows: u32,
    out: &mut BytesMut,
) -> Result<Stage> {
    let first = reparse(statement, out)?;
    bind(portal, statement, params, 0, out)?;
    execute(portal, max_rows, out)?;
    frontend::sync(out);
    Ok(first)
}

#[cold]
fn query(sql: &str, out: &mut BytesMut) -> Result<()> {
    frontend::query(sql, out).map_err(|_| zero_byte())
}

/// The unnamed statement may have been replaced meanwhile: it goes along each time.
fn reparse(statement: &Statement, out: &mut BytesMut) -> Result<Stage> {
    if !statement.name.is_empty() {
        return Ok(Stage::Bind);
    }
    let types = statement.params.iter().copied();
    frontend::parse("", statement.sql.as_str(), types, out).map_err(|_| zero_byte())?;
    Ok(Stage::Reparse)
}

/// Closes a statement that left the cache.
pub(super) fn close_statement(statement: &Statement, out: &mut BytesMut) -> Result<()> {
    frontend::close(b'S', &statement.name, out).map_err(|_| zero_byte())?;
    frontend::sync(out);
    Ok(())
}

/// Written by hand, as it is the message that all statements need: a value says in which format it
/// goes when it is written, which the message says before (PostgreSQL manual, "Message Formats", Bind).
fn bind(
    portal: &str,
    statement: &Statement,
    params: &dyn Params,
    set: usize,
    out: &mut BytesMut,
) -> Result<()> {
    let (expected, given) = (statement.params.len(), params.len(set));
    if expected != given {
        return Err(UsageError::ParameterCount { expected, given }.into());
    }
    let count = u16::try_from(expected).map_err(|_| too_large())?;
    let message = begin(b'B', out);
    put_name(portal, out)?;
    put_name(&statement.name, out)?;
    match params.written(set, &statement.params) {
        Some(written) => {
            out.put_slice(BINARY);
            out.put_u16(count);
            out.put_slice(written);
        }
        None => one_by_one(statement, params, set, count, out)?,
    }
    result_formats(&statement.columns, out)?;
    end(message, out)
}

/// The formats of a Bind's parameters, and their values.
fn one_by_one(
    statement: &Statement,
    params: &dyn Params,
    set: usize,
    count: u16,
    out: &mut BytesMut,
) -> Result<()> {
    out.put_u16(count);
    let mut format = out.len();
    out.put_bytes(0, 2 * usize::from(count));
    out.put_u16(count);
    for (index, of) in statement.param_types().enumerate() {
        let start = out.len();
        out.put_i32(-1);
        match params.encode(set, index, of, out)? {
            Written::Null => out.truncate(start + 4),
            Written::Value(written) => {
                let length = i32::try_from(out.len() - start - 4).map_err(|_| too_large())?;
                put_at(start, length.to_be_bytes(), out);
                put_at(format, code(written).to_be_bytes(), out);
            }
        }
        format += 2;
    }
    Ok(())
}

/// The same source, Execute.
fn execute(portal: &str, max_rows: u32, out: &mut BytesMut) -> Result<()> {
    let message = begin(b'E', out);
    put_name(portal, out)?;
    out.put_i32(i32::try_from(max_rows).unwrap_or(i32::MAX));
    end(message, out)
}

/// Begins a message: its type, and room for its length. Returns where that is.
fn begin(tag: u8, out: &mut BytesMut) -> usize {
    out.put_u8(tag);
    let length = out.len();
    out.put_i32(0);
    length
}

/// Ends the message whose length has its room at `length`.
fn end(length: usize, out: &mut BytesMut) -> Result<()> {
    let size = i32::try_from(out.len() - length).map_err(|_| too_large())?;
    put_at(length, size.to_be_bytes(), out);
    Ok(())
}

fn put_at<const N: usize>(at: usize, bytes: [u8; N], out: &mut BytesMut) {
    if let Some(place) = out.get_mut(at..at + N) {
        place.copy_from_slice(&bytes);
    }
}

fn put_name(name: &str, out: &mut BytesMut) -> Result<()> {
    if name.as_bytes().contains(&0) {
        return Err(zero_byte());
    }
    out.put_slice(name.as_bytes());
    out.put_u8(0);
    Ok(())
}

/// One code for all columns where they agree, which is the usual case.
fn result_formats(columns: &Columns, out: &mut BytesMut) -> Result<()> {
    if columns.is_binary() {
        out.put_slice(BINARY);
        return Ok(());
    }
    out.put_u16(u16::try_from(columns.len()).map_err(|_| too_large())?);
    columns.iter().for_each(|c| out.put_u16(code(c.format)));
    Ok(())
}

/// One format code, for all: binary.
const BINARY: &[u8] = &[0, 1, 0, 1];

fn code(format: Format) -> u16 {
    match format {
        Format::Text => 0,
        Format::Binary => 1,
    }
}

fn zero_byte() -> Error {
    UsageError::Statement("a statement's text must not contain a zero byte").into()
}

fn too_large() -> Error {
    UsageError::Statement("the parameters are larger than a message may be (2 GiB, 65,535 values)")
        .into()
}

/// Appends COPY data, or its end.
pub(super) fn feed(feed: Feed<'_>, out: &mut BytesMut) -> Result<()> {
    match feed {
        Feed::Data(data) => {
            let data = frontend::CopyData::new(data).map_err(|_| too_large())?;
            data.write(out);
            Ok(())
        }
        Feed::Done => {
            frontend::copy_done(out);
            Ok(())
        }
        Feed::Fail(reason) => frontend::copy_fail(reason, out).map_err(|_| zero_byte()),
    }
}

/// Refuses the data of a COPY FROM STDIN that was run as an ordinary statement.
pub(super) fn refuse_copy(extended: bool, out: &mut BytesMut) -> Result<()> {
    let refused = |_| {
        Error::from(ProtocolError {
            state: "refusing COPY",
            expected: "room for a message",
            got: "none".into(),
        })
    };
    frontend::copy_fail("COPY needs the copy methods of the connection", out).map_err(refused)?;
    if extended {
        // The server threw the request's own Sync away with the copy data.
        frontend::sync(out);
    }
    Ok(())
}

/// Whether `error` says that the server no longer has a statement, that its result changed, that a
/// type which it was prepared with is gone, or that a composite type has other fields now.
pub(super) fn is_stale_statement(error: &Error, statement: &Statement) -> bool {
    let learnt = matches!(statement.known, Known::Learnt { .. });
    match error.leaf() {
        Leaf::Database(db) => {
            matches!(db.sqlstate(), "26000")
                || (db.sqlstate() == "0A000" && db.message().contains("cached plan"))
                || (db.sqlstate() == "42804" && learnt)
                || (db.sqlstate() == "XX000" && db.message().contains("cache lookup failed"))
        }
        _ => false,
    }
}
