//! Futures that are dropped, and time limits: the pool and the server are clean afterwards.

use std::time::{Duration, Instant};

use gino::prelude::*;
use gino::{Error, ErrorKind, error};

use crate::server::{Home, PATIENCE, pid};

#[tokio::test]
async fn dropped_statement_is_cancelled_and_its_connection_used_again() {
    let home = Home::new("cancel", "max_size=1").await;
    let before = pid(&home.engine).await;
    let engine = home.engine.clone();
    let task = tokio::spawn(async move { engine.status("SELECT pg_sleep(30)", &[]).await });
    home.until(1, "active").await;
    let start = Instant::now();
    task.abort();
    assert_eq!(pid(&home.engine).await, before);
    assert!(start.elapsed() < PATIENCE);
    home.until(0, "active").await;
    home.done().await;
}

#[tokio::test]
async fn dropped_waiter_leaves_the_queue() {
    let home = Home::new("waiter", "max_size=1").await;
    let held = home.engine.acquire().await.unwrap();
    let waiters: Vec<_> = (0..3)
        .map(|_| {
            let engine = home.engine.clone();
            tokio::spawn(async move { pid(&engine).await })
        })
        .collect();
    while home.engine.figures().waiting < 3 {
        tokio::task::yield_now().await;
    }
    waiters[0].abort();
    waiters[2].abort();
    while home.engine.figures().waiting > 1 {
        tokio::task::yield_now().await;
    }
    let own = pid(&held).await;
    drop(held);
    let mut waiters = waiters.into_iter();
    assert!(waiters.next().unwrap().await.is_err());
    assert_eq!(waiters.next().unwrap().await.unwrap(), own);
    home.done().await;
}

#[tokio::test]
async fn dropped_while_connecting_leaves_no_connection() {
    let home = Home::new("connecting", "max_size=1").await;
    for _ in 0..20 {
        let connect = home.engine.acquire();
        // Polled a few times, then dropped at another step each time.
        let _ = tokio::time::timeout(Duration::from_micros(300), connect).await;
    }
    home.done().await;
}

#[tokio::test]
async fn statement_that_takes_too_long_ends_with_a_timeout() {
    let home = Home::new("late", "max_size=1").await;
    let before = pid(&home.engine).await;
    let limited = home.engine.timeout(Duration::from_millis(80));
    let error = limited
        .status("SELECT pg_sleep(30)", &[])
        .await
        .unwrap_err();
    assert_eq!(error.deadline(), Some(error::Deadline::Statement));
    assert_eq!(
        error.to_string(),
        "the statement did not finish within 80ms"
    );
    assert_eq!(pid(&home.engine).await, before);
    home.done().await;
}

#[tokio::test]
async fn command_timeout_counts_running_only() {
    let home = Home::new("command", "max_size=1&command_timeout=0.1").await;
    let held = home.engine.acquire().await.unwrap();
    let engine = home.engine.clone();
    let waiting = tokio::spawn(async move { engine.scalar("SELECT 1", &[]).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(held);
    assert_eq!(waiting.await.unwrap().unwrap(), Some(1));
    let error = home.engine.script("SELECT pg_sleep(30)").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    home.done().await;
}

#[tokio::test]
async fn timeout_on_a_connection_leaves_it_usable() {
    let home = Home::new("usable", "max_size=1").await;
    let connection = home.engine.acquire().await.unwrap();
    let limited = connection.timeout(Duration::from_millis(50));
    for _ in 0..3 {
        let error = limited
            .status("SELECT pg_sleep(30)", &[])
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_eq!(connection.scalar("SELECT 3", &[]).await.unwrap(), Some(3));
    }
    drop(connection);
    home.done().await;
}

#[tokio::test]
async fn neighbour_on_the_same_connection_is_not_cancelled() {
    let home = Home::new("neighbour", "max_size=1").await;
    let connection = home.engine.acquire().await.unwrap();
    connection
        .scalar::<i32>("SELECT 1 FROM pg_sleep(0)", &[])
        .await
        .unwrap();
    let sql = "SELECT 1 FROM pg_sleep(0.2)";
    let (first, second) = tokio::join!(
        tokio::time::timeout(
            Duration::from_millis(50),
            connection.scalar::<i32>(sql, &[])
        ),
        connection.scalar::<i32>("SELECT 2 FROM pg_sleep(0)", &[]),
    );
    assert!(first.is_err());
    assert_eq!(second.unwrap(), Some(2));
    drop(connection);
    home.done().await;
}

#[tokio::test]
async fn dropped_inner_transaction_leaves_the_outer_usable() {
    let home = Home::new("inner", "max_size=1").await;
    home.engine.script("CREATE TABLE t (n int4)").await.unwrap();
    let run = home.engine.transaction(async |tx| {
        tx.status("INSERT INTO t VALUES (1)", &[]).await?;
        let inner = tx.transaction(async |inner| {
            inner.status("INSERT INTO t VALUES (2)", &[]).await?;
            tokio::time::sleep(PATIENCE).await;
            Ok::<_, Error>(())
        });
        assert!(
            tokio::time::timeout(Duration::from_millis(100), inner)
                .await
                .is_err()
        );
        tx.status("INSERT INTO t VALUES (3)", &[]).await
    });
    run.await.unwrap();
    let sum = home
        .engine
        .scalar::<i64>("SELECT sum(n) FROM t", &[])
        .await
        .unwrap();
    assert_eq!(sum, Some(4));
    home.done().await;
}
