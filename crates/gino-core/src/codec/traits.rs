//! Owns `postgres-types`' traits for the plain structs of this room, which the Rust face hands on.
//! Never decodes anything itself. Only with the feature `postgres-types`.

use std::error::Error;

use bytes::BytesMut;
use postgres_types::{FromSql, IsNull, Kind, ToSql, Type, accepts, to_sql_checked};

use super::{Circle, Inet, Interval, Line, Lsn, Point, Range, Tid, TimeTz};

type Outcome<T> = Result<T, Box<dyn Error + Sync + Send>>;

macro_rules! plain {
    ($($type:ident: $($sql:ident)|+, $value:ident $ty:ident $out:ident => $write:expr;)*) => {$(
        impl<'a> FromSql<'a> for $type {
            fn from_sql(_: &Type, raw: &'a [u8]) -> Outcome<Self> {
                Ok($type::decode(raw)?)
            }

            accepts!($($sql),+);
        }

        impl ToSql for $type {
            fn to_sql(&self, $ty: &Type, $out: &mut BytesMut) -> Outcome<IsNull> {
                let $value = *self;
                $write;
                Ok(IsNull::No)
            }

            accepts!($($sql),+);
            to_sql_checked!();
        }
    )*};
}

plain! {
    Interval: INTERVAL, value _ty out => value.encode(out);
    TimeTz: TIMETZ, value _ty out => value.encode(out)?;
    Inet: INET | CIDR, value ty out => value.encode(*ty == Type::CIDR, out)?;
    Point: POINT, value _ty out => value.encode(out);
    Line: LINE, value _ty out => value.encode(out)?;
    Circle: CIRCLE, value _ty out => value.encode(out)?;
    Lsn: PG_LSN, value _ty out => value.encode(out);
    Tid: TID, value _ty out => value.encode(out);
}

impl<'a, T: FromSql<'a>> FromSql<'a> for Range<T> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Outcome<Self> {
        let Kind::Range(of) = ty.kind() else {
            return Err("the type is no range".into());
        };
        Range::decode(raw)?.try_map(|bound| T::from_sql(of, bound))
    }

    fn accepts(ty: &Type) -> bool {
        matches!(ty.kind(), Kind::Range(of) if T::accepts(of))
    }
}

impl<T: ToSql> ToSql for Range<T> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Outcome<IsNull> {
        let Kind::Range(of) = ty.kind() else {
            return Err("the type is no range".into());
        };
        self.as_ref()
            .encode(out, |bound, out| match bound.to_sql(of, out)? {
                IsNull::No => Outcome::Ok(()),
                IsNull::Yes => Err("a bound of a range cannot be NULL".into()),
            })?;
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        matches!(ty.kind(), Kind::Range(of) if T::accepts(of))
    }

    to_sql_checked!();
}
