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

macro_rules! more {
    ($($(#[$when:meta])* $rust:ty, $sql:literal, $wire:ident, $array:ident;)*) => { $(
        $(#[$when])*
        const _: () = {
            $crate::sql_type!($rust, $sql, Type::$wire, Type::$array);
        };
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
    types::Point, "point", POINT, POINT_ARRAY;
    types::Line, "line", LINE, LINE_ARRAY;
    types::Lseg, "lseg", LSEG, LSEG_ARRAY;
    types::Rect, "box", BOX, BOX_ARRAY;
    types::Path, "path", PATH, PATH_ARRAY;
    types::Polygon, "polygon", POLYGON, POLYGON_ARRAY;
    types::Circle, "circle", CIRCLE, CIRCLE_ARRAY;
    types::Range<i32>, "int4range", INT4_RANGE, INT4_RANGE_ARRAY;
    types::Range<i64>, "int8range", INT8_RANGE, INT8_RANGE_ARRAY;
    types::Range<SystemTime>, "tstzrange", TSTZ_RANGE, TSTZ_RANGE_ARRAY;
    #[cfg(feature = "chrono")]
    types::Range<chrono::NaiveDate>, "daterange", DATE_RANGE, DATE_RANGE_ARRAY;
    #[cfg(feature = "chrono")]
    types::Range<chrono::NaiveDateTime>, "tsrange", TS_RANGE, TS_RANGE_ARRAY;
    #[cfg(feature = "chrono")]
    types::Range<chrono::DateTime<chrono::Utc>>, "tstzrange", TSTZ_RANGE, TSTZ_RANGE_ARRAY;
    #[cfg(feature = "decimal")]
    rust_decimal::Decimal, "numeric", NUMERIC, NUMERIC_ARRAY;
    #[cfg(feature = "chrono")]
    chrono::NaiveDate, "date", DATE, DATE_ARRAY;
    #[cfg(feature = "chrono")]
    chrono::NaiveTime, "time", TIME, TIME_ARRAY;
    #[cfg(feature = "chrono")]
    chrono::NaiveDateTime, "timestamp", TIMESTAMP, TIMESTAMP_ARRAY;
    #[cfg(feature = "chrono")]
    chrono::DateTime<chrono::Utc>, "timestamptz", TIMESTAMPTZ, TIMESTAMPTZ_ARRAY;
    #[cfg(feature = "chrono")]
    chrono::DateTime<chrono::FixedOffset>, "timestamptz", TIMESTAMPTZ, TIMESTAMPTZ_ARRAY;
    #[cfg(feature = "uuid")]
    uuid::Uuid, "uuid", UUID, UUID_ARRAY;
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
