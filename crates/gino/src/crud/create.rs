//! Owns new rows: INSERT … RETURNING, with a text per set of columns.

use std::marker::PhantomData;

use gino_core::error::{Result, RowError, UsageError};
use sea_query::{InsertStatement, ReturningClause};

use super::one::One;
use crate::model::{self, Assign, Draft, Model, table_name};
use crate::param::{Built, POSTGRES};
use crate::place::{On, awaited, placed};

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
    /// On the heap: each setter passes it on.
    row: Box<Row>,
    of: PhantomData<fn() -> M>,
}

struct Row {
    draft: Draft,
    on: On,
}

impl<M: Model> Create<M> {
    #[track_caller]
    pub(crate) fn new() -> Create<M> {
        let row = Row {
            draft: Draft::with_room(M::TABLE.columns.len()),
            on: On::new(M::db),
        };
        Create {
            row: Box::new(row),
            of: PhantomData,
        }
    }

    /// The draft with the model's defaults, if nothing is missing.
    pub(crate) fn finished(mut self) -> Result<(Draft, On)> {
        self.finish()?;
        Ok((self.row.draft, self.row.on))
    }

    fn finish(&mut self) -> Result<()> {
        let draft = &mut self.row.draft;
        M::defaults(draft);
        if !Self::REQUIRED.is_some_and(|required| draft.has_all(required)) {
            check::<M>(draft)?;
        }
        draft.settle_properties();
        draft.sort();
        Ok(())
    }

    /// See [`crate::model::Table::required`].
    const REQUIRED: Option<u128> = M::TABLE.required();

    fn run(mut self) -> impl Future<Output = Result<M>> + Send {
        let finished = self.finish();
        // Not an async function, which would have room for the create twice.
        async move {
            finished?;
            let Row { draft, on } = &mut *self.row;
            let made = match draft.mask() {
                Some(mask) => {
                    let sql = M::plans().insert(M::TABLE, mask);
                    on.loaded(&sql, draft, 0, One::new()).await?
                }
                None => {
                    let built = insert::<M>(std::mem::take(draft))?;
                    on.loaded_built(built, One::new()).await?
                }
            };
            // A trigger or rule may have kept the row out.
            One::of(made).ok_or_else(|| {
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

placed!(Create<M: Model>, in row, [draft]);
awaited!(Create<M: Model> => M);

impl<M: Model> Assign<M> for Create<M> {
    fn draft(&mut self) -> &mut Draft {
        &mut self.row.draft
    }
}

/// # Errors
/// `MissingValue` if a column needs one; properties may give it.
#[cold]
fn check<M: Model>(draft: &Draft) -> Result<()> {
    let mut columns = M::TABLE.columns.iter().enumerate();
    let missing = columns.find(|(at, column)| column.is_required() && !draft.has(*at));
    missing.map_or(Ok(()), |(_, column)| {
        let (table, field) = (M::TABLE.name, column.field);
        Err(UsageError::MissingValue { table, field }.into())
    })
}

/// An insert whose values are expressions too.
fn insert<M: Model>(draft: Draft) -> Result<Built> {
    let values = model::merged(M::TABLE, draft, model::Merge::Create);
    let mut statement = InsertStatement::new();
    statement.into_table(table_name(M::TABLE));
    let named = |index: usize| M::TABLE.columns.get(index).map_or("", |column| column.name);
    statement.columns(values.iter().map(|(index, _)| named(*index)));
    // As many values as columns: it cannot fail.
    let _ = statement.values(values.into_iter().map(|(_, value)| value));
    let columns = M::plans().columns(M::TABLE);
    let columns = sea_query::Expr::Custom(columns.into());
    statement.returning(ReturningClause::Exprs(vec![columns]));
    Built::new(|writer| statement.build_collect_into(POSTGRES, writer))
}
