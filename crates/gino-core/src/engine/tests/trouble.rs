//! Servers that are down, silent or dying: typed errors, and a pool that heals.

use super::*;
use crate::engine::{Limit, within};
use crate::error::{Deadline, ErrorKind};
use crate::runtime::Runtime;
use crate::session::Status;

#[test]
fn server_that_is_down_and_comes_back_is_used_again() {
    let world = World::new(1);
    let engine = pool_of_one(&world);
    world.network.server().refusing = true;
    let attempts: Vec<_> = (0..3)
        .map(|_| {
            let same = engine.clone();
            world.start(async move { same.acquire(None).await.map(drop) })
        })
        .collect();
    world.advance(seconds(1));
    for attempt in attempts {
        let refused = error(attempt.lock().unwrap().take().unwrap());
        assert_eq!(refused.kind(), ErrorKind::Connect);
        assert!(refused.to_string().contains("server:5432"), "{refused}");
    }
    assert_eq!(engine.figures().size, 0);
    world.network.server().refusing = false;
    world.run(async move {
        let lease = engine.acquire(None).await.unwrap();
        assert_eq!(run(lease.seat(), "ROWS 1").await.unwrap(), [1]);
    });
}

#[test]
fn hosts_are_tried_in_order_until_one_takes_us() {
    let two_hosts = [("host", "first,second")];
    let outcome = |world: &World| {
        let engine = engine(world, &two_hosts);
        world.run(async move { engine.acquire(None).await.map(drop) })
    };
    let world = World::new(1);
    world.network.server().down = Some("first:5432");
    outcome(&world).unwrap();

    let world = World::new(1);
    world.network.server().unfriendly = Some(("first:5432", "53300"));
    outcome(&world).unwrap();

    world.network.server().down = Some("second:5432");
    assert_eq!(error(outcome(&world)).sqlstate(), Some("53300"));

    let world = World::new(1);
    world.network.server().unfriendly = Some(("first:5432", "28P01"));
    assert_eq!(error(outcome(&world)).sqlstate(), Some("28P01"));
    world.advance(seconds(1));
    assert_eq!(world.network.server().backends().count(), 0);
}

#[test]
fn server_that_never_answers_is_given_up_after_the_connect_time_out() {
    let world = World::new(1);
    let engine = engine(&world, &[("max_size", "1"), ("connect_timeout", "7")]);
    world.network.server().deaf = true;
    let (same, inside) = (engine.clone(), world.clone());
    world.run(async move {
        let before = inside.now();
        let late = error(same.acquire(None).await);
        assert_eq!(late.deadline(), Some(Deadline::Connect));
        assert_eq!(inside.now().saturating_since(before), seconds(7));
    });
    assert_eq!(engine.figures().size, 0);
    assert_eq!(world.network.server().backends().count(), 0, "left open");
}

#[test]
fn connection_lost_in_a_statement_fails_it_and_the_next_borrower_gets_another() {
    for seed in 0..20 {
        let world = World::new(seed);
        let engine = pool_of_one(&world);
        world.run(async move {
            let lease = engine.acquire(None).await.unwrap();
            let tx = begin(lease.seat()).await.unwrap();
            assert!(run(lease.seat(), "DIE").await.is_err());
            assert!(tx.commit().await.is_err());
            lease.release().await;
            assert_eq!(engine.figures().in_use, 0);
            let next = engine.acquire(None).await.unwrap();
            assert_eq!(run(next.seat(), "ROWS 1").await.unwrap(), [1]);
        });
    }
}

#[test]
fn pool_heals_after_every_connection_is_cut() {
    for seed in 0..20 {
        let world = World::new(seed);
        let engine = engine(&world, &[("max_size", "3")]);
        let tasks: Vec<_> = (0..9)
            .map(|_| {
                let same = engine.clone();
                world.start(async move {
                    let lease = same.acquire(None).await?;
                    run(lease.seat(), "SLEEP 20").await
                })
            })
            .collect();
        world.advance(Duration::from_millis(1 + 2 * seed));
        world.network.cut_all(&world);
        world.advance(seconds(5));
        for task in tasks {
            let outcome = task.lock().unwrap().take().expect("an outcome");
            if let Err(error) = outcome {
                let kind = error.kind();
                assert!(
                    matches!(kind, ErrorKind::Closed | ErrorKind::Connect),
                    "{error}"
                );
            }
        }
        assert_eq!((engine.figures().in_use, engine.figures().waiting), (0, 0));
        world.run(async move {
            let lease = engine.acquire(None).await.unwrap();
            assert_eq!(run(lease.seat(), "ROWS 1").await.unwrap(), [1]);
        });
    }
}

#[test]
fn server_that_cannot_be_asked_to_cancel_costs_the_connection_not_the_pool() {
    let world = World::new(1);
    world.network.server().cancel_delay = seconds(100);
    let engine = pool_of_one(&world);
    let (same, inside) = (engine.clone(), world.clone());
    world.run(async move {
        let lease = same.acquire(None).await.unwrap();
        let slow = within(&inside, limit(&inside, 1), run(lease.seat(), "SLEEP 2000"));
        assert!(slow.await.is_err());
        drop(lease);
        let next = same.acquire(None).await.unwrap();
        // The cancel request is still on its way: it must not hit anybody who comes now.
        let rows = run(next.seat(), "SLEEP 200000").await.unwrap();
        assert!(rows.is_empty());
    });
    assert_eq!(engine.figures().size, 1);
}

#[test]
fn rollback_that_nobody_answers_closes_the_connection_after_ten_seconds() {
    for nested in [false, true] {
        let world = World::new(1);
        let engine = pool_of_one(&world);
        let (same, inside) = (engine.clone(), world.clone());
        world.run(async move {
            let lease = same.acquire(None).await.unwrap();
            let outer = begin(lease.seat()).await.unwrap();
            let tx = match nested {
                true => begin(lease.seat()).await.unwrap(),
                false => outer,
            };
            inside.network.server().deaf = true;
            let before = inside.now();
            let late = error(tx.rollback().await);
            assert_eq!(late.deadline(), Some(Deadline::Statement));
            assert_eq!(inside.now().saturating_since(before), seconds(10));
            assert_eq!(lease.seat().status(), Status::Closed);
        });
        world.advance(seconds(1));
        assert_eq!(engine.figures().size, 0);
    }
}

#[test]
fn pool_survives_a_storm_of_faults_and_cancellations() {
    for seed in 0..30 {
        let world = World::new(seed);
        let engine = engine(&world, &[("max_size", "3"), ("statement_cache_size", "2")]);
        for number in 0..40_u64 {
            let (same, inside) = (engine.clone(), world.clone());
            let patience = Duration::from_millis(5 + world.chance(60) as u64);
            let late = Duration::from_millis(world.chance(150) as u64);
            world.start(async move {
                inside.sleep_until(inside.now() + late).await;
                let limit = Limit::within(&inside, Some(patience));
                let work = async {
                    let lease = same.acquire(None).await?;
                    let tx = begin(lease.seat()).await?;
                    run(lease.seat(), &format!("ROWS {}", 1 + number % 4)).await?;
                    run(lease.seat(), "SLEEP 9").await?;
                    tx.commit().await
                };
                let _ = within(&inside, limit, work).await;
            });
        }
        for _ in 0..4 {
            world.advance(Duration::from_millis(20 + world.chance(20) as u64));
            match world.chance(3) {
                0 => world.network.cut_all(&world),
                1 => world.network.server().refusing = true,
                _ => world.network.server().refusing = false,
            }
        }
        world.network.server().refusing = false;
        world.advance(seconds(30));
        let figures = engine.figures();
        assert_eq!((figures.in_use, figures.waiting), (0, 0), "{seed}");
        assert_eq!(world.network.server().violations, 0, "{seed}");
        world.run(async move {
            let lease = engine.acquire(None).await.unwrap();
            assert_eq!(run(lease.seat(), "ROWS 1").await.unwrap(), [1]);
        });
    }
}

#[test]
fn cancel_request_that_came_too_early_is_repeated() {
    let world = World::new(1);
    let engine = pool_of_one(&world);
    let inside = world.clone();
    world.run(async move {
        let lease = engine.acquire(None).await.unwrap();
        inside.network.server().cancels_too_early = 2;
        let before = inside.now();
        let late = Limit::within(&inside, Some(seconds(1)));
        let flow = run(lease.seat(), "SLEEP 50000");
        error(within(&inside, late, flow).await);
        assert_eq!(run(lease.seat(), "ROWS 1").await.unwrap(), [1]);
        let took = inside.now().saturating_since(before);
        assert!(took < seconds(5), "{took:?}");
    });
    let server = world.network.server();
    assert_eq!((server.cancels, server.violations), (3, 0));
}

#[test]
fn server_that_ignores_cancel_requests_costs_the_connection_not_its_holder() {
    let world = World::new(1);
    world.network.server().cancels_too_early = usize::MAX;
    let engine = pool_of_one(&world);
    let (same, inside) = (engine.clone(), world.clone());
    world.run(async move {
        let lease = same.acquire(None).await.unwrap();
        let tx = begin(lease.seat()).await.unwrap();
        let slow = within(
            &inside,
            limit(&inside, 1),
            run(lease.seat(), "SLEEP 3600000"),
        );
        error(slow.await);
        let before = inside.now();
        assert!(tx.rollback().await.is_err());
        let took = inside.now().saturating_since(before);
        assert!(seconds(5) < took && took < seconds(15), "{took:?}");
        drop(lease);
        let next = same.acquire(None).await.unwrap();
        assert_eq!(run(next.seat(), "ROWS 1").await.unwrap(), [1]);
    });
    assert_eq!(engine.figures().size, 1);
}
