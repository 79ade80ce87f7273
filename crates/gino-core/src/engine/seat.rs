//! Owns the running of requests on one borrowed connection: prepare if needed, submit, await, and
//! what happens when nobody awaits any more. `Lease`, `Handle`, `Transaction` and `Cursor` run here.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use super::inner::Inner;
use super::on_drop::OnDrop;
use super::signal::Signal;
use super::timeout::{Limit, within};
use crate::error::{Closed, Error, Result, UsageError};
use crate::pool::SlotId;
use crate::runtime::Runtime;
use crate::session::{
    Completion, Known, Outlet, Reply, Request, Route, Session, Sink, Sql, Statement, Status,
    Submitted,
};

/// A connection as long as it is borrowed. Requests of several tasks queue on it, in order.
pub struct Seat<R: Runtime> {
    pub(super) inner: Arc<Inner<R>>,
    pub(super) slot: SlotId,
    /// The connection's number in the pool.
    pub(super) number: u64,
    pub(super) session: Arc<dyn Session>,
    pub(super) route: Arc<Route>,
    /// Open unless a cancellation is under way.
    pub(super) gate: Signal,
    pub(super) given_back: AtomicBool,
    /// How many are between asking whether it was given back and having submitted.
    pub(super) entering: AtomicUsize,
    /// What has to run before anything else once the gate opens.
    pub(super) owed: Mutex<Vec<String>>,
    pub(super) last_sql: Arc<Mutex<Option<Sql>>>,
    pub(super) names: AtomicU64,
    /// The transactions under way, each inside the one before.
    levels: Mutex<Vec<u64>>,
    /// What the transaction under way has to do once it is committed.
    after_commit: Mutex<Vec<AfterCommit>>,
    /// The last statement that failed did so because of another transaction.
    pub(super) conflict: AtomicBool,
}

/// What is to be done after a commit.
pub type AfterCommit = Pin<Box<dyn Future<Output = ()> + Send>>;

impl<R: Runtime> Seat<R> {
    pub(super) fn new(
        inner: Arc<Inner<R>>,
        slot: SlotId,
        number: u64,
        session: Arc<dyn Session>,
        route: Arc<Route>,
        last_sql: Arc<Mutex<Option<Sql>>>,
    ) -> Arc<Seat<R>> {
        Arc::new(Seat {
            inner,
            slot,
            number,
            session,
            route,
            gate: Signal::opened(),
            given_back: AtomicBool::new(false),
            entering: AtomicUsize::new(0),
            owed: Mutex::default(),
            last_sql,
            names: AtomicU64::new(0),
            levels: Mutex::default(),
            after_commit: Mutex::default(),
            conflict: AtomicBool::new(false),
        })
    }

    /// Runs a script of one or more statements without parameters; values come as text.
    ///
    /// # Errors
    /// As [`Seat::run`]; what ran before the error is undone unless the script commits by itself.
    ///
    /// # Cancellation
    /// As [`Seat::run`].
    pub async fn script(
        self: &Arc<Self>,
        sql: &str,
        sink: Option<Box<dyn Sink>>,
    ) -> Result<Completion> {
        self.script_within(None, sql, sink).await
    }

    /// As [`Seat::script`], until `limit`.
    ///
    /// # Errors
    /// As [`Seat::script`]; `Timeout`.
    ///
    /// # Cancellation
    /// As [`Seat::run`].
    pub async fn script_within(
        self: &Arc<Self>,
        limit: Option<Limit>,
        sql: &str,
        sink: Option<Box<dyn Sink>>,
    ) -> Result<Completion> {
        let text = Sql::new(sql);
        self.note(&text);
        let watch = self.watch(&text);
        let running = self.request(|| Request::Script(sql), sink);
        let done = within(&self.inner.runtime, limit, running).await;
        if let Some(watch) = watch {
            watch.done(&done, false, 0);
        }
        done
    }

    /// As [`Seat::script`], for what the server does at once. It is never cancelled by a request, which
    /// would fail the transaction around it.
    ///
    /// # Cancellation
    /// What `owed` says is sent, ahead of whatever is submitted later.
    pub(super) async fn control(self: &Arc<Self>, sql: &str, owed: Owed<'_>) -> Result<Completion> {
        let text = Sql::new(sql);
        self.note(&text);
        let watch = self.watch(&text);
        let done = self.uninterrupted(sql, owed).await;
        if let Some(watch) = watch {
            watch.done(&done, false, 0);
        }
        done
    }

    /// As [`Seat::control`], for what is no statement of anybody.
    async fn uninterrupted(self: &Arc<Self>, sql: &str, owed: Owed<'_>) -> Result<Completion> {
        let owes = |script| OnDrop::new((&**self, script), Seat::pay);
        let mut debt = owes(owed.unsent);
        let done = loop {
            match self.submit(Request::Script(sql), &mut None) {
                Ok(Submitted::Reply(reply)) => {
                    std::mem::replace(&mut debt, owes(owed.sent)).keep();
                    break reply.await;
                }
                Ok(Submitted::Held) => self.gate.wait().await,
                Err(error) => break Err(error),
            }
        };
        debt.keep();
        done
    }

    fn pay((seat, script): (&Self, Option<&str>)) {
        if let Some(script) = script {
            seat.send(script.into());
        }
    }

    /// The statement for `sql`, prepared if this connection does not have it yet.
    ///
    /// # Errors
    /// As [`Seat::run`].
    ///
    /// # Cancellation
    /// Harmless: the statement is kept for the next use.
    pub async fn prepared(self: &Arc<Self>, sql: &Sql) -> Result<Arc<Statement>> {
        self.prepare(sql, &mut false).await
    }

    /// As [`Seat::prepared`]; `fresh` says whether it had to be prepared.
    pub(super) async fn prepare(
        self: &Arc<Self>,
        sql: &Sql,
        fresh: &mut bool,
    ) -> Result<Arc<Statement>> {
        self.informed_of(self.look_up(sql), sql, fresh).await
    }

    /// What this connection has of the statement for `sql`, which it says runs now.
    pub(super) fn look_up(&self, sql: &Sql) -> Option<Arc<Statement>> {
        self.note(sql);
        self.session.cached(sql)
    }

    /// That statement, with all that has to be known of it.
    pub(super) async fn informed_of(
        self: &Arc<Self>,
        cached: Option<Arc<Statement>>,
        sql: &Sql,
        fresh: &mut bool,
    ) -> Result<Arc<Statement>> {
        match cached {
            Some(statement) if matches!(statement.known, Known::Own) => Ok(statement),
            // On the heap: each statement would have room for what is rare.
            cached => Box::pin(self.complete(cached, sql, fresh)).await,
        }
    }

    /// The statement with all that has to be known of it, prepared if it was not `cached`.
    async fn complete(
        self: &Arc<Self>,
        cached: Option<Arc<Statement>>,
        sql: &Sql,
        fresh: &mut bool,
    ) -> Result<Arc<Statement>> {
        let statement = match cached {
            Some(statement) => statement,
            None => {
                *fresh = true;
                let prepare = || self.request(|| Request::Prepare(sql), None);
                let done = match prepare().await {
                    // A name that is taken is a stranger's: outside a transaction the next one will do.
                    Err(error)
                        if error.sqlstate() == Some(DUPLICATE_STATEMENT)
                            && self.status() == Status::Idle =>
                    {
                        prepare().await?
                    }
                    done => done?,
                };
                done.rare
                    .and_then(|rare| rare.statement)
                    .ok_or(Closed::Connection)?
            }
        };
        match statement.known {
            Known::Own => Ok(statement),
            _ => self.informed(statement).await,
        }
    }

    /// As `answer`, with a stale statement as an error.
    pub(super) async fn request<'a>(
        self: &Arc<Self>,
        make: impl Fn() -> Request<'a>,
        mut sink: Option<Box<dyn Sink>>,
    ) -> Result<Completion> {
        let mut done = self.answer(make, &mut sink).await?;
        match done.take_stale() {
            Some(error) => Err(error),
            None => Ok(done),
        }
    }

    /// Submits the request that `make` makes, when the connection takes it, and awaits its answer.
    pub(super) async fn answer<'a>(
        self: &Arc<Self>,
        make: impl Fn() -> Request<'a>,
        sink: &mut Option<Box<dyn Sink>>,
    ) -> Result<Completion> {
        loop {
            match self.submit(make(), sink)? {
                Submitted::Reply(reply) => {
                    let reply = Some(reply);
                    let result = Watched { seat: self, reply }.await;
                    return result.inspect_err(|error| self.note_conflict(error));
                }
                Submitted::Held => self.gate.wait().await,
            }
        }
    }

    /// Whether what failed here last did so because of another transaction, and no statement has
    /// run since: see [`Error::is_conflict`].
    pub fn had_conflict(&self) -> bool {
        self.conflict.load(Ordering::Relaxed)
    }

    pub(super) fn note_conflict(&self, error: &Error) {
        if error.is_conflict() {
            self.conflict.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn forget_conflict(&self) {
        self.conflict.store(false, Ordering::Relaxed);
    }

    /// The runtime.
    pub fn runtime(&self) -> &R {
        &self.inner.runtime
    }

    /// Submits unless the connection was given back. Who gives it back meanwhile, on another thread
    /// or from inside the parameters, sees that somebody is just entering.
    pub(super) fn submit(
        &self,
        request: Request<'_>,
        sink: &mut Option<Box<dyn Sink>>,
    ) -> Result<Submitted> {
        self.entering.fetch_add(1, Ordering::SeqCst);
        let submitted = if self.given_back.load(Ordering::SeqCst) {
            Err(UsageError::Released.into())
        } else {
            self.session.submit(request, sink)
        };
        self.entering.fetch_sub(1, Ordering::SeqCst);
        submitted
    }

    /// From now on `outlet` hears what the server says by itself on this connection, or nobody does.
    /// It ends when the connection goes back to the pool or is closed. Returns who heard it before.
    ///
    /// # Errors
    /// `Released` once the connection went back; `Closed`.
    pub fn listen(&self, outlet: Option<Arc<dyn Outlet>>) -> Result<Option<Arc<dyn Outlet>>> {
        self.entering.fetch_add(1, Ordering::SeqCst);
        let mut before = Ok(self.session.listen(outlet));
        if self.given_back.load(Ordering::SeqCst) {
            drop(self.session.listen(None));
            before = Err(UsageError::Released.into());
        } else if self.session.status() == Status::Closed {
            before = Err(Closed::Connection.into());
        }
        self.entering.fetch_sub(1, Ordering::SeqCst);
        before
    }

    /// Sends `script` ahead of whatever is submitted later, and waits for nothing. Too late, on a
    /// connection that was given back, it does nothing.
    pub(super) fn send(&self, script: String) {
        let submitted = self.submit(Request::Script(&script), &mut None);
        if matches!(submitted, Ok(Submitted::Held)) {
            self.owed().push(script);
            if self.gate.is_open() {
                self.send_owed();
            }
        }
    }

    /// Lets others in again, unless the session is held by somebody else meanwhile.
    pub(super) fn reopen(&self) {
        if !self.session.is_held() {
            self.send_owed();
        }
        self.gate.open_unless(|| self.session.is_held());
    }

    /// Sends what could not be sent during a cancellation. Call it before the gate opens.
    fn send_owed(&self) {
        let owed = std::mem::take(&mut *self.owed());
        for script in owed {
            // A connection that is closed has nothing to undo.
            let _ = self.session.submit(Request::Script(&script), &mut None);
        }
    }

    pub(super) fn after_commit(&self) -> MutexGuard<'_, Vec<AfterCommit>> {
        (self.after_commit.lock()).unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn levels(&self) -> MutexGuard<'_, Vec<u64>> {
        self.levels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn owed(&self) -> MutexGuard<'_, Vec<String>> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the server's word on the transaction covers all that was submitted before.
    pub(super) async fn settle(self: &Arc<Self>) -> Result<()> {
        if self.session.in_flight() > 0 || !self.gate.is_open() {
            self.uninterrupted("", Owed::default()).await?;
        }
        Ok(())
    }

    /// What the server last said about the transaction.
    pub fn status(&self) -> Status {
        self.session.status()
    }

    /// The script that undoes what outlives a transaction: settings, temporary tables, …
    pub fn reset_script(&self) -> &'static str {
        self.session.reset_script()
    }

    /// A setting that the server reports by itself.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.session.parameter(name)
    }

    /// All settings that the server reports by itself.
    pub fn parameters(&self) -> Vec<(String, String)> {
        self.session.parameters()
    }

    /// The server's process behind it, if it told.
    pub fn process(&self) -> Option<i32> {
        self.session.process()
    }

    /// Closes the connection at once: what is under way on it fails, and the pool takes another in its
    /// place when it is given back.
    pub fn close(&self) {
        self.session.close();
    }

    /// A name for a savepoint or portal that was not used on this seat before.
    pub(super) fn next_name(&self, prefix: &str) -> String {
        format!("{prefix}{}", self.next_number())
    }

    /// A number that was not used on this seat before.
    pub(super) fn next_number(&self) -> u64 {
        self.names.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn note(&self, sql: &Sql) {
        let mut last = self.last_sql.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref() != Some(sql) {
            *last = Some(sql.clone());
        }
    }
}

/// SQLSTATE `duplicate_prepared_statement`.
const DUPLICATE_STATEMENT: &str = "42P05";

/// What is sent in the place of a script that is given up.
#[derive(Default)]
pub(super) struct Owed<'a> {
    /// Before its turn has come.
    pub(super) unsent: Option<&'a str>,
    /// While its answer is under way.
    pub(super) sent: Option<&'a str>,
}

/// A reply that cancels its request when it is dropped too early.
struct Watched<'a, R: Runtime> {
    seat: &'a Arc<Seat<R>>,
    reply: Option<Reply>,
}

impl<R: Runtime> Future for Watched<'_, R> {
    type Output = Result<Completion>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(reply) = &mut self.reply else {
            return Poll::Ready(Err(Closed::Connection.into()));
        };
        let result = std::task::ready!(Pin::new(reply).poll(cx));
        self.reply = None;
        Poll::Ready(result)
    }
}

impl<R: Runtime> Drop for Watched<'_, R> {
    fn drop(&mut self) {
        if let Some(reply) = self.reply.take() {
            self.seat.abandon(reply);
        }
    }
}
