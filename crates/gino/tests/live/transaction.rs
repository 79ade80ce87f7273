//! Transactions and savepoints.

use std::time::Duration;

use gino::error::{Leaf, UsageError};
use gino::prelude::*;
use gino::{Error, ErrorKind, Isolation};

use crate::server::{Home, PATIENCE};

async fn with_table(name: &str, settings: &str) -> Home {
    let home = Home::new(name, settings).await;
    home.engine
        .script("CREATE TABLE t (n int4 PRIMARY KEY)")
        .await
        .unwrap();
    home
}

async fn numbers(on: &impl Executor) -> Vec<i32> {
    let rows = on.all("SELECT n FROM t ORDER BY n", &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

const INSERT: &str = "INSERT INTO t VALUES ($1)";

#[derive(Debug)]
enum Stop {
    Enough,
    Failed,
}

impl From<Error> for Stop {
    fn from(_: Error) -> Stop {
        Stop::Failed
    }
}

#[tokio::test]
async fn ok_commits_and_err_rolls_back() {
    let home = with_table("commit", "max_size=2").await;
    let engine = &home.engine;
    let value = engine.transaction(async |tx| {
        tx.status(INSERT, &[&1]).await?;
        assert!(numbers(engine).await == [1] && !tx.is_nested());
        Ok::<_, Error>("value")
    });
    assert_eq!(value.await.unwrap(), "value");
    let stopped = engine.transaction(async |tx| {
        tx.status(INSERT, &[&2]).await?;
        Err::<(), _>(Stop::Enough)
    });
    assert!(matches!(stopped.await, Err(Stop::Enough)));
    assert_eq!(numbers(engine).await, [1]);
    home.done().await;
}

#[tokio::test]
async fn nested_transaction_rolls_back_to_its_savepoint() {
    let home = with_table("nested", "max_size=1").await;
    let engine = &home.engine;
    let run = engine.transaction(async |tx| {
        tx.status(INSERT, &[&1]).await?;
        let inner = tx.transaction(async |inner| {
            assert!(inner.is_nested());
            inner.status(INSERT, &[&2]).await?;
            Err::<(), _>(Stop::Enough)
        });
        assert!(matches!(inner.await, Err(Stop::Enough)));
        // The engine's own transaction is a savepoint here too; its failed statement as well.
        let failed = engine.transaction(async |inner| inner.status(INSERT, &[&1]).await);
        assert_eq!(failed.await.unwrap_err().sqlstate(), Some("23505"));
        let third = engine.transaction(async |_| engine.status(INSERT, &[&3]).await);
        third.await?;
        Ok::<_, Error>(numbers(&tx).await)
    });
    assert_eq!(run.await.unwrap(), [1, 3]);
    assert_eq!(numbers(engine).await, [1, 3]);
    home.done().await;
}

#[tokio::test]
async fn sql_error_that_is_swallowed_does_not_commit() {
    let home = with_table("swallowed", "max_size=1").await;
    let run = home.engine.transaction(async |tx| {
        tx.status(INSERT, &[&1]).await?;
        assert!(tx.status("SELECT 1/0", &[]).await.is_err());
        let refused = tx.status(INSERT, &[&2]).await.unwrap_err();
        assert_eq!(refused.sqlstate(), Some("25P02"));
        Ok::<_, Error>(())
    });
    let error = run.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(
        error.to_string().starts_with("nothing was committed"),
        "{error}"
    );
    assert!(numbers(&home.engine).await.is_empty());
    home.done().await;
}

#[tokio::test]
async fn commit_that_the_server_refuses_is_an_error() {
    let home = Home::new("deferred", "max_size=1").await;
    let table = "CREATE TABLE t (n int4 UNIQUE DEFERRABLE INITIALLY DEFERRED)";
    home.engine.script(table).await.unwrap();
    let run = home.engine.transaction(async |tx| {
        tx.status(INSERT, &[&1]).await?;
        tx.status(INSERT, &[&1]).await
    });
    assert_eq!(run.await.unwrap_err().sqlstate(), Some("23505"));
    assert!(numbers(&home.engine).await.is_empty());
    home.done().await;
}

#[tokio::test]
async fn options_reach_the_server_and_stop_at_savepoints() {
    let home = with_table("options", "max_size=1").await;
    let engine = &home.engine;
    let begin = || {
        let begin = engine.begin().isolation(Isolation::Serializable);
        begin.readonly().deferrable()
    };
    let run = begin().run(async |tx| {
        let level = tx
            .scalar::<String>("SHOW transaction_isolation", &[])
            .await?;
        assert_eq!(level.as_deref(), Some("serializable"));
        let inner = begin().run(async |_| Ok::<_, Error>(()));
        assert_eq!(inner.await.unwrap_err().kind(), ErrorKind::Usage);
        tx.status(INSERT, &[&1]).await
    });
    assert_eq!(run.await.unwrap_err().sqlstate(), Some("25006"));
    home.done().await;
}

#[tokio::test]
async fn transaction_that_has_ended_refuses_statements() {
    let home = with_table("ended", "max_size=1").await;
    let kept = home
        .engine
        .transaction(async |tx| Ok::<_, Error>(tx))
        .await
        .unwrap();
    assert!(!kept.is_active());
    let error = kept.status(INSERT, &[&1]).await.unwrap_err();
    assert_eq!(error.to_string(), "this transaction has ended");
    let nested = kept.transaction(async |_| Ok::<_, Error>(())).await;
    assert_eq!(nested.unwrap_err().kind(), ErrorKind::Usage);
    home.done().await;
}

#[tokio::test]
async fn task_aborted_inside_a_transaction_leaves_nothing() {
    let home = with_table("aborted", "max_size=1").await;
    let engine = home.engine.clone();
    let task = tokio::spawn(async move {
        let run = engine.transaction(async |tx| {
            tx.status(INSERT, &[&1]).await?;
            tx.status("SELECT pg_sleep(30)", &[]).await
        });
        run.await
    });
    home.until(1, "active").await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    let rows = tokio::time::timeout(PATIENCE, numbers(&home.engine))
        .await
        .unwrap();
    assert!(rows.is_empty());
    home.done().await;
}

#[tokio::test]
async fn panic_inside_a_transaction_rolls_back() {
    let home = with_table("panic", "max_size=1").await;
    let engine = home.engine.clone();
    let task = tokio::spawn(async move {
        let run = engine.transaction(async |tx| {
            tx.status(INSERT, &[&1]).await?;
            assert!(
                tokio::time::Instant::now().elapsed() > Duration::MAX,
                "on purpose"
            );
            Ok::<_, Error>(())
        });
        run.await
    });
    assert!(task.await.unwrap_err().is_panic());
    assert!(numbers(&home.engine).await.is_empty());
    home.done().await;
}

#[tokio::test]
async fn transactions_side_by_side_are_refused_and_spoil_nothing() {
    let home = with_table("beside", "max_size=2").await;
    let engine = &home.engine;
    let insert = async |n: i32| {
        let body = async |tx: Transaction| tx.status(INSERT, &[&n]).await.map(drop);
        engine.transaction(body).await
    };
    let beside = |error: &Error| matches!(error.leaf(), Leaf::Usage(UsageError::SideBySide));
    // Within one transaction: the second is told before it has done anything.
    let done = engine.transaction(async |_| {
        let (first, second) = tokio::join!(insert(1), insert(2));
        first?;
        let error = second.unwrap_err();
        assert!(beside(&error), "{error}");
        assert!(error.to_string().contains("by `acquire()`"), "{error}");
        insert(3).await
    });
    done.await.unwrap();
    assert_eq!(numbers(engine).await, [1, 3]);
    // On one connection, where the second seems to stand in the first: when it ends.
    let connection = engine.acquire().await.unwrap();
    let (first, second) = tokio::join!(
        connection.transaction(async |tx| tx.status(INSERT, &[&4]).await),
        connection.transaction(async |tx| {
            tx.status(INSERT, &[&5]).await?;
            tx.status("SELECT pg_sleep(0.2)", &[]).await
        })
    );
    first.unwrap();
    let error = second.unwrap_err();
    assert!(beside(&error), "{error}");
    connection.release(false).await.unwrap();
    // On connections of their own all is well.
    let own = async |n: i32| {
        let connection = engine.acquire().await?;
        let body = async |tx: Transaction| tx.status(INSERT, &[&n]).await.map(drop);
        connection.transaction(body).await
    };
    let (first, second) = tokio::join!(own(6), own(7));
    assert!(first.is_ok() && second.is_ok());
    assert!(numbers(engine).await.ends_with(&[6, 7]));
    home.done().await;
}
