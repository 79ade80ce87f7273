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
    /// Nothing is bound that statements could run on.
    Uninitialized,
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
    /// Transactions on one connection that are not one inside the other: what one does with its
    /// savepoint would undo the other.
    SideBySide,
    /// A transaction is left early with a value of another type than its own.
    EarlyValue {
        /// The type of the transaction's value.
        expected: &'static str,
        /// The type of the value that was given.
        given: &'static str,
    },
    /// COMMIT of a transaction in which a statement had failed: the server rolled it back.
    CommitRolledBack,
    /// A new row lacks a value that neither the model nor the server has a default for.
    MissingValue {
        /// The table's name.
        table: &'static str,
        /// The field's name.
        field: &'static str,
    },
    /// A value that cannot be a parameter; the reason.
    Value(String),
    /// A relation that a loader cannot join by itself; the reason and the way out.
    Join(String),
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
            UsageError::Uninitialized => f.write_str(
                "Gino engine is not initialized: bind one with `set_bind` or `with_bind` first",
            ),
            UsageError::Released => f.write_str("this connection is released permanently"),
            UsageError::AlreadyReleased => f.write_str("this connection is already released"),
            UsageError::CursorOutsideTransaction => {
                f.write_str("a cursor lives inside a transaction: begin one first")
            }
            UsageError::TransactionEnded => f.write_str("this transaction has ended"),
            UsageError::TransactionBegun => f.write_str("this transaction has begun already"),
            UsageError::SideBySide => f.write_str(
                "transactions side by side on one connection: run them one after the other, or give \
                 each a connection of its own by `acquire()`",
            ),
            UsageError::EarlyValue { expected, given } => write!(
                f,
                "this transaction gives a {expected} and was left early with a {given}: give \
                 raise_commit or raise_rollback_with a {expected}"
            ),
            UsageError::CommitRolledBack => f.write_str(
                "nothing was committed: a statement of this transaction had failed and the server \
                 rolled it back; let the error leave the block, or use a nested transaction",
            ),
            UsageError::MissingValue { table, field } => write!(
                f,
                "a row of {table} needs a value for {field}: give it with `.{field}(…)`, or give \
                 the field a default"
            ),
            UsageError::Value(reason) => write!(f, "a value cannot be sent: {reason}"),
            UsageError::Join(reason) => f.write_str(reason),
            UsageError::Statement(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for UsageError {}
