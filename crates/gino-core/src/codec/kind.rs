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
    /// `timetz`
    TimeTz,
    /// `inet`
    Inet,
    /// `cidr`
    Cidr,
    /// `macaddr`
    Macaddr,
    /// `macaddr8`
    Macaddr8,
    /// `bit`, `varbit`
    Bit,
    /// `point`
    Point,
    /// `line`
    Line,
    /// `lseg`
    Lseg,
    /// `box`
    Box,
    /// `path`
    Path,
    /// `polygon`
    Polygon,
    /// `circle`
    Circle,
    /// `xid8`
    Xid8,
    /// `pg_lsn`
    Lsn,
    /// `tid`
    Tid,
    /// `pg_snapshot`, `txid_snapshot`
    Snapshot,
    /// `jsonpath`, and by name `ltree`, `lquery`, `ltxtquery`
    Versioned,
    /// The ranges of PostgreSQL itself: [`subtype_of`] names the type of their bounds.
    Range,
    /// The multiranges of PostgreSQL itself: [`subtype_of`] names the type of their bounds.
    Multirange,
    /// `record`: the OIDs of its fields are in the value.
    Record,
    /// `hstore`, known by its name
    Hstore,
    /// `vector`, known by its name
    Vector,
    /// `halfvec`, known by its name
    HalfVector,
    /// `sparsevec`, known by its name
    SparseVector,
    /// An array of a kind that travels in binary; the element's OID is in the value.
    Array,
    /// An array of another type, in its text form.
    TextArray,
    /// A type that the catalog describes.
    Learnt,
    /// Any other type, in its text form.
    Other,
}

impl Kind {
    /// The format in which values of this kind travel.
    #[inline]
    pub const fn format(self) -> Format {
        match self {
            Kind::TextArray | Kind::Other => Format::Text,
            _ => Format::Binary,
        }
    }

    /// Whether it is one of those that statements are full of, each of which has a type of its own in
    /// every host.
    #[inline]
    pub const fn is_common(self) -> bool {
        matches!(
            self,
            Kind::Bool
                | Kind::Int2
                | Kind::Int4
                | Kind::Int8
                | Kind::Oid
                | Kind::Float4
                | Kind::Float8
                | Kind::Numeric
                | Kind::Text
                | Kind::Bytea
                | Kind::Date
                | Kind::Time
                | Kind::Timestamp
                | Kind::TimestampTz
                | Kind::Interval
                | Kind::Uuid
                | Kind::Json
                | Kind::Jsonb
        )
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
            Kind::TimeTz => "timetz",
            Kind::Inet => "inet",
            Kind::Cidr => "cidr",
            Kind::Macaddr => "macaddr",
            Kind::Macaddr8 => "macaddr8",
            Kind::Bit => "bit",
            Kind::Point => "point",
            Kind::Line => "line",
            Kind::Lseg => "lseg",
            Kind::Box => "box",
            Kind::Path => "path",
            Kind::Polygon => "polygon",
            Kind::Circle => "circle",
            Kind::Xid8 => "xid8",
            Kind::Lsn => "pg_lsn",
            Kind::Tid => "tid",
            Kind::Snapshot => "pg_snapshot",
            Kind::Versioned => "text with a version",
            Kind::Range => "range",
            Kind::Multirange => "multirange",
            Kind::Record => "record",
            Kind::Hstore => "hstore",
            Kind::Vector => "vector",
            Kind::HalfVector => "halfvec",
            Kind::SparseVector => "sparsevec",
            Kind::Array => "array",
            Kind::TextArray => "array in text form",
            Kind::Learnt => "type of the catalog",
            Kind::Other => "text form",
        }
    }
}

macro_rules! types {
    ($($oid:literal $array:literal $name:literal $kind:ident,)*) => {
        impl Kind {
            /// The family of the type `oid`; an array by the format of its elements.
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

            /// Whether the type `oid` is one of PostgreSQL's own that are listed here.
            pub const fn is_listed(oid: Oid) -> bool {
                matches!(oid, $($oid | $array)|* | 705 | 2275 | 2278)
            }

            /// The family of an extension's type, which has no OID of its own, by its name.
            pub fn of_extension(name: &str) -> Kind {
                match name {
                    "citext" => Kind::Text,
                    "hstore" => Kind::Hstore,
                    "ltree" | "lquery" | "ltxtquery" => Kind::Versioned,
                    "vector" => Kind::Vector,
                    "halfvec" => Kind::HalfVector,
                    "sparsevec" => Kind::SparseVector,
                    _ => Kind::Other,
                }
            }

            const fn of_array(element: Kind) -> Kind {
                match element {
                    // int2vector and oidvector are arrays themselves.
                    Kind::Other | Kind::Array => Kind::TextArray,
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
                2275 => "cstring",
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

        /// The type of the bounds of a range or multirange type, if it is one of PostgreSQL's own.
        pub const fn subtype_of(range: Oid) -> Option<Oid> {
            match range {
                3904 | 4451 => Some(23),
                3906 | 4532 => Some(1700),
                3908 | 4533 => Some(1114),
                3910 | 4534 => Some(1184),
                3912 | 4535 => Some(1082),
                3926 | 4536 => Some(20),
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
    22 1006 "int2vector" Array,
    23 1007 "int4" Int4,
    24 1008 "regproc" Other,
    25 1009 "text" Text,
    26 1028 "oid" Oid,
    27 1010 "tid" Tid,
    28 1011 "xid" Oid,
    29 1012 "cid" Oid,
    30 1013 "oidvector" Array,
    114 199 "json" Json,
    142 143 "xml" Text,
    600 1017 "point" Point,
    601 1018 "lseg" Lseg,
    602 1019 "path" Path,
    603 1020 "box" Box,
    604 1027 "polygon" Polygon,
    628 629 "line" Line,
    650 651 "cidr" Cidr,
    700 1021 "float4" Float4,
    701 1022 "float8" Float8,
    718 719 "circle" Circle,
    774 775 "macaddr8" Macaddr8,
    790 791 "money" Other,
    829 1040 "macaddr" Macaddr,
    869 1041 "inet" Inet,
    1033 1034 "aclitem" Other,
    1042 1014 "bpchar" Text,
    1043 1015 "varchar" Text,
    1082 1182 "date" Date,
    1083 1183 "time" Time,
    1114 1115 "timestamp" Timestamp,
    1184 1185 "timestamptz" TimestampTz,
    1186 1187 "interval" Interval,
    1266 1270 "timetz" TimeTz,
    1560 1561 "bit" Bit,
    1562 1563 "varbit" Bit,
    1700 1231 "numeric" Numeric,
    1790 2201 "refcursor" Text,
    2202 2207 "regprocedure" Other,
    2203 2208 "regoper" Other,
    2204 2209 "regoperator" Other,
    2205 2210 "regclass" Other,
    2206 2211 "regtype" Other,
    2249 2287 "record" Record,
    2950 2951 "uuid" Uuid,
    2970 2949 "txid_snapshot" Snapshot,
    3220 3221 "pg_lsn" Lsn,
    3614 3643 "tsvector" Other,
    3615 3645 "tsquery" Other,
    3734 3735 "regconfig" Other,
    3769 3770 "regdictionary" Other,
    3802 3807 "jsonb" Jsonb,
    3904 3905 "int4range" Range,
    3906 3907 "numrange" Range,
    3908 3909 "tsrange" Range,
    3910 3911 "tstzrange" Range,
    3912 3913 "daterange" Range,
    3926 3927 "int8range" Range,
    4072 4073 "jsonpath" Versioned,
    4089 4090 "regnamespace" Other,
    4096 4097 "regrole" Other,
    4191 4192 "regcollation" Other,
    4451 6150 "int4multirange" Multirange,
    4532 6151 "nummultirange" Multirange,
    4533 6152 "tsmultirange" Multirange,
    4534 6153 "tstzmultirange" Multirange,
    4535 6155 "datemultirange" Multirange,
    4536 6157 "int8multirange" Multirange,
    5038 5039 "pg_snapshot" Snapshot,
    5069 271 "xid8" Xid8,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_decoded_only_if_its_elements_are() {
        for &(oid, array, name) in TYPES {
            let expected = match Kind::of(oid) {
                Kind::Other | Kind::Array => Kind::TextArray,
                _ => Kind::Array,
            };
            assert_eq!(Kind::of(array), expected, "{name}[]");
        }
        assert_eq!(Kind::of(1041), Kind::Array);
        assert_eq!(Kind::of(3643), Kind::TextArray);
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
        assert_eq!(Kind::of(869).format(), Format::Binary);
        assert_eq!(Kind::of(3614).format(), Format::Text);
        assert_eq!(Kind::of(99_999).format(), Format::Text);
    }

    #[test]
    fn an_unknown_type_is_named_by_its_number() {
        assert_eq!(type_name(23), "int4");
        assert_eq!(type_name(705), "unknown");
        assert_eq!(type_name(99_999), "type with OID 99999");
    }
}
