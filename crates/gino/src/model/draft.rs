//! Owns what a row is to become: values and expressions by column, on their way from setters to a
//! statement. Never sends anything; creates, updates and bulk statements do.

use std::fmt;

use bytes::BytesMut;
use gino_core::error::Result;
use gino_core::session::{ParamType, Params, Written};
use postgres_types::{ToSql, Type};
use sea_query::Expr as SeaExpr;

use super::held::{ColumnValue, Held};
use super::{Column, Model, Property};
#[cfg(feature = "json")]
use crate::document::Document;
use crate::expr::{Assignable, Assigned};
use crate::param;
use crate::sql_type::SqlType;
use crate::value::write;

/// Values for some columns of a table.
#[derive(Default)]
pub struct Draft {
    /// By position; one per column.
    pub(crate) slots: Vec<(usize, Slot)>,
    pub(crate) properties: Vec<PropertySlot>,
    /// A bit for each column that has a slot, as far as there are bits.
    given: u128,
    /// There is a slot that has no bit or no plain value.
    otherwise: bool,
}

/// What a column becomes.
pub(crate) enum Slot {
    Value(Held),
    /// Boxed: most are values, which are a sixth of its size.
    Sql(Box<SeaExpr>),
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

impl Draft {
    /// No values yet, with room for those of `columns` columns.
    pub(crate) fn with_room(columns: usize) -> Draft {
        Draft {
            slots: Vec::with_capacity(columns),
            properties: Vec::new(),
            given: 0,
            otherwise: false,
        }
    }

    /// Whether the column at position `at` has a value.
    pub fn has(&self, at: usize) -> bool {
        self.has_slot(at) || self.properties.iter().any(|property| property.column == at)
    }

    fn has_slot(&self, at: usize) -> bool {
        match bit(at) {
            0 => self.slots.iter().any(|(index, _)| *index == at),
            bit => self.given & bit != 0,
        }
    }

    /// Gives the column at position `at` a value.
    pub fn put<T: SqlType>(&mut self, at: usize, value: T) {
        self.put_slot(at, Slot::Value(Held::new(value)));
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

    pub(crate) fn put_slot(&mut self, at: usize, slot: Slot) {
        if self.has_slot(at) {
            self.slots.retain(|(index, _)| *index != at);
        }
        let bit = bit(at);
        self.given |= bit;
        self.otherwise |= bit == 0 || matches!(slot, Slot::Sql(_));
        self.slots.push((at, slot));
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

    /// Gives the column at position `at` what `value` says.
    pub(crate) fn assign<T: SqlType>(&mut self, at: usize, value: Assigned<T>) {
        let slot = match value {
            Assigned::Value(value) => Slot::Value(Held::new(value)),
            Assigned::Sql(sql) => Slot::Sql(Box::new(sql)),
            #[cfg(feature = "json")]
            Assigned::Json(document) => Slot::Value(Held::Json(document)),
        };
        self.put_slot(at, slot);
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
        self.slots.sort_by_key(|(index, _)| *index);
    }

    /// The columns that have plain values, as a number with a bit for each, if there is nothing
    /// else and all positions fit.
    pub(crate) fn mask(&self) -> Option<u128> {
        let has_more = self.otherwise || !self.properties.is_empty();
        (!has_more).then_some(self.given)
    }

    /// The values of a draft that has nothing else, in order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &(dyn ToSql + Sync)> {
        self.plain().map(|value| value as _)
    }

    /// Whether all columns that `required` has a bit for have a slot.
    pub(crate) fn has_all(&self, required: u128) -> bool {
        required & !self.given == 0
    }

    /// The value at `place` among those that are set, if it is one.
    pub(crate) fn value(&self, place: usize) -> Option<&(dyn ToSql + Sync)> {
        match self.slots.get(place) {
            Some((_, Slot::Value(value))) => Some(value.as_value()),
            _ => None,
        }
    }

    /// The values with the types that their bytes are of.
    pub(crate) fn wire_values(&self) -> impl Iterator<Item = (&(dyn ToSql + Sync), Type)> {
        self.plain().map(|value| (value as _, value.wire()))
    }

    /// The types that the values' bytes are of.
    pub(crate) fn wires(&self) -> Vec<Type> {
        self.plain().map(|value| value.wire()).collect()
    }

    /// The SQL types of the values' Rust types.
    pub(crate) fn type_names(&self) -> impl Iterator<Item = &'static str> {
        self.plain().map(|value| value.type_name())
    }

    fn plain(&self) -> impl Iterator<Item = &dyn ColumnValue> {
        self.slots.iter().filter_map(|(_, slot)| match slot {
            Slot::Value(value) => Some(value.as_value()),
            Slot::Sql(_) => None,
        })
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

/// The bit of the column at position `at`; 0 if there is none.
fn bit(at: usize) -> u128 {
    match at {
        0..128 => 1 << at,
        _ => 0,
    }
}

impl Slot {
    /// As part of a sea-query statement.
    pub(crate) fn into_sea(self) -> SeaExpr {
        match self {
            Slot::Value(value) => SeaExpr::Value(value.into_value()),
            Slot::Sql(sql) => *sql,
        }
    }
}

/// Of a draft that has nothing but plain values.
impl Params for Draft {
    fn len(&self, _set: usize) -> usize {
        self.slots.len()
    }

    fn encode(
        &self,
        _set: usize,
        index: usize,
        of: ParamType<'_>,
        out: &mut BytesMut,
    ) -> Result<Written> {
        write(self.value(index), index, of, out)
    }
}

impl fmt::Debug for Draft {
    /// The positions that are set, without values: those may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.slots.iter().map(|(index, _)| index))
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
        self.draft().assign(column.index(), value.assigned());
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
