//! Types that a database defines by itself, and those of extensions: values in both directions, and
//! what holds when others change the types meanwhile.

use std::collections::HashMap;
use std::fmt::Debug;
use std::ops::Bound;

use gino::prelude::*;
use gino::types::{FromSqlOwned, HalfVector, LTree, Multirange, Range, SparseVector, Vector};
use gino::{ErrorKind, ToSql};

use crate::server::{Home, PATIENCE};

#[derive(Debug, Clone, Copy, PartialEq, postgres_types::ToSql, postgres_types::FromSql)]
#[postgres(name = "mood", rename_all = "snake_case")]
enum Mood {
    Sad,
    VeryHappy,
}

/// The same type, for those who do not know `postgres-types`.
#[derive(GinoEnum, Debug, Clone, Copy, PartialEq)]
#[gino(name = "mood")]
enum Feeling {
    #[gino(name = "sad")]
    Sad,
    #[gino(name = "very_happy")]
    VeryHappy,
}

#[derive(Debug, Clone, Copy, PartialEq, postgres_types::ToSql, postgres_types::FromSql)]
#[postgres(name = "age")]
struct Age(i32);

#[derive(Debug, Clone, PartialEq, postgres_types::ToSql, postgres_types::FromSql)]
#[postgres(name = "pet")]
struct Pet {
    name: Option<String>,
    mood: Option<Mood>,
    ages: Option<Vec<Option<Age>>>,
}

#[derive(Debug, Clone, PartialEq, postgres_types::ToSql, postgres_types::FromSql)]
#[postgres(name = "owner")]
struct Owner {
    id: i64,
    pets: Vec<Option<Pet>>,
    #[postgres(name = "where")]
    place: Option<gino::types::Point>,
}

const TYPES: &str = "\
CREATE TYPE mood AS ENUM ('sad', 'very_happy');
CREATE DOMAIN age AS int4 CHECK (value >= 0);
CREATE TYPE pet AS (name text, mood mood, ages age[]);
CREATE TYPE owner AS (id int8, pets pet[], \"where\" point);
CREATE TYPE span AS RANGE (subtype = float8);
CREATE DOMAIN moods AS mood[];
CREATE TYPE priced AS (price money)";

async fn home(name: &str) -> Home {
    let home = Home::new(name, "max_size=2").await;
    home.engine.script(TYPES).await.unwrap();
    home
}

fn rex() -> Pet {
    Pet {
        name: Some("R\"e, (x)\\".into()),
        mood: Some(Mood::VeryHappy),
        ages: Some(vec![Some(Age(1)), None]),
    }
}

/// There and back, once as the value itself and once by the server's own text for it.
async fn both<T>(engine: &Engine, sql_type: &str, value: T)
where
    T: FromSqlOwned + ToSql + Sync + PartialEq + Debug,
{
    let row = engine
        .one(
            format!("SELECT $1::{sql_type}, ($1::{sql_type})::text"),
            &[&value],
        )
        .await
        .unwrap_or_else(|error| panic!("{sql_type}: {error}"));
    assert_eq!(row.get::<T>(0), value, "{sql_type}");
    let text: String = row.get(1);
    let sql = format!("SELECT $1::text::{sql_type}");
    let read = engine.scalar::<T>(sql, &[&text]).await.unwrap();
    assert_eq!(read.as_ref(), Some(&value), "{sql_type} {text}");
    // A domain has the values of the type below it, and its strings.
    if !sql_type.starts_with("age") {
        let row = engine
            .one(format!("SELECT $1::{sql_type}"), &[&text])
            .await
            .unwrap();
        assert_eq!(row.get::<T>(0), value, "{sql_type} from text");
        assert_eq!(row.get::<&str>(0), text, "{sql_type} as text");
    }
    let null = engine
        .scalar::<T>(format!("SELECT $1::{sql_type}"), &[&None::<T>])
        .await;
    assert_eq!(null.unwrap(), None);
}

#[tokio::test]
async fn values_of_types_of_ones_own_come_back_as_they_went() {
    let home = home("own_values").await;
    let engine = &home.engine;
    both(engine, "mood", Mood::VeryHappy).await;
    both(engine, "mood", Feeling::Sad).await;
    both(engine, "mood[]", vec![Some(Mood::Sad), None]).await;
    both(engine, "mood[]", vec![Feeling::VeryHappy]).await;
    both(engine, "mood[]", Vec::<Mood>::new()).await;
    both(engine, "moods", vec![Mood::Sad]).await;
    both(engine, "age", Age(7)).await;
    both(engine, "age", 7).await;
    both(engine, "age[]", vec![Age(7), Age(8)]).await;
    both(engine, "pet", rex()).await;
    let nobody = Pet {
        name: None,
        mood: None,
        ages: None,
    };
    both(engine, "pet", nobody).await;
    let owner = Owner {
        id: i64::MIN,
        pets: vec![Some(rex()), None],
        place: Some(gino::types::Point { x: 0.5, y: -1.0 }),
    };
    both(engine, "owner", owner.clone()).await;
    both(engine, "owner[]", vec![owner]).await;
    both(engine, "priced", "($1.50)".to_owned()).await;
    let range = |low, high| Range::Between(Bound::Included(low), Bound::Excluded(high));
    both(engine, "span", range(0.5, 1.5)).await;
    let open = Range::Between(Bound::Unbounded, Bound::Included(2.0));
    both(
        engine,
        "span[]",
        vec![Some(Range::<f64>::Empty), None, Some(open)],
    )
    .await;
    let name = "SELECT rngmultitypid::regtype::text FROM pg_range WHERE rngtypid = 'span'::regtype";
    // PostgreSQL 13 has none.
    if let Ok(Some(name)) = engine.scalar::<String>(name, &[]).await {
        both(
            engine,
            &name,
            Multirange(vec![range(0.5, 1.0), range(2.0, 3.0)]),
        )
        .await;
    }
    home.done().await;
}

#[tokio::test]
async fn values_of_extensions_come_back_as_they_went() {
    let home = Home::extended("extensions").await;
    let engine = &home.engine;
    if home.has_extension("hstore").await {
        let pair = |key: &str, value: Option<&str>| (key.to_owned(), value.map(str::to_owned));
        let store: HashMap<_, _> = [pair("a", Some("1, \"")), pair("", None)].into();
        let row = engine
            .one("SELECT $1::hstore, $1::hstore -> 'a'", &[&store])
            .await
            .unwrap();
        assert_eq!(row.get::<HashMap<String, Option<String>>>(0), store);
        assert_eq!(row.get::<&str>(1), "1, \"");
        let text = engine
            .scalar::<String>("SELECT 'b=>NULL, a=>1'::hstore", &[])
            .await;
        assert_eq!(text.unwrap().as_deref(), Some(r#""a"=>"1", "b"=>NULL"#));
        both(engine, "hstore[]", vec![Some(store), None]).await;
    }
    if home.has_extension("ltree").await {
        both(engine, "ltree", LTree::from("Top.Science")).await;
        both(engine, "ltree", "Top.Science".to_owned()).await;
        both(
            engine,
            "ltree[]",
            vec![LTree::from("Top"), LTree::default()],
        )
        .await;
        both(engine, "lquery", "*.a".to_owned()).await;
        both(engine, "ltxtquery", "a & !b".to_owned()).await;
    }
    if home.has_extension("citext").await {
        both(engine, "citext", "Äb c".to_owned()).await;
        both(engine, "citext[]", vec![Some("a".to_owned()), None]).await;
        let same = "SELECT $1::citext = 'ab'";
        assert_eq!(engine.scalar(same, &[&"AB"]).await.unwrap(), Some(true));
    }
    home.done().await;
}

#[tokio::test]
async fn vectors_come_back_as_they_went() {
    let home = Home::new("vectors", "").await;
    let engine = &home.engine;
    if home.has_extension("vector").await {
        both(engine, "vector", Vector(vec![1.0, -0.5])).await;
        both(engine, "halfvec[]", vec![HalfVector(vec![1.0, 65504.0])]).await;
        let sparse = SparseVector {
            dimensions: 9,
            pairs: vec![(0, 1.5), (8, -2.0)],
        };
        both(engine, "sparsevec", sparse).await;
        let near = "SELECT '[1,2]'::vector <-> $1";
        assert_eq!(
            engine
                .scalar(near, &[&Vector(vec![1.0, 5.0])])
                .await
                .unwrap(),
            Some(3.0)
        );
    }
    home.done().await;
}

#[tokio::test]
async fn records_are_read_as_the_servers_text() {
    let home = home("records").await;
    for sql in [
        "ROW(1, 'sad'::mood, NULL, ROW('very_happy'::mood, '{a}'::text[]))",
        "ARRAY[ROW(1, 'a b')]",
        "ROW(ARRAY[ROW(ROW('x', NULL, NULL)::pet, 1.5::numeric)], '(1,2)'::point)",
    ] {
        let row = home
            .engine
            .one(format!("SELECT {sql}, {sql}::text"), &[])
            .await
            .unwrap();
        assert_eq!(row.get::<&str>(0), row.get::<&str>(1), "{sql}");
    }
    home.done().await;
}

#[tokio::test]
async fn value_that_does_not_fit_names_the_type() {
    let home = home("own_misfits").await;
    let engine = &home.engine;
    let pet = Age(1);
    let values: [(&str, &(dyn ToSql + Sync)); 4] = [
        ("mood", &1),
        ("pet", &pet),
        ("mood[]", &vec![1]),
        ("age", &1_i64),
    ];
    for (sql_type, value) in values {
        let error = engine
            .status(format!("SELECT $1::{sql_type}"), &[value])
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Codec, "{error}");
        let expected = format!("does not fit SQL type {sql_type}");
        assert!(error.to_string().contains(&expected), "{error}");
    }
    let row = engine.one("SELECT 'sad'::mood AS m", &[]).await.unwrap();
    let words = row.try_get::<Pet>("m").unwrap_err().to_string();
    assert!(words.starts_with("column \"m\": "), "{words}");
    assert!(words.contains("does not fit SQL type mood"), "{words}");
    home.done().await;
}

#[tokio::test]
async fn types_are_learnt_inside_of_a_transaction_and_forgotten_with_it() {
    let home = home("learning").await;
    let engine = &home.engine;
    let gone = engine
        .transaction(async |tx| {
            tx.script("CREATE TYPE fresh AS ENUM ('new')").await?;
            let label = tx.scalar::<String>("SELECT 'new'::fresh", &[]).await?;
            assert_eq!(label.as_deref(), Some("new"));
            tx.raise_rollback()?;
            Ok::<_, gino::Error>(())
        })
        .await;
    assert!(gone.is_ok());
    engine
        .script("CREATE TYPE fresh AS (a int4, b mood)")
        .await
        .unwrap();
    let row = engine
        .one("SELECT ROW(1, 'sad')::fresh", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<&str>(0), "(1,sad)");
    home.done().await;
}

#[derive(Debug, PartialEq, postgres_types::ToSql, postgres_types::FromSql)]
#[postgres(name = "pet")]
struct Legged {
    legs: i16,
    mood: Mood,
}

#[tokio::test]
async fn type_that_others_made_again_is_another() {
    let home = home("made_again").await;
    let (engine, other) = (&home.engine, home.other().await);
    both(engine, "pet", rex()).await;
    let again = "DROP TYPE owner; DROP TYPE pet; CREATE TYPE pet AS (legs int2, mood mood)";
    other.script(again).await.unwrap();
    let legged = || Legged {
        legs: 4,
        mood: Mood::Sad,
    };
    both(engine, "pet", legged()).await;
    both(&other, "pet", legged()).await;
    other
        .script("DROP TYPE pet; CREATE DOMAIN pet AS mood")
        .await
        .unwrap();
    both(engine, "pet", Mood::Sad).await;
    other.close(PATIENCE).await.unwrap();
    home.done().await;
}

#[derive(Debug, PartialEq, postgres_types::ToSql, postgres_types::FromSql)]
#[postgres(name = "mood", rename_all = "snake_case")]
enum Moods {
    Sad,
    VeryHappy,
    Angry,
}

#[tokio::test]
async fn label_that_was_added_is_known() {
    let home = home("labels").await;
    let (engine, other) = (&home.engine, home.other().await);
    both(engine, "mood", Mood::Sad).await;
    both(&other, "mood[]", vec![Mood::Sad]).await;
    engine
        .script("ALTER TYPE mood ADD VALUE 'angry'")
        .await
        .unwrap();
    both(engine, "mood", Moods::Angry).await;
    // Nobody has told the other engine, but the value does.
    both(&other, "mood[]", vec![Moods::Angry]).await;
    engine
        .script("ALTER TYPE mood RENAME VALUE 'angry' TO 'cross'")
        .await
        .unwrap();
    other.forget_types();
    let error = other
        .status("SELECT $1::mood", &[&Moods::Angry])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
    other.close(PATIENCE).await.unwrap();
    home.done().await;
}

#[tokio::test]
async fn label_that_others_added_is_read() {
    let home = home("read_labels").await;
    let (engine, other) = (&home.engine, home.other().await);
    let sql = "SELECT $1::text::mood AS m, ARRAY[$1::text::mood] AS ms";
    let read = async |label: &str| engine.one(sql, &[&label]).await.unwrap();
    assert_eq!(read("sad").await.get::<Mood>("m"), Mood::Sad);
    other
        .script("ALTER TYPE mood ADD VALUE 'angry'")
        .await
        .unwrap();
    let row = read("angry").await;
    assert_eq!(row.get::<&str>("m"), "angry");
    assert_eq!(row.get::<&str>("ms"), "{angry}");
    // What has no variant for it names it.
    let words = |error: gino::Error| error.to_string();
    let said = words(row.try_get::<Feeling>("m").unwrap_err());
    let expected = "SQL type mood: \"angry\" is none of its labels here: sad, very_happy";
    assert!(said.ends_with(expected), "{said}");
    let said = words(row.try_get::<Mood>("m").unwrap_err());
    assert!(
        said.ends_with("SQL type mood: invalid variant `angry`"),
        "{said}"
    );
    // What has one is refused for what was known; the next statement knows more.
    let said = words(row.try_get::<Moods>("m").unwrap_err());
    let expected = "its labels are sad, very_happy; a derive of postgres-types";
    assert!(said.contains(expected), "{said}");
    let row = read("angry").await;
    assert_eq!(row.get::<Moods>("m"), Moods::Angry);
    assert_eq!(row.get::<Vec<Moods>>("ms"), [Moods::Angry]);
    let said = words(row.try_get::<Vec<Mood>>("ms").unwrap_err());
    assert!(
        said.contains("its labels are sad, very_happy, angry; "),
        "{said}"
    );
    assert_eq!(read("sad").await.get::<Feeling>("m"), Feeling::Sad);
    other.close(PATIENCE).await.unwrap();
    home.done().await;
}

/// The second attempt of a transaction is told of all that has changed by the first.
#[tokio::test]
async fn transaction_goes_through_the_second_time_after_types_were_made_again() {
    let home = home("again_within").await;
    let (engine, other) = (&home.engine, home.other().await);
    engine
        .script("CREATE TABLE felt (mood mood)")
        .await
        .unwrap();
    let insert = "INSERT INTO felt VALUES ($1)";
    let count = "SELECT count(*) FROM felt WHERE mood = $1";
    let work = async || {
        engine
            .transaction(async |tx| {
                tx.status(insert, &[&Feeling::Sad]).await?;
                tx.scalar::<i64>(count, &[&Feeling::Sad]).await
            })
            .await
    };
    assert_eq!(work().await.unwrap(), Some(1));
    other
        .script(
            "ALTER TABLE felt ALTER mood TYPE text; DROP TYPE pet CASCADE; DROP TYPE mood CASCADE; \
             CREATE TYPE mood AS ENUM ('sad'); ALTER TABLE felt ALTER mood TYPE mood USING mood::mood",
        )
        .await
        .unwrap();
    let error = work().await.unwrap_err();
    assert!(error.to_string().contains("cache lookup failed"), "{error}");
    assert_eq!(work().await.unwrap(), Some(2));
    other.close(PATIENCE).await.unwrap();
    home.done().await;
}

#[tokio::test]
async fn what_has_no_rust_type_is_a_string() {
    let home = home("only_text").await;
    let sql = "SELECT '{1}'::regclass[] AS names, ROW(1, 'a') AS row, 'a & b'::tsquery AS query";
    let row = home.engine.one(sql, &[]).await.unwrap();
    let words = |error: gino::Error| error.to_string();
    for (column, value) in [("names", "{1}"), ("row", "(1,a)"), ("query", "'a' & 'b'")] {
        assert_eq!(row.get::<&str>(column), value);
        let said = words(row.try_get::<Vec<i32>>(column).unwrap_err());
        assert!(said.contains(" String"), "{said}");
    }
    let sql = "SELECT $1::regclass[]::text";
    let error = home.engine.status(sql, &[&vec![1]]).await.unwrap_err();
    let said = words(error);
    assert!(
        said.contains("a string of the server's text form"),
        "{said}"
    );
    let read = home.engine.scalar::<String>(sql, &[&"{pg_class}"]).await;
    assert_eq!(read.unwrap().as_deref(), Some("{pg_class}"));
    home.done().await;
}

#[derive(Debug, PartialEq, postgres_types::ToSql, postgres_types::FromSql)]
#[postgres(name = "pet")]
struct Changed {
    name: Option<String>,
    mood: Option<Mood>,
    legs: Option<i32>,
}

static DB: Gino = Gino::new();

#[derive(Model, Debug)]
#[gino(db = DB, table = "pets")]
struct Kept {
    #[gino(primary_key)]
    id: i32,
    pet: Option<Changed>,
}

gino::sql_type!(Changed, "pet");

#[tokio::test]
async fn fields_that_others_added_are_there_at_once() {
    let home = home("fields").await;
    let (engine, other) = (&home.engine, home.other().await);
    let table = "CREATE TABLE pets (id serial PRIMARY KEY, pet pet); \
                 INSERT INTO pets (pet) VALUES (NULL)";
    engine.script(table).await.unwrap();
    let insert = "INSERT INTO pets (pet) VALUES ($1) RETURNING pet, id";
    let made = engine.one(insert, &[&rex()]).await.unwrap();
    assert_eq!(made.get::<Pet>(0), rex());
    let change = "ALTER TYPE pet ADD ATTRIBUTE legs int, DROP ATTRIBUTE ages";
    other.script(change).await.unwrap();
    let changed = |legs| Changed {
        name: rex().name,
        mood: rex().mood,
        legs,
    };
    let rows = engine
        .all("SELECT pet, id FROM pets ORDER BY id", &[])
        .await
        .unwrap();
    let pets: Vec<Option<Changed>> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(pets, [None, Some(changed(None))]);
    // Values of the new kind were sent, once each, where others were expected.
    let made = engine.one(insert, &[&changed(Some(4))]).await.unwrap();
    assert_eq!(
        (made.get::<Changed>(0), made.get::<i32>(1)),
        (changed(Some(4)), 3)
    );
    assert_eq!(
        engine
            .scalar("SELECT count(*) FROM pets", &[])
            .await
            .unwrap(),
        Some(3_i64)
    );
    other.close(PATIENCE).await.unwrap();
    home.done().await;
}

#[tokio::test]
async fn cursors_and_models_see_fields_that_others_added() {
    let home = home("late_fields").await;
    let (engine, other) = (&home.engine, home.other().await);
    let table = "CREATE TABLE pets (id serial PRIMARY KEY, pet pet); \
                 INSERT INTO pets (pet) VALUES (('Rex', 'sad', NULL)), (NULL), (('Mimi', NULL, NULL))";
    engine.script(table).await.unwrap();
    engine.all("SELECT pet FROM pets", &[]).await.unwrap();
    engine.all("SELECT id, pet FROM pets", &[]).await.unwrap();
    let change = "ALTER TYPE pet ADD ATTRIBUTE legs int, DROP ATTRIBUTE ages";
    other.script(change).await.unwrap();
    let names = engine
        .transaction(async |tx| {
            let mut cursor = tx.iterate("SELECT pet FROM pets", &[]).await?.prefetch(2);
            let mut names = Vec::new();
            while let Some(row) = cursor.next().await? {
                names.push(row.try_get::<Option<Changed>>(0)?.and_then(|pet| pet.name));
            }
            Ok::<_, gino::Error>(names)
        })
        .await;
    assert_eq!(
        names.unwrap(),
        [Some("Rex".into()), None, Some("Mimi".into())]
    );
    other
        .script("ALTER TYPE pet ADD ATTRIBUTE gone int")
        .await
        .unwrap();
    engine.forget_types();
    engine.all("SELECT id, pet FROM pets", &[]).await.unwrap();
    other
        .script("ALTER TYPE pet DROP ATTRIBUTE gone")
        .await
        .unwrap();
    DB.set_bind(engine.clone()).await.unwrap();
    let kept = Kept::query().order_by(Kept::ID).all().await.unwrap();
    let legs: Vec<_> = kept
        .iter()
        .map(|kept| kept.pet.as_ref().map(|pet| pet.legs))
        .collect();
    assert_eq!(legs, [Some(None), None, Some(None)]);
    assert_eq!(kept[2].id, 3);
    drop(DB.pop_bind());
    other.close(PATIENCE).await.unwrap();
    home.done().await;
}
