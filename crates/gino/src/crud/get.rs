//! Owns one row by its key, with a text per model.

use std::fmt;
use std::time::Duration;

use gino_core::error::Result;

use crate::BoxFuture;
use crate::model::{Key, Model};
use crate::place::On;
use crate::query::Executor;
use crate::select::{Rows, Whole};

/// A row by its primary key: `User::get(1)`. Await it to have an `Option<User>`.
#[must_use = "nothing is asked before it is awaited"]
pub struct Get<M: Model> {
    key: M::Key,
    on: On,
}

impl<M: Model> Get<M>
where
    M::Key: Key,
{
    pub(crate) fn new(key: M::Key) -> Get<M> {
        Get {
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

    async fn run(self) -> Result<Option<M>> {
        let mut values = Vec::with_capacity(1);
        self.key.values(&mut values);
        let sql = M::plans().get(M::TABLE);
        let rows = Rows::new(Whole::<M>::new());
        Ok(self.on.load(sql, &values, 0, rows).await?.pop())
    }
}

impl<M: Model> IntoFuture for Get<M>
where
    M::Key: Key,
{
    type Output = Result<Option<M>>;
    type IntoFuture = BoxFuture<Result<Option<M>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<M: Model> fmt::Debug for Get<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Get")
            .field("on", &self.on)
            .finish_non_exhaustive()
    }
}
