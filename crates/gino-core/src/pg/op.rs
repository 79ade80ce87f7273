//! Owns one request on its way: what its answer has brought so far, and how it is answered.
//! `Link` queues them, `Answers` fills them.

use std::sync::Arc;

use super::introspect;
use super::stage::Stage;
use super::startup::Startup;
use crate::error::{Error, ErrorKind, Result};
use crate::row::{Columns, RawRow};
use crate::session::{Completer, Completion, CopyDoor, Settled, Sink, Sql, Statement};

/// A request on its way, in the order of submission. It lies on the heap, as it is passed on often.
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
    Types,
    Close,
}

impl Op {
    pub(super) fn new(stage: Stage, work: Work, completer: Option<Completer>) -> Box<Op> {
        Box::new(Op {
            stage,
            completer,
            sink: None,
            work,
            error: None,
            done: Completion::default(),
        })
    }

    /// Answers; call it without a lock. `cause` is why it ends early, if it does.
    pub(super) fn finish(self: Box<Self>, cause: Option<Error>) {
        if let Some(settled) = self.settle(cause) {
            settled.wake();
        }
    }

    /// Answers without waking anybody: may be called under a lock.
    #[expect(
        clippy::boxed_local,
        reason = "taken out of its box it would be copied"
    )]
    pub(super) fn settle(self: Box<Self>, cause: Option<Error>) -> Option<Settled> {
        let Op {
            completer,
            sink,
            error,
            mut done,
            ..
        } = *self;
        Some(completer?.settle(match error.or(cause) {
            Some(error) => Err(error),
            None => {
                done.sink = sink;
                Ok(done)
            }
        }))
    }

    pub(super) fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
        self.sink = None;
    }

    pub(super) fn begin(&mut self, columns: &Arc<Columns>) {
        let begun = begin(&mut self.sink, self.completer.as_ref(), columns);
        self.note(begun);
    }

    /// The rows of a statement begin, or go on with another set of parameters.
    pub(super) fn begin_run(&mut self) {
        if let Work::Run { statement, begun } = &mut self.work
            && !std::mem::replace(begun, true)
        {
            let begun = begin(&mut self.sink, self.completer.as_ref(), &statement.columns);
            self.note(begun);
        }
    }

    /// A fetch from an open portal has no BindComplete: its rows begin with it.
    pub(super) fn resume(&mut self) {
        if self.stage == Stage::Rows {
            self.begin_run();
        }
    }

    fn note(&mut self, outcome: Result<()>) {
        if let Err(error) = outcome {
            self.fail(error);
        }
    }

    /// A row that does not fit its columns is the peer's fault, all else is the request's.
    #[inline]
    pub(super) fn row(&mut self, body: &[u8]) -> Result<()> {
        if let Some(sink) = &mut self.sink
            && let Err(error) = sink.row(RawRow::new(body))
        {
            if error.kind() == ErrorKind::Protocol {
                return Err(error);
            }
            self.fail(error);
        } else if matches!(self.work, Work::Types) {
            self.learn(body)?;
        }
        Ok(())
    }

    #[cold]
    fn learn(&mut self, body: &[u8]) -> Result<()> {
        let entry = introspect::entry(RawRow::new(body))?;
        self.done.rare_mut().types.push(entry);
        Ok(())
    }
}

/// Tells `sink` what rows are to come, unless nobody waits for them.
fn begin(
    sink: &mut Option<Box<dyn Sink>>,
    completer: Option<&Completer>,
    columns: &Arc<Columns>,
) -> Result<()> {
    if completer.is_none_or(Completer::is_abandoned) {
        *sink = None;
    }
    sink.as_mut().map_or(Ok(()), |sink| sink.begin(columns))
}
