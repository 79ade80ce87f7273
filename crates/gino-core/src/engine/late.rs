//! Owns what happens when a value shows that a type has changed since the server was asked: rows wait
//! until it is asked again, parameters that did not fit are given once more.
//! Never asks: `learn` does. `seat` and `cursor` put these around sinks and parameters.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::BytesMut;

use super::seat::Seat;
use crate::error::Result;
use crate::row::{Column, Columns, RawRow};
use crate::runtime::Runtime;
use crate::session::{ParamType, Params, Sink, Written};

/// A sink whose rows wait from the first one on that has other composites than were known.
pub(super) struct Late {
    sink: Option<Box<dyn Sink>>,
    columns: Arc<Columns>,
    rows: Vec<Box<[u8]>>,
}

impl Late {
    /// Puts one around `sink` if there are composites in `columns`. Returns whether there are.
    pub(super) fn around(sink: &mut Option<Box<dyn Sink>>, columns: &Arc<Columns>) -> bool {
        let may_change = |column: &Column| column.learnt.as_ref().is_some_and(|of| of.may_change());
        let is_needed = columns.iter().any(may_change);
        if let Some(inner) = sink.take_if(|_| is_needed) {
            *sink = Some(Box::new(Late {
                sink: Some(inner),
                columns: Arc::clone(columns),
                rows: Vec::new(),
            }));
        }
        is_needed
    }

    /// Takes the one off that was put around `sink`.
    pub(super) fn off(sink: &mut Option<Box<dyn Sink>>) -> Option<Late> {
        let mut late = *sink.take()?.into_any().downcast::<Late>().ok()?;
        *sink = late.sink.take();
        Some(late)
    }
}

impl Sink for Late {
    fn begin(&mut self, columns: &Arc<Columns>) -> Result<()> {
        self.columns = Arc::clone(columns);
        self.sink
            .as_mut()
            .map_or(Ok(()), |sink| sink.begin(columns))
    }

    fn row(&mut self, row: RawRow<'_>) -> Result<()> {
        let mut cells = row.values().zip(&*self.columns);
        let fits = self.rows.is_empty()
            && cells.all(|(cell, column)| match cell {
                Ok(Some(bytes)) => column.learnt.as_ref().is_none_or(|of| of.fits(bytes)),
                _ => true,
            });
        match &mut self.sink {
            Some(sink) if fits => sink.row(row),
            _ => {
                self.rows.push(row.body().into());
                Ok(())
            }
        }
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}

impl<R: Runtime> Seat<R> {
    /// Takes the [`Late`] off that was put around `sink`, and gives the rows that waited to what was
    /// inside, with what their types are now.
    pub(super) async fn catch_up(self: &Arc<Self>, sink: &mut Option<Box<dyn Sink>>) -> Result<()> {
        if let Some(late) = Late::off(sink).filter(|late| !late.rows.is_empty())
            && let Some(sink) = sink
        {
            // On the heap: each statement would have room for it.
            sink.begin(&Box::pin(self.learn_anew(&late.columns)).await?)?;
            for row in &late.rows {
                sink.row(RawRow::new(row))?;
            }
        }
        Ok(())
    }
}

/// Parameters of types that had to be asked for, and whether one of them was refused.
pub(super) struct Doubtful<'a> {
    params: &'a dyn Params,
    refused: AtomicBool,
}

impl<'a> Doubtful<'a> {
    pub(super) fn new(params: &'a dyn Params) -> Doubtful<'a> {
        let refused = AtomicBool::new(false);
        Doubtful { params, refused }
    }

    /// Whether a value did not fit a type that had to be asked for.
    pub(super) fn were_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Params for Doubtful<'_> {
    fn sets(&self) -> usize {
        self.params.sets()
    }

    fn len(&self, set: usize) -> usize {
        self.params.len(set)
    }

    fn encode(
        &self,
        set: usize,
        index: usize,
        of: ParamType<'_>,
        out: &mut BytesMut,
    ) -> Result<Written> {
        let written = self.params.encode(set, index, of, out);
        if written.is_err() && of.learnt.is_some() {
            self.refused.store(true, Ordering::Relaxed);
        }
        written
    }
}
