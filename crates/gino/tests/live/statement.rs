//! Prepared statements: kept, evicted, not kept at all.

use gino::prelude::*;
use gino::{Error, ErrorKind};

use crate::server::Home;

const KEPT: &str = "SELECT count(*) FROM pg_prepared_statements";

async fn many(engine: &Engine) {
    for round in 0..3 {
        for n in 0..10 {
            let sql = format!("SELECT $1::int4 + {n}");
            assert_eq!(
                engine.scalar(sql, &[&round]).await.unwrap(),
                Some(round + n)
            );
        }
    }
}

#[tokio::test]
async fn statements_that_were_used_last_are_kept() {
    let home = Home::new("evicted", "max_size=1&statement_cache_size=4").await;
    many(&home.engine).await;
    assert_eq!(home.engine.scalar::<i64>(KEPT, &[]).await.unwrap(), Some(4));
    home.done().await;
}

#[tokio::test]
async fn nothing_is_kept_without_a_cache() {
    let home = Home::new("uncached", "max_size=1&statement_cache_size=0").await;
    many(&home.engine).await;
    let run = home.engine.transaction(async |tx| {
        let mut cursor = tx
            .iterate("SELECT n FROM generate_series(1, 200) AS n", &[])
            .await?;
        let mut sum = 0;
        while let Some(row) = cursor.next().await? {
            sum += row.get::<i32>(0);
            assert_eq!(
                tx.scalar("SELECT $1::text", &[&"x"]).await?,
                Some("x".to_owned())
            );
        }
        Ok::<_, Error>(sum)
    });
    assert_eq!(run.await.unwrap(), 20_100);
    // The unnamed statement is not counted.
    assert_eq!(home.engine.scalar::<i64>(KEPT, &[]).await.unwrap(), Some(0));
    home.done().await;
}

#[tokio::test]
async fn statement_that_does_not_parse_leaves_the_connection_usable() {
    let home = Home::new("unparsed", "max_size=1").await;
    for (sql, state) in [
        ("SELEC 1", "42601"),
        ("SELECT * FROM nothing", "42P01"),
        ("", ""),
    ] {
        match home.engine.status(sql, &[]).await {
            Ok(status) => assert_eq!((sql, status.tag()), ("", "")),
            Err(error) => assert_eq!(error.sqlstate(), Some(state), "{sql}"),
        }
        assert_eq!(home.engine.scalar("SELECT 1", &[]).await.unwrap(), Some(1));
    }
    let error = home
        .engine
        .status("SELECT 1; SELECT 2", &[])
        .await
        .unwrap_err();
    assert_eq!(error.sqlstate(), Some("42601"));
    home.done().await;
}

#[tokio::test]
async fn copy_as_a_statement_is_refused_and_nothing_hangs() {
    let home = Home::new("copy", "max_size=1").await;
    home.engine.script("CREATE TABLE t (n int4)").await.unwrap();
    for sql in ["COPY t FROM STDIN", "COPY t TO STDOUT"] {
        assert!(home.engine.status(sql, &[]).await.is_err(), "{sql}");
        assert!(home.engine.script(sql).await.is_err(), "{sql}");
    }
    home.done().await;
}

#[tokio::test]
async fn text_with_a_zero_byte_is_refused_before_anything_is_sent() {
    let home = Home::new("zero", "max_size=1").await;
    let error = home.engine.status("SELECT '\0'", &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert_eq!(
        home.engine.script("\0").await.unwrap_err().kind(),
        ErrorKind::Usage
    );
    home.done().await;
}

#[tokio::test]
async fn statement_whose_result_has_changed_is_prepared_anew() {
    let home = Home::new("changed", "max_size=1").await;
    home.engine
        .script("CREATE TABLE t (a int4); INSERT INTO t VALUES (1)")
        .await
        .unwrap();
    let all = "SELECT * FROM t";
    assert_eq!(home.engine.one(all, &[]).await.unwrap().len(), 1);
    home.engine
        .script("ALTER TABLE t ADD COLUMN b text DEFAULT 'x'")
        .await
        .unwrap();
    // The server refuses the old form: the engine prepares it anew and asks again.
    assert_eq!(
        home.engine.one(all, &[]).await.unwrap().get::<&str>("b"),
        "x"
    );
    home.done().await;
}
