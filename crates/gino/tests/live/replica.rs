//! Several hosts: a primary with its hot standby, and which of them an engine is of.

use std::time::Instant;

use gino::ErrorKind;
use gino::prelude::*;

use crate::server::{PATIENCE, dsn, with};

/// The primary's `host:port`, the standby's, and the URL with a place for hosts; `None` on a server
/// without a standby: `python/tests/standby.py` gives it one.
fn pair() -> Option<(String, String, [String; 2])> {
    let standby = std::env::var("GINO_TEST_STANDBY").ok()?;
    let dsn = dsn();
    let (login, place) = dsn.split_once('@').unwrap();
    let (primary, database) = place.split_once('/').unwrap();
    let around = [format!("{login}@"), format!("/{database}")];
    Some((primary.to_owned(), standby, around))
}

async fn engine(hosts: &str, around: &[String; 2], wanted: &str) -> gino::Result<Engine> {
    let [login, database] = around;
    let url = format!("{login}{hosts}{database}");
    let settings = format!("target_session_attrs={wanted}&min_size=1&max_size=2");
    Engine::connect(&with(&url, &settings)).await
}

async fn is_standby(engine: &Engine) -> bool {
    let asked = engine.scalar("SELECT pg_is_in_recovery()", &[]).await;
    asked.unwrap().unwrap()
}

#[tokio::test]
async fn connections_go_to_the_host_that_was_asked_for() {
    let Some((primary, standby, around)) = pair() else {
        return;
    };
    for (wanted, expected) in [
        ("read-write", Some(false)),
        ("primary", Some(false)),
        ("read-only", Some(true)),
        ("standby", Some(true)),
        ("prefer-standby", Some(true)),
        ("any", None),
    ] {
        for hosts in [[&primary, &standby], [&standby, &primary]] {
            let first_is_standby = hosts[0] == &standby;
            let hosts = hosts.map(String::as_str).join(",");
            let engine = engine(&hosts, &around, wanted).await.unwrap();
            let expected = expected.unwrap_or(first_is_standby);
            assert_eq!(is_standby(&engine).await, expected, "{wanted} of {hosts}");
            engine.close(PATIENCE).await.unwrap();
        }
    }
    let error = engine(&primary, &around, "standby").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(
        error.to_string().contains("target_session_attrs"),
        "{error}"
    );
    let alone = engine(&primary, &around, "prefer-standby").await.unwrap();
    assert!(!is_standby(&alone).await);
    alone.close(PATIENCE).await.unwrap();
}

static DB: Gino = Gino::new();
static REPLICA: Gino = Gino::new();

#[derive(Model, Debug, PartialEq)]
#[gino(db = DB, table = "gino_replica_notes")]
struct Note {
    #[gino(primary_key)]
    id: i32,
    text: String,
}

#[tokio::test]
async fn model_is_written_to_the_primary_and_read_from_the_replica() {
    let Some((primary, standby, around)) = pair() else {
        return;
    };
    let hosts = format!("{primary},{standby}");
    let writes = engine(&hosts, &around, "read-write").await.unwrap();
    let reads = engine(&hosts, &around, "prefer-standby").await.unwrap();
    DB.set_bind(writes.clone()).await.unwrap();
    REPLICA.set_bind(reads.clone()).await.unwrap();
    DB.drop_all().await.unwrap();
    DB.create_all().await.unwrap();
    let note = Note::create().text("hello").await.unwrap();
    let start = Instant::now();
    let read = loop {
        // Until the standby has replayed it there is no such row, or no such table.
        match Note::get(note.id).on(&REPLICA).await {
            Ok(Some(read)) => break read,
            _ => assert!(start.elapsed() < PATIENCE, "the standby does not follow"),
        }
    };
    assert_eq!(read, note);
    let error = Note::create().text("no").on(&REPLICA).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some("25006"));
    DB.drop_all().await.unwrap();
    writes.close(PATIENCE).await.unwrap();
    reads.close(PATIENCE).await.unwrap();
}
