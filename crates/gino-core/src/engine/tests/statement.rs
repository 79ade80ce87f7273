//! Statements on a borrowed connection: errors, time-outs, what is reset afterwards.

use super::*;
use crate::engine::Cursor;
use crate::error::{Deadline, ErrorKind};
use crate::runtime::Runtime;
use crate::session::Status;

#[test]
fn statement_time_out_cancels_on_the_server_and_the_connection_is_used_again() {
    for seed in 0..20 {
        let world = World::new(seed);
        let engine = pool_of_one(&world);
        let (inside, same) = (world.clone(), engine.clone());
        world.run(async move {
            let lease = same.acquire(None).await.unwrap();
            let seat = lease.seat();
            let before = inside.now();
            let slow = within(&inside, limit(&inside, 2), run(seat, "SLEEP 60000"));
            assert_eq!(error(slow.await).deadline(), Some(Deadline::Statement));
            assert_eq!(run(seat, "ROWS 2").await.unwrap(), [1, 2]);
            assert!(inside.now().saturating_since(before) < seconds(3));
        });
        let server = world.network.server();
        assert_eq!((server.cancels, server.violations), (1, 0));
        assert_eq!(server.backends().count(), 1);
    }
}

#[test]
fn error_of_the_server_leaves_the_connection_usable() {
    let world = World::new(1);
    let engine = pool_of_one(&world);
    world.run(async move {
        let lease = engine.acquire(None).await.unwrap();
        let failed = error(run(lease.seat(), "FAIL").await);
        assert_eq!(failed.sqlstate(), Some("22012"));
        assert_eq!(run(lease.seat(), "ROWS 1").await.unwrap(), [1]);
    });
}

#[test]
fn session_that_was_changed_is_reset_for_the_next_borrower() {
    let world = World::new(1);
    let engine = pool_of_one(&world);
    let same = engine.clone();
    world.run(async move {
        let lease = same.acquire(None).await.unwrap();
        run(lease.seat(), "SET search_path = a").await.unwrap();
        lease.release().await;
    });
    {
        let server = world.network.server();
        assert!(server.backends().all(|backend| !backend.touched));
        assert!(server.texts().contains(&"RESET ALL"));
    }
    let seen = world.network.server().log.len();
    world.run(async move { engine.acquire(None).await.unwrap().release().await });
    assert_eq!(world.network.server().log.len(), seen, "reset for nothing");
}

#[test]
fn next_borrower_waits_until_the_connection_is_whole() {
    for seed in 0..20 {
        let world = World::new(seed);
        let engine = pool_of_one(&world);
        let inside = world.clone();
        world.run(async move {
            let lease = engine.acquire(None).await.unwrap();
            run(lease.seat(), "SET a = 1").await.unwrap();
            begin(lease.seat()).await.unwrap();
            assert_eq!(
                error(run(lease.seat(), "FAIL").await).sqlstate(),
                Some("22012")
            );
            drop(lease);
            let next = engine.acquire(None).await.unwrap();
            assert_eq!(next.seat().status(), Status::Idle);
            let server = inside.network.server();
            let states = server.backends().map(|b| (b.process, b.touched));
            assert_eq!(states.collect::<Vec<_>>(), [(1, false)]);
        });
    }
}

#[test]
fn connection_given_back_during_a_cancellation_is_used_again_after_it() {
    for (seed, ends_by_itself) in (0..20).flat_map(|seed| [(seed, false), (seed, true)]) {
        let world = World::new(seed);
        world.network.server().cancel_delay = seconds(1);
        let engine = pool_of_one(&world);
        let inside = world.clone();
        world.run(async move {
            let lease = engine.acquire(None).await.unwrap();
            let sleep = if ends_by_itself {
                "SLEEP 1500"
            } else {
                "SLEEP 60000"
            };
            let before = inside.now();
            let slow = within(&inside, limit(&inside, 1), run(lease.seat(), sleep));
            assert!(slow.await.is_err());
            let pause = std::time::Duration::from_millis(700);
            inside.sleep_until(inside.now() + pause).await;
            drop(lease);
            let next = engine.acquire(None).await.unwrap();
            let took = inside.now().saturating_since(before);
            assert!(took >= seconds(2) && took < seconds(3), "{took:?}");
            run(next.seat(), "SLEEP 5000").await.unwrap();
            let server = inside.network.server();
            assert_eq!(
                server.backends().map(|b| b.process).collect::<Vec<_>>(),
                [1]
            );
        });
    }
}

#[test]
fn cursor_gives_rows_in_portions_and_ends() {
    let world = World::new(1);
    let engine = pool_of_one(&world);
    world.run(async move {
        let lease = engine.acquire(None).await.unwrap();
        let mut outside = Cursor::new(Arc::clone(lease.seat()), Sql::new("ROWS 5"));
        let refused = error(outside.forward(&NoParams, 1).await);
        assert_eq!(refused.kind(), ErrorKind::Usage);

        let tx = begin(lease.seat()).await.unwrap();
        let mut cursor = Cursor::new(Arc::clone(lease.seat()), Sql::new("ROWS 5"));
        assert_eq!(cursor.forward(&NoParams, 2).await.unwrap(), 2);
        let sink: Box<dyn Sink> = Box::new(Integers::default());
        let done = cursor.fetch(&NoParams, 2, Some(sink)).await.unwrap();
        let sink = done.unwrap().sink.unwrap().into_any();
        assert_eq!(sink.downcast::<Integers>().unwrap().0, [3, 4]);
        assert_eq!(cursor.forward(&NoParams, 2).await.unwrap(), 1);
        assert!(cursor.is_exhausted());
        assert_eq!(cursor.forward(&NoParams, 2).await.unwrap(), 0);
        tx.commit().await.unwrap();
    });
}

#[test]
fn cursor_that_is_closed_has_no_more_rows() {
    let world = World::new(1);
    let engine = pool_of_one(&world);
    world.run(async move {
        let lease = engine.acquire(None).await.unwrap();
        let tx = begin(lease.seat()).await.unwrap();
        let mut unopened = Cursor::new(Arc::clone(lease.seat()), Sql::new("ROWS 5"));
        unopened.close().await.unwrap();
        let mut cursor = Cursor::new(Arc::clone(lease.seat()), Sql::new("ROWS 5"));
        assert_eq!(cursor.forward(&NoParams, 2).await.unwrap(), 2);
        cursor.close().await.unwrap();
        cursor.close().await.unwrap();
        assert!(cursor.is_exhausted());
        assert_eq!(cursor.forward(&NoParams, 2).await.unwrap(), 0);
        let mut late = Cursor::new(Arc::clone(lease.seat()), Sql::new("ROWS 5"));
        assert_eq!(late.forward(&NoParams, 2).await.unwrap(), 2);
        tx.commit().await.unwrap();
        late.close().await.unwrap();
    });
}

#[test]
fn result_that_is_there_when_the_time_is_over_counts() {
    for seed in 0..10 {
        let world = World::new(seed);
        let inside = world.clone();
        let result = world.run(async move {
            let limit = limit(&inside, 1);
            let until = inside.now() + seconds(1);
            let flow = async {
                inside.sleep_until(until).await;
                Ok(7)
            };
            within(&inside, limit, flow).await
        });
        assert_eq!(result.unwrap(), 7);
    }
}
