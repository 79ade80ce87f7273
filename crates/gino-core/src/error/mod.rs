//! Owns every error of the engine: one boxed word, built from typed leaves only.
//! Never turns a server's or a host's error into text on the way. Everybody above returns it.

mod db;
mod leaf;
mod usage;

use std::fmt;

pub use db::DbError;
pub use leaf::{
    AuthError, Closed, CodecError, ConnectError, Deadline, HostError, Phase, PoolTimeout,
    ProtocolError, RowError, Timeout,
};
pub use usage::UsageError;

/// The result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in one boxed word. Look at [`Error::kind`] first, then at the leaf.
pub struct Error(Box<Leaf>);

/// The kinds of [`Error`], told apart by who is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The server answered with an error; see [`Error::db`].
    Database,
    /// The peer broke the protocol; the connection is closed.
    Protocol,
    /// No connection could be made.
    Connect,
    /// The server asked for something we cannot or will not do, or refused the password.
    Auth,
    /// The connection, the pool or the engine is closed.
    Closed,
    /// A deadline passed; see [`Error::deadline`].
    Timeout,
    /// A value does not fit its SQL type, or a wire value its host type.
    Codec,
    /// The number of rows, or a column, is not what was asked for.
    Row,
    /// The caller made a mistake.
    Usage,
    /// Code of the host (a type's processor, a loader's callable) failed; `source()` is its error.
    Host,
}

macro_rules! leaves {
    ($($variant:ident($leaf:ty) => $kind:ident),* $(,)?) => {
        /// The typed leaf of an [`Error`].
        #[derive(Debug)]
        #[non_exhaustive]
        pub enum Leaf { $(
            #[doc = concat!("See [`", stringify!($leaf), "`].")]
            $variant($leaf)
        ),* }

        impl Leaf {
            fn kind(&self) -> ErrorKind {
                match self { $(Leaf::$variant(_) => ErrorKind::$kind),* }
            }

            fn as_error(&self) -> &(dyn std::error::Error + 'static) {
                match self { $(Leaf::$variant(leaf) => leaf),* }
            }
        }

        $(impl From<$leaf> for Error {
            #[cold]
            fn from(leaf: $leaf) -> Error {
                Error(Box::new(Leaf::$variant(leaf)))
            }
        })*
    };
}

leaves! {
    Database(DbError) => Database,
    Protocol(ProtocolError) => Protocol,
    Connect(ConnectError) => Connect,
    Auth(AuthError) => Auth,
    Closed(Closed) => Closed,
    Timeout(Timeout) => Timeout,
    Codec(CodecError) => Codec,
    Row(RowError) => Row,
    Usage(UsageError) => Usage,
    Host(HostError) => Host,
}

impl From<Leaf> for Error {
    fn from(leaf: Leaf) -> Error {
        Error(Box::new(leaf))
    }
}

impl Error {
    /// Who is at fault, in one word.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind()
    }

    /// The typed leaf, with everything that is known.
    pub fn leaf(&self) -> &Leaf {
        &self.0
    }

    /// The typed leaf, owned.
    pub fn into_leaf(self) -> Leaf {
        *self.0
    }

    /// The server's error with all of its fields, if the server is at fault.
    pub fn db(&self) -> Option<&DbError> {
        match &*self.0 {
            Leaf::Database(db) => Some(db),
            _ => None,
        }
    }

    /// The five characters of the server's SQLSTATE, if the server is at fault.
    pub fn sqlstate(&self) -> Option<&str> {
        self.db().map(DbError::sqlstate)
    }

    /// Whether a transaction failed only because of another one at the same time (SQLSTATE 40001,
    /// a serialization failure, and 40P01, a deadlock): all of it may work when it is tried again.
    pub fn is_conflict(&self) -> bool {
        matches!(self.sqlstate(), Some("40001" | "40P01"))
    }

    /// Which deadline passed, if one did.
    pub fn deadline(&self) -> Option<Deadline> {
        match &*self.0 {
            Leaf::Timeout(timeout) => Some(timeout.deadline()),
            _ => None,
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Error").field(self.0.as_error()).finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0.as_error(), f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.as_error().source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_is_one_word_and_can_cross_threads() {
        fn crosses<T: Send + Sync + std::error::Error>() {}
        crosses::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn kind_and_source_come_from_the_leaf() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let error = Error::from(ConnectError::new(Phase::Socket, "127.0.0.1:1", refused));
        assert_eq!(error.kind(), ErrorKind::Connect);
        assert!(std::error::Error::source(&error).is_some());
        assert_eq!(
            error.to_string(),
            "cannot connect to 127.0.0.1:1: connection refused"
        );
    }
}
