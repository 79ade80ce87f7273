//! The pool under load, exhausted, and closed.

use std::time::Duration;

use gino::prelude::*;
use gino::{Config, ErrorKind, error};

use crate::proxy::{self, Fault, Proxy, Side};
use crate::server::{Home, PATIENCE, dsn, with};
use crate::shelf::shelf;

const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn exhausted_pool_names_who_holds_its_connections() {
    let home = Home::new("exhausted", "max_size=2").await;
    let engine = home.engine.clone();
    let (held, wait) = tokio::sync::oneshot::channel();
    let line = line!() + 2;
    let holder = tokio::spawn(async move {
        let connection = engine.acquire().await.unwrap();
        connection.scalar::<i32>("SELECT 42", &[]).await.unwrap();
        held.send(tokio::task::id().to_string()).unwrap();
        std::future::pending::<()>().await;
    });
    let task = wait.await.unwrap();
    let _second = home.engine.acquire().await.unwrap();
    for error in [
        home.engine.acquire().timeout(SHORT).await.unwrap_err(),
        home.engine
            .timeout(SHORT)
            .status("SELECT 1", &[])
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_eq!(error.deadline(), Some(error::Deadline::Acquire));
        let words = error.to_string();
        assert!(
            words.starts_with("no connection became free within 50ms (pool of 2)"),
            "{words}"
        );
        assert!(
            words.contains(&format!("held by task {task} at {}:{line} for", file!())),
            "{words}"
        );
        assert!(words.contains("last SQL: SELECT 42"), "{words}");
        assert!(words.contains("no SQL yet"), "{words}");
    }
    assert_eq!(home.engine.figures().waiting, 0);
    holder.abort();
    drop(_second);
    home.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_tasks_share_five_connections() {
    let home = Home::new("crowd", "max_size=5").await;
    home.engine.script("CREATE TABLE t (n int4)").await.unwrap();
    let tasks: Vec<_> = (0..200)
        .map(|n| {
            let engine = home.engine.clone();
            tokio::spawn(async move {
                for _ in 0..5 {
                    engine
                        .status("INSERT INTO t VALUES ($1)", &[&n])
                        .await
                        .unwrap();
                    assert_eq!(
                        engine.scalar("SELECT $1::int4", &[&n]).await.unwrap(),
                        Some(n)
                    );
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let sql = "SELECT count(*), count(DISTINCT n) FROM t";
    let row = home.engine.one(sql, &[]).await.unwrap();
    assert_eq!((row.get::<i64>(0), row.get::<i64>(1)), (1000, 200));
    assert!(home.sessions("%").await <= 5);
    home.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_on_one_connection_queue_up() {
    let home = Home::new("queue", "max_size=1").await;
    let connection = home.engine.acquire().await.unwrap();
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let connection = connection.clone();
            tokio::spawn(async move {
                if n % 10 == 3 {
                    let error = connection.status("SELECT 1/0", &[]).await.unwrap_err();
                    assert_eq!(error.sqlstate(), Some("22012"));
                }
                let sql = format!("SELECT $1::int4 + {}", n % 7);
                assert_eq!(
                    connection.scalar(sql, &[&n]).await.unwrap(),
                    Some(n + n % 7)
                );
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    drop(connection);
    home.done().await;
}

#[tokio::test]
async fn connections_are_opened_in_advance() {
    let home = Home::new("warm", "min_size=3&max_size=4").await;
    assert_eq!(
        (home.engine.figures().idle, home.sessions("idle").await),
        (3, 3)
    );
    home.done().await;
}

#[tokio::test]
async fn closed_engine_refuses_statements() {
    let home = Home::new("closed", "max_size=1").await;
    home.engine.scalar::<i32>("SELECT 1", &[]).await.unwrap();
    home.engine.close(PATIENCE).await.unwrap();
    assert!(home.engine.is_closed());
    let error = home
        .engine
        .scalar::<i32>("SELECT 1", &[])
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::Closed, "the pool is closed")
    );
    home.until(0, "%").await;
}

#[tokio::test]
async fn close_waits_for_borrowed_connections_and_names_the_late() {
    let home = Home::new("grace", "max_size=2").await;
    let connection = home.engine.acquire().await.unwrap();
    let closing = tokio::spawn({
        let engine = home.engine.clone();
        async move { engine.close(PATIENCE).await }
    });
    assert_eq!(connection.scalar("SELECT 5", &[]).await.unwrap(), Some(5));
    drop(connection);
    closing.await.unwrap().unwrap();
    let home = Home::new("grace", "max_size=2").await;
    let connection = home.engine.acquire().await.unwrap();
    connection.scalar::<i32>("SELECT 6", &[]).await.unwrap();
    let error = home.engine.close(SHORT).await.unwrap_err();
    assert_eq!(error.deadline(), Some(error::Deadline::Close));
    assert!(error.to_string().contains("last SQL: SELECT 6"), "{error}");
    let error = connection.scalar::<i32>("SELECT 7", &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    home.until(0, "%").await;
}

#[tokio::test]
async fn engine_that_is_dropped_closes_its_connections() {
    let home = Home::new("dropped", "min_size=2&max_size=2").await;
    assert_eq!(home.sessions("idle").await, 2);
    let name = home.engine.config().application_name.clone();
    let Home {
        engine, witness, ..
    } = home;
    drop(engine);
    let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1";
    let gone = async {
        while witness.scalar::<i64>(count, &[&name]).await.unwrap() != Some(0) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
}

#[test]
fn engine_serves_one_runtime_after_another() {
    let config = Config::parse(Some(&with(&dsn(), "min_size=0&max_size=1")), &|_: &str| {
        None
    })
    .unwrap();
    let engine = Engine::new(config).unwrap();
    for n in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let answer = runtime.block_on(async {
            let answer = engine.scalar::<i32>("SELECT $1::int4", &[&n]).await;
            drop(engine.acquire().await.unwrap());
            answer
        });
        assert_eq!(answer.unwrap(), Some(n));
    }
    // Dropped outside of any runtime.
    drop(engine);
}

/// A thread with a runtime of its own, in which `engine` was used, until it is told to end.
fn elsewhere(engine: &Engine) -> (std::sync::mpsc::Receiver<()>, impl FnOnce()) {
    let (engine, (ready, is_ready)) = (engine.clone(), std::sync::mpsc::channel());
    let (end, ended) = tokio::sync::oneshot::channel();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            engine.scalar::<i32>("SELECT 1", &[]).await.unwrap();
            ready.send(()).unwrap();
            ended.await.unwrap();
        });
    });
    (is_ready, move || {
        end.send(()).unwrap();
        thread.join().unwrap();
    })
}

#[tokio::test]
async fn house_is_kept_after_the_runtime_of_the_first_use_has_ended() {
    let url = with(&dsn(), "min_size=0&max_inactive_connection_lifetime=0.2");
    let engine = Engine::connect(&url).await.unwrap();
    let (used, end) = elsewhere(&engine);
    wait(used).await;
    end();
    assert_eq!(
        engine.scalar::<i32>("SELECT 2", &[]).await.unwrap(),
        Some(2)
    );
    let closed = async {
        while engine.figures().size > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, closed).await.unwrap();
    engine.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn who_waits_for_a_server_goes_on_when_another_runtime_has_ended() {
    let proxy = Proxy::start().await;
    let engine = proxy.engine("min_size=0&max_size=2&max_inactive_connection_lifetime=100");
    let (used, end) = elsewhere(&engine);
    wait(used).await;
    // The only connection is in our hands, and there will be no other for now.
    let held = engine.acquire().await.unwrap();
    proxy.set_fault(Some(&Fault::new(proxy::Kind::Close, Side::Answers, 0)));
    let waiting = tokio::spawn({
        let engine = engine.clone();
        async move { engine.acquire().timeout(PATIENCE).await }
    });
    while engine.figures().waiting == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    end();
    proxy.set_fault(None);
    let other = waiting.await.unwrap().unwrap();
    assert_eq!(other.scalar("SELECT 3", &[]).await.unwrap(), Some(3));
    drop((held, other));
    engine.close(PATIENCE).await.unwrap();
}

/// Waits without holding up the runtime, which the other may need.
async fn wait(used: std::sync::mpsc::Receiver<()>) {
    let waited = tokio::task::spawn_blocking(move || used.recv_timeout(PATIENCE));
    waited.await.unwrap().unwrap();
}

#[tokio::test]
async fn closed_engine_leaves_no_task_behind() {
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    for how in ["close", "terminate", "drop"] {
        let home = Home::new("leaves", "max_size=4").await;
        let held = (home.engine.acquire().await, home.engine.acquire().await);
        let late = home
            .engine
            .timeout(SHORT)
            .status("SELECT pg_sleep(5)", &[])
            .await;
        assert!(late.is_err());
        drop(held);
        assert!(tasks() > before);
        let Home {
            engine, witness, ..
        } = home;
        match how {
            "close" => engine.close(PATIENCE).await.unwrap(),
            "terminate" => engine.terminate(),
            _ => {}
        }
        let kept = (how != "drop").then(|| engine.clone());
        drop((engine, witness));
        let ended = async {
            while tasks() > before {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let ended = tokio::time::timeout(PATIENCE, ended).await;
        assert!(ended.is_ok(), "{how}: {} tasks", tasks());
        drop(kept);
    }
}

#[tokio::test]
async fn close_names_task_and_place_of_a_statement_without_a_connection_of_its_own() {
    let home = Home::new("implicit", "max_size=1").await;
    let engine = home.engine.clone();
    let (line, sleeper) = (line!() + 2, async move {
        let sql = "SELECT pg_sleep(30) IS NULL, 'by itself'";
        engine.all(sql, &[]).await.map(drop)
    });
    let sleeper = tokio::spawn(sleeper);
    home.until(1, "active").await;
    let held = home.engine.connections();
    let holder = held.first().and_then(|one| one.holder.as_ref()).unwrap();
    assert_eq!(
        holder.caller.as_deref(),
        Some(&*format!("task {}", sleeper.id()))
    );
    let words = home.engine.close(SHORT).await.unwrap_err().to_string();
    let expected = format!("task {} at {}:{line} for ", sleeper.id(), file!());
    assert!(words.contains(&expected), "{words}, not {expected}");
    assert!(
        words.contains("last SQL: SELECT pg_sleep(30) IS NULL, 'by itself'"),
        "{words}"
    );
    let lost = sleeper.await.unwrap().unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::Closed);
    home.witness.close(PATIENCE).await.unwrap();
}

/// Where the only connection in use was asked for, once the server has work to do for `flow`.
async fn asked_for<F: IntoFuture>(home: &Home, flow: F) -> String
where
    F::IntoFuture: Send + 'static,
    F::Output: Send + 'static,
{
    let flow = tokio::spawn(flow.into_future());
    home.until(1, "active").await;
    let found = home.engine.connections().into_iter();
    let origins: Vec<_> = found
        .filter_map(|one| Some(one.holder?.origin?.to_string()))
        .collect();
    flow.abort();
    // The server is idle again before the connection is back.
    home.is_at_rest().await;
    origins.join(" ")
}

#[tokio::test]
async fn message_about_a_held_connection_names_the_line_of_a_models_statement() {
    shelf!(home, "lines");
    let author = Author::create().name("Ada").await.unwrap();
    // Nobody else reads or writes the table meanwhile.
    let other = home.other().await;
    let locking = other.acquire().await.unwrap();
    let lock = "BEGIN; LOCK TABLE authors IN ACCESS EXCLUSIVE MODE";
    locking.script(lock).await.unwrap();
    let rows = || [Author::create().name("Bo"), Author::create().name("Cy")];
    let line = line!();
    for (below, found) in [
        (3, asked_for(&home, Author::get(author.id)).await),
        (4, asked_for(&home, Author::query().all()).await),
        (5, asked_for(&home, Author::create().name("Bo")).await),
        (6, asked_for(&home, author.delete()).await),
        (7, asked_for(&home, Author::delete_all()).await),
        (8, asked_for(&home, Author::bulk_create(rows())).await),
        (9, asked_for(&home, Author::copy_in(rows())).await),
    ] {
        assert_eq!(found, format!("{}:{}", file!(), line + below - 1));
    }
    drop(locking);
    other.close(PATIENCE).await.unwrap();
    home.done().await;
}
