//! Owns server-side cursors: a portal that lives inside a transaction, fetched in portions.

use std::any::Any;
use std::sync::Arc;

use super::late::Late;
use super::seat::Seat;
use crate::error::{Result, UsageError};
use crate::row::{Columns, RawRow};
use crate::runtime::Runtime;
use crate::session::{Completion, Params, Request, Sink, Sql, Statement, Status};

/// A cursor over the rows of one statement. It begins with its first fetch.
pub struct Cursor<R: Runtime> {
    seat: Arc<Seat<R>>,
    sql: Sql,
    state: State,
}

enum State {
    Unopened,
    Open {
        portal: String,
        statement: Arc<Statement>,
    },
    /// Its portal is still at the server, unless the fetch that ended it failed.
    Exhausted(Option<String>),
}

impl<R: Runtime> Cursor<R> {
    /// A cursor over `sql` on `seat`.
    pub fn new(seat: Arc<Seat<R>>, sql: Sql) -> Cursor<R> {
        Cursor {
            seat,
            sql,
            state: State::Unopened,
        }
    }

    /// Where it lives.
    pub fn seat(&self) -> &Arc<Seat<R>> {
        &self.seat
    }

    /// Whether there are no more rows, as far as is known.
    pub fn is_exhausted(&self) -> bool {
        matches!(self.state, State::Exhausted(_))
    }

    /// Gives up to `count` rows (0: all that are left) to `sink`. `None` once there are no more.
    /// `params` are the statement's values, read by the first fetch.
    ///
    /// # Errors
    /// `CursorOutsideTransaction`; as [`Seat::run`].
    ///
    /// # Cancellation
    /// The server is asked to stop, which fails the transaction; the cursor has ended.
    pub async fn fetch(
        &mut self,
        params: &dyn Params,
        count: u32,
        mut sink: Option<Box<dyn Sink>>,
    ) -> Result<Option<Completion>> {
        let before = std::mem::replace(&mut self.state, State::Exhausted(None));
        let watch = match &before {
            State::Exhausted(_) => None,
            State::Unopened if self.seat.status() == Status::Idle => None,
            _ => self.seat.watch(&self.sql),
        };
        let mut fresh = false;
        let (portal, statement, opened) = match before {
            State::Exhausted(portal) => {
                self.state = State::Exhausted(portal);
                return Ok(None);
            }
            State::Open { portal, statement } => (portal, statement, true),
            State::Unopened => {
                if self.seat.status() == Status::Idle {
                    self.state = State::Unopened;
                    return Err(UsageError::CursorOutsideTransaction.into());
                }
                let statement = self.seat.prepare(&self.sql, &mut fresh).await?;
                (self.seat.next_name("gino_portal_"), statement, false)
            }
        };
        let request = || {
            let (portal, statement, max_rows) = (portal.as_str(), &statement, count);
            if opened {
                Request::Fetch {
                    portal,
                    statement,
                    max_rows,
                }
            } else {
                Request::Open {
                    portal,
                    statement,
                    params,
                    max_rows,
                }
            }
        };
        let may_be_late = Late::around(&mut sink, &statement.columns);
        let done = self.seat.request(request, sink).await;
        if let Some(watch) = watch {
            watch.done(&done, fresh, count);
        }
        let mut done = done?;
        self.state = if done.suspended {
            State::Open { portal, statement }
        } else {
            State::Exhausted(Some(portal))
        };
        if may_be_late {
            self.seat.catch_up(&mut done.sink).await?;
        }
        Ok(Some(done))
    }

    /// Skips up to `count` rows and returns how many there were.
    ///
    /// # Errors
    /// As [`Cursor::fetch`].
    ///
    /// # Cancellation
    /// As [`Cursor::fetch`].
    pub async fn forward(&mut self, params: &dyn Params, count: u32) -> Result<u64> {
        let Some(done) = self.fetch(params, count, Some(Box::new(Count(0)))).await? else {
            return Ok(0);
        };
        let count = done
            .sink
            .and_then(|sink| sink.into_any().downcast::<Count>().ok());
        Ok(count.map_or(0, |count| count.0))
    }

    /// Gives up the rows that are left, here and at the server, which lets nobody alter a table
    /// that a portal reads. A transaction that ends does the same for all its cursors.
    ///
    /// # Errors
    /// As [`Seat::run`].
    ///
    /// # Cancellation
    /// The cursor has ended; its portal may stay until the transaction ends.
    pub async fn close(&mut self) -> Result<()> {
        let before = std::mem::replace(&mut self.state, State::Exhausted(None));
        let (State::Open { portal, .. } | State::Exhausted(Some(portal))) = before else {
            return Ok(());
        };
        if self.seat.status() != Status::InTransaction {
            return Ok(());
        }
        let request = || Request::Close { portal: &portal };
        self.seat.request(request, None).await.map(drop)
    }
}

impl<R: Runtime> Drop for Cursor<R> {
    /// Who leaves a loop early forgets its cursor: the portal goes without being waited for.
    fn drop(&mut self) {
        if let State::Open { portal, .. } = &self.state
            && self.seat.status() == Status::InTransaction
        {
            // What cannot be sent now ends with the transaction.
            drop(self.seat.submit(Request::Close { portal }, &mut None));
        }
    }
}

/// A sink that counts.
struct Count(u64);

impl Sink for Count {
    fn begin(&mut self, _columns: &Arc<Columns>) -> Result<()> {
        Ok(())
    }

    fn row(&mut self, _row: RawRow<'_>) -> Result<()> {
        self.0 += 1;
        Ok(())
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}
