//! Owns the SQL types of the Rust types that `postgres-types` knows.

use std::net::IpAddr;
use std::time::SystemTime;

use postgres_types::Type;
use sea_query::Value;

use super::{SqlType, TypeDef};
use crate::types;

impl<T: SqlType<Plain = T>> SqlType for Option<T> {
    type Plain = T;
    const TYPE: TypeDef = T::TYPE;
    const NULLABLE: bool = true;

    fn wire() -> Type {
        T::wire()
    }

    fn wire_array() -> Type {
        T::wire_array()
    }

    fn into_value(self) -> Value {
        match self {
            Some(value) => value.into_value(),
            None => crate::param::null(),
        }
    }
}

impl<T: SqlType> SqlType for Vec<T>
where
    Vec<T>: postgres_types::ToSql + postgres_types::FromSqlOwned,
{
    type Plain = Vec<T>;
    const TYPE: TypeDef = T::TYPE.array();

    fn wire() -> Type {
        T::wire_array()
    }

    fn wire_array() -> Type {
        T::wire_array()
    }
}

/// Types that sea-query has a word for.
macro_rules! plain {
    ($($rust:ty, $sql:literal, $wire:ident, $array:ident, $value:expr;)*) => { $(
        impl SqlType for $rust {
            type Plain = $rust;
            const TYPE: TypeDef = TypeDef::named($sql);

            fn wire() -> Type {
                Type::$wire
            }

            fn wire_array() -> Type {
                Type::$array
            }

            fn into_value(self) -> Value {
                $value(Some(self))
            }
        }

        $crate::__operand!($rust);
    )* };
}

plain! {
    bool, "bool", BOOL, BOOL_ARRAY, Value::Bool;
    i16, "int2", INT2, INT2_ARRAY, Value::SmallInt;
    i32, "int4", INT4, INT4_ARRAY, Value::Int;
    i64, "int8", INT8, INT8_ARRAY, Value::BigInt;
    f32, "float4", FLOAT4, FLOAT4_ARRAY, Value::Float;
    f64, "float8", FLOAT8, FLOAT8_ARRAY, Value::Double;
    String, "text", TEXT, TEXT_ARRAY, Value::String;
}

/// Types that sea-query has none for.
macro_rules! more {
    ($($rust:ty, $sql:literal, $wire:ident, $array:ident;)*) => { $(
        $crate::sql_type!($rust, $sql, Type::$wire, Type::$array);
    )* };
}

more! {
    i8, "\"char\"", CHAR, CHAR_ARRAY;
    u32, "oid", OID, OID_ARRAY;
    Box<str>, "text", TEXT, TEXT_ARRAY;
    SystemTime, "timestamptz", TIMESTAMPTZ, TIMESTAMPTZ_ARRAY;
    IpAddr, "inet", INET, INET_ARRAY;
    types::Inet, "inet", INET, INET_ARRAY;
    types::MacAddr, "macaddr", MACADDR, MACADDR_ARRAY;
    types::MacAddr8, "macaddr8", MACADDR8, MACADDR8_ARRAY;
    types::Interval, "interval", INTERVAL, INTERVAL_ARRAY;
    types::TimeTz, "timetz", TIMETZ, TIMETZ_ARRAY;
    types::BitString, "varbit", VARBIT, VARBIT_ARRAY;
    types::Money, "money", MONEY, MONEY_ARRAY;
    types::Lsn, "pg_lsn", PG_LSN, PG_LSN_ARRAY;
    types::Xid8, "xid8", XID8, XID8_ARRAY;
    types::Point, "point", POINT, POINT_ARRAY;
    types::Line, "line", LINE, LINE_ARRAY;
    types::Lseg, "lseg", LSEG, LSEG_ARRAY;
    types::Rect, "box", BOX, BOX_ARRAY;
    types::Path, "path", PATH, PATH_ARRAY;
    types::Polygon, "polygon", POLYGON, POLYGON_ARRAY;
    types::Circle, "circle", CIRCLE, CIRCLE_ARRAY;
}

/// Types of bounds with those of the ranges over them.
macro_rules! ranges {
    ($($bound:ty, $range:literal, $multirange:literal, $wire:ident, $array:ident,
       $many:ident, $many_array:ident;)*) => {
        more! { $(
            types::Range<$bound>, $range, $wire, $array;
            types::Multirange<$bound>, $multirange, $many, $many_array;
        )* }
    };
}

#[cfg(any(feature = "chrono", feature = "jiff", feature = "time"))]
macro_rules! date_ranges {
    ($($bound:ty),*) => { ranges! { $(
        $bound, "daterange", "datemultirange", DATE_RANGE, DATE_RANGE_ARRAY,
            DATEMULTI_RANGE, DATEMULTI_RANGE_ARRAY;
    )* } };
}

#[cfg(any(feature = "chrono", feature = "jiff", feature = "time"))]
macro_rules! timestamp_ranges {
    ($($bound:ty),*) => { ranges! { $(
        $bound, "tsrange", "tsmultirange", TS_RANGE, TS_RANGE_ARRAY,
            TSMULTI_RANGE, TSMULTI_RANGE_ARRAY;
    )* } };
}

macro_rules! moment_ranges {
    ($($bound:ty),*) => { ranges! { $(
        $bound, "tstzrange", "tstzmultirange", TSTZ_RANGE, TSTZ_RANGE_ARRAY,
            TSTZMULTI_RANGE, TSTZMULTI_RANGE_ARRAY;
    )* } };
}

ranges! {
    i32, "int4range", "int4multirange", INT4_RANGE, INT4_RANGE_ARRAY,
        INT4MULTI_RANGE, INT4MULTI_RANGE_ARRAY;
    i64, "int8range", "int8multirange", INT8_RANGE, INT8_RANGE_ARRAY,
        INT8MULTI_RANGE, INT8MULTI_RANGE_ARRAY;
}
moment_ranges!(SystemTime);

#[cfg(feature = "chrono")]
mod of_chrono {
    use super::*;
    use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Utc};

    more! {
        NaiveDate, "date", DATE, DATE_ARRAY;
        NaiveTime, "time", TIME, TIME_ARRAY;
        NaiveDateTime, "timestamp", TIMESTAMP, TIMESTAMP_ARRAY;
        DateTime<Utc>, "timestamptz", TIMESTAMPTZ, TIMESTAMPTZ_ARRAY;
        DateTime<FixedOffset>, "timestamptz", TIMESTAMPTZ, TIMESTAMPTZ_ARRAY;
    }
    date_ranges!(NaiveDate);
    timestamp_ranges!(NaiveDateTime);
    moment_ranges!(DateTime<Utc>, DateTime<FixedOffset>);
}

#[cfg(feature = "time")]
mod of_time {
    use super::*;
    use time::{Date, OffsetDateTime, PrimitiveDateTime, Time};

    more! {
        Date, "date", DATE, DATE_ARRAY;
        Time, "time", TIME, TIME_ARRAY;
        PrimitiveDateTime, "timestamp", TIMESTAMP, TIMESTAMP_ARRAY;
        OffsetDateTime, "timestamptz", TIMESTAMPTZ, TIMESTAMPTZ_ARRAY;
    }
    date_ranges!(Date);
    timestamp_ranges!(PrimitiveDateTime);
    moment_ranges!(OffsetDateTime);
}

#[cfg(feature = "jiff")]
mod of_jiff {
    use super::*;
    use jiff::Timestamp;
    use jiff::civil::{Date, DateTime, Time};

    more! {
        Date, "date", DATE, DATE_ARRAY;
        Time, "time", TIME, TIME_ARRAY;
        DateTime, "timestamp", TIMESTAMP, TIMESTAMP_ARRAY;
        Timestamp, "timestamptz", TIMESTAMPTZ, TIMESTAMPTZ_ARRAY;
    }
    date_ranges!(Date);
    timestamp_ranges!(DateTime);
    moment_ranges!(Timestamp);
}

#[cfg(feature = "decimal")]
mod of_decimal {
    use super::*;
    use rust_decimal::Decimal;

    more! {
        Decimal, "numeric", NUMERIC, NUMERIC_ARRAY;
    }
    ranges! {
        Decimal, "numrange", "nummultirange", NUM_RANGE, NUM_RANGE_ARRAY,
            NUMMULTI_RANGE, NUMMULTI_RANGE_ARRAY;
    }
}

#[cfg(feature = "uuid")]
more! {
    uuid::Uuid, "uuid", UUID, UUID_ARRAY;
}

#[cfg(feature = "cidr")]
more! {
    cidr::IpInet, "inet", INET, INET_ARRAY;
    cidr::IpCidr, "cidr", CIDR, CIDR_ARRAY;
}

#[cfg(feature = "ipnetwork")]
more! {
    types::Network, "inet", INET, INET_ARRAY;
}

#[cfg(feature = "eui48")]
more! {
    eui48::MacAddress, "macaddr", MACADDR, MACADDR_ARRAY;
}

#[cfg(feature = "bit-vec")]
more! {
    bit_vec::BitVec, "varbit", VARBIT, VARBIT_ARRAY;
}

#[cfg(feature = "geo")]
more! {
    geo_types::Point<f64>, "point", POINT, POINT_ARRAY;
    geo_types::Rect<f64>, "box", BOX, BOX_ARRAY;
    geo_types::LineString<f64>, "path", PATH, PATH_ARRAY;
}

/// The one vector that is not an array.
impl SqlType for Vec<u8> {
    type Plain = Vec<u8>;
    const TYPE: TypeDef = TypeDef::named("bytea");

    fn wire() -> Type {
        Type::BYTEA
    }

    fn wire_array() -> Type {
        Type::BYTEA_ARRAY
    }
}

crate::__operand!(Vec<u8>);
