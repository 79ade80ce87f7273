//! A network that cuts, drips and stalls: what is under way fails with one clear error, and the pool
//! heals as soon as the network does.

use std::sync::atomic::Ordering;
use std::time::Duration;

use gino::prelude::*;
use gino::{Error, ErrorKind};

use crate::proxy::Proxy;
use crate::server::PATIENCE;

const SERIES: &str = "SELECT n, repeat('x', n) FROM generate_series(1, $1) AS n";

async fn series(engine: &Engine) -> Result<usize, Error> {
    let rows = engine.all(SERIES, &[&60]).await?;
    let whole = (1..)
        .zip(&rows)
        .all(|(n, row)| row.get::<&str>(1).len() == n);
    assert!(whole);
    Ok(rows.len())
}

#[tokio::test]
async fn connection_cut_after_any_byte_fails_once_and_heals() {
    let proxy = Proxy::start().await;
    let mut cut = 0;
    for bytes in (0..3500).step_by(73) {
        let engine = proxy.engine("");
        proxy.budget.store(bytes, Ordering::SeqCst);
        let outcome = tokio::time::timeout(PATIENCE, series(&engine))
            .await
            .expect("no hang");
        match outcome {
            Ok(count) => assert_eq!(count, 60),
            Err(error) => {
                cut += 1;
                let kind = error.kind();
                assert!(
                    matches!(kind, ErrorKind::Connect | ErrorKind::Closed),
                    "{error:?}"
                );
            }
        }
        proxy.budget.store(usize::MAX, Ordering::SeqCst);
        assert_eq!(series(&engine).await.unwrap(), 60, "after {bytes} bytes");
        engine.close(PATIENCE).await.unwrap();
    }
    assert!(cut > 20, "{cut}");
}

#[tokio::test]
async fn bytes_that_come_one_by_one_make_the_same_rows() {
    let proxy = Proxy::start().await;
    proxy.portion.store(1, Ordering::SeqCst);
    let engine = proxy.engine("");
    assert_eq!(series(&engine).await.unwrap(), 60);
    engine.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn network_that_stalls_ends_with_the_time_limit() {
    let proxy = Proxy::start().await;
    let engine = proxy.engine("");
    assert_eq!(series(&engine).await.unwrap(), 60);
    proxy.portion.store(0, Ordering::SeqCst);
    let limited = engine.timeout(Duration::from_millis(200));
    let error = limited.scalar::<i32>("SELECT 1", &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    proxy.portion.store(usize::MAX, Ordering::SeqCst);
    let healed = tokio::time::timeout(PATIENCE * 2, series(&engine))
        .await
        .expect("no hang");
    assert_eq!(healed.unwrap(), 60);
    engine.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn cut_inside_a_transaction_commits_nothing_and_gives_one_error() {
    let proxy = Proxy::start().await;
    let engine = proxy.engine("");
    let table = "DROP TABLE IF EXISTS gino_cut; CREATE TABLE gino_cut (n int4)";
    engine.script(table).await.unwrap();
    let run = engine.transaction(async |tx| {
        tx.status("INSERT INTO gino_cut VALUES (1)", &[]).await?;
        proxy.budget.store(5, Ordering::SeqCst);
        tx.status("INSERT INTO gino_cut VALUES (2)", &[]).await
    });
    assert_eq!(run.await.unwrap_err().kind(), ErrorKind::Closed);
    proxy.budget.store(usize::MAX, Ordering::SeqCst);
    let count = engine
        .scalar::<i64>("SELECT count(*) FROM gino_cut", &[])
        .await
        .unwrap();
    assert_eq!(count, Some(0));
    engine.script("DROP TABLE gino_cut").await.unwrap();
    engine.close(PATIENCE).await.unwrap();
}
