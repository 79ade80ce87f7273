//! Owns changes of many rows by their keys, each with values of its own: one statement for all rows
//! that set the same columns.

use std::collections::{BTreeMap, HashSet};

use bytes::BytesMut;
use gino_core::error::{Result, RowError, UsageError};
use postgres_types::{ToSql, Type};
use sea_query::Expr as SeaExpr;

use crate::crud::Update;
use crate::expr::Expr;
use crate::model::{Draft, Held, Key, Keyed, Model};
use crate::place::{On, awaited, placed};
use crate::record::{Load, LoadSink};
use crate::select::{Rows, Whole};
use crate::sql_type::quoted;
use crate::value::Sets;
use crate::value::Values;

use super::rows::{Array, Unnested, can_unnest, columns_of};

/// Changes of many rows: `User::bulk_update(…)`. Await it to have the rows as they are then, in the
/// same order; their relations are empty.
///
/// All of it is done in a transaction, or in a savepoint of the current one. Rows that set the same
/// columns to plain values go as one array per column, however many they are; a row that has
/// expressions or JSON properties is a statement of its own.
///
/// # Errors
/// `RowError::NoSuchRow` if one of the rows is gone; a usage error if two have the same key, before
/// anything is sent; the server's error; a value that does not fit. Nothing is changed then.
///
/// # Cancellation
/// Rolled back.
#[must_use = "nothing is changed before it is awaited"]
pub struct BulkUpdate<M: Model> {
    rows: Vec<Update<M>>,
    on: On,
}

impl<M: Model> BulkUpdate<M>
where
    M::Key: Key,
{
    #[track_caller]
    pub(super) fn new(rows: Vec<Update<M>>) -> BulkUpdate<M> {
        BulkUpdate {
            rows,
            on: On::new(M::db),
        }
    }

    async fn run(self) -> Result<Vec<M>> {
        let BulkUpdate { rows, on } = self;
        distinct(&rows)?;
        let mut found: Vec<Option<M>> = rows.iter().map(|_| None).collect();
        let mut groups: BTreeMap<u128, (Vec<usize>, Vec<Update<M>>)> = BTreeMap::new();
        let mut alone = Vec::new();
        for (place, mut row) in rows.into_iter().enumerate() {
            row.change.draft.sort();
            match row.change.draft.mask() {
                Some(mask @ 1..) => {
                    let (places, rows) = groups.entry(mask).or_default();
                    places.push(place);
                    rows.push(row);
                }
                _ => alone.push((place, row)),
            }
        }
        on.transaction(async move |on| {
            let mut keep = |place: Option<&usize>, row| {
                let place = place.and_then(|place| found.get_mut(*place));
                place.map(|place| place.insert(row));
            };
            for (mask, (places, rows)) in groups {
                for (at, row) in change(&on, mask, &rows).await? {
                    keep(places.get(at), row);
                }
            }
            for (place, mut row) in alone {
                row.change.on = on.clone();
                keep(Some(&place), row.apply().await?);
            }
            let all: Option<Vec<M>> = found.into_iter().collect();
            all.ok_or_else(|| RowError::NoSuchRow(M::TABLE.name).into())
        })
        .await
    }
}

placed!(BulkUpdate<M: Model> where M::Key: Key, []);
awaited!(BulkUpdate<M: Model> where M::Key: Key => Vec<M>);

/// # Errors
/// If two rows have the same key: which change is the last one is not said.
fn distinct<M: Model>(rows: &[Update<M>]) -> Result<()>
where
    M::Key: Key,
{
    let wires = M::Key::wires();
    let mut keys = HashSet::with_capacity(rows.len());
    for row in rows {
        let mut key = BytesMut::new();
        for (value, wire) in Keyed::of(&row.change.key).values().zip(&wires) {
            // What cannot be written fails when it is sent, with its place.
            let _ = value.to_sql_checked(wire, &mut key);
            key.extend_from_slice(b"\0");
        }
        if !keys.insert(key.freeze()) {
            let table = M::TABLE.name;
            return Err(UsageError::Value(format!(
                "two rows of a bulk_update of {table} have the same key: put their changes together"
            ))
            .into());
        }
    }
    Ok(())
}

/// Changes rows that set the columns of `mask`; gives those that are there with their places.
async fn change<M: Model>(on: &On, mask: u128, rows: &[Update<M>]) -> Result<Vec<(usize, M)>>
where
    M::Key: Key,
{
    let columns = columns_of(M::TABLE, mask);
    let Some(first) = rows.first().filter(|_| can_unnest(&columns)) else {
        return each(on, mask, rows).await;
    };
    let sql = many::<M>(mask, &first.change.draft);
    let mut values: Vec<Vec<Held<'_>>> = Vec::new();
    for row in rows {
        let mut own = Vec::with_capacity(columns.len() + 1);
        own.extend(Keyed::of(&row.change.key).values().map(Held::Other));
        own.extend(row.change.draft.values());
        values.resize_with(own.len(), || Vec::with_capacity(rows.len()));
        values
            .iter_mut()
            .zip(own)
            .for_each(|(all, value)| all.push(value));
    }
    let arrays: Vec<Array<'_>> = values.into_iter().map(Array).collect();
    let arrays: Vec<&(dyn ToSql + Sync)> = arrays.iter().map(|array| array as _).collect();
    let place = Expr::<i64>::from_sea(SeaExpr::Custom("given.place".into()));
    let found = Rows::new((place, Whole::<M>::new()));
    let found = on.load(&sql.into(), &Values(&arrays), 0, found).await?;
    let at = |place: i64| usize::try_from(place - 1).unwrap_or(usize::MAX);
    Ok(found
        .into_iter()
        .map(|(place, row)| (at(place), row))
        .collect())
}

/// All rows from an array per column, those of the key first.
fn many<M: Model>(mask: u128, first: &Draft) -> String
where
    M::Key: Key,
{
    let keys: Vec<_> = M::TABLE.primary_key().map(|(_, column)| column).collect();
    let set = columns_of(M::TABLE, mask);
    let wires: Vec<Type> = M::Key::wires().into_iter().chain(first.wires()).collect();
    let columns: Vec<_> = keys.iter().chain(&set).copied().collect();
    let Unnested { fields, source } = Unnested::new(&columns, &wires);
    let pairs = columns.iter().zip(&fields);
    let pairs: Vec<String> = pairs
        .map(|(column, field)| format!("{} = {field}", quoted(column.name)))
        .collect();
    let (same, sets) = pairs.split_at(keys.len().min(pairs.len()));
    let name = quoted(M::TABLE.name);
    let same: Vec<String> = same.iter().map(|pair| format!("{name}.{pair}")).collect();
    let (of, all) = (M::TABLE.sql(), M::plans().columns(M::TABLE));
    let (sets, same) = (sets.join(", "), same.join(" AND "));
    format!("UPDATE {of} SET {sets} FROM {source} WHERE {same} RETURNING given.place, {all}")
}

/// One by one, in one round trip: arrays of arrays cannot be taken apart.
async fn each<M: Model>(on: &On, mask: u128, rows: &[Update<M>]) -> Result<Vec<(usize, M)>>
where
    M::Key: Key,
{
    let sql = M::plans().update(M::TABLE, mask);
    let sets = rows.iter().map(|row| {
        let (draft, key) = (Some(&row.change.draft), &row.change.key);
        Keyed { draft, key }
    });
    let sets: Vec<_> = sets.collect();
    let load = LoadSink::boxed(Rows::new(Whole::<M>::new()));
    let done = on.run(&sql, &Sets(&sets), 0, load).await?;
    let load = LoadSink::<Rows<Whole<M>>>::load_of(done.sink);
    let found = load.map_or_else(Vec::new, |mut load| load.take());
    match found.len() == rows.len() {
        true => Ok(found.into_iter().enumerate().collect()),
        // Which of them is missing does not matter.
        false => Err(RowError::NoSuchRow(M::TABLE.name).into()),
    }
}
