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

#[derive(Debug, Clone, Copy)]
struct Waiter {
    id: WaiterId,
    /// Waits also for a server that is down.
    patient: bool,
}

#[derive(Debug, Default)]
pub(super) struct Waiters {
    last: u64,
    queue: VecDeque<Waiter>,
    granted: Vec<(WaiterId, Grant)>,
}

impl Waiters {
    /// Joins the end of the queue.
    pub(super) fn join(&mut self, patient: bool) -> WaiterId {
        self.last += 1;
        let id = WaiterId(self.last);
        self.queue.push_back(Waiter { id, patient });
        id
    }

    /// Who waits longest.
    pub(super) fn oldest(&self) -> Option<WaiterId> {
        self.queue.front().map(|waiter| waiter.id)
    }

    /// Takes the oldest out of the queue and keeps `grant` for it.
    pub(super) fn grant_oldest(&mut self, grant: Grant) {
        if let Some(waiter) = self.queue.pop_front() {
            self.granted.push((waiter.id, grant));
        }
    }

    /// Takes the oldest out of the queue with nothing.
    pub(super) fn dismiss_oldest(&mut self) -> Option<WaiterId> {
        self.queue.pop_front().map(|waiter| waiter.id)
    }

    /// Takes those out of the queue who are not patient.
    pub(super) fn dismiss_impatient(&mut self) -> Vec<WaiterId> {
        let impatient = self.queue.iter().filter(|waiter| !waiter.patient);
        let dismissed = impatient.map(|waiter| waiter.id).collect();
        self.queue.retain(|waiter| waiter.patient);
        dismissed
    }

    /// Whether `waiter` is still in the queue.
    pub(super) fn is_waiting(&self, waiter: WaiterId) -> bool {
        // Ids are given out in the order of the queue.
        self.place(waiter).is_ok()
    }

    /// Hands out what is kept for `waiter`.
    pub(super) fn take(&mut self, waiter: WaiterId) -> Option<Grant> {
        let at = self.granted.iter().position(|(id, _)| *id == waiter)?;
        Some(self.granted.swap_remove(at).1)
    }

    /// Takes `waiter` out of the queue, wherever it stands.
    pub(super) fn leave(&mut self, waiter: WaiterId) {
        if let Ok(at) = self.place(waiter) {
            self.queue.remove(at);
        }
    }

    fn place(&self, waiter: WaiterId) -> Result<usize, usize> {
        self.queue.binary_search_by_key(&waiter, |queued| queued.id)
    }

    /// How many are in the queue.
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }
}
