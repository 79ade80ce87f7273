//! Two tasks on one connection: they queue in order, and neither sees the other's error or end.

use std::sync::Mutex;
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;

use super::*;
use crate::engine::Lease;
use crate::runtime::Runtime;
use crate::session::{ParamType, Params, Written};

#[test]
fn two_tasks_on_one_connection_queue_and_keep_their_errors() {
    for seed in 0..50 {
        let world = World::new(seed);
        let engine = pool_of_one(&world);
        let same = engine.clone();
        let lease = world.run(async move { same.acquire(None).await.unwrap() });
        let seat = Arc::clone(lease.seat());
        let failing = world.start(async move {
            for _ in 0..20 {
                assert_eq!(error(run(&seat, "FAIL").await).sqlstate(), Some("22012"));
            }
        });
        let seat = Arc::clone(lease.seat());
        world.run(async move {
            for count in 1..20 {
                let rows = run(&seat, &format!("ROWS {count}")).await.unwrap();
                assert_eq!(rows.len(), count);
            }
        });
        world.advance(seconds(1));
        assert!(failing.lock().unwrap().is_some());
        drop(lease);
        assert_eq!(engine.figures().idle, 1);
    }
}

#[test]
fn same_statement_first_used_by_two_tasks_at_once_works_for_both() {
    for seed in 0..50 {
        let world = World::new(seed);
        let engine = engine(&world, &[("max_size", "1"), ("statement_cache_size", "1")]);
        let lease = world.run(async move { engine.acquire(None).await.unwrap() });
        let results: Vec<_> = ["ROWS 1", "ROWS 1", "ROWS 2", "ROWS 1", "ROWS 3"]
            .into_iter()
            .map(|sql| {
                let seat = Arc::clone(lease.seat());
                world.start(async move { run(&seat, sql).await.map(|rows| rows.len()) })
            })
            .collect();
        world.advance(seconds(1));
        let counts: Vec<_> = results
            .iter()
            .map(|result| result.lock().unwrap().take().unwrap().unwrap())
            .collect();
        assert_eq!(counts, [1, 1, 2, 1, 3]);
    }
}

#[test]
fn who_gives_up_does_not_cancel_the_others_statement() {
    for seed in 0..200 {
        let world = World::new(seed);
        let engine = pool_of_one(&world);
        let lease = world.run(async move { engine.acquire(None).await.unwrap() });
        let (one, two) = (Arc::clone(lease.seat()), Arc::clone(lease.seat()));
        let inside = world.clone();
        let patience = Duration::from_millis(seed % 40);
        world.start(async move {
            let limit = Limit::within(&inside, Some(patience));
            let _ = within(&inside, limit, run(&one, "SLEEP 10")).await;
        });
        let steady = world.start(async move {
            run(&two, "SLEEP 15").await.unwrap();
            run(&two, "ROWS 4").await.unwrap()
        });
        world.advance(seconds(1));
        assert_eq!(steady.lock().unwrap().take().expect("a result").len(), 4);
        assert_eq!(world.network.server().violations, 0);
        drop(lease);
    }
}

#[test]
fn request_that_comes_during_a_cancellation_waits_for_its_end() {
    let world = World::new(1);
    world.network.server().cancel_delay = seconds(1);
    let engine = pool_of_one(&world);
    let inside = world.clone();
    world.run(async move {
        let lease = engine.acquire(None).await.unwrap();
        let before = inside.now();
        let slow = within(&inside, limit(&inside, 1), run(lease.seat(), "SLEEP 60000"));
        assert!(slow.await.is_err());
        assert_eq!(run(lease.seat(), "ROWS 1").await.unwrap(), [1]);
        let took = inside.now().saturating_since(before);
        assert!(took >= seconds(2) && took < seconds(3), "{took:?}");
    });
}

#[test]
fn who_gives_up_an_answer_that_is_in_does_not_cancel_the_others_statement() {
    for seed in 0..10 {
        let world = World::new(seed);
        let engine = pool_of_one(&world);
        let inside = world.clone();
        world.run(async move {
            let lease = engine.acquire(None).await.unwrap();
            run(lease.seat(), "SLEEP 10").await.unwrap();
            let mut first = Box::pin(run(lease.seat(), "SLEEP 10"));
            let polled = std::future::poll_fn(|cx| Poll::Ready(first.as_mut().poll(cx)));
            assert!(polled.await.is_pending());
            let other = Arc::clone(lease.seat());
            let second = inside.start(async move { run(&other, "SLEEP 1000").await });
            let pause = Duration::from_millis(500);
            inside.sleep_until(inside.now() + pause).await;
            drop(first);
            inside.sleep_until(inside.now() + seconds(1)).await;
            assert!(second.lock().unwrap().take().unwrap().unwrap().is_empty());
        });
        assert_eq!(world.network.server().cancels, 0);
    }
}

#[test]
fn statement_that_cannot_be_cancelled_is_waited_for() {
    let world = World::new(1);
    let engine = pool_of_one(&world);
    let inside = world.clone();
    world.run(async move {
        let lease = engine.acquire(None).await.unwrap();
        let seat = lease.seat();
        run(seat, "ROWS 1").await.unwrap();
        inside.network.server().refusing = true;
        let slow = within(&inside, limit(&inside, 1), run(seat, "SLEEP 3000"));
        assert!(slow.await.is_err());
        let next = Arc::clone(seat);
        let next = inside.start(async move { run(&next, "ROWS 1").await });
        inside.sleep_until(inside.now() + seconds(1)).await;
        let under_way =
            |world: &World| world.network.server().backends().next().unwrap().requests();
        assert_eq!(under_way(&inside), 1, "the next was sent too early");
        inside.sleep_until(inside.now() + seconds(2)).await;
        assert_eq!(next.lock().unwrap().take().unwrap().unwrap(), [1]);
    });
}

/// Parameters that give the connection back while they are read.
struct Releasing(Mutex<Option<Lease<World>>>);

impl Params for Releasing {
    fn len(&self, _set: usize) -> usize {
        drop(self.0.lock().unwrap().take());
        0
    }

    fn encode(&self, _: usize, _: usize, _: ParamType<'_>, _: &mut BytesMut) -> Result<Written> {
        Ok(Written::Null)
    }
}

#[test]
fn request_that_enters_while_its_connection_is_given_back_stays_the_last_borrowers() {
    let world = World::new(1);
    let engine = pool_of_one(&world);
    world.run(async move {
        let lease = engine.acquire(None).await.unwrap();
        let seat = Arc::clone(lease.seat());
        let sql = Sql::new("SLEEP 500");
        run(&seat, "SLEEP 500").await.unwrap();
        let params = Releasing(Mutex::new(Some(lease)));
        let mut late = Box::pin(seat.run(&sql, &params, None, 0));
        let polled = std::future::poll_fn(|cx| Poll::Ready(late.as_mut().poll(cx)));
        assert!(polled.await.is_pending());
        assert!(
            at_once(&engine).is_none(),
            "handed out with a statement in flight"
        );
        let next = engine.acquire(None).await.unwrap();
        assert_eq!(next.seat().session.in_flight(), 0);
        late.await.unwrap();
    });
    let server = world.network.server();
    assert_eq!(server.backends().count(), 0);
    assert_eq!(server.texts(), ["SLEEP 500", "SLEEP 500", "ROLLBACK"]);
}
