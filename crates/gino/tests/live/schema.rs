//! What `create_all` creates and `drop_all` drops.

use gino::model::Sequence;
use gino::prelude::*;

use crate::server::Home;

static DB: Gino = Gino::new();

#[derive(GinoEnum, Debug, Clone, Copy, PartialEq)]
#[gino(name = "mood")]
enum Mood {
    #[gino(name = "it's fine")]
    Fine,
    Sad,
}

#[derive(GinoEnum, Debug, Clone, Copy, PartialEq)]
#[gino(name = "size", schema = "gino_schema_app")]
enum Size {
    Small,
    Large,
}

const NUMBERS: Sequence = Sequence::new("numbers")
    .schema("gino_schema_app")
    .start(100)
    .increment(5);

#[derive(Model, Debug)]
#[gino(db = DB, table = "person", comment = "who's who")]
#[gino(
    index(name, mood, name = "by_name"),
    index(sql = "lower(name)", unique)
)]
#[gino(
    index(age, where = "age IS NOT NULL"),
    index(profile, using = "gin"),
    index(years, ticket)
)]
#[gino(
    unique(name, mood, name = "one_mood"),
    check(name = "has_name", "name <> ''")
)]
#[gino(check = "age < 200")]
struct Person {
    #[gino(primary_key)]
    id: i64,
    #[gino(type = "varchar(40)", comment = "as they say it", unique)]
    name: String,
    #[gino(server_default = "it's fine")]
    mood: Mood,
    #[gino(index, check = "age >= 0")]
    age: Option<i32>,
    #[gino(references(Person::ID, on_delete = "set null", name = "friendship"))]
    friend_id: Option<i64>,
    #[gino(references(House::NUMBER, on_update = "cascade", deferrable))]
    house: Option<i64>,
    #[gino(json, server_default = "{}")]
    profile: Json,
    #[gino(property(profile), default = 18)]
    years: i64,
    #[gino(type = "bigserial")]
    ticket: i64,
    #[gino(server_default = sql("now()"))]
    made: std::time::SystemTime,
}

#[derive(Model, Debug)]
#[gino(db = DB, table = "house", schema = "gino_schema_app")]
struct House {
    #[gino(primary_key, sequence = NUMBERS)]
    number: i64,
    size: Size,
    // Together with Person.house a circle.
    #[gino(references = Person::ID)]
    owner: Option<i64>,
}

#[derive(Model, Debug)]
#[gino(db = DB, table = "stay")]
#[gino(foreign_key(
    columns(guest, room),
    references(Room::GUEST, Room::ROOM),
    on_delete = "cascade"
))]
struct Stay {
    #[gino(primary_key)]
    guest: i64,
    #[gino(primary_key)]
    room: i64,
}

#[derive(Model, Debug)]
#[gino(db = DB, table = "zroom")]
struct Room {
    #[gino(primary_key, references = Person::ID)]
    guest: i64,
    #[gino(primary_key)]
    room: i64,
    mood: Mood,
}

#[derive(Model, Debug)]
#[gino(db = DB, table = "a_view", create = false)]
struct View {
    #[gino(primary_key)]
    id: i64,
}

static OTHER: Gino = Gino::new();

#[derive(Model, Debug)]
#[gino(db = OTHER, table = "elsewhere")]
struct Elsewhere {
    #[gino(primary_key)]
    id: i32,
}

async fn texts(home: &Home, sql: &str) -> Vec<String> {
    let rows = home.engine.all(sql, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn tables(home: &Home) -> Vec<String> {
    let sql = "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'S') \
               AND relnamespace = current_schema()::regnamespace ORDER BY relname";
    texts(home, sql).await
}

async fn elsewhere(home: &Home) -> Vec<String> {
    let sql = "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'S') \
               AND relnamespace = to_regnamespace('gino_schema_app') ORDER BY relname";
    texts(home, sql).await
}

#[tokio::test]
async fn all_that_models_describe_is_created_once_and_dropped() {
    let home = Home::new("schema", "max_size=2").await;
    home.engine
        .script("DROP SCHEMA IF EXISTS gino_schema_app CASCADE")
        .await
        .unwrap();
    DB.set_bind(home.engine.clone()).await.unwrap();
    DB.create_all().await.unwrap();
    let all = [
        "person",
        "person_id_seq",
        "person_ticket_seq",
        "stay",
        "zroom",
    ];
    assert_eq!(tables(&home).await, all);
    assert_eq!(elsewhere(&home).await, ["house", "numbers"]);
    let constraints = "SELECT conname || ': ' || pg_get_constraintdef(oid) FROM pg_constraint \
                       WHERE conrelid = 'person'::regclass AND contype <> 'n' ORDER BY conname";
    assert_eq!(
        texts(&home, constraints).await,
        [
            "friendship: FOREIGN KEY (friend_id) REFERENCES person(id) ON DELETE SET NULL",
            "has_name: CHECK (((name)::text <> ''::text))",
            "one_mood: UNIQUE (name, mood)",
            "person_age_check: CHECK ((age >= 0))",
            "person_age_check1: CHECK ((age < 200))",
            "person_house_fkey: FOREIGN KEY (house) REFERENCES gino_schema_app.house(number) \
             ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED",
            "person_name_key: UNIQUE (name)",
            "person_pkey: PRIMARY KEY (id)",
        ]
    );
    let indexes = "SELECT replace(indexdef, current_schema() || '.', '') FROM pg_indexes \
                   WHERE tablename = 'person' AND indexdef !~ '_pkey|_key|one_mood' ORDER BY 1";
    assert_eq!(
        texts(&home, indexes).await,
        [
            "CREATE INDEX by_name ON person USING btree (name, mood)",
            "CREATE INDEX ix_person_age ON person USING btree (age)",
            "CREATE INDEX ix_person_profile ON person USING gin (profile)",
            "CREATE INDEX ix_person_years_ticket ON person USING btree \
             ((((profile ->> 'years'::text))::bigint), ticket)",
            "CREATE INDEX person_age_idx ON person USING btree (age) WHERE (age IS NOT NULL)",
            "CREATE UNIQUE INDEX person_lower_idx ON person USING btree (lower((name)::text))",
        ]
    );
    let comments = "SELECT obj_description('person'::regclass) || '; ' || col_description('person'::regclass, 2)";
    assert_eq!(texts(&home, comments).await, ["who's who; as they say it"]);
    let labels =
        "SELECT enum_range(NULL::mood)::text || enum_range(NULL::gino_schema_app.size)::text";
    assert_eq!(
        texts(&home, labels).await,
        [r#"{"it's fine",Sad}{Small,Large}"#]
    );

    // What the server fills in comes back.
    let person = Person::create().name("ada").await.unwrap();
    assert_eq!((person.id, person.mood, person.ticket), (1, Mood::Fine, 1));
    let house = House::create()
        .size(Size::Large)
        .owner(person.id)
        .await
        .unwrap();
    assert_eq!((house.number, house.size), (100, Size::Large));
    let next = House::create().size(Size::Small).await.unwrap();
    assert_eq!(next.number, 105);

    // What exists stays as it is.
    DB.create_all().await.unwrap();
    assert!(Person::get(1).await.unwrap().is_some());
    let error = Person::create_table().await.unwrap_err();
    assert_eq!(error.sqlstate(), Some("42P07"));
    Person::create_table().checkfirst(true).await.unwrap();

    DB.drop_all().await.unwrap();
    assert!(tables(&home).await.is_empty() && elsewhere(&home).await.is_empty());
    DB.drop_all().await.unwrap();
    let left = texts(&home, "SELECT 'x' WHERE to_regtype('mood') IS NOT NULL").await;
    assert!(left.is_empty());
    let schema = "SELECT nspname::text FROM pg_namespace WHERE nspname = 'gino_schema_app'";
    assert_eq!(texts(&home, schema).await.len(), 1);
    DB.create_all().await.unwrap();
    DB.drop_all().schemas(true).checkfirst(false).await.unwrap();
    assert!(texts(&home, schema).await.is_empty());
    DB.pop_bind().unwrap();
    home.done().await;
}

static SINGLE: Gino = Gino::new();

#[derive(Model, Debug)]
#[gino(db = SINGLE, table = "one")]
struct One {
    #[gino(primary_key)]
    id: i32,
    mood: Mood,
}

#[derive(Model, Debug)]
#[gino(db = SINGLE, table = "two")]
struct Two {
    #[gino(primary_key)]
    id: i32,
    mood: Option<Mood>,
    #[gino(references = One::ID)]
    one: Option<i32>,
}

#[tokio::test]
async fn single_tables_come_and_go_and_leave_what_others_use() {
    let home = Home::new("schema_single", "max_size=2").await;
    SINGLE.set_bind(home.engine.clone()).await.unwrap();
    One::create_table().await.unwrap();
    Two::create_table().await.unwrap();
    let error = One::drop_table().await.unwrap_err();
    assert_eq!(error.sqlstate(), Some("2BP01"));
    Two::drop_table().await.unwrap();
    assert_eq!(tables(&home).await, ["one", "one_id_seq"]);
    let made = One::create().mood(Mood::Sad).await.unwrap();
    assert_eq!((made.id, made.mood), (1, Mood::Sad));
    let missing = Two::drop_table().await.unwrap_err();
    assert_eq!(missing.sqlstate(), Some("42P01"));
    Two::drop_table().checkfirst(true).await.unwrap();
    SINGLE.drop_all().tables(&[One::TABLE]).await.unwrap();
    assert!(tables(&home).await.is_empty());
    SINGLE.pop_bind().unwrap();
    home.done().await;
}

static BROKEN: Gino = Gino::new();

#[derive(Model, Debug)]
#[gino(db = BROKEN, table = "a_good")]
struct Good {
    #[gino(primary_key)]
    id: i32,
}

#[derive(Model, Debug)]
#[gino(db = BROKEN, table = "bad", check = "no_such_column > 0")]
struct Bad {
    #[gino(primary_key)]
    id: i32,
}

#[tokio::test]
async fn all_or_nothing_is_created() {
    let home = Home::new("schema_broken", "max_size=1").await;
    BROKEN.set_bind(home.engine.clone()).await.unwrap();
    let error = BROKEN.create_all().await.unwrap_err();
    assert_eq!(error.sqlstate(), Some("42703"));
    assert!(tables(&home).await.is_empty());
    // In a transaction of the caller's it is undone with that.
    let outcome: gino::Result<()> = home
        .engine
        .transaction(async |tx| {
            BROKEN.create_all().tables(&[Good::TABLE]).on(&tx).await?;
            assert_eq!(tables(&home).await, ["a_good", "a_good_id_seq"]);
            tx.raise_rollback()?;
            Ok(())
        })
        .await;
    outcome.unwrap();
    assert!(tables(&home).await.is_empty());
    assert_eq!(
        BROKEN.create_all().tables(&[Good::TABLE]).to_sql(),
        "CREATE TABLE \"a_good\" (\n  \"id\" int4 GENERATED BY DEFAULT AS IDENTITY NOT NULL,\n  \
         PRIMARY KEY (\"id\")\n);\n"
    );
    assert!(format!("{:?}", Bad::drop_table()).contains("bad"));
    BROKEN.pop_bind().unwrap();
    home.done().await;
}

#[tokio::test]
async fn databases_side_by_side_have_their_own_models() {
    let home = Home::new("schema_other", "max_size=4").await;
    assert_eq!(
        OTHER.create_all().await.unwrap_err().kind(),
        gino::ErrorKind::Usage
    );
    OTHER.set_bind(home.engine.clone()).await.unwrap();
    // Programs that start at once do not trip over each other.
    let at_once = (0..4).map(|_| tokio::spawn(OTHER.create_all().into_future()));
    for outcome in at_once.collect::<Vec<_>>() {
        outcome.await.unwrap().unwrap();
    }
    assert_eq!(tables(&home).await, ["elsewhere", "elsewhere_id_seq"]);
    assert_eq!(Elsewhere::create().await.unwrap().id, 1);
    OTHER.drop_all().await.unwrap();
    OTHER.pop_bind().unwrap();
    home.done().await;
}
