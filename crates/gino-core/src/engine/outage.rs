//! Owns which errors mean that the server cannot be reached for now, and telling them to those who
//! were not there. Never waits: the pool's machine says who tries when. `acquire` calls it.

use std::io;

use crate::error::{Closed, ConnectError, Deadline, Error, Leaf, Phase, Timeout};

/// Whether `error`, of an attempt to connect, may be over by itself.
pub(super) fn is_outage(error: &Error) -> bool {
    match error.leaf() {
        Leaf::Connect(connect) => connect.phase() != Phase::Tls,
        Leaf::Closed(Closed::Lost(_)) => true,
        Leaf::Timeout(timeout) => timeout.deadline() == Deadline::Connect,
        // Class 08 connection exception, 53300 too_many_connections, 57P01 to 57P03: shut down,
        // crashed, starting up (PostgreSQL manual, "PostgreSQL Error Codes").
        Leaf::Database(db) => {
            let state = db.sqlstate();
            state.starts_with("08") || matches!(state, "53300" | "57P01" | "57P02" | "57P03")
        }
        _ => false,
    }
}

/// The same error once more.
pub(super) fn again(error: &Error) -> Error {
    match error.leaf() {
        Leaf::Connect(connect) => {
            let cause = std::error::Error::source(connect).map(|cause| {
                let cause = cause.downcast_ref::<io::Error>();
                let kind = cause.map_or(io::ErrorKind::Other, io::Error::kind);
                let text = cause.map_or_else(String::new, ToString::to_string);
                io::Error::new(kind, text)
            });
            ConnectError::new(connect.phase(), connect.address(), cause).into()
        }
        Leaf::Database(db) => db.clone().into(),
        Leaf::Timeout(Timeout::Plain(deadline, after)) => Timeout::Plain(*deadline, *after).into(),
        Leaf::Closed(Closed::Lost(Some(cause))) => {
            let cause = io::Error::new(cause.kind(), cause.to_string());
            Closed::Lost(Some(cause)).into()
        }
        _ => Closed::Lost(None).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::AuthError;

    #[test]
    fn outage_is_told_as_it_was() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        for error in [
            Error::from(ConnectError::new(Phase::Socket, "db:5432", refused)),
            ConnectError::new(Phase::Resolve, "db:5432", None).into(),
            Closed::Lost(Some(reset)).into(),
            Closed::Lost(None).into(),
            Timeout::Plain(Deadline::Connect, Duration::from_secs(3)).into(),
        ] {
            assert!(is_outage(&error), "{error}");
            let told = again(&error);
            assert_eq!(told.to_string(), error.to_string());
            assert_eq!(told.kind(), error.kind());
        }
    }

    #[test]
    fn what_no_waiting_helps_is_no_outage() {
        let user = "fantix".to_owned();
        for error in [
            Error::from(AuthError::NoPassword {
                user,
                passfile: None,
            }),
            ConnectError::new(Phase::Tls, "db:5432", None).into(),
            Closed::Pool.into(),
            Timeout::Plain(Deadline::Statement, Duration::from_secs(3)).into(),
        ] {
            assert!(!is_outage(&error), "{error}");
        }
    }
}
