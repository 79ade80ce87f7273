//! Owns the choice among several hosts: the order in which they are tried, and whether a server that
//! answered is the kind that is wanted (PostgreSQL manual, "Parameter Key Words",
//! `target_session_attrs` and `load_balance_hosts`). Never connects; `open` calls it.

use std::any::Any;
use std::sync::Arc;

use crate::config::{Config, Endpoint, LoadBalanceHosts, TargetSessionAttrs};
use crate::error::{Closed, Result};
use crate::row::{Columns, RawRow, Values};
use crate::runtime::Runtime;
use crate::session::{Request, Session, Sink, Submitted};

/// The hosts in the order in which they are to be tried.
pub(super) fn order<R: Runtime>(config: &Config, runtime: &R) -> Vec<Endpoint> {
    let mut endpoints = config.endpoints.clone();
    if config.load_balance_hosts == LoadBalanceHosts::Random {
        runtime.shuffle(&mut endpoints);
    }
    endpoints
}

/// What a server is, when it is not what is wanted.
pub(super) async fn mismatch(
    session: &dyn Session,
    wanted: TargetSessionAttrs,
) -> Result<Option<&'static str>> {
    use TargetSessionAttrs as Wanted;
    Ok(match wanted {
        Wanted::Any => None,
        Wanted::Primary => in_standby(session).await?.then_some("is in hot standby"),
        Wanted::Standby | Wanted::PreferStandby => {
            (!in_standby(session).await?).then_some("is not in hot standby")
        }
        Wanted::ReadWrite => read_only(session).await?.then_some("takes no writes"),
        Wanted::ReadOnly => (!read_only(session).await?).then_some("takes writes"),
    })
}

async fn in_standby(session: &dyn Session) -> Result<bool> {
    match session.parameter("in_hot_standby") {
        Some(answer) => Ok(answer == "on"),
        // Servers before 14 do not report it.
        None => Ok(ask(session, "SELECT pg_catalog.pg_is_in_recovery()").await? == "t"),
    }
}

async fn read_only(session: &dyn Session) -> Result<bool> {
    match session.parameter("default_transaction_read_only") {
        Some(answer) => Ok(answer == "on" || in_standby(session).await?),
        None => Ok(ask(session, "SHOW transaction_read_only").await? == "on"),
    }
}

/// The first value of the answer, as text.
pub(super) async fn ask(session: &dyn Session, script: &str) -> Result<String> {
    let sink: Box<dyn Sink> = Box::<Answer>::default();
    let Submitted::Reply(reply) = session.submit(Request::Script(script), &mut Some(sink))? else {
        return Err(Closed::Connection.into());
    };
    let sink = reply.await?.sink.map(Sink::into_any);
    let answer = sink.and_then(|sink| sink.downcast::<Answer>().ok());
    Ok(answer.map(|answer| answer.0).unwrap_or_default())
}

#[derive(Default)]
struct Answer(String);

impl Sink for Answer {
    fn begin(&mut self, _: &Arc<Columns>) -> Result<()> {
        Ok(())
    }

    fn row(&mut self, row: RawRow<'_>) -> Result<()> {
        if let Some(value) = Values::next(&mut row.values()).transpose()?.flatten() {
            self.0 = String::from_utf8_lossy(value).into_owned();
        }
        Ok(())
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}
