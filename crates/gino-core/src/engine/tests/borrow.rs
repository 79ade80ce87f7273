//! Borrowing and giving back: order, time-outs, what is idle and what has died.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::engine::Figures;
use crate::error::{Deadline, ErrorKind};
use crate::runtime::Runtime;
use crate::session::Status;

fn in_use(engine: &Engine<World>) -> (usize, usize, usize) {
    let Figures {
        size,
        in_use,
        waiting,
        ..
    } = engine.figures();
    (size, in_use, waiting)
}

#[test]
fn connection_is_borrowed_used_and_given_back() {
    let world = World::new(1);
    let engine = engine(&world, &[]);
    assert_eq!(in_use(&engine), (0, 0, 0));
    let same = engine.clone();
    world.run(async move {
        let lease = same.acquire(None).await.unwrap();
        assert_eq!(run(lease.seat(), "ROWS 3").await.unwrap(), [1, 2, 3]);
        assert_eq!(in_use(&same), (1, 1, 0));
        let seat = Arc::clone(lease.seat());
        lease.release().await;
        assert_eq!(error(run(&seat, "ROWS 1").await).kind(), ErrorKind::Usage);
    });
    assert_eq!(in_use(&engine), (1, 0, 0));
    assert_eq!(engine.figures().idle, 1);
    let again = at_once(&engine).unwrap();
    assert_eq!(again.seat().status(), Status::Idle);
    drop(again);
    assert_eq!(world.network.server().log.len(), 1);
}

#[test]
fn waiters_are_served_in_the_order_they_came() {
    for seed in 0..50 {
        let world = World::new(seed);
        let engine = pool_of_one(&world);
        let first = world.run({
            let engine = engine.clone();
            async move { engine.acquire(None).await.unwrap() }
        });
        let order = Arc::new(Mutex::new(Vec::new()));
        for number in 0..3 {
            let (engine, order) = (engine.clone(), Arc::clone(&order));
            world.start(async move {
                let lease = engine.acquire(None).await.unwrap();
                run(lease.seat(), "SLEEP 50").await.unwrap();
                order.lock().unwrap().push(number);
            });
            world.advance(Duration::ZERO);
        }
        assert_eq!(in_use(&engine), (1, 1, 3));
        drop(first);
        world.advance(seconds(1));
        assert_eq!(*order.lock().unwrap(), [0, 1, 2]);
        assert_eq!(in_use(&engine), (1, 0, 0));
    }
}

#[test]
fn time_out_says_who_holds_connections_and_what_they_do() {
    let world = World::new(1);
    let engine = pool_of_one(&world);
    let options = crate::engine::AcquireOptions {
        reuse: false,
        lazy: false,
        reusable: true,
        limit: None,
        scope: crate::engine::Scope::NONE,
        origin: None,
    };
    world.call_me("Task-7");
    let same = engine.clone();
    let other = world.clone();
    world.run(async move {
        let handle = same.handle(None, options).await.unwrap();
        let seat = handle.seat(None).await.unwrap();
        run(&seat, "ROWS 1").await.unwrap();
        let before = other.now();
        let error = error(same.acquire(limit(&other, 5)).await);
        assert_eq!(error.deadline(), Some(Deadline::Acquire));
        assert_eq!(other.now().saturating_since(before), seconds(5));
        let text = error.to_string();
        assert!(text.contains("pool of 1"), "{text}");
        assert!(
            text.contains("Task-7 at here:1 for 5.0 s, last SQL: ROWS 1"),
            "{text}"
        );
        assert_eq!(same.figures().waiting, 0);
        handle.release(true).await.unwrap();
    });
    assert_eq!(in_use(&engine), (1, 0, 0));
}

#[test]
fn dead_idle_connection_is_replaced() {
    let world = World::new(1);
    let engine = pool_of_one(&world);
    let same = engine.clone();
    world.run(async move { drop(same.acquire(None).await.unwrap()) });
    world.network.kill(&world, 1);
    world.advance(seconds(1));
    let same = engine.clone();
    world.run(async move {
        let lease = same.acquire(None).await.unwrap();
        assert_eq!(run(lease.seat(), "ROWS 1").await.unwrap(), [1]);
    });
    let server = world.network.server();
    assert_eq!(
        server.backends().map(|b| b.process).collect::<Vec<_>>(),
        [2]
    );
}

#[test]
fn idle_connections_above_the_minimum_close_after_their_time() {
    let world = World::new(1);
    let settings = [
        ("min_size", "1"),
        ("max_inactive_connection_lifetime", "60"),
    ];
    let engine = engine(&world, &settings);
    let same = engine.clone();
    world.run(async move {
        let leases = [
            same.acquire(None).await.unwrap(),
            same.acquire(None).await.unwrap(),
            same.acquire(None).await.unwrap(),
        ];
        drop(leases);
    });
    world.advance(seconds(59));
    assert_eq!(
        (
            engine.figures().size,
            world.network.server().backends().count()
        ),
        (3, 3)
    );
    world.advance(seconds(2));
    assert_eq!(
        (
            engine.figures().size,
            world.network.server().backends().count()
        ),
        (1, 1)
    );
    world.advance(seconds(1000));
    assert_eq!(engine.figures().size, 1);
}

#[test]
fn connection_that_became_too_old_in_a_busy_loop_leaves_no_slot_behind() {
    let world = World::new(1);
    let engine = pool_of_one(&world);
    for _ in 0..2 {
        let same = engine.clone();
        world.run(async move { drop(same.acquire(None).await.unwrap()) });
        world.stall(seconds(301));
        assert!(at_once(&engine).is_none());
        assert_eq!(in_use(&engine), (0, 0, 0));
    }
    let same = engine.clone();
    let lease = world.run(async move { same.acquire(None).await });
    assert!(lease.is_ok());
}

#[test]
fn connection_is_replaced_after_so_many_uses() {
    let world = World::new(1);
    let engine = engine(&world, &[("max_queries", "2")]);
    for _ in 0..4 {
        let same = engine.clone();
        world.run(async move { drop(same.acquire(None).await.unwrap()) });
    }
    world.advance(seconds(1));
    assert_eq!(engine.figures().size, 0);
    assert_eq!(world.network.server().backends().count(), 0);
}

#[test]
fn warm_up_opens_the_minimum() {
    let world = World::new(1);
    let engine = engine(&world, &[("min_size", "4")]);
    let same = engine.clone();
    world.run(async move { same.warm_up().await }).unwrap();
    let figures = engine.figures();
    assert_eq!((figures.size, figures.idle), (4, 4));
}
