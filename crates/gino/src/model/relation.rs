//! Owns the fields that loaders fill. Never loads: a loader calls [`Relation::attach`].

use std::fmt;
use std::sync::Arc;

use super::table::table;
use super::{Model, Table};

/// A relation field of the model `M` that holds instances of `C`: `User::TEAM`.
pub struct Relation<M, C> {
    name: &'static str,
    many: bool,
    attach: fn(&mut M, C),
    through: Option<fn() -> &'static Table>,
}

impl<M, C> Relation<M, C> {
    /// The relation `name`; `attach` gives the parent its child.
    pub const fn new(name: &'static str, many: bool, attach: fn(&mut M, C)) -> Relation<M, C> {
        Relation {
            name,
            many,
            attach,
            through: None,
        }
    }

    /// The same, joined through the table of `T`, which has a foreign key to each of the two.
    pub const fn through<T: Model>(self) -> Relation<M, C> {
        Relation {
            through: Some(table::<T>),
            ..self
        }
    }

    /// The table between the two, if there is one.
    pub(crate) fn between(&self) -> Option<&'static Table> {
        self.through.map(|table| table())
    }

    /// The field's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether it holds many.
    pub const fn is_many(&self) -> bool {
        self.many
    }

    /// Gives `parent` its `child`.
    pub fn attach(&self, parent: &mut M, child: C) {
        (self.attach)(parent, child);
    }
}

impl<M, C> Clone for Relation<M, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M, C> Copy for Relation<M, C> {}

impl<M, C> fmt::Debug for Relation<M, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A type that can be a relation field: `Option<Box<Team>>`, `Option<Arc<Team>>` or `Vec<User>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a relation field",
    label = "write Option<Box<Model>> for one, Vec<Model> for many"
)]
pub trait RelationField: Default {
    /// What it holds.
    type Model;

    /// Whether it holds many.
    const MANY: bool = false;

    /// Nothing yet.
    fn none() -> Self {
        Self::default()
    }

    /// Takes a child.
    fn attach(&mut self, child: Self::Model);
}

impl<C> RelationField for Option<Box<C>> {
    type Model = C;

    fn attach(&mut self, child: C) {
        *self = Some(Box::new(child));
    }
}

impl<C> RelationField for Option<Arc<C>> {
    type Model = C;

    fn attach(&mut self, child: C) {
        *self = Some(Arc::new(child));
    }
}

impl<C> RelationField for Vec<C> {
    type Model = C;
    const MANY: bool = true;

    fn attach(&mut self, child: C) {
        self.push(child);
    }
}
