//! Owns what a query's rows become when a server-side cursor reads them, a portion at a time. Never
//! fetches: [`Cursor`] does.

use std::sync::Arc;

use gino_core::error::Result;
use gino_core::session::{Params, Sink, Sql};

use crate::cursor::{Collect, Cursor};
use crate::place::On;
use crate::query::cursor_seat;
use crate::record::{Load, LoadSink};

/// A cursor over `sql`, whose rows `load` makes something of.
pub(super) async fn cursor<'p, L: Load>(
    on: On,
    sql: Sql,
    params: Arc<dyn Params + Send + Sync + 'p>,
    load: L,
) -> Result<Cursor<'p, L::Output>> {
    let target = on.target()?;
    let timeout = target.timeout.or(target.core.config().command_timeout);
    let seat = cursor_seat(&target).await?;
    let cursor = gino_core::engine::Cursor::new(seat, sql);
    let collect = Loaded(Some(load));
    Ok(Cursor::new(cursor, params, collect, timeout))
}

/// A load, given to each portion, which gives it back.
struct Loaded<L>(Option<L>);

impl<L: Load> Collect<L::Output> for Loaded<L> {
    fn sink(&mut self) -> Option<Box<dyn Sink>> {
        self.0.take().and_then(LoadSink::boxed)
    }

    fn items(&mut self, sink: Option<Box<dyn Sink>>) -> Vec<L::Output> {
        self.0 = LoadSink::load_of(sink);
        self.0.as_mut().map_or_else(Vec::new, Load::take)
    }

    fn is_spent(&self) -> bool {
        self.0.is_none()
    }
}
