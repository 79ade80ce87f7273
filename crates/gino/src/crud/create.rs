//! Owns new rows: INSERT … RETURNING, with a text per set of columns.

use std::marker::PhantomData;

use gino_core::error::{Result, RowError, UsageError};
use sea_query::{InsertStatement, ReturningClause};

use crate::model::{self, Assign, Draft, Model, Slot, table_name};
use crate::param::{Built, POSTGRES};
use crate::place::{On, awaited, placed};
use crate::select::{Rows, Whole};

/// A row that is about to be created: `User::create()`. Await it to have the row.
///
/// # Errors
/// `MissingValue` if a column has neither value nor default, before anything is sent; the server's
/// error; a value that does not fit.
///
/// # Cancellation
/// The statement is cancelled on the server; outside of a transaction it may have been committed
/// already.
#[must_use = "nothing is created before it is awaited"]
pub struct Create<M> {
    draft: Draft,
    on: On,
    of: PhantomData<fn() -> M>,
}

impl<M: Model> Create<M> {
    #[track_caller]
    pub(crate) fn new() -> Create<M> {
        Create {
            draft: Draft::with_room(M::TABLE.columns.len()),
            on: On::new(M::db),
            of: PhantomData,
        }
    }

    /// The draft with the model's defaults, if nothing is missing.
    pub(crate) fn finished(mut self) -> Result<(Draft, On)> {
        self.finish()?;
        Ok((self.draft, self.on))
    }

    fn finish(&mut self) -> Result<()> {
        M::defaults(&mut self.draft);
        let columns = M::TABLE.columns.iter().enumerate();
        for (index, column) in columns {
            if column.is_required() && !self.draft.has(index) {
                let (table, field) = (M::TABLE.name, column.field);
                return Err(UsageError::MissingValue { table, field }.into());
            }
        }
        self.draft.settle_properties();
        self.draft.sort();
        Ok(())
    }

    fn run(mut self) -> impl Future<Output = Result<M>> + Send {
        let finished = self.finish();
        // Not an async function, which would have room for the create twice.
        async move {
            finished?;
            let rows = Rows::of_one(Whole::<M>::new());
            let made = match self.draft.mask() {
                Some(mask) => {
                    let mut values = Vec::with_capacity(self.draft.slots.len());
                    self.draft.values(&mut values);
                    let sql = M::plans().insert(M::TABLE, mask);
                    self.on.load(&sql, &values, 0, rows).await?
                }
                None => {
                    let built = insert::<M>(self.draft)?;
                    self.on.load_built(built, rows).await?
                }
            };
            // A trigger or rule may have kept the row out.
            made.into_iter().next().ok_or_else(|| {
                let (table, given, stored) = (M::TABLE.name, 1, 0);
                let kept_out = RowError::KeptOut {
                    table,
                    given,
                    stored,
                };
                kept_out.into()
            })
        }
    }
}

placed!(Create<M: Model>, [draft]);
awaited!(Create<M: Model> => M);

impl<M: Model> Assign<M> for Create<M> {
    fn draft(&mut self) -> &mut Draft {
        &mut self.draft
    }
}

/// An insert whose values are expressions too.
fn insert<M: Model>(mut draft: Draft) -> Result<Built> {
    let mut slots = std::mem::take(&mut draft.slots);
    model::merge::<M>(&mut slots, draft.properties, model::Merge::Create);
    let mut statement = InsertStatement::new();
    statement.into_table(table_name(M::TABLE));
    let named = |index: usize| M::TABLE.columns.get(index).map_or("", |column| column.name);
    statement.columns(slots.iter().map(|(index, _)| named(*index)));
    let values = slots.into_iter().map(|(_, slot)| Slot::into_sea(slot));
    // As many values as columns: it cannot fail.
    let _ = statement.values(values);
    let columns = M::plans().columns(M::TABLE);
    let columns = sea_query::Expr::Custom(columns.into());
    statement.returning(ReturningClause::Exprs(vec![columns]));
    Built::new(|writer| statement.build_collect_into(POSTGRES, writer))
}
