//! Owns the creation of many rows in one statement, and upserts.

use gino_core::error::{Result, RowError};
use gino_core::session::Sql;
use postgres_types::ToSql;

use crate::crud::Create;
use crate::model::{Draft, Model, Set};
use crate::place::{On, awaited, placed};
use crate::record::{Load, LoadSink};
use crate::select::{Rows, Whole};
use crate::sql_type::quoted;
use crate::value::Sets;
use crate::value::Values;

use super::conflict::{Action, Conflict, OnConflict};
use super::rows::{Array, Unnested, can_unnest, columns_of};
use super::{ColumnSet, catalog, mixed};

/// Many new rows: `User::bulk_create(…)`, `User::bulk_upsert(…)`. Await it to have them.
///
/// Rows that set the same columns to plain values go as one array per column, however many they
/// are. Rows that set different columns, or expressions, have a parameter per value, of which
/// PostgreSQL takes 65,535: more go in several statements, in a transaction.
///
/// # Errors
/// `MissingValue` if a column has neither value nor default, before anything is sent; the server's
/// error; a value that does not fit; `RowError::KeptOut` if a trigger or rule of the table kept a row
/// out and nothing was said for a conflict: nothing is stored then. The server is asked once for each
/// engine whether there is one; one that is made while the program runs is noticed when it has kept out
/// the first row.
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
        let BulkCreate { rows, conflict, on } = self;
        let drafts = finished(rows)?;
        if conflict.is_some() {
            return create(on, drafts, conflict, None).await;
        }
        let all = Some(drafts.len());
        on.together(async move |on| {
            // A single row is stored or not.
            let in_transaction = drafts.len() > 1 && catalog::may_keep_out::<M>(&on).await?;
            match in_transaction {
                true => on.transaction(|on| create(on, drafts, None, all)).await,
                false => create(on, drafts, None, all).await,
            }
        })
        .await
    }
}

placed!(BulkCreate<M: Model>, []);
awaited!(BulkCreate<M: Model> => Vec<M>);

/// Creates them; `all` is how many have to come back, if that is known.
async fn create<M: Model>(
    on: On,
    drafts: Vec<Draft>,
    conflict: Option<Conflict>,
    all: Option<usize>,
) -> Result<Vec<M>> {
    let Some(first) = drafts.first() else {
        return Ok(Vec::new());
    };
    let rows = Rows::new(Whole::<M>::new());
    let mask = first.mask().filter(|mask| *mask != 0);
    let has_values = conflict.as_ref().is_some_and(Conflict::has_values);
    let same = |mask: &u128| !has_values && drafts.iter().all(|draft| draft.mask() == Some(*mask));
    let Some(mask) = mask.filter(same) else {
        return mixed::create(on, drafts, conflict, all).await;
    };
    let conflict = conflict.as_ref();
    let columns = columns_of(M::TABLE, mask);
    if can_unnest(&columns) {
        let sql = text::<M>(Set::Many, mask, conflict, || {
            many::<M>(first, mask, conflict)
        });
        let arrays: Vec<Array<'_>> = (0..columns.len())
            .map(|at| Array::of(&drafts, at))
            .collect();
        let arrays: Vec<&(dyn ToSql + Sync)> = arrays.iter().map(|array| array as _).collect();
        let made = on.load(&sql, &Values(&arrays), 0, rows).await?;
        return complete(&on, made, all);
    }
    let sql = text::<M>(Set::Each, mask, conflict, || each::<M>(mask, conflict));
    let load = LoadSink::boxed(rows);
    let done = on.run(&sql, &Sets(&drafts), 0, load).await?;
    let load = LoadSink::<Rows<Whole<M>>>::load_of(done.sink);
    let made = load.map_or_else(Vec::new, |mut load| load.take());
    complete(&on, made, all)
}

/// The rows that were `made`, if they are `all`.
pub(super) fn complete<M: Model>(on: &On, made: Vec<M>, all: Option<usize>) -> Result<Vec<M>> {
    let Some(given) = all.filter(|all| *all != made.len()) else {
        return Ok(made);
    };
    // Perhaps by a trigger that was not there when the server was asked.
    M::plans().forget_keeps_out(on.target()?.core.config());
    let (table, stored) = (M::TABLE.name, made.len());
    let kept_out = RowError::KeptOut {
        table,
        given,
        stored,
    };
    Err(kept_out.into())
}

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
    let wires: Vec<_> = first.wires().collect();
    let Unnested { fields, source } = Unnested::new(&columns_of(M::TABLE, mask), &wires);
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
