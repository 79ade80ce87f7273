//! Owns what belongs to a set of tables, and the order in which it is created: schemas, enumerated
//! types, sequences, tables after those they refer to, and foreign keys in circles at the end. Never
//! touches a database.

use std::collections::BTreeSet;

use super::ddl;
use crate::model::{EnumDef, Link, Sequence, Table};
use crate::sql_type::quoted;

/// Something that has a name in the database.
#[derive(Clone, Copy)]
pub(super) enum Item {
    Schema(&'static str),
    Enum(&'static EnumDef),
    Sequence(&'static Sequence),
    Table(&'static Table),
}

impl Item {
    /// What it is, as the question whether it exists spells it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Item::Schema(_) => "schema",
            Item::Enum(_) => "type",
            Item::Sequence(_) | Item::Table(_) => "relation",
        }
    }

    /// Its name in quotes.
    pub(super) fn name(&self) -> String {
        match self {
            Item::Schema(name) => quoted(name),
            Item::Enum(definition) => definition.sql(),
            Item::Sequence(sequence) => sequence.sql(),
            Item::Table(table) => table.sql(),
        }
    }
}

/// All that `tables` need, in the order in which it can be created.
pub(super) fn items(tables: &[&'static Table]) -> Vec<Item> {
    let (mut schemas, mut enums, mut sequences) = (Vec::new(), Vec::new(), Vec::new());
    for table in tables {
        add(&mut schemas, table.schema);
        for column in table.columns {
            add(&mut enums, column.sql_type.enumeration);
            add(&mut sequences, column.sequence);
        }
    }
    for definition in &enums {
        add(&mut schemas, definition.schema);
    }
    for sequence in &sequences {
        add(&mut schemas, sequence.schema);
    }
    let mut all: Vec<Item> = schemas.into_iter().map(Item::Schema).collect();
    all.extend(enums.into_iter().map(Item::Enum));
    all.extend(sequences.into_iter().map(Item::Sequence));
    all.extend(ordered(tables).into_iter().map(Item::Table));
    all
}

/// Adds what is new.
fn add<T: PartialEq>(all: &mut Vec<T>, item: Option<T>) {
    all.extend(item.filter(|item| !all.contains(item)));
}

/// Each table after those that it refers to, as far as that is possible.
fn ordered(tables: &[&'static Table]) -> Vec<&'static Table> {
    let mut left = tables.to_vec();
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let needs_none_of = |table: &&'static Table| {
            let keys = Link::all(table);
            let others = || left.iter().filter(|other| !other.is_same(table));
            !keys
                .iter()
                .any(|key| others().any(|other| other.is_same(key.table)))
        };
        // In a circle any one will do: its keys follow when all tables are there.
        let next = left.iter().position(needs_none_of);
        ordered.push(left.remove(next.unwrap_or(0)));
    }
    ordered
}

/// The statements that create `items`, in order.
pub(super) fn create(items: &[Item]) -> Vec<String> {
    let tables = items.iter().filter_map(|item| match item {
        Item::Table(table) => Some(*table),
        _ => None,
    });
    let mut missing: BTreeSet<_> = tables.map(|table| (table.schema, table.name)).collect();
    let (mut statements, mut later) = (Vec::new(), Vec::new());
    for item in items {
        match item {
            Item::Schema(name) => statements.push(format!("CREATE SCHEMA {}", quoted(name))),
            Item::Enum(definition) => statements.push(ddl::enumeration(definition)),
            Item::Sequence(sequence) => statements.push(ddl::sequence(sequence)),
            Item::Table(table) => {
                missing.remove(&(table.schema, table.name));
                let is_later = |key: &Link| missing.contains(&(key.table.schema, key.table.name));
                let (after, now): (Vec<Link>, Vec<Link>) =
                    Link::all(table).into_iter().partition(is_later);
                statements.push(ddl::table(table, &now));
                statements.extend(ddl::rest(table));
                later.extend(after.iter().map(|key| ddl::add_key(table, key)));
            }
        }
    }
    statements.extend(later);
    statements
}

/// The statements that drop `items`. Tables go together, so that those that refer to each other can.
pub(super) fn drop(items: &[Item]) -> Vec<String> {
    let mut words: Vec<(&str, Vec<String>)> = vec![
        ("TABLE", Vec::new()),
        ("SEQUENCE", Vec::new()),
        ("TYPE", Vec::new()),
        ("SCHEMA", Vec::new()),
    ];
    for item in items {
        let word = match item {
            Item::Table(_) => "TABLE",
            Item::Sequence(_) => "SEQUENCE",
            Item::Enum(_) => "TYPE",
            Item::Schema(_) => "SCHEMA",
        };
        for (known, names) in &mut words {
            if *known == word {
                names.push(item.name());
            }
        }
    }
    let dropped = words.into_iter().filter(|(_, names)| !names.is_empty());
    let statement =
        |(word, names): (&str, Vec<String>)| format!("DROP {word} {}", names.join(", "));
    dropped.map(statement).collect()
}
