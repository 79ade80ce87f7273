//! Owns how PostgreSQL is asked for encryption (PostgreSQL manual, "SSL Session Encryption"), and in
//! which order a connection is tried with and without. Never opens or encrypts anything; `engine`
//! goes through the attempts, the faces' runtimes ask.

use std::sync::Arc;

use crate::config::{Endpoint, KeepAlive, Protocol, SslMode, Tls};
use crate::error::{Error, Leaf, Phase, ProtocolError};
use crate::session::{Answer, Encryption, Question, Route};

/// One way to try a connection.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Where to, and whether it is encrypted.
    pub route: Route,
    /// Which protocol is asked for.
    pub protocol: Protocol,
}

impl Attempt {
    /// The first way to try `endpoint`. `sslmode` means nothing for Unix sockets.
    pub fn first(endpoint: &Endpoint, tls: &Arc<Tls>, protocol: Protocol) -> Attempt {
        let encryption = match (endpoint, tls.mode()) {
            (Endpoint::Unix { .. }, _) | (_, SslMode::Disable | SslMode::Allow) => None,
            (_, mode) => Some(encryption(tls, mode > SslMode::Prefer)),
        };
        Attempt {
            route: Route {
                endpoint: endpoint.clone(),
                encryption,
                keepalive: KeepAlive::default(),
                shuffled: false,
            },
            protocol,
        }
    }

    /// What else to try after `error`, as libpq does: the other kind of encryption where `sslmode`
    /// leaves the choice, the oldest protocol where the server knows no other.
    ///
    /// `was_encrypted` is what the failed attempt came to. A wrong password is not tried again
    /// without encryption, other than libpq does: it would only be shown to everybody on the way.
    pub fn after(
        &self,
        error: &Error,
        was_encrypted: bool,
        tls: &Arc<Tls>,
        oldest: Protocol,
    ) -> Option<Attempt> {
        let next = |encryption, protocol| Attempt {
            route: Route {
                encryption,
                ..self.route.clone()
            },
            protocol,
        };
        let asked = self.route.encryption.as_ref();
        // 0A000 feature_not_supported, 08P01 protocol_violation: a server or pooler that is older.
        if matches!(error.sqlstate(), Some("0A000" | "08P01")) && self.protocol > oldest {
            return Some(next(asked.cloned(), oldest));
        }
        // 28000 invalid_authorization_specification: pg_hba.conf has no entry for this encryption.
        let unwelcome = error.sqlstate() == Some("28000");
        match asked {
            Some(asked)
                if !asked.required
                    && (failed_in(error, Phase::Tls)
                        || was_encrypted && (unwelcome || failed_in(error, Phase::Startup))) =>
            {
                Some(next(None, self.protocol))
            }
            None if unwelcome
                && tls.mode() == SslMode::Allow
                && matches!(self.route.endpoint, Endpoint::Tcp { .. }) =>
            {
                Some(next(Some(encryption(tls, true)), self.protocol))
            }
            _ => None,
        }
    }
}

fn failed_in(error: &Error, phase: Phase) -> bool {
    matches!(error.leaf(), Leaf::Connect(cause) if cause.phase() == phase)
}

fn encryption(tls: &Arc<Tls>, required: bool) -> Encryption {
    Encryption {
        tls: Arc::clone(tls),
        question: (!tls.direct).then_some(QUESTION),
        protocol: "postgresql",
        required,
    }
}

/// What the byte that answers an SSLRequest means. More than one byte is somebody's attempt to slip
/// in what would be taken for the server's encrypted words (CVE-2021-23222). The text of an error
/// counts for nothing: nobody has proved to be the server yet. A server that does no TLS and ends in
/// this moment says both (PostgreSQL source, secure_read).
fn judge(answer: &[u8]) -> Result<Answer, ProtocolError> {
    let got = match answer {
        b"S" => return Ok(Answer::Begin),
        b"N" => return Ok(Answer::Decline),
        [b'E', ..] | b"NE" => return Ok(Answer::Fail),
        [b'S' | b'N', ..] => "more than one byte".into(),
        other => format!("\"{}\"", other.escape_ascii()).into(),
    };
    Err(ProtocolError {
        state: "asking for encryption",
        expected: "S or N",
        got,
    })
}

/// An SSLRequest: its length and the code 80877103.
const QUESTION: Question = Question {
    request: &[0, 0, 0, 8, 4, 210, 22, 47],
    judge,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_is_one_byte_unless_the_server_fails() {
        for (answer, meaning) in [
            (&b"S"[..], Some(Answer::Begin)),
            (b"N", Some(Answer::Decline)),
            (b"EF", Some(Answer::Fail)),
            // Declined, and then the server's process ended with an error.
            (b"NE", Some(Answer::Fail)),
            (b"SE", None),
            (b"NR", None),
            (b"R", None),
        ] {
            assert_eq!(judge(answer).ok(), meaning, "{answer:?}");
        }
    }
}
