//! Owns the way out: values as the parameters of a statement, or as parts of what sea-query writes.

use bytes::BytesMut;
use gino_core::codec::{Format, Oid};
use gino_core::error::Result;
use gino_core::session::{ParamType, Params, Written};
use postgres_types::Type;
use sea_query::Expr as SeaExpr;

use super::held::{ColumnValue, Held, fits, into_value, null};
use super::{Draft, Other, PropertySlot, Slot, What};
use crate::value::write;

impl Draft {
    /// The values of a draft that has nothing else, in order.
    pub(crate) fn values(&self) -> impl Iterator<Item = Held<'_>> {
        self.slots.iter().filter_map(|slot| self.held(slot))
    }

    /// The value at `place` among those that are set, if it is one.
    pub(crate) fn value(&self, place: usize) -> Option<Held<'_>> {
        self.held(self.slots.get(place)?)
    }

    /// The value of the column at position `at`, if it has one.
    pub(crate) fn value_of(&self, at: usize) -> Option<Held<'_>> {
        self.held(self.slots.iter().find(|slot| slot.at == at)?)
    }

    /// The types that the values' bytes are of.
    pub(crate) fn wires(&self) -> impl Iterator<Item = Type> {
        self.types().map(|(wire, _)| wire)
    }

    /// The SQL types of the values' Rust types.
    pub(crate) fn type_names(&self) -> impl Iterator<Item = &'static str> {
        self.types().map(|(_, name)| name)
    }

    fn types(&self) -> impl Iterator<Item = (Type, &'static str)> {
        let of = |value: &dyn ColumnValue| (value.wire(), value.type_name());
        self.slots.iter().filter_map(move |slot| match slot.what {
            What::Own { oid, .. } | What::Null { oid, .. } => null(oid).map(|null| of(&*null)),
            What::Other(place) => match self.others.get(place)? {
                Other::Value(value) => Some(of(&**value)),
                Other::Sql(_) => None,
            },
        })
    }

    fn held(&self, slot: &Slot) -> Option<Held<'_>> {
        match slot.what {
            What::Own { oid, start, end } => Some(Held::Own(oid, self.bytes.get(start..end))),
            What::Null { oid, .. } => Some(Held::Own(oid, None)),
            What::Other(place) => match self.others.get(place)? {
                Other::Value(value) => Some(Held::Other(&**value)),
                Other::Sql(_) => None,
            },
        }
    }

    /// All values, each with its length, if they are written down in order and none is of a type that
    /// `fits`, with its place, does not take.
    pub(crate) fn in_one_piece(&self, fits: impl Fn(usize, Oid) -> bool) -> Option<&[u8]> {
        let mut written = 0;
        for (place, slot) in self.slots.iter().enumerate() {
            let (oid, start, end) = match slot.what {
                What::Own { oid, start, end } => (oid, start, end),
                What::Null { oid, end } => (oid, end, end),
                What::Other(_) => return None,
            };
            if start != written + 4 || !fits(place, oid) {
                return None;
            }
            written = end;
        }
        self.bytes.get(..written)
    }

    /// As parts of a sea-query statement: the columns in order, and the properties.
    pub(crate) fn into_sea(self) -> (Vec<(usize, SeaExpr)>, Vec<PropertySlot>) {
        let (slots, bytes) = (self.slots, self.bytes);
        let mut others: Vec<_> = self.others.into_iter().map(Some).collect();
        let sea = |slot: Slot| {
            let value = match slot.what {
                What::Own { oid, start, end } => into_value(oid, bytes.get(start..end)),
                What::Null { oid, .. } => into_value(oid, None),
                What::Other(place) => match others.get_mut(place)?.take()? {
                    Other::Value(value) => value.into_value(),
                    Other::Sql(sql) => return Some((slot.at, sql)),
                },
            };
            Some((slot.at, SeaExpr::Value(value)))
        };
        (slots.into_iter().filter_map(sea).collect(), self.properties)
    }
}

/// Of a draft that has nothing but plain values.
impl Params for Draft {
    fn len(&self, _set: usize) -> usize {
        self.slots.len()
    }

    fn written(&self, _set: usize, types: &[Oid]) -> Option<&[u8]> {
        self.in_one_piece(|place, oid| types.get(place).is_some_and(|wanted| fits(oid, *wanted)))
    }

    fn encode(
        &self,
        _set: usize,
        index: usize,
        of: ParamType<'_>,
        out: &mut BytesMut,
    ) -> Result<Written> {
        // As `Held` does, without the questions that `write` asks: 1 % of an update, whose key comes from
        // elsewhere, so that it is not in one piece.
        if let Some(slot) = self.slots.get(index)
            && let What::Own { oid, start, end } = slot.what
            && fits(oid, of.oid)
            && let Some(bytes) = self.bytes.get(start..end)
        {
            out.extend_from_slice(bytes);
            return Ok(Written::Value(Format::Binary));
        }
        let value = self.value(index);
        write(value.as_ref().map(|value| value as _), index, of, out)
    }
}
