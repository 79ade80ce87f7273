//! Owns the queue of those who wait, and what was granted but not taken yet.
//! Never looks at slots. The pool's machine calls it.

use std::collections::VecDeque;

use super::SlotId;

/// Somebody who waits for a connection. Every waiter ends in [`Pool::take`](super::Pool::take) or
/// [`Pool::abandon`](super::Pool::abandon).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WaiterId(u64);

/// What a waiter was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grant {
    /// An open connection.
    Open(SlotId),
    /// The right to open one.
    Reserved(SlotId),
}

#[derive(Debug, Default)]
pub(super) struct Waiters {
    last: u64,
    queue: VecDeque<WaiterId>,
    granted: Vec<(WaiterId, Grant)>,
}

impl Waiters {
    /// Joins the end of the queue.
    pub(super) fn join(&mut self) -> WaiterId {
        self.last += 1;
        let waiter = WaiterId(self.last);
        self.queue.push_back(waiter);
        waiter
    }

    /// Who waits longest.
    pub(super) fn oldest(&self) -> Option<WaiterId> {
        self.queue.front().copied()
    }

    /// Takes the oldest out of the queue and keeps `grant` for it.
    pub(super) fn grant_oldest(&mut self, grant: Grant) {
        if let Some(waiter) = self.queue.pop_front() {
            self.granted.push((waiter, grant));
        }
    }

    /// Takes the oldest out of the queue with nothing.
    pub(super) fn dismiss_oldest(&mut self) -> Option<WaiterId> {
        self.queue.pop_front()
    }

    /// Whether `waiter` is still in the queue.
    pub(super) fn is_waiting(&self, waiter: WaiterId) -> bool {
        // Ids are given out in the order of the queue.
        self.queue.binary_search(&waiter).is_ok()
    }

    /// Hands out what is kept for `waiter`.
    pub(super) fn take(&mut self, waiter: WaiterId) -> Option<Grant> {
        let at = self.granted.iter().position(|(id, _)| *id == waiter)?;
        Some(self.granted.swap_remove(at).1)
    }

    /// Takes `waiter` out of the queue, wherever it stands.
    pub(super) fn leave(&mut self, waiter: WaiterId) {
        if let Ok(at) = self.queue.binary_search(&waiter) {
            self.queue.remove(at);
        }
    }

    /// How many are in the queue.
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }
}
