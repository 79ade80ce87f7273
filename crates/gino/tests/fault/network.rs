//! A network that cuts, resets, stalls and scrambles a whole session after any byte, either way.
//!
//! Every 97th byte is tried; `GINO_TEST_CUT_STEP=1` tries every one.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use gino::prelude::*;
use gino::{Error, ErrorKind};

use crate::ground::{on_each_runtime, promptly, setting};
use crate::ledger::Ledger;
use crate::operation::{is_clean, mark};
use crate::proxy::{Fault, Kind, Proxy, Side};
use crate::server::{PATIENCE, dsn};
use crate::witness::Witness;

const AT_ONCE: usize = 4;

/// All that a connection can do, once; it writes the parts 1, 2 and 3 in one transaction.
async fn session(engine: &Engine, ledger: &Ledger) -> Result<(), Error> {
    let work = ledger.begin();
    let connection = engine.acquire().await?;
    is_clean(&connection).await?;
    let events = connection.events().await?;
    connection.status("LISTEN gino_faults", &[]).await?;
    let run = connection.transaction(async |tx| {
        mark(&tx).await?;
        let prepared = connection.prepare("SELECT $1::int4 + 1").await?;
        assert_eq!(prepared.scalar(&[&work]).await?, Some(work + 1));
        let sql = "SELECT repeat('x', n) FROM generate_series(1, 30) AS n";
        let rows = tx.all(sql, &[]).await?;
        assert!((1..=30).eq(rows.iter().map(|row| row.get::<&str>(0).len())));
        let mut cursor = tx.iterate("SELECT generate_series(1, 60)", &[]).await?;
        for n in 1..=60 {
            assert_eq!(cursor.next().await?.map(|row| row.get(0)), Some(n));
        }
        assert!(cursor.next().await?.is_none());
        let mut copy = connection.copy_in(&ledger.copy_in()).await?;
        copy.write(format!("{work}\t1\n").as_bytes()).await?;
        copy.finish().await?;
        let series = "COPY (SELECT generate_series(1, 50)) TO STDOUT";
        let (mut copy, mut size) = (connection.copy_out(series).await?, 0);
        while let Some(data) = copy.read().await? {
            size += data.len();
        }
        assert_eq!(size, 9 * 2 + 41 * 3);
        tx.transaction(async |inner| inner.status(ledger.insert.as_str(), &[&work, &2]).await)
            .await?;
        tx.status(ledger.insert.as_str(), &[&work, &3]).await?;
        ledger.commits(work, &[1, 2, 3]);
        Ok::<_, Error>(())
    });
    run.await?;
    ledger.committed(work);
    drop(events);
    connection.release(true).await.map(drop)
}

/// How many bytes a session that nothing happens to has one way.
async fn length(proxy: &Proxy, ledger: &Ledger, side: Side) -> usize {
    let whole = Fault::new(Kind::Close, side, usize::MAX);
    proxy.set_fault(Some(&whole));
    let engine = proxy.engine("");
    session(&engine, ledger).await.unwrap();
    engine.close(PATIENCE).await.unwrap();
    proxy.set_fault(None);
    whole.passed()
}

/// Has a session with the fault; if it fails, one without on the same engine. Gives its error, or none
/// if the fault struck when all had been said.
async fn undergo(
    proxy: &Proxy,
    engine: Engine,
    ledger: &Ledger,
    fault: &Arc<Fault>,
) -> Option<Error> {
    proxy.set_fault(Some(fault));
    let failed = promptly(session(&engine, ledger)).await.err();
    proxy.set_fault(None);
    if failed.is_some() {
        promptly(session(&engine, ledger)).await.unwrap();
    }
    engine.close(PATIENCE).await.unwrap();
    failed
}

async fn backend(engine: &Engine) -> Option<i32> {
    let sql = "SELECT pg_backend_pid()";
    promptly(engine.scalar(sql, &[])).await.unwrap()
}

/// The cuts of one kind at `places`. How many sessions failed.
async fn cut_at(
    places: &[usize],
    (kind, side): (Kind, Side),
    setting: &str,
    ledger: &Ledger,
) -> usize {
    let proxy = Proxy::start().await;
    // Who has nothing to do with it must not hear of it.
    let bystander = proxy.engine("");
    let own = backend(&bystander).await;
    let mut failed = 0;
    for after in places {
        let fault = Fault::new(kind, side, *after);
        let error = undergo(&proxy, proxy.engine(setting), ledger, &fault).await;
        if let Some(error) = &error {
            let expected = match kind {
                // What is made of other bytes may be anything that the driver or the server can say.
                Kind::Garbage => !matches!(error.kind(), ErrorKind::Usage | ErrorKind::Timeout),
                _ => matches!(error.kind(), ErrorKind::Connect | ErrorKind::Closed),
            };
            assert!(expected, "after {after} bytes: {error:?}");
        }
        assert_eq!(backend(&bystander).await, own);
        failed += usize::from(error.is_some());
    }
    bystander.close(PATIENCE).await.unwrap();
    failed
}

/// Every cut of one kind, some at once.
async fn cuts(kind: Kind, side: Side) {
    let name = format!("cut_{kind:?}_{side:?}");
    let (witness, ledger) = (
        Witness::new(&name).await,
        Ledger::create(&dsn(), &name).await,
    );
    let total = length(&Proxy::start().await, &ledger, side).await;
    let step = setting("GINO_TEST_CUT_STEP", 97);
    let places: Vec<usize> = (0..total).step_by(step).collect();
    let lanes = places.chunks(places.len().div_ceil(AT_ONCE));
    let lane = |places| cut_at(places, (kind, side), &witness.setting, &ledger);
    let failed: usize = join_all(lanes.map(lane)).await.into_iter().sum();
    witness.sees_all_gone().await;
    let (balance, count) = (ledger.balance().await, places.len());
    assert!(failed * 10 > count * 8, "{failed} of {count}");
    println!("cut: {kind:?}, {side:?}, {count} places, {failed} failed, {balance:?}");
}

/// A test for each kind and side.
macro_rules! cuts {
    ($($name:ident: $kind:ident $side:ident),* $(,)?) => { $(
        #[test]
        fn $name() {
            on_each_runtime(|_| cuts(Kind::$kind, Side::$side));
        }
    )* };
}

cuts! {
    answers_that_end_after_any_byte_fail_once_and_heal: Close Answers,
    requests_that_end_after_any_byte_fail_once_and_heal: Close Requests,
    answers_reset_after_any_byte_fail_once_and_heal: Reset Answers,
    requests_reset_after_any_byte_fail_once_and_heal: Reset Requests,
    answers_scrambled_after_any_byte_fail_once_and_heal: Garbage Answers,
    requests_scrambled_after_any_byte_fail_once_and_heal: Garbage Requests,
}

/// A network that says nothing any more after so many bytes. Whether the session failed.
async fn stall(witness: &Witness, ledger: &Ledger, side: Side, after: usize) -> bool {
    let proxy = Proxy::start().await;
    let limits = format!("{}&connect_timeout=1&command_timeout=0.3", witness.setting);
    let (engine, fault) = (proxy.engine(&limits), Fault::new(Kind::Stall, side, after));
    let error = undergo(&proxy, engine, ledger, &fault).await;
    let expected = [None, Some(ErrorKind::Timeout), Some(ErrorKind::Closed)];
    let kind = error.as_ref().map(Error::kind);
    assert!(expected.contains(&kind), "after {after} bytes: {error:?}");
    error.is_some()
}

#[test]
fn session_that_stalls_ends_with_its_time_limit_and_heals() {
    on_each_runtime(async |_| {
        let witness = Witness::new("stall").await;
        let ledger = Ledger::create(&dsn(), "stall").await;
        let mut stalls = Vec::new();
        for side in [Side::Answers, Side::Requests] {
            let total = length(&Proxy::start().await, &ledger, side).await;
            let places = (0..total).step_by(total / 12);
            stalls.extend(places.map(|after| stall(&witness, &ledger, side, after)));
        }
        let failed = join_all(stalls).await;
        witness.sees_all_gone().await;
        ledger.balance().await;
        let (count, of) = (failed.iter().filter(|it| **it).count(), failed.len());
        assert!(count * 10 > of * 8, "{count} of {of}");
    });
}

#[test]
fn bytes_that_come_late_or_one_by_one_change_nothing() {
    on_each_runtime(async |_| {
        let (proxy, ledger) = (Proxy::start().await, Ledger::create(&dsn(), "slow").await);
        let engine = proxy.engine("");
        proxy.delay.store(10, Ordering::SeqCst);
        promptly(session(&engine, &ledger)).await.unwrap();
        proxy.delay.store(0, Ordering::SeqCst);
        proxy.portion.store(1, Ordering::SeqCst);
        promptly(session(&engine, &ledger)).await.unwrap();
        engine.close(PATIENCE).await.unwrap();
        assert_eq!(ledger.balance().await.kept, 2);
    });
}
