//! Owns the Rust type for multiranges. Never orders or joins ranges: the server does.

use bytes::BytesMut;
use gino_core::codec::{Multirange as Wire, Range};
use postgres_types::{FromSql, IsNull, Kind, ToSql, Type, to_sql_checked};

use super::Outcome;

/// A multirange: ranges in order that do not touch each other, once the server has had it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Multirange<T>(pub Vec<Range<T>>);

impl<T> Default for Multirange<T> {
    fn default() -> Self {
        Multirange(Vec::new())
    }
}

impl<T> FromIterator<Range<T>> for Multirange<T> {
    fn from_iter<I: IntoIterator<Item = Range<T>>>(ranges: I) -> Self {
        Multirange(ranges.into_iter().collect())
    }
}

impl<'a, T: FromSql<'a>> FromSql<'a> for Multirange<T> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Outcome<Self> {
        let of = bounds(ty).ok_or("the type is no multirange")?;
        Wire::decode(raw)?
            .map(|range| range?.try_map(|bound| T::from_sql(&of, bound)))
            .collect()
    }

    fn accepts(ty: &Type) -> bool {
        bounds(ty).is_some_and(|of| T::accepts(&of))
    }
}

impl<T: ToSql> ToSql for Multirange<T> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Outcome<IsNull> {
        let of = bounds(ty).ok_or("the type is no multirange")?;
        Wire::encode(self.0.iter(), out, |range, out| {
            range
                .as_ref()
                .encode(out, |bound, out| match bound.to_sql(&of, out)? {
                    IsNull::No => Outcome::Ok(()),
                    IsNull::Yes => Err("a bound of a range cannot be NULL".into()),
                })
        })?;
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        bounds(ty).is_some_and(|of| T::accepts(&of))
    }

    to_sql_checked!();
}

/// The type of the bounds. `postgres-types` says of a multirange's OID what it is over: its range
/// type, or the type of the bounds.
fn bounds(ty: &Type) -> Option<Type> {
    match ty.kind() {
        Kind::Multirange(of) => match of.kind() {
            Kind::Range(of) => Some(of.clone()),
            _ => Some(of.clone()),
        },
        _ => None,
    }
}
