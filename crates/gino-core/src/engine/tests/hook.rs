//! What the application does with each connection: when it runs, and what becomes of a connection
//! whose hook fails, hangs, is cancelled or leaves something behind.

use std::sync::Mutex;

use super::*;
use crate::engine::{AcquireOptions, Handle, Hook, Hooks};
use crate::error::{Deadline, ErrorKind};
use crate::session::Status;

fn hook(sql: &'static str) -> Option<Hook<World>> {
    Some(Arc::new(move |seat| {
        Box::pin(async move { seat.script(sql, None).await.map(drop) })
    }))
}

fn hooked(world: &World, hooks: Hooks<World>) -> Engine<World> {
    let url = "postgresql://fantix@server/gino?min_size=1&max_size=1";
    let config = Config::new(Some(url), [], &|_: &str| None).unwrap();
    Engine::with_hooks(Arc::new(config), world.clone(), hooks, Arc::default())
}

fn nobody_is_left(world: &World, engine: &Engine<World>) {
    world.advance(seconds(60));
    let figures = engine.figures();
    assert_eq!((figures.size, figures.in_use, figures.waiting), (0, 0, 0));
    assert_eq!(world.network.server().backends().count(), 0);
}

#[test]
fn each_hook_runs_at_its_time() {
    for seed in 0..20 {
        let world = World::new(seed);
        let hooks = Hooks {
            opened: hook("OPENED"),
            acquired: hook("ACQUIRED"),
            released: hook("RELEASED"),
        };
        let engine = hooked(&world, hooks);
        let same = engine.clone();
        world.run(async move {
            same.warm_up().await.unwrap();
            for _ in 0..2 {
                let lease = same.acquire(None).await.unwrap();
                run(lease.seat(), "ROWS 1").await.unwrap();
                if seed % 3 == 0 {
                    drop(lease);
                } else {
                    lease.try_release().await.unwrap();
                }
            }
        });
        world.advance(seconds(1));
        let turn = ["ACQUIRED", "ROWS 1", "RELEASED"];
        let expected = [&["OPENED"], &turn[..], &turn[..]].concat();
        assert_eq!(world.network.server().texts(), expected, "seed {seed}");
        assert_eq!(engine.figures().idle, 1);
    }
}

#[test]
fn connection_whose_first_hook_fails_is_closed_and_the_caller_told() {
    for acquired in [false, true] {
        let world = World::new(1);
        let mut hooks = Hooks::default();
        *(if acquired {
            &mut hooks.acquired
        } else {
            &mut hooks.opened
        }) = hook("FAIL");
        let engine = hooked(&world, hooks);
        let same = engine.clone();
        world.run(async move {
            for _ in 0..3 {
                assert_eq!(error(same.acquire(None).await).sqlstate(), Some("22012"));
            }
            let warm = same.warm_up().await;
            assert_eq!(warm.is_ok(), acquired);
            same.terminate();
        });
        nobody_is_left(&world, &engine);
    }
}

#[test]
fn connection_whose_hook_is_cancelled_is_closed() {
    for opened in [true, false] {
        let world = World::new(2);
        let mut hooks = Hooks::default();
        *(if opened {
            &mut hooks.opened
        } else {
            &mut hooks.acquired
        }) = hook("SLEEP 60000");
        let engine = hooked(&world, hooks);
        let (same, limit) = (engine.clone(), limit(&world, 2));
        let late = world.run(async move { error(same.acquire(limit).await) });
        assert_eq!(late.deadline(), Some(Deadline::Acquire));
        nobody_is_left(&world, &engine);
    }
}

#[test]
fn last_hook_finds_no_transaction_and_leaves_none() {
    let world = World::new(3);
    let released = hook("SET a; BEGIN");
    let engine = hooked(
        &world,
        Hooks {
            released,
            ..Hooks::default()
        },
    );
    let same = engine.clone();
    world.run(async move {
        let lease = same.acquire(None).await.unwrap();
        lease.seat().script("BEGIN", None).await.unwrap();
        lease.try_release().await.unwrap();
        let again = same.acquire(None).await.unwrap();
        assert_eq!(again.seat().status(), Status::Idle);
    });
    let expected = ["BEGIN", "ROLLBACK", "SET a", "BEGIN", "ROLLBACK"];
    assert_eq!(world.network.server().texts()[..5], expected);
}

#[test]
fn last_hook_that_fails_closes_the_connection_and_tells_who_releases() {
    let world = World::new(4);
    let released = hook("FAIL");
    let engine = hooked(
        &world,
        Hooks {
            released,
            ..Hooks::default()
        },
    );
    let same = engine.clone();
    world.run(async move {
        let lease = same.acquire(None).await.unwrap();
        assert_eq!(error(lease.try_release().await).sqlstate(), Some("22012"));
        let options = AcquireOptions {
            reuse: false,
            lazy: false,
            reusable: true,
            limit: None,
            scope: crate::engine::Scope::NONE,
            origin: None,
        };
        let handle = same.handle(None, options).await.unwrap();
        assert_eq!(error(handle.release(true).await).sqlstate(), Some("22012"));
        drop(same.acquire(None).await.unwrap());
    });
    nobody_is_left(&world, &engine);
}

#[test]
fn last_hook_that_hangs_is_given_up() {
    let world = World::new(5);
    let released = hook("SLEEP 600000");
    let engine = hooked(
        &world,
        Hooks {
            released,
            ..Hooks::default()
        },
    );
    let same = engine.clone();
    world.run(async move { same.acquire(None).await.unwrap().release().await });
    nobody_is_left(&world, &engine);
}

#[test]
fn what_the_first_hook_sets_is_for_the_first_borrower() {
    let world = World::new(6);
    let opened = hook("SET a");
    let engine = hooked(
        &world,
        Hooks {
            opened,
            ..Hooks::default()
        },
    );
    let same = engine.clone();
    world.run(async move {
        same.warm_up().await.unwrap();
        same.acquire(None).await.unwrap().release().await;
        same.acquire(None).await.unwrap().release().await;
    });
    let server = world.network.server();
    let resets = server
        .texts()
        .iter()
        .filter(|text| **text == "RESET ALL")
        .count();
    assert_eq!((server.texts()[0], resets), ("SET a", 1));
}

#[test]
fn seat_of_a_hook_is_of_no_use_after_it() {
    let world = World::new(7);
    let kept = Arc::new(Mutex::new(None));
    let into = Arc::clone(&kept);
    let released: Option<Hook<World>> = Some(Arc::new(move |seat| {
        let handle = Handle::lent(seat);
        let into = Arc::clone(&into);
        Box::pin(async move {
            run(&handle.seat(None).await?, "ROWS 1").await?;
            *into.lock().unwrap() = handle.current_seat();
            assert!(!handle.release(true).await?);
            assert!(handle.current_seat().is_none());
            Ok(())
        })
    }));
    let engine = hooked(
        &world,
        Hooks {
            released,
            ..Hooks::default()
        },
    );
    world.run(async move {
        engine
            .acquire(None)
            .await
            .unwrap()
            .try_release()
            .await
            .unwrap();
        let seat = kept.lock().unwrap().take().unwrap();
        let _lease = engine.acquire(None).await.unwrap();
        assert_eq!(error(run(&seat, "ROWS 1").await).kind(), ErrorKind::Usage);
    });
}
