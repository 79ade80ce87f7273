//! Mixed load with dropped futures and a bad network, for minutes: memory, connections, tasks and files
//! are afterwards what they were. `scripts/soak` runs it.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gino::prelude::*;
use tokio::runtime::Handle;

use crate::chance::Chance;
use crate::ground::{Kind, on, open_files, promptly, resident, setting, until};
use crate::ledger::Ledger;
use crate::load::Load;
use crate::operation::{Field, is_clean};
use crate::proxy::{self, Fault, Proxy, Side};
use crate::server::{PATIENCE, dsn};
use crate::witness::Witness;

const SIZE: usize = 8;

/// How long there is load between two looks.
const ROUND: Duration = Duration::from_secs(15);

/// How much memory may grow from the second third to the last, in bytes: what an allocator keeps varies.
const GROWTH: usize = 4 * 1024 * 1024;

/// What must not drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    connections: i64,
    tasks: usize,
    files: usize,
}

impl Held {
    async fn now(witness: &Witness) -> Held {
        Held {
            connections: witness.connections().await,
            tasks: Handle::current().metrics().num_alive_tasks(),
            files: open_files(),
        }
    }
}

#[test]
#[ignore = "takes minutes: scripts/soak"]
fn soak() {
    let minutes: u64 = setting("GINO_TEST_SOAK_MINUTES", 1);
    let rounds = minutes * 60 / ROUND.as_secs();
    on(Kind::MultiThread, async || {
        let (proxy, witness) = (Proxy::start().await, Witness::new("soak").await);
        let limits = format!("{}&max_size={SIZE}&command_timeout=5", witness.setting);
        let (url, engine) = (proxy.url(&limits), proxy.engine(&limits));
        // What a whole pool holds, before anything has happened.
        fill(&engine).await;
        let before = Held::now(&witness).await;
        let mut memory = Vec::new();
        for round in 0..rounds {
            let ledger = Ledger::create(&dsn(), "soak").await;
            let (url, engine) = (url.clone(), engine.clone());
            let field = Field {
                url,
                engine,
                ledger,
            };
            let load = Load::cut_short(field, round);
            trouble(&proxy, Chance::new(round)).await;
            let (field, errors) = load.end().await;
            fill(&field.engine).await;
            let same = async || Held::now(&witness).await == before;
            until("connections, tasks and files are as before", same).await;
            memory.push(resident());
            let balance = field.ledger.balance().await;
            let mib = resident() / 1024 / 1024;
            println!("soak: round {round}, {mib} MiB, {before:?}, {balance:?}, errors {errors:?}");
        }
        engine.close(PATIENCE).await.unwrap();
        witness.sees_all_gone().await;
        // The first third warms up; rounds differ in how much is done.
        let third = (memory.len() / 3).max(1);
        let warm = median(&memory[third..memory.len() - third]);
        let last = median(&memory[memory.len() - third..]);
        println!("soak: {minutes} min, {warm} bytes in the second third, {last} in the last");
        assert!(last < warm + GROWTH, "memory grows: {memory:?}");
    });
}

fn median(memory: &[usize]) -> usize {
    let mut sorted = memory.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}

/// Has all connections open, and sees that they are clean.
async fn fill(engine: &Engine) {
    let mut all = Vec::new();
    for _ in 0..SIZE {
        let connection = promptly(engine.acquire().reusable(false).into_future()).await;
        all.push(connection.unwrap());
    }
    for connection in &all {
        promptly(is_clean(connection)).await.unwrap();
    }
}

/// A network that is bad for the time of a round, and good afterwards.
async fn trouble(proxy: &Proxy, mut chance: Chance) {
    let end = Instant::now() + ROUND;
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(chance.below(1000))).await;
        let kind = [proxy::Kind::Close, proxy::Kind::Reset][usize::from(chance.below(2) == 0)];
        let side = [Side::Answers, Side::Requests][usize::from(chance.below(2) == 0)];
        let after = usize::try_from(chance.below(3000)).unwrap();
        // All connections, the next one that is opened, or none any more.
        proxy.budget.store(usize::MAX, Ordering::SeqCst);
        match chance.below(4) {
            0 => proxy.budget.store(after, Ordering::SeqCst),
            1 => proxy.set_fault(Some(&Fault::new(kind, side, after))),
            _ => proxy.set_fault(None),
        }
    }
    proxy.budget.store(usize::MAX, Ordering::SeqCst);
    proxy.set_fault(None);
}
