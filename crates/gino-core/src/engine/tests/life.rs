//! The life of connections: warming up, idling, growing old, and outages of the server.

use super::*;
use crate::error::{Deadline, ErrorKind};
use crate::runtime::Runtime;

async fn use_once(engine: &Engine<World>) -> Result<()> {
    let lease = engine.acquire(None).await?;
    assert_eq!(run(lease.seat(), "ROWS 1").await?, [1]);
    lease.release().await;
    Ok(())
}

#[test]
fn warming_up_opens_several_connections_at_once_but_not_too_many() {
    let world = World::new(1);
    world.network.server().connect_delay = seconds(1);
    let engine = engine(&world, &[("min_size", "20"), ("max_size", "20")]);
    let (same, inside) = (engine.clone(), world.clone());
    world.run(async move {
        let before = inside.now();
        same.warm_up().await.unwrap();
        let took = inside.now().saturating_since(before);
        assert!(took >= seconds(3) && took < seconds(4), "{took:?}");
    });
    assert_eq!((engine.figures().size, engine.figures().idle), (20, 20));
    assert_eq!(engine.metrics().opened, 20);
}

#[test]
fn pool_starts_with_init_size_connections_and_falls_to_min_size() {
    let world = World::new(1);
    let settings = [
        ("init_size", "4"),
        ("min_size", "1"),
        ("max_size", "5"),
        ("max_inactive_connection_lifetime", "100"),
        ("max_lifetime", "1000"),
    ];
    let engine = engine(&world, &settings);
    let same = engine.clone();
    world.run(async move { same.warm_up().await.unwrap() });
    assert_eq!(engine.figures().idle, 4);
    world.advance(seconds(101));
    assert_eq!(engine.figures().idle, 1);
    world.advance(seconds(1000));
    assert_eq!(engine.figures().idle, 1);
}

#[test]
fn warming_up_fails_with_the_first_error_and_leaves_nothing_half_open() {
    let world = World::new(1);
    world.network.server().refusing = true;
    let engine = engine(&world, &[("min_size", "4")]);
    let same = engine.clone();
    let failed = error(world.run(async move { same.warm_up().await }));
    assert_eq!(failed.kind(), ErrorKind::Connect);
    assert_eq!(engine.figures().size, 0);
}

#[test]
fn connection_that_idled_and_lives_is_checked_and_used() {
    let world = World::new(1);
    let engine = engine(&world, &[("max_size", "1"), ("idle_check", "10")]);
    let (same, inside) = (engine.clone(), world.clone());
    world.run(async move {
        use_once(&same).await.unwrap();
        assert!(at_once(&same).is_some());
        inside.sleep_until(inside.now() + seconds(10)).await;
        use_once(&same).await.unwrap();
    });
    let metrics = engine.metrics();
    assert_eq!((metrics.opened, metrics.health_checks), (1, 1));
}

#[test]
fn connection_that_idled_to_death_is_replaced_and_nobody_hears_of_it() {
    for seed in 0..20 {
        let world = World::new(seed);
        let engine = engine(&world, &[("max_size", "1"), ("idle_check", "10")]);
        let (same, inside) = (engine.clone(), world.clone());
        world.run(async move {
            use_once(&same).await.unwrap();
            inside.sleep_until(inside.now() + seconds(20)).await;
            // The way there was forgotten by a firewall: no answer, and no end either.
            inside.network.server().deaf = true;
            inside.after(seconds(2), |world| world.network.server().deaf = false);
            let before = inside.now();
            use_once(&same).await.unwrap();
            let took = inside.now().saturating_since(before);
            assert!(took < seconds(6), "{took:?}");
        });
        let metrics = engine.metrics();
        assert_eq!((metrics.opened, metrics.closed), (2, 1));
        assert_eq!((metrics.health_checks, engine.figures().size), (1, 1));
    }
}

#[test]
fn check_that_is_given_up_leaves_no_slot_behind() {
    for seed in 0..20 {
        let world = World::new(seed);
        let engine = engine(&world, &[("max_size", "1"), ("idle_check", "10")]);
        let (same, inside) = (engine.clone(), world.clone());
        world.run(async move {
            use_once(&same).await.unwrap();
            inside.sleep_until(inside.now() + seconds(20)).await;
            inside.network.server().deaf = true;
            let late = error(same.acquire(limit(&inside, 1)).await);
            assert_eq!(late.deadline(), Some(Deadline::Acquire));
            inside.network.server().deaf = false;
            inside.sleep_until(inside.now() + seconds(20)).await;
            use_once(&same).await.unwrap();
        });
        assert_eq!((engine.figures().in_use, engine.figures().size), (0, 1));
    }
}

#[test]
fn old_connections_are_replaced_in_the_background_up_to_the_minimum() {
    let world = World::new(1);
    let settings = [
        ("min_size", "3"),
        ("max_lifetime", "100"),
        ("idle_check", "0"),
        ("max_inactive_connection_lifetime", "0"),
    ];
    let engine = engine(&world, &settings);
    let same = engine.clone();
    world.run(async move { same.warm_up().await.unwrap() });
    world.advance(seconds(89));
    assert_eq!(engine.metrics().opened, 3);
    world.advance(seconds(12));
    let metrics = engine.metrics();
    assert_eq!((metrics.opened, metrics.closed), (6, 3));
    assert_eq!(engine.figures().idle, 3);
    assert_eq!(world.network.server().backends().count(), 3);
    drop(engine);
    world.advance(seconds(200));
    assert_eq!(world.network.server().backends().count(), 0);
}

#[test]
fn who_may_wait_is_served_when_the_server_is_back() {
    for seed in 0..10 {
        let world = World::new(seed);
        let engine = engine(&world, &[("max_size", "3")]);
        world.network.server().refusing = true;
        let waiting: Vec<_> = (0..9)
            .map(|_| {
                let (same, limit) = (engine.clone(), limit(&world, 60));
                world.start(async move {
                    let lease = same.acquire(limit).await?;
                    run(lease.seat(), "SLEEP 5").await
                })
            })
            .collect();
        world.advance(seconds(30));
        let failed = engine.metrics().failed_connects;
        assert!((30..70).contains(&failed), "not hammered: {failed}");
        assert_eq!(engine.figures().waiting, 9);
        world.network.server().refusing = false;
        world.advance(seconds(6));
        for one in waiting {
            one.lock().unwrap().take().expect("an outcome").unwrap();
        }
        let figures = engine.figures();
        assert_eq!((figures.in_use, figures.waiting, figures.idle), (0, 0, 3));
    }
}

#[test]
fn who_may_wait_hears_at_the_end_why_there_was_nothing() {
    let world = World::new(1);
    let engine = engine(&world, &[]);
    world.network.server().refusing = true;
    let (same, limit) = (engine.clone(), limit(&world, 3));
    let late = error(world.run(async move { same.acquire(limit).await }));
    assert_eq!(late.deadline(), Some(Deadline::Acquire));
    let words = late.to_string();
    assert!(words.contains("the last attempt to connect failed: cannot connect to server:5432"));
    assert_eq!(engine.figures().waiting, 0);
}

#[test]
fn who_may_not_wait_hears_soon_and_the_server_is_not_hammered() {
    let world = World::new(3);
    let engine = engine(&world, &[]);
    world.network.server().refusing = true;
    let (same, inside) = (engine.clone(), world.clone());
    world.run(async move {
        let start = inside.now();
        while inside.now() < start + seconds(60) {
            let before = inside.now();
            let failed = error(same.acquire(None).await);
            assert_eq!(failed.kind(), ErrorKind::Connect, "{failed}");
            let took = inside.now().saturating_since(before);
            assert!(took <= seconds(2), "{took:?}");
            inside
                .sleep_until(inside.now() + Duration::from_millis(10))
                .await;
        }
    });
    let failed = engine.metrics().failed_connects;
    assert!((60..130).contains(&failed), "{failed}");
}

#[test]
fn error_that_waiting_does_not_help_comes_at_once() {
    let world = World::new(1);
    let engine = engine(&world, &[]);
    world.network.server().unfriendly = Some(("server:5432", "28P01"));
    let (same, inside) = (engine.clone(), world.clone());
    world.run(async move {
        for _ in 0..3 {
            let before = inside.now();
            let refused = error(same.acquire(limit(&inside, 60)).await);
            assert_eq!(refused.sqlstate(), Some("28P01"));
            assert!(inside.now().saturating_since(before) < seconds(1));
        }
    });
    assert_eq!(engine.metrics().failed_connects, 3);
}

#[test]
fn who_waits_for_a_server_is_served_though_the_house_is_kept_for_later() {
    for seed in 0..20 {
        let world = World::new(seed);
        let engine = engine(&world, &[("max_size", "2"), ("max_lifetime", "10000")]);
        let (same, other) = (engine.clone(), engine.clone());
        // From now on somebody waits for the time when it is too old.
        let held = world.run(async move {
            drop(same.acquire(None).await.unwrap());
            same.acquire(None).await.unwrap()
        });
        world.advance(seconds(1));
        world.network.server().refusing = true;
        let waiting = world.start(async move {
            let limit = Limit::within(other.runtime(), Some(seconds(60)));
            other.acquire(limit).await.map(drop)
        });
        world.advance(seconds(5));
        assert!(waiting.lock().unwrap().is_none(), "seed {seed}");
        world.network.server().refusing = false;
        world.advance(seconds(3));
        let served = waiting.lock().unwrap().take();
        assert!(matches!(served, Some(Ok(()))), "seed {seed}");
        drop(held);
    }
}
