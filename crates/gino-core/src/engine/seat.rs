//! Owns the running of requests on one borrowed connection: prepare if needed, submit, await, and
//! what happens when nobody awaits any more. `Lease`, `Handle`, `Transaction` and `Cursor` run here.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use super::inner::Inner;
use super::late::{Doubtful, Late};
use super::observe::Watch;
use super::on_drop::OnDrop;
use super::run::{Running, State};
use super::signal::Signal;
use super::timeout::{Limit, race, statement_late, within};
use crate::error::{Closed, Error, Result, UsageError};
use crate::pool::SlotId;
use crate::runtime::Runtime;
use crate::session::{
    Completion, Known, Outlet, Params, Reply, Request, Route, Session, Sink, Sql, Statement,
    Status, Submitted,
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

    /// Runs `sql` with `params` once per parameter set; rows go to `sink`, at most `max_rows` (0: all).
    ///
    /// # Errors
    /// The server's error, a value that does not fit, `Closed`, or `Released` once the connection
    /// went back to the pool. A statement whose result has changed since it was prepared is prepared
    /// again, but not inside a transaction, which has failed then.
    ///
    /// # Cancellation
    /// The statement is cancelled on the server if nothing else is in flight, else its rows are
    /// drained; the connection is ready for the next request afterwards.
    pub async fn run(
        self: &Arc<Self>,
        sql: &Sql,
        params: &dyn Params,
        sink: Option<Box<dyn Sink>>,
        max_rows: u32,
    ) -> Result<Completion> {
        self.run_within(None, sql, params, sink, max_rows).await
    }

    /// As [`Seat::run`], until `limit`.
    ///
    /// # Errors
    /// As [`Seat::run`]; `Timeout`.
    ///
    /// # Cancellation
    /// As [`Seat::run`].
    pub fn run_within<'a>(
        self: &'a Arc<Self>,
        limit: Option<Limit>,
        sql: &'a Sql,
        params: &'a dyn Params,
        mut sink: Option<Box<dyn Sink>>,
        max_rows: u32,
    ) -> impl Future<Output = Result<Completion>> + Send + 'a {
        let (limit, state) = match self.watch(sql) {
            None => (limit, State::Begun),
            // Who watches is told of a time-out, too.
            Some(watch) => {
                let sink = sink.take();
                let flow = self.watched(watch, limit, sql, params, sink, max_rows);
                (None, State::Otherwise(Box::pin(flow)))
            }
        };
        let running = Running {
            seat: self,
            sql,
            params,
            sink,
            max_rows,
            state,
        };
        race(&self.inner.runtime, limit, statement_late, running)
    }

    async fn watched(
        self: &Arc<Self>,
        watch: Box<Watch<'_, R>>,
        limit: Option<Limit>,
        sql: &Sql,
        params: &dyn Params,
        sink: Option<Box<dyn Sink>>,
        max_rows: u32,
    ) -> Result<Completion> {
        let mut fresh = false;
        let done = {
            let cached = self.look_up(sql);
            let running = pin!(self.execute(cached, sql, params, sink, max_rows, &mut fresh));
            race(&self.inner.runtime, limit, statement_late, running).await
        };
        watch.done(&done, fresh, max_rows);
        done
    }

    /// Prepares the statement if it is not `cached`, which [`Seat::look_up`] says, runs it, and runs it
    /// once more if what was known of it was out of date. `fresh` says whether it was prepared.
    #[expect(
        clippy::manual_async_fn,
        reason = "an async function has room for its arguments twice"
    )]
    pub(super) fn execute<'a>(
        self: &'a Arc<Self>,
        mut cached: Option<Arc<Statement>>,
        sql: &'a Sql,
        params: &'a dyn Params,
        mut sink: Option<Box<dyn Sink>>,
        max_rows: u32,
        fresh: &'a mut bool,
    ) -> impl Future<Output = Result<Completion>> + Send + 'a {
        async move {
            let mut again = true;
            loop {
                let statement = &self.informed_of(cached, sql, fresh).await?;
                let doubtful = Doubtful::new(params);
                let learnt = matches!(statement.known, Known::Learnt { .. });
                let params = if learnt { &doubtful } else { params };
                let request = || Request::Execute {
                    statement,
                    params,
                    max_rows,
                };
                let may_be_late = learnt && Late::around(&mut sink, &statement.columns);
                match self.answer(request, &mut sink).await {
                    // Nothing was sent: once more, with what the types are now.
                    Err(_) if again && doubtful.were_refused() && self.doubt(sql) => {}
                    answer => {
                        let mut done = answer?;
                        let Some(error) = done.take_stale() else {
                            self.conflict.store(false, Ordering::Relaxed);
                            if may_be_late {
                                Box::pin(self.catch_up(&mut done.sink)).await?;
                            }
                            return Ok(done);
                        };
                        if !matches!(statement.known, Known::Own) {
                            self.session.catalog().forget();
                        }
                        // Outside a transaction nothing is lost: once more, with a fresh statement.
                        if !again || self.status() != Status::Idle {
                            return Err(error);
                        }
                        sink = done.sink;
                    }
                }
                if may_be_late {
                    Late::off(&mut sink);
                }
                cached = self.look_up(sql);
                again = false;
            }
        }
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

    async fn informed_of(
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
    async fn answer<'a>(
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
