//! Owns the prepared statements of one connection, the least recently used one leaving first.
//! Never talks to the server: what is evicted is handed back to be closed.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use crate::session::{CacheFigures, Known, Sql, Statement};

pub(super) struct Cache {
    entries: HashMap<Sql, Entry, BuildHasherDefault<Made>>,
    capacity: usize,
    clock: u64,
    /// What all names begin with: nobody else on the server may have it.
    prefix: String,
    named: u64,
    hits: u64,
    misses: u64,
    /// Statements that are of no use any more and wait for their holders.
    outdated: Vec<Arc<Statement>>,
}

/// The hash that a text has already.
#[derive(Default)]
struct Made(u64);

impl Hasher for Made {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

struct Entry {
    statement: Arc<Statement>,
    used: u64,
}

impl Cache {
    /// A cache of `capacity` statements; with 0 every statement is unnamed and none is kept.
    /// `tag` tells its names from those of other connections, which may share a server process behind
    /// a pooler.
    pub(super) fn new(capacity: usize, tag: u64) -> Cache {
        Cache {
            entries: HashMap::default(),
            capacity,
            clock: 0,
            prefix: format!("gino_{:x}_", tag >> 16),
            named: 0,
            hits: 0,
            misses: 0,
            outdated: Vec::new(),
        }
    }

    /// As [`Cache::get`], and counts how often that helps.
    pub(super) fn look_up(&mut self, sql: &Sql) -> Option<Arc<Statement>> {
        let found = self.get(sql);
        match found {
            Some(_) => self.hits += 1,
            None => self.misses += 1,
        }
        found
    }

    pub(super) fn figures(&self) -> CacheFigures {
        CacheFigures {
            size: self.entries.len(),
            capacity: self.capacity,
            hits: self.hits,
            misses: self.misses,
        }
    }

    pub(super) fn get(&mut self, sql: &Sql) -> Option<Arc<Statement>> {
        let entry = self.entries.get_mut(sql)?;
        self.clock += 1;
        entry.used = self.clock;
        Some(Arc::clone(&entry.statement))
    }

    /// A name that this connection has not used before; empty if statements are not kept.
    pub(super) fn next_name(&mut self) -> Box<str> {
        if self.capacity == 0 {
            return "".into();
        }
        self.named += 1;
        format!("{}{}", self.prefix, self.named).into()
    }

    /// Keeps `statement`, unless a twin of it was prepared meanwhile: that one comes back, for all
    /// to use.
    pub(super) fn insert(&mut self, statement: &Arc<Statement>) -> Option<Arc<Statement>> {
        if statement.name.is_empty() {
            return None;
        }
        if let Some(twin) = self.get(&statement.sql) {
            return Some(twin);
        }
        self.clock += 1;
        let entry = Entry {
            used: self.clock,
            statement: Arc::clone(statement),
        };
        self.entries.insert(statement.sql.clone(), entry);
        None
    }

    /// All statements are to be prepared anew. Those that nobody holds are given back by `evict`.
    pub(super) fn outdate(&mut self) {
        let entries = self.entries.drain().map(|(_, entry)| entry.statement);
        self.outdated.extend(entries);
    }

    /// The server has forgotten all statements.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.outdated.clear();
    }

    /// Takes out what has to be closed on the server: what is outdated, and the least recently used
    /// statement while there are too many. One in somebody's hands stays until it is given back.
    pub(super) fn evict(&mut self) -> Option<Arc<Statement>> {
        let mut outdated = self.outdated.iter();
        if let Some(free) = outdated.position(|statement| Arc::strong_count(statement) == 1) {
            return Some(self.outdated.swap_remove(free));
        }
        if self.entries.len() <= self.capacity {
            return None;
        }
        let oldest = self
            .entries
            .iter()
            .filter(|(_, entry)| Arc::strong_count(&entry.statement) == 1)
            .min_by_key(|(_, entry)| entry.used)?
            .0
            .clone();
        self.entries.remove(&oldest).map(|entry| entry.statement)
    }

    /// Puts `statement` in the place of what was prepared under its name, if that is still here.
    pub(super) fn refine(&mut self, statement: &Arc<Statement>) {
        if let Some(entry) = self.entries.get_mut(&statement.sql)
            && entry.statement.name == statement.name
        {
            entry.statement = Arc::clone(statement);
        }
    }

    /// What is known of the types of all statements has to be looked up again.
    pub(super) fn doubt(&mut self) {
        for entry in self.entries.values_mut() {
            let mut statement = Statement::clone(&entry.statement);
            statement.known = Known::Unasked;
            entry.statement = Arc::new(statement);
        }
    }

    /// Forgets `statement`, because the server did or its result has changed. Whether it was known.
    pub(super) fn remove(&mut self, statement: &Statement) -> bool {
        let entry = self.entries.get(&statement.sql);
        let known = entry.is_some_and(|entry| entry.statement.name == statement.name);
        if known {
            self.entries.remove(&statement.sql);
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(cache: &mut Cache, sql: &str) -> Arc<Statement> {
        let name = cache.next_name();
        let (params, columns) = (Box::default(), Arc::default());
        Arc::new(Statement {
            name,
            sql: Sql::new(sql),
            params,
            columns,
            touches: false,
            known: Known::Own,
        })
    }

    #[test]
    fn least_recently_used_statement_leaves() {
        let mut cache = Cache::new(2, 0);
        for sql in ["a", "b"] {
            let statement = statement(&mut cache, sql);
            assert!(cache.insert(&statement).is_none() && cache.evict().is_none());
        }
        assert!(cache.get(&Sql::new("a")).is_some());
        let third = statement(&mut cache, "c");
        assert!(cache.insert(&third).is_none());
        assert_eq!(cache.evict().unwrap().sql.as_str(), "b");
        assert!(cache.evict().is_none());
        assert!(cache.get(&Sql::new("b")).is_none());
    }

    #[test]
    fn first_of_twins_serves_both() {
        let mut cache = Cache::new(2, 0);
        let (first, second) = (statement(&mut cache, "a"), statement(&mut cache, "a"));
        assert!(cache.insert(&first).is_none());
        assert_eq!(cache.insert(&second).unwrap().name, first.name);
    }

    #[test]
    fn statement_in_somebodys_hands_stays() {
        let mut cache = Cache::new(1, 0);
        let (held, other) = (statement(&mut cache, "a"), statement(&mut cache, "b"));
        cache.insert(&held);
        cache.insert(&other);
        assert!(cache.evict().is_none());
        drop(other);
        assert_eq!(cache.evict().unwrap().sql.as_str(), "b");
    }

    #[test]
    fn nothing_is_kept_without_capacity() {
        let mut cache = Cache::new(0, 0);
        let only = statement(&mut cache, "a");
        assert_eq!(&*only.name, "");
        assert!(cache.insert(&only).is_none() && cache.evict().is_none());
        assert!(cache.get(&Sql::new("a")).is_none());
    }

    #[test]
    fn outdated_statement_is_closed_once_nobody_holds_it() {
        let mut cache = Cache::new(5, 0);
        let (held, free) = (statement(&mut cache, "a"), statement(&mut cache, "b"));
        cache.insert(&held);
        cache.insert(&free);
        drop(free);
        cache.outdate();
        assert!(cache.get(&Sql::new("a")).is_none() && cache.get(&Sql::new("b")).is_none());
        assert_eq!(cache.evict().unwrap().sql.as_str(), "b");
        assert!(cache.evict().is_none());
        drop(held);
        assert_eq!(cache.evict().unwrap().sql.as_str(), "a");
    }

    #[test]
    fn names_of_two_connections_differ() {
        let name = |tag| Cache::new(1, tag).next_name();
        assert_eq!(&*name(0), "gino_0_1");
        assert_ne!(name(u64::MAX), name(u64::MAX / 2));
        assert!(name(u64::MAX).len() < 30, "it goes along with each Bind");
    }
}
