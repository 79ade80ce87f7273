//! Contextual connections: reuse, lazy borrowing, giving back for a while and for good.

use super::*;
use crate::engine::{AcquireOptions, Handle};
use crate::error::{ErrorKind, Leaf, UsageError};

const PLAIN: AcquireOptions = AcquireOptions {
    reuse: false,
    lazy: false,
    reusable: true,
    limit: None,
    scope: crate::engine::Scope::NONE,
    origin: None,
};

const LAZY: AcquireOptions = AcquireOptions {
    lazy: true,
    ..PLAIN
};

const REUSE: AcquireOptions = AcquireOptions {
    reuse: true,
    ..PLAIN
};

async fn works(handle: &Handle<World>) -> Result<()> {
    let seat = handle.seat(None).await?;
    run(&seat, "ROWS 1").await.map(drop)
}

fn usage<T>(result: Result<T>) -> UsageError {
    match error(result).into_leaf() {
        Leaf::Usage(usage) => usage,
        other => panic!("{other:?}"),
    }
}

#[test]
fn lazy_handle_borrows_with_its_first_query() {
    let world = World::new(1);
    let engine = pool_of_one(&world);
    world.run(async move {
        let handle = engine.handle(None, LAZY).await.unwrap();
        assert_eq!(engine.figures().size, 0);
        assert!(handle.current_seat().is_none());
        assert!(
            !handle.release(false).await.unwrap(),
            "nothing to give back"
        );
        works(&handle).await.unwrap();
        assert_eq!(engine.figures().in_use, 1);
        assert!(handle.release(true).await.unwrap());
        assert_eq!(engine.figures().in_use, 0);
    });
}

#[test]
fn reusing_handle_stands_on_the_newest_and_gives_nothing_back() {
    let world = World::new(1);
    let engine = pool_of_one(&world);
    world.run(async move {
        let root = engine.handle(None, PLAIN).await.unwrap();
        let reusing = engine.handle(Some(&root), REUSE).await.unwrap();
        assert!(reusing.is_reusing() && !reusing.is_reusable() && reusing.shares_root(&root));
        works(&reusing).await.unwrap();
        assert_eq!(engine.figures().in_use, 1);
        assert!(!reusing.release(true).await.unwrap());
        assert_eq!(usage(works(&reusing).await), UsageError::Released);
        works(&root).await.unwrap();
        assert!(root.release(true).await.unwrap());
        let alone = engine.handle(None, REUSE).await.unwrap();
        assert!(!alone.is_reusing() && alone.is_reusable());
    });
}

#[test]
fn released_for_a_while_it_borrows_again() {
    let world = World::new(1);
    let engine = pool_of_one(&world);
    world.run(async move {
        let handle = engine.handle(None, PLAIN).await.unwrap();
        for _ in 0..3 {
            works(&handle).await.unwrap();
            assert!(handle.release(false).await.unwrap());
            assert!(!handle.is_released());
            assert_eq!(engine.figures().in_use, 0);
        }
        works(&handle).await.unwrap();
        assert!(handle.release(true).await.unwrap());
        assert!(handle.is_released());
        assert_eq!(usage(works(&handle).await), UsageError::Released);
    });
}

#[test]
fn second_permanent_release_is_an_error() {
    let world = World::new(1);
    let engine = pool_of_one(&world);
    world.run(async move {
        let handle = engine.handle(None, PLAIN).await.unwrap();
        assert!(handle.release(true).await.unwrap());
        assert_eq!(
            usage(handle.release(true).await),
            UsageError::AlreadyReleased
        );
        assert!(!handle.release(false).await.unwrap());
    });
}

#[test]
fn release_while_it_borrows_leaks_nothing() {
    for (seed, permanent) in (0..20).flat_map(|seed| [(seed, false), (seed, true)]) {
        let world = World::new(seed);
        let engine = pool_of_one(&world);
        let same = engine.clone();
        let handle = world.run(async move { Arc::new(same.handle(None, LAZY).await.unwrap()) });
        let borrowing = Arc::clone(&handle);
        let borrowed = world.start(async move { borrowing.seat(None).await.map(drop) });
        world.advance(Duration::from_micros(500));
        assert_eq!(engine.figures().size, 1);
        let releasing = Arc::clone(&handle);
        assert!(!world.run(async move { releasing.release(permanent).await.unwrap() }));
        world.advance(seconds(1));
        let outcome = borrowed.lock().unwrap().take().unwrap();
        assert_eq!(outcome.is_ok(), !permanent);
        assert_eq!(engine.figures().in_use, usize::from(!permanent));
        if !permanent {
            assert!(world.run(async move { handle.release(true).await.unwrap() }));
        }
        assert_eq!(engine.figures().in_use, 0);
    }
}

#[test]
fn query_that_waits_for_a_connection_ends_when_its_handle_is_released_for_good() {
    for (seed, permanent) in (0..20).flat_map(|seed| [(seed, false), (seed, true)]) {
        let world = World::new(seed);
        let engine = pool_of_one(&world);
        let same = engine.clone();
        let (held, handle, reusing) = world.run(async move {
            let held = same.handle(None, PLAIN).await.unwrap();
            let handle = same.handle(None, LAZY).await.unwrap();
            let on_it = AcquireOptions {
                lazy: true,
                ..REUSE
            };
            let reusing = same.handle(Some(&handle), on_it).await.unwrap();
            (held, Arc::new(handle), reusing)
        });
        let borrowing = Arc::clone(&handle);
        let query = world.start(async move { works(&borrowing).await });
        let other = world.start(async move { works(&reusing).await });
        world.advance(seconds(1));
        assert_eq!(engine.figures().waiting, 1);
        let releasing = Arc::clone(&handle);
        assert!(!world.run(async move { releasing.release(permanent).await.unwrap() }));
        world.advance(Duration::ZERO);
        assert_eq!(engine.figures().waiting, usize::from(!permanent));
        let ended = [&query, &other].map(|task| task.lock().unwrap().take());
        if permanent {
            let ended = ended.map(|outcome| usage(outcome.unwrap()));
            assert_eq!(ended, [UsageError::Released, UsageError::Released]);
        } else {
            assert!(
                matches!(ended, [None, None]),
                "the next query borrows again"
            );
        }
        assert!(world.run(async move { held.release(true).await.unwrap() }));
        world.advance(seconds(1));
        drop(handle);
        assert_eq!(engine.figures().in_use, 0);
    }
}

#[test]
fn tasks_that_need_one_lazy_connection_at_once_share_one_borrowing() {
    for seed in 0..20 {
        let world = World::new(seed);
        let engine = engine(&world, &[]);
        let same = engine.clone();
        let handle = world.run(async move { Arc::new(same.handle(None, LAZY).await.unwrap()) });
        let all: Vec<_> = (0..4)
            .map(|_| {
                let handle = Arc::clone(&handle);
                world.start(async move { works(&handle).await })
            })
            .collect();
        world.advance(seconds(1));
        for one in all {
            one.lock().unwrap().take().unwrap().unwrap();
        }
        assert_eq!(engine.figures().size, 1);
    }
}

#[test]
fn who_gives_up_borrowing_lets_the_other_borrow() {
    for seed in 0..20 {
        let world = World::new(seed);
        let engine = pool_of_one(&world);
        let same = engine.clone();
        let handle = world.run(async move { Arc::new(same.handle(None, LAZY).await.unwrap()) });
        let (one, two) = (Arc::clone(&handle), Arc::clone(&handle));
        let inside = world.clone();
        world.network.server().connect_delay = Duration::from_millis(700);
        let impatient = world.start(async move {
            let limit = Limit::within(&inside, Some(Duration::from_millis(500)));
            one.seat(limit).await.map(drop)
        });
        world.advance(Duration::from_millis(100));
        world.run(async move { works(&two).await.unwrap() });
        let gave_up = impatient.lock().unwrap().take().unwrap();
        assert_eq!(error(gave_up).kind(), ErrorKind::Timeout);
        assert_eq!(engine.figures().in_use, 1);
        drop(handle);
        assert_eq!(engine.figures().in_use, 0);
    }
}
