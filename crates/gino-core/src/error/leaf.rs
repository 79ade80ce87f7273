//! Owns the leaves that are neither the server's nor the caller's fault.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

/// The peer broke the protocol. The connection is closed.
#[derive(Debug)]
pub struct ProtocolError {
    /// What the connection was doing.
    pub state: &'static str,
    /// What may come in that state.
    pub expected: &'static str,
    /// What came.
    pub got: Cow<'static, str>,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ProtocolError {
            state,
            expected,
            got,
        } = self;
        write!(
            f,
            "the server broke the protocol while {state}: expected {expected}, got {got}"
        )
    }
}

impl StdError for ProtocolError {}

/// How far an attempt to connect came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Looking up the host's name.
    Resolve,
    /// Opening the socket.
    Socket,
    /// The start-up conversation.
    Startup,
    /// Negotiating TLS.
    Tls,
}

/// No connection could be made. Carries the address, never the password.
#[derive(Debug)]
pub struct ConnectError {
    phase: Phase,
    address: String,
    cause: Option<io::Error>,
}

impl ConnectError {
    /// An attempt to reach `address` that failed in `phase`.
    pub fn new(
        phase: Phase,
        address: impl Into<String>,
        cause: impl Into<Option<io::Error>>,
    ) -> Self {
        ConnectError {
            phase,
            address: address.into(),
            cause: cause.into(),
        }
    }

    /// How far it came.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Where to: `host:port` or a socket's path.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.phase {
            Phase::Resolve => write!(f, "cannot resolve {}", self.address)?,
            Phase::Socket => write!(f, "cannot connect to {}", self.address)?,
            Phase::Startup => write!(f, "{} closed the connection during start-up", self.address)?,
            Phase::Tls => write!(f, "cannot negotiate TLS with {}", self.address)?,
        }
        match &self.cause {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

impl StdError for ConnectError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_ref().map(|cause| cause as _)
    }
}

/// Authentication cannot go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthError {
    /// The server wants a password and none was given.
    NoPassword {
        /// For which user.
        user: String,
        /// Why the password file was of no use.
        passfile: Option<Box<str>>,
    },
    /// The server wants a method that we do not speak.
    Unsupported(&'static str),
    /// The server could not prove that it knows the password.
    ServerSignature,
    /// The server wants a method that `require_auth` rules out.
    Excluded(&'static str),
    /// `channel_binding=require` cannot be had, and why.
    NotBound(&'static str),
    /// The server speaks protocol 3.0 only, `min_protocol_version` asks for a newer one.
    OldProtocol,
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AuthError::NoPassword { user, passfile } => {
                write!(
                    f,
                    "the server asks for the password of user \"{user}\": give one in the URL or as password="
                )?;
                passfile
                    .as_ref()
                    .map_or(Ok(()), |trouble| write!(f, "; {trouble}"))
            }
            AuthError::Unsupported(method) => {
                write!(
                    f,
                    "the server asks for {method} authentication, which is not supported"
                )
            }
            AuthError::ServerSignature => {
                f.write_str("the server did not prove that it knows the password")
            }
            AuthError::Excluded(method) => write!(
                f,
                "the server asks for {method}, and require_auth does not accept that"
            ),
            AuthError::NotBound(reason) => {
                write!(f, "channel_binding=require cannot be had: {reason}")
            }
            AuthError::OldProtocol => f.write_str(
                "the server speaks protocol 3.0 only, and min_protocol_version asks for more",
            ),
        }
    }
}

impl StdError for AuthError {}

/// What is closed.
#[derive(Debug)]
pub enum Closed {
    /// The connection was lost; the server or the network ended it.
    Lost(Option<io::Error>),
    /// The connection was closed by the application.
    Connection,
    /// The pool is closed or closing.
    Pool,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Closed::Lost(Some(cause)) => write!(f, "the connection was lost: {cause}"),
            Closed::Lost(None) => f.write_str("the connection was lost: the server closed it"),
            Closed::Connection => f.write_str("the connection is closed"),
            Closed::Pool => f.write_str("the pool is closed"),
        }
    }
}

impl StdError for Closed {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Closed::Lost(Some(cause)) => Some(cause),
            _ => None,
        }
    }
}

/// Which deadline passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// Opening a connection.
    Connect,
    /// Waiting for a connection of the pool.
    Acquire,
    /// Running a statement.
    Statement,
    /// Everything in a block together.
    Scope,
    /// Waiting for borrowed connections while closing.
    Close,
}

/// A deadline passed.
#[derive(Debug)]
pub enum Timeout {
    /// A connect, statement or scope deadline.
    Plain(Deadline, Duration),
    /// The pool had no connection in time, or did not get all back.
    Pool(PoolTimeout),
}

/// The pool's side of a [`Timeout`].
#[derive(Debug)]
pub struct PoolTimeout {
    /// [`Deadline::Acquire`] or [`Deadline::Close`].
    pub deadline: Deadline,
    /// How long it was waited for.
    pub waited: Duration,
    /// The pool's maximum size.
    pub max: usize,
    /// Who holds connections, a line each: task, age, last SQL.
    pub holders: Vec<String>,
    /// Why the server cannot be reached, if that is so.
    pub last_failure: Option<String>,
}

impl Timeout {
    /// Which deadline it was.
    pub fn deadline(&self) -> Deadline {
        match self {
            Timeout::Plain(deadline, _) => *deadline,
            Timeout::Pool(pool) => pool.deadline,
        }
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Timeout::Plain(Deadline::Connect, after) => write!(f, "no connection within {after:?}"),
            Timeout::Plain(Deadline::Scope, after) => {
                write!(f, "the block was not over within {after:?}")
            }
            Timeout::Plain(_, after) => write!(f, "the statement did not finish within {after:?}"),
            Timeout::Pool(PoolTimeout {
                deadline,
                waited,
                max,
                holders,
                last_failure,
            }) => {
                let what = match deadline {
                    Deadline::Close => "connections were not given back",
                    _ => "no connection became free",
                };
                write!(f, "{what} within {waited:?} (pool of {max})")?;
                for (i, holder) in holders.iter().enumerate() {
                    let lead = if i == 0 { "; held by " } else { ", " };
                    write!(f, "{lead}{holder}")?;
                }
                if let Some(failure) = last_failure {
                    write!(f, "; the last attempt to connect failed: {failure}")?;
                }
                Ok(())
            }
        }
    }
}

impl StdError for Timeout {}

/// A value that does not fit, with its place.
#[derive(Debug)]
pub struct CodecError {
    /// `parameter $1` or `column "age"`.
    pub place: String,
    /// The SQL type's name.
    pub sql_type: Cow<'static, str>,
    /// The host type's name.
    pub host_type: Cow<'static, str>,
    /// Why it does not fit.
    pub reason: Cow<'static, str>,
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CodecError {
            place,
            sql_type,
            host_type,
            reason,
        } = self;
        write!(
            f,
            "{place}: {host_type} does not fit SQL type {sql_type}: {reason}"
        )
    }
}

impl StdError for CodecError {}

/// The rows are not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowError {
    /// There is no row where one is required.
    NoneFound,
    /// There are several rows where at most one may be.
    SeveralFound,
    /// There is no such column.
    NoColumn(String),
    /// The row of an instance is gone: it was deleted, or its key was changed.
    NoSuchRow(&'static str),
    /// New rows did not come back: a trigger or rule of the table kept them out.
    KeptOut {
        /// The table's name.
        table: &'static str,
        /// How many rows were to be stored.
        given: usize,
        /// How many came back.
        stored: usize,
    },
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RowError::NoneFound => f.write_str("no row was found"),
            RowError::SeveralFound => f.write_str("several rows were found, one was asked for"),
            RowError::NoColumn(name) => write!(f, "the row has no column \"{name}\""),
            RowError::NoSuchRow(table) => write!(
                f,
                "the row is gone from {table}: it was deleted, or its key was changed"
            ),
            RowError::KeptOut {
                table, given: 1, ..
            } => write!(
                f,
                "the new row of {table} did not come back: a trigger or rule kept it out"
            ),
            RowError::KeptOut {
                table,
                given,
                stored,
            } => write!(
                f,
                "{stored} of {given} new rows of {table} came back: a trigger or rule kept the others \
                 out; `copy_in` stores what is let in, and tells how many"
            ),
        }
    }
}

impl StdError for RowError {}

/// An error of the host's own code that passes through the engine unchanged.
#[derive(Debug)]
pub struct HostError(pub Box<dyn StdError + Send + Sync>);

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for HostError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.0)
    }
}
