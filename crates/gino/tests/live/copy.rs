//! COPY in and out, larger than any buffer, and given up half-way.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, TryStreamExt};
use gino::prelude::*;
use gino::{Error, ErrorKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::server::Home;

const LINE: usize = 1000;

#[tokio::test]
async fn large_data_goes_in_and_comes_out_again() {
    let home = Home::new("copy_large", "max_size=1").await;
    let connection = home.engine.acquire().await.unwrap();
    let create = "CREATE TEMPORARY TABLE copied (t text)";
    connection.status(create, &[]).await.unwrap();
    let mut copy = connection.copy_in("COPY copied FROM STDIN").await.unwrap();
    let mut line = vec![b'x'; LINE - 1];
    line.push(b'\n');
    for _ in 0..100 {
        copy.write(&line.repeat(200)).await.unwrap();
    }
    assert_eq!(copy.finish().await.unwrap(), "COPY 20000");

    let mut copy = connection.copy_out("COPY copied TO STDOUT").await.unwrap();
    // The server has time to fill whatever there is to fill.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut size = 0;
    while let Some(data) = copy.read().await.unwrap() {
        assert!(data.len() < 2_000_000, "not bounded: {}", data.len());
        size += data.len();
    }
    assert_eq!(size, 20_000 * LINE);
    assert_eq!(copy.read().await.unwrap_err().kind(), ErrorKind::Closed);
    let count: Option<i64> = connection
        .scalar("SELECT count(*) FROM copied", &[])
        .await
        .unwrap();
    assert_eq!(count, Some(20_000));
    drop((connection, copy));
    home.done().await;
}

#[tokio::test]
async fn copy_that_is_dropped_stores_nothing_and_leaves_a_clean_connection() {
    let home = Home::new("copy_dropped", "max_size=1").await;
    let engine = &home.engine;
    let connection = engine.acquire().await.unwrap();
    let create = "CREATE TEMPORARY TABLE copied (n int)";
    connection.status(create, &[]).await.unwrap();
    for portions in 0..3 {
        let mut copy = connection.copy_in("COPY copied FROM STDIN").await.unwrap();
        for _ in 0..portions {
            copy.write(b"1\n").await.unwrap();
        }
        drop(copy);
        let count: Option<i64> = connection
            .scalar("SELECT count(*) FROM copied", &[])
            .await
            .unwrap();
        assert_eq!(count, Some(0));
    }
    let endless = "COPY (SELECT repeat('x', 1000) FROM generate_series(1, 1000000)) TO STDOUT";
    let mut copy = connection.copy_out(endless).await.unwrap();
    assert!(copy.read().await.unwrap().is_some());
    drop(copy);
    let one: Option<i32> = connection.scalar("SELECT 1", &[]).await.unwrap();
    assert_eq!(one, Some(1));
    drop(connection);
    home.done().await;
}

#[tokio::test]
async fn servers_error_is_told_to_who_copies() {
    let home = Home::new("copy_error", "max_size=1").await;
    let connection = home.engine.acquire().await.unwrap();
    let create = "CREATE TEMPORARY TABLE copied (n int)";
    connection.status(create, &[]).await.unwrap();
    let mut copy = connection.copy_in("COPY copied FROM STDIN").await.unwrap();
    copy.write(b"rubbish\n").await.unwrap();
    let failed: Error = copy.finish().await.unwrap_err();
    assert_eq!(failed.sqlstate(), Some("22P02"));
    let no_copy = connection.copy_in("SELECT 1").await.unwrap_err();
    assert_eq!(no_copy.kind(), ErrorKind::Usage);
    let mut copy = connection.copy_out("COPY nothing TO STDOUT").await.unwrap();
    assert_eq!(copy.read().await.unwrap_err().sqlstate(), Some("42P01"));
    drop((connection, copy));
    home.done().await;
}

#[tokio::test]
async fn copies_are_streams_readers_and_writers() {
    let home = Home::new("copy_io", "max_size=2").await;
    let (left, right) = (
        home.engine.acquire().await.unwrap(),
        home.engine.acquire().await.unwrap(),
    );
    let create = "CREATE TABLE copied (n int, t text)";
    left.status(create, &[]).await.unwrap();
    let made = "COPY (SELECT n, repeat('y', n % 500) FROM generate_series(1, 9000) n) TO STDOUT";
    // From one connection into the other.
    let mut from = left.copy_out(made).await.unwrap();
    let mut into = right.copy_in("COPY copied FROM STDIN").await.unwrap();
    let size = tokio::io::copy(&mut from, &mut into).await.unwrap();
    into.shutdown().await.unwrap();
    let all = "COPY copied TO STDOUT";
    let stream = left.copy_out(all).await.unwrap();
    let sizes = stream.map_ok(|data| u64::try_from(data.len()).unwrap());
    let sum: u64 = sizes
        .try_fold(0, |sum, size| std::future::ready(Ok(sum + size)))
        .await
        .unwrap();
    assert_eq!(sum, size);
    let (mut text, mut from) = (String::new(), left.copy_out(all).await.unwrap());
    from.read_to_string(&mut text).await.unwrap();
    assert_eq!(text.lines().count(), 9000);
    assert!(text.ends_with("9000\t\n"), "{:?}", text.lines().last());
    // What the server refuses is the writer's error.
    let mut into = right.copy_in("COPY copied FROM STDIN").await.unwrap();
    into.write_all(b"no number\t\n").await.unwrap();
    let error = into.shutdown().await.unwrap_err();
    let error = error.into_inner().unwrap().downcast::<Error>().unwrap();
    assert_eq!(error.sqlstate(), Some("22P02"));
    drop((left, right, into, from));
    home.done().await;
}

#[tokio::test]
async fn copy_in_is_a_sink() {
    let home = Home::new("copy_sink", "max_size=2").await;
    let (left, right) = (
        home.engine.acquire().await.unwrap(),
        home.engine.acquire().await.unwrap(),
    );
    right
        .status("CREATE TABLE copied (n int, t text)", &[])
        .await
        .unwrap();
    let made = "COPY (SELECT n, repeat('z', n % 700) FROM generate_series(1, 9000) n) TO STDOUT";
    let mut from = left.copy_out(made).await.unwrap();
    let mut into = right.copy_in("COPY copied FROM STDIN").await.unwrap();
    SinkExt::send_all(&mut into, &mut from).await.unwrap();
    // A sink that was fed, and not flushed, is written to: in order.
    SinkExt::feed(&mut into, Bytes::from_static(b"9001\t"))
        .await
        .unwrap();
    into.write(b"last\n").await.unwrap();
    SinkExt::<Bytes>::close(&mut into).await.unwrap();
    let sql = "SELECT count(*), sum(n), max(t) FILTER (WHERE n = 9001) FROM copied";
    let row = right.one(sql, &[]).await.unwrap();
    let seen = (row.get::<i64>(0), row.get::<i64>(1), row.get::<&str>(2));
    assert_eq!(seen, (9001, 9001 * 9002 / 2, "last"));
    // One that is fed and dropped stores nothing; what the server refuses is the sink's error.
    let mut into = right.copy_in("COPY copied FROM STDIN").await.unwrap();
    SinkExt::send(&mut into, Bytes::from_static(b"1\tlost\n"))
        .await
        .unwrap();
    drop(into);
    assert_eq!(
        right
            .scalar("SELECT count(*) FROM copied", &[])
            .await
            .unwrap(),
        Some(9001_i64)
    );
    let mut into = right.copy_in("COPY copied FROM STDIN").await.unwrap();
    SinkExt::feed(&mut into, Bytes::from_static(b"no number\n"))
        .await
        .unwrap();
    let error = SinkExt::<Bytes>::close(&mut into).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some("22P02"));
    drop((left, right, into, from));
    home.done().await;
}
