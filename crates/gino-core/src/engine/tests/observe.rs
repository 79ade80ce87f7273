//! What an engine tells: statements, connections, metrics, holders; and the time-outs of scopes.

use std::sync::Mutex;

use super::*;
use crate::engine::{
    AcquireOptions, Observer, Outcome, PoolEvent, QueryReport, Scope, TransactionOptions,
};
use crate::error::{Deadline, ErrorKind};
use crate::runtime::Runtime;

/// Writes down what it is told.
#[derive(Default)]
struct Diary(Mutex<Vec<String>>);

impl Diary {
    fn read(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn write(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }
}

impl Observer for Diary {
    fn query(&self, query: &QueryReport<'_>) {
        assert_eq!(query.endpoint.to_string(), "server:5432");
        assert_eq!(query.database, "gino");
        let outcome = match query.outcome {
            Outcome::Done { rows } => format!("{rows:?}"),
            Outcome::Failed(error) => format!("{:?}", error.kind()),
            Outcome::Cancelled => "cancelled".into(),
        };
        let fresh = if query.prepared { " fresh" } else { "" };
        self.write(format!(
            "{} on {}: {outcome}{fresh}",
            query.sql, query.connection
        ));
    }

    fn pool(&self, event: &PoolEvent<'_>) {
        self.write(match event {
            PoolEvent::Opened { connection, .. } => format!("opened {connection}"),
            PoolEvent::ConnectFailed { error } => format!("failed: {:?}", error.kind()),
            PoolEvent::Acquired { connection, .. } => format!("acquired {connection}"),
            PoolEvent::TimedOut { waited } => format!("timed out after {waited:?}"),
            PoolEvent::Released { connection, kept } => format!("released {connection}: {kept}"),
        });
    }
}

fn observed(world: &World, settings: &[(&str, &str)]) -> (Engine<World>, Arc<Diary>) {
    let (engine, diary) = (engine(world, settings), Arc::new(Diary::default()));
    engine.observe(Arc::clone(&diary) as Arc<dyn Observer>);
    (engine, diary)
}

#[test]
fn statements_and_connections_are_told_in_order() {
    let world = World::new(1);
    let (engine, diary) = observed(&world, &[("max_size", "1")]);
    world.run(async move {
        let lease = engine.acquire(None).await.unwrap();
        assert_eq!(run(lease.seat(), "ROWS 2").await.unwrap(), [1, 2]);
        let tx = begin(lease.seat()).await.unwrap();
        assert!(run(lease.seat(), "FAIL").await.is_err());
        tx.rollback().await.unwrap();
        run(lease.seat(), "ROWS 2").await.unwrap();
        lease.release().await;
        drop(at_once(&engine).unwrap());
    });
    assert_eq!(
        diary.read(),
        [
            "opened 1",
            "acquired 1",
            "ROWS 2 on 1: None fresh",
            "BEGIN on 1: None",
            "FAIL on 1: Database fresh",
            "ROLLBACK on 1: None",
            "ROWS 2 on 1: None",
            "released 1: true",
            "acquired 1",
            "released 1: true",
        ]
    );
}

#[test]
fn failures_time_outs_and_cancellations_are_told_apart() {
    let world = World::new(2);
    let (engine, diary) = observed(&world, &[("max_size", "1")]);
    world.network.server().refusing = true;
    let (same, inside) = (engine.clone(), world.clone());
    world.run(async move {
        assert!(same.acquire(None).await.is_err());
        inside.network.server().refusing = false;
        let lease = same.acquire(None).await.unwrap();
        let (sql, late) = (Sql::new("SLEEP 9000"), limit(&inside, 1));
        let slow = lease.seat().run_within(late, &sql, &NoParams, None, 0);
        let deadline = slow.await.err().unwrap().deadline();
        assert_eq!(deadline, Some(Deadline::Statement));
        let dropped = lease.seat().script("SLEEP 9001", None);
        assert!(within(&inside, limit(&inside, 1), dropped).await.is_err());
        assert!(same.acquire(limit(&inside, 3)).await.is_err());
        lease.seat().session.close();
        lease.release().await;
    });
    let told = diary.read();
    let told: Vec<_> = told.iter().map(|line| &**line).collect();
    assert_eq!(
        told,
        [
            "failed: Connect",
            "opened 1",
            "acquired 1",
            "SLEEP 9000 on 1: Timeout fresh",
            "SLEEP 9001 on 1: cancelled",
            "timed out after 3s",
            "released 1: false",
        ]
    );
    let metrics = engine.metrics();
    assert_eq!((metrics.opened, metrics.closed), (1, 1));
    assert_eq!((metrics.failed_connects, metrics.timeouts), (1, 1));
    // Also for the end of the pause after the failure.
    assert_eq!(metrics.waited, 2);
    assert!(metrics.wait_time > seconds(3) && metrics.wait_time < seconds(4));
}

#[test]
fn observer_hears_nothing_once_it_is_ended() {
    let world = World::new(1);
    let engine = pool_of_one(&world);
    let diary = Arc::new(Diary::default());
    let observation = engine.observe(Arc::clone(&diary) as Arc<dyn Observer>);
    observation.end();
    world.run(async move {
        let lease = engine.acquire(None).await.unwrap();
        run(lease.seat(), "ROWS 1").await.unwrap();
    });
    assert_eq!(diary.read(), [""; 0]);
}

#[test]
fn connections_say_who_holds_them_and_what_their_cache_is_like() {
    let world = World::new(1);
    world.call_me("task 7");
    let engine = engine(&world, &[]);
    let same = engine.clone();
    let handle = world.run(async move {
        let origin = crate::engine::Origin::Host("app.py:12".into());
        let handle = same.handle(None, options(Scope::NONE, Some(origin))).await;
        let handle = handle.unwrap();
        let seat = handle.seat(None).await.unwrap();
        run(&seat, "ROWS 1").await.unwrap();
        run(&seat, "ROWS 1").await.unwrap();
        handle
    });
    world.advance(seconds(5));
    let [held] = &engine.connections()[..] else {
        panic!("one connection")
    };
    let holder = held.holder.as_ref().unwrap();
    assert_eq!(
        holder.to_string(),
        "task 7 at app.py:12 for 5.0 s, last SQL: ROWS 1"
    );
    assert_eq!(
        (held.cache.hits, held.cache.misses, held.cache.size),
        (1, 1, 1)
    );
    assert_eq!((held.number, held.in_flight), (1, 0));
    assert!(held.process.is_some() && held.age >= seconds(5));
    world.run(async move { handle.release(true).await.unwrap() });
    assert!(engine.connections()[0].holder.is_none());
}

fn options(scope: Scope, origin: Option<crate::engine::Origin>) -> AcquireOptions {
    AcquireOptions {
        reuse: false,
        lazy: false,
        reusable: true,
        limit: None,
        scope,
        origin,
    }
}

#[test]
fn deadline_of_a_scope_ends_what_runs_and_refuses_what_comes_later() {
    for seed in 0..10 {
        let world = World::new(seed);
        let (engine, diary) = observed(&world, &[("max_size", "1")]);
        let inside = world.clone();
        world.run(async move {
            let scope = Scope {
                command_timeout: Some(seconds(2)),
                deadline: Limit::of_scope(&inside, Some(seconds(5))),
            };
            let handle = engine.handle(None, options(scope, None)).await.unwrap();
            let seat = handle.seat(None).await.unwrap();
            let run = async |sql: &str, own: Option<u64>| {
                let limit = handle.scope().limit(&inside, own.map(seconds), None);
                let sql = Sql::new(sql);
                let done = seat.run_within(limit, &sql, &NoParams, None, 0).await;
                done.err().and_then(|error| error.deadline())
            };
            let before = inside.now();
            assert_eq!(run("SLEEP 9000", None).await, Some(Deadline::Statement));
            assert_eq!(run("SLEEP 9000", Some(60)).await, Some(Deadline::Scope));
            let took = inside.now().saturating_since(before);
            assert!(took >= seconds(4) && took < seconds(6), "{took:?}");
            diary.read();
            assert_eq!(run("ROWS 1", None).await, Some(Deadline::Scope));
            let texts = inside.network.server().texts().len();
            assert_eq!(diary.read(), ["ROWS 1 on 1: Timeout"]);
            assert_eq!(
                inside.network.server().texts().len(),
                texts,
                "nothing was sent"
            );

            // One that stands on it has no more time than it.
            let newest = AcquireOptions {
                reuse: true,
                ..options(Scope::NONE, None)
            };
            let inner = engine.handle(Some(&handle), newest).await.unwrap();
            let limit = inner.scope().limit(&inside, Some(seconds(60)), None);
            let options = TransactionOptions::default();
            let begun = Transaction::begin(Arc::clone(&seat), options, None);
            let late = error(within(&inside, limit, begun).await);
            assert_eq!(late.deadline(), Some(Deadline::Scope));
            assert!(late.to_string().contains("block"), "{late}");
            handle.release(true).await.unwrap();
            let next = engine.acquire(None).await.unwrap();
            assert_eq!(super::run(next.seat(), "ROWS 1").await.unwrap(), [1]);
        });
    }
}

#[test]
fn deadline_of_a_scope_counts_the_waiting_for_a_connection() {
    let world = World::new(1);
    let engine = pool_of_one(&world);
    let inside = world.clone();
    world.run(async move {
        let held = engine.acquire(None).await.unwrap();
        let scope = Scope {
            command_timeout: None,
            deadline: Limit::of_scope(&inside, Some(seconds(3))),
        };
        let late = error(engine.handle(None, options(scope, None)).await);
        assert_eq!(
            (late.kind(), late.deadline()),
            (ErrorKind::Timeout, Some(Deadline::Acquire))
        );
        drop(held);
    });
}
