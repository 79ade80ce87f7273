//! The end of an engine: grace, who still holds what, and closing at once.

use super::*;
use crate::error::{Deadline, ErrorKind};
use crate::runtime::Runtime;

#[test]
fn close_waits_for_what_is_borrowed() {
    let world = World::new(1);
    let engine = engine(&world, &[]);
    let (one, two, inside) = (engine.clone(), engine.clone(), world.clone());
    let busy = world.start(async move {
        let lease = one.acquire(None).await.unwrap();
        run(lease.seat(), "SLEEP 5000").await.unwrap();
    });
    world.advance(seconds(1));
    world.run(async move {
        let before = inside.now();
        two.close(seconds(60)).await.unwrap();
        let took = inside.now().saturating_since(before);
        assert!(took >= seconds(4) && took < seconds(5), "{took:?}");
        assert_eq!(error(two.acquire(None).await).kind(), ErrorKind::Closed);
    });
    assert!(busy.lock().unwrap().is_some() && engine.is_closed());
    world.advance(seconds(1));
    assert_eq!(world.network.server().backends().count(), 0);
}

#[test]
fn close_names_who_did_not_give_back_in_time_and_closes_anyway() {
    let world = World::new(1);
    world.call_me("task 7");
    let engine = engine(&world, &[]);
    let (one, two) = (engine.clone(), engine.clone());
    let busy = world.start(async move {
        let lease = one.acquire(None).await.unwrap();
        lease.name_holder(None);
        run(lease.seat(), "SLEEP 50000").await
    });
    world.advance(seconds(1));
    let late = error(world.run(async move { two.close(seconds(3)).await }));
    assert_eq!(late.deadline(), Some(Deadline::Close));
    let expected = "task 7 at here:1 for 4.0 s, last SQL: SLEEP 50000";
    assert!(late.to_string().contains(expected), "{late}");
    world.advance(seconds(1));
    let lost = busy.lock().unwrap().take().unwrap();
    assert_eq!(error(lost).kind(), ErrorKind::Closed);
    assert_eq!(engine.figures().size, 0);
    assert_eq!(world.network.server().backends().count(), 0);
}

#[test]
fn closed_engine_keeps_no_house() {
    let world = World::new(1);
    let engine = engine(&world, &[("max_lifetime", "1000")]);
    let same = engine.clone();
    world.run(async move {
        drop(same.acquire(None).await.unwrap());
        same.close(seconds(3)).await.unwrap();
    });
    world.advance(seconds(10));
    assert_eq!(world.tasks(), 0);
    drop(engine);
}

#[test]
fn terminate_fails_what_is_in_flight_and_refuses_who_waits() {
    let world = World::new(1);
    let engine = pool_of_one(&world);
    let (one, two) = (engine.clone(), engine.clone());
    let busy = world.start(async move {
        let lease = one.acquire(None).await.unwrap();
        run(lease.seat(), "SLEEP 50000").await
    });
    world.advance(seconds(1));
    let waiting = world.start(async move { two.acquire(None).await.map(drop) });
    world.advance(seconds(1));
    engine.terminate();
    world.advance(seconds(1));
    let failed = busy.lock().unwrap().take().unwrap();
    assert_eq!(error(failed).kind(), ErrorKind::Closed);
    let refused = waiting.lock().unwrap().take().unwrap();
    assert_eq!(error(refused).kind(), ErrorKind::Closed);
    let figures = engine.figures();
    assert_eq!((figures.size, figures.waiting), (0, 0));
}

#[test]
fn engine_that_nobody_has_any_more_closes_its_connections() {
    let world = World::new(1);
    let engine = engine(&world, &[]);
    let same = engine.clone();
    world.run(async move { drop(same.acquire(None).await.unwrap()) });
    assert_eq!(world.network.server().backends().count(), 1);
    drop(engine);
    world.advance(seconds(1));
    assert_eq!(world.network.server().backends().count(), 0);
}

#[test]
fn connection_that_is_being_opened_does_not_outlive_the_engine() {
    for seed in 0..20 {
        let world = World::new(seed);
        world.network.server().connect_delay = seconds(2);
        let engine = engine(&world, &[]);
        let (one, two) = (engine.clone(), engine.clone());
        let opening = world.start(async move { one.acquire(None).await.map(drop) });
        world.advance(seconds(1));
        world.run(async move { two.close(seconds(10)).await.unwrap() });
        world.advance(seconds(5));
        let refused = opening.lock().unwrap().take().unwrap();
        assert_eq!(error(refused).kind(), ErrorKind::Closed);
        assert_eq!(engine.figures().size, 0);
        assert_eq!(world.network.server().backends().count(), 0);
    }
}
