//! Owns statements on many rows at once: bulk creates, upserts and updates, COPY, changes and deletions by
//! condition. Never sends a parameter per value where an array per column does. `crud` has one row.

mod catalog;
mod change;
mod columns;
mod conflict;
mod copy;
mod create;
mod get_or_create;
mod mixed;
mod rows;
mod update;

use crate::crud::{Create, Update};
use crate::model::{Key, Model};

pub use change::{DeleteAll, UpdateAll};
pub use columns::ColumnSet;
pub use conflict::{OnConflict, excluded};
pub use copy::CopyRows;
pub use create::BulkCreate;
pub use get_or_create::GetOrCreate;
pub use update::BulkUpdate;

/// What every [`Model`] can do with many rows. It comes with `use gino::prelude::*`.
pub trait Bulk: Model {
    /// Many new rows, all or none: `User::bulk_create(names.map(|n| User::create().nickname(n)))`.
    /// They come back in the same order.
    #[track_caller]
    fn bulk_create<C: Into<Create<Self>>>(rows: impl IntoIterator<Item = C>) -> BulkCreate<Self> {
        BulkCreate::new(rows.into_iter().map(Into::into).collect())
    }

    /// Many rows that are created, or where the values of `key` are there already, changed to what
    /// these say; all or none. `key` has a unique constraint or index, and no two of the rows have
    /// the same. Short for `bulk_create(rows).on_conflict(key).do_update()`.
    #[track_caller]
    fn bulk_upsert<C: Into<Create<Self>>>(
        key: impl ColumnSet<Self>,
        rows: impl IntoIterator<Item = C>,
    ) -> BulkCreate<Self> {
        Self::bulk_create(rows).on_conflict(key).do_update()
    }

    /// Changes of many rows, all or none:
    /// `User::bulk_update(users.iter().map(|user| user.update().age(user.age + 1)))`. They come back
    /// in the same order, as they are then.
    #[track_caller]
    fn bulk_update<U: Into<Update<Self>>>(rows: impl IntoIterator<Item = U>) -> BulkUpdate<Self>
    where
        Self::Key: Key,
    {
        BulkUpdate::new(rows.into_iter().map(Into::into).collect())
    }

    /// Many new rows by COPY, the fastest way when nobody needs them back: gives their number. They
    /// are made as they are sent, so that there may be more of them than memory has room for.
    #[track_caller]
    fn copy_in<'r, C: Into<Create<Self>> + 'r>(
        rows: impl IntoIterator<Item = C, IntoIter: Send + 'r>,
    ) -> CopyRows<'r, Self> {
        CopyRows::new(rows.into_iter().map(Into::into))
    }

    /// The row that has the values of `row` in the columns `key`, created if it is not there; and
    /// whether it was. `key` has a unique constraint or index. Safe between tasks and programs.
    ///
    /// ```no_run
    /// # use gino::prelude::*;
    /// # static DB: Gino = Gino::new();
    /// # #[derive(Model)] #[gino(db = DB)] struct User { #[gino(primary_key)] id: i32, #[gino(unique)] email: String, age: i32 }
    /// # async fn run() -> gino::Result<()> {
    /// let daisy = User::create().email("daisy@example.org").age(8);
    /// let (user, created) = User::get_or_create(User::EMAIL, daisy).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    fn get_or_create(key: impl ColumnSet<Self>, row: impl Into<Create<Self>>) -> GetOrCreate<Self> {
        GetOrCreate::new(row.into(), sorted(key))
    }

    /// A change of all rows that a filter keeps: `User::update_all().age(User::AGE + 1)`. Await it
    /// for the command tag, or have rows back with `.returning(…)`.
    #[track_caller]
    fn update_all() -> Self::Fields<UpdateAll<Self>> {
        Self::fields(UpdateAll::new())
    }

    /// The deletion of all rows that a filter keeps: `User::delete_all().filter(User::AGE.lt(6))`.
    /// Await it for the command tag, or have rows back with `.returning(…)`.
    #[track_caller]
    fn delete_all() -> DeleteAll<Self> {
        DeleteAll::new()
    }
}

impl<M: Model> Bulk for M {}

/// In the table's order: a statement's text is kept per set of columns.
fn sorted<M: Model>(columns: impl ColumnSet<M>) -> Vec<usize> {
    let mut positions = columns.positions();
    positions.sort_unstable();
    positions.dedup();
    positions
}

/// More forwarding methods of a model's setters, for the derive.
#[doc(hidden)]
#[macro_export]
macro_rules! __fields_all {
    ($fields:ident, $model:ident) => {
        impl ::core::convert::From<$fields<$crate::UpdateAll<$model>>> for $crate::UpdateAll<$model> {
            fn from(fields: $fields<$crate::UpdateAll<$model>>) -> Self {
                fields.0
            }
        }

        impl $fields<$crate::UpdateAll<$model>> {
            /// Only rows for which `condition` is true, as those of calls before.
            pub fn filter(self, condition: impl $crate::Condition) -> Self {
                $fields(self.0.filter(condition))
            }

            /// See [`gino::UpdateAll::returning`]($crate::UpdateAll::returning).
            pub fn returning<I: $crate::Item>(
                self,
                items: I,
            ) -> impl ::core::future::Future<
                Output = $crate::Result<::std::vec::Vec<I::Output>>,
            > + Send {
                self.0.returning(items)
            }
        }
    };
}
