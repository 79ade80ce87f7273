//! Connections that die.

use std::time::Duration;

use gino::prelude::*;
use gino::{Error, ErrorKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::server::{Home, PATIENCE, pid};

async fn terminate(home: &Home, pid: i32) {
    let sql = "SELECT pg_terminate_backend($1, 5000)";
    assert_eq!(home.witness.scalar(sql, &[&pid]).await.unwrap(), Some(true));
}

#[tokio::test]
async fn idle_connection_that_was_killed_is_replaced() {
    let home = Home::new("killed_idle", "max_size=1").await;
    let before = pid(&home.engine).await;
    terminate(&home, before).await;
    // The news may still be on its way.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_ne!(pid(&home.engine).await, before);
    home.done().await;
}

#[tokio::test]
async fn running_statement_that_was_killed_fails_with_the_servers_reason() {
    let home = Home::new("killed_busy", "max_size=1").await;
    let before = pid(&home.engine).await;
    let engine = home.engine.clone();
    let task = tokio::spawn(async move { engine.status("SELECT pg_sleep(30)", &[]).await });
    home.until(1, "active").await;
    terminate(&home, before).await;
    assert_eq!(task.await.unwrap().unwrap_err().sqlstate(), Some("57P01"));
    assert_ne!(pid(&home.engine).await, before);
    home.done().await;
}

#[tokio::test]
async fn transaction_whose_connection_was_killed_fails_and_the_pool_heals() {
    let home = Home::new("killed_tx", "max_size=1").await;
    home.engine.script("CREATE TABLE t (n int4)").await.unwrap();
    let run = home.engine.transaction(async |tx| {
        tx.status("INSERT INTO t VALUES (1)", &[]).await?;
        terminate(&home, pid(&tx).await).await;
        tx.status("INSERT INTO t VALUES (2)", &[]).await
    });
    let error = run.await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Database | ErrorKind::Closed),
        "{error:?}"
    );
    let count = home
        .engine
        .scalar::<i64>("SELECT count(*) FROM t", &[])
        .await
        .unwrap();
    assert_eq!(count, Some(0));
    home.done().await;
}

#[tokio::test]
async fn held_connection_that_was_killed_says_so_until_released() {
    let home = Home::new("killed_held", "max_size=1").await;
    let connection = home.engine.acquire().await.unwrap();
    let before = pid(&connection).await;
    terminate(&home, before).await;
    for _ in 0..2 {
        let error = connection.scalar::<i32>("SELECT 1", &[]).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Database | ErrorKind::Closed),
            "{error:?}"
        );
    }
    connection.release(false).await.unwrap();
    assert_ne!(pid(&connection).await, before);
    drop(connection);
    home.done().await;
}

#[tokio::test]
async fn terminated_engine_fails_what_runs() {
    let home = Home::new("terminated", "max_size=2").await;
    let engine = home.engine.clone();
    let task = tokio::spawn(async move { engine.status("SELECT pg_sleep(3)", &[]).await });
    home.until(1, "active").await;
    home.engine.terminate();
    assert_eq!(task.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    home.engine.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn large_values_cross_in_both_directions_at_once() {
    let home = Home::new("large", "max_size=1").await;
    let connection = home.engine.acquire().await.unwrap();
    let large = "x".repeat(8 << 20);
    let ask = async |n: i32| {
        let row = connection
            .one("SELECT $1::int4, $2::text", &[&n, &large])
            .await?;
        assert!(row.get::<i32>(0) == n && row.get::<&str>(1) == large);
        Ok::<_, Error>(())
    };
    let all = async { tokio::try_join!(ask(1), ask(2), ask(3), ask(4)) };
    tokio::time::timeout(Duration::from_secs(60), all)
        .await
        .unwrap()
        .unwrap();
    drop(connection);
    home.done().await;
}

#[tokio::test]
async fn peer_that_is_no_server_is_a_protocol_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let peer = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        let mut rest = Vec::new();
        // Ends when the client closes.
        let _ = socket.read_to_end(&mut rest).await;
    });
    let url = format!("postgresql://gino@{address}/gino?min_size=1&max_size=1");
    assert_eq!(
        Engine::connect(&url).await.unwrap_err().kind(),
        ErrorKind::Protocol
    );
    tokio::time::timeout(PATIENCE, peer).await.unwrap().unwrap();
}
