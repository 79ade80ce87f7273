//! Owns the list of all models of the program, for `DB.create_all()`. Never creates anything. Each
//! derive adds its model where it stands; the linker puts the list together (`inventory`), so that no
//! place of the program has to name them all.

use super::{Model, Table};
use crate::gino::Gino;

/// A model of the program.
#[derive(Debug, Clone, Copy)]
pub struct Registered {
    pub(crate) table: &'static Table,
    db: fn() -> &'static Gino,
}

impl Registered {
    /// The model `M`.
    pub const fn of<M: Model>() -> Registered {
        Registered {
            table: M::TABLE,
            db: M::db,
        }
    }
}

inventory::collect!(Registered);

/// The tables of all models of `db`, each once, by name. Of models that share a table it is the one
/// with most columns.
pub(crate) fn tables(db: &Gino) -> Vec<&'static Table> {
    let mine = inventory::iter::<Registered>
        .into_iter()
        .filter(|model| std::ptr::eq((model.db)(), db));
    let mut tables: Vec<&'static Table> = mine.map(|model| model.table).collect();
    tables.sort_by_key(|table| {
        let fewest_first = table.columns.len();
        (table.schema, table.name, usize::MAX - fewest_first)
    });
    tables.dedup_by_key(|table| (table.schema, table.name));
    tables
}
