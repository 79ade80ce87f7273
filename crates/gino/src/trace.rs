//! Owns the spans of the feature `tracing`: one for each statement of an application, with the names
//! of OpenTelemetry's database conventions. Never records a parameter's value. `query` calls it.

use gino_core::config::Endpoint;
use gino_core::error::{Error, Result};
use gino_core::session::Completion;
use tracing::field::Empty;
use tracing::{Instrument, Span, info_span};

use crate::driver::Seat;

/// Runs `running`, the statement `sql` on `seat`, in a span.
pub(crate) async fn query(
    seat: &Seat,
    sql: &str,
    running: impl Future<Output = Result<Completion>>,
) -> Result<Completion> {
    let (address, port) = match seat.endpoint() {
        Endpoint::Tcp { host, port, .. } => (host.as_str(), Some(*port)),
        Endpoint::Unix { path } => (path.as_str(), None),
    };
    let database = seat.database();
    let operation = sql.split_whitespace().next().unwrap_or_default();
    let span = info_span!(
        "query",
        otel.name = %format_args!("{operation} {database}"),
        otel.kind = "client",
        otel.status_code = Empty,
        db.system.name = "postgresql",
        db.namespace = database,
        db.operation.name = operation,
        db.query.text = sql,
        server.address = address,
        server.port = port,
        db.response.returned_rows = Empty,
        db.response.status_code = Empty,
        error.type = Empty,
    );
    let done = running.instrument(span.clone()).await;
    match &done {
        Ok(done) => {
            span.record("db.response.returned_rows", done.affected);
        }
        Err(error) => failed(&span, error),
    }
    done
}

fn failed(span: &Span, error: &Error) {
    span.record("otel.status_code", "ERROR");
    match error.sqlstate() {
        Some(state) => {
            span.record("db.response.status_code", state);
            span.record("error.type", state);
        }
        None => {
            let kind = format!("{:?}", error.kind());
            span.record("error.type", kind.to_lowercase());
        }
    }
}
