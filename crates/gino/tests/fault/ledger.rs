//! Owns what a client may say of the rows it wrote. Never looks at how the driver works.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use gino::prelude::*;

use crate::server::PATIENCE;

type Parts = BTreeSet<i32>;

/// What became of each piece of work, by its number and as far as the client knows.
pub(crate) struct Ledger {
    url: String,
    table: String,
    pub(crate) insert: String,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    begun: i32,
    /// The parts that were committed.
    kept: BTreeMap<i32, Parts>,
    /// Those whose commit was on its way when the work was cut short.
    unknown: BTreeMap<i32, Parts>,
}

/// How the ledger compares with the table. All other work than `kept` and `unknown` must have left
/// nothing: `lost`, `doubled` and `ghost` (written though nobody asked to commit) should be 0.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Balance {
    pub(crate) begun: i32,
    pub(crate) kept: usize,
    pub(crate) unknown: usize,
    pub(crate) lost: usize,
    pub(crate) doubled: usize,
    pub(crate) ghost: usize,
}

impl Ledger {
    /// Makes the table anew in the database of `url`.
    pub(crate) async fn create(url: &str, name: &str) -> Ledger {
        let table = format!("gino_ledger_{name}");
        let engine = Engine::connect(url).await.unwrap();
        let fresh =
            format!("DROP TABLE IF EXISTS {table}; CREATE TABLE {table} (work int4, part int4)");
        engine.script(&fresh).await.unwrap();
        engine.close(PATIENCE).await.unwrap();
        Ledger {
            url: url.to_owned(),
            insert: format!("INSERT INTO {table} (work, part) VALUES ($1, $2)"),
            table,
            books: Mutex::default(),
        }
    }

    /// The same table, in a database that has become another's.
    pub(crate) fn moved_to(mut self, url: &str) -> Ledger {
        url.clone_into(&mut self.url);
        self
    }

    pub(crate) fn copy_in(&self) -> String {
        format!("COPY {} (work, part) FROM STDIN", self.table)
    }

    /// A number for a piece of work.
    pub(crate) fn begin(&self) -> i32 {
        let mut books = self.books();
        books.begun += 1;
        books.begun
    }

    /// From now on it may have happened.
    pub(crate) fn commits(&self, work: i32, parts: &[i32]) {
        let parts = parts.iter().copied().collect();
        self.books().unknown.insert(work, parts);
    }

    /// It has happened.
    pub(crate) fn committed(&self, work: i32) {
        let mut books = self.books();
        let parts = books.unknown.remove(&work).unwrap();
        books.kept.insert(work, parts);
    }

    /// How many pieces of work were committed.
    pub(crate) fn kept(&self) -> usize {
        self.books().kept.len()
    }

    /// Compares with the table, by a connection of its own, and drops it. Panics if anything is
    /// wrong.
    pub(crate) async fn balance(self) -> Balance {
        let engine = Engine::connect(&self.url).await.unwrap();
        let sql = format!(
            "SELECT work, part, count(*) FROM {} GROUP BY 1, 2",
            self.table
        );
        let rows = engine.all(sql, &[]).await.unwrap();
        let drop = format!("DROP TABLE {}", self.table);
        engine.script(&drop).await.unwrap();
        engine.close(PATIENCE).await.unwrap();
        let mut found: BTreeMap<i32, Parts> = BTreeMap::new();
        for row in &rows {
            found.entry(row.get(0)).or_default().insert(row.get(1));
        }
        let books = self.books();
        let lost = |(work, parts): &(&i32, &Parts)| found.get(work) != Some(parts);
        let ghost = |(work, parts): &(&i32, &Parts)| {
            !books.kept.contains_key(work) && books.unknown.get(work) != Some(parts)
        };
        let balance = Balance {
            begun: books.begun,
            kept: books.kept.len(),
            unknown: books.unknown.len(),
            lost: books.kept.iter().filter(lost).count(),
            doubled: rows.iter().filter(|row| row.get::<i64>(2) > 1).count(),
            ghost: found.iter().filter(ghost).count(),
        };
        let wrong = (balance.lost, balance.doubled, balance.ghost);
        assert_eq!(wrong, (0, 0, 0), "{balance:?}");
        balance
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }
}
