//! Columns of every type that a feature brings: created by the schema, written one by one, in bulk and
//! by COPY, compared, read.

use std::net::IpAddr;
use std::ops::Bound;
use std::time::{Duration, SystemTime};

use gino::prelude::*;
use gino::types::*;

use crate::server::Home;

static DB: Gino = Gino::new();

/// A model whose columns, beside the key, are of these types; and the check that values stay the same
/// on every way in.
macro_rules! columns {
    ($test:ident, $model:ident { $($field:ident: $ty:ty = $value:expr, $sql:literal;)* }) => {
        #[derive(Model, Debug, Clone, PartialEq)]
        #[gino(db = DB)]
        struct $model {
            #[gino(primary_key)]
            id: i32,
            $($field: $ty,)*
        }

        async fn $test() {
            $model::create_table().await.unwrap();
            let sql = "SELECT format_type(atttypid, atttypmod) FROM pg_attribute \
                       WHERE attrelid = $1::regclass AND attname = $2";
            $(
                let params: &[&(dyn ToSql + Sync)] = &[&$model::TABLE.name, &stringify!($field)];
                let named: Option<String> = DB.scalar(sql, params).await.unwrap();
                assert_eq!(named.as_deref(), Some($sql), stringify!($field));
            )*
            let one = || $model::create()$(.$field($value))*;
            let first = one().await.unwrap();
            $(assert_eq!(first.$field, $value);)*
            let more = $model::bulk_create((0..3).map(|_| one())).await.unwrap();
            assert_eq!($model::copy_in((0..2).map(|_| one())).await.unwrap(), 2);
            for (id, row) in (2..).zip(more) {
                assert_eq!(row, $model { id, ..first.clone() });
            }
            let all = $model::query().order_by($model::ID).all().await.unwrap();
            assert_eq!(all.len(), 6);
            assert_eq!(all[5], $model { id: 6, ..first.clone() });
            let changed = first.update()$(.$field($value))*.apply().await.unwrap();
            assert_eq!(changed, first);
            let changed = $model::bulk_update([first.update()$(.$field($value))*]).await;
            assert_eq!(changed.unwrap(), [first]);
            $(
                let same = $model::$field($value).await;
                assert_eq!(same, 6, stringify!($field));
            )*
        }

        impl $model {
            $(
                /// How many rows have the value.
                async fn $field(value: $ty) -> u64 {
                    let text = gino::sql::<bool>(concat!("\"", stringify!($field), "\"::text = $1::", $sql, "::text"), [gino::value(value)]);
                    $model::query().filter(text).count().await.unwrap()
                }
            )*
        }
    };
}

fn range<T>(low: T, high: T) -> Range<T> {
    Range::Between(Bound::Included(low), Bound::Excluded(high))
}

fn ranges<T: Clone>(low: T, high: T) -> Multirange<T> {
    Multirange(vec![range(low, high)])
}

fn moment() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456)
}

fn at(x: f64, y: f64) -> Point {
    Point { x, y }
}

columns!(own_types, OwnTypes {
    letter: i8 = 65, "\"char\"";
    number: u32 = 7, "oid";
    since: SystemTime = moment(), "timestamp with time zone";
    address: IpAddr = IpAddr::from([127, 0, 0, 1]), "inet";
    inside: Inet = "10.0.0.1/8".parse::<Inet>().unwrap(), "inet";
    mac: MacAddr = MacAddr([1, 2, 3, 4, 5, 6]), "macaddr";
    mac8: MacAddr8 = MacAddr8([1, 2, 3, 4, 5, 6, 7, 8]), "macaddr8";
    lasts: Interval = Interval { months: 14, days: -3, microseconds: 1 }, "interval";
    daily: TimeTz = TimeTz { microseconds: 1, offset: -19_800 }, "time with time zone";
    bits: BitString = "10110011101".parse::<BitString>().unwrap(), "bit varying";
    price: Money = Money(-123_456), "money";
    lsn: Lsn = Lsn(0x16_B374_D848), "pg_lsn";
    transaction: Xid8 = Xid8(u64::MAX), "xid8";
    circle: Circle = Circle { center: at(1.0, 2.0), radius: 2.5 }, "circle";
    point: Point = at(1.5, -2.0), "point";
    small: Range<i32> = range(1, 5), "int4range";
    large: Range<i64> = range(1, 5), "int8range";
    when: Range<SystemTime> = range(moment(), moment() + Duration::from_secs(1)), "tstzrange";
    smalls: Multirange<i32> = ranges(1, 5), "int4multirange";
    larges: Multirange<i64> = ranges(1, 5), "int8multirange";
    whens: Multirange<SystemTime> = ranges(moment(), moment() + Duration::from_secs(1)), "tstzmultirange";
    network: Network = "10.0.0.0/8".parse::<Network>().unwrap(), "inet";
    id6: uuid::Uuid = uuid::Uuid::from_u128(7), "uuid";
    id6s: Vec<uuid::Uuid> = vec![uuid::Uuid::from_u128(7), uuid::Uuid::nil()], "uuid[]";
});

fn number(text: &str) -> rust_decimal::Decimal {
    text.parse().unwrap()
}

columns!(crates, Crates {
    amount: rust_decimal::Decimal = number("-12.50"), "numeric";
    amounts: Range<rust_decimal::Decimal> = range(number("1.5"), number("2.5")), "numrange";
    all_amounts: Multirange<rust_decimal::Decimal> = ranges(number("1.5"), number("2.5")), "nummultirange";
    inet: cidr::IpInet = "10.0.0.1/8".parse::<cidr::IpInet>().unwrap(), "inet";
    cidr: cidr::IpCidr = "10.0.0.0/8".parse::<cidr::IpCidr>().unwrap(), "cidr";
    mac: eui48::MacAddress = eui48::MacAddress::new([1, 2, 3, 4, 5, 6]), "macaddr";
    bits: bit_vec::BitVec = bit_vec::BitVec::from_bytes(&[0b1010_0101]), "bit varying";
    point: geo_types::Point<f64> = geo_types::Point::new(1.5, -2.0), "point";
    rect: geo_types::Rect<f64> = geo_types::Rect::new((1.0, 2.0), (3.0, 4.0)), "box";
    path: geo_types::LineString<f64> = geo_types::LineString::from(vec![(0.0, 0.0), (1.0, 2.0)]), "path";
    points: Vec<geo_types::Point<f64>> = vec![geo_types::Point::new(1.5, -2.0)], "point[]";
});

fn chrono_day(day: u32) -> chrono::NaiveDate {
    chrono::NaiveDate::from_ymd_opt(2024, 2, day).unwrap()
}

fn chrono_moment(hour: u32) -> chrono::DateTime<chrono::Utc> {
    chrono_day(29).and_hms_opt(hour, 1, 2).unwrap().and_utc()
}

columns!(of_chrono, OfChrono {
    day: chrono::NaiveDate = chrono_day(29), "date";
    time: chrono::NaiveTime = chrono_moment(3).time(), "time without time zone";
    local: chrono::NaiveDateTime = chrono_moment(3).naive_utc(), "timestamp without time zone";
    moment: chrono::DateTime<chrono::Utc> = chrono_moment(3), "timestamp with time zone";
    offset: chrono::DateTime<chrono::FixedOffset> = chrono_moment(3).fixed_offset(), "timestamp with time zone";
    days: Range<chrono::NaiveDate> = range(chrono_day(1), chrono_day(9)), "daterange";
    locals: Range<chrono::NaiveDateTime> = range(chrono_moment(1).naive_utc(), chrono_moment(2).naive_utc()), "tsrange";
    moments: Range<chrono::DateTime<chrono::Utc>> = range(chrono_moment(1), chrono_moment(2)), "tstzrange";
    all_days: Multirange<chrono::NaiveDate> = ranges(chrono_day(1), chrono_day(9)), "datemultirange";
    all_locals: Multirange<chrono::NaiveDateTime> = ranges(chrono_moment(1).naive_utc(), chrono_moment(2).naive_utc()), "tsmultirange";
    all_moments: Multirange<chrono::DateTime<chrono::Utc>> = ranges(chrono_moment(1), chrono_moment(2)), "tstzmultirange";
});

fn time_moment(hour: u8) -> time::OffsetDateTime {
    time::Date::from_ordinal_date(2024, 60)
        .unwrap()
        .with_hms(hour, 1, 2)
        .unwrap()
        .assume_utc()
}

fn time_local(hour: u8) -> time::PrimitiveDateTime {
    time::PrimitiveDateTime::new(time_moment(hour).date(), time_moment(hour).time())
}

columns!(of_time, OfTime {
    day: time::Date = time_moment(3).date(), "date";
    time: time::Time = time_moment(3).time(), "time without time zone";
    local: time::PrimitiveDateTime = time_local(3), "timestamp without time zone";
    moment: time::OffsetDateTime = time_moment(3), "timestamp with time zone";
    days: Range<time::Date> = range(time_moment(3).date(), time::Date::from_ordinal_date(2024, 70).unwrap()), "daterange";
    locals: Range<time::PrimitiveDateTime> = range(time_local(1), time_local(2)), "tsrange";
    moments: Range<time::OffsetDateTime> = range(time_moment(1), time_moment(2)), "tstzrange";
    all_moments: Multirange<time::OffsetDateTime> = ranges(time_moment(1), time_moment(2)), "tstzmultirange";
});

fn jiff_local(hour: i8) -> jiff::civil::DateTime {
    jiff::civil::datetime(2024, 2, 29, hour, 1, 2, 0)
}

fn jiff_moment(second: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_700_000_000 + second).unwrap()
}

columns!(of_jiff, OfJiff {
    day: jiff::civil::Date = jiff_local(3).date(), "date";
    time: jiff::civil::Time = jiff_local(3).time(), "time without time zone";
    local: jiff::civil::DateTime = jiff_local(3), "timestamp without time zone";
    moment: jiff::Timestamp = jiff_moment(0), "timestamp with time zone";
    days: Range<jiff::civil::Date> = range(jiff_local(3).date(), jiff::civil::date(2024, 3, 9)), "daterange";
    locals: Range<jiff::civil::DateTime> = range(jiff_local(1), jiff_local(2)), "tsrange";
    moments: Range<jiff::Timestamp> = range(jiff_moment(1), jiff_moment(2)), "tstzrange";
    all_moments: Multirange<jiff::Timestamp> = ranges(jiff_moment(1), jiff_moment(2)), "tstzmultirange";
});

#[tokio::test]
async fn column_of_every_type_is_created_written_and_read() {
    let home = Home::new("columns", "max_size=2").await;
    DB.set_bind(home.engine.clone()).await.unwrap();
    own_types().await;
    crates().await;
    of_chrono().await;
    of_time().await;
    of_jiff().await;
    home.done().await;
}

#[derive(GinoEnum, Debug, Clone, Copy, PartialEq)]
enum Genre {
    Novel,
    Essay,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[gino(db = LIBRARY)]
struct Shelf {
    #[gino(primary_key)]
    id: i32,
    genres: Vec<Genre>,
    more: Option<Vec<Genre>>,
}

static LIBRARY: Gino = Gino::new();

#[tokio::test]
async fn array_of_an_enumeration_is_a_column_like_others() {
    use Genre::{Essay, Novel};

    let home = Home::new("enum_arrays", "max_size=2").await;
    LIBRARY.set_bind(home.engine.clone()).await.unwrap();
    LIBRARY.create_all().await.unwrap();
    let shelf = Shelf::create().genres(vec![Novel, Essay]).await.unwrap();
    assert_eq!(
        (shelf.genres.as_slice(), &shelf.more),
        (&[Novel, Essay][..], &None)
    );
    let row = |n: i32| match n {
        0 => Shelf::create().genres(vec![]).more(vec![Essay]),
        _ => Shelf::create().genres(vec![Essay; 2]).more(None),
    };
    let shelves = Shelf::bulk_create((0..3).map(row)).await.unwrap();
    assert_eq!(shelves[0].more.as_deref(), Some(&[Essay][..]));
    assert_eq!(
        (shelves[0].genres.len(), shelves[2].genres.as_slice()),
        (0, &[Essay, Essay][..])
    );
    let shelf = shelf
        .update()
        .genres(vec![Essay])
        .more(vec![])
        .apply()
        .await
        .unwrap();
    assert_eq!(
        (shelf.genres.as_slice(), shelf.more.as_deref()),
        (&[Essay][..], Some(&[][..]))
    );
    let changed = Shelf::bulk_update([shelf.update().genres(vec![Novel])])
        .await
        .unwrap();
    assert_eq!(changed[0].genres, [Novel]);
    // As a value in an expression, and beside one.
    let same = Shelf::query().filter(Shelf::GENRES.eq(vec![Essay, Essay]));
    assert_eq!(same.count().await.unwrap(), 2);
    let rows = [
        row(0),
        Shelf::create().genres(vec![Novel]).more(Shelf::MORE),
    ];
    assert!(Shelf::bulk_create(rows).await.is_err());
    let mixed = [row(0), Shelf::create().genres(vec![Novel, Novel])];
    assert_eq!(
        Shelf::bulk_create(mixed).await.unwrap()[1].genres,
        [Novel, Novel]
    );
    home.done().await;
}

#[derive(GinoEnum, Debug, Clone, Copy, PartialEq)]
#[gino(name = "Level Of", schema = "gino_copied_arrays")]
enum Level {
    Low,
    #[gino(name = "High \"up\"")]
    High,
}

#[derive(Model, Debug, Clone, PartialEq)]
#[gino(db = ARCHIVE)]
struct Box_ {
    #[gino(primary_key)]
    id: i32,
    genres: Vec<Genre>,
    levels: Option<Vec<Option<Level>>>,
    #[gino(type = "varchar(9)[]")]
    names: Vec<String>,
    notes: Vec<String>,
    level: Level,
    numbers: Vec<i64>,
}

static ARCHIVE: Gino = Gino::new();

#[tokio::test]
async fn arrays_of_what_only_the_server_numbers_go_by_copy_too() {
    let home = Home::new("copied_arrays", "max_size=2").await;
    ARCHIVE.set_bind(home.engine.clone()).await.unwrap();
    ARCHIVE.create_all().await.unwrap();
    let row = |n: i32| {
        let row = Box_::create().genres(vec![Genre::Essay, Genre::Novel]);
        let row = row
            .names(vec!["a,\"b".into(), n.to_string()])
            .numbers(vec![]);
        let row = row.notes(vec![String::new()]).level(Level::High);
        row.levels((n % 2 == 0).then(|| vec![Some(Level::High), None, Some(Level::Low)]))
    };
    // In a transaction as outside of it; the rows are those of other ways.
    let copied: gino::Result<u64> = ARCHIVE
        .transaction(async |_| Box_::copy_in((0..20_000).map(row)).await)
        .await;
    assert_eq!(copied.unwrap(), 20_000);
    assert_eq!(Box_::copy_in([row(20_000), row(20_001)]).await.unwrap(), 2);
    let rows = Box_::query().order_by(Box_::ID).all().await.unwrap();
    let made = Box_::bulk_create([row(0), row(20_001)]).await.unwrap();
    for (copied, made) in [(&rows[0], &made[0]), (&rows[20_001], &made[1])] {
        assert_eq!(
            *copied,
            Box_ {
                id: copied.id,
                ..made.clone()
            }
        );
    }
    // What the server would not take of others it does not take of these.
    let error = Box_::copy_in([row(0).names(vec!["0123456789".into()])]).await;
    assert_eq!(error.unwrap_err().sqlstate(), Some("22001"));
    home.done().await;
}

#[tokio::test]
async fn arrays_are_asked_for_their_elements() {
    use Genre::{Essay, Novel};

    let home = Home::new("asked_arrays", "max_size=2").await;
    STACK.set_bind(home.engine.clone()).await.unwrap();
    STACK.create_all().await.unwrap();
    let row = |names: [&str; 2], genres: Vec<Genre>, numbers: Option<Vec<i32>>| {
        let names = names.map(str::to_owned).to_vec();
        Stack::create().names(names).genres(genres).numbers(numbers)
    };
    row(["a", "b"], vec![Novel], Some(vec![1, 2]))
        .await
        .unwrap();
    row(["b", "c"], vec![Essay, Novel], None).await.unwrap();
    row(["c", "d"], vec![], Some(vec![])).await.unwrap();
    let ids = async |condition: gino::Expr<bool>| {
        let query = Stack::select(Stack::ID)
            .filter(condition)
            .order_by(Stack::ID);
        query.all().await.unwrap()
    };
    assert_eq!(ids(Stack::NAMES.has("b")).await, [1, 2]);
    assert_eq!(ids(Stack::GENRES.has(Essay)).await, [2]);
    assert_eq!(ids(Stack::NUMBERS.has(2)).await, [1]);
    assert_eq!(ids(Stack::NUMBERS.has(Stack::ID)).await, [1]);
    let both = || vec!["b".to_owned(), "c".to_owned()];
    assert_eq!(ids(Stack::NAMES.contains(both())).await, [2]);
    assert_eq!(ids(Stack::NAMES.overlaps(both())).await, [1, 2, 3]);
    assert_eq!(ids(Stack::GENRES.contains(vec![Novel])).await, [1, 2]);
    assert_eq!(ids(Stack::GENRES.overlaps(vec![Essay])).await, [2]);
    assert_eq!(ids(Stack::NUMBERS.contains(Vec::new())).await, [1, 3]);
    home.done().await;
}

#[derive(Model, Debug, Clone, PartialEq)]
#[gino(db = STACK)]
struct Stack {
    #[gino(primary_key)]
    id: i32,
    names: Vec<String>,
    genres: Vec<Genre>,
    numbers: Option<Vec<i32>>,
}

static STACK: Gino = Gino::new();
