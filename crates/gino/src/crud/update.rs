//! Owns the change of one row by its key: only what is set is sent, and the row comes back.

use std::borrow::Cow;

use gino_core::error::{Result, RowError};
use sea_query::{Expr as SeaExpr, ReturningClause, UpdateStatement};

use super::one::One;
use crate::model;
use crate::model::{Assign, Draft, Key, Keyed, Model, reference, table_name};
use crate::param::{Built, POSTGRES};
use crate::place::{On, placed};

/// A change of one row: `user.update()`. Nothing is sent before [`Update::apply`].
#[must_use = "nothing is changed before `.apply()` is awaited"]
pub struct Update<M: Model> {
    /// On the heap: each setter passes it on.
    pub(crate) change: Box<Change<M::Key>>,
}

pub(crate) struct Change<K> {
    pub(crate) key: K,
    pub(crate) draft: Draft,
    pub(crate) on: On,
}

/// How many columns an update usually sets, at most: its room grows.
const USUAL: usize = 2;

impl<M: Model> Update<M>
where
    M::Key: Key,
{
    #[track_caller]
    pub(crate) fn new(key: M::Key) -> Update<M> {
        let change = Change {
            key,
            draft: Draft::with_room(USUAL),
            on: On::new(M::db),
        };
        Update {
            change: Box::new(change),
        }
    }

    /// Sends what was set and gives the row as it is then; its relations are empty. If nothing was
    /// set it is read again.
    ///
    /// # Errors
    /// `RowError::NoSuchRow` if the row is gone; the server's error; a value that does not fit.
    ///
    /// # Cancellation
    /// The statement is cancelled on the server; outside of a transaction it may have been
    /// committed already.
    pub async fn apply(mut self) -> Result<M> {
        let Change { key, draft, on } = &mut *self.change;
        draft.sort();
        let found = match draft.mask() {
            Some(mask) => {
                let sql = match draft.is_empty() {
                    true => Cow::Borrowed(M::plans().get(M::TABLE)),
                    false => M::plans().update(M::TABLE, mask),
                };
                let values = Keyed {
                    draft: Some(draft),
                    key,
                };
                on.loaded(&sql, &values, 0, One::new()).await?
            }
            None => {
                let built = update::<M>(std::mem::take(draft), self.change.key)?;
                self.change.on.loaded_built(built, One::new()).await?
            }
        };
        One::of(found).ok_or_else(|| RowError::NoSuchRow(M::TABLE.name).into())
    }

    /// Sends what was set, and puts the row as it is then into `instance`; its relations stay.
    ///
    /// # Errors
    /// As [`Update::apply`]; the instance has not changed then.
    ///
    /// # Cancellation
    /// As [`Update::apply`].
    pub async fn apply_to(self, instance: &mut M) -> Result<()> {
        let fresh = self.apply().await?;
        instance.renew(fresh);
        Ok(())
    }
}

placed!(Update<M: Model> where M::Key: Key, in change, [draft]);

/// What [`Update`] can do where the model has a key. It is there for what the derive makes of models
/// that may have none; everybody else calls `apply`.
#[doc(hidden)]
pub trait Apply<M> {
    fn applied(self) -> impl Future<Output = Result<M>> + Send;
    fn applied_to(self, instance: &mut M) -> impl Future<Output = Result<()>> + Send;
}

impl<M: Model> Apply<M> for Update<M>
where
    M::Key: Key,
{
    fn applied(self) -> impl Future<Output = Result<M>> + Send {
        self.apply()
    }

    fn applied_to(self, instance: &mut M) -> impl Future<Output = Result<()>> + Send {
        self.apply_to(instance)
    }
}

impl<M: Model> Assign<M> for Update<M> {
    fn draft(&mut self) -> &mut Draft {
        &mut self.change.draft
    }
}

/// An update whose values are expressions too.
fn update<M: Model>(draft: Draft, key: M::Key) -> Result<Built>
where
    M::Key: Key,
{
    let mut statement = UpdateStatement::new();
    statement.table(table_name(M::TABLE));
    for (index, value) in model::merged(M::TABLE, draft, model::Merge::Update) {
        let name = M::TABLE.columns.get(index).map_or("", |column| column.name);
        statement.value(name, value);
    }
    for ((_, column), value) in M::TABLE.primary_key().zip(key.into_values()) {
        let equal = sea_query::BinOper::Equal;
        let (left, right) = (reference(M::TABLE, column.name), SeaExpr::Value(value));
        statement.and_where(SeaExpr::Binary(Box::new(left), equal, Box::new(right)));
    }
    let columns = SeaExpr::Custom(M::plans().columns(M::TABLE).into());
    statement.returning(ReturningClause::Exprs(vec![columns]));
    Built::new(|writer| statement.build_collect_into(POSTGRES, writer))
}
