//! Owns the table of what may come next in the answer to a request (PostgreSQL manual, "Message
//! Flow"). Never looks into a message. `Answers` asks it for every message but rows.

use super::message::*;

/// What the answer to the current request is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The start-up conversation; `startup` has its own order.
    Startup,
    /// ParseComplete of a Prepare.
    Parse,
    /// ParameterDescription.
    Parameters,
    /// RowDescription or NoData.
    Shape,
    /// ParseComplete in front of a Bind.
    Reparse,
    /// BindComplete of the first parameter set.
    Bind,
    /// Rows and the end of a result.
    Rows,
    /// Another BindComplete or the end.
    Next,
    /// CloseComplete.
    Close,
    /// The results of a script.
    Script,
    /// The rows of one of them.
    ScriptRows,
    /// The answer to a COPY FROM STDIN, before or after its data.
    Feed,
    /// The server takes its data.
    Feeding,
    /// COPY data of the server.
    Copy,
    /// The same in a script.
    ScriptCopy,
    /// Only ReadyForQuery.
    Ready,
    /// ReadyForQuery after an error, or the error that refusing a COPY leads to.
    Skip,
}

/// The stage after a message of type `tag`; `None` if it may not come now. Errors, notices,
/// notifications and parameter changes may always come and are not in the table.
pub(super) fn next(stage: Stage, tag: u8) -> Option<Stage> {
    use Stage::*;
    Some(match (stage, tag) {
        (Parse, PARSE_COMPLETE) => Parameters,
        (Parameters, PARAMETER_DESCRIPTION) => Shape,
        (Shape, ROW_DESCRIPTION | NO_DATA) => Ready,
        (Reparse, PARSE_COMPLETE) => Bind,
        (Bind | Next, BIND_COMPLETE) => Rows,
        (Rows, DATA_ROW) => Rows,
        (Rows, COMMAND_COMPLETE | PORTAL_SUSPENDED | EMPTY_QUERY) => Next,
        (Rows, COPY_OUT) => Copy,
        (Copy, COPY_DATA | COPY_DONE) => Copy,
        (Copy, COMMAND_COMPLETE) => Next,
        (Rows | Script, COPY_IN) => Skip,
        (Feed, COPY_IN) => Feeding,
        (Feeding | Feed, COMMAND_COMPLETE) => Feed,
        (Feed, EMPTY_QUERY) => Feed,
        (Feed, ROW_DESCRIPTION) => ScriptRows,
        (Feed, COPY_OUT) => ScriptCopy,
        (Close, CLOSE_COMPLETE) => Ready,
        (Script, ROW_DESCRIPTION) => ScriptRows,
        (Script, COMMAND_COMPLETE | EMPTY_QUERY) => Script,
        (Script, COPY_OUT) => ScriptCopy,
        (ScriptCopy, COPY_DATA | COPY_DONE) => ScriptCopy,
        (ScriptCopy, COMMAND_COMPLETE) => Script,
        (ScriptRows, DATA_ROW) => ScriptRows,
        (ScriptRows, COMMAND_COMPLETE) => Script,
        (Next | Script | Feed | Ready | Skip, READY) => Ready,
        _ => return None,
    })
}

impl Stage {
    /// What the connection is doing, and what may come: for a `ProtocolError`.
    pub(super) fn describe(self) -> (&'static str, &'static str) {
        match self {
            Stage::Startup => ("starting up", "an authentication message"),
            Stage::Parse | Stage::Reparse => ("preparing a statement", "ParseComplete"),
            Stage::Parameters => ("preparing a statement", "ParameterDescription"),
            Stage::Shape => ("preparing a statement", "RowDescription or NoData"),
            Stage::Bind => ("running a statement", "BindComplete"),
            Stage::Rows => ("running a statement", "rows or the end of the result"),
            Stage::Next => ("running a statement", "BindComplete or ReadyForQuery"),
            Stage::Close => ("closing a statement or portal", "CloseComplete"),
            Stage::Script => ("running a script", "a result or ReadyForQuery"),
            Stage::ScriptRows => ("running a script", "rows or the end of the result"),
            Stage::Feed => ("copying in", "CopyInResponse or the end of the result"),
            Stage::Feeding => ("copying in", "the end of the result"),
            Stage::Copy | Stage::ScriptCopy => ("copying out", "CopyData or CopyDone"),
            Stage::Ready | Stage::Skip => ("ending a request", "ReadyForQuery"),
        }
    }
}
