//! Thousands of random steps from a seed; after each, what must always hold is checked against a
//! model that keeps only sets and a list.

use std::collections::{HashMap, VecDeque};

use super::*;

/// SplitMix64: enough randomness for a test, the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }

    fn pick<T>(&mut self, from: &mut Vec<T>) -> Option<T> {
        (!from.is_empty()).then(|| from.swap_remove(self.below(from.len())))
    }
}

struct World {
    pool: Pool,
    random: Random,
    now: Instant,
    opening: Vec<SlotId>,
    held: Vec<SlotId>,
    /// Live connections by slot index, as the engine keeps them.
    connections: HashMap<usize, ()>,
    /// Who waits, in order; and whether it was told of a grant.
    queue: VecDeque<WaiterId>,
    awake: Vec<(WaiterId, SlotId)>,
    stale: Vec<SlotId>,
    grants: usize,
    refused: usize,
}

impl World {
    fn new(seed: u64) -> World {
        let mut random = Random(seed);
        let max = 1 + random.below(6);
        let limits = Limits {
            min: random.below(max + 1),
            max,
            max_inactive: (random.below(2) == 0).then(|| Duration::from_secs(20)),
            max_uses: (random.below(3) == 0).then(|| 1 + random.below(5) as u64),
            max_lifetime: (random.below(2) == 0).then(|| Duration::from_secs(60)),
            idle_check: (random.below(2) == 0).then(|| Duration::from_secs(9)),
        };
        World {
            pool: Pool::new(limits, seed),
            random,
            now: at(0),
            opening: Vec::new(),
            held: Vec::new(),
            connections: HashMap::new(),
            queue: VecDeque::new(),
            awake: Vec::new(),
            stale: Vec::new(),
            grants: 0,
            refused: 0,
        }
    }

    fn step(&mut self) {
        match self.random.below(11) {
            0..=2 => match self.pool.acquire(self.now, self.random.below(2) == 0) {
                Acquired::Wait(waiter) => self.queue.push_back(waiter),
                Acquired::Down => assert!(self.pool.is_down() && self.pool.in_use() == 0),
                other => self.got(other),
            },
            3 => self.opening.extend(self.pool.reserve(self.random.below(4))),
            4 | 5 => {
                if let Some(slot) = self.random.pick(&mut self.opening) {
                    if self.random.below(4) == 0 {
                        match self.random.below(2) {
                            0 => self.pool.failed(slot),
                            _ => self.pool.unreachable(slot, self.now),
                        }
                        self.stale.push(slot);
                    } else {
                        assert!(self.connections.insert(slot.index(), ()).is_none());
                        self.pool.connected(slot, self.now);
                        self.held.push(slot);
                    }
                }
            }
            6 | 7 => {
                if let Some(slot) = self.random.pick(&mut self.held) {
                    let keep = self.random.below(5) > 0;
                    if !keep {
                        self.connections.remove(&slot.index());
                    }
                    if !keep && self.random.below(3) == 0 {
                        assert!(self.pool.reopen(slot));
                        self.opening.push(slot);
                        return;
                    }
                    self.pool.release(slot, self.now, keep);
                    self.stale.push(slot);
                }
            }
            8 => {
                if let Some((waiter, slot)) = self.random.pick(&mut self.awake) {
                    if self.random.below(3) == 0 {
                        self.pool.abandon(waiter);
                    } else {
                        let taken = self.pool.take(waiter);
                        let (Acquired::Idle(id) | Acquired::Connect(id)) = taken else {
                            panic!("a grant was lost: {taken:?}")
                        };
                        assert_eq!(id, slot);
                        self.got(taken);
                    }
                } else if !self.queue.is_empty() {
                    // Leaves, possibly after it was granted something and before it was told.
                    let at = self.random.below(self.queue.len());
                    self.pool.abandon(self.queue.remove(at).unwrap());
                }
            }
            9 => {
                self.now = self.now + Duration::from_secs(self.random.below(15) as u64);
                self.pool.handle_timeout(self.now);
            }
            _ => self.disturb(),
        }
        if self.random.below(3) > 0 {
            self.events();
        }
        self.check();
    }

    fn got(&mut self, acquired: Acquired) {
        match acquired {
            Acquired::Idle(slot) | Acquired::Check(slot) => {
                assert!(self.connections.contains_key(&slot.index()));
                self.held.push(slot);
            }
            Acquired::Connect(slot) => self.opening.push(slot),
            other => panic!("{other:?}"),
        }
    }

    /// An id that was given back does nothing, but for telling that an idle connection died.
    fn disturb(&mut self) {
        let Some(slot) = self.random.pick(&mut self.stale) else {
            return;
        };
        let (size, in_use, idle) = (self.pool.size(), self.pool.in_use(), self.pool.idle());
        self.pool.connected(slot, self.now);
        self.pool.failed(slot);
        self.pool.unreachable(slot, self.now);
        assert!(!self.pool.reopen(slot));
        self.pool.release(slot, self.now, true);
        self.pool.release(slot, self.now, false);
        let lost = self.pool.lost(slot);
        if lost {
            self.connections.remove(&slot.index());
        }
        let gone = usize::from(lost);
        assert_eq!(
            (self.pool.size(), self.pool.in_use(), self.pool.idle()),
            (size - gone, in_use, idle - gone)
        );
    }

    fn events(&mut self) {
        while let Some(event) = self.pool.poll_event() {
            match event {
                Event::Grant { waiter, slot } | Event::Connect { waiter, slot } => {
                    assert_eq!(
                        self.queue.pop_front(),
                        Some(waiter),
                        "waiters are served in order"
                    );
                    self.awake.push((waiter, slot));
                    self.grants += 1;
                }
                Event::Close(slot) => {
                    assert!(self.connections.remove(&slot.index()).is_some());
                }
                Event::Refuse(waiter) => {
                    let told = self.pool.take(waiter);
                    assert!(matches!(told, Acquired::Closed | Acquired::Down));
                    self.refused += usize::from(!self.pool.is_closed());
                    self.queue.retain(|id| *id != waiter);
                }
            }
        }
    }

    fn check(&self) {
        let pool = &self.pool;
        let Limits { max, .. } = *pool.limits();
        assert!(pool.size() <= max, "more connections than allowed");
        assert_eq!(pool.size(), pool.in_use() + pool.idle() + pool.connecting());
        let mut hands: Vec<_> = pool.held().collect();
        assert_eq!(hands.len(), pool.in_use() + pool.connecting());
        for slot in self.held.iter().chain(&self.opening) {
            assert!(hands.contains(slot), "a holder's slot is not the pool's");
        }
        let mut all: Vec<_> = self
            .held
            .iter()
            .chain(&self.opening)
            .map(|s| s.index())
            .collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(
            all.len(),
            self.held.len() + self.opening.len(),
            "a slot is in two hands"
        );
        hands.retain(|slot| !self.held.contains(slot) && !self.opening.contains(slot));
        assert!(
            hands.len() <= self.awake.len() + self.queue.len(),
            "a slot is in no hand"
        );
        if pool.waiting() > 0 {
            let full = pool.size() == max || pool.is_down();
            assert!(full && pool.idle() == 0, "somebody waits for nothing");
            let something = pool.in_use() + pool.connecting() > 0;
            assert!(something || pool.next_deadline().is_some(), "for ever");
        }
    }

    fn wind_down(&mut self) {
        self.events();
        self.pool.close();
        self.events();
        for (waiter, _) in std::mem::take(&mut self.awake) {
            let taken = self.pool.take(waiter);
            self.got(taken);
        }
        assert!(self.queue.is_empty());
        for slot in std::mem::take(&mut self.opening) {
            self.pool.failed(slot);
        }
        for slot in std::mem::take(&mut self.held) {
            self.pool.release(slot, self.now, true);
        }
        self.events();
        assert!(
            self.pool.is_drained() && self.connections.is_empty(),
            "everything came back"
        );
    }
}

#[test]
fn invariants_hold_after_every_one_of_many_random_steps() {
    let (mut grants, mut refused) = (0, 0);
    for seed in 0..400 {
        let mut world = World::new(seed);
        for _ in 0..500 {
            world.step();
        }
        world.wind_down();
        grants += world.grants;
        refused += world.refused;
    }
    assert!(
        grants > 1000,
        "the walk has to reach waiters, it granted {grants}"
    );
    assert!(refused > 100, "and outages, it refused {refused}");
}
