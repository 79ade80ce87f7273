//! The `static` of an application: binding, unbinding, several databases side by side.

use std::time::Duration;

use gino::prelude::*;
use gino::{Config, Error, ErrorKind};

use crate::server::{Home, PATIENCE, dsn, pid, with};

#[tokio::test]
async fn unbound_database_says_what_to_do() {
    static DB: Gino = Gino::new();
    let expected = "Gino engine is not initialized: bind one with `set_bind` or `with_bind` first";
    let errors = [
        DB.all("SELECT 1", &[]).await.unwrap_err(),
        DB.timeout(PATIENCE).script("").await.unwrap_err(),
        DB.iterate("SELECT 1", &[]).await.err().unwrap(),
        DB.acquire().await.unwrap_err(),
        DB.bind().unwrap_err(),
        DB.pop_bind().unwrap_err(),
        DB.transaction(async |_| Ok::<_, Error>(()))
            .await
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn bound_database_runs_everything_that_its_engine_does() {
    static DB: Gino = Gino::new();
    let home = Home::new("bound", "max_size=2").await;
    let engine = DB.set_bind(home.engine.clone()).await.unwrap();
    assert_eq!(DB.scalar("SELECT 5", &[]).await.unwrap(), Some(5));
    let connection = DB.acquire().lazy().await.unwrap();
    assert!(!connection.is_borrowed());
    assert_eq!(engine.figures().in_use, 0);
    drop(connection);
    let run = DB.transaction(async |tx| {
        let own = pid(&tx).await;
        assert_eq!(pid(&DB).await, own);
        assert_eq!(pid(&engine).await, own);
        DB.transaction(async |inner| {
            assert!(inner.is_nested());
            Ok::<_, Error>(())
        })
        .await?;
        let other = DB.acquire().await?;
        assert_ne!(pid(&other).await, own);
        DB.with_connection(async |_| Ok::<_, Error>(())).await
    });
    // The two connections are taken.
    let limited = tokio::time::timeout(Duration::from_millis(200), run).await;
    assert!(limited.is_err());
    drop(DB.pop_bind().unwrap());
    assert!(DB.bind().is_err());
    home.done().await;
}

#[tokio::test]
async fn binding_ends_with_the_body_however_that_ends() {
    static DB: Gino = Gino::new();
    let url = with(&dsn(), "min_size=1&max_size=2");
    let mut seen = Vec::new();
    let value = DB.with_bind(url.as_str(), async || {
        seen.push(DB.bind()?);
        DB.scalar::<i32>("SELECT 6", &[]).await
    });
    assert_eq!(value.await.unwrap(), Some(6));
    let config = Config::parse(Some(&url), &|_: &str| None).unwrap();
    let failed = DB.with_bind(config, async || {
        seen.push(DB.bind()?);
        DB.status("SELECT 1/0", &[]).await
    });
    assert_eq!(failed.await.unwrap_err().sqlstate(), Some("22012"));
    let dropped = DB.with_bind(url, async || {
        seen.push(DB.bind()?);
        DB.status("SELECT pg_sleep(60)", &[]).await
    });
    let limit = Duration::from_millis(200);
    assert!(tokio::time::timeout(limit, dropped).await.is_err());
    assert!(DB.bind().is_err());
    tokio::time::timeout(PATIENCE, async {
        while seen.iter().any(|engine| engine.figures().size > 0) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(Engine::is_closed));
}

#[tokio::test]
async fn binding_that_fails_or_is_dropped_changes_nothing() {
    static DB: Gino = Gino::new();
    let home = Home::new("binding", "max_size=1").await;
    DB.set_bind(home.engine.clone()).await.unwrap();
    let error = DB.set_bind("postgresql://nobody@localhost:1/nothing").await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Connect);
    let error = DB
        .set_bind("postgresql://nobody@localhost/gino?max_size=x")
        .await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Usage);
    let url = with(&dsn(), "application_name=gino_binding_dropped&min_size=9");
    let late = tokio::time::timeout(Duration::from_millis(4), DB.set_bind(url)).await;
    assert!(late.is_err(), "{late:?}");
    let sql =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%binding_dropped'";
    tokio::time::timeout(PATIENCE, async {
        while DB.scalar::<i64>(sql, &[]).await.unwrap() != Some(0) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    home.done().await;
}

#[tokio::test]
async fn databases_side_by_side_do_not_share_connections() {
    static LEFT: Gino = Gino::new();
    static RIGHT: Gino = Gino::new();
    let (left, right) = (
        Home::new("left", "max_size=1").await,
        Home::new("right", "max_size=1").await,
    );
    LEFT.set_bind(left.engine.clone()).await.unwrap();
    RIGHT.set_bind(right.engine.clone()).await.unwrap();
    let schema = "SELECT current_schema::text";
    let run = LEFT.transaction(async |tx| {
        let outer = pid(&tx).await;
        RIGHT
            .transaction(async |inner| {
                assert!(!inner.is_nested());
                assert_eq!(pid(&LEFT).await, outer);
                let names = (
                    LEFT.scalar::<String>(schema, &[]).await?,
                    RIGHT.scalar::<String>(schema, &[]).await?,
                );
                assert_eq!(names, (Some("gino_left".into()), Some("gino_right".into())));
                Ok::<_, Error>(())
            })
            .await
    });
    run.await.unwrap();
    left.done().await;
    right.done().await;
}
