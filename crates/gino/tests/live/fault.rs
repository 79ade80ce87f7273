//! A network that cuts, drips and stalls: what is under way fails with one clear error, and the pool
//! heals as soon as the network does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gino::prelude::*;
use gino::{Config, Endpoint, Error, ErrorKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::server::{PATIENCE, dsn, with};

/// A proxy in front of the server under test.
struct Proxy {
    address: String,
    /// How many bytes of the server still come through before every connection is cut.
    budget: Arc<AtomicUsize>,
    /// How many bytes of the server come through at once; with 0 nothing does, not even its end.
    portion: Arc<AtomicUsize>,
}

impl Proxy {
    async fn start() -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy {
            address: listener.local_addr().unwrap().to_string(),
            budget: Arc::new(AtomicUsize::new(usize::MAX)),
            portion: Arc::new(AtomicUsize::new(usize::MAX)),
        };
        let (budget, portion) = (Arc::clone(&proxy.budget), Arc::clone(&proxy.portion));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, Arc::clone(&budget), Arc::clone(&portion)));
            }
        });
        proxy
    }

    fn engine(&self, settings: &str) -> Engine {
        let dsn = dsn();
        let (_, rest) = dsn.split_once("://").unwrap();
        let (user, place) = rest.rsplit_once('@').unwrap();
        let (_, database) = place.split_once('/').unwrap();
        let url = format!("postgresql://{user}@{}/{database}", self.address);
        let url = with(&with(&url, "min_size=0&max_size=1"), settings);
        Engine::new(Config::parse(Some(&url), &|_| None).unwrap()).unwrap()
    }
}

async fn serve(client: TcpStream, budget: Arc<AtomicUsize>, portion: Arc<AtomicUsize>) {
    let config = Config::parse(Some(&dsn()), &|_| None).unwrap();
    let Some(Endpoint::Tcp { host, port }) = config.endpoints.first() else {
        panic!("the tests behind a proxy need a server with TCP");
    };
    let server = TcpStream::connect((host.as_str(), *port)).await.unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async {
        tokio::io::copy(&mut from_client, &mut to_server)
            .await
            .map(drop)
    };
    let down = async {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let room = portion.load(Ordering::SeqCst).clamp(1, buffer.len());
            let count = from_server.read(&mut buffer[..room]).await?;
            while portion.load(Ordering::SeqCst) == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let left = budget.load(Ordering::SeqCst);
            let passed = count.min(left);
            if left != usize::MAX {
                budget.store(left - passed, Ordering::SeqCst);
            }
            to_client.write_all(&buffer[..passed]).await?;
            if count == 0 || passed < count {
                return std::io::Result::Ok(());
            }
        }
    };
    // Either end closes both.
    tokio::select! { _ = up => {}, _ = down => {} }
}

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
