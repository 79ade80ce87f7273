//! Owns the running of one statement: in one step where it is known and its types are the server's own,
//! which is nearly always; else prepared, watched, and repeated where what was known is out of date.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use super::late::{Doubtful, Late};
use super::observe::Watch;
use super::seat::Seat;
use super::timeout::{Limit, race, statement_late};
use crate::error::{Error, Result};
use crate::runtime::Runtime;
use crate::session::{
    Completion, Known, Params, Reply, Request, Sink, Sql, Statement, Status, Submitted,
};

impl<R: Runtime> Seat<R> {
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
    fn execute<'a>(
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
}

/// A statement on its way. Written by hand: each statement has room for one, and is asked through it.
///
/// # Cancellation
/// As [`Seat::run`].
struct Running<'a, R: Runtime> {
    seat: &'a Arc<Seat<R>>,
    sql: &'a Sql,
    params: &'a dyn Params,
    sink: Option<Box<dyn Sink>>,
    max_rows: u32,
    state: State<'a>,
}

enum State<'a> {
    Begun,
    Submitted(Reply),
    /// Whatever takes more.
    Otherwise(Flow<'a>),
    Ended,
}

type Flow<'a> = Pin<Box<dyn Future<Output = Result<Completion>> + Send + 'a>>;

impl<'a, R: Runtime> Running<'a, R> {
    /// Submits the statement if that is all there is to it.
    fn begin(&mut self) -> Result<State<'a>> {
        let statement = match self.seat.look_up(self.sql) {
            Some(statement) if matches!(statement.known, Known::Own) => statement,
            other => return Ok(self.otherwise(other)),
        };
        let request = Request::Execute {
            statement: &statement,
            params: self.params,
            max_rows: self.max_rows,
        };
        Ok(match self.seat.submit(request, &mut self.sink)? {
            Submitted::Reply(reply) => State::Submitted(reply),
            Submitted::Held => self.otherwise(Some(statement)),
        })
    }

    #[cold]
    fn otherwise(&mut self, cached: Option<Arc<Statement>>) -> State<'a> {
        let (seat, sql, params, max_rows) = (self.seat, self.sql, self.params, self.max_rows);
        let sink = self.sink.take();
        State::Otherwise(Box::pin(async move {
            let fresh = &mut false;
            seat.execute(cached, sql, params, sink, max_rows, fresh)
                .await
        }))
    }

    /// Nothing ran: the statement is not what it was. Outside a transaction nothing is lost.
    #[cold]
    fn again(&mut self, done: Completion, error: Error) -> Result<State<'a>> {
        if self.seat.status() != Status::Idle {
            return Err(error);
        }
        self.sink = done.sink;
        let cached = self.seat.look_up(self.sql);
        Ok(self.otherwise(cached))
    }
}

impl<R: Runtime> Future for Running<'_, R> {
    type Output = Result<Completion>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Completion>> {
        let this = &mut *self;
        loop {
            let next = match &mut this.state {
                State::Begun => this.begin(),
                State::Submitted(reply) => {
                    let answer = ready!(Pin::new(reply).poll(cx));
                    this.state = State::Ended;
                    match answer {
                        Ok(mut done) => match done.take_stale() {
                            None => {
                                this.seat.conflict.store(false, Ordering::Relaxed);
                                return Poll::Ready(Ok(done));
                            }
                            Some(error) => this.again(done, error),
                        },
                        Err(error) => {
                            this.seat.note_conflict(&error);
                            Err(error)
                        }
                    }
                }
                State::Otherwise(flow) => return flow.as_mut().poll(cx),
                State::Ended => return Poll::Pending,
            };
            match next {
                Ok(state) => this.state = state,
                Err(error) => {
                    this.state = State::Ended;
                    return Poll::Ready(Err(error));
                }
            }
        }
    }
}

impl<R: Runtime> Drop for Running<'_, R> {
    fn drop(&mut self) {
        if let State::Submitted(reply) = std::mem::replace(&mut self.state, State::Ended) {
            self.seat.abandon(reply);
        }
    }
}
