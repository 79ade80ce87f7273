//! Owns the SQL texts of a model's own statements, each made once: per model, and per set of columns
//! where they differ. Never runs them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, Weak};

use gino_core::config::Config;
use gino_core::session::Sql;

use super::Table;
use crate::sql_type::quoted;

/// The texts of one model; the derive keeps one for each in a `static`.
#[derive(Debug)]
pub struct Plans {
    columns: OnceLock<String>,
    get: OnceLock<Sql>,
    delete: OnceLock<Sql>,
    /// The first insert and the first update, with the columns they set: usually all are like that.
    insert: OnceLock<(u128, Sql)>,
    update: OnceLock<(u128, Sql)>,
    /// By statement, the columns it sets, and those that may conflict.
    sets: RwLock<BTreeMap<(Set, u128, u128), Sql>>,
    /// By engine, which its configuration stands for: whether the table may keep new rows out.
    keeps_out: RwLock<Vec<(Weak<Config>, bool)>>,
}

/// A statement whose text depends on which columns it sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Set {
    Insert,
    Update,
    /// Many rows, an array per column.
    Many,
    /// One of many rows in one round trip.
    Each,
    /// A row by other columns than its key.
    Find,
    /// A row that may be there already.
    Try,
}

impl Plans {
    /// None made yet.
    pub const fn new() -> Plans {
        Plans {
            columns: OnceLock::new(),
            get: OnceLock::new(),
            delete: OnceLock::new(),
            insert: OnceLock::new(),
            update: OnceLock::new(),
            sets: RwLock::new(BTreeMap::new()),
            keeps_out: RwLock::new(Vec::new()),
        }
    }

    /// `"users"."id", "users"."nickname", …`.
    pub(crate) fn columns(&self, table: &Table) -> &str {
        self.columns.get_or_init(|| {
            let of = quoted(table.name);
            let mut sql = String::new();
            for column in table.columns {
                push_comma(&mut sql);
                sql.push_str(&of);
                sql.push('.');
                sql.push_str(&quoted(column.name));
            }
            sql
        })
    }

    /// The row of a key.
    pub(crate) fn get(&self, table: &Table) -> &Sql {
        self.get.get_or_init(|| {
            let (columns, from, key) = (names(table), table.sql(), by_key(table, 1));
            Sql::from(format!("SELECT {columns} FROM {from} WHERE {key}"))
        })
    }

    /// Deletes the row of a key.
    pub(crate) fn delete(&self, table: &Table) -> &Sql {
        self.delete.get_or_init(|| {
            Sql::from(format!(
                "DELETE FROM {} WHERE {}",
                table.sql(),
                by_key(table, 1)
            ))
        })
    }

    /// Inserts a row with values for the columns of `mask`, and returns all columns.
    pub(crate) fn insert(&self, table: &Table, mask: u128) -> Cow<'_, Sql> {
        self.usual(&self.insert, Set::Insert, mask, || {
            let names: Vec<String> = chosen(table, mask).map(quoted).collect();
            let (of, columns) = (table.sql(), self::names(table));
            if names.is_empty() {
                return format!("INSERT INTO {of} DEFAULT VALUES RETURNING {columns}");
            }
            let places: Vec<String> = (1..=names.len())
                .map(|number| format!("${number}"))
                .collect();
            let (names, places) = (names.join(", "), places.join(", "));
            format!("INSERT INTO {of} ({names}) VALUES ({places}) RETURNING {columns}")
        })
    }

    /// Another statement that sets the columns of `mask`, where those of `key` may conflict.
    pub(crate) fn other(
        &self,
        set: Set,
        mask: u128,
        key: Option<&[usize]>,
        make: impl FnOnce() -> String,
    ) -> Sql {
        let bit = |index: &usize| {
            u32::try_from(*index)
                .ok()
                .and_then(|at| 1_u128.checked_shl(at))
        };
        let key = key.unwrap_or_default().iter().filter_map(bit).sum();
        self.set(set, mask, key, make)
    }

    /// Updates the columns of `mask` in the row of a key, whose values come last, and returns all
    /// columns.
    pub(crate) fn update(&self, table: &Table, mask: u128) -> Cow<'_, Sql> {
        self.usual(&self.update, Set::Update, mask, || {
            let mut sets = String::new();
            let mut number = 0;
            for name in chosen(table, mask) {
                number += 1;
                push_comma(&mut sets);
                sets.push_str(&format!("{} = ${number}", quoted(name)));
            }
            let (of, key) = (table.sql(), by_key(table, number + 1));
            let columns = names(table);
            format!("UPDATE {of} SET {sets} WHERE {key} RETURNING {columns}")
        })
    }

    /// Whether the table may keep new rows out, if `engine` has been asked.
    pub(crate) fn keeps_out(&self, engine: &Arc<Config>) -> Option<bool> {
        let known = self
            .keeps_out
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let of_engine = |(of, _): &&(Weak<Config>, bool)| std::ptr::eq(of.as_ptr(), &**engine);
        known
            .iter()
            .find(of_engine)
            .map(|(_, keeps_out)| *keeps_out)
    }

    /// Keeps what `engine` said of that.
    pub(crate) fn remember_keeps_out(&self, engine: &Arc<Config>, keeps_out: bool) {
        self.forget_keeps_out(engine);
        let mut known = (self.keeps_out.write()).unwrap_or_else(PoisonError::into_inner);
        known.push((Arc::downgrade(engine), keeps_out));
    }

    /// Has `engine` asked again.
    pub(crate) fn forget_keeps_out(&self, engine: &Arc<Config>) {
        let mut known = (self.keeps_out.write()).unwrap_or_else(PoisonError::into_inner);
        known.retain(|(of, _)| of.strong_count() > 0 && !std::ptr::eq(of.as_ptr(), &**engine));
    }

    /// One that `first` has, or is to have, if it sets the same columns.
    fn usual<'a>(
        &'a self,
        first: &'a OnceLock<(u128, Sql)>,
        set: Set,
        mask: u128,
        make: impl Fn() -> String,
    ) -> Cow<'a, Sql> {
        let (usual, sql) = first.get_or_init(|| (mask, Sql::from(make())));
        match *usual == mask {
            true => Cow::Borrowed(sql),
            false => Cow::Owned(self.set(set, mask, 0, make)),
        }
    }

    fn set(&self, set: Set, mask: u128, key: u128, make: impl FnOnce() -> String) -> Sql {
        let key = (set, mask, key);
        let made = self.sets.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(sql) = made.get(&key) {
            return sql.clone();
        }
        drop(made);
        let sql = Sql::from(make());
        let mut made = self.sets.write().unwrap_or_else(PoisonError::into_inner);
        made.entry(key).or_insert(sql).clone()
    }
}

impl Default for Plans {
    fn default() -> Self {
        Plans::new()
    }
}

fn chosen(table: &Table, mask: u128) -> impl Iterator<Item = &'static str> {
    let columns = (0_u32..).zip(table.columns);
    columns.filter_map(move |(bit, column)| {
        let is_in = mask.checked_shr(bit).is_some_and(|rest| rest & 1 == 1);
        is_in.then_some(column.name)
    })
}

/// `"id", "nickname", …`: what needs no more is short, as the server copies the text of a statement each
/// time it runs (PostgreSQL source, pgstat_report_activity).
fn names(table: &Table) -> String {
    let names: Vec<String> = table.columns.iter().map(|c| quoted(c.name)).collect();
    names.join(", ")
}

/// `"id" = $1 AND …`, from parameter `first` on.
fn by_key(table: &Table, first: usize) -> String {
    let parts = (first..).zip(table.primary_key());
    let parts = parts.map(|(number, (_, column))| format!("{} = ${number}", quoted(column.name)));
    parts.collect::<Vec<_>>().join(" AND ")
}

fn push_comma(sql: &mut String) {
    if !sql.is_empty() {
        sql.push_str(", ");
    }
}
