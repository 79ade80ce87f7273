//! Owns how long a request has its connection or transaction, whatever the framework. Never knows a
//! request or a response: the frameworks' modules do.

use gino_core::engine::{Isolation, TransactionOptions};
use gino_core::error::{Error, Result};

use crate::connection::{Acquire, Connection};
use crate::context;
use crate::engine::Engine;
use crate::gino::Gino;
use crate::transaction::Transaction;

/// Middleware that gives each request a connection or a transaction: a `Layer` for axum and others
/// on tower, and for actix-web what `App::wrap` takes.
///
/// Implicit statements of the handler, and of extractors and middleware inside of this one, run on
/// it; the extractors [`Connection`] and [`Transaction`] hand it to the handler. Tasks that a
/// handler spawns start clean, and so does a body that is streamed.
#[derive(Debug, Clone)]
pub struct PerRequest {
    database: Database,
    /// None for a connection only.
    transaction: Option<TransactionOptions>,
}

impl PerRequest {
    /// A lazy connection for each request: borrowed with the first statement, kept for the others,
    /// and given back when the response begins; a body that is streamed, or a clone of the
    /// [`Connection`], may borrow again. Requests without statements cost the pool nothing.
    ///
    /// If nothing is bound a request has no connection, and its statements say so.
    pub fn connection(database: impl Into<Database>) -> PerRequest {
        PerRequest {
            database: database.into(),
            transaction: None,
        }
    }

    /// A transaction for each request. It is committed if the response has a status of 2xx or 3xx,
    /// before that is sent, and rolled back otherwise: by an error of the handler, a panic, a client
    /// that went away. Inside another `PerRequest` of the same database it uses that one's
    /// connection.
    ///
    /// A commit that fails is answered as [`Failure`](super::Failure) is, in place of the response.
    /// Transactions of the handler are savepoints.
    pub fn transaction(database: impl Into<Database>) -> PerRequest {
        PerRequest {
            database: database.into(),
            transaction: Some(TransactionOptions::default()),
        }
    }

    /// The isolation level of the requests' transactions, else the session's default.
    pub fn isolation(mut self, isolation: Isolation) -> PerRequest {
        self.transaction.get_or_insert_default().isolation = Some(isolation);
        self
    }

    /// Nothing may be written in the requests' transactions.
    pub fn readonly(mut self) -> PerRequest {
        self.transaction.get_or_insert_default().readonly = true;
        self
    }

    /// Runs `handle` with what the request is given. `is_good` says whether a response is to be
    /// committed.
    ///
    /// # Errors
    /// What the begin or the commit of a transaction came to.
    ///
    /// # Cancellation
    /// The connection goes back; a transaction is rolled back.
    pub(super) async fn run<R: 'static, F: Future<Output = R>>(
        &self,
        handle: impl FnOnce(Given) -> F,
        is_good: fn(&R) -> bool,
    ) -> Result<R> {
        context::scope(None, async {
            let acquire = self.database.acquire().reuse().lazy();
            let Some(options) = self.transaction else {
                let connection = self.database.acquire().lazy().await.ok();
                let given = Given {
                    connection: connection.clone(),
                    transaction: None,
                };
                let response = handle(given).await;
                if let Some(connection) = connection {
                    connection.give_back().await;
                }
                return Ok(response);
            };
            let connection = acquire.await?;
            let begin = connection.begin_with(options);
            let inner = connection.clone();
            let ended = begin.run(async |transaction| {
                let given = Given {
                    connection: Some(inner),
                    transaction: Some(transaction),
                };
                let response = handle(given).await;
                match is_good(&response) {
                    true => Ok(response),
                    false => Err(Stop::Bad(response)),
                }
            });
            let ended = ended.await;
            connection.give_back().await;
            match ended {
                Ok(response) | Err(Stop::Bad(response)) => Ok(response),
                Err(Stop::Failed(error)) => Err(error),
            }
        })
        .await
    }
}

/// What a request is given.
pub(super) struct Given {
    pub(super) connection: Option<Connection>,
    pub(super) transaction: Option<Transaction>,
}

enum Stop<R> {
    Bad(R),
    Failed(Error),
}

impl<R> From<Error> for Stop<R> {
    fn from(error: Error) -> Stop<R> {
        Stop::Failed(error)
    }
}

/// Where requests get their connections from: a `static` [`Gino`] (`&DB`), which need not be bound
/// yet, or an [`Engine`].
#[derive(Debug, Clone)]
pub struct Database(Source);

#[derive(Debug, Clone)]
enum Source {
    Gino(&'static Gino),
    Engine(Engine),
}

impl Database {
    fn acquire(&self) -> Acquire {
        match &self.0 {
            Source::Gino(gino) => gino.acquire(),
            Source::Engine(engine) => engine.acquire(),
        }
    }
}

impl From<&'static Gino> for Database {
    fn from(gino: &'static Gino) -> Database {
        Database(Source::Gino(gino))
    }
}

impl From<Engine> for Database {
    fn from(engine: Engine) -> Database {
        Database(Source::Engine(engine))
    }
}

impl From<&Engine> for Database {
    fn from(engine: &Engine) -> Database {
        Database(Source::Engine(engine.clone()))
    }
}
