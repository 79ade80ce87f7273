//! Owns the words about encryption between flows, backends and faces: what is asked for, how a server
//! is asked for it, and what came of it. Never encrypts; a face's runtime does.

use std::sync::Arc;

use crate::config::{Endpoint, KeepAlive, Tls};
use crate::error::{ConnectError, Phase, ProtocolError, Result};

/// Where to connect to, and how.
#[derive(Debug, Clone)]
pub struct Route {
    /// Where the server listens.
    pub endpoint: Endpoint,
    /// How the connection is encrypted; none if it is not.
    pub encryption: Option<Encryption>,
    /// How the system watches over a TCP connection.
    pub keepalive: KeepAlive,
    /// Whether the addresses of one host are tried in random order.
    pub shuffled: bool,
}

/// How a face encrypts a connection.
#[derive(Debug, Clone)]
pub struct Encryption {
    /// What the server has to prove, and the versions.
    pub tls: Arc<Tls>,
    /// How the server is asked whether it can; none to begin with TLS at once.
    pub question: Option<Question>,
    /// What TLS's ALPN calls the backend's protocol.
    pub protocol: &'static str,
    /// Whether to give up if the server cannot.
    pub required: bool,
}

/// What is said and heard before TLS begins. Nothing may be read beyond the answer.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    /// The bytes to send.
    pub request: &'static [u8],
    /// What the answer means.
    pub judge: fn(&[u8]) -> Result<Answer, ProtocolError>,
}

/// What a server answers to a [`Question`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// TLS begins now.
    Begin,
    /// It goes on without.
    Decline,
    /// It is of no use any more.
    Fail,
}

impl Encryption {
    /// Whether TLS begins after `answer`, which is all that came in after the question.
    ///
    /// # Errors
    /// A `ConnectError` if the server cannot and has to, or said nothing; a `ProtocolError` if it
    /// said something else.
    pub fn begins(&self, answer: &[u8], endpoint: &Endpoint) -> Result<bool> {
        let Some(question) = self.question else {
            return Ok(true);
        };
        let failed = |reason: &'static str| {
            let cause = std::io::Error::other(reason);
            Err(ConnectError::new(Phase::Tls, endpoint.to_string(), cause).into())
        };
        if answer.is_empty() {
            return failed("the server closed the connection");
        }
        match (question.judge)(answer)? {
            Answer::Begin => Ok(true),
            Answer::Decline if self.required => {
                failed("the server does not do TLS, and sslmode does not let it go without")
            }
            Answer::Decline => Ok(false),
            Answer::Fail => failed("the server answered the request for it with an error"),
        }
    }
}

/// What came of connecting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    /// Anybody on the way can read along.
    Plain,
    /// TLS.
    Tls {
        /// The hash of the server's certificate, for channel binding (RFC 5929,
        /// `tls-server-end-point`); none if the certificate's signature has no hash.
        end_point: Option<Box<[u8]>>,
    },
}
