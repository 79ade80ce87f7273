//! Owns the reading of a row that is the only one. Creates, gets and updates have theirs from it.

use gino_core::error::Result;

use crate::model::Model;
use crate::record::{Load, LoadSink, Record};

/// The row that came, if one did.
pub(super) struct One<M>(Option<M>);

impl<M: Model> One<M> {
    pub(super) fn new() -> One<M> {
        One(None)
    }

    /// The row, straight from where it was read into.
    pub(super) fn of(sink: Option<Box<LoadSink<One<M>>>>) -> Option<M> {
        sink?.load.0
    }
}

impl<M: Model> Load for One<M> {
    type Output = M;

    #[inline]
    fn row(&mut self, record: &Record<'_>) -> Result<()> {
        self.0 = Some(M::from_record(record, 0)?);
        Ok(())
    }

    fn take(&mut self) -> Vec<M> {
        self.0.take().into_iter().collect()
    }
}
