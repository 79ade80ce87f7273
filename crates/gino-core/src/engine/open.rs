//! Owns the opening of a connection: hosts in order, start-up, the connect time-out. The one flow
//! that names a backend. Called by `acquire`.

use std::sync::Arc;

use super::inner::Inner;
use super::on_drop::OnDrop;
use super::timeout::{Limit, race};
use crate::config::Endpoint;
use crate::error::{
    Closed, ConnectError, Deadline, Error, Leaf, Phase, Result, Timeout, UsageError,
};
use crate::pg::Link;
use crate::runtime::Runtime;
use crate::session::{Session, Wire};

/// An open connection and where it leads to.
pub(super) struct Opened {
    pub(super) session: Arc<dyn Session>,
    pub(super) endpoint: Endpoint,
}

impl<R: Runtime> Inner<R> {
    /// Opens a connection to the first host that takes it.
    ///
    /// # Cancellation
    /// Closes what was opened.
    pub(super) async fn open(&self) -> Result<Opened> {
        let limit = Limit::within(&self.runtime, self.config.connect_timeout);
        let late = |limit: Limit| Timeout::Plain(Deadline::Connect, limit.duration).into();
        race(&self.runtime, limit, late, self.open_any()).await
    }

    async fn open_any(&self) -> Result<Opened> {
        let mut last = None;
        for endpoint in &self.config.endpoints {
            match self.open_one(endpoint).await {
                Ok(opened) => return Ok(opened),
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => last = Some(better(last, error)),
            }
        }
        Err(last.unwrap_or_else(|| {
            let reason = "names no host to connect to".into();
            UsageError::Config {
                name: "host".into(),
                reason,
            }
            .into()
        }))
    }

    async fn open_one(&self, endpoint: &Endpoint) -> Result<Opened> {
        let wire = Link::new(&self.config);
        let closing = OnDrop::new(Arc::clone(&wire), |link| link.close());
        self.runtime
            .connect(endpoint, Arc::clone(&wire) as Arc<dyn Wire>)
            .await?;
        match wire.start(&self.config)?.await {
            Ok(_) => {
                closing.keep();
                Ok(Opened {
                    session: wire,
                    endpoint: endpoint.clone(),
                })
            }
            Err(error) => Err(match error.into_leaf() {
                Leaf::Closed(Closed::Lost(cause)) => {
                    ConnectError::new(Phase::Startup, endpoint.to_string(), cause).into()
                }
                leaf => leaf.into(),
            }),
        }
    }
}

/// Another host would say the same, or must not be asked with the same password.
fn is_final(error: &Error) -> bool {
    match error.sqlstate() {
        // 57P03 cannot_connect_now, 53300 too_many_connections: another host may be better off.
        Some(state) => !matches!(state, "57P03" | "53300"),
        None => matches!(error.leaf(), Leaf::Auth(_) | Leaf::Usage(_)),
    }
}

/// What a server said tells more than that another place had none.
fn better(last: Option<Error>, new: Error) -> Error {
    match last {
        Some(last) if last.db().is_some() => last,
        _ => new,
    }
}
