//! Owns the receiving half: which request the messages belong to and what it comes to. Takes the
//! shared half's lock only at the borders of a request; rows go to the sink without it.

use std::sync::Arc;

use super::encode;
use super::input::{Frame, Input};
use super::link::Shared;
use super::message;
use super::message::*;
use super::stage::{self, Stage};
use super::startup::Startup;
use super::touch;
use crate::codec::{Format, Kind};
use crate::error::{Error, ErrorKind, ProtocolError, Result, UsageError};
use crate::row::{Columns, RawRow};
use crate::session::{
    Completer, Completion, CopyDoor, Event, Feed, Settled, Sink, Sql, Statement, Status,
};

/// A request on its way, in the order of submission.
pub(super) struct Op {
    pub(super) stage: Stage,
    pub(super) completer: Option<Completer>,
    pub(super) sink: Option<Box<dyn Sink>>,
    pub(super) work: Work,
    pub(super) error: Option<Error>,
    pub(super) done: Completion,
}

/// What an operation needs to know while its answer comes in.
pub(super) enum Work {
    Startup(Box<Startup>),
    Prepare {
        name: Box<str>,
        sql: Sql,
        params: Box<[u32]>,
    },
    Run {
        statement: Arc<Statement>,
        begun: bool,
    },
    Script {
        columns: Arc<Columns>,
    },
    CopyIn {
        door: Arc<CopyDoor>,
    },
    Close,
}

impl Op {
    pub(super) fn new(stage: Stage, work: Work, completer: Option<Completer>) -> Op {
        Op {
            stage,
            completer,
            sink: None,
            work,
            error: None,
            done: Completion::default(),
        }
    }

    /// Answers; call it without a lock. `cause` is why it ends early, if it does.
    pub(super) fn finish(self, cause: Option<Error>) {
        if let Some(settled) = self.settle(cause) {
            settled.wake();
        }
    }

    /// Answers without waking anybody: may be called under a lock.
    pub(super) fn settle(self, cause: Option<Error>) -> Option<Settled> {
        let Op {
            completer,
            sink,
            error,
            mut done,
            ..
        } = self;
        Some(completer?.settle(match error.or(cause) {
            Some(error) => Err(error),
            None => {
                done.sink = sink;
                Ok(done)
            }
        }))
    }

    fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
        self.sink = None;
    }

    fn begin(&mut self, columns: &Arc<Columns>) {
        if self.completer.as_ref().is_none_or(Completer::is_abandoned) {
            self.sink = None;
        }
        if let Some(Err(error)) = self.sink.as_mut().map(|sink| sink.begin(columns)) {
            self.fail(error);
        }
    }

    /// A fetch from an open portal has no BindComplete: its rows begin with it.
    fn resume(&mut self) {
        if self.stage == Stage::Rows
            && let Work::Run { statement, begun } = &mut self.work
        {
            *begun = true;
            let columns = Arc::clone(&statement.columns);
            self.begin(&columns);
        }
    }

    /// A row that does not fit its columns is the peer's fault, all else is the request's.
    #[inline]
    fn row(&mut self, body: &[u8]) -> Result<()> {
        if let Some(sink) = &mut self.sink
            && let Err(error) = sink.row(RawRow::new(body))
        {
            if error.kind() == ErrorKind::Protocol {
                return Err(error);
            }
            self.fail(error);
        }
        Ok(())
    }
}

pub(super) struct Answers {
    pub(super) input: Input,
    pub(super) current: Option<Op>,
}

impl Answers {
    pub(super) fn new() -> Answers {
        Answers {
            input: Input::new(),
            current: None,
        }
    }

    /// Handles whole messages until a request is complete or the input is used up. `Some` is the
    /// completed request: finish it without a lock, then call again.
    pub(super) fn advance(&mut self, shared: &std::sync::Mutex<Shared>) -> Result<Option<Op>> {
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
            if handle(frame, &mut self.current, shared)? {
                if matches!(
                    &self.current,
                    Some(Op {
                        work: Work::Startup(_),
                        error: None,
                        ..
                    })
                ) {
                    self.input.open_up();
                }
                return Ok(self.current.take());
            }
        }
    }

    /// Stops decoding for a request that nobody waits for any more.
    pub(super) fn drop_abandoned(&mut self) {
        if let Some(op) = &mut self.current
            && op.completer.as_ref().is_some_and(Completer::is_abandoned)
        {
            op.sink = None;
        }
    }
}

/// Handles one message; true if it completes the current request.
fn handle(
    frame: Frame<'_>,
    current: &mut Option<Op>,
    shared: &std::sync::Mutex<Shared>,
) -> Result<bool> {
    if matches!(frame.tag, NOTICE | NOTIFICATION | PARAMETER_STATUS) {
        overhear(frame, shared)?;
        return Ok(false);
    }
    if current.is_none() {
        *current = Shared::lock(shared).pending.pop_front();
        if let Some(op) = current {
            op.resume();
        }
    }
    let Some(op) = current else {
        return unsolicited(frame, shared);
    };
    if frame.tag == ERROR {
        let error = message::db_error(frame.body)?;
        let starting = op.stage == Stage::Startup;
        let error = Error::from(error);
        match &op.work {
            Work::Run { statement, begun } if encode::is_stale_statement(&error) => {
                Shared::lock(shared).forget(statement)?;
                if *begun {
                    op.fail(error);
                } else {
                    op.done.stale = Some(error);
                }
            }
            _ => op.fail(error),
        }
        op.stage = Stage::Skip;
        return Ok(starting);
    }
    if op.stage == Stage::Startup {
        return start(frame, op, shared);
    }
    op.stage = stage::next(op.stage, frame.tag).ok_or_else(|| unexpected(op.stage, frame.tag))?;
    take(frame, op, shared)?;
    if frame.tag == READY {
        Shared::lock(shared).heard(status(frame.body)?);
        return Ok(true);
    }
    Ok(false)
}

/// Takes what the server says by itself, and tells who listens, without the lock.
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
        (PARAMETER_DESCRIPTION, Work::Prepare { params, .. }) => {
            *params = message::parameter_types(frame.body)?;
        }
        (ROW_DESCRIPTION | NO_DATA, Work::Prepare { name, sql, params }) => {
            let columns = match frame.tag {
                NO_DATA => Vec::new(),
                _ => message::columns(frame.body, |oid| Kind::of(oid).format())?,
            };
            let statement = Arc::new(Statement {
                name: std::mem::take(name),
                touches: touch::touches(sql.as_str()),
                sql: sql.clone(),
                params: std::mem::take(params),
                columns: columns.into(),
            });
            op.done.statement = Some(Shared::lock(shared).keep(statement)?);
        }
        (ROW_DESCRIPTION, Work::Script { columns }) => {
            *columns = message::columns(frame.body, |_| Format::Text)?.into();
            let columns = Arc::clone(columns);
            op.begin(&columns);
        }
        (BIND_COMPLETE, Work::Run { statement, begun }) => {
            let columns = Arc::clone(&statement.columns);
            if !std::mem::replace(begun, true) {
                op.begin(&columns);
            }
        }
        (DATA_ROW, _) => op.row(frame.body)?,
        (COMMAND_COMPLETE, _) => {
            op.done.tag = message::text(frame.body, "CommandComplete")?;
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

fn start(frame: Frame<'_>, op: &mut Op, shared: &std::sync::Mutex<Shared>) -> Result<bool> {
    let Work::Startup(startup) = &mut op.work else {
        return Err(unexpected(op.stage, frame.tag));
    };
    match frame.tag {
        AUTHENTICATION => {
            let mut shared = Shared::lock(shared);
            startup.handle(frame, &mut shared.out)?;
        }
        BACKEND_KEY if startup.is_authenticated() => {
            Shared::lock(shared).key = Some(message::backend_key(frame.body)?);
        }
        READY if startup.is_authenticated() => {
            Shared::lock(shared).heard(status(frame.body)?);
            return Ok(true);
        }
        tag => return Err(unexpected(op.stage, tag)),
    }
    Ok(false)
}

/// An error without a request is the server's farewell (an administrator's command, a time-out).
/// What comes after we closed is of no interest.
fn unsolicited(frame: Frame<'_>, shared: &std::sync::Mutex<Shared>) -> Result<bool> {
    if Shared::lock(shared).status == Status::Closed {
        return Ok(false);
    }
    if frame.tag != ERROR {
        return Err(unexpected(Stage::Ready, frame.tag));
    }
    let error = message::db_error(frame.body)?;
    Shared::lock(shared).farewell = Some(error);
    Ok(false)
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

impl Shared {
    /// What the server says about the session; of no interest once we closed it.
    fn heard(&mut self, status: Status) {
        if self.status != Status::Closed {
            self.status = status;
        }
    }

    /// Keeps a statement, or finds that another of the same text is kept; closes what has to go.
    fn keep(&mut self, statement: Arc<Statement>) -> Result<Arc<Statement>> {
        if let Some(twin) = self.cache.insert(&statement) {
            self.close_statement(&statement)?;
            return Ok(twin);
        }
        while let Some(evicted) = self.cache.evict() {
            self.close_statement(&evicted)?;
        }
        Ok(statement)
    }

    /// Forgets a statement that is of no use any more; closing one that is gone does no harm.
    fn forget(&mut self, statement: &Statement) -> Result<()> {
        if self.cache.remove(statement) {
            self.close_statement(statement)?;
        }
        Ok(())
    }

    fn close_statement(&mut self, statement: &Statement) -> Result<()> {
        let (out, pending) = match self.door {
            None => (&mut self.out, &mut self.pending),
            Some(_) => (&mut self.deferred.0, &mut self.deferred.1),
        };
        encode::close_statement(statement, out)?;
        pending.push_back(Op::new(Stage::Close, Work::Close, None));
        Ok(())
    }

    /// Remembers a setting, within reason.
    fn set_parameter(&mut self, name: Box<str>, value: Box<str>) -> Result<()> {
        let is_new = !self.parameters.contains_key(&name);
        let too_many = is_new && self.parameters.len() >= MAX_PARAMETERS;
        if too_many || name.len() + value.len() > MAX_PARAMETER {
            return Err(message::too_much("ParameterStatus"));
        }
        self.parameters.insert(name, value);
        Ok(())
    }
}

/// PostgreSQL reports 15 settings by itself; extensions may add some.
const MAX_PARAMETERS: usize = 256;

/// The largest setting, name and value together, in bytes.
const MAX_PARAMETER: usize = 64 * 1024;
