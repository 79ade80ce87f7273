//! Owns what is loaded together with a model: children of relations, and values that a closure takes.
//! The compiler puts the tree together, so that a row runs through it without a call to look up and
//! without a box.

use std::marker::PhantomData;

use gino_core::error::Result;
use sea_query::{SelectExpr, SelectStatement};

use super::Loader;
use super::group::Group;
use super::join::{Between, Join, Scope};
use crate::model::{Model, Relation};
use crate::record::Record;
use crate::select::Item;

/// What is loaded together with an `M`: a list, as nested pairs.
pub trait Parts<M>: Clone + Send + 'static {
    /// What it remembers between rows.
    type State: Default + Send + 'static;

    /// Adds its columns.
    fn columns(&self, columns: &mut Vec<SelectExpr>);

    /// How many columns it has.
    fn width(&self) -> usize;

    /// Adds its joins to those of `parent`.
    ///
    /// # Errors
    /// A `UsageError` if the foreign keys do not say how.
    fn join(&self, parent: &Scope, statement: &mut SelectStatement) -> Result<()>;

    /// Whether several rows may come to one instance.
    fn is_many(&self) -> bool;

    /// Gives `parent` what its only row has at `at`.
    ///
    /// # Errors
    /// A value that does not fit.
    fn only_row(&self, parent: &mut M, record: &Record<'_>, at: usize) -> Result<()>;

    /// Takes in one of the rows of `parent`, which is at `place` among the instances.
    ///
    /// # Errors
    /// A value that does not fit.
    fn row(
        &self,
        state: &mut Self::State,
        parent: &mut M,
        place: usize,
        record: &Record<'_>,
        at: usize,
    ) -> Result<()>;

    /// Gives `parents` what came in for each of them.
    fn finish(&self, state: &mut Self::State, parents: &mut [M]);
}

/// Nothing.
impl<M> Parts<M> for () {
    type State = ();

    fn columns(&self, _: &mut Vec<SelectExpr>) {}

    fn width(&self) -> usize {
        0
    }

    fn join(&self, _: &Scope, _: &mut SelectStatement) -> Result<()> {
        Ok(())
    }

    fn is_many(&self) -> bool {
        false
    }

    fn only_row(&self, _: &mut M, _: &Record<'_>, _: usize) -> Result<()> {
        Ok(())
    }

    fn row(&self, _: &mut (), _: &mut M, _: usize, _: &Record<'_>, _: usize) -> Result<()> {
        Ok(())
    }

    fn finish(&self, _: &mut (), _: &mut [M]) {}
}

/// One more, after the others.
impl<M: 'static, A: Parts<M>, B: Parts<M>> Parts<M> for (A, B) {
    type State = (A::State, B::State);

    fn columns(&self, columns: &mut Vec<SelectExpr>) {
        self.0.columns(columns);
        self.1.columns(columns);
    }

    fn width(&self) -> usize {
        self.0.width().saturating_add(self.1.width())
    }

    fn join(&self, parent: &Scope, statement: &mut SelectStatement) -> Result<()> {
        self.0.join(parent, statement)?;
        self.1.join(parent, statement)
    }

    fn is_many(&self) -> bool {
        self.0.is_many() || self.1.is_many()
    }

    #[inline]
    fn only_row(&self, parent: &mut M, record: &Record<'_>, at: usize) -> Result<()> {
        self.0.only_row(parent, record, at)?;
        let next = at.saturating_add(self.0.width());
        self.1.only_row(parent, record, next)
    }

    fn row(
        &self,
        state: &mut Self::State,
        parent: &mut M,
        place: usize,
        record: &Record<'_>,
        at: usize,
    ) -> Result<()> {
        self.0.row(&mut state.0, parent, place, record, at)?;
        let next = at.saturating_add(self.0.width());
        self.1.row(&mut state.1, parent, place, record, next)
    }

    fn finish(&self, state: &mut Self::State, parents: &mut [M]) {
        self.0.finish(&mut state.0, parents);
        self.1.finish(&mut state.1, parents);
    }
}

/// A relation with the loader of its children.
pub struct Child<M, C, P> {
    pub(super) relation: Relation<M, C>,
    pub(super) loader: Loader<C, P>,
}

impl<M, C, P: Clone> Clone for Child<M, C, P> {
    fn clone(&self) -> Self {
        Child {
            relation: self.relation,
            loader: self.loader.clone(),
        }
    }
}

impl<M: Model, C: Model, P: Parts<C>> Parts<M> for Child<M, C, P> {
    type State = Group<C, P::State>;

    fn columns(&self, columns: &mut Vec<SelectExpr>) {
        self.loader.columns(columns);
    }

    fn width(&self) -> usize {
        self.loader.width()
    }

    fn join(&self, parent: &Scope, statement: &mut SelectStatement) -> Result<()> {
        let child = &self.loader.scope;
        let between = Between {
            parent,
            child,
            relation: self.relation.name(),
            many: self.relation.is_many(),
        };
        let through = match &self.loader.join {
            Join::Key => self.relation.between().map(Join::Through),
            _ => None,
        };
        let join = through.as_ref().unwrap_or(&self.loader.join);
        between.add_to(join, statement)?;
        self.loader.parts.join(child, statement)
    }

    fn is_many(&self) -> bool {
        self.relation.is_many() || self.loader.parts.is_many()
    }

    #[inline]
    fn only_row(&self, parent: &mut M, record: &Record<'_>, at: usize) -> Result<()> {
        if !record.all_null(at, C::TABLE.columns.len()) {
            let child = self.loader.only_row(record, at)?;
            self.relation.attach(parent, child);
        }
        Ok(())
    }

    fn row(
        &self,
        state: &mut Self::State,
        parent: &mut M,
        place: usize,
        record: &Record<'_>,
        at: usize,
    ) -> Result<()> {
        match self.is_many() {
            false => self.only_row(parent, record, at),
            true if record.all_null(at, C::TABLE.columns.len()) => Ok(()),
            true => state.row(&self.loader, place, record, at),
        }
    }

    fn finish(&self, state: &mut Self::State, parents: &mut [M]) {
        for (owner, child) in state.take(&self.loader) {
            if let Some(parent) = parents.get_mut(owner) {
                self.relation.attach(parent, child);
            }
        }
    }
}

/// A value of each row, and the closure that takes it.
pub struct With<M, I, F> {
    pub(super) item: I,
    pub(super) set: F,
    pub(super) of: PhantomData<fn(M)>,
}

impl<M, I: Clone, F: Clone> Clone for With<M, I, F> {
    fn clone(&self) -> Self {
        With {
            item: self.item.clone(),
            set: self.set.clone(),
            of: PhantomData,
        }
    }
}

impl<M, I, F> Parts<M> for With<M, I, F>
where
    M: 'static,
    I: Item,
    F: Fn(&mut M, I::Output) + Clone + Send + 'static,
{
    type State = ();

    fn columns(&self, columns: &mut Vec<SelectExpr>) {
        self.item.add_to(columns);
    }

    fn width(&self) -> usize {
        self.item.width()
    }

    fn join(&self, _: &Scope, _: &mut SelectStatement) -> Result<()> {
        Ok(())
    }

    fn is_many(&self) -> bool {
        false
    }

    fn only_row(&self, parent: &mut M, record: &Record<'_>, at: usize) -> Result<()> {
        (self.set)(parent, self.item.read(record, at)?);
        Ok(())
    }

    fn row(
        &self,
        _: &mut (),
        parent: &mut M,
        _: usize,
        record: &Record<'_>,
        at: usize,
    ) -> Result<()> {
        self.only_row(parent, record, at)
    }

    fn finish(&self, _: &mut (), _: &mut [M]) {}
}
