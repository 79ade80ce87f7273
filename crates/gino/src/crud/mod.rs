//! Owns what models can do: create, get, update, delete, query. Never builds SQL per call where the
//! columns say it all: `model::Plans` keeps the texts. Applications call it.

mod create;
mod get;
mod update;
mod delete;
mod one;

use postgres_types::ToSql;

use crate::model::{Key, Model};
use crate::select::{Alias, BySql, Item, Query, Whole};

pub use create::Create;
pub use delete::Delete;
pub use get::Get;
pub use update::{Apply, Update};

/// What every [`Model`] can do. It comes with `use gino::prelude::*`.
pub trait Crud: Model {
    /// A new row: `User::create().nickname("daisy").await?`. It comes back with everything that the
    /// server made of it. What is not set is the field's default, else the server's.
    #[track_caller]
    fn create() -> Self::Fields<Create<Self>> {
        Self::fields(Create::new())
    }

    /// The row with the primary key `key`, a tuple if it has several columns:
    /// `User::get(1).await?` is an `Option<User>`.
    #[track_caller]
    fn get(key: impl Into<Self::Key>) -> Get<Self>
    where
        Self::Key: Key,
    {
        Get::new(key.into())
    }

    /// A query for whole rows.
    #[track_caller]
    fn query() -> Query<Self> {
        Query::new(Whole::new())
    }

    /// All columns, to be selected beside others: `User::select((User::whole(), func::count()))`.
    fn whole() -> Whole<Self> {
        Whole::new()
    }

    /// The table under another name, for joining it with itself: `User::alias("manager")`.
    fn alias(name: &'static str) -> Alias<Self> {
        Alias::new(name)
    }

    /// A query for some columns or expressions, one or a tuple.
    #[track_caller]
    fn select<I: Item>(items: I) -> Query<Self, I> {
        Query::new(items)
    }

    /// Rows that plain SQL finds, `$1`, `$2`, … being `params`; its columns are taken by their names:
    /// `User::by_sql("SELECT * FROM users WHERE age > $1", &[&20]).all().await?`. What it gives beside
    /// the model's columns does not matter; what changes rows says `RETURNING *`.
    #[track_caller]
    fn by_sql<'p>(sql: &str, params: &'p [&'p (dyn ToSql + Sync)]) -> BySql<'p, Self> {
        BySql::new(sql, params)
    }

    /// A change of this row: `user.update().nickname("daisy").age(User::AGE + 1).apply().await?` is
    /// the row as it is then. Only what is set is sent. The row is the one whose key this instance
    /// has now.
    #[track_caller]
    fn update(&self) -> Self::Fields<Update<Self>>
    where
        Self::Key: Key,
    {
        Self::fields(Update::new(self.key()))
    }

    /// Deletes this row: `user.delete().await?` is whether it was still there.
    #[track_caller]
    fn delete(&self) -> Delete<Self>
    where
        Self::Key: Key,
    {
        Delete::new(self.key())
    }
}

impl<M: Model> Crud for M {}

/// The forwarding methods of a model's setters, for the derive.
#[doc(hidden)]
#[macro_export]
macro_rules! __fields {
    ($fields:ident, $model:ident) => {
        $crate::__fields_all!($fields, $model);

        impl<K: $crate::model::Assign<$model>> $fields<K> {
            /// Sets a column by its constant: `.set(User::NICKNAME, "daisy")`.
            pub fn set<T: $crate::model::SqlType>(
                self,
                column: $crate::model::Column<$model, T>,
                value: impl $crate::Assignable<T>,
            ) -> Self {
                $fields(self.0.assign(column, value))
            }
        }

        impl<K: $crate::__Placed> $fields<K> {
            /// Runs on `executor`: see [`gino::Create::on`]($crate::Create::on).
            pub fn on(self, executor: &(impl $crate::Executor + ?Sized)) -> Self {
                $fields(self.0.placed(executor))
            }

            /// Runs at most this long, waiting for a connection included.
            pub fn timeout(self, timeout: ::std::time::Duration) -> Self {
                $fields(self.0.limited(timeout))
            }
        }

        impl<K: ::core::future::IntoFuture> ::core::future::IntoFuture for $fields<K> {
            type Output = K::Output;
            type IntoFuture = K::IntoFuture;

            fn into_future(self) -> Self::IntoFuture {
                ::core::future::IntoFuture::into_future(self.0)
            }
        }

        impl ::core::convert::From<$fields<$crate::Create<$model>>> for $crate::Create<$model> {
            fn from(fields: $fields<$crate::Create<$model>>) -> Self {
                fields.0
            }
        }

        impl ::core::convert::From<$fields<$crate::Update<$model>>> for $crate::Update<$model> {
            fn from(fields: $fields<$crate::Update<$model>>) -> Self {
                fields.0
            }
        }

        impl<K: $crate::__Apply<$model>> $fields<K> {
            /// See [`gino::Update::apply`]($crate::Update::apply).
            pub fn apply(
                self,
            ) -> impl ::core::future::Future<Output = $crate::Result<$model>> + Send {
                self.0.applied()
            }

            /// See [`gino::Update::apply_to`]($crate::Update::apply_to).
            pub fn apply_to(
                self,
                instance: &mut $model,
            ) -> impl ::core::future::Future<Output = $crate::Result<()>> + Send {
                self.0.applied_to(instance)
            }
        }
    };
}
