//! Owns the way in: what a column is set to, written down at once where its type is a usual one.

use std::any::Any;

use bytes::BufMut;
use gino_core::codec::Oid;
use postgres_types::IsNull;

use super::held::{TEXT, usual};
use super::{Draft, Other, Slot, What};
use crate::expr::{Assigned, Taker};
use crate::sql_type::SqlType;

#[cfg(feature = "json")]
use super::held::JSONB;
#[cfg(feature = "json")]
use crate::document::Document;

impl Draft {
    /// Gives the column at position `at` a value.
    pub fn put<T: SqlType>(&mut self, at: usize, value: T) {
        let Some(oid) = usual::<T>() else {
            return self.put_other(at, Other::Value(Box::new(value)));
        };
        // The compiler knows which one it is.
        let any: &dyn Any = &value;
        if let Some(text) = any.downcast_ref::<String>() {
            return self.put_bytes(at, oid, text.as_bytes());
        }
        if let Some(value) = any.downcast_ref::<bool>() {
            return self.put_bytes(at, oid, &[u8::from(*value)]);
        }
        // PostgreSQL manual, "Formats and Format Codes": numbers are in network byte order.
        macro_rules! numbers {
            ($($of:ty),*) => { $(
                if let Some(value) = any.downcast_ref::<$of>() {
                    return self.put_bytes(at, oid, &value.to_be_bytes());
                }
            )* };
        }
        numbers!(i16, i32, i64, f32, f64);
        let start = self.begin();
        match value.to_sql(&T::wire(), &mut self.bytes) {
            Ok(IsNull::No) => self.put_own(at, oid, start),
            Ok(IsNull::Yes) => self.put_slot(at, What::Null { oid, end: start }),
            Err(_) => {
                // It is refused when it is sent, with its place.
                self.bytes.truncate(start);
                self.put_other(at, Other::Value(Box::new(value)));
            }
        }
    }

    /// The same of the binary form of a value.
    fn put_bytes(&mut self, at: usize, oid: Oid, bytes: &[u8]) {
        let start = self.begin();
        self.bytes.extend_from_slice(bytes);
        self.put_own(at, oid, start);
    }

    /// Leaves room for a value's length; says where the value begins.
    fn begin(&mut self) -> usize {
        self.bytes.put_i32(-1);
        self.bytes.len()
    }

    /// Gives the column what was written down from `start` on.
    fn put_own(&mut self, at: usize, oid: Oid, start: usize) {
        let end = self.bytes.len();
        // Of one that does not fit in it, nothing is sent.
        let length = i32::try_from(end - start).unwrap_or(-1).to_be_bytes();
        if let Some(place) = self.bytes.get_mut(start - 4..start) {
            place.copy_from_slice(&length);
        }
        self.put_slot(at, What::Own { oid, start, end });
    }

    fn put_other(&mut self, at: usize, other: Other) {
        self.otherwise |= matches!(other, Other::Sql(_));
        self.put_slot(at, What::Other(self.others.len()));
        self.others.push(other);
    }

    fn put_slot(&mut self, at: usize, what: What) {
        if self.has_slot(at) {
            self.slots.retain(|slot| slot.at != at);
        }
        let bit = bit(at);
        self.given |= bit;
        self.otherwise |= bit == 0;
        self.slots.push(Slot { at, what });
    }
}

impl Taker for Draft {
    #[inline]
    fn put_value<T: SqlType>(&mut self, at: usize, value: T) {
        self.put(at, value);
    }

    fn put_text(&mut self, at: usize, text: &str) {
        self.put_bytes(at, TEXT, text.as_bytes());
    }

    #[cfg(feature = "json")]
    fn put_json(&mut self, at: usize, value: &impl serde::Serialize) {
        let start = self.begin();
        match Document::write(value, &mut self.bytes) {
            Ok(()) => self.put_own(at, JSONB, start),
            Err(reason) => self.put_other(at, Other::Value(Box::new(Document(Err(reason))))),
        }
    }

    fn put_assigned<T: SqlType>(&mut self, at: usize, value: Assigned<T>) {
        match value {
            Assigned::Value(value) => self.put(at, value),
            Assigned::Sql(sql) => self.put_other(at, Other::Sql(sql)),
            #[cfg(feature = "json")]
            Assigned::Json(document) => self.put_other(at, Other::Value(Box::new(document))),
        }
    }
}

/// The bit of the column at position `at`; 0 if there is none.
pub(super) fn bit(at: usize) -> u128 {
    match at {
        0..128 => 1 << at,
        _ => 0,
    }
}
