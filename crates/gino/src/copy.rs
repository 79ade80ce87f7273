//! Owns COPY as the application sees it: data in and out of a connection, in portions.
//! Never makes a statement or holds more than a portion.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::{fmt, io};

use bytes::{Buf, Bytes};
use futures_core::Stream;
use futures_sink::Sink;
use gino_core::engine::{self as core, Copied, within};
use gino_core::error::{Error, Result};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connection::Connection;
use crate::context;
use crate::driver::{Core, TokioRuntime};

impl Connection {
    /// Runs a COPY … FROM STDIN, as far as the server takes data. Other statements on this
    /// connection wait until the copy has ended: finish or drop it before you run one.
    ///
    /// Each step of the copy, such as a [`CopyIn::write`], has the configuration's `command_timeout`
    /// for itself; what is driven as a [`Sink`] or an [`AsyncWrite`] has none.
    ///
    /// # Errors
    /// The server's; a time-out; a usage error for a statement that takes no data.
    ///
    /// # Cancellation
    /// The copy is given up.
    pub async fn copy_in(&self, sql: &str) -> Result<CopyIn> {
        let (core, seat) = (self.core().clone(), Box::pin(self.seat()).await?);
        let copy = limited(&core, seat.copy_in(sql)).await?;
        Ok(CopyIn {
            copy,
            core,
            rest: Bytes::new(),
        })
    }

    /// Runs a COPY … TO STDOUT. Other statements on this connection wait until all is read, or the
    /// copy is dropped. Time-outs are as of [`Connection::copy_in`].
    ///
    /// # Errors
    /// The server's, here or from [`CopyOut::read`]; a time-out.
    ///
    /// # Cancellation
    /// The copy is given up.
    pub async fn copy_out(&self, sql: &str) -> Result<CopyOut> {
        let (core, seat) = (self.core().clone(), Box::pin(self.seat()).await?);
        let copy = limited(&core, seat.copy_out(sql)).await?;
        Ok(CopyOut {
            copy,
            core,
            ended: false,
            rest: Bytes::new(),
        })
    }
}

/// A COPY FROM STDIN that takes data. Dropped before it is finished, the server stores nothing.
///
/// As a [`Sink`] it takes what streams give, as an [`AsyncWrite`] what `tokio::io::copy` and the like
/// do; closing and `shutdown` finish it.
///
/// ```no_run
/// use futures_util::{SinkExt, TryStreamExt};
/// use gino::prelude::*;
///
/// # async fn run(from: Engine, to: Engine) -> gino::Result<()> {
/// let (from, to) = (from.acquire().await?, to.acquire().await?);
/// let mut data = from.copy_out("COPY users TO STDOUT").await?;
/// let mut copy = to.copy_in("COPY users FROM STDIN").await?;
/// copy.send_all(&mut data).await?;
/// copy.close().await
/// # }
/// ```
#[must_use = "nothing is stored before it is finished"]
pub struct CopyIn {
    copy: core::CopyIn<TokioRuntime>,
    core: Core,
    /// What a sink has taken and not sent yet.
    rest: Bytes,
}

impl CopyIn {
    /// Sends some of the data, cut wherever the caller likes; waits while too much is on its way.
    ///
    /// # Errors
    /// What the server has to say about the data. The copy has ended then.
    ///
    /// # Cancellation
    /// Nobody knows how much was sent: drop the copy.
    pub async fn write(&mut self, data: &[u8]) -> Result<()> {
        let core = self.core.clone();
        let written = async {
            poll_fn(|cx| self.poll_rest(cx)).await?;
            self.copy.write(data).await
        };
        limited(&core, written).await
    }

    /// Says that this was all. Returns the command tag, such as `COPY 5`.
    ///
    /// # Errors
    /// What the server has to say about the data; nothing is stored then.
    ///
    /// # Cancellation
    /// The copy is given up, or has been stored already.
    pub async fn finish(mut self) -> Result<String> {
        let core = self.core.clone();
        let finished = async {
            poll_fn(|cx| self.poll_rest(cx)).await?;
            self.copy.finish().await
        };
        Ok(limited(&core, finished).await?.tag.into())
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        while !self.rest.is_empty() {
            let sent = ready!(self.copy.poll_write(cx, &self.rest))?;
            self.rest.advance(sent);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(self.poll_rest(cx))?;
        self.copy.poll_finish(cx).map_ok(drop)
    }
}

impl Sink<Bytes> for CopyIn {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.poll_rest(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, data: Bytes) -> Result<()> {
        self.rest = data;
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.poll_rest(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.poll_end(cx)
    }
}

/// A COPY TO STDOUT. The server waits while nobody reads. It is a stream too,
/// and an [`AsyncRead`].
pub struct CopyOut {
    copy: core::CopyOut<TokioRuntime>,
    core: Core,
    ended: bool,
    /// What did not fit into a reader's buffer.
    rest: Bytes,
}

impl CopyOut {
    /// The next of the data, as much as there is; `None` at the end.
    ///
    /// # Errors
    /// The server's; `Closed` when asked again after the end.
    ///
    /// # Cancellation
    /// Nothing is lost.
    pub async fn read(&mut self) -> Result<Option<Bytes>> {
        if !self.rest.is_empty() {
            return Ok(Some(std::mem::take(&mut self.rest)));
        }
        let read = limited(&self.core, self.copy.read()).await;
        self.ended = !matches!(read, Ok(Copied::Data(_)));
        Ok(match read? {
            Copied::Data(data) => Some(data),
            Copied::End(_) => None,
        })
    }
}

impl Stream for CopyOut {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        if self.ended && self.rest.is_empty() {
            return Poll::Ready(None);
        }
        // Nothing is lost with the future, so it need not be kept.
        let read = ready!(pin!(self.read()).poll(cx));
        Poll::Ready(read.transpose())
    }
}

impl AsyncWrite for CopyIn {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_rest(cx)).map_err(io::Error::other)?;
        self.copy.poll_write(cx, data).map_err(io::Error::other)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_rest(cx).map_err(io::Error::other)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_end(cx).map_err(io::Error::other)
    }
}

impl AsyncRead for CopyOut {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.rest.is_empty() {
            match ready!(self.as_mut().poll_next(cx)) {
                Some(Ok(data)) => self.rest = data,
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => return Poll::Ready(Ok(())),
            }
        }
        let count = self.rest.len().min(space.remaining());
        space.put_slice(&self.rest.split_to(count));
        Poll::Ready(Ok(()))
    }
}

/// Each step of a copy has the time of a statement.
async fn limited<T>(core: &Core, step: impl Future<Output = Result<T>>) -> Result<T> {
    within(core.runtime(), context::command_limit(core), step).await
}

impl fmt::Debug for CopyIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyIn").finish_non_exhaustive()
    }
}

impl fmt::Debug for CopyOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyOut").finish_non_exhaustive()
    }
}
