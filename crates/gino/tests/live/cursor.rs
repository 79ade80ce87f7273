//! Server-side cursors.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt, TryStreamExt};
use gino::prelude::*;
use gino::{Error, ErrorKind};

use crate::server::Home;

const SERIES: &str = "SELECT n FROM generate_series(1, $1) AS n";

#[tokio::test]
async fn rows_come_one_by_one_until_there_are_no_more() {
    let home = Home::new("iterate", "max_size=1").await;
    let engine = &home.engine;
    let sum = engine.transaction(async |tx| {
        let mut cursor = tx.iterate(SERIES, &[&120]).await?;
        let mut sum = 0;
        while let Some(row) = cursor.next().await? {
            sum += row.get::<i32>(0);
            // Other statements run in between.
            if sum % 100 == 0 {
                assert_eq!(tx.scalar("SELECT 1", &[]).await?, Some(1));
            }
        }
        assert!(cursor.next().await?.is_none());
        Ok::<_, Error>(sum)
    });
    assert_eq!(sum.await.unwrap(), 7260);
    home.done().await;
}

#[tokio::test]
async fn portions_and_skips_go_on_where_the_last_row_was() {
    let home = Home::new("portions", "max_size=1").await;
    let engine = &home.engine;
    let run = engine.transaction(async |_| {
        let mut cursor = engine.iterate(SERIES, &[&100]).await?;
        let numbers = |rows: Vec<Row>| rows.iter().map(|r| r.get(0)).collect::<Vec<i32>>();
        assert_eq!(numbers(cursor.many(3).await?), [1, 2, 3]);
        assert_eq!(cursor.advance(10).await?, 10);
        assert_eq!(cursor.next().await?.unwrap().get::<i32>(0), 14);
        assert_eq!(cursor.advance(60).await?, 60);
        assert_eq!(numbers(cursor.many(2).await?), [75, 76]);
        assert_eq!(cursor.many(100).await?.len(), 24);
        assert_eq!(
            (cursor.advance(5).await?, cursor.many(5).await?.len()),
            (0, 0)
        );
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    home.done().await;
}

#[tokio::test]
async fn cursor_needs_a_connection_in_a_transaction() {
    let home = Home::new("nowhere", "max_size=1").await;
    let engine = &home.engine;
    let error = engine.iterate(SERIES, &[&1]).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Usage);
    let connection = engine.acquire().await.unwrap();
    let mut cursor = connection.iterate(SERIES, &[&1]).await.unwrap();
    let words = cursor.next().await.unwrap_err().to_string();
    assert_eq!(
        words,
        "a cursor lives inside a transaction: begin one first"
    );
    drop((cursor, connection));
    home.done().await;
}

#[tokio::test]
async fn slow_fetch_ends_with_the_time_limit() {
    let home = Home::new("slow_fetch", "max_size=1").await;
    let engine = &home.engine;
    let run = engine.transaction(async |tx| {
        let limited = tx.timeout(Duration::from_millis(50));
        let mut cursor = limited.iterate("SELECT pg_sleep(30)", &[]).await?;
        cursor.next().await.map(drop)
    });
    assert_eq!(run.await.unwrap_err().kind(), ErrorKind::Timeout);
    home.done().await;
}

#[tokio::test]
async fn cursor_is_a_stream() {
    let home = Home::new("stream", "max_size=1").await;
    let run = home.engine.transaction(async |tx| {
        for prefetch in [0, 1, 7, 100, 1000] {
            let cursor = tx.iterate(SERIES, &[&100]).await?.prefetch(prefetch);
            let numbers = cursor.map_ok(|row| row.get::<i32>(0));
            let even = numbers.try_filter(|n| std::future::ready(n % 2 == 0));
            let even: Vec<i32> = even.try_collect().await?;
            assert_eq!((even.len(), even.last()), (50, Some(&100)), "{prefetch}");
        }
        let broken = tx.iterate("SELECT 10 / (3 - n) FROM generate_series(1, 5) n", &[]);
        let rows: Vec<_> = broken.await?.prefetch(2).collect().await;
        let states: Vec<_> = rows
            .iter()
            .map(|row| row.as_ref().err()?.sqlstate())
            .collect();
        assert_eq!(states, [None, None, Some("22012")]);
        Ok::<_, Error>(())
    });
    assert_eq!(run.await.unwrap_err().kind(), ErrorKind::Usage);
    home.done().await;
}

#[tokio::test]
async fn dropped_next_loses_no_row() {
    let home = Home::new("next_dropped", "max_size=1").await;
    let run = home.engine.transaction(async |tx| {
        let slow = "SELECT n FROM generate_series(1, 30) n, pg_sleep(0.002 * n) p";
        let mut cursor = tx.iterate(slow, &[]).await?.prefetch(3);
        let (mut seen, mut dropped) = (Vec::new(), 0);
        loop {
            let next = tokio::time::timeout(Duration::from_millis(1), cursor.next());
            match next.await {
                Ok(Ok(Some(row))) => seen.push(row.get::<i32>(0)),
                Ok(end) => break drop(end?),
                Err(_) => dropped += 1,
            }
        }
        assert!(dropped > 3, "{dropped}");
        assert_eq!(seen, (1..=30).collect::<Vec<i32>>());
        // Also if it was begun by another word.
        let mut cursor = tx.iterate(SERIES, &[&20]).await?.prefetch(4);
        assert!(cursor.next().now_or_never().is_none());
        assert_eq!(cursor.many(2).await?.len(), 2);
        assert_eq!(cursor.advance(3).await?, 3);
        assert!(cursor.many(9).now_or_never().is_none());
        assert_eq!(cursor.next().await?.unwrap().get::<i32>(0), 6);
        assert_eq!(cursor.many(100).await?.len(), 14);
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    home.done().await;
}

#[tokio::test]
async fn closed_cursor_lets_go_of_its_table() {
    let home = Home::new("cursor_closed", "max_size=1").await;
    home.engine
        .script("CREATE TABLE t AS SELECT generate_series(1, 500) n")
        .await
        .unwrap();
    let run = home.engine.transaction(async |tx| {
        let mut cursor = tx.iterate("SELECT n FROM t", &[]).await?;
        cursor.next().await?;
        let refused = tx.transaction(async |inner| inner.script("ALTER TABLE t ADD m int4").await);
        assert_eq!(refused.await.unwrap_err().sqlstate(), Some("55006"));
        cursor.close().await?;
        tx.script("ALTER TABLE t ADD m int4").await
    });
    run.await.unwrap();
    home.done().await;
}
