//! Owns the running of statements: where they run, until when, and what comes back. The one place
//! where the Rust face acquires, runs and gives back. Never builds SQL.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use gino_core::engine::{Limit, Origin};
use gino_core::error::{Result, RowError, UsageError};
use gino_core::session::{Completion, Params, Sink, Sql};
use postgres_types::{FromSqlOwned, ToSql};

use crate::context;
use crate::cursor::Cursor;
use crate::driver::{Core, CoreTransaction, Handle, Lease, Seat};
use crate::level::Level;
use crate::row::{Row, RowSink};
#[cfg(feature = "tracing")]
use crate::trace;
use crate::value::{Sets, Values};

/// What runs statements: an engine, a connection, a transaction, or one of them with a time-out.
///
/// `sql` is sent as it is, with `$1`, `$2`, … for parameters. A statement is prepared the first
/// time it runs on a connection.
///
/// # Errors
/// Of all methods: the server's error, a parameter that does not fit (`CodecError`), a time-out,
/// `Closed`, and for a connection or transaction the usage error of one that has ended.
///
/// # Cancellation
/// A future that is dropped has the statement cancelled on the server. Its connection is made whole
/// in the background before anybody else gets it.
pub trait Executor: sealed::Runs + Sync {
    /// All rows.
    #[track_caller]
    fn all(
        &self,
        sql: impl Into<Sql>,
        params: &[&(dyn ToSql + Sync)],
    ) -> impl Future<Output = Result<Vec<Row>>> + Send {
        let (target, sql) = (here(self.target()), sql.into());
        async move { rows(&target?, sql, params, 0).await }
    }

    /// The first row, if there is any. The server is asked for one row only.
    #[track_caller]
    fn first(
        &self,
        sql: impl Into<Sql>,
        params: &[&(dyn ToSql + Sync)],
    ) -> impl Future<Output = Result<Option<Row>>> + Send {
        let (target, sql) = (here(self.target()), sql.into());
        async move { Ok(rows(&target?, sql, params, 1).await?.pop()) }
    }

    /// The only row; a `RowError` if there is none, or more than one.
    #[track_caller]
    fn one(
        &self,
        sql: impl Into<Sql>,
        params: &[&(dyn ToSql + Sync)],
    ) -> impl Future<Output = Result<Row>> + Send {
        let (target, sql) = (here(self.target()), sql.into());
        async move {
            let row = at_most_one(rows(&target?, sql, params, 2).await?)?;
            row.ok_or_else(|| RowError::NoneFound.into())
        }
    }

    /// The only row, if there is any; a `RowError` if there is more than one.
    #[track_caller]
    fn one_or_none(
        &self,
        sql: impl Into<Sql>,
        params: &[&(dyn ToSql + Sync)],
    ) -> impl Future<Output = Result<Option<Row>>> + Send {
        let (target, sql) = (here(self.target()), sql.into());
        async move { at_most_one(rows(&target?, sql, params, 2).await?) }
    }

    /// The first value of the first row; `None` if there is no row, or the value is NULL.
    #[track_caller]
    fn scalar<T: FromSqlOwned>(
        &self,
        sql: impl Into<Sql>,
        params: &[&(dyn ToSql + Sync)],
    ) -> impl Future<Output = Result<Option<T>>> + Send {
        let (target, sql) = (here(self.target()), sql.into());
        async move {
            match rows(&target?, sql, params, 1).await?.pop() {
                Some(row) => row.try_get(0),
                None => Ok(None),
            }
        }
    }

    /// Runs the statement and gives the server's command tag; rows are not kept.
    #[track_caller]
    fn status(
        &self,
        sql: impl Into<Sql>,
        params: &[&(dyn ToSql + Sync)],
    ) -> impl Future<Output = Result<Status>> + Send {
        let (target, sql) = (here(self.target()), sql.into());
        async move {
            let (target, values) = (target?, Values(params));
            let done = statement(&target, &sql, &values, 0, None).await?;
            Ok(Status::of(done))
        }
    }

    /// Runs the statement once for each set of parameters, in one round trip and all or nothing.
    /// Rows are not kept; [`Status::rows_affected`] counts what all sets concern together.
    ///
    /// ```no_run
    /// # use gino::prelude::*;
    /// # async fn run(engine: Engine) -> gino::Result<()> {
    /// let insert = "INSERT INTO users (id, name) VALUES ($1, $2)";
    /// engine.status_many(insert, &[&[&1, &"daisy"], &[&2, &"fantix"]]).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    fn status_many(
        &self,
        sql: impl Into<Sql>,
        sets: &[&[&(dyn ToSql + Sync)]],
    ) -> impl Future<Output = Result<Status>> + Send {
        let (target, sql) = (here(self.target()), sql.into());
        async move {
            let target = target?;
            let sets: Vec<_> = sets.iter().map(|set| Values(set)).collect();
            let done = statement(&target, &sql, &Sets(&sets), 0, None).await?;
            Ok(Status::of(done))
        }
    }

    /// Runs one or more statements without parameters, separated by semicolons, all or nothing
    /// unless they commit by themselves. Gives the tag of the last.
    #[track_caller]
    fn script(&self, sql: &str) -> impl Future<Output = Result<Status>> + Send {
        let target = here(self.target());
        async move { Ok(Status::of(run_script(&target?, sql, None).await?)) }
    }

    /// A server-side cursor: rows come as they are asked for. It needs a connection that is in a
    /// transaction; an engine uses the current one.
    #[track_caller]
    fn iterate<'p>(
        &self,
        sql: impl Into<Sql>,
        params: &'p [&'p (dyn ToSql + Sync)],
    ) -> impl Future<Output = Result<Cursor<'p>>> + Send {
        let (target, sql) = (here(self.target()), sql.into());
        async move {
            let target = target?;
            let seat = cursor_seat(&target).await?;
            let timeout = target.timeout.or(target.core.config().command_timeout);
            Ok(Cursor::rows(seat, sql, params, timeout))
        }
    }

    /// The same, with a limit on how long a statement may take: waiting for a connection and
    /// running, each time. It goes before the configuration's `command_timeout`, which counts
    /// running only.
    fn timeout(&self, timeout: Duration) -> TimeLimited<'_>
    where
        Self: Sized,
    {
        TimeLimited { on: self, timeout }
    }
}

impl<T: sealed::Runs + Sync> Executor for T {}

/// See [`Executor::timeout`].
pub struct TimeLimited<'a> {
    on: &'a (dyn sealed::Runs + Sync),
    timeout: Duration,
}

impl sealed::Runs for TimeLimited<'_> {
    fn target(&self) -> Result<Target<'_>> {
        let mut target = self.on.target()?;
        target.timeout = Some(self.timeout);
        Ok(target)
    }
}

/// The server's command tag, such as `INSERT 0 2`, `UPDATE 2` or `CREATE TABLE`; empty if there
/// was nothing to run. Of several runs it is that of the last.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Status {
    tag: Cow<'static, str>,
    affected: u64,
}

impl Status {
    pub(crate) fn of(done: Completion) -> Status {
        let Completion { tag, affected, .. } = done;
        Status { tag, affected }
    }

    /// The tag.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// How many rows were inserted, updated, deleted or selected; 0 if the tag has no number.
    pub fn rows_affected(&self) -> u64 {
        self.affected
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.tag)
    }
}

/// Where a statement runs, and for how long at most.
pub struct Target<'a> {
    pub(crate) core: Cow<'a, Core>,
    pub(crate) place: Place<'a>,
    pub(crate) timeout: Option<Duration>,
    /// The line that asks, if it is known.
    pub(crate) origin: Option<&'static Location<'static>>,
}

#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    /// The current connection, else one of the pool.
    Pool,
    Handle(&'a Arc<Handle>),
    Transaction(&'a Arc<Level>),
}

impl<'a> Target<'a> {
    pub(crate) fn new(core: &'a Core, place: Place<'a>) -> Target<'a> {
        Target {
            core: Cow::Borrowed(core),
            place,
            timeout: None,
            origin: None,
        }
    }

    fn limit(&self) -> Option<Limit> {
        context::limit(self.core.runtime(), self.timeout)
    }
}

/// `target`, asked for by the line that calls.
#[track_caller]
fn here(target: Result<Target<'_>>) -> Result<Target<'_>> {
    let origin = Some(Location::caller());
    target.map(|target| Target { origin, ..target })
}

pub(crate) mod sealed {
    use gino_core::error::Result;

    /// What an [`Executor`](super::Executor) is made of.
    pub trait Runs {
        fn target(&self) -> Result<super::Target<'_>>;
    }
}

/// The connection for a cursor: it needs a transaction, so none is borrowed for it.
pub(crate) async fn cursor_seat(target: &Target<'_>) -> Result<Arc<Seat>> {
    let limit = target.limit();
    match target.place {
        Place::Transaction(level) => active(&level.inner),
        Place::Handle(handle) => seat_of(handle, limit).await,
        Place::Pool => match context::newest(&target.core) {
            Some(handle) => seat_of(&handle, limit).await,
            None => Err(UsageError::CursorOutsideTransaction.into()),
        },
    }
}

/// Runs a statement whose rows go to `sink`, at most `max_rows` of them if that is not 0.
#[expect(
    clippy::manual_async_fn,
    reason = "an async function has room for its arguments twice"
)]
pub(crate) fn statement<'a>(
    target: &'a Target<'a>,
    sql: &'a Sql,
    values: &'a dyn Params,
    max_rows: u32,
    sink: Option<Box<dyn Sink>>,
) -> impl Future<Output = Result<Completion>> + Send + 'a {
    async move {
        let (seat, lease, limit) = place(target).await?;
        let running = seat.run_within(limit, sql, values, sink, max_rows);
        #[cfg(feature = "tracing")]
        let running = trace::query(&seat, sql.as_str(), running);
        give_back(lease, running.await).await
    }
}

/// Runs one or more statements without parameters, whose rows go to `sink`.
async fn run_script(
    target: &Target<'_>,
    sql: &str,
    sink: Option<Box<dyn Sink>>,
) -> Result<Completion> {
    let (seat, lease, limit) = place(target).await?;
    let running = seat.script_within(limit, sql, sink);
    #[cfg(feature = "tracing")]
    let running = trace::query(&seat, sql, running);
    give_back(lease, running.await).await
}

/// Runs one or more statements without parameters.
pub(crate) async fn script(target: &Target<'_>, sql: &str) -> Result<()> {
    run_script(target, sql, None).await.map(drop)
}

async fn rows(
    target: &Target<'_>,
    sql: Sql,
    params: &[&(dyn ToSql + Sync)],
    max_rows: u32,
) -> Result<Vec<Row>> {
    let values = Values(params);
    let done = statement(target, &sql, &values, max_rows, RowSink::boxed()).await?;
    Ok(RowSink::rows_of(done.sink))
}

/// Where a statement runs, with what has to be given back afterwards, and until when.
async fn place(target: &Target<'_>) -> Result<(Arc<Seat>, Option<Lease>, Option<Limit>)> {
    let limit = target.limit();
    let (seat, lease) = borrow(target, limit).await?;
    let limit = match target.timeout {
        Some(_) => limit,
        None => context::command_limit(&target.core),
    };
    Ok((seat, lease, limit))
}

/// Gives a connection back, and the result once it is whole again. A future of its own: it has its room
/// where the statement's was.
async fn give_back(lease: Option<Lease>, done: Result<Completion>) -> Result<Completion> {
    let lease = lease.filter(|_| done.is_ok());
    if let Some(rest) = lease.and_then(Lease::begin_release) {
        // A hook that fails has closed the connection: the next borrower is not concerned.
        drop(rest.await);
    }
    done
}

/// Where a statement runs, with what has to be given back afterwards.
async fn borrow(target: &Target<'_>, limit: Option<Limit>) -> Result<(Arc<Seat>, Option<Lease>)> {
    let seat = match target.place {
        Place::Transaction(level) => active(&level.inner)?,
        Place::Handle(handle) => seat_of(handle, limit).await?,
        Place::Pool => match context::newest(&target.core) {
            Some(handle) => seat_of(&handle, limit).await?,
            None => {
                let lease = target.core.acquire(limit).await?;
                lease.name_holder(target.origin.map(Origin::Rust));
                return Ok((Arc::clone(lease.seat()), Some(lease)));
            }
        },
    };
    Ok((seat, None))
}

async fn seat_of(handle: &Handle, limit: Option<Limit>) -> Result<Arc<Seat>> {
    match handle.current_seat().filter(|_| !handle.is_released()) {
        Some(seat) => Ok(seat),
        None => Box::pin(handle.seat(limit)).await,
    }
}

fn active(transaction: &CoreTransaction) -> Result<Arc<Seat>> {
    match transaction.is_active() {
        true => Ok(Arc::clone(transaction.seat())),
        false => Err(UsageError::TransactionEnded.into()),
    }
}

pub(crate) fn at_most_one<T>(mut rows: Vec<T>) -> Result<Option<T>> {
    match rows.len() {
        0 | 1 => Ok(rows.pop()),
        _ => Err(RowError::SeveralFound.into()),
    }
}
