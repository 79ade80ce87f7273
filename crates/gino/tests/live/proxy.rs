//! Owns a proxy in front of the server under test: it cuts, drips, stalls, delays, and counts round
//! trips; a connection made while a `Fault` is set suffers that.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gino::prelude::*;
use gino::{Config, Endpoint};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use crate::chance::Chance;
use crate::server::{dsn, with};

/// A proxy in front of the server under test, as long as it is kept.
pub(crate) struct Proxy {
    address: String,
    way: Arc<Way>,
    listening: AbortHandle,
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
    /// Of the connections that are made from now on.
    pub(crate) fault: Mutex<Option<Arc<Fault>>>,
}

/// What happens once so many bytes have passed one way.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    pub(crate) side: Side,
    pub(crate) after: usize,
    passed: AtomicUsize,
}

/// What becomes of the bytes after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The end of the stream comes in their place.
    Close,
    /// Both ends hear of a reset, and what is on its way is lost.
    Reset,
    /// Other bytes come, and then the end.
    Garbage,
    /// Nothing comes any more.
    Stall,
}

/// Whose bytes are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Answers,
    Requests,
}

impl Fault {
    pub(crate) fn new(kind: Kind, side: Side, after: usize) -> Arc<Fault> {
        Arc::new(Fault {
            kind,
            side,
            after,
            passed: AtomicUsize::new(0),
        })
    }

    /// How many bytes have come that way.
    pub(crate) fn passed(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }

    /// How many of `count` bytes that have come get through.
    fn pass(&self, count: usize) -> usize {
        let before = self.passed.fetch_add(count, Ordering::SeqCst);
        self.after.saturating_sub(before).min(count)
    }
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
            fault: Mutex::new(None),
        });
        let served = Arc::clone(&way);
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let way = Arc::clone(&served);
                tokio::spawn(async move { way.serve(client).await });
            }
        });
        Proxy {
            address,
            way,
            listening: listening.abort_handle(),
        }
    }

    /// The URL of the server under test by way of this proxy.
    pub(crate) fn url(&self, settings: &str) -> String {
        let dsn = dsn();
        let (_, rest) = dsn.split_once("://").unwrap();
        let (user, place) = rest.rsplit_once('@').unwrap();
        let (_, database) = place.split_once('/').unwrap();
        let url = format!("postgresql://{user}@{}/{database}", self.address);
        with(&with(&url, "min_size=0&max_size=1"), settings)
    }

    pub(crate) fn engine(&self, settings: &str) -> Engine {
        let url = self.url(settings);
        Engine::new(Config::parse(Some(&url), &|_: &str| None).unwrap()).unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Way {
    pub(crate) fn set_fault(&self, fault: Option<&Arc<Fault>>) {
        *self.fault.lock().unwrap() = fault.cloned();
    }

    async fn serve(&self, mut client: TcpStream) {
        let fault = self.fault.lock().unwrap().clone();
        let config = Config::parse(Some(&dsn()), &|_: &str| None).unwrap();
        let Some(Endpoint::Tcp { host, port, .. }) = config.endpoints.first() else {
            panic!("the tests behind a proxy need a server with TCP");
        };
        let mut server = TcpStream::connect((host.as_str(), *port)).await.unwrap();
        for stream in [&client, &server] {
            stream.set_nodelay(true).unwrap();
        }
        let on = |side| fault.as_deref().filter(|fault| fault.side == side);
        {
            let (mut from_client, mut to_client) = client.split();
            let (mut from_server, mut to_server) = server.split();
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
                    if forward(&mut to_server, &buffer[..count], on(Side::Requests)).await? {
                        return Ok(());
                    }
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
                    let struck =
                        forward(&mut to_client, &buffer[..passed], on(Side::Answers)).await?;
                    if struck || count == 0 || passed < count {
                        return io::Result::Ok(());
                    }
                }
            };
            // Either end closes both.
            tokio::select! { _ = up => {}, _ = down => {} }
        }
        if let Some(fault) = fault
            && fault.kind == Kind::Reset
            && fault.passed() > fault.after
        {
            for stream in [client, server] {
                let _ = stream.set_zero_linger();
            }
        }
    }
}

/// Hands `data` on, as far as `fault` lets it. Whether that was the last.
async fn forward(
    to: &mut (impl AsyncWriteExt + Unpin),
    data: &[u8],
    fault: Option<&Fault>,
) -> io::Result<bool> {
    let passed = fault.map_or(data.len(), |fault| fault.pass(data.len()));
    to.write_all(&data[..passed]).await?;
    let Some(fault) = fault.filter(|_| passed < data.len()) else {
        return Ok(false);
    };
    if fault.kind == Kind::Garbage {
        // Other bytes for each place, and the same ones in the next run.
        let mut chance = Chance::new(fault.after as u64);
        let garbage: Vec<u8> = (0..20_000).map(|_| chance.byte()).collect();
        to.write_all(&garbage).await?;
    }
    Ok(fault.kind != Kind::Stall)
}
