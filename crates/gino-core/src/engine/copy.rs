//! Owns COPY between a connection and whoever has or wants the data, in portions and without piling
//! them up. Given up half-way, it leaves a connection that is ready for the next request.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use super::seat::Seat;
use crate::error::{Closed, Result, UsageError};
use crate::runtime::Runtime;
use crate::session::{Completion, CopyDoor, CopyPipe, Feed, Reply, Request, Sql, Submitted};

impl<R: Runtime> Seat<R> {
    /// Runs `sql`, a COPY FROM STDIN, as far as the server takes data. Other requests wait until the
    /// copy has ended.
    ///
    /// # Errors
    /// As [`Seat::run`]; `Usage` for a statement that takes no data.
    ///
    /// # Cancellation
    /// The copy is given up.
    pub async fn copy_in(self: &Arc<Self>, sql: &str) -> Result<CopyIn<R>> {
        self.note(&Sql::new(sql));
        let door = Arc::new(CopyDoor::default());
        loop {
            self.gate.wait().await;
            // Closed before others can find the session held, and again after who held it before.
            self.gate.close();
            match self.submit(Request::CopyIn { sql, door: &door }, &mut None) {
                Ok(Submitted::Reply(reply)) => {
                    self.gate.close();
                    let (seat, reply) = (Arc::clone(self), Some(reply));
                    let mut copy = CopyIn {
                        seat,
                        door,
                        reply,
                        finishing: false,
                    };
                    copy.room().await?;
                    return Ok(copy);
                }
                Ok(Submitted::Held) => {}
                Err(error) => {
                    self.reopen();
                    return Err(error);
                }
            }
        }
    }

    /// Runs `sql`, a COPY TO STDOUT.
    ///
    /// # Errors
    /// As [`Seat::run`].
    ///
    /// # Cancellation
    /// As [`Seat::run`].
    pub async fn copy_out(self: &Arc<Self>, sql: &str) -> Result<CopyOut<R>> {
        self.note(&Sql::new(sql));
        let (pipe, sink) = CopyPipe::new();
        let sink = &mut Some(sink);
        loop {
            match self.submit(Request::Script(sql), sink)? {
                Submitted::Reply(reply) => {
                    let (seat, reply) = (Arc::clone(self), Some(reply));
                    let done = None;
                    return Ok(CopyOut {
                        seat,
                        pipe,
                        reply,
                        done,
                    });
                }
                Submitted::Held => self.gate.wait().await,
            }
        }
    }
}

/// A COPY FROM STDIN that takes data. Dropping it gives the copy up: the server undoes it.
pub struct CopyIn<R: Runtime> {
    seat: Arc<Seat<R>>,
    door: Arc<CopyDoor>,
    /// Until the answer is in.
    reply: Option<Reply>,
    /// The end was told.
    finishing: bool,
}

impl<R: Runtime> CopyIn<R> {
    /// Where it runs.
    pub fn seat(&self) -> &Arc<Seat<R>> {
        &self.seat
    }

    /// Sends some of the data, cut wherever the caller likes; waits while too much is on its way.
    ///
    /// # Errors
    /// What the server has to say about the data; `Closed`. The copy has ended then.
    ///
    /// # Cancellation
    /// Nobody knows how much was sent: drop the copy.
    pub async fn write(&mut self, data: &[u8]) -> Result<()> {
        let mut rest = data;
        while !rest.is_empty() {
            let sent = std::future::poll_fn(|cx| self.poll_write(cx, rest)).await?;
            rest = rest.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    /// Sends as much of the data as goes at once, and says how much that was, in bytes.
    ///
    /// # Errors
    /// As [`CopyIn::write`].
    pub fn poll_write(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<Result<usize>> {
        ready!(self.poll_room(cx))?;
        let chunk = data.get(..CHUNK).unwrap_or(data);
        if self.seat.session.feed(Feed::Data(chunk)).is_err() {
            // It has ended: the answer says why.
            let answer = ready!(self.poll_answer(cx));
            return Poll::Ready(answer.and_then(|_| Err(Closed::Connection.into())));
        }
        Poll::Ready(Ok(chunk.len()))
    }

    /// Says that this was all, and waits until the server has stored it.
    ///
    /// # Errors
    /// As [`CopyIn::write`].
    ///
    /// # Cancellation
    /// The copy is given up, or has been stored already.
    pub async fn finish(mut self) -> Result<Completion> {
        std::future::poll_fn(|cx| self.poll_finish(cx)).await
    }

    /// As [`CopyIn::finish`]. Nothing may be written once it was called.
    ///
    /// # Errors
    /// As [`CopyIn::write`].
    pub fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<Completion>> {
        if !self.finishing {
            ready!(self.poll_room(cx))?;
            self.finishing = true;
            self.door.close();
            // If it has ended by itself the answer says why.
            let _ = self.seat.session.feed(Feed::Done);
        }
        self.poll_answer(cx)
    }

    /// Until data may be fed.
    async fn room(&mut self) -> Result<()> {
        std::future::poll_fn(|cx| self.poll_room(cx)).await
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if let Poll::Ready(result) = self.poll_answer(cx) {
            return Poll::Ready(result.and_then(|_| Err(NO_COPY.into())));
        }
        self.door.poll_open(cx).map(Ok)
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Completion>> {
        let Some(reply) = &mut self.reply else {
            return Poll::Ready(Err(Closed::Connection.into()));
        };
        let result = ready!(Pin::new(reply).poll(cx));
        self.reply = None;
        self.seat.reopen();
        Poll::Ready(result)
    }
}

impl<R: Runtime> Drop for CopyIn<R> {
    fn drop(&mut self) {
        if let Some(reply) = self.reply.take() {
            if self.door.close() {
                // Refused only if the copy has ended.
                let _ = self.seat.session.feed(Feed::Fail("the copy was given up"));
            }
            self.seat.abandon_held(reply);
        }
    }
}

/// A COPY TO STDOUT. Dropping it cancels the copy, as it does a statement.
pub struct CopyOut<R: Runtime> {
    seat: Arc<Seat<R>>,
    pipe: Arc<CopyPipe>,
    /// Until the answer is in.
    reply: Option<Reply>,
    /// The answer, until all data is taken.
    done: Option<Completion>,
}

/// What a COPY TO STDOUT gives.
pub enum Copied {
    /// Some of the data.
    Data(Bytes),
    /// That was all.
    End(Completion),
}

impl<R: Runtime> CopyOut<R> {
    /// Where it runs.
    pub fn seat(&self) -> &Arc<Seat<R>> {
        &self.seat
    }

    /// The next of the data, as much as there is. The server waits while nobody asks.
    ///
    /// # Errors
    /// What the server has to say; `Closed`.
    ///
    /// # Cancellation
    /// Nothing is lost.
    pub async fn read(&mut self) -> Result<Copied> {
        std::future::poll_fn(|cx| {
            let mut taken = self.pipe.poll_take(cx);
            if taken.is_pending() && self.done.is_none() {
                let Some(reply) = &mut self.reply else {
                    return Poll::Ready(Err(Closed::Connection.into()));
                };
                let result = ready!(Pin::new(reply).poll(cx));
                self.reply = None;
                self.done = Some(result?);
                // The last of the data may have come together with the end.
                taken = self.pipe.poll_take(cx);
            }
            if let Poll::Ready(data) = taken {
                if self.pipe.take_pause() {
                    self.seat.session.resume();
                }
                return Poll::Ready(Ok(Copied::Data(data)));
            }
            let done = self.done.take().ok_or(Closed::Connection);
            Poll::Ready(done.map(Copied::End).map_err(Into::into))
        })
        .await
    }
}

impl<R: Runtime> Drop for CopyOut<R> {
    fn drop(&mut self) {
        if let Some(reply) = self.reply.take() {
            self.seat.abandon(reply);
        }
        if self.pipe.take_pause() {
            self.seat.session.resume();
        }
    }
}

const NO_COPY: UsageError = UsageError::Statement("the statement is no COPY FROM STDIN");

/// How much is fed at a time, in bytes.
const CHUNK: usize = 64 * 1024;
