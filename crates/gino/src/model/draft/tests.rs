use bytes::BytesMut;
use gino_core::codec::Oid;
use gino_core::session::{ParamType, Params};
use sea_query::Expr as SeaExpr;

use super::Draft;
#[cfg(feature = "json")]
use crate::expr::Taker;
use crate::sql_type::SqlType;
use crate::value::Values;

/// PostgreSQL source, pg_type.dat: bool, bytea, int8, int2, int4, text, json, float4, float8, varchar,
/// timestamptz, numeric, uuid, jsonb, and one that the catalog would have to say.
const WANTED: [Oid; 15] = [
    16, 17, 20, 21, 23, 25, 114, 700, 701, 1043, 1184, 1700, 2950, 3802, 99_999,
];

/// What is sent for the only parameter, or why nothing is.
fn sent(params: &dyn Params, oid: Oid) -> Result<String, String> {
    let mut out = BytesMut::new();
    let of = ParamType { oid, learnt: None };
    let written = params.encode(0, 0, of, &mut out);
    written
        .map(|written| format!("{written:?} {out:?}"))
        // A draft no longer knows that a value was given as an `Option`.
        .map_err(|error| {
            error
                .to_string()
                .replace("core::option::Option<i32>", "i32")
        })
}

fn same<T: SqlType + Clone>(value: T) {
    let mut draft = Draft::default();
    draft.put(0, value.clone());
    for wanted in WANTED {
        let own = sent(&Values(&[&value]), wanted);
        assert_eq!(sent(&draft, wanted), own, "{value:?} as {wanted}");
    }
    let wires: Vec<_> = draft.wires().collect();
    assert_eq!(wires, [T::wire()]);
    assert_eq!(draft.type_names().next(), Some(T::TYPE.name));
    let (columns, _) = draft.into_sea();
    assert_eq!(columns, [(0, SeaExpr::Value(value.into_value()))]);
}

#[test]
fn value_in_a_draft_is_sent_and_refused_like_itself() {
    same(true);
    same(-7_i16);
    same(1_i32 << 30);
    same(i64::MIN);
    same(1.5_f32);
    same(f64::MAX);
    same("déjà vu".to_owned());
    same(String::new());
    same(b"\0\x01".to_vec());
    same(Some(5_i32));
    same(None::<i32>);
    same(None::<String>);
    same(vec![1_i32, 2]);
    #[cfg(feature = "chrono")]
    same(chrono::DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap());
    #[cfg(feature = "chrono")]
    same(chrono::DateTime::<chrono::Utc>::MAX_UTC);
    #[cfg(feature = "uuid")]
    same(uuid::Uuid::from_u128(7));
    #[cfg(feature = "json")]
    same(crate::json::Json(serde_json::json!({"a": [1, null]})));
}

#[cfg(feature = "json")]
#[test]
fn json_by_reference_is_sent_as_json_of_both_kinds_and_refused_elsewhere() {
    let value = serde_json::json!({"a": [1, null, "é"], "b": {"c": 0.5}});
    let mut draft = Draft::default();
    draft.put_json(0, &value);
    let owned = crate::json::Json(value);
    for wanted in [114, 3802] {
        assert_eq!(sent(&draft, wanted), sent(&Values(&[&owned]), wanted));
    }
    assert!(sent(&draft, 23).is_err());
    let impossible = std::collections::BTreeMap::from([((1, 2), 3)]);
    draft.put_json(0, &impossible);
    assert!(
        sent(&draft, 3802)
            .unwrap_err()
            .contains("key must be a string")
    );
}

fn written(draft: &Draft, types: &[Oid]) -> Option<Vec<u8>> {
    Params::written(draft, 0, types).map(Vec::from)
}

#[test]
fn values_in_order_are_written_as_bind_has_them() {
    let mut draft = Draft::default();
    draft.put(1, 7_i32);
    draft.put(4, None::<i64>);
    draft.put(6, "ab".to_owned());
    let expected = b"\0\0\0\x04\0\0\0\x07\xff\xff\xff\xff\0\0\0\x02ab";
    assert_eq!(written(&draft, &[23, 20, 1043]).unwrap(), expected);
    // Another type, or one too few: they are written one by one.
    assert_eq!(written(&draft, &[23, 23, 25]), None);
    assert_eq!(written(&draft, &[23, 20]), None);
    let none = written(&Draft::default(), &[]);
    assert_eq!(none.unwrap(), b"");
}

#[test]
fn values_out_of_order_replaced_or_unusual_are_not_written_yet() {
    let mut draft = Draft::default();
    draft.put(1, 7_i32);
    draft.put(0, 8_i32);
    draft.sort();
    assert_eq!(written(&draft, &[23, 23]), None);
    let mut draft = Draft::default();
    draft.put(0, 7_i32);
    draft.put(0, 8_i32);
    assert_eq!(written(&draft, &[23]), None);
    assert_eq!(sent(&draft, 23), sent(&Values(&[&8_i32]), 23));
    let mut draft = Draft::default();
    draft.put(0, vec![7_u8]);
    assert_eq!(written(&draft, &[17]), None);
}
