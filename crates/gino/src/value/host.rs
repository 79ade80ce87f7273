//! Owns the Rust types that PostgreSQL's own types are read as, by name: for messages. Never converts.

use gino_core::codec::Oid;
use postgres_types::Type;

/// The Rust type for values of the type `oid`.
pub(super) fn type_for(oid: Oid) -> &'static str {
    let Some(ty) = Type::from_oid(oid) else {
        return OTHER;
    };
    match ty {
        Type::BOOL => "bool",
        Type::INT2 => "i16",
        Type::INT4 => "i32",
        Type::INT8 => "i64",
        Type::OID => "u32",
        Type::FLOAT4 => "f32",
        Type::FLOAT8 => "f64",
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME => "String",
        Type::BYTEA => "Vec<u8>",
        Type::NUMERIC => "rust_decimal::Decimal (feature `decimal`)",
        Type::UUID => "uuid::Uuid (feature `uuid`)",
        Type::JSON | Type::JSONB => "gino::Json",
        Type::TIMESTAMPTZ => {
            "SystemTime or a type of chrono, time or jiff (features of those names)"
        }
        Type::TIMESTAMP | Type::DATE | Type::TIME => {
            "a type of chrono, time or jiff (features of those names)"
        }
        Type::INTERVAL => "gino::types::Interval",
        Type::INET => "IpAddr or gino::types::Inet",
        Type::BOOL_ARRAY => "Vec<bool>",
        Type::INT2_ARRAY => "Vec<i16>",
        Type::INT4_ARRAY => "Vec<i32>",
        Type::INT8_ARRAY => "Vec<i64>",
        Type::FLOAT4_ARRAY => "Vec<f32>",
        Type::FLOAT8_ARRAY => "Vec<f64>",
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY => "Vec<String>",
        _ => OTHER,
    }
}

const OTHER: &str = "the matching Rust type";
