//! Owns the running of one statement: submit, await, and what happens when nobody awaits any more.
//! Goes through it in one step where the statement is known and its types are the server's own, which
//! is nearly always. Never prepares or repeats one: `seat` does, and goes on with it here.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use super::seat::Seat;
use crate::error::{Error, Result};
use crate::runtime::Runtime;
use crate::session::{
    Completion, Known, Params, Reply, Request, Sink, Sql, Statement, Status, Submitted,
};

/// A statement on its way. Written by hand: each statement has room for one, and is asked through it.
///
/// # Cancellation
/// As [`Seat::run`].
pub(super) struct Running<'a, R: Runtime> {
    pub(super) seat: &'a Arc<Seat<R>>,
    pub(super) sql: &'a Sql,
    pub(super) params: &'a dyn Params,
    pub(super) sink: Option<Box<dyn Sink>>,
    pub(super) max_rows: u32,
    pub(super) state: State<'a>,
}

pub(super) enum State<'a> {
    Begun,
    Submitted(Reply),
    /// Whatever takes more.
    Otherwise(Flow<'a>),
    Ended,
}

pub(super) type Flow<'a> = Pin<Box<dyn Future<Output = Result<Completion>> + Send + 'a>>;

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
