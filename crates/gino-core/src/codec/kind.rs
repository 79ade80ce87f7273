//! Owns the map from type OID to [`Kind`] (`pg_type.dat` of PostgreSQL 18), chosen once per statement.
//! Never asks the server. `row` and `session` ask it for formats, both faces choose decoders by it.

use std::borrow::Cow;

/// A type's object identifier in the server's catalog.
pub type Oid = u32;

/// How a value travels: PostgreSQL manual, "Formats and Format Codes".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The type's text form, format code 0.
    Text,
    /// The type's binary form, format code 1.
    Binary,
}

/// A family of wire layouts. What is not listed travels as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `bool`
    Bool,
    /// `int2`
    Int2,
    /// `int4`
    Int4,
    /// `int8`
    Int8,
    /// `oid` and its aliases that travel as an unsigned 4-byte integer
    Oid,
    /// `float4`
    Float4,
    /// `float8`
    Float8,
    /// `numeric`
    Numeric,
    /// `text`, `varchar`, `bpchar`, `name`, `"char"`, `unknown`
    Text,
    /// `bytea`
    Bytea,
    /// `date`
    Date,
    /// `time`
    Time,
    /// `timestamp`
    Timestamp,
    /// `timestamptz`
    TimestampTz,
    /// `interval`
    Interval,
    /// `uuid`
    Uuid,
    /// `json`
    Json,
    /// `jsonb`
    Jsonb,
    /// An array of one of the kinds above; the element's OID is in the value.
    Array,
    /// Any other type, in its text form.
    Other,
}

impl Kind {
    /// The format in which values of this kind travel.
    #[inline]
    pub const fn format(self) -> Format {
        match self {
            Kind::Other => Format::Text,
            _ => Format::Binary,
        }
    }

    /// The family's name, for messages.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Bool => "bool",
            Kind::Int2 => "int2",
            Kind::Int4 => "int4",
            Kind::Int8 => "int8",
            Kind::Oid => "oid",
            Kind::Float4 => "float4",
            Kind::Float8 => "float8",
            Kind::Numeric => "numeric",
            Kind::Text => "text",
            Kind::Bytea => "bytea",
            Kind::Date => "date",
            Kind::Time => "time",
            Kind::Timestamp => "timestamp",
            Kind::TimestampTz => "timestamptz",
            Kind::Interval => "interval",
            Kind::Uuid => "uuid",
            Kind::Json => "json",
            Kind::Jsonb => "jsonb",
            Kind::Array => "array",
            Kind::Other => "text form",
        }
    }
}

macro_rules! types {
    ($($oid:literal $array:literal $name:literal $kind:ident,)*) => {
        impl Kind {
            /// The family of the type `oid`; an array only if we decode its elements.
            #[inline]
            pub const fn of(oid: Oid) -> Kind {
                match oid {
                    $($oid => Kind::$kind,)*
                    $($array => Kind::of_array(Kind::$kind),)*
                    // `unknown` has no array, so it is not in the table.
                    705 => Kind::Text,
                    _ => Kind::Other,
                }
            }

            const fn of_array(element: Kind) -> Kind {
                match element {
                    Kind::Other => Kind::Other,
                    _ => Kind::Array,
                }
            }
        }

        /// The name of the type `oid` in the catalog, `name[]` for arrays;
        /// `type with OID n` if it is not one of PostgreSQL's own.
        pub fn type_name(oid: Oid) -> Cow<'static, str> {
            Cow::Borrowed(match oid {
                $($oid => $name,)*
                $($array => concat!($name, "[]"),)*
                705 => "unknown",
                2278 => "void",
                _ => return Cow::Owned(format!("type with OID {oid}")),
            })
        }

        /// The type of the elements of the array type `array`, if it is one of PostgreSQL's own.
        pub const fn element_of(array: Oid) -> Option<Oid> {
            match array {
                $($array => Some($oid),)*
                _ => None,
            }
        }

        /// The array type over the type `element`, if both are PostgreSQL's own.
        pub const fn array_of(element: Oid) -> Option<Oid> {
            match element {
                $($oid => Some($array),)*
                _ => None,
            }
        }

        #[cfg(test)]
        const TYPES: &[(Oid, Oid, &str)] = &[$(($oid, $array, $name),)*];
    };
}

// OID of the type, OID of its array, `typname`, family.
types! {
    16 1000 "bool" Bool,
    17 1001 "bytea" Bytea,
    18 1002 "\"char\"" Text,
    19 1003 "name" Text,
    20 1016 "int8" Int8,
    21 1005 "int2" Int2,
    22 1006 "int2vector" Other,
    23 1007 "int4" Int4,
    24 1008 "regproc" Other,
    25 1009 "text" Text,
    26 1028 "oid" Oid,
    27 1010 "tid" Other,
    28 1011 "xid" Oid,
    29 1012 "cid" Oid,
    30 1013 "oidvector" Other,
    114 199 "json" Json,
    142 143 "xml" Other,
    600 1017 "point" Other,
    601 1018 "lseg" Other,
    602 1019 "path" Other,
    603 1020 "box" Other,
    604 1027 "polygon" Other,
    628 629 "line" Other,
    650 651 "cidr" Other,
    700 1021 "float4" Float4,
    701 1022 "float8" Float8,
    718 719 "circle" Other,
    774 775 "macaddr8" Other,
    790 791 "money" Other,
    829 1040 "macaddr" Other,
    869 1041 "inet" Other,
    1042 1014 "bpchar" Text,
    1043 1015 "varchar" Text,
    1082 1182 "date" Date,
    1083 1183 "time" Time,
    1114 1115 "timestamp" Timestamp,
    1184 1185 "timestamptz" TimestampTz,
    1186 1187 "interval" Interval,
    1266 1270 "timetz" Other,
    1560 1561 "bit" Other,
    1562 1563 "varbit" Other,
    1700 1231 "numeric" Numeric,
    1790 2201 "refcursor" Other,
    2202 2207 "regprocedure" Other,
    2203 2208 "regoper" Other,
    2204 2209 "regoperator" Other,
    2205 2210 "regclass" Other,
    2206 2211 "regtype" Other,
    2249 2287 "record" Other,
    2950 2951 "uuid" Uuid,
    2970 2949 "txid_snapshot" Other,
    3220 3221 "pg_lsn" Other,
    3614 3643 "tsvector" Other,
    3615 3645 "tsquery" Other,
    3734 3735 "regconfig" Other,
    3769 3770 "regdictionary" Other,
    3802 3807 "jsonb" Jsonb,
    3904 3905 "int4range" Other,
    3906 3907 "numrange" Other,
    3908 3909 "tsrange" Other,
    3910 3911 "tstzrange" Other,
    3912 3913 "daterange" Other,
    3926 3927 "int8range" Other,
    4072 4073 "jsonpath" Other,
    4089 4090 "regnamespace" Other,
    4096 4097 "regrole" Other,
    4191 4192 "regcollation" Other,
    4451 6150 "int4multirange" Other,
    4532 6151 "nummultirange" Other,
    4533 6152 "tsmultirange" Other,
    4534 6153 "tstzmultirange" Other,
    4535 6155 "datemultirange" Other,
    4536 6157 "int8multirange" Other,
    5038 5039 "pg_snapshot" Other,
    5069 271 "xid8" Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_decoded_only_if_its_elements_are() {
        for &(oid, array, name) in TYPES {
            let expected = match Kind::of(oid) {
                Kind::Other => Kind::Other,
                _ => Kind::Array,
            };
            assert_eq!(Kind::of(array), expected, "{name}[]");
        }
        assert_eq!(Kind::of(1041), Kind::Other);
    }

    #[test]
    fn arrays_and_elements_lead_to_each_other() {
        for &(oid, array, name) in TYPES {
            assert_eq!(element_of(array), Some(oid), "{name}");
            assert_eq!(array_of(oid), Some(array), "{name}");
            assert_eq!(type_name(array), format!("{name}[]"));
        }
    }

    #[test]
    fn only_unlisted_kinds_travel_as_text() {
        assert_eq!(Kind::of(23).format(), Format::Binary);
        assert_eq!(Kind::of(1007).format(), Format::Binary);
        assert_eq!(Kind::of(869).format(), Format::Text);
        assert_eq!(Kind::of(99_999).format(), Format::Text);
    }

    #[test]
    fn an_unknown_type_is_named_by_its_number() {
        assert_eq!(type_name(23), "int4");
        assert_eq!(type_name(705), "unknown");
        assert_eq!(type_name(99_999), "type with OID 99999");
    }
}
