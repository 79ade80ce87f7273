//! Servers that are down, connections that are old or have idled: who tries, who waits, who is told.

use super::*;

fn later(from: Instant, millis: u64) -> Instant {
    from + Duration::from_millis(millis)
}

fn connect(pool: &mut Pool, now: Instant) -> SlotId {
    match pool.acquire(now, false) {
        Acquired::Connect(slot) => slot,
        other => panic!("expected to connect, got {other:?}"),
    }
}

/// A pool whose server was unreachable the given number of times; and when the pause is over.
fn down(max: usize, failures: u32) -> (Pool, Instant) {
    let mut pool = Pool::new(limits(0, max), 7);
    let mut now = at(1);
    for _ in 0..failures {
        let slot = connect(&mut pool, now);
        pool.unreachable(slot, now);
        now = pool.outage.until().unwrap();
    }
    (pool, now)
}

#[test]
fn pauses_grow_to_a_limit_and_end_with_the_first_success() {
    let mut pool = Pool::new(limits(0, 1), 7);
    let mut now = at(1);
    let mut pauses = Vec::new();
    for _ in 0..12 {
        let slot = connect(&mut pool, now);
        pool.unreachable(slot, now);
        let until = pool.outage.until().unwrap();
        pauses.push(until.saturating_since(now).as_millis());
        now = until;
    }
    for (number, pause) in pauses.iter().enumerate() {
        let most = (100_u128 << number).min(1000);
        assert!(*pause <= most && *pause >= most / 2, "{pauses:?}");
    }
    let slot = connect(&mut pool, now);
    pool.connected(slot, now);
    assert!(!pool.is_down());
    pool.release(slot, now, false);
    connect(&mut pool, now);
}

#[test]
fn attempts_that_fail_together_count_once() {
    let mut pool = Pool::new(limits(0, 5), 7);
    let slots: Vec<_> = (0..5).map(|_| connect(&mut pool, at(1))).collect();
    for slot in slots {
        pool.unreachable(slot, at(2));
    }
    let pause = pool.outage.pause(at(2)).unwrap();
    assert!(pause <= Duration::from_millis(100), "{pause:?}");
}

#[test]
fn nobody_tries_in_a_pause_then_one_alone_then_all() {
    let (mut pool, until) = down(4, 1);
    let before = at(1);
    let waiters: Vec<_> = (0..3).map(|_| wait_at(&mut pool, before, true)).collect();
    assert!(events(&mut pool).is_empty());
    assert_eq!(pool.next_deadline(), Some(until));
    pool.handle_timeout(until);
    let [Event::Connect { waiter, slot }] = events(&mut pool)[..] else {
        panic!("one waiter tries")
    };
    assert_eq!(waiter, waiters[0]);
    assert_eq!(pool.take(waiter), Acquired::Connect(slot));
    // Somebody who comes now waits for the outcome, too.
    let newcomer = wait_at(&mut pool, until, false);
    pool.connected(slot, until);
    let told: Vec<_> = events(&mut pool)
        .into_iter()
        .map(|event| match event {
            Event::Connect { waiter, .. } => waiter,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, [waiters[1], waiters[2], newcomer]);
}

fn wait_at(pool: &mut Pool, now: Instant, patient: bool) -> WaiterId {
    match pool.acquire(now, patient) {
        Acquired::Wait(waiter) => waiter,
        other => panic!("expected to wait, got {other:?}"),
    }
}

#[test]
fn who_has_nothing_to_wait_for_is_told_and_who_is_patient_stays() {
    let mut pool = Pool::new(limits(0, 1), 7);
    let slot = connect(&mut pool, at(1));
    let (patient, other) = (
        wait_at(&mut pool, at(1), true),
        wait_at(&mut pool, at(1), false),
    );
    pool.unreachable(slot, at(2));
    assert_eq!(events(&mut pool), [Event::Refuse(other)]);
    assert_eq!(pool.take(other), Acquired::Down);
    assert_eq!(pool.take(patient), Acquired::Wait(patient));
}

#[test]
fn connection_in_somebodys_hands_is_something_to_wait_for() {
    let mut pool = Pool::new(limits(0, 2), 7);
    let held = open(&mut pool);
    let slot = connect(&mut pool, at(1));
    pool.unreachable(slot, at(1));
    let waiter = wait_at(&mut pool, at(1), false);
    assert!(events(&mut pool).is_empty());
    pool.release(held, at(1), true);
    assert!(matches!(pool.take(waiter), Acquired::Idle(_)));
    let Acquired::Wait(last) = pool.acquire(at(1), false) else {
        panic!()
    };
    let held = pool.held().next().unwrap();
    pool.release(held, at(1), false);
    assert_eq!(
        pool.take(last),
        Acquired::Wait(last),
        "for the next attempt"
    );
    pool.handle_timeout(pool.next_deadline().unwrap());
    assert!(matches!(pool.take(last), Acquired::Connect(_)));
}

#[test]
fn who_comes_in_a_pause_waits_for_its_end_however_long_the_outage() {
    let (mut pool, until) = down(1, 8);
    let start = Instant::new(until.since_origin() - Duration::from_millis(400));
    let waiters = [0, 100, 200].map(|millis| wait_at(&mut pool, later(start, millis), false));
    assert!(events(&mut pool).is_empty(), "nobody refuses another");
    pool.handle_timeout(until);
    let Acquired::Connect(slot) = pool.take(waiters[0]) else {
        panic!("the first tries")
    };
    pool.unreachable(slot, until);
    for waiter in &waiters[1..] {
        assert_eq!(pool.take(*waiter), Acquired::Down);
    }
}

#[test]
fn attempt_that_is_given_up_in_an_outage_passes_to_the_next() {
    let (mut pool, until) = down(2, 2);
    let slot = connect(&mut pool, until);
    let waiter = wait_at(&mut pool, until, false);
    pool.failed(slot);
    assert!(matches!(pool.take(waiter), Acquired::Connect(_)));
}

#[test]
fn warming_up_stops_while_the_server_is_down() {
    let mut pool = Pool::new(limits(2, 2), 7);
    let slot = pool.reserve(2).unwrap();
    pool.unreachable(slot, at(1));
    assert_eq!(pool.reserve(2), None);
}

fn aging(min: usize) -> Pool {
    let life = Some(Duration::from_secs(100));
    Pool::new(
        Limits {
            max_lifetime: life,
            ..limits(min, 9)
        },
        7,
    )
}

#[test]
fn connections_live_as_long_as_they_may_or_up_to_a_tenth_less() {
    let mut pool = aging(9);
    let slots: Vec<_> = (0..9).map(|_| connect(&mut pool, at(0))).collect();
    for slot in &slots {
        pool.connected(*slot, at(0));
    }
    for slot in slots {
        pool.release(slot, at(1), true);
    }
    let mut ends = Vec::new();
    while let Some(next) = pool.next_deadline() {
        pool.handle_timeout(next);
        ends.push((next, events(&mut pool).len()));
    }
    assert_eq!(pool.size(), 0, "below the minimum, too");
    assert!(ends.len() > 5, "not all at once: {ends:?}");
    assert!(ends[0].0 >= at(89) && ends[ends.len() - 1].0 <= at(100));
    assert!(ends.iter().all(|(_, closed)| *closed >= 1));
}

#[test]
fn connection_that_became_too_old_in_use_goes_when_it_comes_back() {
    let mut pool = aging(1);
    let slot = open(&mut pool);
    pool.release(slot, at(101), true);
    let [Event::Close(closed)] = events(&mut pool)[..] else {
        panic!()
    };
    assert_eq!(closed.index(), slot.index());
    let slot = connect(&mut pool, at(101));
    pool.connected(slot, at(101));
    pool.release(slot, at(150), true);
    assert_eq!(pool.idle(), 1, "the new one has its own life");
}

#[test]
fn connection_that_idled_is_checked_before_it_is_handed_out() {
    let idle_check = Some(Duration::from_secs(10));
    let mut pool = Pool::new(
        Limits {
            idle_check,
            ..limits(0, 1)
        },
        7,
    );
    let slot = open(&mut pool);
    pool.release(slot, at(1), true);
    assert!(!pool.needs_check(at(10)) && pool.needs_check(at(11)));
    let Acquired::Idle(slot) = pool.acquire(at(10), false) else {
        panic!()
    };
    pool.release(slot, at(10), true);
    let Acquired::Check(slot) = pool.acquire(at(20), false) else {
        panic!()
    };
    // It is dead: another takes its place, and nobody else gets in between.
    let waiter = wait_at(&mut pool, at(20), false);
    assert!(pool.reopen(slot) && !pool.reopen(slot));
    assert_eq!((pool.connecting(), pool.in_use()), (1, 0));
    pool.connected(slot, at(21));
    assert_eq!(pool.take(waiter), Acquired::Wait(waiter));
    pool.release(slot, at(21), true);
    assert!(matches!(pool.take(waiter), Acquired::Idle(_)));
}
