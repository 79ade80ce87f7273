//! Owns the caller's mistakes, a variant each. Never used for what a peer or the server did.

use std::fmt;

/// A mistake of the caller, with the way out in its message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UsageError {
    /// A URL, keyword or environment value that cannot be used.
    Config {
        /// Which setting it is.
        name: String,
        /// What is wrong with it and what to write instead.
        reason: String,
    },
    /// The number of values is not the number of parameters.
    ParameterCount {
        /// How many the statement takes.
        expected: usize,
        /// How many were given.
        given: usize,
    },
    /// The handle was released for good.
    Released,
    /// The handle was released before.
    AlreadyReleased,
    /// A cursor outside a transaction.
    CursorOutsideTransaction,
    /// A transaction that was ended, or never begun, is used.
    TransactionEnded,
    /// A transaction is begun a second time.
    TransactionBegun,
    /// COMMIT of a transaction in which a statement had failed: the server rolled it back.
    CommitRolledBack,
    /// More than one command where one is expected, or a mode that does not fit.
    Statement(&'static str),
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UsageError::Config { name, reason } => write!(f, "{name}: {reason}"),
            UsageError::ParameterCount { expected, given } => {
                write!(
                    f,
                    "the statement takes {expected} parameters, {given} were given"
                )
            }
            UsageError::Released => f.write_str("this connection is released permanently"),
            UsageError::AlreadyReleased => f.write_str("this connection is already released"),
            UsageError::CursorOutsideTransaction => {
                f.write_str("a cursor lives inside a transaction: begin one first")
            }
            UsageError::TransactionEnded => f.write_str("this transaction has ended"),
            UsageError::TransactionBegun => f.write_str("this transaction has begun already"),
            UsageError::CommitRolledBack => f.write_str(
                "nothing was committed: a statement of this transaction had failed and the server \
                 rolled it back; let the error leave the block, or use a nested transaction",
            ),
            UsageError::Statement(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for UsageError {}
