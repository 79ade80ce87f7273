//! Owns the receiving half: which request the messages belong to and what it comes to. Takes the
//! shared half's lock only at the borders of a request; rows go to the sink without it. What few answers
//! have is kept apart by `#[cold]`: the rest, which all have, is 3 KB of code instead of 20.

use std::sync::Arc;

use super::encode;
use super::input::{Frame, Input};
use super::message;
use super::message::*;
use super::op::{Op, Work};
use super::shared::Shared;
use super::stage::{self, Stage};
use super::touch::{self, Outdated};
use crate::codec::{Format, Kind};
use crate::error::{Error, ProtocolError, Result, UsageError};
use crate::row::Columns;
use crate::session::{Completer, Event, Feed, Statement, Status, tag_rows};

pub(super) struct Answers {
    pub(super) input: Input,
    pub(super) current: Option<Box<Op>>,
}

/// A request that is answered: finish it without a lock.
pub(super) struct Ended {
    pub(super) op: Box<Op>,
    /// What the server said of the transaction, if it is ready for the next request.
    pub(super) ready: Option<Status>,
}

impl Answers {
    pub(super) fn new() -> Answers {
        Answers {
            input: Input::new(),
            current: None,
        }
    }

    /// Something came in: the oldest request is the one it is for, unless the server speaks by itself.
    pub(super) fn expect(&mut self, shared: &mut Shared) {
        if self.current.is_none() {
            self.current = shared.pending.pop_front();
        }
    }

    /// Handles whole messages until a request is complete or the input is used up. `Some` is the
    /// completed request: call again.
    pub(super) fn advance(&mut self, shared: &std::sync::Mutex<Shared>) -> Result<Option<Ended>> {
        loop {
            let Some(frame) = self.input.next()? else {
                return Ok(None);
            };
            if frame.tag == DATA_ROW
                && let Some(op) = &mut self.current
                && matches!(op.stage, Stage::Rows | Stage::ScriptRows)
            {
                op.row(frame.body)?;
                continue;
            }
            let Some(end) = handle(frame, &mut self.current, shared)? else {
                continue;
            };
            let Some(op) = self.current.take() else {
                return Ok(None);
            };
            if matches!(op.work, Work::Startup(_)) && op.error.is_none() {
                self.input.open_up();
            }
            let ready = match end {
                End::Ready(status) => Some(status),
                End::Refused => None,
            };
            return Ok(Some(Ended { op, ready }));
        }
    }

    /// Before what came in is handled: stops decoding for a request that nobody waits for any more.
    pub(super) fn begin(&mut self) {
        if let Some(op) = &mut self.current {
            op.resume();
            if op.completer.as_ref().is_some_and(Completer::is_abandoned) {
                op.sink = None;
            }
        }
    }
}

/// How the current request has ended.
enum End {
    /// The server is ready for the next one.
    Ready(Status),
    /// It ended the conversation instead.
    Refused,
}

/// Handles one message; `Some` if it completes the current request.
fn handle(
    frame: Frame<'_>,
    current: &mut Option<Box<Op>>,
    shared: &std::sync::Mutex<Shared>,
) -> Result<Option<End>> {
    if matches!(frame.tag, NOTICE | NOTIFICATION | PARAMETER_STATUS) {
        overhear(frame, shared)?;
        return Ok(None);
    }
    if current.is_none() {
        *current = Shared::lock(shared).pending.pop_front();
        if let Some(op) = current {
            op.resume();
        }
    }
    let Some(op) = current else {
        unsolicited(frame, shared)?;
        return Ok(None);
    };
    if frame.tag == ERROR {
        return refuse(frame, op, shared);
    }
    if op.stage == Stage::Startup {
        return start(frame, op, shared);
    }
    op.stage = stage::next(op.stage, frame.tag).ok_or_else(|| unexpected(op.stage, frame.tag))?;
    take(frame, op, shared)?;
    match frame.tag {
        READY => Ok(Some(End::Ready(status(frame.body)?))),
        _ => Ok(None),
    }
}

/// Takes an error: the request fails.
#[cold]
fn refuse(frame: Frame<'_>, op: &mut Op, shared: &std::sync::Mutex<Shared>) -> Result<Option<End>> {
    let error = Error::from(message::db_error(frame.body)?);
    let starting = op.stage == Stage::Startup;
    match &op.work {
        Work::Run { statement, begun } if encode::is_stale_statement(&error, statement) => {
            Shared::lock(shared).forget_stale(statement, &error)?;
            if *begun {
                op.fail(error);
            } else {
                op.done.rare_mut().stale = Some(error);
            }
        }
        _ => op.fail(error),
    }
    op.stage = Stage::Skip;
    Ok(starting.then_some(End::Refused))
}

/// Takes what the server says by itself, and tells who listens, without the lock.
#[cold]
fn overhear(frame: Frame<'_>, shared: &std::sync::Mutex<Shared>) -> Result<()> {
    let outlet = Shared::lock(shared).outlet.clone();
    if frame.tag == PARAMETER_STATUS {
        let (name, value) = message::parameter_status(frame.body)?;
        Shared::lock(shared).set_parameter(name.clone(), value.clone())?;
        if let Some(outlet) = outlet {
            outlet.hear(Event::Parameter { name, value });
        }
    } else if let Some(outlet) = outlet {
        outlet.hear(match frame.tag {
            NOTIFICATION => message::notification(frame.body)?,
            _ => Event::Notice(message::db_error(frame.body)?),
        });
    }
    Ok(())
}

/// Takes what a message that was expected carries.
fn take(frame: Frame<'_>, op: &mut Op, shared: &std::sync::Mutex<Shared>) -> Result<()> {
    match (frame.tag, &mut op.work) {
        (BIND_COMPLETE, Work::Run { .. }) => op.begin_run(),
        (DATA_ROW, _) => op.row(frame.body)?,
        (COMMAND_COMPLETE, _) => {
            op.done.tag = message::command_tag(frame.body)?;
            // What counts rows changes neither types nor statements.
            match tag_rows(&op.done.tag) {
                Some(rows) => op.done.affected = op.done.affected.saturating_add(rows),
                None => note_command(&op.done.tag, shared),
            }
        }
        (READY | PARSE_COMPLETE, _) => {}
        _ => return take_rare(frame, op, shared),
    }
    Ok(())
}

/// Remembers what a command may have done to types and statements.
fn note_command(tag: &str, shared: &std::sync::Mutex<Shared>) {
    if touch::alters_types(tag) {
        Shared::lock(shared).altered();
    }
    let outdated = touch::outdates(tag);
    if outdated != Outdated::Nothing {
        Shared::lock(shared).outdated(outdated);
    }
}

/// Takes what the run of a prepared statement does not have.
#[cold]
fn take_rare(frame: Frame<'_>, op: &mut Op, shared: &std::sync::Mutex<Shared>) -> Result<()> {
    match (frame.tag, &mut op.work) {
        (PARAMETER_DESCRIPTION, Work::Prepare { params, .. }) => {
            *params = message::parameter_types(frame.body)?;
        }
        (ROW_DESCRIPTION | NO_DATA, Work::Prepare { name, sql, params }) => {
            let columns = match frame.tag {
                NO_DATA => Columns::default(),
                _ => message::columns(frame.body, |oid| Kind::of(oid).format())?,
            };
            let mut shared = Shared::lock(shared);
            let statement = Arc::new(Statement {
                name: std::mem::take(name),
                touches: touch::touches(sql.as_str()),
                sql: sql.clone(),
                known: shared.knowledge(params, &columns),
                params: std::mem::take(params),
                columns: Arc::new(columns),
            });
            op.done.rare_mut().statement = Some(shared.keep(statement)?);
        }
        (ROW_DESCRIPTION, Work::Script { columns }) => {
            let described = message::columns(frame.body, |_| Format::Text)?;
            *columns = Arc::new(described);
            let columns = Arc::clone(columns);
            op.begin(&columns);
        }
        (PORTAL_SUSPENDED, _) => op.done.suspended = true,
        (COPY_IN, Work::CopyIn { door }) => {
            let wanted = op.completer.as_ref().is_some_and(|c| !c.is_abandoned());
            if !(wanted && door.open()) {
                let fail = Feed::Fail("nobody has data for this COPY");
                encode::feed(fail, &mut Shared::lock(shared).out)?;
            }
        }
        (COPY_IN, work) => {
            let extended = matches!(work, Work::Run { .. });
            encode::refuse_copy(extended, &mut Shared::lock(shared).out)?;
        }
        (COPY_OUT, _) if op.sink.as_ref().is_some_and(|sink| sink.takes_copy()) => {}
        (COPY_DATA, _) => {
            if let Some(sink) = &mut op.sink {
                sink.copy(frame.body);
            }
        }
        (COPY_OUT, _) => {
            let reason = "COPY TO STDOUT needs the copy methods of the connection";
            op.fail(UsageError::Statement(reason).into());
        }
        _ => {}
    }
    Ok(())
}

#[cold]
fn start(frame: Frame<'_>, op: &mut Op, shared: &std::sync::Mutex<Shared>) -> Result<Option<End>> {
    let Work::Startup(startup) = &mut op.work else {
        return Err(unexpected(op.stage, frame.tag));
    };
    match frame.tag {
        AUTHENTICATION => {
            let mut shared = Shared::lock(shared);
            startup.handle(frame, &mut shared.out)?;
        }
        NEGOTIATE_PROTOCOL => startup.negotiate(frame)?,
        BACKEND_KEY if startup.is_authenticated() => {
            Shared::lock(shared).said.key = Some(message::backend_key(frame.body)?);
        }
        READY if startup.is_authenticated() => {
            return Ok(Some(End::Ready(status(frame.body)?)));
        }
        tag => return Err(unexpected(op.stage, tag)),
    }
    Ok(None)
}

/// An error without a request is the server's farewell (an administrator's command, a time-out).
/// What comes after we closed is of no interest.
#[cold]
fn unsolicited(frame: Frame<'_>, shared: &std::sync::Mutex<Shared>) -> Result<()> {
    if Shared::lock(shared).status == Status::Closed {
        return Ok(());
    }
    if frame.tag != ERROR {
        return Err(unexpected(Stage::Ready, frame.tag));
    }
    let error = message::db_error(frame.body)?;
    Shared::lock(shared).said.farewell = Some(error);
    Ok(())
}

fn status(body: &[u8]) -> Result<Status> {
    match body {
        b"I" => Ok(Status::Idle),
        b"T" => Ok(Status::InTransaction),
        b"E" => Ok(Status::Failed),
        _ => Err(ProtocolError {
            state: "ending a request",
            expected: "transaction status I, T or E",
            got: format!("{:?}", body.escape_ascii().to_string()).into(),
        }
        .into()),
    }
}

#[cold]
fn unexpected(stage: Stage, tag: u8) -> Error {
    let (state, expected) = stage.describe();
    let got = format!("message '{}'", tag.escape_ascii()).into();
    ProtocolError {
        state,
        expected,
        got,
    }
    .into()
}
