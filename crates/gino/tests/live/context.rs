//! Contextual connections: what implicit statements use, reuse, lazy and permanent release.

use gino::prelude::*;
use gino::{Error, ErrorKind};

use crate::server::{Home, pid};

#[tokio::test]
async fn implicit_statements_use_the_current_connection() {
    let home = Home::new("implicit", "max_size=3").await;
    let engine = &home.engine;
    let run = engine.with_connection(async |connection| {
        let own = pid(&connection).await;
        assert_eq!(pid(engine).await, own);
        assert_eq!(engine.figures().in_use, 1);
        let inner = engine.with_connection(async |inner| {
            let inner = pid(&inner).await;
            assert!(inner != own && pid(engine).await == inner);
            Ok::<_, Error>(())
        });
        inner.await?;
        assert_eq!(pid(engine).await, own);
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    assert_eq!(engine.figures().in_use, 0);
    home.done().await;
}

#[tokio::test]
async fn child_task_and_other_branches_have_their_own() {
    let home = Home::new("child", "max_size=4").await;
    let engine = &home.engine;
    let run = engine.with_connection(async |connection| {
        let own = pid(&connection).await;
        let child = engine.clone();
        let other = tokio::spawn(async move { pid(&child).await })
            .await
            .unwrap();
        assert_ne!(own, other);
        let branch = async || {
            let run = engine.with_connection(async |branch: Connection| {
                let own = pid(&branch).await;
                tokio::task::yield_now().await;
                assert_eq!(pid(engine).await, own);
                Ok::<_, Error>(own)
            });
            run.await.unwrap()
        };
        let (left, right) = tokio::join!(branch(), branch());
        assert_ne!(left, right);
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    home.done().await;
}

#[tokio::test]
async fn two_engines_do_not_mix() {
    let (one, two) = (
        Home::new("mix_a", "max_size=1").await,
        Home::new("mix_b", "max_size=1").await,
    );
    let run = one.engine.with_connection(async |outer| {
        let run = two.engine.with_connection(async |inner| {
            assert_eq!(pid(&one.engine).await, pid(&outer).await);
            assert_eq!(pid(&two.engine).await, pid(&inner).await);
            Ok::<_, Error>(())
        });
        run.await
    });
    run.await.unwrap();
    one.done().await;
    two.done().await;
}

#[tokio::test]
async fn reusing_connection_gives_nothing_back() {
    let home = Home::new("reuse", "max_size=2").await;
    let engine = &home.engine;
    let run = engine.with_connection(async |root| {
        let reusing = engine.acquire().reuse().await?;
        assert_eq!(pid(&reusing).await, pid(&root).await);
        assert!(!reusing.release(true).await?);
        assert_eq!(engine.figures().in_use, 1);
        let words = reusing
            .scalar::<i32>("SELECT 1", &[])
            .await
            .unwrap_err()
            .to_string();
        assert_eq!(words, "this connection is released permanently");
        let hidden = engine.acquire().reusable(false).await?;
        assert_ne!(pid(&hidden).await, pid(engine).await);
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    home.done().await;
}

#[tokio::test]
async fn lazy_connection_borrows_with_its_first_statement() {
    let home = Home::new("lazy", "max_size=1").await;
    let engine = &home.engine;
    let run = engine
        .acquire()
        .lazy()
        .scope(async |connection: Connection| {
            assert!(!connection.is_borrowed() && engine.figures().size == 0);
            assert!(pid(engine).await > 0 && connection.is_borrowed());
            assert!(connection.parameter("server_version").is_some());
            assert!(connection.release(false).await?);
            assert!(!connection.is_borrowed());
            let again = pid(&connection).await;
            assert!(again > 0 && connection.is_borrowed());
            Ok::<_, Error>(())
        });
    run.await.unwrap();
    assert_eq!(engine.figures().in_use, 0);
    home.done().await;
}

#[tokio::test]
async fn permanent_release_is_final() {
    let home = Home::new("permanent", "max_size=1").await;
    let connection = home.engine.acquire().await.unwrap();
    assert!(connection.release(true).await.unwrap() && connection.is_released());
    let again = connection.release(true).await.unwrap_err();
    assert_eq!(again.to_string(), "this connection is already released");
    let used = connection.scalar::<i32>("SELECT 1", &[]).await.unwrap_err();
    assert_eq!(used.kind(), ErrorKind::Usage);
    home.done().await;
}

#[tokio::test]
async fn what_a_connection_leaves_behind_is_undone() {
    let home = Home::new("left_behind", "max_size=1").await;
    let connection = home.engine.acquire().await.unwrap();
    let before = pid(&connection).await;
    let mess = "SET work_mem = '12MB'; CREATE TEMP TABLE mess (); BEGIN; CREATE TABLE more ()";
    connection.script(mess).await.unwrap();
    drop(connection);
    let sql = "SELECT pg_backend_pid(), current_setting('work_mem'), \
               coalesce(to_regclass('mess'), to_regclass('more'))::text";
    let row = home.engine.one(sql, &[]).await.unwrap();
    assert_eq!(row.get::<i32>(0), before);
    assert_ne!(row.get::<&str>(1), "12MB");
    assert_eq!(row.get::<Option<&str>>(2), None);
    home.done().await;
}

#[tokio::test]
async fn statement_prepared_by_sql_is_gone_for_the_next_borrower() {
    let home = Home::new("prepared_by_sql", "max_size=1").await;
    let engine = &home.engine;
    let before = pid(engine).await;
    for _ in 0..2 {
        engine.script("PREPARE mine AS SELECT 1").await.unwrap();
        // What the pool has prepared itself is prepared again, and nobody sees it.
        assert_eq!(pid(engine).await, before);
        let names = "SELECT name FROM pg_prepared_statements WHERE from_sql";
        assert!(engine.all(names, &[]).await.unwrap().is_empty());
    }
    // Where nothing of the kind was done statements stay prepared.
    engine.script("SET work_mem = '12MB'").await.unwrap();
    let count = "SELECT count(*) FROM pg_prepared_statements";
    assert!(engine.scalar::<i64>(count, &[]).await.unwrap() > Some(0));
    home.done().await;
}

#[tokio::test]
async fn transaction_on_a_connection_takes_implicit_statements_along() {
    let home = Home::new("along", "max_size=2").await;
    let engine = &home.engine;
    let connection = engine.acquire().await.unwrap();
    let run = connection.transaction(async |tx| {
        assert_eq!(pid(engine).await, pid(&tx).await);
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    drop(connection);
    home.done().await;
}
