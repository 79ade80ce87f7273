//! Values there and back, and values that do not fit.

use std::error::Error;
use std::net::IpAddr;
use std::ops::Bound;
use std::time::{Duration, SystemTime};

use gino::prelude::*;
use gino::types::{BytesMut, FromSql, FromSqlOwned, Interval, IsNull, Type, to_sql_checked};
use gino::{ErrorKind, ToSql};

use crate::server::Home;

async fn same<T>(engine: &Engine, sql_type: &str, value: T)
where
    T: FromSqlOwned + ToSql + Sync + PartialEq + std::fmt::Debug,
{
    let sql = format!("SELECT $1::{sql_type}, $1::{sql_type} IS NULL");
    let row = engine.one(sql, &[&value]).await.unwrap();
    assert_eq!(row.get::<T>(0), value, "{sql_type}");
    assert!(!row.get::<bool>(1));
    let null = engine
        .scalar::<T>(format!("SELECT $1::{sql_type}"), &[&None::<T>])
        .await;
    assert_eq!(null.unwrap(), None);
}

#[tokio::test]
async fn values_come_back_as_they_went() {
    let home = Home::new("types", "max_size=1").await;
    let engine = &home.engine;
    same(engine, "bool", true).await;
    same(engine, "int2", i16::MIN).await;
    same(engine, "int4", i32::MIN).await;
    same(engine, "int8", i64::MAX).await;
    same(engine, "oid", u32::MAX).await;
    same(engine, "float4", 1.5_f32).await;
    same(engine, "float8", -0.1_f64).await;
    same(engine, "text", "Grüße, 世界 \u{1f600}".to_owned()).await;
    same(engine, "varchar", String::new()).await;
    same(engine, "bytea", (0..=255_u8).collect::<Vec<u8>>()).await;
    let second = SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456);
    same(engine, "timestamptz", second).await;
    same(engine, "int4[]", vec![Some(1), None, Some(3)]).await;
    same(engine, "text[]", vec!["a,\"b".to_owned(), String::new()]).await;
    home.done().await;
}

/// A type of the application's own over one that has a Rust form.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Span(Duration);

impl<'a> FromSql<'a> for Span {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        match Interval::from_sql(ty, raw)? {
            Interval {
                months: 0,
                days: 0,
                microseconds,
            } => Ok(Span(Duration::from_micros(microseconds.try_into()?))),
            _ => Err("months and days have no fixed length".into()),
        }
    }

    fn accepts(ty: &Type) -> bool {
        <Interval as FromSql>::accepts(ty)
    }
}

impl ToSql for Span {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let microseconds = self.0.as_micros().try_into()?;
        let interval = Interval {
            microseconds,
            ..Interval::default()
        };
        interval.to_sql(ty, out)
    }

    fn accepts(ty: &Type) -> bool {
        <Interval as ToSql>::accepts(ty)
    }

    to_sql_checked!();
}

#[derive(Debug, PartialEq, postgres_types::FromSql, postgres_types::ToSql)]
#[postgres(name = "lap")]
struct Lap {
    runner: String,
    took: Span,
}

#[tokio::test]
async fn codec_of_the_application_reaches_arrays_and_composites() {
    let home = Home::new("own_codec", "max_size=1").await;
    let engine = &home.engine;
    let span = Span(Duration::from_millis(90_500));
    same(engine, "interval", span).await;
    same(engine, "interval[]", vec![Some(span), None]).await;
    let composite = "CREATE TYPE lap AS (runner text, took interval)";
    engine.script(composite).await.unwrap();
    let runner = "Daisy".to_owned();
    same(engine, "lap", Lap { runner, took: span }).await;
    let text = engine
        .scalar::<String>("SELECT $1::interval::text", &[&span])
        .await;
    assert_eq!(text.unwrap().as_deref(), Some("00:01:30.5"));
    let month = "SELECT interval '1 month' AS due";
    let error = engine.scalar::<Span>(month, &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
    let said = error.to_string();
    assert!(said.starts_with("column \"due\": "), "{said}");
    assert!(
        said.ends_with("months and days have no fixed length"),
        "{said}"
    );
    let endless = Span(Duration::MAX);
    let error = engine.status("SELECT $1::interval", &[&endless]).await;
    let said = error.unwrap_err().to_string();
    assert!(said.starts_with("parameter $1: "), "{said}");
    home.done().await;
}

#[tokio::test]
async fn values_of_other_crates_come_back_as_they_went() {
    let home = Home::new("crates", "max_size=1").await;
    let engine = &home.engine;
    let moment = chrono::DateTime::from_timestamp_micros(-1_234_567_890_123).unwrap();
    same(engine, "timestamptz", moment).await;
    same(engine, "timestamp", moment.naive_utc()).await;
    same(engine, "date", moment.date_naive()).await;
    same(engine, "time", moment.time()).await;
    let id = uuid::Uuid::from_u128(0xa0ee_bc99_9c0b_4ef8_bb6d_6bb9_bd38_0a11);
    same(engine, "uuid", id).await;
    same(engine, "uuid[]", vec![id, uuid::Uuid::nil()]).await;
    let document = serde_json::json!({"a": [1, 2.5, null], "b": {"c": "ü"}});
    same(engine, "json", document.clone()).await;
    same(engine, "jsonb", document).await;
    let row = engine.one("SELECT $1::uuid", &[&id]).await.unwrap();
    assert_eq!(row.get::<&str>(0), id.to_string());
    home.done().await;
}

#[tokio::test]
async fn strings_stand_for_types_without_a_rust_type() {
    let home = Home::new("text_forms", "max_size=1").await;
    let engine = &home.engine;
    let types = "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN tiny AS int2";
    engine.script(types).await.unwrap();
    for (sql_type, text) in [
        ("mood", "ok"),
        ("inet", "10.0.0.0/8"),
        ("numeric", "-12345678901234567890.00100"),
        ("numeric", "NaN"),
        ("numeric(4, 2)", "99.90"),
        ("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("json", r#"{"b":  1}"#),
        ("jsonb", r#"{"a": [1, null]}"#),
        ("tsvector", "'a' 'cat'"),
        ("int4range", "[1,5)"),
        ("money", "$1.50"),
    ] {
        same(engine, sql_type, text.to_owned()).await;
    }
    let address = IpAddr::from([127, 0, 0, 1]);
    let text = engine
        .scalar::<String>("SELECT $1::inet", &[&address])
        .await
        .unwrap();
    assert_eq!(text.as_deref(), Some("127.0.0.1"));
    let row = engine
        .one("SELECT 1.50::numeric, 'sad'::mood", &[])
        .await
        .unwrap();
    assert_eq!((row.get::<&str>(0), row.get::<&str>(1)), ("1.50", "sad"));
    assert_eq!(
        row.clone().get::<Option<String>>(0).as_deref(),
        Some("1.50")
    );
    home.done().await;
}

#[tokio::test]
async fn parameter_that_does_not_fit_names_itself_and_both_types() {
    let home = Home::new("misfit", "max_size=1").await;
    let engine = &home.engine;
    engine
        .script("CREATE TABLE t (a int4, b text)")
        .await
        .unwrap();
    let insert = "INSERT INTO t VALUES ($1, $2)";
    let error = engine.status(insert, &[&1_i64, &"x"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
    let words = error.to_string();
    assert!(
        words.starts_with("parameter $1: i64 does not fit SQL type int4"),
        "{words}"
    );
    let error = engine.status(insert, &[&1, &2]).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("parameter $2: i32 does not fit SQL type text")
    );
    let error = engine.status(insert, &[&1, &"a\0b"]).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some("22021"));
    let count = engine
        .scalar::<i64>("SELECT count(*) FROM t", &[])
        .await
        .unwrap();
    assert_eq!(count, Some(0));
    home.done().await;
}

#[tokio::test]
async fn column_read_as_the_wrong_type_names_itself_and_both_types() {
    let home = Home::new("misread", "max_size=1").await;
    let sql = "SELECT 1 AS a, NULL::int4 AS b, '::1'::inet AS c, 2.5::numeric AS d";
    let row = home.engine.one(sql, &[]).await.unwrap();
    let error = row.try_get::<i64>("a").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
    let words = error.to_string();
    assert!(
        words.starts_with("column \"a\": i64 does not fit SQL type int4"),
        "{words}"
    );
    let words = row.try_get::<i32>("b").unwrap_err().to_string();
    assert!(
        words.contains("it is NULL, which only an Option can hold"),
        "{words}"
    );
    assert!(row.try_get::<i32>("c").is_err() && row.try_get::<f64>("d").is_err());
    home.done().await;
}

#[tokio::test]
#[should_panic(expected = "column \"a\": i64 does not fit SQL type int4")]
async fn get_panics_with_the_same_words() {
    let home = Home::new("panics", "max_size=1").await;
    let row = home.engine.one("SELECT 1 AS a", &[]).await.unwrap();
    row.get::<i64>("a");
}

#[tokio::test]
async fn values_of_types_of_our_own_come_back_as_they_went() {
    use gino::types::*;
    let home = Home::new("own_types", "max_size=1").await;
    let engine = &home.engine;
    let point = |x, y| Point { x, y };
    let range = |low, high| Range::Between(Bound::Included(low), Bound::Excluded(high));
    let interval = Interval {
        months: 14,
        days: -3,
        microseconds: 1,
    };
    same(engine, "interval", interval).await;
    same(engine, "interval[]", vec![interval, Interval::default()]).await;
    same(engine, "money", Money(-123_456)).await;
    same(engine, "money", Money(i64::MIN)).await;
    same(engine, "int4[]", [1, 2, 3]).await;
    let time = TimeTz {
        microseconds: 1,
        offset: -19_800,
    };
    same(engine, "timetz", time).await;
    same(engine, "int4range", range(1, 5)).await;
    same(engine, "int8range", Range::<i64>::Empty).await;
    let open = Range::Between(Bound::Unbounded, Bound::Excluded(interval_start()));
    same(engine, "tstzrange", open).await;
    same(engine, "int4range[]", vec![Some(range(1, 2)), None]).await;
    same(
        engine,
        "int4multirange",
        Multirange(vec![range(1, 2), range(5, 9)]),
    )
    .await;
    same(engine, "inet", "10.0.0.1/8".parse::<Inet>().unwrap()).await;
    same(engine, "cidr", "2001:db8::/32".parse::<Inet>().unwrap()).await;
    same(engine, "macaddr", MacAddr([1, 2, 3, 4, 5, 6])).await;
    same(engine, "macaddr8", MacAddr8([1, 2, 3, 4, 5, 6, 7, 8])).await;
    same(
        engine,
        "varbit",
        "10110011101".parse::<BitString>().unwrap(),
    )
    .await;
    same(engine, "bit(3)", "101".parse::<BitString>().unwrap()).await;
    same(engine, "point", point(1.5, -2.0)).await;
    let line = Line {
        a: 1.0,
        b: 2.0,
        c: 3.0,
    };
    same(engine, "line", line).await;
    let (from, to) = (point(1.0, 2.0), point(3.0, 4.0));
    same(engine, "lseg", Lseg { from, to }).await;
    same(
        engine,
        "box",
        Rect {
            high: to,
            low: from,
        },
    )
    .await;
    let points = vec![from, to, point(0.0, 0.0)];
    for is_closed in [true, false] {
        let points = points.clone();
        same(engine, "path", Path { is_closed, points }).await;
    }
    same(engine, "polygon", Polygon { points }).await;
    let circle = Circle {
        center: from,
        radius: 2.5,
    };
    same(engine, "circle", circle).await;
    same(engine, "xid8", Xid8(u64::MAX)).await;
    same(engine, "pg_lsn", Lsn(0x16_B374_D848)).await;
    same(
        engine,
        "tid",
        Tid {
            block: 7,
            offset: 1,
        },
    )
    .await;
    home.done().await;
}

fn interval_start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

#[tokio::test]
async fn values_of_the_optional_crates_come_back_as_they_went() {
    let home = Home::new("more_crates", "max_size=1").await;
    let engine = &home.engine;
    let number: rust_decimal::Decimal = "-12345678901234567.00100".parse().unwrap();
    same(engine, "numeric", number).await;
    let date = time::Date::from_ordinal_date(2024, 60).unwrap();
    same(engine, "date", date).await;
    same(engine, "timestamptz", date.midnight().assume_utc()).await;
    same(engine, "timestamp", date.midnight()).await;
    same(engine, "date", jiff::civil::date(2024, 2, 29)).await;
    same(
        engine,
        "inet",
        "10.0.0.1/8".parse::<cidr::IpInet>().unwrap(),
    )
    .await;
    same(
        engine,
        "cidr",
        "10.0.0.0/8".parse::<cidr::IpCidr>().unwrap(),
    )
    .await;
    same(
        engine,
        "macaddr",
        eui48::MacAddress::new([1, 2, 3, 4, 5, 6]),
    )
    .await;
    same(
        engine,
        "varbit",
        bit_vec::BitVec::from_bytes(&[0b1010_0101]),
    )
    .await;
    same(engine, "point", geo_types::Point::new(1.5, -2.0)).await;
    home.done().await;
}
