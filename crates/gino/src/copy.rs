//! Owns COPY as the application sees it: data in and out of a connection, in portions.
//! Never makes a statement or holds more than a portion.

use std::fmt;

use bytes::Bytes;
use gino_core::engine::{self as core, Copied};
use gino_core::error::Result;

use crate::connection::Connection;
use crate::driver::TokioRuntime;

impl Connection {
    /// Runs a COPY … FROM STDIN, as far as the server takes data. Other statements on this
    /// connection wait until the copy has ended: finish or drop it before you run one.
    ///
    /// # Errors
    /// The server's; a usage error for a statement that takes no data.
    ///
    /// # Cancellation
    /// The copy is given up.
    pub async fn copy_in(&self, sql: &str) -> Result<CopyIn> {
        let seat = Box::pin(self.handle().seat(None)).await?;
        seat.copy_in(sql).await.map(CopyIn)
    }

    /// Runs a COPY … TO STDOUT. Other statements on this connection wait until all is read, or the
    /// copy is dropped.
    ///
    /// # Errors
    /// The server's, here or from [`CopyOut::read`].
    ///
    /// # Cancellation
    /// The copy is given up.
    pub async fn copy_out(&self, sql: &str) -> Result<CopyOut> {
        let seat = Box::pin(self.handle().seat(None)).await?;
        seat.copy_out(sql).await.map(CopyOut)
    }
}

/// A COPY FROM STDIN that takes data. Dropped before it is finished, the server stores nothing.
#[must_use = "nothing is stored before it is finished"]
pub struct CopyIn(core::CopyIn<TokioRuntime>);

impl CopyIn {
    /// Sends some of the data, cut wherever the caller likes; waits while too much is on its way.
    ///
    /// # Errors
    /// What the server has to say about the data. The copy has ended then.
    ///
    /// # Cancellation
    /// Nobody knows how much was sent: drop the copy.
    pub async fn write(&mut self, data: &[u8]) -> Result<()> {
        self.0.write(data).await
    }

    /// Says that this was all. Returns the command tag, such as `COPY 5`.
    ///
    /// # Errors
    /// What the server has to say about the data; nothing is stored then.
    ///
    /// # Cancellation
    /// The copy is given up, or has been stored already.
    pub async fn finish(self) -> Result<String> {
        Ok(self.0.finish().await?.tag.into())
    }
}

/// A COPY TO STDOUT. The server waits while nobody reads.
pub struct CopyOut(core::CopyOut<TokioRuntime>);

impl CopyOut {
    /// The next of the data, as much as there is; `None` at the end.
    ///
    /// # Errors
    /// The server's; `Closed` when asked again after the end.
    ///
    /// # Cancellation
    /// Nothing is lost.
    pub async fn read(&mut self) -> Result<Option<Bytes>> {
        Ok(match self.0.read().await? {
            Copied::Data(data) => Some(data),
            Copied::End(_) => None,
        })
    }
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
