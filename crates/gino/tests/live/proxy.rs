//! Owns a proxy in front of the server under test: it cuts, drips, stalls, delays, and counts round
//! trips.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use gino::prelude::*;
use gino::{Config, Endpoint};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::server::{dsn, with};

/// A proxy in front of the server under test.
pub(crate) struct Proxy {
    address: String,
    way: Arc<Way>,
}

impl std::ops::Deref for Proxy {
    type Target = Way;

    fn deref(&self) -> &Way {
        &self.way
    }
}

/// What happens on the way.
pub(crate) struct Way {
    /// How many bytes of the server still come through before every connection is cut.
    pub(crate) budget: AtomicUsize,
    /// How many bytes of the server come through at once; with 0 nothing does, not even its end.
    pub(crate) portion: AtomicUsize,
    /// How long the server's bytes are on their way, in milliseconds.
    pub(crate) delay: AtomicU64,
    /// How often a client began to speak after the server had: round trips.
    pub(crate) turns: AtomicUsize,
}

impl Proxy {
    pub(crate) async fn start() -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let way = Arc::new(Way {
            budget: AtomicUsize::new(usize::MAX),
            portion: AtomicUsize::new(usize::MAX),
            delay: AtomicU64::new(0),
            turns: AtomicUsize::new(0),
        });
        let served = Arc::clone(&way);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let way = Arc::clone(&served);
                tokio::spawn(async move { way.serve(client).await });
            }
        });
        Proxy { address, way }
    }

    pub(crate) fn engine(&self, settings: &str) -> Engine {
        let dsn = dsn();
        let (_, rest) = dsn.split_once("://").unwrap();
        let (user, place) = rest.rsplit_once('@').unwrap();
        let (_, database) = place.split_once('/').unwrap();
        let url = format!("postgresql://{user}@{}/{database}", self.address);
        let url = with(&with(&url, "min_size=0&max_size=1"), settings);
        Engine::new(Config::parse(Some(&url), &|_: &str| None).unwrap()).unwrap()
    }
}

impl Way {
    async fn serve(&self, client: TcpStream) {
        let config = Config::parse(Some(&dsn()), &|_: &str| None).unwrap();
        let Some(Endpoint::Tcp { host, port, .. }) = config.endpoints.first() else {
            panic!("the tests behind a proxy need a server with TCP");
        };
        let server = TcpStream::connect((host.as_str(), *port)).await.unwrap();
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let servers_turn = AtomicBool::new(true);
        let up = async {
            let mut buffer = vec![0; 16 * 1024];
            loop {
                let count = from_client.read(&mut buffer).await?;
                if count == 0 {
                    return io::Result::Ok(());
                }
                if servers_turn.swap(false, Ordering::SeqCst) {
                    self.turns.fetch_add(1, Ordering::SeqCst);
                }
                to_server.write_all(&buffer[..count]).await?;
            }
        };
        let down = async {
            let mut buffer = vec![0; 16 * 1024];
            loop {
                let room = self.portion.load(Ordering::SeqCst).clamp(1, buffer.len());
                let count = from_server.read(&mut buffer[..room]).await?;
                while self.portion.load(Ordering::SeqCst) == 0 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                let delay = self.delay.load(Ordering::SeqCst);
                if delay > 0 {
                    tokio::time::sleep(Duration::from_millis(delay)).await;
                }
                let left = self.budget.load(Ordering::SeqCst);
                let passed = count.min(left);
                if left != usize::MAX {
                    self.budget.store(left - passed, Ordering::SeqCst);
                }
                servers_turn.store(true, Ordering::SeqCst);
                to_client.write_all(&buffer[..passed]).await?;
                if count == 0 || passed < count {
                    return io::Result::Ok(());
                }
            }
        };
        // Either end closes both.
        tokio::select! { _ = up => {}, _ = down => {} }
    }
}
