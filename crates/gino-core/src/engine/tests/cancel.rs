//! Cancellation at every await point: a flow is dropped at its k-th pending poll, or when it is woken
//! for the k-th time, for many seeds. Afterwards nothing is in use, nothing is dirty, and no cancel
//! request met a connection with anything else in flight.

use std::pin::Pin;
use std::task::{Context, Poll};

use super::*;
use crate::engine::{AcquireOptions, Cursor};
use crate::session::Status;

/// When a flow is dropped.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// As soon as it is pending for the n-th time.
    Pending(usize),
    /// When it is woken after that, before it can look.
    Woken(usize),
}

struct Mortal<F> {
    flow: Option<Pin<Box<F>>>,
    cut: Cut,
    polls: usize,
}

impl<F: Future<Output = ()>> Future for Mortal<F> {
    /// Whether it came to its end.
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        if matches!(self.cut, Cut::Woken(at) if self.polls == at) {
            self.flow = None;
            return Poll::Ready(false);
        }
        self.polls += 1;
        let (cut, polls) = (self.cut, self.polls);
        let Some(flow) = &mut self.flow else {
            return Poll::Ready(false);
        };
        if flow.as_mut().poll(cx).is_ready() {
            return Poll::Ready(true);
        }
        if matches!(cut, Cut::Pending(at) if polls == at) {
            self.flow = None;
            return Poll::Ready(false);
        }
        Poll::Pending
    }
}

/// Runs `flow` with every cut until it comes to its end by itself.
fn at_every_await<F: Future<Output = ()> + Send + 'static>(
    seeds: u64,
    flow: impl Fn(Engine<World>) -> F,
) {
    for seed in 0..seeds {
        for make in [Cut::Pending as fn(usize) -> Cut, Cut::Woken] {
            let mut count = 1;
            while !survives(seed, make(count), &flow) {
                count += 1;
                assert!(count < 500, "no end");
            }
            assert!(count > 3, "never pending");
        }
    }
}

fn survives<F: Future<Output = ()> + Send + 'static>(
    seed: u64,
    cut: Cut,
    flow: &impl Fn(Engine<World>) -> F,
) -> bool {
    let world = World::new(seed);
    let engine = pool_of_one(&world);
    let mortal = Mortal {
        flow: Some(Box::pin(flow(engine.clone()))),
        cut,
        polls: 0,
    };
    let same = engine.clone();
    let ended = world.run(async move {
        let ended = mortal.await;
        // The next borrower comes at once, while the connection may still be in the making.
        let lease = same.acquire(None).await.unwrap();
        assert_eq!(lease.seat().status(), Status::Idle, "{seed} {cut:?}");
        assert_eq!(
            run(lease.seat(), "ROWS 2").await.unwrap(),
            [1, 2],
            "{seed} {cut:?}"
        );
        lease.release().await;
        ended
    });
    world.advance(seconds(15));
    let figures = engine.figures();
    let open = (figures.in_use, figures.waiting, figures.size, figures.idle);
    assert_eq!(open, (0, 0, 1, 1), "{seed} {cut:?}");
    let server = world.network.server();
    assert_eq!(server.violations, 0, "{seed} {cut:?}");
    let states: Vec<_> = server.backends().map(|b| (b.status, b.touched)).collect();
    assert_eq!(states, [(b'I', false)], "{seed} {cut:?}");
    ended
}

#[test]
fn plain_use_may_be_cancelled_anywhere() {
    at_every_await(15, |engine| async move {
        let lease = engine.acquire(None).await.unwrap();
        run(lease.seat(), "ROWS 3").await.unwrap();
        run(lease.seat(), "SLEEP 30").await.unwrap();
        run(lease.seat(), "SET a = 1").await.unwrap();
        lease.release().await;
    });
}

#[test]
fn transaction_may_be_cancelled_anywhere() {
    at_every_await(15, |engine| async move {
        let lease = engine.acquire(None).await.unwrap();
        let tx = begin(lease.seat()).await.unwrap();
        run(lease.seat(), "SLEEP 5").await.unwrap();
        let nested = begin(lease.seat()).await.unwrap();
        let _ = run(lease.seat(), "FAIL").await;
        nested.rollback().await.unwrap();
        let nested = begin(lease.seat()).await.unwrap();
        nested.commit().await.unwrap();
        tx.commit().await.unwrap();
        begin(lease.seat()).await.unwrap();
        lease.release().await;
    });
}

#[test]
fn savepoint_that_is_given_up_leaves_the_transaction_around_it_alone() {
    for seed in 0..10 {
        let mut polls = 1;
        while !survives_inside(seed, polls) {
            polls += 1;
        }
        assert!(polls > 3, "never pending");
    }
}

/// Savepoints in a transaction, given up at the poll; the transaction goes on and commits.
fn survives_inside(seed: u64, polls: usize) -> bool {
    let world = World::new(seed);
    let engine = pool_of_one(&world);
    let ended = world.run(async move {
        let lease = engine.acquire(None).await.unwrap();
        let seat = Arc::clone(lease.seat());
        let outer = begin(&seat).await.unwrap();
        let inside = Arc::clone(&seat);
        let flow = async move {
            let nested = begin(&inside).await.unwrap();
            nested.commit().await.unwrap();
            let nested = begin(&inside).await.unwrap();
            nested.rollback().await.unwrap();
        };
        let mortal = Mortal {
            flow: Some(Box::pin(flow)),
            cut: Cut::Pending(polls),
            polls: 0,
        };
        let ended = mortal.await;
        assert_eq!(run(&seat, "ROWS 1").await.unwrap(), [1], "{seed} {polls}");
        outer.commit().await.unwrap();
        lease.release().await;
        ended
    });
    // Asked to stop one of these, a server that is slow would fail the transaction.
    assert_eq!(world.network.server().cancels, 0, "{seed} {polls}");
    ended
}

#[test]
fn cursor_may_be_cancelled_anywhere() {
    at_every_await(15, |engine| async move {
        let lease = engine.acquire(None).await.unwrap();
        let tx = begin(lease.seat()).await.unwrap();
        let mut cursor = Cursor::new(Arc::clone(lease.seat()), Sql::new("ROWS 5"));
        while cursor.forward(&NoParams, 2).await.unwrap() > 0 {}
        tx.rollback().await.unwrap();
        lease.release().await;
    });
}

#[test]
fn contextual_connection_may_be_cancelled_anywhere() {
    let options = AcquireOptions {
        reuse: true,
        lazy: true,
        reusable: true,
        limit: None,
        scope: crate::engine::Scope::NONE,
        origin: None,
    };
    at_every_await(15, move |engine| {
        let options = options.clone();
        async move {
            let handle = engine.handle(None, options).await.unwrap();
            let seat = handle.seat(None).await.unwrap();
            run(&seat, "SET a = 1").await.unwrap();
            handle.release(false).await.unwrap();
            let seat = handle.seat(None).await.unwrap();
            begin(&seat).await.unwrap();
            handle.release(true).await.unwrap();
        }
    });
}

#[test]
fn waiter_may_be_cancelled_anywhere() {
    at_every_await(15, |engine| async move {
        let first = engine.acquire(None).await.unwrap();
        run(first.seat(), "SLEEP 3").await.unwrap();
        let mut second = std::pin::pin!(engine.acquire(None));
        let polled = std::future::poll_fn(|cx| Poll::Ready(second.as_mut().poll(cx).is_pending()));
        assert!(polled.await);
        drop(first);
        second.await.unwrap().release().await;
    });
}

#[test]
fn storm_of_cancelled_tasks_leaves_the_pool_whole() {
    for seed in 0..40 {
        let world = World::new(seed);
        let engine = engine(&world, &[("max_size", "3")]);
        for number in 0..30 {
            let same = engine.clone();
            let flow = async move {
                let lease = same.acquire(None).await.unwrap();
                let tx = begin(lease.seat()).await.unwrap();
                run(lease.seat(), "SLEEP 7").await.unwrap();
                run(lease.seat(), "ROWS 3").await.unwrap();
                tx.commit().await.unwrap();
            };
            let count = 1 + world.chance(12);
            let cut = match number % 3 {
                0 => Cut::Pending(count),
                1 => Cut::Woken(count),
                _ => Cut::Pending(usize::MAX),
            };
            world.start(Mortal {
                flow: Some(Box::pin(flow)),
                cut,
                polls: 0,
            });
        }
        world.advance(seconds(30));
        let figures = engine.figures();
        assert_eq!((figures.in_use, figures.waiting), (0, 0), "{seed}");
        let server = world.network.server();
        assert_eq!(server.violations, 0);
        assert!(server.backends().all(|backend| backend.status == b'I'));
        assert_eq!(figures.size, server.backends().count());
    }
}
