//! Owns the server under test: an engine with a schema of its own per test, and the check that a
//! pool is whole after whatever was done to it. Never shares a table between tests.

use std::time::{Duration, Instant};

use gino::ErrorKind;
use gino::prelude::*;

/// The URL of the server under test.
pub(crate) fn dsn() -> String {
    std::env::var("GINO_TEST_DSN").expect(
        "GINO_TEST_DSN is not set: run scripts/test, which starts a server, or give the URL of one",
    )
}

/// `url` with more settings, `a=1&b=2`.
pub(crate) fn with(url: &str, settings: &str) -> String {
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}{settings}")
}

/// The URL for logging in as a role of the throw-away cluster; `None` on another server.
pub(crate) fn login(user: &str, password: Option<&str>) -> Option<String> {
    std::env::var_os("GINO_TEST_ROLES")?;
    let dsn = dsn();
    let (_, place) = dsn.rsplit_once('@').unwrap();
    let password = password.map(|word| format!(":{word}")).unwrap_or_default();
    Some(format!("postgresql://{user}{password}@{place}"))
}

/// The server's process that a statement runs in.
pub(crate) async fn pid(on: &impl Executor) -> i32 {
    on.scalar("SELECT pg_backend_pid()", &[])
        .await
        .unwrap()
        .unwrap()
}

/// An engine whose tables are in a schema of their own.
pub(crate) struct Home {
    pub(crate) engine: Engine,
    /// Not counted, never under test.
    pub(crate) witness: Engine,
    name: String,
    shown: String,
}

impl Home {
    /// `name` is that of the test; `settings` are added to the URL.
    pub(crate) async fn new(name: &str, settings: &str) -> Home {
        Home::on(&dsn(), name, settings).await
    }

    /// The same on the server at hand that has the most extensions.
    pub(crate) async fn extended(name: &str) -> Home {
        let dsn = std::env::var("GINO_TEST_EXTENDED_DSN").unwrap_or_else(|_| dsn());
        Home::on(&dsn, name, "").await
    }

    async fn on(dsn: &str, name: &str, settings: &str) -> Home {
        let name = format!("gino_{name}");
        let witness = Engine::connect(&with(dsn, "min_size=0&max_size=1"))
            .await
            .unwrap();
        let fresh = format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}");
        witness.script(&fresh).await.unwrap();
        // Earlier runs may have left statements that the server has not ended yet.
        let shown = format!("{name}_{}", std::process::id());
        let own = format!("min_size=0&search_path={name},public&application_name={shown}");
        let url = with(&with(dsn, &own), settings);
        let engine = Engine::connect(url.trim_end_matches('&')).await.unwrap();
        Home {
            engine,
            witness,
            name,
            shown,
        }
    }

    /// Another engine for the same schema, which nobody tells what this one does.
    pub(crate) async fn other(&self) -> Engine {
        Engine::new(self.engine.config().clone()).unwrap()
    }

    /// Makes an extension for all tests. Whether the server has it.
    pub(crate) async fn has_extension(&self, name: &str) -> bool {
        // Two at a time get in each other's way.
        let script = format!(
            "SELECT pg_advisory_xact_lock(20); CREATE EXTENSION IF NOT EXISTS {name} SCHEMA public"
        );
        match self.witness.script(&script).await {
            Ok(_) => true,
            Err(error) => {
                eprintln!("left out, as this server has no {name}: {error}");
                false
            }
        }
    }

    /// How many connections of the engine the server counts in `state`, `%` for any.
    pub(crate) async fn sessions(&self, state: &str) -> i64 {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 \
                   AND state LIKE $2";
        let count = self.witness.scalar(sql, &[&self.shown, &state]).await;
        count.unwrap().unwrap()
    }

    /// Waits until the server counts `count` connections of the engine in `state`.
    pub(crate) async fn until(&self, count: i64, state: &str) {
        let start = Instant::now();
        while self.sessions(state).await != count {
            let now = self.sessions(state).await;
            assert!(
                start.elapsed() < PATIENCE,
                "{now} connections are {state}, not {count}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Nothing is borrowed or waiting any more.
    pub(crate) async fn is_at_rest(&self) {
        let start = Instant::now();
        loop {
            let figures = self.engine.figures();
            if figures.in_use == 0 && figures.waiting == 0 {
                break;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "the pool does not heal: {figures:?}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Nothing is borrowed, waiting or running any more, and every connection is of use.
    pub(crate) async fn is_whole(&self) {
        self.is_at_rest().await;
        self.until(0, "active").await;
        self.until(0, "idle in transaction%").await;
        let (mut all, mut dead) = (Vec::new(), 0);
        let max = self.engine.figures().max;
        while all.len() < max {
            let connection = self.engine.acquire().timeout(PATIENCE).await.unwrap();
            match connection.scalar("SELECT 7", &[]).await {
                Ok(seven) => {
                    assert_eq!(seven, Some(7));
                    all.push(connection);
                }
                // A server's threads, and the connections that they have opened, end at any time
                // after the server has.
                Err(error) if error.kind() == ErrorKind::Closed && dead < max => dead += 1,
                Err(error) => panic!("a connection is of no use: {error}"),
            }
        }
    }

    /// Checks that the pool is whole, closes it and removes the schema.
    pub(crate) async fn done(self) {
        self.is_whole().await;
        self.engine.close(PATIENCE).await.unwrap();
        self.until(0, "%").await;
        self.witness
            .script(&format!("DROP SCHEMA {} CASCADE", self.name))
            .await
            .unwrap();
        self.witness.close(PATIENCE).await.unwrap();
    }
}

/// How long something may take that should not take any time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
