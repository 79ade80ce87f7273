//! Owns what becomes of new rows where there are rows already with the same values in a key: nothing,
//! or changes of those.

use sea_query::{
    ColumnName, ColumnRef, Expr as SeaExpr, IntoIden, OnConflict as SeaConflict, TableName,
};

use crate::expr::Expr;
use crate::model::{self, Column, ColumnDef, Model};
use crate::sql_type::{SqlType, quoted};

use super::{BulkCreate, ColumnSet, UpdateAll, sorted};

/// New rows some of which may be there already: `User::bulk_create(…).on_conflict(User::EMAIL)`.
#[must_use = "say what is done with rows that are there already"]
pub struct OnConflict<M> {
    create: BulkCreate<M>,
    key: Vec<usize>,
}

impl<M: Model> OnConflict<M> {
    pub(super) fn new(create: BulkCreate<M>, key: impl ColumnSet<M>) -> OnConflict<M> {
        let key = sorted(key);
        OnConflict { create, key }
    }

    /// Leaves those alone that are there: only rows that were created come back.
    pub fn do_nothing(self) -> BulkCreate<M> {
        self.with(Action::Nothing)
    }

    /// Changes those that are there to what the new rows say, but for the key.
    pub fn do_update(self) -> BulkCreate<M> {
        self.with(Action::Update)
    }

    /// Changes these columns of those that are there to what the new rows say.
    pub fn do_update_of(self, columns: impl ColumnSet<M>) -> BulkCreate<M> {
        let columns = sorted(columns);
        self.with(Action::UpdateOf(columns))
    }

    /// Changes those that are there by expressions, in which [`excluded`] is what the new row says;
    /// with a filter only those that it keeps.
    ///
    /// ```no_run
    /// # use gino::prelude::*;
    /// # static DB: Gino = Gino::new();
    /// # #[derive(Model)] #[gino(db = DB)] struct Page { #[gino(primary_key)] path: String, visits: i64 }
    /// # async fn run(seen: Vec<String>) -> gino::Result<()> {
    /// let visits = seen.into_iter().map(|path| Page::create().path(path).visits(1));
    /// let more = Page::update_all().visits(Page::VISITS + gino::excluded(Page::VISITS));
    /// Page::bulk_create(visits).on_conflict(Page::PATH).do_update_with(more).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn do_update_with(self, changes: impl Into<UpdateAll<M>>) -> BulkCreate<M> {
        let (draft, filters) = changes.into().into_parts();
        let sets = model::merged(M::TABLE, draft, model::Merge::Update);
        self.with(Action::Set { sets, filters })
    }

    fn with(self, action: Action) -> BulkCreate<M> {
        let key = self.key;
        self.create.conflicting(Conflict { key, action })
    }
}

/// What the new row has in `column`, for [`OnConflict::do_update_with`].
pub fn excluded<M: Model, T: SqlType>(column: Column<M, T>) -> Expr<T> {
    let table = TableName(None, "excluded".into_iden());
    let column = ColumnName(Some(table), column.name().into_iden());
    Expr::from_sea(SeaExpr::Column(ColumnRef::Column(column)))
}

/// What is done about rows with the same values in `key`.
pub(super) struct Conflict {
    /// Positions, in order.
    pub(super) key: Vec<usize>,
    pub(super) action: Action,
}

pub(super) enum Action {
    Nothing,
    /// All that is given, but the key.
    Update,
    UpdateOf(Vec<usize>),
    Set {
        sets: Vec<(usize, SeaExpr)>,
        filters: Vec<SeaExpr>,
    },
}

impl Conflict {
    /// Whether it has values of its own, which a text cannot have.
    pub(super) fn has_values(&self) -> bool {
        matches!(self.action, Action::Set { .. })
    }

    /// As text, for rows with values for `given`.
    pub(super) fn sql<M: Model>(&self, given: &[&'static ColumnDef]) -> String {
        let list = |names: Vec<&str>, each: fn(&str) -> String| {
            names.into_iter().map(each).collect::<Vec<_>>().join(", ")
        };
        let key = list(names::<M>(&self.key), quoted);
        let sets = list(self.renewed::<M>(given), |name| {
            format!("{0} = EXCLUDED.{0}", quoted(name))
        });
        match sets.is_empty() {
            true => format!(" ON CONFLICT ({key}) DO NOTHING"),
            false => format!(" ON CONFLICT ({key}) DO UPDATE SET {sets}"),
        }
    }

    /// The same for a sea-query statement.
    pub(super) fn clause<M: Model>(&self, given: &[&'static ColumnDef]) -> SeaConflict {
        let mut clause = SeaConflict::columns(names::<M>(&self.key));
        match &self.action {
            Action::Nothing => {
                clause.do_nothing();
            }
            Action::Set { sets, filters } => {
                let columns = M::TABLE.columns;
                for (at, value) in sets {
                    let name = columns.get(*at).map_or("", |column| column.name);
                    clause.value(name, value.clone());
                }
                for filter in filters {
                    clause.action_and_where(filter.clone());
                }
            }
            _ => {
                clause.update_columns(self.renewed::<M>(given));
            }
        }
        clause
    }

    /// The columns that become what the new row says.
    fn renewed<M: Model>(&self, given: &[&'static ColumnDef]) -> Vec<&'static str> {
        let key = names::<M>(&self.key);
        match &self.action {
            Action::Nothing | Action::Set { .. } => Vec::new(),
            Action::UpdateOf(columns) => names::<M>(columns),
            Action::Update => {
                let others = given.iter().filter(|column| !column.primary_key);
                let others = others.map(|column| column.name);
                let others: Vec<&str> = others.filter(|name| !key.contains(name)).collect();
                match others.is_empty() {
                    // Nothing to change, and still a row to give back.
                    true => key.into_iter().take(1).collect(),
                    false => others,
                }
            }
        }
    }
}

fn names<M: Model>(positions: &[usize]) -> Vec<&'static str> {
    let column = |at: &usize| M::TABLE.columns.get(*at);
    positions
        .iter()
        .filter_map(column)
        .map(|column| column.name)
        .collect()
}
