//! Owns the prepared statements of one connection, the least recently used one leaving first.
//! Never talks to the server: what is evicted is handed back to be closed.

use std::collections::HashMap;
use std::sync::Arc;

use crate::session::{Sql, Statement};

pub(super) struct Cache {
    entries: HashMap<Sql, Entry>,
    capacity: usize,
    clock: u64,
    named: u64,
}

struct Entry {
    statement: Arc<Statement>,
    used: u64,
}

impl Cache {
    /// A cache of `capacity` statements; with 0 every statement is unnamed and none is kept.
    pub(super) fn new(capacity: usize) -> Cache {
        Cache {
            entries: HashMap::new(),
            capacity,
            clock: 0,
            named: 0,
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
        format!("gino_{}", self.named).into()
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

    /// Takes out what has to be closed on the server: the least recently used statement while there
    /// are too many. One in somebody's hands stays until it is given back.
    pub(super) fn evict(&mut self) -> Option<Arc<Statement>> {
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
        let (params, columns) = (Box::default(), Arc::from([]));
        Arc::new(Statement {
            name,
            sql: Sql::new(sql),
            params,
            columns,
            touches: false,
        })
    }

    #[test]
    fn least_recently_used_statement_leaves() {
        let mut cache = Cache::new(2);
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
        let mut cache = Cache::new(2);
        let (first, second) = (statement(&mut cache, "a"), statement(&mut cache, "a"));
        assert!(cache.insert(&first).is_none());
        assert_eq!(cache.insert(&second).unwrap().name, first.name);
    }

    #[test]
    fn statement_in_somebodys_hands_stays() {
        let mut cache = Cache::new(1);
        let (held, other) = (statement(&mut cache, "a"), statement(&mut cache, "b"));
        cache.insert(&held);
        cache.insert(&other);
        assert!(cache.evict().is_none());
        drop(other);
        assert_eq!(cache.evict().unwrap().sql.as_str(), "b");
    }

    #[test]
    fn nothing_is_kept_without_capacity() {
        let mut cache = Cache::new(0);
        let only = statement(&mut cache, "a");
        assert_eq!(&*only.name, "");
        assert!(cache.insert(&only).is_none() && cache.evict().is_none());
        assert!(cache.get(&Sql::new("a")).is_none());
    }
}
