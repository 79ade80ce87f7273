//! Owns the start-up conversation: the StartupMessage, the protocol's version, and authentication by
//! trust, clear text, MD5, SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (PostgreSQL manual, "Start-up" and
//! "SASL Authentication"). `Link` makes one per connection, `Answers` feeds it. Never keeps a
//! password longer than the conversation.

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{
    self, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256,
};
use postgres_protocol::message::{backend, frontend};

use super::input::Frame;
use super::message;
use crate::config::{ChannelBinding, Config, Endpoint, Login, Method, Protocol, Secret};
use crate::error::{AuthError, Error, ProtocolError, Result, UsageError};
use crate::session::Channel;

pub(super) struct Startup {
    user: String,
    password: Option<Secret>,
    passfile_trouble: Option<Box<str>>,
    login: Login,
    channel: Channel,
    /// The newest protocol that both sides speak, as far as is known.
    protocol: Protocol,
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
    pub(super) fn new(
        config: &Config,
        endpoint: &Endpoint,
        channel: Channel,
        protocol: Protocol,
    ) -> Startup {
        Startup {
            login: config.login,
            channel,
            protocol,
            user: config.user.clone(),
            password: config.password_for(endpoint).cloned(),
            passfile_trouble: config.passfile_trouble().map(Box::from),
            scram: None,
            state: State::Asked,
        }
    }

    /// Handles an Authentication message and appends the answer to `out`.
    pub(super) fn handle(&mut self, frame: Frame<'_>, out: &mut BytesMut) -> Result<()> {
        use backend::Message as M;
        match (&self.state, parse(frame)?) {
            (State::Asked | State::Answered | State::ScramVerified, M::AuthenticationOk) => {
                if self.state == State::Asked {
                    self.allow(Method::None, "nothing")?;
                }
                self.state = State::Authenticated;
                self.password = None;
            }
            (State::Asked, M::AuthenticationCleartextPassword) => {
                self.allow(Method::Password, "the password in clear text")?;
                frontend::password_message(self.password()?.as_bytes(), out).map_err(broken)?;
                self.state = State::Answered;
            }
            (State::Asked, M::AuthenticationMd5Password(body)) => {
                self.allow(Method::Md5, "the MD5 of the password")?;
                let password = self.password()?.as_bytes();
                let hash = md5_hash(self.user.as_bytes(), password, body.salt());
                frontend::password_message(hash.as_bytes(), out).map_err(broken)?;
                self.state = State::Answered;
            }
            (State::Asked, M::AuthenticationSasl(body)) => {
                let mut offered = (false, false);
                let mut mechanisms = body.mechanisms();
                while let Some(mechanism) = mechanisms.next().map_err(broken)? {
                    offered.0 |= mechanism == SCRAM_SHA_256;
                    offered.1 |= mechanism == SCRAM_SHA_256_PLUS;
                }
                self.begin_scram(offered, out)?;
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

    /// Handles NegotiateProtocolVersion: the server knows no newer protocol than the one it names.
    pub(super) fn negotiate(&mut self, frame: Frame<'_>) -> Result<()> {
        let (newest, options) = message::protocol_version(frame.body)?;
        let is_answer = self.state == State::Asked && self.protocol > Protocol::V3_0;
        if !is_answer || newest != Protocol::V3_0.number() || options > 0 {
            let got = format!("protocol {:#x} and {options} unknown options", newest);
            return Err(ProtocolError {
                state: "agreeing on a protocol",
                expected: "an older protocol than the one asked for, at least 3.0",
                got: got.into(),
            }
            .into());
        }
        if self.login.min_protocol > Protocol::V3_0 {
            return Err(AuthError::OldProtocol.into());
        }
        self.protocol = Protocol::V3_0;
        Ok(())
    }

    /// Answers the offer of SCRAM without and with channel binding.
    fn begin_scram(&mut self, (plain, plus): (bool, bool), out: &mut BytesMut) -> Result<()> {
        use sasl::ChannelBinding as Binding;
        let wanted = self.login.channel_binding;
        if plus && self.channel == Channel::Plain {
            // An encrypted connection ends on the way, and who ended it wants to pass for the server.
            return Err(ProtocolError {
                state: "authenticating",
                expected: "no channel binding, since the connection is not encrypted",
                got: SCRAM_SHA_256_PLUS.into(),
            }
            .into());
        }
        let end_point = match &self.channel {
            Channel::Tls { end_point } if wanted != ChannelBinding::Disable => end_point.as_deref(),
            _ => None,
        };
        let (mechanism, binding) = match end_point {
            Some(hash) if plus => (
                SCRAM_SHA_256_PLUS,
                Binding::tls_server_end_point(hash.to_vec()),
            ),
            _ if wanted == ChannelBinding::Require => {
                return Err(AuthError::NotBound(match self.channel {
                    Channel::Plain => "the connection is not encrypted",
                    _ if plus => "the server's certificate is signed without a hash",
                    _ => "the server does not offer SCRAM-SHA-256-PLUS",
                })
                .into());
            }
            _ if !plain => {
                return Err(AuthError::Unsupported("SASL without SCRAM-SHA-256").into());
            }
            // Says that we could: a server that could too knows then that its offer was tampered with.
            Some(_) => (SCRAM_SHA_256, Binding::unrequested()),
            None => (SCRAM_SHA_256, Binding::unsupported()),
        };
        if !self.login.methods.contains(Method::Scram) {
            return Err(AuthError::Excluded("SCRAM-SHA-256").into());
        }
        let scram = ScramSha256::new(self.password()?.as_bytes(), binding);
        frontend::sasl_initial_response(mechanism, scram.message(), out).map_err(broken)?;
        self.scram = Some(scram);
        self.state = State::Scram;
        Ok(())
    }

    /// Whether a method without channel binding is accepted.
    fn allow(&self, method: Method, name: &'static str) -> Result<()> {
        if !self.login.methods.contains(method) {
            return Err(AuthError::Excluded(name).into());
        }
        if self.login.channel_binding == ChannelBinding::Require {
            return Err(AuthError::NotBound(match method {
                Method::None => "the server lets us in without a password",
                _ => "the server asks for the password itself or its MD5",
            })
            .into());
        }
        Ok(())
    }

    fn password(&self) -> Result<&str> {
        match &self.password {
            Some(password) => Ok(password.expose()),
            None => Err(AuthError::NoPassword {
                user: self.user.clone(),
                passfile: self.passfile_trouble.clone(),
            }
            .into()),
        }
    }
}

/// The first message of a connection.
pub(super) fn request(config: &Config, protocol: Protocol, out: &mut BytesMut) -> Result<()> {
    let parameters = config.startup_parameters();
    let pairs = parameters.iter().map(|(key, value)| (&**key, &**value));
    let start = out.len();
    frontend::startup_message(pairs, out).map_err(|_| UsageError::Config {
        name: "user, database or server setting".into(),
        reason: "must not contain a zero byte".into(),
    })?;
    // The length comes first, then the version, which postgres-protocol takes to be 3.0.
    if let Some(version) = out.get_mut(start + 4..start + 8) {
        version.copy_from_slice(&protocol.number().to_be_bytes());
    }
    Ok(())
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
