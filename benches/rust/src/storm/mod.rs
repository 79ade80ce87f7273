//! Owns the storm of dropped futures: the same work on the pools of gino and sqlx, each piece
//! dropped after a random number of polls. Afterwards the rows are compared with what the client
//! was told. Never times anything.

mod gino;
mod log;
mod sqlx;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, NoTls};

use crate::race::Outcome;
use crate::random::Random;
use gino::OfGino;
use log::{Counts, Log};
use sqlx::OfSqlx;

/// Connections in each pool.
const SIZE: u32 = 4;
const AT_ONCE: usize = 16;
const PATIENCE: Duration = Duration::from_secs(20);
const INSERT: &str = "INSERT INTO gino_bench_storm VALUES ($1, $2)";
/// Tells whose answer it is, and whether somebody else's transaction is still open: the storm's are
/// `repeatable read`.
const CHECK: &str = "SELECT $1::int4, current_setting('transaction_isolation')";
const COPY: &str = "COPY (SELECT generate_series(1, 500)) TO STDOUT";

/// What is stormed.
trait Pool: Clone + Send + Sync + 'static {
    const NAME: &'static str;

    fn open(url: &str) -> impl Future<Output = Outcome<Self>> + Send;

    /// Borrows a connection, checks it, and writes two rows in a transaction with a savepoint; reads
    /// and, if `copy`, copies out; commits.
    fn work(
        self,
        seed: i32,
        copy: bool,
        log: Arc<Log>,
    ) -> impl Future<Output = Outcome<()>> + Send + 'static;

    /// Borrows all connections at once and checks them.
    fn borrow_all(&self, log: &Log) -> impl Future<Output = Outcome<()>> + Send;

    fn close(self) -> impl Future<Output = Outcome<()>> + Send;
}

/// Runs the storm on both pools and prints what became of it.
pub async fn run(url: String, seeds: usize) -> Outcome<()> {
    let (witness, connection) = tokio_postgres::connect(&url, NoTls).await?;
    let driver = tokio::spawn(connection);
    let mut columns = Vec::new();
    for copy in [false, true] {
        columns.push(storm::<OfGino>(&url, &witness, seeds, copy).await?);
        columns.push(storm::<OfSqlx>(&url, &witness, seeds, copy).await?);
    }
    driver.abort();
    let [gino, sqlx] = [OfGino::NAME, OfSqlx::NAME];
    println!("{:44}{gino:>10}{sqlx:>10}{gino:>14}{sqlx:>10}", "");
    println!("{:44}{:>20}{:>24}", "", "statements", "statements and COPY");
    for line in log::lines(&columns) {
        let of = |column: usize| columns[column].get(&line).copied().unwrap_or_default();
        println!(
            "{line:44}{:>10}{:>10}{:>14}{:>10}",
            of(0),
            of(1),
            of(2),
            of(3)
        );
    }
    Ok(())
}

async fn storm<P: Pool>(url: &str, witness: &Client, seeds: usize, copy: bool) -> Outcome<Counts> {
    witness
        .batch_execute(
            "DROP TABLE IF EXISTS gino_bench_storm; CREATE TABLE gino_bench_storm (n int, part int)",
        )
        .await?;
    let name = format!("storm_{}", P::NAME);
    let pool = P::open(&format!("{url}?application_name={name}")).await?;
    let log = Arc::new(Log::default());
    let longest = longest(&pool, copy, &log).await?;
    let mut tasks = JoinSet::new();
    for seed in 0..seeds {
        while tasks.len() >= AT_ONCE {
            tasks.join_next().await;
        }
        let mut random = Random::new(seed as u64);
        let dropped = Dropped {
            work: Box::pin(pool.clone().work(seed as i32, copy, Arc::clone(&log))),
            polls: 1 + random.below(longest + 1),
            when_woken: random.below(2) == 1,
        };
        let log = Arc::clone(&log);
        tasks.spawn(async move {
            log.count("operations");
            match timeout(PATIENCE, dropped).await {
                Err(_) => log.count("hangs"),
                Ok(None) => log.count("dropped"),
                Ok(Some(Err(error))) => log.count(&format!("errors: {error}")),
                Ok(Some(Ok(()))) => {}
            }
        });
    }
    tasks.join_all().await;
    match timeout(PATIENCE, pool.borrow_all(&log)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => log.count(&format!("pool not whole afterwards: {error}")),
        Err(_) => log.count("pool not whole afterwards: hangs"),
    }
    let activity = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1";
    let idle = format!("{activity} AND state LIKE 'idle in transaction%'");
    sleep(Duration::from_millis(500)).await;
    log.add(
        "left in a transaction",
        witness.query_one(&idle, &[&name]).await?.get(0),
    );
    match timeout(Duration::from_secs(5), pool.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => log.count(&format!("pool does not close: {error}")),
        Err(_) => log.count("pool does not close in 5 s"),
    }
    sleep(Duration::from_millis(500)).await;
    log.add(
        "leaked connections",
        witness.query_one(activity, &[&name]).await?.get(0),
    );
    let rows = "SELECT n, part, count(*) FROM gino_bench_storm GROUP BY 1, 2";
    let rows = witness.query(rows, &[]).await?;
    witness.batch_execute("DROP TABLE gino_bench_storm").await?;
    eprintln!(
        "bench: storm on {}, copy {copy}, drops at 1 to {} polls",
        P::NAME,
        longest + 1
    );
    Ok(log.counts(rows.iter().map(|row| (row.get(0), row.get(1), row.get(2)))))
}

/// How many polls the work takes when nobody drops it: the most of several runs at once.
async fn longest<P: Pool>(pool: &P, copy: bool, log: &Arc<Log>) -> Outcome<u32> {
    let most = Arc::new(AtomicU32::new(0));
    let mut tasks = JoinSet::new();
    for number in 0..AT_ONCE as i32 {
        let mut work = Box::pin(pool.clone().work(-1 - number, copy, Arc::clone(log)));
        let most = Arc::clone(&most);
        tasks.spawn(async move {
            let mut polls = 0;
            let counted = std::future::poll_fn(|cx| {
                polls += 1;
                work.as_mut().poll(cx)
            });
            counted.await?;
            most.fetch_max(polls, Ordering::Relaxed);
            Outcome::Ok(())
        });
    }
    tasks
        .join_all()
        .await
        .into_iter()
        .collect::<Outcome<()>>()?;
    Ok(most.load(Ordering::Relaxed))
}

/// Work that is given up after some polls: at once, its request just sent, or when it is woken, the
/// answer at hand.
struct Dropped<F> {
    work: Pin<Box<F>>,
    polls: u32,
    when_woken: bool,
}

impl<F: Future> Future for Dropped<F> {
    /// None if it was given up.
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 {
            return Poll::Ready(None);
        }
        self.polls -= 1;
        match self.work.as_mut().poll(cx) {
            Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
            Poll::Pending if self.polls == 0 && !self.when_woken => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}
