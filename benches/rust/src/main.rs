//! Compares the crate `gino` with its peers: `race` for speed, `storm` for what becomes of dropped
//! futures. Called by `scripts/bench rust`; the server is `--dsn` or GINO_TEST_DSN.

mod race;
mod random;
mod storm;

use std::process::ExitCode;

use race::{Outcome, Workload};
use tokio::runtime::{Builder, Runtime};

const USAGE: &str = "usage: gino-bench [race] [--rounds N] [--runtime multi|current] [--only WORDS]
       gino-bench storm [--seeds N]
both:  --dsn URL (else GINO_TEST_DSN)";

struct Arguments {
    storm: bool,
    dsn: String,
    rounds: usize,
    seeds: usize,
    runtime: Option<String>,
    only: String,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Outcome<Arguments> {
        let mut arguments = Arguments {
            storm: false,
            dsn: std::env::var("GINO_TEST_DSN").unwrap_or_default(),
            rounds: 40,
            seeds: 1000,
            runtime: None,
            only: String::new(),
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(USAGE);
            match word.as_str() {
                "race" => {}
                "storm" => arguments.storm = true,
                "--dsn" => arguments.dsn = value()?,
                "--rounds" => arguments.rounds = value()?.parse()?,
                "--seeds" => arguments.seeds = value()?.parse()?,
                "--runtime" => arguments.runtime = Some(value()?),
                "--only" => arguments.only = value()?,
                _ => return Err(USAGE.into()),
            }
        }
        match arguments.dsn.is_empty() || arguments.rounds == 0 {
            true => Err(USAGE.into()),
            false => Ok(arguments),
        }
    }
}

fn main() -> ExitCode {
    let outcome = Arguments::parse(std::env::args().skip(1)).and_then(run);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Outcome<()> {
    let multi = Builder::new_multi_thread().enable_all().build()?;
    if arguments.storm {
        return multi.block_on(storm::run(arguments.dsn, arguments.seeds));
    }
    let current = Builder::new_current_thread().enable_all().build()?;
    for (name, title, runtime) in [
        ("multi", "tokio, multi-thread", &multi),
        ("current", "tokio, current thread", &current),
    ] {
        if arguments.runtime.as_deref().is_none_or(|only| only == name) {
            race_on(runtime, &arguments, title)?;
        }
    }
    Ok(())
}

/// In a task, as an application's work is: the main future is not on a worker thread.
fn race_on(runtime: &Runtime, arguments: &Arguments, title: &'static str) -> Outcome<()> {
    let workloads = Workload::ALL.into_iter();
    let workloads = workloads.filter(|workload| workload.title().contains(&arguments.only));
    let workloads: Vec<Workload> = workloads.collect();
    let (dsn, rounds) = (arguments.dsn.clone(), arguments.rounds);
    let race = runtime.spawn(race::run(dsn, rounds, workloads, title));
    runtime.block_on(race)?
}
