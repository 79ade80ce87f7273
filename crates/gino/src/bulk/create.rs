//! Owns the creation of many rows in one statement, and upserts.

use gino_core::error::Result;
use gino_core::session::Sql;
use postgres_types::ToSql;

use crate::crud::Create;
use crate::model::{Draft, Model, Set};
use crate::place::{On, awaited, placed};
use crate::record::{Load, LoadSink};
use crate::select::{Rows, Whole};
use crate::sql_type::quoted;
use crate::value::Sets;

use super::conflict::{Action, Conflict, OnConflict};
use super::rows::{Array, Unnested, can_unnest, columns_of};
use super::{ColumnSet, mixed};

/// Many new rows: `User::bulk_create(…)`, `User::bulk_upsert(…)`. Await it to have them.
///
/// Rows that set the same columns to plain values go as one array per column, however many they
/// are. Rows that set different columns, or expressions, have a parameter per value, of which
/// PostgreSQL takes 65,535: more go in several statements, in a transaction.
///
/// # Errors
/// `MissingValue` if a column has neither value nor default, before anything is sent; the server's
/// error; a value that does not fit.
///
/// # Cancellation
/// The statement is cancelled on the server; outside of a transaction it may have been committed
/// already.
#[must_use = "nothing is created before it is awaited"]
pub struct BulkCreate<M> {
    rows: Vec<Create<M>>,
    conflict: Option<Conflict>,
    on: On,
}

impl<M: Model> BulkCreate<M> {
    #[track_caller]
    pub(super) fn new(rows: Vec<Create<M>>) -> BulkCreate<M> {
        BulkCreate {
            rows,
            conflict: None,
            on: On::new(M::db),
        }
    }

    /// What is done with rows that are there already, which have the same values in `key`: it has a
    /// unique constraint or index. Say it by [`OnConflict::do_nothing`] or its like.
    pub fn on_conflict(self, key: impl ColumnSet<M>) -> OnConflict<M> {
        OnConflict::new(self, key)
    }

    pub(super) fn conflicting(mut self, conflict: Conflict) -> BulkCreate<M> {
        self.conflict = Some(conflict);
        self
    }

    async fn run(self) -> Result<Vec<M>> {
        let drafts = finished(self.rows)?;
        let Some(first) = drafts.first() else {
            return Ok(Vec::new());
        };
        let rows = Rows::new(Whole::<M>::new());
        let mask = first.mask().filter(|mask| *mask != 0);
        let has_values = self.conflict.as_ref().is_some_and(Conflict::has_values);
        let same =
            |mask: &u128| !has_values && drafts.iter().all(|draft| draft.mask() == Some(*mask));
        let Some(mask) = mask.filter(same) else {
            return mixed::create(self.on, drafts, self.conflict).await;
        };
        let conflict = self.conflict.as_ref();
        let columns = columns_of(M::TABLE, mask);
        if can_unnest(&columns) {
            let sql = text::<M>(Set::Many, mask, conflict, || {
                many::<M>(first, mask, conflict)
            });
            let arrays: Vec<Array<'_>> = (0..columns.len())
                .map(|at| Array::of(&drafts, at))
                .collect();
            let arrays: Vec<&(dyn ToSql + Sync)> = arrays.iter().map(|array| array as _).collect();
            return self.on.load(&sql, &arrays, 0, rows).await;
        }
        let sql = text::<M>(Set::Each, mask, conflict, || each::<M>(mask, conflict));
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
        Ok(load.map_or_else(Vec::new, |mut load| load.take()))
    }
}

placed!(BulkCreate<M: Model>, []);
awaited!(BulkCreate<M: Model> => Vec<M>);

pub(super) fn finished<M: Model>(rows: Vec<Create<M>>) -> Result<Vec<Draft>> {
    rows.into_iter()
        .map(|row| row.finished().map(|(draft, _)| draft))
        .collect()
}

/// `INSERT INTO "users" ("nickname", …) `.
pub(super) fn head<M: Model>(mask: u128) -> String {
    let columns = columns_of(M::TABLE, mask);
    let names: Vec<String> = columns.iter().map(|column| quoted(column.name)).collect();
    format!("INSERT INTO {} ({}) ", M::TABLE.sql(), names.join(", "))
}

/// The texts that are asked for again and again are kept.
fn text<M: Model>(
    set: Set,
    mask: u128,
    conflict: Option<&Conflict>,
    make: impl FnOnce() -> String,
) -> Sql {
    match conflict.map(|conflict| (&conflict.action, conflict.key.as_slice())) {
        None => M::plans().other(set, mask, None, make),
        Some((Action::Update, key)) => M::plans().other(set, mask, Some(key), make),
        Some(_) => Sql::from(make()),
    }
}

fn tail<M: Model>(mask: u128, conflict: Option<&Conflict>) -> String {
    let columns = columns_of(M::TABLE, mask);
    let conflict = conflict.map(|conflict| conflict.sql::<M>(&columns));
    let (conflict, all) = (conflict.unwrap_or_default(), M::plans().columns(M::TABLE));
    format!("{conflict} RETURNING {all}")
}

/// All rows from an array per column.
fn many<M: Model>(first: &Draft, mask: u128, conflict: Option<&Conflict>) -> String {
    let Unnested { fields, source } = Unnested::new(&columns_of(M::TABLE, mask), &first.wires());
    let (head, fields, tail) = (
        head::<M>(mask),
        fields.join(", "),
        tail::<M>(mask, conflict),
    );
    format!("{head}SELECT {fields} FROM {source} ORDER BY given.place{tail}")
}

/// One row, of many in one round trip.
fn each<M: Model>(mask: u128, conflict: Option<&Conflict>) -> String {
    let count = columns_of(M::TABLE, mask).len();
    let places: Vec<String> = (1..=count).map(|number| format!("${number}")).collect();
    format!(
        "{}VALUES ({}){}",
        head::<M>(mask),
        places.join(", "),
        tail::<M>(mask, conflict)
    )
}
