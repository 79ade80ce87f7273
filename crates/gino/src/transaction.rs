//! Owns transactions around a closure: begin, commit, roll back. Nested ones are savepoints.
//! Never decides what is nested: the server's state does, in `gino_core::engine::Transaction`.

use std::fmt;
use std::sync::Arc;

use gino_core::engine::{Seat, TransactionOptions};
use gino_core::error::{Error, UsageError};

use crate::context::Core;
use crate::driver::TokioRuntime;
use crate::query::{Place, Target, sealed};

type CoreTransaction = gino_core::engine::Transaction<TokioRuntime>;

/// A transaction, or a savepoint inside one, as long as its closure runs.
///
/// Clones are the same transaction. Statements of several tasks queue on its connection.
#[derive(Clone)]
pub struct Transaction {
    core: Core,
    inner: Arc<CoreTransaction>,
}

impl Transaction {
    /// Runs `body` in a savepoint: its error rolls back to here, and nothing else.
    ///
    /// # Errors
    /// `body`'s; the server's; a usage error if this transaction has ended.
    ///
    /// # Cancellation
    /// Rolled back to the savepoint.
    pub async fn transaction<T, E>(
        &self,
        body: impl AsyncFnOnce(Transaction) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        if !self.inner.is_active() {
            return Err(Error::from(UsageError::TransactionEnded).into());
        }
        let seat = Arc::clone(self.inner.seat());
        run(&self.core, seat, TransactionOptions::default(), body).await
    }

    /// Whether this is a savepoint inside another transaction.
    pub fn is_nested(&self) -> bool {
        self.inner.is_nested()
    }

    /// Whether it has neither been committed nor rolled back.
    pub fn is_active(&self) -> bool {
        self.inner.is_active()
    }
}

impl sealed::Runs for Transaction {
    fn target(&self) -> Target<'_> {
        Target::new(&self.core, Place::Transaction(&self.inner))
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("nested", &self.is_nested())
            .field("active", &self.is_active())
            .finish()
    }
}

/// Runs `body` in a transaction on `seat`.
pub(crate) async fn run<T, E>(
    core: &Core,
    seat: Arc<Seat<TokioRuntime>>,
    options: TransactionOptions,
    body: impl AsyncFnOnce(Transaction) -> Result<T, E>,
) -> Result<T, E>
where
    E: From<Error>,
{
    let inner = Arc::new(CoreTransaction::begin(seat, options).await?);
    let unfinished = AbandonOnDrop(Arc::clone(&inner));
    let core = core.clone();
    // On the heap: futures of nested transactions would contain each other several times over.
    let outcome = Box::pin(body(Transaction { core, inner })).await;
    match outcome {
        Ok(value) => {
            unfinished.0.commit().await?;
            Ok(value)
        }
        Err(error) => {
            // The first error is the one to tell; if this fails the connection is gone or is made
            // whole on its way back.
            let _ = unfinished.0.rollback().await;
            Err(error)
        }
    }
}

/// Rolls back what is dropped on the way: by a cancelled task or a panic.
struct AbandonOnDrop(Arc<CoreTransaction>);

impl Drop for AbandonOnDrop {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
