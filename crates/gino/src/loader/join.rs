//! Owns the joins that loaders make: which table, on what. Never reads a row.

use gino_core::error::{Result, UsageError};
use sea_query::{
    BinOper, ColumnName, ColumnRef, Expr as SeaExpr, IntoIden, JoinType, SelectExpr,
    SelectStatement, TableName, TableRef,
};

use crate::model::{Link, Table, reference, table_name};

/// How a loader comes to its rows.
#[derive(Debug, Clone)]
pub(super) enum Join {
    /// By the foreign key between the two tables.
    Key,
    On(Box<SeaExpr>),
    /// By the foreign keys of a third table to both.
    Through(&'static Table),
    /// The query has joined it.
    Given,
}

/// A table under the name it has in the query.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    pub(super) table: &'static Table,
    pub(super) alias: Option<&'static str>,
}

impl Scope {
    pub(super) const fn of(table: &'static Table) -> Scope {
        Scope { table, alias: None }
    }

    fn table_ref(&self) -> TableRef {
        TableRef::Table(table_name(self.table), self.alias.map(IntoIden::into_iden))
    }

    fn column(&self, name: &'static str) -> SeaExpr {
        match self.alias {
            None => reference(self.table, name),
            Some(alias) => {
                let table = TableName(None, alias.into_iden());
                SeaExpr::Column(ColumnRef::Column(ColumnName(Some(table), name.into_iden())))
            }
        }
    }

    /// All its columns, one by one.
    pub(super) fn columns(&self, columns: &mut Vec<SelectExpr>) {
        let all = self.table.columns.iter();
        columns.extend(all.map(|column| SelectExpr::from(self.column(column.name))));
    }

    fn name(&self) -> &'static str {
        self.alias.unwrap_or(self.table.name)
    }
}

/// A relation between two tables.
pub(super) struct Between<'a> {
    pub(super) parent: &'a Scope,
    pub(super) child: &'a Scope,
    pub(super) relation: &'static str,
    pub(super) many: bool,
}

impl Between<'_> {
    /// Adds the joins to `statement`.
    ///
    /// # Errors
    /// A `UsageError` if the foreign keys do not say how.
    pub(super) fn add_to(&self, join: &Join, statement: &mut SelectStatement) -> Result<()> {
        let mut left = |scope: &Scope, on| {
            statement.join(JoinType::LeftJoin, scope.table_ref(), on);
        };
        match join {
            Join::Given => {}
            Join::On(on) => left(self.child, (**on).clone()),
            Join::Key => left(self.child, self.by_key()?),
            Join::Through(table) => {
                let middle = Scope::of(table);
                let (to_parent, to_child) = (
                    self.only(&middle, self.parent, None)?,
                    self.only(&middle, self.child, Some(self.relation))?,
                );
                left(&middle, equal(&to_parent, &middle, self.parent));
                left(self.child, equal(&to_child, &middle, self.child));
            }
        }
        Ok(())
    }

    /// The condition of the foreign key between the two: the parent's own for one child, the
    /// child's for many.
    fn by_key(&self) -> Result<SeaExpr> {
        let (parent, child) = (self.parent, self.child);
        let ours = || -> Result<Option<SeaExpr>> {
            let link = self.find(parent, child, Some(self.relation))?;
            Ok(link.map(|link| equal(&link, parent, child)))
        };
        let theirs = || -> Result<Option<SeaExpr>> {
            let link = self.find(child, parent, None)?;
            Ok(link.map(|link| equal(&link, child, parent)))
        };
        let found = match self.many {
            true => match theirs()? {
                None => ours()?,
                found => found,
            },
            false => match ours()? {
                None => theirs()?,
                found => found,
            },
        };
        found.ok_or_else(|| self.refused("there is no foreign key between the two"))
    }

    fn only(&self, from: &Scope, to: &Scope, name: Option<&str>) -> Result<Link> {
        let found = self.find(from, to, name)?;
        found.ok_or_else(|| {
            let (from, to) = (from.name(), to.name());
            self.refused(&format!("{from} has no foreign key to {to}"))
        })
    }

    /// The foreign key of `from` that refers to `to`; of several the one whose field is `name_id`.
    fn find(&self, from: &Scope, to: &Scope, name: Option<&str>) -> Result<Option<Link>> {
        let mut links = Link::all(from.table);
        links.retain(|link| link.table.is_same(to.table));
        if links.len() > 1 {
            let named = name.map(|name| format!("{name}_id"));
            let is_named = |link: &Link| link.field.is_some() && link.field == named.as_deref();
            match links.iter().position(is_named) {
                Some(place) => return Ok(Some(links.swap_remove(place))),
                None => {
                    let (from, to) = (from.name(), to.name());
                    let several = format!("{from} has several foreign keys to {to}");
                    return Err(self.refused(&several));
                }
            }
        }
        Ok(links.pop())
    }

    fn refused(&self, reason: &str) -> gino_core::error::Error {
        let (relation, parent, child) = (self.relation, self.parent.name(), self.child.name());
        UsageError::Join(format!(
            "the loader cannot join {child} as {relation} of {parent}: {reason}; say how with \
             `.on(condition)`, or `.joined()` if the query joins it"
        ))
        .into()
    }
}

/// Columns of `from` equal to those of `to`.
fn equal(link: &Link, from: &Scope, to: &Scope) -> SeaExpr {
    let pairs = link.columns.iter().zip(&link.targets);
    let each = pairs.map(|(column, target)| {
        let (left, right) = (to.column(target), from.column(column));
        SeaExpr::Binary(Box::new(left), BinOper::Equal, Box::new(right))
    });
    let all =
        each.reduce(|left, right| SeaExpr::Binary(Box::new(left), BinOper::And, Box::new(right)));
    all.unwrap_or(SeaExpr::Constant(sea_query::Value::Bool(Some(true))))
}
