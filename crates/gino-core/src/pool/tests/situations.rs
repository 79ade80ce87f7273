use super::*;

#[test]
fn a_new_pool_connects_until_it_is_full_then_makes_wait() {
    let mut pool = Pool::new(limits(0, 2), 1);
    let (a, b) = (open(&mut pool), open(&mut pool));
    assert_ne!(a.index(), b.index());
    wait(&mut pool);
    assert_eq!(
        (pool.size(), pool.in_use(), pool.idle(), pool.waiting()),
        (2, 2, 0, 1)
    );
}

#[test]
fn the_connection_used_last_is_reused_first() {
    let mut pool = Pool::new(limits(0, 3), 1);
    let (a, b) = (open(&mut pool), open(&mut pool));
    pool.release(b, at(1), true);
    pool.release(a, at(2), true);
    let Acquired::Idle(first) = pool.acquire(at(3), false) else {
        panic!()
    };
    let Acquired::Idle(second) = pool.acquire(at(3), false) else {
        panic!()
    };
    assert_eq!((first.index(), second.index()), (a.index(), b.index()));
    assert!(events(&mut pool).is_empty());
}

#[test]
fn released_slot_goes_to_oldest_waiter() {
    let mut pool = Pool::new(limits(0, 1), 1);
    let slot = open(&mut pool);
    let (first, second) = (wait(&mut pool), wait(&mut pool));
    pool.release(slot, at(1), true);
    let Some(Event::Grant {
        waiter,
        slot: granted,
    }) = pool.poll_event()
    else {
        panic!()
    };
    assert_eq!((waiter, granted.index()), (first, slot.index()));
    assert_eq!(pool.take(first), Acquired::Idle(granted));
    assert_eq!(pool.take(second), Acquired::Wait(second));
    assert_eq!((pool.waiting(), pool.in_use()), (1, 1));
}

#[test]
fn no_newcomer_overtakes_a_waiter_that_is_not_awake_yet() {
    let mut pool = Pool::new(limits(0, 1), 1);
    let slot = open(&mut pool);
    let first = wait(&mut pool);
    pool.release(slot, at(1), true);
    let newcomer = wait(&mut pool);
    let Acquired::Idle(slot) = pool.take(first) else {
        panic!()
    };
    pool.release(slot, at(2), true);
    assert!(matches!(pool.take(newcomer), Acquired::Idle(_)));
}

#[test]
fn oldest_waiter_connects_when_a_connection_is_gone() {
    let mut pool = Pool::new(limits(0, 1), 1);
    let slot = open(&mut pool);
    let (first, _second) = (wait(&mut pool), wait(&mut pool));
    pool.release(slot, at(1), false);
    let Some(Event::Connect { waiter, slot }) = pool.poll_event() else {
        panic!()
    };
    assert_eq!(waiter, first);
    assert_eq!(pool.take(first), Acquired::Connect(slot));
    assert_eq!((pool.size(), pool.connecting(), pool.in_use()), (1, 1, 0));
}

#[test]
fn a_failed_attempt_gives_the_next_waiter_its_turn() {
    let mut pool = Pool::new(limits(0, 1), 1);
    let Acquired::Connect(slot) = pool.acquire(at(0), false) else {
        panic!()
    };
    let (first, second) = (wait(&mut pool), wait(&mut pool));
    pool.failed(slot);
    let Acquired::Connect(slot) = pool.take(first) else {
        panic!()
    };
    pool.failed(slot);
    let Acquired::Connect(slot) = pool.take(second) else {
        panic!()
    };
    pool.failed(slot);
    assert_eq!((pool.size(), pool.waiting()), (0, 0));
    assert!(events(&mut pool).is_empty());
}

#[test]
fn a_waiter_that_gives_up_is_passed_over() {
    let mut pool = Pool::new(limits(0, 1), 1);
    let slot = open(&mut pool);
    let (first, second) = (wait(&mut pool), wait(&mut pool));
    pool.abandon(first);
    pool.release(slot, at(1), true);
    assert_eq!(pool.take(first), Acquired::Down);
    assert!(matches!(pool.take(second), Acquired::Idle(_)));
}

#[test]
fn a_grant_goes_on_when_its_waiter_gives_up_before_or_after_the_event() {
    for polled in [false, true] {
        for keep in [false, true] {
            let mut pool = Pool::new(limits(0, 1), 1);
            let slot = open(&mut pool);
            let (first, second) = (wait(&mut pool), wait(&mut pool));
            pool.release(slot, at(1), keep);
            if polled {
                assert_eq!(events(&mut pool).len(), 1);
            }
            pool.abandon(first);
            let told = events(&mut pool);
            let [Event::Grant { waiter, .. } | Event::Connect { waiter, .. }] = told[..] else {
                panic!("{told:?}")
            };
            assert_eq!(waiter, second);
            match pool.take(second) {
                Acquired::Idle(slot) if keep => pool.release(slot, at(2), true),
                Acquired::Connect(slot) if !keep => pool.failed(slot),
                other => panic!("{other:?}"),
            }
            assert_eq!((pool.in_use(), pool.connecting()), (0, 0));
        }
    }
}

#[test]
fn a_grant_without_a_successor_becomes_idle() {
    let mut pool = Pool::new(
        Limits {
            max_inactive: Some(Duration::from_secs(10)),
            ..limits(0, 1)
        },
        1,
    );
    let slot = open(&mut pool);
    let waiter = wait(&mut pool);
    pool.release(slot, at(7), true);
    pool.abandon(waiter);
    assert_eq!((pool.idle(), pool.in_use()), (1, 0));
    assert_eq!(pool.next_deadline(), Some(at(17)));
    assert!(events(&mut pool).is_empty());
}

#[test]
fn a_second_release_is_ignored() {
    let mut pool = Pool::new(limits(0, 1), 1);
    let slot = open(&mut pool);
    pool.release(slot, at(1), true);
    pool.release(slot, at(1), true);
    pool.release(slot, at(1), false);
    assert_eq!((pool.size(), pool.idle()), (1, 1));
    let Acquired::Idle(other) = pool.acquire(at(2), false) else {
        panic!()
    };
    assert_eq!(other.index(), slot.index());
    for keep in [true, false] {
        pool.release(slot, at(3), keep);
        pool.failed(slot);
        pool.connected(slot, at(0));
        assert!(!pool.lost(slot));
    }
    assert_eq!(
        (pool.in_use(), pool.idle()),
        (1, 0),
        "the new holder is not disturbed"
    );
}

#[test]
fn a_stale_release_cannot_touch_what_a_waiter_was_granted() {
    let mut pool = Pool::new(limits(0, 1), 1);
    let slot = open(&mut pool);
    let (first, second) = (wait(&mut pool), wait(&mut pool));
    pool.release(slot, at(1), true);
    pool.release(slot, at(1), true);
    assert!(matches!(pool.take(first), Acquired::Idle(_)));
    assert_eq!(pool.take(second), Acquired::Wait(second));
}

#[test]
fn an_idle_connection_that_dies_leaves_room() {
    let mut pool = Pool::new(limits(1, 1), 1);
    let slot = open(&mut pool);
    pool.release(slot, at(1), true);
    assert!(pool.lost(slot));
    assert!(!pool.lost(slot));
    assert_eq!((pool.size(), pool.idle()), (0, 0));
    assert!(matches!(pool.acquire(at(2), false), Acquired::Connect(_)));
}

#[test]
fn warm_up_reserves_no_more_than_it_is_told_or_there_may_be() {
    let mut pool = Pool::new(limits(1, 3), 1);
    let (a, b) = (pool.reserve(2).unwrap(), pool.reserve(2).unwrap());
    assert_eq!(pool.reserve(2), None);
    pool.connected(a, at(0));
    pool.release(a, at(1), true);
    pool.failed(b);
    assert_eq!((pool.size(), pool.idle()), (1, 1));
    assert!(pool.reserve(9).is_some());
    assert!(pool.reserve(9).is_some());
    assert_eq!(pool.reserve(9), None);
}

#[test]
fn warmed_up_connection_goes_to_who_waits() {
    let mut pool = Pool::new(limits(1, 1), 1);
    let slot = pool.reserve(1).unwrap();
    let waiter = wait(&mut pool);
    pool.connected(slot, at(0));
    pool.release(slot, at(1), true);
    assert!(matches!(pool.take(waiter), Acquired::Idle(_)));
}

#[test]
fn idle_connections_close_after_their_time_but_not_below_the_minimum() {
    let mut pool = Pool::new(
        Limits {
            max_inactive: Some(Duration::from_secs(60)),
            ..limits(1, 3)
        },
        1,
    );
    let slots: Vec<_> = (0..3).map(|_| open(&mut pool)).collect();
    assert_eq!(pool.next_deadline(), None);
    for (i, slot) in slots.iter().enumerate() {
        pool.release(*slot, at(i as u64), true);
    }
    assert_eq!(pool.next_deadline(), Some(at(60)));
    pool.handle_timeout(at(59));
    assert!(events(&mut pool).is_empty());
    pool.handle_timeout(at(60));
    assert_eq!(events(&mut pool), [Event::Close(slots[0])]);
    assert_eq!(pool.next_deadline(), Some(at(61)));
    pool.handle_timeout(at(1000));
    assert_eq!(events(&mut pool), [Event::Close(slots[1])]);
    assert_eq!((pool.size(), pool.next_deadline()), (1, None));
}

#[test]
fn an_overdue_connection_is_not_handed_out() {
    let mut pool = Pool::new(
        Limits {
            max_inactive: Some(Duration::from_secs(60)),
            ..limits(0, 1)
        },
        1,
    );
    let slot = open(&mut pool);
    pool.release(slot, at(0), true);
    let Acquired::Connect(new) = pool.acquire(at(61), false) else {
        panic!()
    };
    assert_ne!(new.index(), slot.index(), "the old one is not closed yet");
    assert_eq!(events(&mut pool), [Event::Close(slot)]);
}

#[test]
fn a_slot_comes_again_only_after_its_close_was_polled() {
    let mut pool = Pool::new(
        Limits {
            max_uses: Some(1),
            ..limits(0, 1)
        },
        1,
    );
    let old = open(&mut pool);
    pool.release(old, at(0), true);
    let other = open(&mut pool);
    assert_ne!(old.index(), other.index());
    assert_eq!(pool.poll_event(), Some(Event::Close(old)));
    pool.release(other, at(0), true);
    let again = open(&mut pool);
    assert_eq!(again.index(), old.index());
    assert_ne!(again, old);
}

#[test]
fn a_used_up_connection_is_replaced_for_who_waits() {
    let mut pool = Pool::new(
        Limits {
            max_uses: Some(2),
            ..limits(0, 1)
        },
        1,
    );
    let slot = open(&mut pool);
    pool.release(slot, at(0), true);
    let Acquired::Idle(slot) = pool.acquire(at(0), false) else {
        panic!()
    };
    let waiter = wait(&mut pool);
    pool.release(slot, at(0), true);
    let Acquired::Connect(new) = pool.take(waiter) else {
        panic!()
    };
    assert_ne!(new.index(), slot.index());
    assert_eq!(events(&mut pool), [Event::Close(slot)]);
    assert_eq!(pool.size(), 1);
}

#[test]
fn closing_closes_idle_ones_refuses_waiters_and_waits_for_held_ones() {
    let mut pool = Pool::new(limits(0, 2), 1);
    let (a, b) = (open(&mut pool), open(&mut pool));
    let (first, second) = (wait(&mut pool), wait(&mut pool));
    pool.release(b, at(1), true);
    pool.close();
    let Acquired::Idle(b) = pool.take(first) else {
        panic!("a grant outlives close")
    };
    assert_eq!(events(&mut pool), [Event::Refuse(second)]);
    assert_eq!(pool.take(second), Acquired::Closed);
    assert_eq!(pool.acquire(at(2), false), Acquired::Closed);
    assert_eq!(pool.reserve(9), None);
    assert_eq!(pool.held().collect::<Vec<_>>(), [a, b]);
    pool.release(a, at(3), true);
    assert!(pool.is_closed() && !pool.is_drained());
    pool.release(b, at(3), false);
    assert_eq!(events(&mut pool), [Event::Close(a)]);
    assert!(pool.is_drained());
}

#[test]
fn closing_an_unused_pool_closes_what_is_idle() {
    let mut pool = Pool::new(limits(1, 1), 1);
    let slot = open(&mut pool);
    pool.release(slot, at(0), true);
    pool.close();
    assert_eq!(events(&mut pool), [Event::Close(slot)]);
    assert!(pool.is_drained());
}

#[test]
fn a_connection_that_opens_after_close_is_closed_on_release() {
    let mut pool = Pool::new(limits(0, 1), 1);
    let Acquired::Connect(slot) = pool.acquire(at(0), false) else {
        panic!()
    };
    pool.close();
    assert!(!pool.is_drained());
    pool.connected(slot, at(0));
    pool.release(slot, at(1), true);
    assert_eq!(events(&mut pool), [Event::Close(slot)]);
    assert!(pool.is_drained());
}

#[test]
fn senseless_limits_are_made_sensible() {
    assert_eq!(*Pool::new(limits(5, 0), 1).limits(), limits(1, 1));
    assert_eq!(*Pool::new(limits(5, 3), 1).limits(), limits(3, 3));
}
