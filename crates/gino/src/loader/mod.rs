//! Owns loaders: what the rows of joined tables become. A tree of models, put together by the compiler;
//! it makes its own LEFT JOINs and reads rows from the wire into structs in one pass. Never runs a
//! statement: a query that loads one does.
//!
//! ```no_run
//! use gino::prelude::*;
//!
//! static DB: Gino = Gino::new();
//!
//! #[derive(Model, Debug, Clone)]
//! #[gino(db = DB, table = "teams")]
//! struct Team {
//!     #[gino(primary_key)]
//!     id: i32,
//!     name: String,
//!     #[gino(relation)]
//!     members: Vec<User>,
//! }
//!
//! #[derive(Model, Debug, Clone)]
//! #[gino(db = DB, table = "users")]
//! struct User {
//!     #[gino(primary_key)]
//!     id: i32,
//!     name: String,
//!     #[gino(references = Team::ID)]
//!     team_id: Option<i32>,
//!     #[gino(relation)]
//!     team: Option<Box<Team>>,
//! }
//!
//! # async fn run() -> gino::Result<()> {
//! // Many to one: `user.team` is the team, or `None`.
//! let users = User::query().load(User::loader().team(Team::loader())).all().await?;
//! // One to many: each team once, with its members.
//! let teams = Team::query()
//!     .load(Team::loader().members(User::loader()))
//!     .order_by((Team::NAME, User::NAME))
//!     .all()
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What is joined
//! A child is joined with a LEFT JOIN by the foreign key between the two tables; of several by that
//! whose field is the relation's name with `_id`. A table between the two stands in the relation,
//! `#[gino(relation(through = Tagging))]`, or in [`Loader::through`]. [`Loader::on`] gives another
//! condition, and [`Loader::joined`] says that the query has
//! joined it already. A table that is in a query twice needs an alias: `User::alias("manager")`.
//!
//! # What rows come to
//! A child whose columns are all NULL is not there: its field stays `None`, or without it.
//! With a `Vec` relation anywhere below it a model is distinct by its primary key: it comes once,
//! where it came first, and so do the children of each parent. [`Loader::distinct`] names other
//! columns. Limits count rows.
//!
//! # What the compiler refuses
//! A relation without a foreign key that says how it is joined, unless it is
//! `#[gino(relation(by_loader))]`; a loader of another model than the relation's:
//!
//! ```compile_fail,E0271
//! # use gino::prelude::*;
//! # static DB: Gino = Gino::new();
//! # #[derive(Model)] #[gino(db = DB)] struct Team { #[gino(primary_key)] id: i32 }
//! # #[derive(Model)] #[gino(db = DB)]
//! # struct User {
//! #     #[gino(primary_key)] id: i32,
//! #     #[gino(references = Team::ID)] team_id: i32,
//! #     #[gino(relation)] team: Option<Box<Team>>,
//! # }
//! let loader = User::loader().team(User::loader());
//! ```
//!
//! and a field that cannot hold what a loader gives:
//!
//! ```compile_fail,E0277
//! # use gino::prelude::*;
//! # static DB: Gino = Gino::new();
//! # #[derive(Model)] #[gino(db = DB)] struct Team { #[gino(primary_key)] id: i32 }
//! #[derive(Model)]
//! #[gino(db = DB)]
//! struct User {
//!     #[gino(primary_key)]
//!     id: i32,
//!     #[gino(relation)]
//!     team: Team,
//! }
//! ```
//!
//! # Why not the plans of `gino-core`
//! They walk on objects that a host keeps by number, which is what Python needs. Rust values have
//! owners: with them each row would go through a box and a downcast per model. What a tree does with
//! its rows is the same; here the compiler knows the types.

mod join;
mod group;
mod parts;
mod value;

use std::fmt;
use std::marker::PhantomData;

use gino_core::error::Result;
use sea_query::{Expr as SeaExpr, SelectExpr, SelectStatement};

use crate::bulk::ColumnSet;
use crate::expr::Condition;
use crate::model::{Model, Relation, Table};
use crate::record::{Load, Record};
use crate::select::{Alias, Item, Selection};

use group::Group;
use join::Join;
pub use join::Scope;
pub use parts::{Child, Parts, With};
pub use value::{Literal, Map, literal, map};

/// The loader of a model: see the [module](self).
#[must_use = "a loader does nothing outside of a query"]
pub struct Loader<M, P = ()> {
    scope: Scope,
    join: Join,
    /// The positions of the columns that tell instances apart.
    distinct: Option<Vec<usize>>,
    /// The same if nothing was said.
    key: Vec<usize>,
    parts: P,
    of: PhantomData<fn() -> M>,
}

/// A loader with one relation more, whose children `S` loads.
pub type And<M, P, S> = Loader<M, (P, Child<M, <S as Sub>::Model, <S as Sub>::Parts>)>;

/// What every [`Model`] can be loaded with. It comes with `use gino::prelude::*`.
pub trait Loadable: Model {
    /// A loader of whole instances: `User::loader().team(Team::loader())`.
    fn loader() -> Self::Loads<Loader<Self>> {
        Self::loads(Loader::new(Scope::of(Self::TABLE)))
    }
}

impl<M: Model> Loadable for M {}

impl<M: Model> Alias<M> {
    /// A loader of whole instances from the alias: `User::loader().manager(manager.loader())`.
    pub fn loader(&self) -> M::Loads<Loader<M>> {
        M::loads(Loader::new(Scope {
            table: M::TABLE,
            alias: Some(self.name()),
        }))
    }
}

impl<M: Model> Loader<M> {
    fn new(scope: Scope) -> Loader<M> {
        Loader {
            scope,
            join: Join::Key,
            distinct: None,
            key: M::TABLE.primary_key().map(|(index, _)| index).collect(),
            parts: (),
            of: PhantomData,
        }
    }
}

impl<M: Model, P: Parts<M>> Loader<M, P> {
    /// Joined on `condition`.
    pub fn on(mut self, condition: impl Condition) -> Self {
        self.join = Join::On(Box::new(condition.into_condition()));
        self
    }

    /// Joined through `table`, which has a foreign key to each of the two.
    pub fn through(mut self, table: &'static Table) -> Self {
        self.join = Join::Through(table);
        self
    }

    /// Joined by the query already.
    pub fn joined(mut self) -> Self {
        self.join = Join::Given;
        self
    }

    /// Instances with the same values in `columns` are one: it comes once, and has the children of
    /// all its rows.
    pub fn distinct(mut self, columns: impl ColumnSet<M>) -> Self {
        self.distinct = Some(columns.positions());
        self
    }

    /// Loads a relation too: `.load(User::TEAM, Team::loader())`, as `.team(Team::loader())`.
    pub fn load<S: Sub>(self, relation: Relation<M, S::Model>, loader: S) -> And<M, P, S> {
        let loader = loader.into_loader();
        self.and(Child { relation, loader })
    }

    /// Loads values too, and gives them to `set`: columns, expressions, a tuple.
    ///
    /// ```
    /// # use gino::prelude::*;
    /// # static DB: Gino = Gino::new();
    /// #[derive(Model, Debug)]
    /// #[gino(db = DB)]
    /// struct User {
    ///     #[gino(primary_key)]
    ///     id: i32,
    ///     name: String,
    ///     #[gino(skip)]
    ///     initial: String,
    /// }
    ///
    /// let initial = gino::sql::<String>("left(\"user\".name, 1)", [] as [gino::Expr<i32>; 0]);
    /// let loader = User::loader().with(initial, |user, initial| user.initial = initial);
    /// ```
    pub fn with<I, F>(self, item: I, set: F) -> Loader<M, (P, With<M, I, F>)>
    where
        I: Item,
        F: Fn(&mut M, I::Output) + Clone + Send + 'static,
    {
        let of = PhantomData;
        self.and(With { item, set, of })
    }

    fn and<N>(self, part: N) -> Loader<M, (P, N)> {
        Loader {
            scope: self.scope,
            join: self.join,
            distinct: self.distinct,
            key: self.key,
            parts: (self.parts, part),
            of: PhantomData,
        }
    }

    /// The columns that tell instances apart, if several rows may come to one.
    fn keys(&self) -> &[usize] {
        self.distinct.as_ref().unwrap_or(&self.key)
    }

    fn is_grouped(&self) -> bool {
        self.distinct.is_some() || self.parts.is_many()
    }

    fn columns(&self, columns: &mut Vec<SelectExpr>) {
        match self.scope.alias {
            // One text for all: it was made once.
            None => columns.push(SeaExpr::Custom(M::plans().columns(M::TABLE).into()).into()),
            Some(_) => self.scope.columns(columns),
        }
        self.parts.columns(columns);
    }

    fn width(&self) -> usize {
        M::TABLE.columns.len().saturating_add(self.parts.width())
    }

    #[inline]
    fn only_row(&self, record: &Record<'_>, at: usize) -> Result<M> {
        let mut model = M::from_record(record, at)?;
        let next = at.saturating_add(M::TABLE.columns.len());
        self.parts.only_row(&mut model, record, next)?;
        Ok(model)
    }
}

impl<M, P: Clone> Clone for Loader<M, P> {
    fn clone(&self) -> Self {
        Loader {
            scope: self.scope,
            join: self.join.clone(),
            distinct: self.distinct.clone(),
            key: self.key.clone(),
            parts: self.parts.clone(),
            of: PhantomData,
        }
    }
}

impl<M, P> fmt::Debug for Loader<M, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader")
            .field("table", &self.scope.table.name)
            .field("alias", &self.scope.alias)
            .finish_non_exhaustive()
    }
}

impl<M: Model, P: Parts<M>> Selection for Loader<M, P> {
    type Output = M;
    type Load = Loading<M, P>;

    fn select(&self, statement: &mut SelectStatement) {
        let mut columns = Vec::new();
        self.columns(&mut columns);
        statement.exprs(columns);
        // `check` told of it.
        let _ = self.parts.join(&self.scope, statement);
    }

    fn check(&self) -> Result<()> {
        self.parts.join(&self.scope, &mut SelectStatement::new())
    }

    fn by_row(&self) -> bool {
        !self.is_grouped()
    }

    fn filters(&self) -> bool {
        false
    }

    fn load(&self) -> Loading<M, P> {
        Loading {
            is_grouped: self.is_grouped(),
            loader: self.clone(),
            rows: Vec::new(),
            group: Group::default(),
        }
    }
}

/// The rows of a [`Loader`].
pub struct Loading<M, P: Parts<M>> {
    loader: Loader<M, P>,
    is_grouped: bool,
    rows: Vec<M>,
    group: Group<M, P::State>,
}

impl<M: Model, P: Parts<M>> Load for Loading<M, P> {
    type Output = M;

    #[inline]
    fn row(&mut self, record: &Record<'_>) -> Result<()> {
        match self.is_grouped {
            false => self.rows.push(self.loader.only_row(record, 0)?),
            true => self.group.row(&self.loader, 0, record, 0)?,
        }
        Ok(())
    }

    fn take(&mut self) -> Vec<M> {
        match self.is_grouped {
            false => std::mem::take(&mut self.rows),
            true => self
                .group
                .take(&self.loader)
                .map(|(_, item)| item)
                .collect(),
        }
    }
}

/// A loader that another one can take: `Team::loader()`, `manager.loader()`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a loader of this relation",
    label = "give the loader of the relation's model: `Team::loader()`"
)]
pub trait Sub {
    /// What it loads.
    type Model: Model;
    /// What it loads together with it.
    type Parts: Parts<Self::Model>;

    /// The loader.
    fn into_loader(self) -> Loader<Self::Model, Self::Parts>;
}

impl<M: Model, P: Parts<M>> Sub for Loader<M, P> {
    type Model = M;
    type Parts = P;

    fn into_loader(self) -> Loader<M, P> {
        self
    }
}

/// The forwarding methods of a model's relations, for the derive.
#[doc(hidden)]
#[macro_export]
macro_rules! __loads {
    ($loads:ident, $model:ident) => {
        impl<P: $crate::loader::Parts<$model>> $loads<$crate::loader::Loader<$model, P>> {
            /// Joined on `condition`.
            pub fn on(self, condition: impl $crate::Condition) -> Self {
                $loads(self.0.on(condition))
            }

            /// Joined through `table`, which has a foreign key to each of the two.
            pub fn through(self, table: &'static $crate::model::Table) -> Self {
                $loads(self.0.through(table))
            }

            /// Joined by the query already.
            pub fn joined(self) -> Self {
                $loads(self.0.joined())
            }

            /// Instances with the same values in `columns` are one.
            pub fn distinct(self, columns: impl $crate::ColumnSet<$model>) -> Self {
                $loads(self.0.distinct(columns))
            }

            /// Loads a relation too.
            pub fn load<S: $crate::loader::Sub>(
                self,
                relation: $crate::Relation<$model, S::Model>,
                loader: S,
            ) -> $loads<$crate::loader::And<$model, P, S>> {
                $loads(self.0.load(relation, loader))
            }

            /// Loads values too, and gives them to `set`.
            pub fn with<I, F>(
                self,
                item: I,
                set: F,
            ) -> $loads<$crate::loader::Loader<$model, (P, $crate::loader::With<$model, I, F>)>>
            where
                I: $crate::Item,
                F: Fn(&mut $model, I::Output) + Clone + Send + 'static,
            {
                $loads(self.0.with(item, set))
            }
        }

        impl<P: $crate::loader::Parts<$model>> $crate::loader::Sub
            for $loads<$crate::loader::Loader<$model, P>>
        {
            type Model = $model;
            type Parts = P;

            fn into_loader(self) -> $crate::loader::Loader<$model, P> {
                self.0
            }
        }

        impl<L: ::core::clone::Clone> ::core::clone::Clone for $loads<L> {
            fn clone(&self) -> Self {
                $loads(::core::clone::Clone::clone(&self.0))
            }
        }

        impl<P: $crate::loader::Parts<$model>> $crate::Selection
            for $loads<$crate::loader::Loader<$model, P>>
        {
            type Output = $model;
            type Load = $crate::loader::Loading<$model, P>;

            fn select(&self, statement: &mut $crate::sea_query::SelectStatement) {
                $crate::Selection::select(&self.0, statement);
            }

            fn check(&self) -> $crate::Result<()> {
                $crate::Selection::check(&self.0)
            }

            fn by_row(&self) -> bool {
                $crate::Selection::by_row(&self.0)
            }

            fn filters(&self) -> bool {
                $crate::Selection::filters(&self.0)
            }

            fn load(&self) -> Self::Load {
                $crate::Selection::load(&self.0)
            }
        }
    };
}
