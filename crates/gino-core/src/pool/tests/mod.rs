//! The pool on a virtual clock: a table of situations, and a seeded random walk.

mod outage;
mod random;
mod situations;

use std::time::Duration;

use super::*;

fn limits(min: usize, max: usize) -> Limits {
    Limits {
        min,
        max,
        max_inactive: None,
        max_uses: None,
        max_lifetime: None,
        idle_check: None,
    }
}

fn at(seconds: u64) -> Instant {
    Instant::new(Duration::from_secs(seconds))
}

/// A connection that is opened on the spot.
fn open(pool: &mut Pool) -> SlotId {
    match pool.acquire(at(0), false) {
        Acquired::Connect(slot) => {
            pool.connected(slot, at(0));
            slot
        }
        other => panic!("expected a new slot, got {other:?}"),
    }
}

fn wait(pool: &mut Pool) -> WaiterId {
    match pool.acquire(at(0), false) {
        Acquired::Wait(waiter) => waiter,
        other => panic!("expected to wait, got {other:?}"),
    }
}

fn events(pool: &mut Pool) -> Vec<Event> {
    std::iter::from_fn(|| pool.poll_event()).collect()
}
