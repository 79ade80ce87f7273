//! Several statements at once on one connection: they travel together, are answered in order, and
//! one that fails leaves the others alone. Round trips are counted by a proxy.

use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use gino::prelude::*;
use gino::{Error, ErrorKind};

use crate::proxy::Proxy;
use crate::server::{Home, PATIENCE};

const DOUBLE: &str = "SELECT $1::int4 * 2";

/// The round trips of `work`, while the server's answers take a while.
async fn turns<T>(proxy: &Proxy, work: impl Future<Output = T>) -> (usize, T) {
    let before = proxy.turns.load(Ordering::SeqCst);
    let done = tokio::time::timeout(PATIENCE, work).await.unwrap();
    (proxy.turns.load(Ordering::SeqCst) - before, done)
}

#[tokio::test]
async fn joined_statements_share_a_round_trip() {
    let proxy = Proxy::start().await;
    let engine = proxy.engine("");
    let connection = engine.acquire().await.unwrap();
    let double = |n: i32| {
        let connection = &connection;
        async move { connection.scalar::<i32>(DOUBLE, &[&n]).await.unwrap() }
    };
    assert_eq!(double(1).await, Some(2));
    proxy.delay.store(20, Ordering::SeqCst);
    let one_by_one = turns(&proxy, async {
        for n in 0..5 {
            assert_eq!(double(n).await, Some(n * 2));
        }
    });
    assert_eq!(one_by_one.await.0, 5);
    let (count, answers) = turns(&proxy, join_all((0..50).map(double))).await;
    assert_eq!(count, 1);
    let expected: Vec<_> = (0..50).map(|n| Some(n * 2)).collect();
    assert_eq!(answers, expected);
    // In a transaction too, by `join!`, with one that fails: the error is its own.
    let run = connection.transaction(async |tx| {
        let (count, (first, second, third)) = turns(&proxy, async {
            tokio::join!(
                tx.scalar::<i32>(DOUBLE, &[&1]),
                tx.scalar::<i32>(DOUBLE, &[&"text"]),
                tx.scalar::<i32>(DOUBLE, &[&3]),
            )
        })
        .await;
        assert_eq!((count, first?, third?), (1, Some(2), Some(6)));
        assert_eq!(second.unwrap_err().kind(), ErrorKind::Codec);
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    drop(connection);
    engine.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn failed_statement_leaves_its_neighbours_alone() {
    let home = Home::new("neighbours", "max_size=1").await;
    let connection = home.engine.acquire().await.unwrap();
    let divide = "SELECT 12 / $1::int4";
    let answers = join_all((-2..=2).map(|n| {
        let connection = &connection;
        async move { connection.scalar::<i32>(divide, &[&n]).await }
    }));
    let answers = answers.await;
    let values: Vec<_> = answers
        .iter()
        .map(|a| a.as_ref().ok().copied().flatten())
        .collect();
    assert_eq!(values, [Some(-6), Some(-12), None, Some(12), Some(6)]);
    assert_eq!(answers[2].as_ref().unwrap_err().sqlstate(), Some("22012"));
    drop(connection);
    home.done().await;
}

#[tokio::test]
async fn many_sets_of_parameters_are_one_round_trip_and_all_or_nothing() {
    let proxy = Proxy::start().await;
    let engine = proxy.engine("");
    let connection = engine.acquire().await.unwrap();
    let table = "CREATE TEMPORARY TABLE t (n int4 PRIMARY KEY, t text)";
    connection.script(table).await.unwrap();
    let insert = "INSERT INTO t VALUES ($1, $2)";
    let prepared = connection.prepare(insert).await.unwrap();
    proxy.delay.store(10, Ordering::SeqCst);
    let numbers: Vec<i32> = (0..2000).collect();
    let text = "x".repeat(40);
    let rows: Vec<[&(dyn gino::ToSql + Sync); 2]> =
        numbers.iter().map(|n| [n as _, &text as _]).collect();
    let sets: Vec<&[_]> = rows.iter().map(|row| row.as_slice()).collect();
    let (count, status) = turns(&proxy, prepared.status_many(&sets)).await;
    let status = status.unwrap();
    assert_eq!((status.tag(), status.rows_affected()), ("INSERT 0 1", 2000));
    assert!(count <= 2, "{count}");
    let again = connection.status_many(insert, &[&[&5000, &"a"], &[&7, &"b"]]);
    assert_eq!(again.await.unwrap_err().sqlstate(), Some("23505"));
    let none = connection.status_many(insert, &[]).await.unwrap();
    assert_eq!(none.rows_affected(), 0);
    let count: Option<i64> = connection
        .scalar("SELECT count(*) FROM t", &[])
        .await
        .unwrap();
    assert_eq!(count, Some(2000));
    drop((connection, prepared));
    engine.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn prepared_statement_knows_its_shape_and_runs_with_all_words() {
    let home = Home::new("prepared", "max_size=1&statement_cache_size=1").await;
    let connection = home.engine.acquire().await.unwrap();
    let series = "SELECT n, n::text AS word FROM generate_series(1, $1) AS n";
    let prepared = connection.prepare(series).await.unwrap();
    assert_eq!(prepared.parameters(), 1);
    let names: Vec<_> = prepared.columns().iter().map(|c| &*c.name).collect();
    assert_eq!(names, ["n", "word"]);
    for n in 1..=3_i32 {
        assert_eq!(
            prepared.all(&[&n]).await.unwrap().len(),
            usize::try_from(n).unwrap()
        );
        // Evicts it: there is room for one.
        connection.scalar::<i32>("SELECT 1", &[]).await.unwrap();
    }
    assert!(prepared.first(&[&0]).await.unwrap().is_none());
    assert_eq!(prepared.one(&[&1]).await.unwrap().get::<&str>("word"), "1");
    let several = prepared.one_or_none(&[&2]).await.unwrap_err();
    assert_eq!(several.kind(), ErrorKind::Row);
    assert_eq!(prepared.scalar(&[&9]).await.unwrap(), Some(1));
    assert_eq!(prepared.status(&[&4]).await.unwrap().rows_affected(), 4);
    let run = connection.transaction(async |_| {
        let mut cursor = prepared.iterate(&[&70]).await?;
        cursor.advance(69).await?;
        Ok::<_, Error>(cursor.next().await?.map(|row| row.get::<i32>(0)))
    });
    assert_eq!(run.await.unwrap(), Some(70));
    let wrong = connection.prepare("SELECT nothing FROM nowhere").await;
    assert_eq!(wrong.unwrap_err().sqlstate(), Some("42P01"));
    drop((connection, prepared));
    home.done().await;
}
