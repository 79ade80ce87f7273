//! Owns what a transaction of a closure knows beyond the server's side of it: what it stands in, and
//! whether it, or one around it, is being left early. Never commits: `transaction` does.

use std::any::{Any, TypeId, type_name};
use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use gino_core::error::{HostError, Result, UsageError};

use crate::driver::{CoreTransaction, Handle, Seat};

/// One transaction or savepoint, as long as its closure runs.
pub(crate) struct Level {
    pub(crate) inner: CoreTransaction,
    /// The connection it is on.
    pub(crate) handle: Arc<Handle>,
    /// What it is nested in, on the same connection.
    outer: Option<Arc<Level>>,
    /// The type of the closure's value.
    value: (TypeId, &'static str),
    leaving: Mutex<Option<Leaving>>,
}

/// How a transaction is left early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Commit,
    RollBack,
}

struct Leaving {
    verdict: Verdict,
    value: Box<dyn Any + Send>,
    /// Gone as soon as the error is.
    error: Weak<()>,
}

/// What an early end is for a level that it passes.
pub(crate) enum Early {
    /// The level it was asked of ends with this value.
    Here(Verdict, Box<dyn Any + Send>),
    /// A level further out ends: this one follows.
    Passing(Verdict),
}

impl Level {
    pub(crate) fn new<T: 'static>(
        inner: CoreTransaction,
        handle: Arc<Handle>,
        outer: Option<Arc<Level>>,
    ) -> Level {
        Level {
            inner,
            handle,
            outer,
            value: (TypeId::of::<T>(), type_name::<T>()),
            leaving: Mutex::default(),
        }
    }

    pub(crate) fn seat(&self) -> &Arc<Seat> {
        self.inner.seat()
    }

    /// Leaves the level early with `value`, which has to be of its type.
    pub(crate) fn leave_with<V: Send + 'static>(
        &self,
        verdict: Verdict,
        value: V,
    ) -> Result<Infallible> {
        let (id, expected) = self.value;
        if id != TypeId::of::<V>() {
            let given = type_name::<V>();
            return Err(UsageError::EarlyValue { expected, given }.into());
        }
        self.leave(verdict, Box::new(value))
    }

    /// Leaves the level early.
    pub(crate) fn leave(&self, verdict: Verdict, value: Box<dyn Any + Send>) -> Result<Infallible> {
        if !self.inner.is_active() {
            return Err(UsageError::TransactionEnded.into());
        }
        let alive = Arc::new(());
        let leaving = Leaving {
            verdict,
            value,
            error: Arc::downgrade(&alive),
        };
        let before = self.leaving().replace(leaving);
        drop(before);
        let signal = Signal {
            verdict,
            _alive: alive,
        };
        Err(HostError(Box::new(signal)).into())
    }

    /// Whether the error that is leaving the level is an early end of it or of one around it.
    pub(crate) fn early(&self) -> Option<Early> {
        let mut leaving = self.leaving();
        if let Some(Leaving { verdict, value, .. }) =
            leaving.take_if(|leaving| leaving.error.strong_count() > 0)
        {
            return Some(Early::Here(verdict, value));
        }
        drop(leaving);
        let mut outer = self.outer.as_ref();
        while let Some(level) = outer {
            if let Some(leaving) = &*level.leaving()
                && leaving.error.strong_count() > 0
            {
                return Some(Early::Passing(leaving.verdict));
            }
            outer = level.outer.as_ref();
        }
        None
    }

    fn leaving(&self) -> MutexGuard<'_, Option<Leaving>> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries an early end through `?`. The level looks whether it still exists: one that was swallowed
/// ends nothing.
#[derive(Debug)]
struct Signal {
    verdict: Verdict,
    _alive: Arc<()>,
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.verdict {
            Verdict::Commit => "the transaction is left early, to be committed",
            Verdict::RollBack => "the transaction is left early, to be rolled back",
        })
    }
}

impl std::error::Error for Signal {}
