//! Owns the creation of many rows in one statement, upserts, and get-or-create.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use gino_core::error::{Result, RowError, UsageError};
use postgres_types::ToSql;
use sea_query::{Expr as SeaExpr, InsertStatement, Keyword, OnConflict, ReturningClause};

use crate::BoxFuture;
use crate::crud::Create;
use crate::model::{self, Draft, Model, Set, Slot, table_name};
use crate::param::{Built, POSTGRES};
use crate::place::On;
use crate::query::Executor;
use crate::record::LoadSink;
use crate::select::{Rows, Whole};
use crate::sql_type::quoted;
use crate::value::Sets;

use super::rows::{Array, can_unnest, columns_of, on_conflict, unnested};

/// Many new rows: `User::bulk_create(…)`, `User::bulk_upsert(…)`. Await it to have them.
///
/// Rows that set the same columns to plain values go as one array per column, however many they
/// are. Rows that set different columns, or expressions, have a parameter per value, of which
/// PostgreSQL takes 65,535.
///
/// # Errors
/// `MissingValue` if a column has neither value nor default, before anything is sent; the server's
/// error; a value that does not fit; a usage error for too many parameters.
///
/// # Cancellation
/// The statement is cancelled on the server; outside of a transaction it may have been committed
/// already.
#[must_use = "nothing is created before it is awaited"]
pub struct BulkCreate<M> {
    rows: Vec<Create<M>>,
    key: Option<Vec<usize>>,
    on: On,
    of: PhantomData<fn() -> M>,
}

impl<M: Model> BulkCreate<M> {
    pub(super) fn new(rows: Vec<Create<M>>, key: Option<Vec<usize>>) -> BulkCreate<M> {
        BulkCreate {
            rows,
            key,
            on: On::new(M::db),
            of: PhantomData,
        }
    }

    /// Runs on `executor`: an engine, a connection, a transaction. Without it, on the model's
    /// database, in the current transaction or connection if there is one.
    pub fn on(mut self, executor: &(impl Executor + ?Sized)) -> Self {
        self.on.set(executor);
        self
    }

    /// Runs at most this long, waiting for a connection included.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.on.limit(timeout);
        self
    }

    async fn run(self) -> Result<Vec<M>> {
        let drafts = finished(self.rows)?;
        let Some(first) = drafts.first() else {
            return Ok(Vec::new());
        };
        let rows = Rows::new(Whole::<M>::new());
        let mask = first.mask().filter(|mask| *mask != 0);
        let same = |mask: &u128| drafts.iter().all(|draft| draft.mask() == Some(*mask));
        let Some(mask) = mask.filter(same) else {
            let built = irregular::<M>(drafts, self.key)?;
            return self.on.load(&built.sql, &built.values()?, 0, rows).await;
        };
        let key = self.key.as_deref();
        let columns = columns_of(M::TABLE, mask);
        if can_unnest(&columns) {
            let sql = M::plans().other(Set::Many, mask, key, || many::<M>(mask, key));
            let arrays: Vec<Array<'_>> = (0..columns.len())
                .map(|at| Array::of(&drafts, at))
                .collect();
            let arrays: Vec<&(dyn ToSql + Sync)> = arrays.iter().map(|array| array as _).collect();
            return self.on.load(&sql, &arrays, 0, rows).await;
        }
        let sql = M::plans().other(Set::Each, mask, key, || each::<M>(mask, key));
        let set = |draft| {
            let mut values = Vec::with_capacity(columns.len());
            Draft::values(draft, &mut values);
            values
        };
        let sets: Vec<Vec<_>> = drafts.iter().map(set).collect();
        let done = self
            .on
            .run(&sql, &Sets(&sets), 0, LoadSink::boxed(rows))
            .await?;
        let load = LoadSink::<Rows<Whole<M>>>::load_of(done.sink);
        Ok(load.map_or_else(Vec::new, |mut load| crate::record::Load::take(&mut load)))
    }
}

impl<M: Model> IntoFuture for BulkCreate<M> {
    type Output = Result<Vec<M>>;
    type IntoFuture = BoxFuture<Result<Vec<M>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<M> fmt::Debug for BulkCreate<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkCreate")
            .field("rows", &self.rows.len())
            .finish_non_exhaustive()
    }
}

pub(super) fn finished<M: Model>(rows: Vec<Create<M>>) -> Result<Vec<Draft>> {
    rows.into_iter()
        .map(|row| row.finished().map(|(draft, _)| draft))
        .collect()
}

/// `INSERT INTO "users" ("nickname", …) `.
fn head<M: Model>(mask: u128) -> String {
    let columns = columns_of(M::TABLE, mask);
    let names: Vec<String> = columns.iter().map(|column| quoted(column.name)).collect();
    format!("INSERT INTO {} ({}) ", M::TABLE.sql(), names.join(", "))
}

fn tail<M: Model>(mask: u128, key: Option<&[usize]>) -> String {
    let columns = columns_of(M::TABLE, mask);
    let conflict = key.map(|key| on_conflict(M::TABLE, key, &columns, true));
    let (conflict, all) = (conflict.unwrap_or_default(), M::plans().columns(M::TABLE));
    format!("{conflict} RETURNING {all}")
}

/// All rows from an array per column.
fn many<M: Model>(mask: u128, key: Option<&[usize]>) -> String {
    let rows = unnested(&columns_of(M::TABLE, mask));
    format!("{}{rows}{}", head::<M>(mask), tail::<M>(mask, key))
}

/// One row, of many in one round trip.
fn each<M: Model>(mask: u128, key: Option<&[usize]>) -> String {
    let count = columns_of(M::TABLE, mask).len();
    let places: Vec<String> = (1..=count).map(|number| format!("${number}")).collect();
    format!(
        "{}VALUES ({}){}",
        head::<M>(mask),
        places.join(", "),
        tail::<M>(mask, key)
    )
}

/// Rows that set different columns, or expressions.
fn irregular<M: Model>(drafts: Vec<Draft>, key: Option<Vec<usize>>) -> Result<Built> {
    let mut rows = Vec::with_capacity(drafts.len());
    let mut columns = Vec::new();
    for draft in drafts {
        let mut slots = draft.slots;
        model::merge::<M>(&mut slots, draft.properties, model::Merge::Create);
        for (index, _) in &slots {
            if !columns.contains(index) {
                columns.push(*index);
            }
        }
        rows.push(slots);
    }
    if columns.is_empty() {
        // All columns are the server's to fill; one has to be named.
        columns.push(0);
    }
    columns.sort_unstable();
    let defs: Vec<_> = columns
        .iter()
        .filter_map(|index| M::TABLE.columns.get(*index))
        .collect();
    let mut statement = InsertStatement::new();
    statement.into_table(table_name(M::TABLE));
    statement.columns(defs.iter().map(|column| column.name));
    for mut slots in rows {
        let values = columns.iter().map(|index| {
            let place = slots.iter().position(|(at, _)| at == index);
            match place {
                Some(place) => Slot::into_sea(slots.swap_remove(place).1),
                None => SeaExpr::Keyword(Keyword::Default),
            }
        });
        // As many values as columns: it cannot fail.
        let _ = statement.values(values.collect::<Vec<_>>());
    }
    if let Some(key) = key {
        let name = |index: &usize| {
            M::TABLE
                .columns
                .get(*index)
                .map_or("", |column| column.name)
        };
        let key: Vec<&'static str> = key.iter().map(name).collect();
        let others = defs
            .iter()
            .filter(|column| !key.contains(&column.name) && !column.primary_key);
        let mut others: Vec<&'static str> = others.map(|column| column.name).collect();
        if others.is_empty() {
            others.extend(key.first());
        }
        statement.on_conflict(OnConflict::columns(key).update_columns(others).to_owned());
    }
    let all = SeaExpr::Custom(M::plans().columns(M::TABLE).into());
    statement.returning(ReturningClause::Exprs(vec![all]));
    let built = Built::new(|writer| statement.build_collect_into(POSTGRES, writer))?;
    match built.len() > MOST_PARAMS {
        true => Err(UsageError::Statement(
            "rows that set different columns, or expressions, have at most 65,535 values in one \
             statement: create fewer at once, in a transaction",
        )
        .into()),
        false => Ok(built),
    }
}

/// PostgreSQL manual, "Message Formats", Bind: the count is an Int16, read unsigned.
const MOST_PARAMS: usize = 65_535;

/// A row that is created if it is not there: `User::get_or_create(…)`. Await it to have the row, and
/// whether it was created.
///
/// # Errors
/// As of a create; `MissingValue` if a column of the key has no value.
///
/// # Cancellation
/// The statement is cancelled on the server; outside of a transaction it may have been committed
/// already.
#[must_use = "nothing is asked before it is awaited"]
pub struct GetOrCreate<M> {
    row: Create<M>,
    key: Vec<usize>,
    on: On,
}

impl<M: Model> GetOrCreate<M> {
    pub(super) fn new(row: Create<M>, key: Vec<usize>) -> GetOrCreate<M> {
        GetOrCreate {
            row,
            key,
            on: On::new(M::db),
        }
    }

    /// Runs on `executor`: an engine, a connection, a transaction. Without it, on the model's
    /// database, in the current transaction or connection if there is one.
    pub fn on(mut self, executor: &(impl Executor + ?Sized)) -> Self {
        self.on.set(executor);
        self
    }

    /// Each of its statements runs at most this long, waiting for a connection included.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.on.limit(timeout);
        self
    }

    async fn run(self) -> Result<(M, bool)> {
        let (on, key) = (self.on, self.key);
        let mut drafts = finished(vec![self.row])?;
        let draft = drafts.pop().unwrap_or_default();
        let Some(mask) = draft.mask() else {
            return Err(
                UsageError::Statement("get_or_create takes values, not expressions").into(),
            );
        };
        let mut wanted: Vec<&(dyn ToSql + Sync)> = Vec::with_capacity(key.len());
        for index in &key {
            let place = draft.slots.iter().position(|(at, _)| at == index);
            let value = place.and_then(|place| draft.value(place));
            wanted.push(value.ok_or_else(|| missing::<M>(*index))?);
        }
        let mut values = Vec::new();
        draft.values(&mut values);
        let find = M::plans().other(Set::Find, mask, Some(&key), || find::<M>(&key));
        let create = M::plans().other(Set::Try, mask, Some(&key), || attempt::<M>(mask, &key));
        // Whoever deletes rows at the same time can make both miss; not for long.
        for _ in 0..ATTEMPTS {
            let rows = || Rows::new(Whole::<M>::new());
            if let Some(found) = on.load(&find, &wanted, 0, rows()).await?.pop() {
                return Ok((found, false));
            }
            if let Some(made) = on.load(&create, &values, 0, rows()).await?.pop() {
                return Ok((made, true));
            }
        }
        Err(RowError::NoneFound.into())
    }
}

/// How often a row may vanish between being there and being read.
const ATTEMPTS: usize = 8;

#[cold]
fn missing<M: Model>(index: usize) -> UsageError {
    let field = M::TABLE
        .columns
        .get(index)
        .map_or("", |column| column.field);
    let table = M::TABLE.name;
    UsageError::MissingValue { table, field }
}

fn find<M: Model>(key: &[usize]) -> String {
    let parts = (1..).zip(key).filter_map(|(number, index)| {
        let column = M::TABLE.columns.get(*index)?;
        Some(format!("{} = ${number}", quoted(column.name)))
    });
    let parts: Vec<String> = parts.collect();
    let (all, of) = (M::plans().columns(M::TABLE), M::TABLE.sql());
    format!("SELECT {all} FROM {of} WHERE {}", parts.join(" AND "))
}

fn attempt<M: Model>(mask: u128, key: &[usize]) -> String {
    let columns = columns_of(M::TABLE, mask);
    let places: Vec<String> = (1..=columns.len())
        .map(|number| format!("${number}"))
        .collect();
    let conflict = on_conflict(M::TABLE, key, &columns, false);
    let (head, all) = (head::<M>(mask), M::plans().columns(M::TABLE));
    format!(
        "{head}VALUES ({}){conflict} RETURNING {all}",
        places.join(", ")
    )
}

impl<M: Model> IntoFuture for GetOrCreate<M> {
    type Output = Result<(M, bool)>;
    type IntoFuture = BoxFuture<Result<(M, bool)>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<M> fmt::Debug for GetOrCreate<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetOrCreate")
            .field("row", &self.row)
            .finish_non_exhaustive()
    }
}
