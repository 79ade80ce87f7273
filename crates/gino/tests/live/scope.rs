//! What a task's implicit statements see, and what a spawned task does; deadlines of a scope.

use std::time::{Duration, Instant};

use gino::prelude::*;
use gino::{Error, ErrorKind, Scope, ScopeExt, error};

use crate::server::{Home, PATIENCE, pid};

#[tokio::test]
async fn spawned_task_starts_clean_unless_it_is_given_the_scope() {
    let home = Home::new("handed", "max_size=3").await;
    let engine = &home.engine;
    let run = engine.transaction(async |tx| {
        let own = pid(&tx).await;
        let alone = engine.clone();
        let alone = tokio::spawn(async move { pid(&alone).await });
        assert_ne!(alone.await.unwrap(), own);
        let joined = engine.clone();
        let inside = async move {
            let nested = joined.transaction(async |inner| Ok::<_, Error>(inner.is_nested()));
            (nested.await.unwrap(), pid(&joined).await)
        };
        let inside = tokio::spawn(inside.in_current_scope());
        assert_eq!(inside.await.unwrap(), (true, own));
        let scope = Scope::current();
        let nested = engine.clone();
        let inside = scope.run(async move { pid(&nested).await });
        assert_eq!(tokio::spawn(inside).await.unwrap(), own);
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    home.done().await;
}

#[tokio::test]
async fn scope_that_is_over_refers_to_nothing() {
    let home = Home::new("over", "max_size=2").await;
    let engine = &home.engine;
    let (scope, own) = engine
        .transaction(async |tx| Ok::<_, Error>((Scope::current(), pid(&tx).await)))
        .await
        .unwrap();
    assert_eq!(format!("{scope:?}"), "Scope { connections: 0 }");
    let kept = engine.acquire().await.unwrap();
    assert_eq!(pid(&kept).await, own);
    let other = scope.run(async { pid(engine).await }).await;
    assert_ne!(other, own);
    drop(kept);
    home.done().await;
}

#[tokio::test]
async fn explicit_transaction_of_another_task_is_the_current_one_in_its_closure() {
    let home = Home::new("elsewhere", "max_size=2").await;
    let engine = &home.engine;
    let run = engine.transaction(async |tx| {
        let own = pid(&tx).await;
        let (moved, engine) = (tx.clone(), engine.clone());
        let task = tokio::spawn(async move {
            assert_ne!(pid(&engine).await, own);
            let nested = moved.transaction(async |inner| {
                assert!(inner.is_nested());
                Ok::<_, Error>(pid(&engine).await)
            });
            nested.await.unwrap()
        });
        assert_eq!(task.await.unwrap(), own);
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    home.done().await;
}

#[tokio::test]
async fn deadline_stops_what_runs_and_what_comes_later() {
    let home = Home::new("deadline", "max_size=1").await;
    let engine = &home.engine;
    let own = pid(engine).await;
    let start = Instant::now();
    let late = gino::deadline(Duration::from_millis(150), async {
        assert_eq!(pid(engine).await, own);
        let first = engine.status("SELECT pg_sleep(60)", &[]).await.unwrap_err();
        let second = engine.acquire().await.unwrap_err();
        let longer = engine.timeout(PATIENCE);
        let third = longer.status("SELECT pg_sleep(60)", &[]).await;
        (first, second, third.unwrap_err())
    });
    let (first, second, third) = late.await;
    assert!(start.elapsed() < PATIENCE);
    assert_eq!(first.to_string(), "the block was not over within 150ms");
    for error in [&first, &second, &third] {
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    }
    assert_eq!(pid(engine).await, own);
    home.done().await;
}

#[tokio::test]
async fn earlier_of_two_deadlines_counts() {
    let home = Home::new("deadlines", "max_size=1").await;
    let engine = &home.engine;
    let (short, long) = (Duration::from_millis(80), PATIENCE * 6);
    for (outer, inner) in [(short, long), (long, short)] {
        let run = gino::deadline(
            outer,
            gino::deadline(inner, engine.script("SELECT pg_sleep(60)")),
        );
        let error = run.await.unwrap_err();
        assert_eq!(error.deadline(), Some(error::Deadline::Scope));
        assert!(error.to_string().contains("80ms"), "{error}");
    }
    let own = engine.timeout(short);
    let error = gino::deadline(long, own.script("SELECT pg_sleep(60)")).await;
    assert!(error.unwrap_err().to_string().contains("80ms"));
    home.done().await;
}

#[tokio::test]
async fn transaction_past_its_deadline_is_rolled_back() {
    let home = Home::new("deadline_commit", "max_size=1").await;
    let engine = &home.engine;
    engine.script("CREATE TABLE t (n int4)").await.unwrap();
    let limit = Duration::from_millis(100);
    let run = engine.transaction(async |tx| {
        let status = tx.status("INSERT INTO t VALUES (1)", &[]).await;
        tokio::time::sleep(limit * 2).await;
        status
    });
    let error = gino::deadline(limit, run).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let count: Option<i64> = engine.scalar("SELECT count(*) FROM t", &[]).await.unwrap();
    assert_eq!(count, Some(0));
    home.done().await;
}
