//! Owns the deletion of one row by its key, with a text per model.

use std::fmt;
use std::time::Duration;

use gino_core::error::Result;

use crate::BoxFuture;
use crate::model::{Key, Model};
use crate::place::On;
use crate::query::Executor;

/// A row that is about to be deleted: `user.delete()`. Await it to know whether it was there.
#[must_use = "nothing is deleted before it is awaited"]
pub struct Delete<M: Model> {
    key: M::Key,
    on: On,
}

impl<M: Model> Delete<M>
where
    M::Key: Key,
{
    pub(crate) fn new(key: M::Key) -> Delete<M> {
        Delete {
            key,
            on: On::new(M::db),
        }
    }

    /// Runs on `executor`: an engine, a connection, a transaction. Without it, on the model's
    /// database, in the current transaction or connection if there is one.
    pub fn on(mut self, executor: &(impl Executor + ?Sized)) -> Self {
        self.on.set(executor);
        self
    }

    /// Runs at most this long, waiting for a connection included.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.on.limit(timeout);
        self
    }

    async fn run(self) -> Result<bool> {
        let mut values = Vec::with_capacity(1);
        self.key.values(&mut values);
        let status = self.on.status(M::plans().delete(M::TABLE), &values).await?;
        Ok(status.rows_affected() > 0)
    }
}

impl<M: Model> IntoFuture for Delete<M>
where
    M::Key: Key,
{
    type Output = Result<bool>;
    type IntoFuture = BoxFuture<Result<bool>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<M: Model> fmt::Debug for Delete<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delete")
            .field("on", &self.on)
            .finish_non_exhaustive()
    }
}
