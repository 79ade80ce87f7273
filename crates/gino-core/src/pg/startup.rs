//! Owns the start-up conversation: the StartupMessage and authentication by trust, clear text, MD5
//! and SCRAM-SHA-256 (PostgreSQL manual, "Start-up" and "SASL Authentication"). `Link` makes one
//! per connection, `Answers` feeds it. Never keeps a password longer than the conversation.

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::{backend, frontend};

use super::input::Frame;
use crate::config::Config;
use crate::error::{AuthError, Error, ProtocolError, Result};

pub(super) struct Startup {
    user: String,
    password: Option<String>,
    scram: Option<ScramSha256>,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    Asked,
    Answered,
    Scram,
    ScramVerified,
    Authenticated,
}

impl Startup {
    pub(super) fn new(config: &Config) -> Startup {
        Startup {
            user: config.user.clone(),
            password: config
                .password
                .as_ref()
                .map(|password| password.expose().to_owned()),
            scram: None,
            state: State::Asked,
        }
    }

    /// Handles an Authentication message and appends the answer to `out`.
    pub(super) fn handle(&mut self, frame: Frame<'_>, out: &mut BytesMut) -> Result<()> {
        use backend::Message as M;
        match (&self.state, parse(frame)?) {
            (State::Asked | State::Answered | State::ScramVerified, M::AuthenticationOk) => {
                self.state = State::Authenticated;
                self.password = None;
            }
            (State::Asked, M::AuthenticationCleartextPassword) => {
                frontend::password_message(self.password()?.as_bytes(), out).map_err(broken)?;
                self.state = State::Answered;
            }
            (State::Asked, M::AuthenticationMd5Password(body)) => {
                let password = self.password()?.as_bytes();
                let hash = md5_hash(self.user.as_bytes(), password, body.salt());
                frontend::password_message(hash.as_bytes(), out).map_err(broken)?;
                self.state = State::Answered;
            }
            (State::Asked, M::AuthenticationSasl(body)) => {
                if !body
                    .mechanisms()
                    .any(|m| Ok(m == SCRAM_SHA_256))
                    .map_err(broken)?
                {
                    return Err(AuthError::Unsupported("SASL without SCRAM-SHA-256").into());
                }
                let password = self.password()?.as_bytes();
                let scram = ScramSha256::new(password, ChannelBinding::unsupported());
                frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), out)
                    .map_err(broken)?;
                self.scram = Some(scram);
                self.state = State::Scram;
            }
            (State::Scram, M::AuthenticationSaslContinue(body)) => {
                let scram = self.scram.as_mut().ok_or_else(|| unexpected(frame))?;
                scram.update(body.data()).map_err(broken)?;
                frontend::sasl_response(scram.message(), out).map_err(broken)?;
            }
            (State::Scram, M::AuthenticationSaslFinal(body)) => {
                let scram = self.scram.as_mut().ok_or_else(|| unexpected(frame))?;
                scram
                    .finish(body.data())
                    .map_err(|_| AuthError::ServerSignature)?;
                self.state = State::ScramVerified;
            }
            (State::Asked, other) => return Err(AuthError::Unsupported(method(&other)).into()),
            _ => return Err(unexpected(frame)),
        }
        Ok(())
    }

    pub(super) fn is_authenticated(&self) -> bool {
        self.state == State::Authenticated
    }

    fn password(&self) -> Result<&str> {
        self.password.as_deref().ok_or_else(|| {
            AuthError::NoPassword {
                user: self.user.clone(),
            }
            .into()
        })
    }
}

/// The first message of a connection.
pub(super) fn request(config: &Config, out: &mut BytesMut) -> Result<()> {
    let parameters = config.startup_parameters();
    let pairs = parameters.iter().map(|(key, value)| (&**key, &**value));
    frontend::startup_message(pairs, out).map_err(|_| {
        crate::error::UsageError::Config {
            name: "user, database or server setting".into(),
            reason: "must not contain a zero byte".into(),
        }
        .into()
    })
}

/// Goes through the message parser of postgres-protocol, which wants the frame whole.
fn parse(frame: Frame<'_>) -> Result<backend::Message> {
    let length = u32::try_from(frame.body.len() + 4).map_err(|_| unexpected(frame))?;
    let mut whole = BytesMut::with_capacity(frame.body.len() + 5);
    whole.extend_from_slice(&[frame.tag]);
    whole.extend_from_slice(&length.to_be_bytes());
    whole.extend_from_slice(frame.body);
    backend::Message::parse(&mut whole)
        .map_err(broken)?
        .ok_or_else(|| unexpected(frame))
}

fn method(message: &backend::Message) -> &'static str {
    use backend::Message as M;
    match message {
        M::AuthenticationGss | M::AuthenticationSspi => "GSSAPI or SSPI",
        M::AuthenticationKerberosV5 => "Kerberos",
        M::AuthenticationScmCredential => "SCM credential",
        _ => "an unknown kind of",
    }
}

fn broken(cause: std::io::Error) -> Error {
    ProtocolError {
        state: "authenticating",
        expected: "a well-formed authentication message",
        got: cause.to_string().into(),
    }
    .into()
}

fn unexpected(frame: Frame<'_>) -> Error {
    ProtocolError {
        state: "authenticating",
        expected: "the next step of the method that was begun",
        got: format!("message '{}'", frame.tag.escape_ascii()).into(),
    }
    .into()
}
