//! Owns what makes a connection whole again: cancelling what nobody waits for, rolling back, and
//! undoing what outlives a transaction. Trusts only the server's word. `Seat` and `Lease` call it.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::cancel::cancel;
use super::inner::Inner;
use super::observe::PoolEvent;
use super::seat::Seat;
use super::timeout::{Limit, race, statement_late, within};
use crate::error::{Closed, Error, Result};
use crate::runtime::Runtime;
use crate::session::{Condition, Drained, Reply, Request, Silence, Status, Submitted};

impl<R: Runtime> Seat<R> {
    /// Nobody awaits `reply` any more. If nothing else is in flight, the server is asked to stop;
    /// else the answer is drained in its turn, because a cancel request could hit another.
    pub(super) fn abandon(self: &Arc<Self>, reply: Reply) {
        let drained = reply.abandon();
        // An answer that is in needs no cancelling: what is in flight then is another's.
        if drained.is_over() || self.session.status() == Status::Closed {
            return;
        }
        if !self.gate.close_if(|| self.session.hold()) {
            return;
        }
        if drained.is_over() {
            self.session.unhold();
            self.reopen();
            return;
        }
        let seat = Arc::clone(self);
        self.inner.runtime.spawn(async move {
            seat.stop(drained).await;
            seat.session.unhold();
            seat.reopen();
        });
    }

    /// The same for a request that keeps others away by itself: they are let in when it has ended.
    pub(super) fn abandon_held(self: &Arc<Self>, reply: Reply) {
        let drained = reply.abandon();
        if drained.is_over() || self.session.status() == Status::Closed {
            self.reopen();
            return;
        }
        let held = self.session.hold();
        let seat = Arc::clone(self);
        self.inner.runtime.spawn(async move {
            if held {
                seat.stop(drained).await;
                seat.session.unhold();
            } else {
                drained.await;
            }
            seat.reopen();
        });
    }

    /// Asks the server to stop what runs, until it has, or the connection is closed because it does
    /// not. The session is held.
    async fn stop(&self, drained: Drained) {
        let runtime = &self.inner.runtime;
        let mut drained = pin!(drained);
        let patience = runtime.now() + HEAL;
        while let Some(packet) = self.session.cancel_packet() {
            let limit = Limit::within(runtime, Some(CANCEL));
            let ask = cancel(runtime, &self.route, packet);
            // A server that cannot be asked finishes the statement instead. One that was asked and
            // has not acted may act later, on whatever runs here then.
            let asked = within(runtime, limit, ask).await;
            if asked.is_err_and(|error| error.deadline().is_some()) {
                self.session.close();
            }
            // A request that arrives before the statement is read hits nothing: ask again.
            let answer = async {
                drained.as_mut().await;
                Ok(())
            };
            let limit = Limit::within(runtime, Some(AGAIN));
            if within(runtime, limit, answer).await.is_ok() {
                break;
            }
            if runtime.now() >= patience {
                self.session.close();
            }
        }
        drained.await;
    }

    /// What makes the error of a clean-up that takes too long: the connection is closed.
    pub(super) fn gives_up(&self) -> impl FnOnce(Limit) -> Error {
        |limit| {
            self.session.close();
            statement_late(limit)
        }
    }

    /// Whether the next borrower may have the connection as it is.
    pub(super) fn is_clean(&self) -> bool {
        // A hook takes the place of the reset.
        let condition = self.session.condition();
        self.settles(condition) && (self.inner.hooks.released.is_some() || !condition.is_touched)
    }

    /// Whether the next borrower may have it at once: it is clean, and there is no hook to run.
    pub(super) fn needs_nothing(&self) -> bool {
        self.inner.hooks.released.is_none() && self.is_clean()
    }

    /// Whether nothing is under way and no transaction open.
    pub fn is_settled(&self) -> bool {
        self.settles(self.session.condition())
    }

    fn settles(&self, condition: Condition) -> bool {
        self.entering.load(Ordering::SeqCst) == 0
            && condition.status == Status::Idle
            && condition.in_flight == 0
            && self.gate.is_open()
    }

    /// Makes the connection whole, then gives its slot back; closes it if that takes too long.
    ///
    /// # Errors
    /// Those of the hook alone.
    ///
    /// # Cancellation
    /// The caller has to see to it that this is finished: see `Lease`.
    pub(super) async fn heal(self: &Arc<Self>) -> Result<()> {
        let limit = Limit::within(&self.inner.runtime, Some(HEAL));
        let healing = pin!(self.make_whole());
        let healed = race(&self.inner.runtime, limit, statement_late, healing).await;
        let keep = matches!(healed, Ok(Ok(()))) && self.is_clean();
        self.give_back(keep);
        healed.unwrap_or(Ok(()))
    }

    /// The inner result is that of the hook.
    async fn make_whole(self: &Arc<Self>) -> Result<Result<()>> {
        self.gate.wait().await;
        self.roll_back().await?;
        let Some(hook) = &self.inner.hooks.released else {
            if self.session.is_touched() {
                self.order(self.session.reset_script()).await?;
                self.inner.peek().metrics.resets += 1;
            }
            return Ok(Ok(()));
        };
        // Nobody but the hook may use the connection, and only as long as it runs.
        let lent = Lent(self.lend());
        let done = hook(Arc::clone(&lent.0)).await;
        lent.0.retire();
        lent.0.gate.wait().await;
        if lent.0.entering.load(Ordering::SeqCst) > 0 {
            return Err(Closed::Connection.into());
        }
        self.roll_back().await?;
        Ok(done)
    }

    /// Another seat on the same connection.
    fn lend(self: &Arc<Self>) -> Arc<Seat<R>> {
        let (session, route) = (Arc::clone(&self.session), Arc::clone(&self.route));
        let last_sql = Arc::clone(&self.last_sql);
        Seat::new(
            Arc::clone(&self.inner),
            self.slot,
            self.number,
            session,
            route,
            last_sql,
        )
    }

    async fn roll_back(&self) -> Result<()> {
        if self.session.in_flight() > 0 || self.session.status() != Status::Idle {
            self.order("ROLLBACK").await?;
        }
        Ok(())
    }

    async fn order(&self, script: &'static str) -> Result<()> {
        match self.session.submit(Request::Script(script), &mut None)? {
            Submitted::Reply(reply) => reply.await.map(drop),
            Submitted::Held => Err(Closed::Connection.into()),
        }
    }

    /// Returns the slot to the pool, with its connection or without.
    pub(super) fn give_back(&self, keep: bool) {
        if !keep {
            self.session.close();
        }
        self.inner.release(self.slot, keep);
        self.inner.observers.pool(|| PoolEvent::Released {
            connection: self.number,
            kept: keep,
        });
    }

    /// From now on nobody runs anything here. False if that was so already.
    pub(super) fn retire(&self) -> bool {
        let first = !self.given_back.swap(true, Ordering::SeqCst);
        if first && let Some(outlet) = self.session.listen(None) {
            outlet.end(Silence::Released);
        }
        first
    }
}

/// A seat that a hook has as long as it runs.
struct Lent<R: Runtime>(Arc<Seat<R>>);

impl<R: Runtime> Drop for Lent<R> {
    fn drop(&mut self) {
        self.0.retire();
    }
}

impl<R: Runtime> Inner<R> {
    pub(super) fn release(self: &Arc<Self>, slot: crate::pool::SlotId, keep: bool) {
        let now = self.runtime.now();
        self.with_pool(|pooled| {
            pooled.place(slot).holder = None;
            if !keep {
                pooled.discard(slot);
            }
            pooled.pool.release(slot, now, keep);
        });
    }
}

/// How long the server may take to act on a cancel request before it is asked once more.
const AGAIN: Duration = Duration::from_secs(1);

/// How long a cancel request may take until the connection is given up.
const CANCEL: Duration = Duration::from_secs(5);

/// How long the server may take to stop a statement, or for a rollback and reset, until the
/// connection is given up instead.
pub(super) const HEAL: Duration = Duration::from_secs(10);
