//! Owns what every test of faults stands on: each of tokio's runtimes, the process to itself, and the
//! check that neither a task nor a file is left. Never looks at the database.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime};

use crate::server::PATIENCE;

/// One of tokio's runtimes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    CurrentThread,
    MultiThread,
}

impl Kind {
    pub(crate) const ALL: [Kind; 2] = [Kind::CurrentThread, Kind::MultiThread];

    fn build(self) -> Runtime {
        let mut builder = match self {
            Kind::CurrentThread => Builder::new_current_thread(),
            Kind::MultiThread => Builder::new_multi_thread(),
        };
        builder.worker_threads(4).enable_all().build().unwrap()
    }
}

/// Runs `body` on each of tokio's runtimes.
pub(crate) fn on_each_runtime<F: Future<Output = ()>>(body: impl Fn(Kind) -> F) {
    for kind in Kind::ALL {
        on(kind, || body(kind));
    }
}

/// Runs `body` alone in the process. It leaves no task, socket or file.
pub(crate) fn on<F: Future<Output = ()>>(kind: Kind, body: impl FnOnce() -> F) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = kind.build();
    let before = open_files();
    runtime.block_on(async {
        body().await;
        let left = || Handle::current().metrics().num_alive_tasks();
        until("every task ends", async || left() == 0).await;
        until("every file is closed", async || open_files() <= before).await;
    });
}

/// Waits until `is_so`.
pub(crate) async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let start = Instant::now();
    while !is_so().await {
        assert!(
            start.elapsed() < PATIENCE,
            "not within {PATIENCE:?}: {what}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Awaits `work`, which must not hang. A connection has ten seconds to heal until it is given up.
pub(crate) async fn promptly<F: Future>(work: F) -> F::Output {
    let done = tokio::time::timeout(PATIENCE * 2, work).await;
    done.unwrap_or_else(|_| panic!("a hang: not over within {:?}", PATIENCE * 2))
}

/// How many files and sockets this process has open.
pub(crate) fn open_files() -> usize {
    let places = ["/proc/self/fd", "/dev/fd"];
    let list = places
        .iter()
        .find_map(|place| std::fs::read_dir(place).ok());
    list.unwrap().count()
}

/// Bytes of memory of this process.
pub(crate) fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = pages.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// A number from the environment.
pub(crate) fn setting<T: FromStr>(name: &str, default: T) -> T {
    match std::env::var(name) {
        Ok(text) => (text.parse()).unwrap_or_else(|_| panic!("{name} is no number: {text}")),
        Err(_) => default,
    }
}
