//! Futures dropped at every await point: the pool heals, and no row is lost or doubled.
//!
//! `GINO_TEST_SEEDS` says how many seeds each operation has on each runtime.

use std::sync::Arc;

use gino::prelude::*;

use crate::chance::Chance;
use crate::drop::{Drops, Moment, Stop};
use crate::ground::{Kind, on_each_runtime, promptly, setting};
use crate::ledger::Ledger;
use crate::operation::{Field, Operation, is_clean};
use crate::server::{PATIENCE, dsn, with};
use crate::witness::Witness;

const AT_ONCE: u64 = 4;
const SIZE: usize = 2;

/// How often an operation that is left alone waits, at most.
async fn polls(operation: Operation, field: &Field) -> u64 {
    let mut most = 0;
    for _ in 0..4 {
        let drops = Drops::new(Moment::Never);
        promptly(operation.run(field, &drops)).await.unwrap();
        most = most.max(drops.polls());
    }
    most
}

/// All that a pool hands out is clean, and it hands out all it may.
async fn is_whole(engine: &Engine) {
    let borrowed: Vec<Connection> = promptly(async {
        let mut all = Vec::new();
        for _ in 0..SIZE {
            all.push(engine.acquire().reusable(false).await.unwrap());
        }
        all
    })
    .await;
    for connection in &borrowed {
        promptly(is_clean(connection)).await.unwrap();
    }
    for figures in engine.connections() {
        let state = (format!("{:?}", figures.status), figures.in_flight);
        assert_eq!(state, ("Idle".to_owned(), 0), "{figures:?}");
    }
}

async fn storm(operation: Operation, kind: Kind) {
    let seeds: u64 = setting("GINO_TEST_SEEDS", 25);
    let witness = Witness::new(&format!("storm_{operation:?}")).await;
    // Now and then a connection is replaced, so that the opening of one is cut short, too.
    let pool = format!("min_size=0&max_size={SIZE}&max_queries=8");
    let url = with(&witness.url, &pool);
    let field = Arc::new(Field {
        engine: Engine::connect(&url).await.unwrap(),
        ledger: Ledger::create(&dsn(), &format!("storm_{operation:?}")).await,
        url,
    });
    let polls = polls(operation, &field).await;
    let mut dropped = 0;
    for first in (0..seeds).step_by(usize::try_from(AT_ONCE).unwrap()) {
        let tasks: Vec<_> = (first..seeds.min(first + AT_ONCE))
            .map(|seed| {
                let field = Arc::clone(&field);
                tokio::spawn(async move {
                    let drops = Drops::new(Moment::of(&mut Chance::new(seed), polls));
                    match promptly(operation.run(&field, &drops)).await {
                        Ok(()) => 0,
                        Err(Stop::Dropped) => 1,
                        // Who was not cut short hears nothing of it.
                        Err(Stop::Failed(error)) => panic!("seed {seed}: {error:?}"),
                    }
                })
            })
            .collect();
        for task in tasks {
            dropped += task.await.unwrap();
        }
        if first % (AT_ONCE * 12) == 0 {
            is_whole(&field.engine).await;
        }
    }
    is_whole(&field.engine).await;
    let field = Arc::into_inner(field).unwrap();
    field.engine.close(PATIENCE).await.unwrap();
    witness.sees_all_gone().await;
    let balance = field.ledger.balance().await;
    assert!(dropped > 0, "nothing was dropped");
    println!(
        "drop: {operation:?}, {kind:?}, {polls} polls, {seeds} seeds, {dropped} dropped, {balance:?}"
    );
}

/// A test for each operation.
macro_rules! storms {
    ($($name:ident: $operation:ident),* $(,)?) => { $(
        #[test]
        fn $name() {
            on_each_runtime(|kind| storm(Operation::$operation, kind));
        }
    )* };
}

storms! {
    connect_dropped_at_any_poll_leaves_no_connection: Connect,
    acquire_dropped_at_any_poll_gives_its_turn_to_the_next: Acquire,
    begin_dropped_at_any_poll_leaves_no_transaction: Begin,
    query_dropped_at_any_poll_happens_once_or_not: Query,
    fetch_dropped_at_any_poll_leaves_a_transaction_that_can_be_rolled_back: Fetch,
    cursor_dropped_at_any_poll_leaves_a_transaction_that_can_be_rolled_back: Cursor,
    copy_in_dropped_at_any_poll_stores_all_or_nothing: CopyIn,
    copy_out_dropped_at_any_poll_leaves_a_transaction_that_can_be_rolled_back: CopyOut,
    commit_dropped_at_any_poll_is_whole_or_nothing: Commit,
    savepoint_dropped_at_any_poll_leaves_the_outer_transaction: Savepoint,
    transaction_dropped_at_any_poll_is_whole_or_nothing: Transaction,
    release_dropped_at_any_poll_is_finished: Release,
}
