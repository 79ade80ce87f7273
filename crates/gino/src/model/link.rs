//! Owns foreign keys in one form, whichever way a struct wrote them. Never writes SQL: the schema and
//! the loaders do.

use super::{ColumnDef, ForeignKey, Reference, Table, Target};

/// A foreign key of a table.
pub(crate) struct Link {
    pub(crate) columns: Vec<&'static str>,
    /// The columns it refers to, one for each.
    pub(crate) targets: Vec<&'static str>,
    /// What it refers to.
    pub(crate) table: &'static Table,
    /// The struct's field, if it is one.
    pub(crate) field: Option<&'static str>,
    pub(crate) name: Option<&'static str>,
    pub(crate) on_delete: Option<&'static str>,
    pub(crate) on_update: Option<&'static str>,
    pub(crate) deferrable: bool,
}

impl Link {
    /// All of `table`'s.
    pub(crate) fn all(table: &Table) -> Vec<Link> {
        let of_column = |column: &'static ColumnDef| {
            let reference = column.references.as_ref()?;
            Some(Link::of_column(column, reference))
        };
        let single = table.columns.iter().filter_map(of_column);
        let several = table.foreign_keys.iter().filter_map(Link::of_several);
        single.chain(several).collect()
    }

    fn of_column(column: &ColumnDef, reference: &Reference) -> Link {
        Link {
            columns: vec![column.name],
            targets: vec![reference.target.column],
            table: reference.target.table(),
            field: Some(column.field),
            name: reference.name,
            on_delete: reference.on_delete,
            on_update: reference.on_update,
            deferrable: reference.deferrable,
        }
    }

    fn of_several(key: &ForeignKey) -> Option<Link> {
        Some(Link {
            columns: key.columns.to_vec(),
            targets: key.targets.iter().map(|target| target.column).collect(),
            table: key.targets.first().map(Target::table)?,
            field: None,
            name: key.name,
            on_delete: key.on_delete,
            on_update: key.on_update,
            deferrable: key.deferrable,
        })
    }
}

impl Table {
    /// Whether both are the same table of the database.
    pub(crate) fn is_same(&self, other: &Table) -> bool {
        (self.schema, self.name) == (other.schema, other.name)
    }
}
