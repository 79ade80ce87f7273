//! Owns who may use which connection: slots, waiters, limits and deadlines, as a state machine.
//! Never holds a connection, a lock, a waker or a clock. The engine keeps the connections beside it,
//! by [`SlotId::index`], and drives it: a verb, then [`Pool::poll_event`] until there is none.

mod jitter;
mod outage;
mod slot;
mod waiter;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use jitter::Jitter;
use outage::Outage;
pub use slot::SlotId;
use slot::{Slots, State};
pub use waiter::WaiterId;
use waiter::{Grant, Waiters};

use crate::clock::Instant;

/// How large a pool may be and how long a connection lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many connections are kept open; at most `max`.
    pub min: usize,
    /// How many connections there may be; at least 1.
    pub max: usize,
    /// After how long without use a connection above `min` is closed.
    pub max_inactive: Option<Duration>,
    /// How often a connection is handed out before it is replaced. 1 makes a pool that keeps none.
    pub max_uses: Option<u64>,
    /// How old a connection may become; up to a tenth less, so that not all are replaced at once.
    pub max_lifetime: Option<Duration>,
    /// After how long without use a connection is asked whether it lives before it is handed out.
    pub idle_check: Option<Duration>,
}

/// The answer to who wants a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// Take this open connection.
    Idle(SlotId),
    /// Ask this open connection whether it lives, then take it; if it does not: [`Pool::reopen`].
    Check(SlotId),
    /// The slot is reserved: open a connection, then call [`Pool::connected`], [`Pool::failed`], or
    /// [`Pool::unreachable`].
    Connect(SlotId),
    /// Wait for an event with this id, then call [`Pool::take`]; or give up with [`Pool::abandon`].
    Wait(WaiterId),
    /// The server could not be reached while this waiter waited.
    Down,
    /// The pool is closed.
    Closed,
}

/// What the engine has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Wake the waiter: an open connection is kept for it.
    Grant {
        /// Who waits.
        waiter: WaiterId,
        /// What [`Pool::take`] will give.
        slot: SlotId,
    },
    /// Wake the waiter: it may open a connection.
    Connect {
        /// Who waits.
        waiter: WaiterId,
        /// What [`Pool::take`] will give.
        slot: SlotId,
    },
    /// Close this connection; the slot is no longer in use.
    Close(SlotId),
    /// Wake the waiter: the pool is closed, or the server cannot be reached.
    Refuse(WaiterId),
}

/// The pool's state machine.
///
/// As long as somebody waits, the pool is full or the server is down, and nothing is idle: what
/// becomes free goes to the oldest waiter in the same call. So no newcomer can overtake.
#[derive(Debug)]
pub struct Pool {
    limits: Limits,
    slots: Slots,
    waiters: Waiters,
    events: VecDeque<Event>,
    outage: Outage,
    jitter: Jitter,
    /// The latest time that was told.
    now: Instant,
    /// No idle connection expires before.
    first_expiry: Option<Instant>,
    closed: bool,
}

impl Pool {
    /// An empty pool whose spread comes from `seed`. `max` is raised to 1, `min` lowered to `max`, where they make no sense.
    pub fn new(limits: Limits, seed: u64) -> Pool {
        let max = limits.max.max(1);
        let limits = Limits {
            min: limits.min.min(max),
            max,
            ..limits
        };
        Pool {
            limits,
            slots: Slots::default(),
            waiters: Waiters::default(),
            events: VecDeque::new(),
            outage: Outage::default(),
            jitter: Jitter::new(seed),
            now: Instant::default(),
            first_expiry: None,
            closed: false,
        }
    }

    /// Asks for a connection: the one used last if any is idle, a new one while there is room.
    ///
    /// While the server is down one borrower tries at a time, after pauses that grow up to a second,
    /// and the others wait for it. If it fails, those who are `patient` wait on; those who are not are
    /// refused, unless there is a connection to wait for.
    pub fn acquire(&mut self, now: Instant, patient: bool) -> Acquired {
        if self.closed {
            return Acquired::Closed;
        }
        self.handle_timeout(now);
        let check = self.needs_check(now);
        if let Some(slot) = self.slots.pop_idle() {
            return match check {
                true => Acquired::Check(slot),
                false => Acquired::Idle(slot),
            };
        }
        if self.slots.len() < self.limits.max && self.may_connect() {
            return Acquired::Connect(self.slots.open());
        }
        Acquired::Wait(self.waiters.join(patient))
    }

    /// Whether the connection that [`Pool::acquire`] would give has idled for so long that it has to
    /// be asked whether it lives.
    pub fn needs_check(&self, now: Instant) -> bool {
        let idle = self
            .slots
            .next_idle()
            .map(|since| now.saturating_since(since));
        (self.limits.idle_check.zip(idle)).is_some_and(|(after, idle)| idle >= after)
    }

    /// Reserves a slot to be opened in advance, while there are fewer than `count`, or than `max`.
    /// Give the connection back with [`Pool::release`] once it is [`Pool::connected`].
    pub fn reserve(&mut self, count: usize) -> Option<SlotId> {
        let open = !self.closed && !self.outage.is_on();
        (open && self.slots.len() < count.min(self.limits.max)).then(|| self.slots.open())
    }

    /// A reserved slot has its connection. It is held by who asked, also if the pool was closed
    /// meanwhile: [`Pool::release`] closes it then.
    pub fn connected(&mut self, slot: SlotId, now: Instant) {
        self.tick(now);
        let life = self.limits.max_lifetime;
        let expires = life.map(|life| now + self.jitter.shorten(life, TENTH));
        if self.slots.opened(slot, expires) {
            self.outage.ended();
            self.refill();
        }
    }

    /// A connection in somebody's hands turned out to be dead: its holder opens another in its place,
    /// as after [`Acquired::Connect`]. Whether it was in anybody's hands.
    pub fn reopen(&mut self, slot: SlotId) -> bool {
        self.slots.reopen(slot)
    }

    /// The server could not be reached: there is a pause before anybody tries again. Who waits, is not
    /// patient, and has no connection to wait for, is refused.
    pub fn unreachable(&mut self, slot: SlotId, now: Instant) {
        self.tick(now);
        if self.slots.state(slot) == Some(State::Opening) && self.slots.free(slot) {
            self.outage.failed(now, &mut self.jitter);
            if self.slots.held() == 0 && self.slots.opening() == 0 {
                let refused = self.waiters.dismiss_impatient();
                self.events.extend(refused.into_iter().map(Event::Refuse));
            }
        }
    }

    /// Opening a connection failed or was given up: the oldest waiter may try.
    pub fn failed(&mut self, slot: SlotId) {
        if self.slots.state(slot) == Some(State::Opening) && self.slots.free(slot) {
            self.refill();
        }
    }

    /// Gives a held connection back. With `keep` it goes to the oldest waiter or becomes idle, unless
    /// it was used up; without, the connection is gone and the oldest waiter may open another.
    pub fn release(&mut self, slot: SlotId, now: Instant, keep: bool) {
        if self.slots.state(slot) != Some(State::Held) {
            return;
        }
        self.tick(now);
        if keep {
            self.slots.touch(slot, now);
            self.hand_on(slot);
        } else {
            self.slots.free(slot);
            self.refill();
        }
    }

    /// An idle connection died. Returns whether it was idle; one in somebody's hands is given back
    /// by its holder.
    pub fn lost(&mut self, slot: SlotId) -> bool {
        self.slots.state(slot) == Some(State::Idle) && self.slots.free(slot)
    }

    /// A waiter gives up. What it was granted and did not take goes on to the next.
    pub fn abandon(&mut self, waiter: WaiterId) {
        let Some(grant) = self.waiters.take(waiter) else {
            self.waiters.leave(waiter);
            self.forget(waiter);
            return;
        };
        self.forget(waiter);
        match grant {
            Grant::Open(slot) => self.hand_on(slot),
            Grant::Reserved(slot) => self.failed(slot),
        }
    }

    /// Takes what was granted: [`Acquired::Idle`] or [`Acquired::Connect`], to be used as after
    /// [`Pool::acquire`]. [`Acquired::Wait`] if nothing was yet; [`Acquired::Closed`] or
    /// [`Acquired::Down`] if the waiter was refused or has left.
    ///
    /// # Cancellation
    /// A grant stays with the pool until it is taken, whether its event was polled or not: who is
    /// cancelled on the way calls [`Pool::abandon`].
    pub fn take(&mut self, waiter: WaiterId) -> Acquired {
        let taken = match self.waiters.take(waiter) {
            Some(Grant::Open(slot)) => Acquired::Idle(slot),
            Some(Grant::Reserved(slot)) => Acquired::Connect(slot),
            None if self.waiters.is_waiting(waiter) => return Acquired::Wait(waiter),
            None if self.closed => return Acquired::Closed,
            None => return Acquired::Down,
        };
        self.forget(waiter);
        taken
    }

    /// Closes what was idle for too long, the longest idle first, never below `min`, and what is too
    /// old; lets the oldest waiter try again when the pause of an outage is over.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.tick(now);
        while let Some(deadline) = self.idle_deadline()
            && deadline <= now
            && let Some((slot, _)) = self.slots.longest_idle()
        {
            self.retire(slot);
        }
        if self.first_expiry.is_some_and(|first| first <= now) {
            while let Some(slot) = self.slots.expired_idle(now) {
                self.retire(slot);
            }
            self.first_expiry = self.slots.first_expiry();
        }
        if self.outage.is_on() {
            self.refill();
        }
    }

    /// No more acquires: closes what is idle, refuses who waits. What is held closes on release.
    pub fn close(&mut self) {
        self.closed = true;
        while let Some((slot, _)) = self.slots.longest_idle() {
            self.retire(slot);
        }
        while let Some(waiter) = self.waiters.dismiss_oldest() {
            self.events.push_back(Event::Refuse(waiter));
        }
    }

    /// Whether there is something to do.
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// What to do next.
    pub fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        if let Event::Close(slot) = event {
            self.slots.free(slot);
        }
        Some(event)
    }

    /// When to call [`Pool::handle_timeout`]; never again once it is closed.
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.closed {
            return None;
        }
        [self.idle_deadline(), self.first_expiry, self.next_attempt()]
            .into_iter()
            .flatten()
            .min()
    }

    /// When the oldest waiter may try to reach a server that could not be reached.
    pub fn next_attempt(&self) -> Option<Instant> {
        if !self.outage.is_on() || self.waiters.len() == 0 {
            return None;
        }
        let room = self.slots.len() < self.limits.max && self.slots.opening() == 0;
        room.then(|| self.outage.until()).flatten()
    }

    /// Whether the last attempt to open a connection did not reach the server.
    pub fn is_down(&self) -> bool {
        self.outage.is_on()
    }

    /// Whether [`Pool::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether the pool is closed and nothing is in anybody's hands.
    pub fn is_drained(&self) -> bool {
        self.closed && self.slots.len() == 0
    }

    /// How many connections are open or being opened.
    pub fn size(&self) -> usize {
        self.slots.len()
    }

    /// How many connections wait for their next use.
    pub fn idle(&self) -> usize {
        self.slots.idle()
    }

    /// How many open connections are handed out or granted.
    pub fn in_use(&self) -> usize {
        self.slots.held()
    }

    /// How many connections are being opened.
    pub fn connecting(&self) -> usize {
        self.slots.opening()
    }

    /// How many wait and were granted nothing yet.
    pub fn waiting(&self) -> usize {
        self.waiters.len()
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The slots in somebody's hands, open or being opened.
    pub fn held(&self) -> impl Iterator<Item = SlotId> {
        self.slots.in_hands()
    }

    /// Finds the next place for an open connection that nobody holds any more.
    fn hand_on(&mut self, slot: SlotId) {
        let used_up = self
            .limits
            .max_uses
            .is_some_and(|max| self.slots.uses(slot) >= max);
        let expires = self.slots.expires(slot);
        let too_old = expires.is_some_and(|at| at <= self.now);
        if self.closed || used_up || too_old {
            self.retire(slot);
            self.refill();
        } else if let Some(waiter) = self.waiters.oldest()
            && let Some(slot) = self.slots.pass_on(slot)
        {
            self.waiters.grant_oldest(Grant::Open(slot));
            self.events.push_back(Event::Grant { waiter, slot });
        } else {
            self.slots.shelve(slot);
            let first = self.first_expiry.into_iter().chain(expires).min();
            self.first_expiry = first;
        }
    }

    /// Lets the oldest waiters open connections while there is room and the server seems to be up.
    fn refill(&mut self) {
        while self.slots.len() < self.limits.max
            && self.may_connect()
            && let Some(waiter) = self.waiters.oldest()
        {
            let slot = self.slots.open();
            self.waiters.grant_oldest(Grant::Reserved(slot));
            self.events.push_back(Event::Connect { waiter, slot });
        }
    }

    /// Whether somebody may try to connect: after a failure nobody for a time, then one alone.
    fn may_connect(&self) -> bool {
        !self.outage.is_on() || (self.outage.pause(self.now).is_none() && self.slots.opening() == 0)
    }

    /// When the longest idle connection has idled for too long.
    fn idle_deadline(&self) -> Option<Instant> {
        let after = self.limits.max_inactive?;
        let (_, since) = self.slots.longest_idle()?;
        (self.slots.len() > self.limits.min).then(|| since + after)
    }

    fn tick(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    fn retire(&mut self, slot: SlotId) {
        self.slots.retire(slot);
        self.events.push_back(Event::Close(slot));
    }

    /// Drops a waiter's event that was not polled yet: there is nobody to wake any more.
    fn forget(&mut self, waiter: WaiterId) {
        self.events.retain(|event| match event {
            Event::Grant { waiter: id, .. } | Event::Connect { waiter: id, .. } => *id != waiter,
            Event::Refuse(id) => *id != waiter,
            Event::Close(_) => true,
        });
    }
}

/// How much shorter than `max_lifetime` a connection may live, in parts of 256: a tenth.
const TENTH: u8 = 26;
