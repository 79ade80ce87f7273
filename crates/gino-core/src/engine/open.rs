//! Owns the opening of a connection: hosts in order, with and without encryption, start-up, the connect
//! time-out. The one flow that names a backend. Called by `acquire`.

use std::pin::pin;
use std::sync::Arc;

use super::inner::Inner;
use super::on_drop::OnDrop;
use super::target;
use super::timeout::{Limit, race};
use crate::config::{Endpoint, LoadBalanceHosts, TargetSessionAttrs};
use crate::error::{
    Closed, ConnectError, Deadline, Error, Leaf, Phase, Result, Timeout, UsageError,
};
use crate::pg::{Attempt, Link};
use crate::runtime::Runtime;
use crate::session::{Channel, Route, Session, Wire};

/// An open connection and where it leads to.
pub(super) struct Opened {
    pub(super) session: Arc<dyn Session>,
    /// As it came out: how a cancel request has to travel.
    pub(super) route: Route,
}

impl<R: Runtime> Inner<R> {
    /// Opens a connection to the first host that takes it.
    ///
    /// # Cancellation
    /// Closes what was opened.
    pub(super) async fn open(&self) -> Result<Opened> {
        let limit = Limit::within(&self.runtime, self.config.connect_timeout);
        let late = |limit: Limit| Timeout::Plain(Deadline::Connect, limit.duration).into();
        let opening = pin!(self.open_any());
        race(&self.runtime, limit, late, opening).await
    }

    async fn open_any(&self) -> Result<Opened> {
        let wanted = self.config.target_session_attrs;
        match self.open_first(wanted).await {
            Err(error) if wanted == TargetSessionAttrs::PreferStandby && !is_final(&error) => {
                self.open_first(TargetSessionAttrs::Any).await
            }
            opened => opened,
        }
    }

    async fn open_first(&self, wanted: TargetSessionAttrs) -> Result<Opened> {
        let mut last = None;
        for endpoint in &target::order(&self.config, &self.runtime) {
            match self.open_wanted(endpoint, wanted).await {
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

    async fn open_wanted(&self, endpoint: &Endpoint, wanted: TargetSessionAttrs) -> Result<Opened> {
        let Opened { session, route } = self.open_one(endpoint).await?;
        let closing = OnDrop::new(Arc::clone(&session), |session| session.close());
        if let Some(found) = target::mismatch(&*session, wanted).await? {
            let reason = format!("it {found}, and target_session_attrs={}", wanted.name());
            let cause = std::io::Error::other(reason);
            return Err(ConnectError::new(Phase::Startup, endpoint.to_string(), cause).into());
        }
        closing.keep();
        Ok(Opened { session, route })
    }

    /// Tries `endpoint` with and without encryption, as far as the settings leave the choice.
    async fn open_one(&self, endpoint: &Endpoint) -> Result<Opened> {
        let (tls, login) = (&self.config.tls, &self.config.login);
        let mut attempt = Attempt::first(endpoint, tls, login.max_protocol);
        attempt.route.keepalive = self.config.keepalive;
        attempt.route.shuffled = self.config.load_balance_hosts == LoadBalanceHosts::Random;
        let mut first = None;
        loop {
            let mut encrypted = false;
            let error = match self.attempt(&attempt, &mut encrypted).await {
                Ok(opened) => return Ok(opened),
                Err(error) => error,
            };
            let next = attempt.after(&error, encrypted, tls, login.min_protocol);
            match next {
                Some(next) => {
                    attempt = next;
                    first.get_or_insert(error);
                }
                // "No entry for this encryption" says less than why the other kind failed.
                None if error.sqlstate() == Some("28000") => return Err(first.unwrap_or(error)),
                None => return Err(error),
            }
        }
    }

    async fn attempt(&self, attempt: &Attempt, encrypted: &mut bool) -> Result<Opened> {
        let wire = Link::new(
            &self.config,
            Arc::clone(&self.catalog),
            // The first bit is set: names that it is in are all of one length.
            self.runtime.random() | 1 << 63,
        );
        let closing = OnDrop::new(Arc::clone(&wire), |link| link.close());
        let mut route = attempt.route.clone();
        let channel = self
            .runtime
            .connect(&route, Arc::clone(&wire) as Arc<dyn Wire>)
            .await?;
        *encrypted = channel != Channel::Plain;
        route.encryption = route.encryption.filter(|_| *encrypted);
        if let Some(encryption) = &mut route.encryption {
            encryption.required = true;
        }
        let (endpoint, protocol) = (&route.endpoint, attempt.protocol);
        match wire.start(&self.config, endpoint, channel, protocol)?.await {
            Ok(_) => {
                if self.config.statement_cache_size > 0 && is_pooled(&wire).await? {
                    wire.keep_no_statements();
                }
                closing.keep();
                Ok(Opened {
                    session: wire,
                    route,
                })
            }
            Err(error) => Err(match error.into_leaf() {
                Leaf::Closed(Closed::Lost(cause)) => {
                    let address = route.endpoint.to_string();
                    ConnectError::new(Phase::Startup, address, cause).into()
                }
                leaf => leaf.into(),
            }),
        }
    }
}

/// Whether a pooler stands between, such as PgBouncer, that may give each transaction to another server
/// process: then the process that answers is not the one that said hello. A prepared statement would
/// be missing there, or be another one.
async fn is_pooled(link: &Link) -> Result<bool> {
    let Some(greeted) = link.process_id() else {
        return Ok(false);
    };
    match target::ask(link, "SELECT pg_catalog.pg_backend_pid()").await {
        Ok(process) => Ok(process.parse().is_ok_and(|process: i32| process != greeted)),
        Err(error) if error.db().is_some() => Ok(false),
        Err(error) => Err(error),
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
