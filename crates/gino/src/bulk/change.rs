//! Owns updates and deletions of all rows that a condition keeps.

use std::marker::PhantomData;

use gino_core::error::{Result, UsageError};
use sea_query::{DeleteStatement, Expr as SeaExpr, ReturningClause, SelectExpr, UpdateStatement};

use crate::expr::Condition;
use crate::model::{self, Assign, Draft, Model, table_name};
use crate::param::{Built, POSTGRES};
use crate::place::{On, awaited, placed};
use crate::query::Status;
use crate::select::{Item, Rows};

/// A change of many rows: `User::update_all()`.
#[must_use = "nothing is changed before it is awaited"]
pub struct UpdateAll<M> {
    draft: Draft,
    conditions: Vec<SeaExpr>,
    on: On,
    of: PhantomData<fn() -> M>,
}

impl<M: Model> UpdateAll<M> {
    #[track_caller]
    pub(super) fn new() -> UpdateAll<M> {
        UpdateAll {
            draft: Draft::default(),
            conditions: Vec::new(),
            on: On::new(M::db),
            of: PhantomData,
        }
    }

    /// Only rows for which `condition` is true, as those of calls before.
    pub fn filter(mut self, condition: impl Condition) -> Self {
        self.conditions.push(condition.into_condition());
        self
    }

    /// Runs it, and gives what `items` are in the rows that were changed, as they are now.
    ///
    /// # Errors
    /// A usage error if nothing is set; the server's error; a value that does not fit.
    ///
    /// # Cancellation
    /// The statement is cancelled on the server; outside of a transaction it may have been
    /// committed already.
    pub async fn returning<I: Item>(self, items: I) -> Result<Vec<I::Output>> {
        let (on, mut statement) = self.statement()?;
        statement.returning(returned(&items));
        let built = Built::new(|writer| statement.build_collect_into(POSTGRES, writer))?;
        on.load(&built.sql, &built, 0, Rows::new(items)).await
    }

    pub(super) fn into_parts(self) -> (Draft, Vec<SeaExpr>) {
        (self.draft, self.conditions)
    }

    async fn run(self) -> Result<Status> {
        let (on, statement) = self.statement()?;
        let built = Built::new(|writer| statement.build_collect_into(POSTGRES, writer))?;
        on.status(&built.sql, &built).await
    }

    fn statement(self) -> Result<(On, UpdateStatement)> {
        if self.draft.is_empty() {
            return Err(UsageError::Statement("an update of all rows has to set something").into());
        }
        let mut statement = UpdateStatement::new();
        statement.table(table_name(M::TABLE));
        for (index, value) in model::merged(M::TABLE, self.draft, model::Merge::Update) {
            let name = M::TABLE.columns.get(index).map_or("", |column| column.name);
            statement.value(name, value);
        }
        for condition in self.conditions {
            statement.and_where(condition);
        }
        Ok((self.on, statement))
    }
}

placed!(UpdateAll<M: Model>, [draft]);
awaited!(UpdateAll<M: Model> => Status);

impl<M: Model> Assign<M> for UpdateAll<M> {
    fn draft(&mut self) -> &mut Draft {
        &mut self.draft
    }
}

/// A deletion of many rows: `User::delete_all()`.
#[must_use = "nothing is deleted before it is awaited"]
pub struct DeleteAll<M> {
    statement: DeleteStatement,
    on: On,
    of: PhantomData<fn() -> M>,
}

impl<M: Model> DeleteAll<M> {
    #[track_caller]
    pub(super) fn new() -> DeleteAll<M> {
        let mut statement = DeleteStatement::new();
        statement.from_table(table_name(M::TABLE));
        DeleteAll {
            statement,
            on: On::new(M::db),
            of: PhantomData,
        }
    }

    /// Only rows for which `condition` is true, as those of calls before.
    pub fn filter(mut self, condition: impl Condition) -> Self {
        self.statement.and_where(condition.into_condition());
        self
    }

    /// Runs it, and gives what `items` were in the rows that were deleted.
    ///
    /// # Errors
    /// The server's error; a value that does not fit.
    ///
    /// # Cancellation
    /// The statement is cancelled on the server; outside of a transaction it may have been
    /// committed already.
    pub async fn returning<I: Item>(mut self, items: I) -> Result<Vec<I::Output>> {
        self.statement.returning(returned(&items));
        let built = Built::new(|writer| self.statement.build_collect_into(POSTGRES, writer))?;
        self.on.load(&built.sql, &built, 0, Rows::new(items)).await
    }

    async fn run(self) -> Result<Status> {
        let built = Built::new(|writer| self.statement.build_collect_into(POSTGRES, writer))?;
        self.on.status(&built.sql, &built).await
    }
}

placed!(DeleteAll<M: Model>, []);
awaited!(DeleteAll<M: Model> => Status);

fn returned(items: &impl Item) -> ReturningClause {
    let mut columns: Vec<SelectExpr> = Vec::new();
    items.add_to(&mut columns);
    ReturningClause::Exprs(columns.into_iter().map(|column| column.expr).collect())
}
