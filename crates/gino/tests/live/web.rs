//! Owns what a web application has to hold to, whatever the framework: each check here is run by
//! `ext_axum` and `ext_actix`, over real HTTP against the framework's own server.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gino::ext::PerRequest;
use gino::prelude::*;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::proxy::Proxy;
use crate::server::{Home, PATIENCE, dsn, with};

/// A framework's server with the application under test.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// Ends when all requests that were accepted are answered.
    pub(crate) stop: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Starts the application, with `per_request` around all routes.
pub(crate) trait Framework {
    async fn serve(engine: Engine, per_request: PerRequest) -> Server;
}

/// What handlers run, the same in both frameworks.
pub(crate) const INSERT: &str = "INSERT INTO users (name) VALUES ($1) RETURNING id";
pub(crate) const NAME: &str = "SELECT name FROM users WHERE id = $1";
pub(crate) const COUNT: &str = "SELECT count(*) FROM users";
pub(crate) const PID: &str = "SELECT pg_backend_pid()";
pub(crate) const HOLD: &str = "SELECT pg_sleep(60)";

const TABLE: &str = "CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL, \
                     twin text UNIQUE DEFERRABLE INITIALLY DEFERRED)";

/// A client.
pub(crate) struct Browser {
    client: Client<HttpConnector, Full<bytes::Bytes>>,
    address: SocketAddr,
}

impl Browser {
    pub(crate) fn new(address: SocketAddr) -> Browser {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Browser { client, address }
    }

    /// Status and body; 0 if the connection broke.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: &'static str) -> (u16, String) {
        let request = axum::http::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header("content-type", "application/json")
            .body(Full::from(body))
            .unwrap();
        let asked = async {
            let Ok(response) = self.client.request(request).await else {
                return (0, String::new());
            };
            let status = response.status().as_u16();
            let body = response.into_body().collect().await;
            let body = body.map(|body| body.to_bytes()).unwrap_or_default();
            (status, String::from_utf8(body.into()).unwrap())
        };
        tokio::time::timeout(PATIENCE, asked)
            .await
            .expect("no hang")
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        self.ask("GET", path, "").await
    }
}

/// A test's home with the table of users, and the server on it.
async fn start<F: Framework>(name: &str, settings: &str, transaction: bool) -> (Home, Server) {
    let home = Home::new(name, settings).await;
    home.engine.script(TABLE).await.unwrap();
    let per_request = match transaction {
        true => PerRequest::transaction(&home.engine),
        false => PerRequest::connection(&home.engine),
    };
    let server = F::serve(home.engine.clone(), per_request).await;
    (home, server)
}

async fn count(home: &Home) -> i64 {
    home.engine.scalar(COUNT, &[]).await.unwrap().unwrap()
}

pub(crate) async fn rows_go_in_and_out_and_what_is_missing_is_a_404<F: Framework>(name: &str) {
    let (home, server) = start::<F>(name, "max_size=2", false).await;
    let browser = Browser::new(server.address);
    assert_eq!(
        browser.ask("POST", "/users", "daisy").await,
        (201, "1".into())
    );
    assert_eq!(
        browser.ask("POST", "/users", "fantix").await,
        (201, "2".into())
    );
    assert_eq!(browser.get("/users/2").await, (200, "fantix".into()));
    assert_eq!(browser.get("/users/3").await, (404, "no such data".into()));
    assert_eq!(browser.get("/first/1").await, (200, "daisy".into()));
    assert_eq!(browser.get("/first/4").await, (404, "no such data".into()));
    assert_eq!(browser.get("/other").await.0, 404);
    server.stop.await;
    home.done().await;
}

pub(crate) async fn request_borrows_one_connection_and_only_if_it_needs_one<F: Framework>(
    name: &str,
) {
    let (home, server) = start::<F>(name, "max_size=3", false).await;
    let browser = Browser::new(server.address);
    let held = [
        home.engine.acquire().await.unwrap(),
        home.engine.acquire().await.unwrap(),
    ];
    // Borrowed, by the handler itself: none. With one left, two at once would wait for ever.
    assert_eq!(browser.get("/quiet").await, (200, "2".into()));
    let (status, pids) = browser.get("/pids").await;
    let pids: Vec<&str> = pids.split(' ').collect();
    assert_eq!((status, pids.len()), (200, 3), "{pids:?}");
    assert!(pids.iter().all(|pid| *pid == pids[0]), "{pids:?}");
    // A task that the handler spawns starts clean.
    drop(held);
    let (status, pids) = browser.get("/spawned").await;
    let (own, other) = pids.split_once(' ').unwrap();
    assert_eq!(status, 200);
    assert_ne!(own, other);
    server.stop.await;
    home.done().await;
}

pub(crate) async fn connection_goes_back_when_the_response_begins<F: Framework>(name: &str) {
    let (home, server) = start::<F>(name, "max_size=1", false).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket
        .write_all(b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut seen = String::new();
    while !seen.contains("begun") {
        let mut buffer = [0; 512];
        let read = socket.read(&mut buffer);
        let read = tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
        assert!(read > 0, "{seen}");
        seen.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
    }
    // The body goes on for ever, and the only connection is free.
    assert!(seen.starts_with("HTTP/1.1 200"), "{seen}");
    assert_eq!(home.engine.figures().in_use, 0);
    let browser = Browser::new(server.address);
    assert_eq!(browser.get("/pids").await.0, 200);
    drop(socket);
    server.stop.await;
    home.done().await;
}

pub(crate) async fn failed_and_panicked_requests_leave_the_pool_whole<F: Framework>(name: &str) {
    let (home, server) = start::<F>(name, "max_size=1", false).await;
    let browser = Browser::new(server.address);
    for _ in 0..3 {
        let (status, body) = browser.get("/fail").await;
        assert_eq!((status, &*body), (500, "internal server error"));
        let status = browser.get("/panic").await.0;
        assert!(matches!(status, 0 | 500), "{status}");
        assert_eq!(browser.get("/quiet").await.0, 200);
    }
    assert_eq!(count(&home).await, 3);
    server.stop.await;
    home.done().await;
}

pub(crate) async fn client_that_goes_away_takes_its_statement_along<F: Framework>(
    name: &str,
    transaction: bool,
) {
    let (home, server) = start::<F>(name, "max_size=2", transaction).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket
        .write_all(b"GET /hold HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    home.until(1, "active").await;
    drop(socket);
    home.is_whole().await;
    assert_eq!(count(&home).await, i64::from(!transaction));
    server.stop.await;
    home.done().await;
}

pub(crate) async fn many_requests_at_once_share_a_small_pool<F: Framework>(
    name: &str,
    transaction: bool,
) {
    let (home, server) = start::<F>(name, "max_size=5", transaction).await;
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let browser = Browser::new(server.address);
            tokio::spawn(async move { browser.ask("POST", "/users", "many").await.0 })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), 201);
    }
    assert_eq!(count(&home).await, 200);
    assert!(home.sessions("%").await <= 5);
    server.stop.await;
    home.done().await;
}

pub(crate) async fn transaction_is_committed_for_good_responses_only<F: Framework>(name: &str) {
    let (home, server) = start::<F>(name, "max_size=1", true).await;
    let browser = Browser::new(server.address);
    for (status, expected) in [(200, 1), (204, 2), (303, 3), (400, 3), (404, 3), (500, 3)] {
        let path = format!("/status/{status}");
        assert_eq!(browser.get(&path).await.0, status);
        assert_eq!(count(&home).await, expected, "{status}");
    }
    // In the transaction, not on a connection of its own: there is but one.
    assert_eq!(browser.get("/nested").await, (200, "true".into()));
    assert!(matches!(browser.get("/panic").await.0, 0 | 500));
    assert_eq!(browser.get("/fail").await.0, 500);
    assert_eq!(count(&home).await, 3);
    // A response that was good, and a commit that was not.
    let (status, body) = browser.get("/twins").await;
    assert_eq!((status, &*body), (500, "internal server error"));
    assert_eq!(count(&home).await, 3);
    server.stop.await;
    home.done().await;
}

pub(crate) async fn database_that_is_down_is_a_503_until_it_is_back<F: Framework>(name: &str) {
    let proxy = Proxy::start().await;
    proxy.budget.store(0, Ordering::SeqCst);
    let engine = proxy.engine("");
    for transaction in [false, true] {
        let per_request = match transaction {
            true => PerRequest::transaction(&engine),
            false => PerRequest::connection(&engine),
        };
        proxy.budget.store(0, Ordering::SeqCst);
        let server = F::serve(engine.clone(), per_request).await;
        let browser = Browser::new(server.address);
        let down = (503, "the database is not available".to_owned());
        assert_eq!(browser.get("/pids").await, down, "{name} at first");
        proxy.budget.store(usize::MAX, Ordering::SeqCst);
        assert_eq!(browser.get("/pids").await.0, 200, "{name} then");
        // Cut in the middle of an answer, and up again.
        proxy.budget.store(2, Ordering::SeqCst);
        assert_eq!(browser.get("/pids").await, down, "{name} later");
        proxy.budget.store(usize::MAX, Ordering::SeqCst);
        assert_eq!(browser.get("/pids").await.0, 200, "{name} at last");
        server.stop.await;
    }
    engine.close(PATIENCE).await.unwrap();
}

pub(crate) async fn server_that_ends_answers_what_it_has_accepted<F: Framework>(name: &str) {
    let (home, server) = start::<F>(name, "max_size=2", false).await;
    let apart = format!("min_size=0&max_size=1&search_path=gino_{name}");
    let gate = Engine::connect(&with(&dsn(), &apart)).await.unwrap();
    let door = gate.acquire().await.unwrap();
    door.script("BEGIN; LOCK TABLE users").await.unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let browser = Browser::new(server.address);
            tokio::spawn(async move { browser.get("/count").await })
        })
        .collect();
    home.until(2, "active").await;
    while home.engine.figures().waiting < 18 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let open = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        door.script("COMMIT").await.unwrap();
    };
    tokio::join!(server.stop, open);
    home.engine.close(PATIENCE).await.unwrap();
    for task in tasks {
        assert_eq!(task.await.unwrap(), (200, "0".into()));
    }
    let late = TcpStream::connect(server.address).await;
    assert!(late.is_err());
    home.until(0, "%").await;
    door.release(true).await.unwrap();
    gate.close(PATIENCE).await.unwrap();
}

/// The checks, one test each, for one framework.
macro_rules! checks {
    ($framework:ty, $short:literal) => {
        #[tokio::test]
        async fn rows_go_in_and_out_and_what_is_missing_is_a_404() {
            let name = concat!($short, "_rows");
            web::rows_go_in_and_out_and_what_is_missing_is_a_404::<$framework>(name).await;
        }

        #[tokio::test]
        async fn request_borrows_one_connection_and_only_if_it_needs_one() {
            let name = concat!($short, "_lazy");
            web::request_borrows_one_connection_and_only_if_it_needs_one::<$framework>(name).await;
        }

        #[tokio::test]
        async fn connection_goes_back_when_the_response_begins() {
            let name = concat!($short, "_stream");
            web::connection_goes_back_when_the_response_begins::<$framework>(name).await;
        }

        #[tokio::test]
        async fn failed_and_panicked_requests_leave_the_pool_whole() {
            let name = concat!($short, "_failed");
            web::failed_and_panicked_requests_leave_the_pool_whole::<$framework>(name).await;
        }

        #[tokio::test]
        async fn client_that_goes_away_takes_its_statement_along() {
            let name = concat!($short, "_away");
            web::client_that_goes_away_takes_its_statement_along::<$framework>(name, false).await;
            let name = concat!($short, "_away_tx");
            web::client_that_goes_away_takes_its_statement_along::<$framework>(name, true).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn many_requests_at_once_share_a_small_pool() {
            let name = concat!($short, "_many");
            web::many_requests_at_once_share_a_small_pool::<$framework>(name, false).await;
            let name = concat!($short, "_many_tx");
            web::many_requests_at_once_share_a_small_pool::<$framework>(name, true).await;
        }

        #[tokio::test]
        async fn transaction_is_committed_for_good_responses_only() {
            let name = concat!($short, "_tx");
            web::transaction_is_committed_for_good_responses_only::<$framework>(name).await;
        }

        #[tokio::test]
        async fn database_that_is_down_is_a_503_until_it_is_back() {
            web::database_that_is_down_is_a_503_until_it_is_back::<$framework>($short).await;
        }

        #[tokio::test]
        async fn server_that_ends_answers_what_it_has_accepted() {
            let name = concat!($short, "_end");
            web::server_that_ends_answers_what_it_has_accepted::<$framework>(name).await;
        }
    };
}

pub(crate) use checks;
