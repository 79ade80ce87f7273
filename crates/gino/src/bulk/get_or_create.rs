//! Owns a row that is created if it is not there, safe between tasks and programs.

use gino_core::error::{Result, RowError, UsageError};
use postgres_types::ToSql;

use crate::crud::Create;
use crate::model::{Model, Set};
use crate::place::{On, awaited, placed};
use crate::select::{Rows, Whole};
use crate::sql_type::quoted;
use crate::value::Values;

use super::conflict::{Action, Conflict};
use super::create::{finished, head};
use super::rows::columns_of;

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
    #[track_caller]
    pub(super) fn new(row: Create<M>, key: Vec<usize>) -> GetOrCreate<M> {
        GetOrCreate {
            row,
            key,
            on: On::new(M::db),
        }
    }

    async fn run(self) -> Result<(M, bool)> {
        let GetOrCreate { row, key, on } = self;
        on.together(async move |on| get_or_create(&on, row, &key).await)
            .await
    }
}

placed!(GetOrCreate<M: Model>, [row]);
awaited!(GetOrCreate<M: Model> => (M, bool));

async fn get_or_create<M: Model>(on: &On, row: Create<M>, key: &[usize]) -> Result<(M, bool)> {
    let mut drafts = finished(vec![row])?;
    let draft = drafts.pop().unwrap_or_default();
    let Some(mask) = draft.mask() else {
        return Err(UsageError::Statement("get_or_create takes values, not expressions").into());
    };
    let mut wanted = Vec::with_capacity(key.len());
    for index in key {
        wanted.push(draft.value_of(*index).ok_or_else(|| missing::<M>(*index))?);
    }
    let wanted: Vec<&(dyn ToSql + Sync)> = wanted.iter().map(|value| value as _).collect();
    let find = M::plans().other(Set::Find, mask, Some(key), || find::<M>(key));
    let create = M::plans().other(Set::Try, mask, Some(key), || attempt::<M>(mask, key));
    // Whoever deletes rows at the same time can make both miss; not for long.
    for _ in 0..ATTEMPTS {
        let rows = || Rows::new(Whole::<M>::new());
        if let Some(found) = on.load(&find, &Values(&wanted), 0, rows()).await?.pop() {
            return Ok((found, false));
        }
        if let Some(made) = on.load(&create, &draft, 0, rows()).await?.pop() {
            return Ok((made, true));
        }
    }
    Err(RowError::NoneFound.into())
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
    let (key, action) = (key.to_vec(), Action::Nothing);
    let conflict = Conflict { key, action }.sql::<M>(&columns);
    let (head, all) = (head::<M>(mask), M::plans().columns(M::TABLE));
    format!(
        "{head}VALUES ({}){conflict} RETURNING {all}",
        places.join(", ")
    )
}
