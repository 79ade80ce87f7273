//! Owns the table of slots: which are free, being opened, idle or in somebody's hands.
//! Never decides who gets one. The pool's machine calls it.

use std::collections::VecDeque;

use crate::clock::Instant;

/// A place for one connection, as it was handed out: a new hand-out of the same place is another id,
/// so that an id which was given back can never touch what somebody else holds now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SlotId {
    index: usize,
    generation: u64,
}

impl SlotId {
    /// The place, from 0. No two live connections share one: an index comes again only after the
    /// [`Event::Close`](super::Event::Close) of its connection was polled.
    pub fn index(self) -> usize {
        self.index
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// No connection and nobody's.
    Free,
    /// Reserved by somebody who opens a connection.
    Opening,
    /// An open connection in somebody's hands.
    Held,
    /// An open connection that waits for its next use.
    Idle,
    /// The engine has yet to be told to close the connection.
    Closing,
}

#[derive(Debug)]
struct Slot {
    generation: u64,
    state: State,
    uses: u64,
    since: Instant,
    expires: Option<Instant>,
}

#[derive(Debug, Default)]
pub(super) struct Slots {
    table: Vec<Slot>,
    free: Vec<usize>,
    /// The longest idle in front, the next to be used at the back.
    idle: VecDeque<usize>,
    opening: usize,
    held: usize,
}

impl Slots {
    /// Reserves a free place.
    pub(super) fn open(&mut self) -> SlotId {
        let index = self.free.pop().unwrap_or_else(|| {
            let slot = Slot {
                generation: 0,
                state: State::Free,
                uses: 0,
                since: Instant::default(),
                expires: None,
            };
            self.table.push(slot);
            self.table.len() - 1
        });
        self.opening += 1;
        self.hand_out(index, State::Opening, 0)
    }

    /// The connection of a reserved place is open. Whether the id was that of one.
    pub(super) fn opened(&mut self, id: SlotId, expires: Option<Instant>) -> bool {
        let Some(slot) = self.slot_in(id, State::Opening) else {
            return false;
        };
        slot.state = State::Held;
        slot.uses = 1;
        slot.expires = expires;
        self.opening -= 1;
        self.held += 1;
        true
    }

    /// The connection of a held place is gone; its holder opens another.
    pub(super) fn reopen(&mut self, id: SlotId) -> bool {
        let Some(slot) = self.slot_in(id, State::Held) else {
            return false;
        };
        slot.state = State::Opening;
        self.held -= 1;
        self.opening += 1;
        true
    }

    /// Takes the idle connection that was used last.
    pub(super) fn pop_idle(&mut self) -> Option<SlotId> {
        let index = self.idle.pop_back()?;
        self.held += 1;
        Some(self.hand_out(index, State::Held, 1))
    }

    /// Gives what `id` holds, open or being opened, to somebody else under a new id.
    pub(super) fn pass_on(&mut self, id: SlotId) -> Option<SlotId> {
        match self.state(id)? {
            State::Held => Some(self.hand_out(id.index, State::Held, 1)),
            State::Opening => Some(self.hand_out(id.index, State::Opening, 0)),
            _ => None,
        }
    }

    /// Notes when a held connection came back.
    pub(super) fn touch(&mut self, id: SlotId, now: Instant) {
        if let Some(slot) = self.slot_in(id, State::Held) {
            slot.since = now;
        }
    }

    /// Makes a held connection idle since it last came back.
    pub(super) fn shelve(&mut self, id: SlotId) {
        if let Some(slot) = self.slot_in(id, State::Held) {
            slot.state = State::Idle;
            self.held -= 1;
            self.idle.push_back(id.index);
        }
    }

    /// Puts a connection aside until the engine was told to close it.
    pub(super) fn retire(&mut self, id: SlotId) {
        self.leave(id, State::Closing);
    }

    /// Frees a place whose connection is gone. Whether there was something to free.
    pub(super) fn free(&mut self, id: SlotId) -> bool {
        let left = self.leave(id, State::Free);
        if left {
            self.free.push(id.index);
        }
        left
    }

    /// The state of a place, if `id` is its newest hand-out.
    pub(super) fn state(&self, id: SlotId) -> Option<State> {
        let slot = self.table.get(id.index)?;
        (slot.generation == id.generation).then_some(slot.state)
    }

    /// How often the connection was handed out.
    pub(super) fn uses(&self, id: SlotId) -> u64 {
        self.table.get(id.index).map_or(0, |slot| slot.uses)
    }

    /// When the connection becomes too old.
    pub(super) fn expires(&self, id: SlotId) -> Option<Instant> {
        self.table.get(id.index)?.expires
    }

    /// An idle connection that is too old.
    pub(super) fn expired_idle(&self, now: Instant) -> Option<SlotId> {
        self.idle.iter().find_map(|&index| {
            let slot = self.table.get(index)?;
            let generation = slot.generation;
            (slot.expires? <= now).then_some(SlotId { index, generation })
        })
    }

    /// When the first of the idle connections becomes too old.
    pub(super) fn first_expiry(&self) -> Option<Instant> {
        let idle = self.idle.iter().filter_map(|&index| self.table.get(index));
        idle.filter_map(|slot| slot.expires).min()
    }

    /// Since when the connection is idle that would be taken next.
    pub(super) fn next_idle(&self) -> Option<Instant> {
        Some(self.table.get(*self.idle.back()?)?.since)
    }

    /// The longest idle connection and since when it is idle.
    pub(super) fn longest_idle(&self) -> Option<(SlotId, Instant)> {
        let index = *self.idle.front()?;
        let slot = self.table.get(index)?;
        Some((
            SlotId {
                index,
                generation: slot.generation,
            },
            slot.since,
        ))
    }

    /// Places with a connection that is open or being opened.
    pub(super) fn len(&self) -> usize {
        self.opening + self.held + self.idle.len()
    }

    pub(super) fn idle(&self) -> usize {
        self.idle.len()
    }

    pub(super) fn held(&self) -> usize {
        self.held
    }

    pub(super) fn opening(&self) -> usize {
        self.opening
    }

    /// The places in somebody's hands, open or being opened.
    pub(super) fn in_hands(&self) -> impl Iterator<Item = SlotId> {
        self.table.iter().enumerate().filter_map(|(index, slot)| {
            matches!(slot.state, State::Held | State::Opening).then_some(SlotId {
                index,
                generation: slot.generation,
            })
        })
    }

    fn slot_in(&mut self, id: SlotId, state: State) -> Option<&mut Slot> {
        let slot = self.table.get_mut(id.index)?;
        (slot.generation == id.generation && slot.state == state).then_some(slot)
    }

    fn hand_out(&mut self, index: usize, state: State, uses: u64) -> SlotId {
        let mut generation = 0;
        if let Some(slot) = self.table.get_mut(index) {
            slot.generation += 1;
            slot.state = state;
            slot.uses += uses;
            generation = slot.generation;
        }
        SlotId { index, generation }
    }

    fn leave(&mut self, id: SlotId, to: State) -> bool {
        let Some(from) = self.state(id) else {
            return false;
        };
        match from {
            State::Free => return false,
            State::Closing => {}
            State::Opening => self.opening -= 1,
            State::Held => self.held -= 1,
            State::Idle => self.idle.retain(|index| *index != id.index),
        }
        if let Some(slot) = self.table.get_mut(id.index) {
            slot.state = to;
            slot.uses = 0;
        }
        true
    }
}
