//! Passwords, keys and parameters are in no error, `Debug`, `Display`, report or tracing event,
//! whatever goes wrong.

use std::error::Error as _;
use std::fmt::{Debug, Display, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use gino::prelude::*;
use gino::{Config, Error, Observer, PoolEvent, QueryReport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::ground::{Kind, on, promptly};
use crate::server::{PATIENCE, dsn, login, with};

const SECRET: &str = "tell-nobody-9f3a";
const TOO: &str = "tell-nobody-either";

/// Everything that anybody could see.
#[derive(Clone, Default)]
struct Words(Arc<Mutex<String>>);

impl Words {
    fn add(&self, seen: &(impl Debug + ?Sized)) {
        let mut words = self.0.lock().unwrap();
        writeln!(words, "{seen:?}\n{seen:#?}").unwrap();
    }

    fn add_text(&self, seen: &(impl Display + ?Sized)) {
        writeln!(self.0.lock().unwrap(), "{seen}").unwrap();
    }

    /// An error, its leaf, and all that it came from.
    fn add_error(&self, error: &Error) {
        self.add(error);
        self.add(error.leaf());
        self.add_text(error);
        let mut source = error.source();
        while let Some(cause) = source {
            self.add(cause);
            self.add_text(cause);
            source = cause.source();
        }
    }

    /// That something was seen at all: `mark`, and no secret.
    fn tell_only(&self, mark: &str) {
        let words = self.0.lock().unwrap();
        assert!(words.contains(mark), "{mark} is not in: {words}");
        for secret in [SECRET, TOO] {
            assert!(!words.contains(secret), "{secret} is in: {words}");
        }
    }
}

impl Observer for Words {
    fn query(&self, query: &QueryReport<'_>) {
        self.add(query);
    }

    fn pool(&self, event: &PoolEvent<'_>) {
        self.add(event);
        if let PoolEvent::ConnectFailed { error, .. } = event {
            self.add_error(error);
        }
    }
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
    }
}

/// Every span and event, with all fields.
impl Subscriber for Words {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.add(span.metadata());
        span.record(&mut self.clone());
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }

    fn event(&self, event: &Event<'_>) {
        self.add(event.metadata());
        event.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// What is seen of an engine that cannot be made.
async fn what_fails(words: &Words, url: &str) {
    let url = with(url, "min_size=1&max_size=1&connect_timeout=5");
    let config = match Config::parse(Some(&url), &|_: &str| None) {
        Ok(config) => config,
        Err(error) => return words.add_error(&error),
    };
    words.add(&config);
    let engine = match Engine::builder(config).observe(words.clone()).build() {
        Ok(engine) => engine,
        Err(error) => return words.add_error(&error),
    };
    words.add(&engine);
    let failed = promptly(engine.acquire().into_future()).await;
    words.add_error(&failed.unwrap_err());
    engine.close(PATIENCE).await.unwrap();
}

/// Runs `body` with everything that it lets see.
fn seen<F: Future<Output = ()>>(mark: &str, body: impl FnOnce(Words) -> F) {
    on(Kind::CurrentThread, async || {
        let words = Words::default();
        let _guard = tracing::subscriber::set_default(words.clone());
        body(words.clone()).await;
        words.tell_only(mark);
    });
}

#[test]
fn wrong_password_is_not_shown() {
    seen("password authentication failed", async |words| {
        for role in ["gino_scram", "gino_md5", "gino_password"] {
            let Some(url) = login(role, Some(SECRET)) else {
                return;
            };
            what_fails(&words, &url).await;
            let keyword = with(&login(role, None).unwrap(), &format!("password={SECRET}"));
            what_fails(&words, &keyword).await;
        }
    });
}

#[test]
fn unreachable_server_and_bad_url_show_no_password() {
    seen("paswort", async |words| {
        for url in [
            format!("postgresql://me:{SECRET}@127.0.0.1:1/data"),
            format!("postgresql://me:{SECRET}@127.0.0.1:x/data"),
            format!("postgresql://me:{SECRET}@127.0.0.1/data?paswort=1"),
            format!("postgresql://me@127.0.0.1/data?password={SECRET}&sslmode=perhaps"),
            format!("postgresql://me:{SECRET}@[::1/data"),
            format!("postgresql://me:{SECRET}%zz@127.0.0.1/data"),
            format!("postgresql://me@127.0.0.1:1/data?sslpassword={TOO}"),
        ] {
            what_fails(&words, &url).await;
        }
    });
}

/// Says yes to the question whether it encrypts, so that certificates and keys are read.
async fn server_that_would_encrypt() -> (SocketAddr, AbortHandle) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read_exact(&mut [0; 8]).await;
            let _ = stream.write_all(b"S").await;
        }
    });
    (address, serving.abort_handle())
}

#[test]
fn password_file_and_key_are_not_shown() {
    seen("cannot be read", async |words| {
        let place = std::env::temp_dir().join(format!("gino-secret-{}", std::process::id()));
        std::fs::create_dir(&place).unwrap();
        let write = |name: &str, text: String| {
            let path = place.join(name);
            std::fs::write(&path, text).unwrap();
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            }
            path.display().to_string()
        };
        let passfile = write("passfile", format!("*:*:*:*:{SECRET}\n{TOO}\n"));
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{TOO}\n-----END PRIVATE KEY-----\n");
        let key = write("key.pem", pem);
        if let Some(url) = login("gino_scram", None) {
            what_fails(&words, &with(&url, &format!("passfile={passfile}"))).await;
        }
        let (address, serving) = server_that_would_encrypt().await;
        let identity = format!("sslmode=require&sslkey={key}&sslcert={key}&sslpassword={TOO}");
        let url = format!("postgresql://me:{SECRET}@{address}/data?{identity}");
        what_fails(&words, &url).await;
        serving.abort();
        std::fs::remove_dir_all(place).unwrap();
    });
}

#[test]
fn engine_that_works_shows_neither_password_nor_parameters() {
    seen("db.query.text", async |words| {
        let url = with(&dsn(), &format!("password={SECRET}&sslpassword={TOO}"));
        let config = Config::parse(Some(&url), &|_: &str| None).unwrap();
        words.add(&config);
        words.add_text(&config.dsn_without_password());
        for endpoint in &config.endpoints {
            words.add(endpoint);
            words.add_text(endpoint);
        }
        let engine = Engine::builder(config)
            .observe(words.clone())
            .build()
            .unwrap();
        let connection = engine.acquire().await.unwrap();
        let sql = "SELECT $1::text";
        let value: Option<String> = connection.scalar(sql, &[&TOO]).await.unwrap();
        assert_eq!(value.as_deref(), Some(TOO));
        let wrong = connection.scalar::<i32>("SELECT nothing", &[]).await;
        words.add_error(&wrong.unwrap_err());
        let late = engine.close(PATIENCE / 100).await.unwrap_err();
        words.add_error(&late);
        words.add(&connection);
        words.add(&engine);
        words.add(&engine.connections());
        words.add(&engine.metrics());
    });
}
