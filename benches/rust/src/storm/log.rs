//! Owns what the work has been told, and compares it with what the server has.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub type Counts = BTreeMap<String, i64>;

/// What happened, so far.
#[derive(Default)]
pub struct Log(Mutex<State>);

#[derive(Default)]
struct State {
    counts: Counts,
    /// By seed: whether its commit was on its way (false) or done (true).
    commits: HashMap<i32, bool>,
}

impl Log {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn count(&self, what: &str) {
        self.add(what, 1);
    }

    pub fn add(&self, what: &str, number: i64) {
        *self.state().counts.entry(what.to_owned()).or_default() += number;
    }

    /// What a connection said when it was handed out.
    pub fn check(&self, asked: i32, echo: i32, isolation: &str) {
        if echo != asked {
            self.count("answers to somebody else's question");
        }
        if isolation != "read committed" {
            self.count("dirty connections handed out");
        }
    }

    pub fn commits(&self, seed: i32) {
        self.state().commits.insert(seed, false);
    }

    pub fn committed(&self, seed: i32) {
        self.state().commits.insert(seed, true);
    }

    /// All counts, with those of `rows`: seed, part 1 or 2, and how often it is there.
    pub fn counts(&self, rows: impl Iterator<Item = (i32, i32, i64)>) -> Counts {
        let rows: Vec<_> = rows.collect();
        let state = self.state();
        let has = |n: i32, part: i32| rows.iter().any(|row| (row.0, row.1) == (n, part));
        let seeds: BTreeSet<i32> = rows.iter().map(|row| row.0).collect();
        let done = state.commits.iter().filter(|(_, done)| **done);
        let done: BTreeSet<i32> = done.map(|(seed, _)| *seed).collect();
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let mut counts = state.counts.clone();
        counts.insert("committed".into(), number(done.len()));
        let unknown = number(state.commits.len() - done.len());
        counts.insert("commit on its way when dropped".into(), unknown);
        let lost = done
            .iter()
            .filter(|seed| !has(**seed, 1) || !has(**seed, 2));
        counts.insert("committed, but lost".into(), number(lost.count()));
        let doubled = rows.iter().filter(|row| row.2 > 1);
        counts.insert("doubled rows".into(), number(doubled.count()));
        let torn = seeds.iter().filter(|seed| has(**seed, 1) != has(**seed, 2));
        counts.insert("committed in part".into(), number(torn.count()));
        let ghosts = seeds
            .iter()
            .filter(|seed| !state.commits.contains_key(seed));
        counts.insert("never committed, but there".into(), number(ghosts.count()));
        for always in ["hangs", "dirty connections handed out"] {
            counts.entry(always.into()).or_default();
        }
        counts
    }
}

/// The names of all counts, the number of operations first.
pub fn lines(columns: &[Counts]) -> Vec<String> {
    let names: BTreeSet<&String> = columns.iter().flat_map(BTreeMap::keys).collect();
    let mut names: Vec<String> = names.into_iter().cloned().collect();
    names.sort_by_key(|name| name != "operations");
    names
}
