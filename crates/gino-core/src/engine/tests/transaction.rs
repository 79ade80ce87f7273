//! Transactions: their ends, their levels, and what is left when nobody ends them.

use std::task::Poll;

use super::*;
use crate::engine::Isolation;
use crate::error::{Leaf, UsageError};
use crate::runtime::Runtime;
use crate::session::Status;

fn usage(error: &Error) -> &UsageError {
    match error.leaf() {
        Leaf::Usage(usage) => usage,
        other => panic!("{other:?}"),
    }
}

/// Runs `flow` on a borrowed connection; afterwards the connection must be idle and whole.
fn on_a_connection<F: Future<Output = ()> + Send>(
    flow: impl FnOnce(Arc<Seat<World>>) -> F + Send + 'static,
) -> Vec<String> {
    let world = World::new(1);
    let engine = pool_of_one(&world);
    let same = engine.clone();
    world.run(async move {
        let lease = same.acquire(None).await.unwrap();
        flow(Arc::clone(lease.seat())).await;
        lease.release().await;
    });
    assert_eq!(engine.figures().idle, 1);
    let server = world.network.server();
    assert_eq!(
        server
            .backends()
            .map(|backend| backend.status)
            .collect::<Vec<_>>(),
        [b'I']
    );
    server.texts().into_iter().map(str::to_owned).collect()
}

#[test]
fn transaction_is_committed_or_rolled_back_once() {
    let texts = on_a_connection(async |seat| {
        let tx = begin(&seat).await.unwrap();
        assert_eq!(seat.status(), Status::InTransaction);
        assert!(tx.is_active() && !tx.is_nested());
        tx.commit().await.unwrap();
        assert_eq!(
            usage(&error(tx.commit().await)),
            &UsageError::TransactionEnded
        );
        let tx = begin(&seat).await.unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(
            usage(&error(tx.rollback().await)),
            &UsageError::TransactionEnded
        );
        assert_eq!(seat.status(), Status::Idle);
    });
    assert_eq!(texts, ["BEGIN", "COMMIT", "BEGIN", "ROLLBACK"]);
}

#[test]
fn error_in_a_transaction_is_rolled_back_and_the_next_works() {
    on_a_connection(async |seat| {
        let tx = begin(&seat).await.unwrap();
        assert_eq!(error(run(&seat, "FAIL").await).sqlstate(), Some("22012"));
        assert_eq!(error(run(&seat, "ROWS 1").await).sqlstate(), Some("25P02"));
        tx.rollback().await.unwrap();
        assert_eq!(run(&seat, "ROWS 1").await.unwrap(), [1]);
    });
}

#[test]
fn commit_of_a_failed_transaction_says_that_nothing_was_committed() {
    on_a_connection(async |seat| {
        let tx = begin(&seat).await.unwrap();
        assert!(run(&seat, "FAIL").await.is_err());
        assert_eq!(
            usage(&error(tx.commit().await)),
            &UsageError::CommitRolledBack
        );
        assert_eq!(seat.status(), Status::Idle);
    });
}

#[test]
fn transactions_inside_are_savepoints_of_their_own() {
    let texts = on_a_connection(async |seat| {
        let outer = begin(&seat).await.unwrap();
        let middle = begin(&seat).await.unwrap();
        let inner = begin(&seat).await.unwrap();
        assert!(middle.is_nested() && inner.is_nested());
        assert!(run(&seat, "FAIL").await.is_err());
        assert_eq!(seat.status(), Status::Failed);
        inner.rollback().await.unwrap();
        assert_eq!(seat.status(), Status::InTransaction);
        middle.commit().await.unwrap();
        outer.commit().await.unwrap();
    });
    let (first, second) = ("gino_savepoint_1", "gino_savepoint_2");
    let expected = [
        "BEGIN".to_owned(),
        format!("SAVEPOINT {first}"),
        format!("SAVEPOINT {second}"),
        "FAIL".to_owned(),
        format!("ROLLBACK TO SAVEPOINT {second}"),
        format!("RELEASE SAVEPOINT {second}"),
        format!("RELEASE SAVEPOINT {first}"),
        "COMMIT".to_owned(),
    ];
    assert_eq!(texts, expected);
}

#[test]
fn options_belong_to_the_outermost_transaction() {
    let texts = on_a_connection(async |seat| {
        let options = TransactionOptions {
            isolation: Some(Isolation::Serializable),
            readonly: true,
            deferrable: true,
        };
        let tx = Transaction::begin(Arc::clone(&seat), options, None)
            .await
            .unwrap();
        let nested = Transaction::begin(Arc::clone(&seat), options, None).await;
        assert!(matches!(usage(&error(nested)), UsageError::Statement(_)));
        tx.commit().await.unwrap();
    });
    let begin = "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE";
    assert_eq!(texts, [begin, "COMMIT"]);
}

#[test]
fn connection_given_back_inside_a_transaction_is_rolled_back() {
    let texts = on_a_connection(async |seat| {
        begin(&seat).await.unwrap();
        begin(&seat).await.unwrap();
    });
    assert_eq!(texts, ["BEGIN", "SAVEPOINT gino_savepoint_1", "ROLLBACK"]);
}

#[test]
fn abandoned_transaction_is_over_for_who_begins_the_next() {
    let texts = on_a_connection(async |seat| {
        begin(&seat).await.unwrap().abandon();
        let next = begin(&seat).await.unwrap();
        assert!(!next.is_nested());
        next.commit().await.unwrap();
    });
    assert_eq!(texts, ["BEGIN", "ROLLBACK", "BEGIN", "COMMIT"]);
}

#[test]
fn transaction_abandoned_during_a_cancellation_is_over_for_who_begins_the_next() {
    for seed in 0..20 {
        let world = World::new(seed);
        let engine = pool_of_one(&world);
        let inside = world.clone();
        world.run(async move {
            let lease = engine.acquire(None).await.unwrap();
            let tx = begin(lease.seat()).await.unwrap();
            let slow = within(&inside, limit(&inside, 1), run(lease.seat(), "SLEEP 60000"));
            assert!(slow.await.is_err());
            tx.abandon();
            let next = begin(lease.seat()).await.unwrap();
            assert!(!next.is_nested());
            run(lease.seat(), "ROWS 1").await.unwrap();
            next.commit().await.unwrap();
        });
        let expected = [
            "BEGIN",
            "SLEEP 60000",
            "ROLLBACK",
            "BEGIN",
            "ROWS 1",
            "COMMIT",
        ];
        let server = world.network.server();
        let texts: Vec<_> = server
            .texts()
            .into_iter()
            .filter(|t| !t.is_empty())
            .collect();
        assert_eq!(texts, expected);
    }
}

#[test]
fn rollback_that_is_dropped_before_its_turn_is_done_all_the_same() {
    for seed in 0..20 {
        let world = World::new(seed);
        let engine = pool_of_one(&world);
        let inside = world.clone();
        world.run(async move {
            let lease = engine.acquire(None).await.unwrap();
            let outer = begin(lease.seat()).await.unwrap();
            let inner = begin(lease.seat()).await.unwrap();
            let slow = within(&inside, limit(&inside, 1), run(lease.seat(), "SLEEP 60000"));
            assert!(slow.await.is_err());
            {
                let mut rollback = std::pin::pin!(inner.rollback());
                std::future::poll_fn(|cx| {
                    assert!(rollback.as_mut().poll(cx).is_pending());
                    std::task::Poll::Ready(())
                })
                .await;
            }
            run(lease.seat(), "ROWS 1").await.unwrap();
            outer.commit().await.unwrap();
        });
        let server = world.network.server();
        let texts = server.texts();
        let place = |start: &str| texts.iter().position(|text| text.starts_with(start));
        assert!(place("ROLLBACK TO") < place("ROWS 1"), "{texts:?}");
        assert!(place("ROLLBACK TO").is_some(), "{texts:?}");
    }
}

#[test]
fn transaction_abandoned_too_late_does_not_touch_the_next_borrowers() {
    let world = World::new(1);
    let engine = pool_of_one(&world);
    let inside = world.clone();
    world.run(async move {
        let lease = engine.acquire(None).await.unwrap();
        let stale = begin(lease.seat()).await.unwrap();
        lease.release().await;
        let next = engine.acquire(None).await.unwrap();
        let tx = begin(next.seat()).await.unwrap();
        stale.abandon();
        inside.sleep_until(inside.now() + seconds(1)).await;
        assert_eq!(next.seat().status(), Status::InTransaction);
        tx.commit().await.unwrap();
    });
    let server = world.network.server();
    assert_eq!(server.texts(), ["BEGIN", "ROLLBACK", "BEGIN", "COMMIT"]);
}

/// Drops `flow` as soon as it waits.
async fn give_up<F: Future>(flow: F) {
    let mut flow = Box::pin(flow);
    let pending = std::future::poll_fn(|cx| Poll::Ready(flow.as_mut().poll(cx).is_pending())).await;
    assert!(pending, "it has to be under way");
}

#[test]
fn begin_that_is_given_up_is_undone_and_the_transaction_around_it_goes_on() {
    let texts = on_a_connection(async |seat| {
        let outer = begin(&seat).await.unwrap();
        give_up(begin(&seat)).await;
        assert_eq!(run(&seat, "ROWS 1").await.unwrap(), [1]);
        outer.commit().await.unwrap();
        give_up(begin(&seat)).await;
        assert_eq!(run(&seat, "ROWS 1").await.unwrap(), [1]);
        assert_eq!(seat.status(), Status::Idle);
    });
    let expected = [
        "BEGIN",
        "SAVEPOINT gino_savepoint_1",
        "ROLLBACK TO SAVEPOINT gino_savepoint_1",
        "RELEASE SAVEPOINT gino_savepoint_1",
        "ROWS 1",
        "COMMIT",
        "BEGIN",
        "ROLLBACK",
        "ROWS 1",
    ];
    assert_eq!(texts, expected);
}

#[test]
fn transaction_that_another_beside_it_has_ended_is_told_and_touches_nothing() {
    let texts = on_a_connection(async |seat| {
        let outer = begin(&seat).await.unwrap();
        let (first, second) = (begin(&seat).await.unwrap(), begin(&seat).await.unwrap());
        first.commit().await.unwrap();
        let beside = usage(&error(second.commit().await)).clone();
        assert_eq!(beside, UsageError::SideBySide);
        let again = usage(&error(second.rollback().await)).clone();
        assert_eq!(again, UsageError::TransactionEnded);
        let (first, second) = (begin(&seat).await.unwrap(), begin(&seat).await.unwrap());
        first.abandon();
        second.abandon();
        assert_eq!(run(&seat, "ROWS 1").await.unwrap(), [1]);
        outer.commit().await.unwrap();
    });
    let expected = [
        "BEGIN",
        "SAVEPOINT gino_savepoint_1",
        "SAVEPOINT gino_savepoint_2",
        "RELEASE SAVEPOINT gino_savepoint_1",
        "SAVEPOINT gino_savepoint_3",
        "SAVEPOINT gino_savepoint_4",
        "ROLLBACK TO SAVEPOINT gino_savepoint_3",
        "RELEASE SAVEPOINT gino_savepoint_3",
        "ROWS 1",
        "COMMIT",
    ];
    assert_eq!(texts, expected);
}

#[test]
fn transaction_that_is_over_before_it_is_told_that_it_has_begun_has_another_beside_it() {
    let texts = on_a_connection(async |seat| {
        let first = begin(&seat).await.unwrap();
        let mut second = Box::pin(begin(&seat));
        let asked = std::future::poll_fn(|cx| Poll::Ready(second.as_mut().poll(cx).is_pending()));
        assert!(asked.await);
        first.commit().await.unwrap();
        let beside = usage(&error(second.await)).clone();
        assert_eq!(beside, UsageError::SideBySide);
        run(&seat, "ROWS 1").await.unwrap();
    });
    let expected = ["BEGIN", "SAVEPOINT gino_savepoint_1", "COMMIT", "ROWS 1"];
    assert_eq!(texts, expected);
}

#[test]
fn transaction_is_not_begun_beside_another_of_the_same_outer_one() {
    let texts = on_a_connection(async |seat| {
        let outer = begin(&seat).await.unwrap();
        let inside = |outer| {
            let options = TransactionOptions::default();
            Transaction::begin(Arc::clone(&seat), options, Some(outer))
        };
        let first = inside(&outer).await.unwrap();
        let beside = usage(&error(inside(&outer).await)).clone();
        assert_eq!(beside, UsageError::SideBySide);
        // One that is given up stands in nobody's way, nor does one that has ended.
        give_up(inside(&first)).await;
        inside(&first).await.unwrap().rollback().await.unwrap();
        first.commit().await.unwrap();
        inside(&outer).await.unwrap().commit().await.unwrap();
        outer.commit().await.unwrap();
        assert!(!inside(&outer).await.unwrap().is_nested());
    });
    assert_eq!(texts.iter().filter(|text| *text == "BEGIN").count(), 2);
}
