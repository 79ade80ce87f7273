//! Owns what a row is to become: values and expressions by column, on their way from setters to a
//! statement. Never sends anything; creates, updates and bulk statements do.

mod held;
mod put;
mod read;
#[cfg(test)]
mod tests;

use std::fmt;

use bytes::BytesMut;
use gino_core::codec::Oid;
use sea_query::Expr as SeaExpr;

use super::{Column, Model, Property};
#[cfg(feature = "json")]
use crate::document::Document;
use crate::expr::{Assignable, Assigned};
use crate::param;
use crate::sql_type::SqlType;

use held::ColumnValue;
pub(crate) use held::Held;

/// Values for some columns of a table.
#[derive(Default)]
pub struct Draft {
    /// One per column.
    slots: Vec<Slot>,
    properties: Vec<PropertySlot>,
    /// Values of the usual types as they were given: for each its length and its binary form, as Bind
    /// and COPY have it; -1 is the length of NULL (PostgreSQL manual, "Message Formats", Bind).
    bytes: BytesMut,
    /// Expressions, and values of other types.
    others: Vec<Other>,
    /// A bit for each column that has a slot, as far as there are bits.
    given: u128,
    /// There is a slot that has no bit or no plain value.
    otherwise: bool,
}

/// What the column at position `at` becomes.
#[derive(Clone, Copy)]
struct Slot {
    at: usize,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    /// What was written down from `start` to `end`.
    Own { oid: Oid, start: usize, end: usize },
    /// What was written down before `end`.
    Null { oid: Oid, end: usize },
    /// The one at that place among the others.
    Other(usize),
}

enum Other {
    Value(Box<dyn ColumnValue>),
    Sql(SeaExpr),
}

/// What a property becomes.
pub(crate) struct PropertySlot {
    /// The position of the JSON column.
    pub(crate) column: usize,
    pub(crate) key: &'static str,
    pub(crate) value: PropertyValue,
}

pub(crate) enum PropertyValue {
    #[cfg(feature = "json")]
    Json(serde_json::Value),
    Sql(SeaExpr),
}

#[cfg(feature = "json")]
impl PropertyValue {
    /// What serde cannot say in JSON has the statement refused.
    fn new(json: std::result::Result<serde_json::Value, String>) -> PropertyValue {
        match json {
            Ok(json) => PropertyValue::Json(json),
            Err(reason) => PropertyValue::Sql(SeaExpr::Value(param::refused(&reason))),
        }
    }

    fn read(Document(text): Document) -> PropertyValue {
        let read = |text: Vec<u8>| serde_json::from_slice(&text).map_err(|error| error.to_string());
        PropertyValue::new(text.map_err(String::from).and_then(read))
    }

    fn of(value: &impl serde::Serialize) -> PropertyValue {
        PropertyValue::new(crate::document::to_value(value))
    }
}

/// In bytes, for a value: the room grows for longer ones.
const ROOM: usize = 32;

impl Draft {
    /// No values yet, with room for those of `columns` columns.
    pub(crate) fn with_room(columns: usize) -> Draft {
        Draft {
            slots: Vec::with_capacity(columns),
            bytes: BytesMut::with_capacity(columns * ROOM),
            ..Draft::default()
        }
    }

    /// Whether the column at position `at` has a value.
    pub fn has(&self, at: usize) -> bool {
        self.has_slot(at) || self.properties.iter().any(|property| property.column == at)
    }

    fn has_slot(&self, at: usize) -> bool {
        match put::bit(at) {
            0 => self.slots.iter().any(|slot| slot.at == at),
            bit => self.given & bit != 0,
        }
    }

    /// Whether the property `key` in the column at position `at` has a value, by itself or with its
    /// whole column.
    pub fn has_property(&self, at: usize, key: &str) -> bool {
        let is_it = |property: &PropertySlot| property.column == at && property.key == key;
        self.has_slot(at) || self.properties.iter().any(is_it)
    }

    /// Gives the property `key` in the column at position `at` a value.
    #[cfg(feature = "json")]
    pub fn put_property<T: serde::Serialize>(&mut self, at: usize, key: &'static str, value: T) {
        self.put_property_slot(at, key, PropertyValue::of(&value));
    }

    pub(crate) fn put_property_slot(
        &mut self,
        column: usize,
        key: &'static str,
        value: PropertyValue,
    ) {
        self.properties
            .retain(|property| property.column != column || property.key != key);
        self.properties.push(PropertySlot { column, key, value });
    }

    #[cfg(feature = "json")]
    pub(crate) fn assign_property<M, T>(
        &mut self,
        property: Property<M, T>,
        value: impl Assignable<T>,
    ) where
        M: Model,
        T: serde::Serialize,
    {
        let value = match value.assigned() {
            Assigned::Value(value) => PropertyValue::of(&value),
            Assigned::Sql(sql) => PropertyValue::Sql(sql),
            Assigned::Json(document) => PropertyValue::read(document),
        };
        self.put_property_slot(property.index(), property.key(), value);
    }

    /// Whether nothing was set.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.properties.is_empty()
    }

    /// In the order of the table's columns.
    pub(crate) fn sort(&mut self) {
        self.slots.sort_by_key(|slot| slot.at);
    }

    /// The columns that have plain values, as a number with a bit for each, if there is nothing
    /// else and all positions fit.
    pub(crate) fn mask(&self) -> Option<u128> {
        let has_more = self.otherwise || !self.properties.is_empty();
        (!has_more).then_some(self.given)
    }

    /// Whether all columns that `required` has a bit for have a slot.
    pub(crate) fn has_all(&self, required: u128) -> bool {
        required & !self.given == 0
    }

    /// How many columns have a slot.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Makes plain values of columns that have nothing but plain properties.
    #[cfg(feature = "json")]
    pub(crate) fn settle_properties(&mut self) {
        let is_plain = |property: &PropertySlot| matches!(property.value, PropertyValue::Json(_));
        let mut left = std::mem::take(&mut self.properties);
        while let Some(column) = left.first().map(|property| property.column) {
            let (mine, others): (Vec<_>, Vec<_>) = left
                .into_iter()
                .partition(|property| property.column == column);
            left = others;
            if !self.has_slot(column) && mine.iter().all(is_plain) {
                let values = mine
                    .into_iter()
                    .filter_map(|property| match property.value {
                        PropertyValue::Json(value) => Some((property.key.to_owned(), value)),
                        PropertyValue::Sql(_) => None,
                    });
                let object = serde_json::Value::Object(values.collect());
                self.put(column, crate::json::Json(object));
            } else {
                self.properties.extend(mine);
            }
        }
    }

    #[cfg(not(feature = "json"))]
    pub(crate) fn settle_properties(&mut self) {}
}

impl fmt::Debug for Draft {
    /// The positions that are set, without values: those may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.slots.iter().map(|slot| slot.at))
            .finish()
    }
}

/// What takes values by column: a create, an update.
pub trait Assign<M: Model>: Sized {
    /// Where they go.
    fn draft(&mut self) -> &mut Draft;

    /// Sets `column` to `value`.
    #[inline]
    fn assign<T: SqlType>(mut self, column: Column<M, T>, value: impl Assignable<T>) -> Self {
        value.put(self.draft(), column.index());
        self
    }

    /// Sets `property` to `value`.
    #[cfg(feature = "json")]
    fn assign_property<T: serde::Serialize>(
        mut self,
        property: Property<M, T>,
        value: impl Assignable<T>,
    ) -> Self {
        self.draft().assign_property(property, value);
        self
    }

    /// Sets the columns of a group, which begin at position `at`.
    fn assign_group<C: super::Columns>(mut self, at: usize, value: C) -> Self {
        value.put(self.draft(), at);
        self
    }
}
