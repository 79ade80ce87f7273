//! Transactions that are left early, tried again, or have something to do after their commit.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gino::prelude::*;
use gino::{Error, ErrorKind, Isolation};

use crate::server::{Home, PATIENCE};

const INSERT: &str = "INSERT INTO t VALUES ($1)";

async fn with_table(name: &str, settings: &str) -> Home {
    let home = Home::new(name, settings).await;
    let table = "CREATE TABLE t (n int4 PRIMARY KEY)";
    home.engine.script(table).await.unwrap();
    home
}

async fn numbers(on: &impl Executor) -> Vec<i32> {
    let rows = on.all("SELECT n FROM t ORDER BY n", &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// An application's error that keeps what it is made of.
#[derive(Debug)]
enum App {
    Gino(#[expect(dead_code, reason = "kept, not read")] Error),
    Own,
}

impl From<Error> for App {
    fn from(error: Error) -> App {
        App::Gino(error)
    }
}

/// One that keeps nothing.
#[derive(Debug)]
struct Bare;

impl From<Error> for Bare {
    fn from(_: Error) -> Bare {
        Bare
    }
}

#[tokio::test]
async fn left_early_it_commits_or_rolls_back_with_a_value() {
    let home = with_table("left_early", "max_size=1").await;
    let run = home.engine.transaction(async |tx| {
        tx.status(INSERT, &[&1]).await?;
        tx.raise_commit("early")?;
        Err::<&str, _>(App::Own)
    });
    assert_eq!(run.await.unwrap(), "early");
    let run = home.engine.transaction(async |tx| {
        tx.status(INSERT, &[&2]).await?;
        tx.raise_rollback_with(7_u8)?;
        Ok::<_, App>(8_u8)
    });
    assert_eq!(run.await.unwrap(), 7);
    let run = home.engine.transaction(async |tx| {
        tx.status(INSERT, &[&3]).await?;
        tx.raise_rollback()?;
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    assert_eq!(numbers(&home.engine).await, [1]);
    home.done().await;
}

#[tokio::test]
async fn rollback_without_a_value_is_the_error_of_a_transaction_that_has_one() {
    let home = with_table("no_value", "max_size=1").await;
    let run = home.engine.transaction(async |tx| {
        tx.status(INSERT, &[&1]).await?;
        tx.raise_rollback()?;
        Ok::<_, Error>(5)
    });
    let error = run.await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the transaction is left early, to be rolled back"
    );
    assert!(numbers(&home.engine).await.is_empty());
    home.done().await;
}

#[tokio::test]
async fn value_of_another_type_is_refused_and_rolled_back() {
    let home = with_table("other_value", "max_size=1").await;
    let run = home.engine.transaction(async |tx| {
        tx.status(INSERT, &[&1]).await?;
        tx.raise_commit(5_u8)?;
        Ok::<_, Error>(5_i64)
    });
    let error = run.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("gives a i64"), "{error}");
    assert!(numbers(&home.engine).await.is_empty());
    home.done().await;
}

#[tokio::test]
async fn exactly_the_level_that_was_asked_is_left_and_inner_ones_follow() {
    let home = with_table("levels", "max_size=1").await;
    let engine = &home.engine;
    let run = engine.transaction(async |outer| {
        outer.status(INSERT, &[&1]).await?;
        let middle = outer.transaction(async |middle| {
            middle.status(INSERT, &[&2]).await?;
            engine
                .transaction(async |inner| {
                    inner.status(INSERT, &[&3]).await?;
                    middle.raise_commit("middle")?;
                    Ok::<_, App>(())
                })
                .await?;
            Ok::<_, App>("not reached")
        });
        assert_eq!(middle.await?, "middle");
        let undone = engine.transaction(async |middle| {
            engine.status(INSERT, &[&4]).await?;
            middle
                .transaction(async |_| {
                    engine.status(INSERT, &[&5]).await?;
                    middle.raise_rollback()?;
                    Ok::<_, App>(())
                })
                .await
        });
        undone.await?;
        outer.status(INSERT, &[&6]).await?;
        outer
            .transaction(async |inner| {
                inner.status(INSERT, &[&7]).await?;
                outer.raise_commit(())?;
                Ok::<_, App>(())
            })
            .await
    });
    run.await.unwrap();
    assert_eq!(numbers(engine).await, [1, 2, 3, 6, 7]);
    home.done().await;
}

#[tokio::test]
async fn early_end_that_is_swallowed_ends_nothing() {
    let home = with_table("swallow", "max_size=1").await;
    let engine = &home.engine;
    let run = engine.transaction(async |tx| {
        tx.status(INSERT, &[&1]).await?;
        assert!(tx.raise_commit(()).is_err());
        Err::<(), _>(App::Own)
    });
    assert!(matches!(run.await, Err(App::Own)));
    let run = engine.transaction(async |tx| {
        tx.status(INSERT, &[&2]).await?;
        assert!(tx.raise_rollback().is_err());
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    // An error that keeps nothing of its cause is any error.
    let run = engine.transaction(async |tx| {
        tx.status(INSERT, &[&3]).await?;
        tx.raise_commit(())?;
        Ok::<_, Bare>(())
    });
    assert!(run.await.is_err());
    let ended = engine.transaction(async |tx| Ok::<_, Error>(tx));
    let error = ended.await.unwrap().raise_rollback().unwrap_err();
    assert_eq!(error.to_string(), "this transaction has ended");
    assert_eq!(numbers(engine).await, [2]);
    home.done().await;
}

#[tokio::test]
async fn commit_that_was_asked_for_early_may_fail_as_any() {
    let home = Home::new("early_fails", "max_size=1").await;
    let table = "CREATE TABLE t (n int4 UNIQUE DEFERRABLE INITIALLY DEFERRED)";
    home.engine.script(table).await.unwrap();
    let run = home.engine.transaction(async |tx| {
        tx.status(INSERT, &[&1]).await?;
        tx.status(INSERT, &[&1]).await?;
        tx.transaction(async |_| {
            tx.raise_commit(())?;
            Ok::<_, Error>(())
        })
        .await
    });
    assert_eq!(run.await.unwrap_err().sqlstate(), Some("23505"));
    // A statement that failed in the inner one: that cannot be committed, nor can the outer.
    let run = home.engine.transaction(async |tx| {
        tx.status(INSERT, &[&2]).await?;
        tx.transaction(async |inner| {
            assert!(inner.status("SELECT 1/0", &[]).await.is_err());
            tx.raise_commit(())?;
            Ok::<_, Error>(())
        })
        .await
    });
    assert_eq!(run.await.unwrap_err().sqlstate(), Some("25P02"));
    assert!(numbers(&home.engine).await.is_empty());
    home.done().await;
}

#[tokio::test]
async fn tasks_after_the_commit_run_in_order_and_not_after_a_rollback() {
    let home = with_table("after", "max_size=1").await;
    let engine = &home.engine;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = |word: &'static str| {
        let (seen, engine) = (Arc::clone(&seen), engine.clone());
        async move {
            // Neither inside the transaction nor holding its connection.
            assert_eq!(engine.figures().in_use, 0);
            let rows = numbers(&engine).await.len();
            seen.lock().unwrap().push((word, rows));
        }
    };
    let run = engine.transaction(async |tx| {
        tx.status(INSERT, &[&1]).await?;
        tx.on_commit(note("first"))?;
        tx.transaction(async |inner| {
            inner.on_commit(note("kept"))?;
            let undone = inner.transaction(async |inner| {
                inner.on_commit(note("undone"))?;
                Err::<(), _>(App::Own)
            });
            assert!(undone.await.is_err());
            inner.status(INSERT, &[&2]).await?;
            Ok::<_, App>(())
        })
        .await?;
        tx.on_commit(note("last"))?;
        assert!(seen.lock().unwrap().is_empty());
        tx.raise_commit(())?;
        Ok::<_, App>(())
    });
    run.await.unwrap();
    let expected = [("first", 2), ("kept", 2), ("last", 2)];
    assert_eq!(*seen.lock().unwrap(), expected);
    let run = engine.transaction(async |tx| {
        tx.on_commit(note("never"))?;
        tx.transaction(async |inner| inner.on_commit(note("never")))
            .await?;
        Err::<(), _>(App::Own)
    });
    assert!(run.await.is_err());
    let dropped = engine.transaction(async |tx| {
        tx.on_commit(note("never"))?;
        tx.status("SELECT pg_sleep(60)", &[]).await
    });
    let limit = Duration::from_millis(100);
    assert!(tokio::time::timeout(limit, dropped).await.is_err());
    engine
        .transaction(async |_| Ok::<_, Error>(()))
        .await
        .unwrap();
    assert_eq!(*seen.lock().unwrap(), expected);
    home.done().await;
}

#[tokio::test]
async fn tasks_after_the_commit_are_done_even_if_nobody_waits() {
    let home = with_table("after_dropped", "max_size=1").await;
    let done = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&done);
    let run = home.engine.transaction(async |tx| {
        for _ in 0..3 {
            let count = Arc::clone(&count);
            tx.on_commit(async move {
                tokio::time::sleep(Duration::from_millis(150)).await;
                count.fetch_add(1, Ordering::SeqCst);
            })?;
        }
        Ok::<_, Error>(())
    });
    let limit = Duration::from_millis(50);
    assert!(tokio::time::timeout(limit, run).await.is_err());
    tokio::time::timeout(PATIENCE, async {
        while done.load(Ordering::SeqCst) < 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
    home.done().await;
}

#[tokio::test]
async fn conflict_is_tried_again_until_it_works() {
    let home = Home::new("conflict", "max_size=6").await;
    let table = "CREATE TABLE t (n int4); INSERT INTO t VALUES (0)";
    home.engine.script(table).await.unwrap();
    let tried = Arc::new(AtomicU32::new(0));
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let (engine, tried) = (home.engine.clone(), Arc::clone(&tried));
            tokio::spawn(async move {
                let begin = engine.begin().isolation(Isolation::RepeatableRead);
                let run = begin.retry(40).run(async |tx| {
                    tried.fetch_add(1, Ordering::SeqCst);
                    let n: Option<i32> = tx.scalar("SELECT n FROM t", &[]).await?;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    let next = n.unwrap() + 1;
                    // In a savepoint too: what it gives is the fault of the whole.
                    tx.transaction(async |inner| {
                        inner.status("UPDATE t SET n = $1", &[&next]).await
                    })
                    .await?;
                    Ok::<_, App>(())
                });
                run.await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let n: Option<i32> = home.engine.scalar("SELECT n FROM t", &[]).await.unwrap();
    assert_eq!(n, Some(6));
    assert!(tried.load(Ordering::SeqCst) > 6);
    home.done().await;
}

#[tokio::test]
async fn only_conflicts_are_tried_again_and_only_so_often() {
    let home = with_table("tries", "max_size=2").await;
    let engine = &home.engine;
    let tries = async |sql: &'static str, times: u32| {
        let tried = Cell::new(0);
        let begin = engine.begin().retry(times);
        let run = begin.run(async |tx| {
            tried.update(|n| n + 1);
            tx.on_commit(async { panic!("nothing is committed") })?;
            tx.script(sql).await
        });
        let error = run.await.unwrap_err();
        (tried.get(), error.sqlstate().map(str::to_owned))
    };
    let raise = "DO $$BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END$$";
    assert_eq!(tries(raise, 2).await, (3, Some("40001".into())));
    assert_eq!(tries(raise, 0).await, (1, Some("40001".into())));
    assert_eq!(tries("SELECT 1/0", 5).await, (1, Some("22012".into())));
    // An error of the application after a conflict that it got over.
    let tried = Cell::new(0);
    let run = engine.begin().retry(5).run(async |tx| {
        tried.update(|n| n + 1);
        assert!(
            tx.transaction(async |inner| inner.script(raise).await)
                .await
                .is_err()
        );
        tx.status(INSERT, &[&1]).await?;
        Err::<(), _>(App::Own)
    });
    assert!(matches!(run.await, Err(App::Own)));
    assert_eq!(tried.get(), 1);
    // A nested one is the outermost one's to try again.
    let (outer_tried, inner_tried) = (Cell::new(0), Cell::new(0));
    let run = engine.begin().retry(1).run(async |_| {
        outer_tried.update(|n| n + 1);
        let inner = engine.begin().retry(5).run(async |inner| {
            inner_tried.update(|n| n + 1);
            inner.script(raise).await
        });
        inner.await
    });
    assert!(run.await.unwrap_err().is_conflict());
    assert_eq!((outer_tried.get(), inner_tried.get()), (2, 2));
    home.done().await;
}
