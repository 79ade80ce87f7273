//! JSON columns and the properties inside them.

use std::collections::HashMap;

use gino::prelude::*;
use gino::{ErrorKind, func};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::server::Home;

static DB: Gino = Gino::new();

#[derive(Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
struct Address {
    street: String,
    zip: Option<String>,
}

#[derive(Model, Debug, Clone)]
#[gino(db = DB, table = "account")]
#[gino(index(age, name = "by_age"))]
struct Account {
    #[gino(primary_key)]
    id: i32,
    #[gino(json, server_default = "{}")]
    profile: Json,
    settings: Option<Json>,
    #[gino(json)]
    address: Option<Address>,
    #[gino(default = Json(Address::default()))]
    home: Json<Address>,

    #[gino(property(profile), default = 18)]
    age: i64,
    #[gino(property(profile), key = "fullName")]
    name: Option<String>,
    #[gino(property(profile), default)]
    tags: Vec<String>,
    #[gino(property(settings), default = true)]
    dark: bool,
    #[gino(property(settings), default = Json(Address::default()))]
    office: Json<Address>,
}

async fn home(name: &str) -> Home {
    let home = Home::new(name, "max_size=2").await;
    DB.create_all().on(&home.engine).await.unwrap();
    home
}

async fn stored(home: &Home, column: &str, id: i32) -> Option<serde_json::Value> {
    let sql = format!("SELECT {column} FROM account WHERE id = $1");
    home.engine.scalar(sql, &[&id]).await.unwrap()
}

#[tokio::test]
async fn what_is_stored_comes_back_and_else_the_default() {
    let home = home("json_read").await;
    let made = Account::create()
        .name("Ada")
        .dark(false)
        .on(&home.engine)
        .await
        .unwrap();
    assert_eq!(
        (made.age, made.name.as_deref(), made.dark),
        (18, Some("Ada"), false)
    );
    assert!(made.tags.is_empty());
    // A create stores defaults, in one column each.
    assert_eq!(
        stored(&home, "profile", made.id).await,
        Some(json!({"age": 18, "fullName": "Ada", "tags": []}))
    );
    assert_eq!(
        stored(&home, "settings", made.id).await,
        Some(json!({"dark": false, "office": {"street": "", "zip": null}}))
    );
    // Rows that others wrote have what they have.
    home.engine
        .script(
            "INSERT INTO account (home, profile) VALUES ('{\"street\": \"x\", \"zip\": null}', \
             '{\"fullName\": null, \"tags\": [\"a\", \"b\"], \"unknown\": 1}')",
        )
        .await
        .unwrap();
    let read = Account::get(2).on(&home.engine).await.unwrap().unwrap();
    assert_eq!((read.age, read.name.clone(), read.dark), (18, None, true));
    assert_eq!(read.tags, ["a", "b"]);
    assert_eq!((read.settings.clone(), read.address.clone()), (None, None));
    assert_eq!(read.home.street, "x");
    // A key that is no property is nobody's mistake: the column shows it, and nothing touches it.
    assert_eq!(read.profile.0["unknown"], json!(1));
    let read = read
        .update()
        .age(20)
        .on(&home.engine)
        .apply()
        .await
        .unwrap();
    assert_eq!(read.profile.0["unknown"], json!(1));
    home.engine
        .script("UPDATE account SET profile = '{\"tags\": 5}' WHERE id = 2")
        .await
        .unwrap();
    let error = Account::get(2).on(&home.engine).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
    assert!(error.to_string().contains("property \"tags\""), "{error}");
    home.done().await;
}

#[tokio::test]
async fn update_merges_the_named_keys_only() {
    let home = home("json_write").await;
    let on = &home.engine;
    let made = Account::create().age(30).name("Ada").on(on).await.unwrap();
    let other = "UPDATE account SET profile = profile || '{\"seen\": true, \"age\": 31}'";
    on.script(other).await.unwrap();
    let changed = made
        .update()
        .name("Bob")
        .dark(false)
        .address(Some(Address::default()))
        .on(on)
        .apply()
        .await
        .unwrap();
    assert_eq!((changed.age, changed.name.as_deref()), (31, Some("Bob")));
    assert_eq!(
        stored(&home, "profile", made.id).await,
        Some(json!({"age": 31, "fullName": "Bob", "tags": [], "seen": true}))
    );
    assert_eq!(changed.address, Some(Address::default()));
    let counted = changed
        .update()
        .age(Account::AGE + 1)
        .tags(vec!["x".to_owned()]);
    let counted = counted.on(on).apply().await.unwrap();
    assert_eq!((counted.age, counted.tags.len()), (32, 1));
    let profile = stored(&home, "profile", made.id).await.unwrap();
    assert_eq!(profile["age"], json!(32));
    // None is stored as null, and is None again.
    let none = counted
        .update()
        .name(None::<String>)
        .on(on)
        .apply()
        .await
        .unwrap();
    assert_eq!(none.name, None);
    assert_eq!(
        stored(&home, "profile -> 'fullName'", made.id).await,
        Some(json!(null))
    );
    // A default does not go over what the whole column says.
    let given = Account::create()
        .profile(json!({"age": 7}))
        .on(on)
        .await
        .unwrap();
    assert_eq!((given.age, given.profile.0.clone()), (7, json!({"age": 7})));
    given.delete().on(on).await.unwrap();
    // The whole column at once, with a property on top of it.
    let whole = none.update().profile(json!({"age": 5})).name("Cyd").on(on);
    let whole = whole.apply().await.unwrap();
    assert_eq!(whole.profile.0, json!({"age": 5, "fullName": "Cyd"}));
    // Into a column that is NULL.
    on.script("UPDATE account SET settings = NULL")
        .await
        .unwrap();
    let dark = whole.update().dark(true).on(on).apply().await.unwrap();
    assert_eq!(dark.settings.unwrap().0, json!({"dark": true}));
    home.done().await;
}

#[tokio::test]
async fn properties_are_expressions_of_their_type() {
    let home = home("json_expr").await;
    let on = &home.engine;
    let rows = [(40, "Ada"), (9, "Bob"), (100, "Cyd")];
    let rows = rows.map(|(age, name)| {
        let tags = vec![name.to_lowercase(), "all".to_owned()];
        Account::create().age(age).name(name).tags(tags)
    });
    Account::bulk_create(rows).on(on).await.unwrap();
    on.script("INSERT INTO account (home) VALUES ('{\"street\": \"\", \"zip\": null}')")
        .await
        .unwrap();
    let older = Account::select((Account::NAME, Account::AGE))
        .filter(Account::AGE.gt(10))
        .order_by(Account::AGE.desc())
        .on(on)
        .all();
    let older: Vec<(Option<String>, i64)> = older.await.unwrap();
    let older: Vec<_> = older
        .iter()
        .map(|(name, age)| (name.as_deref(), *age))
        .collect();
    assert_eq!(older, [(Some("Cyd"), 100), (Some("Ada"), 40)]);
    // In SQL there is nothing where nothing is stored.
    let missing = Account::query().filter(Account::AGE.is_null()).on(on).all();
    assert_eq!(missing.await.unwrap().len(), 1);
    let sum = Account::select(func::max(Account::AGE)).on(on).scalar();
    assert_eq!(sum.await.unwrap(), Some(100));
    let tags = Account::select(Account::TAGS.nullable())
        .order_by(Account::ID)
        .on(on)
        .all()
        .await
        .unwrap();
    assert_eq!(tags[1], Some(vec!["bob".to_owned(), "all".to_owned()]));
    assert_eq!(tags[3], None);
    let bright = Account::query()
        .filter(Account::DARK.eq(true))
        .on(on)
        .count();
    assert_eq!(bright.await.unwrap(), 3);
    let alias = Account::alias("other");
    let younger = Account::query()
        .join(&alias, alias.col(Account::AGE).gt(Account::AGE))
        .on(on)
        .count();
    assert_eq!(younger.await.unwrap(), 3);
    // The index of the struct is that very expression.
    let explained = home
        .engine
        .transaction(async |tx| {
            tx.status("SET LOCAL enable_seqscan = off", &[]).await?;
            let sql = "EXPLAIN SELECT * FROM account WHERE (profile ->> 'age')::int8 = 9";
            let rows = tx.all(sql, &[]).await?;
            let lines = rows.iter().map(|row| row.get::<String>(0));
            Ok::<_, gino::Error>(lines.collect::<Vec<_>>().join("\n"))
        })
        .await
        .unwrap();
    assert!(explained.contains("by_age"), "{explained}");
    home.done().await;
}

#[tokio::test]
async fn document_is_given_by_reference() {
    let home = home("json_by_reference").await;
    let (profile, settings) = (json!({"fullName": "Ada"}), Json(json!({"dark": true})));
    let nearby = Json(Address {
        street: "Main".into(),
        zip: None,
    });
    let made = Account::create()
        .profile(&profile)
        .settings(&settings)
        .home(&nearby)
        .on(&home.engine)
        .await
        .unwrap();
    assert_eq!((made.name.as_deref(), made.dark), (Some("Ada"), true));
    assert_eq!(made.home, nearby);
    let moved = made.update().home(&Address::default()).office(&nearby);
    let moved = moved.on(&home.engine).apply().await.unwrap();
    assert_eq!(moved.home.0, Address::default());
    assert_eq!(moved.office, nearby);
    // Beside an expression, in one statement.
    let both = moved.update().profile(json!({})).age(gino::value(7_i64));
    let both = both.on(&home.engine).apply().await.unwrap();
    assert_eq!((both.name, both.age), (None, 7));
    home.done().await;
}

/// JSON has only strings as keys.
type Sparse = HashMap<(i32, i32), i32>;

#[derive(Model, Debug, Clone)]
#[gino(db = DB, table = "matrix")]
struct Matrix {
    #[gino(primary_key)]
    id: i32,
    #[gino(json, server_default = "{}")]
    cells: Json,
    whole: Option<Json<Sparse>>,
    #[gino(property(cells), default = Json(Sparse::new()))]
    sparse: Json<Sparse>,
}

#[tokio::test]
async fn what_serde_cannot_say_in_json_is_refused() {
    let home = home("json_refused").await;
    let odd = Json(Sparse::from([((1, 2), 3)]));
    let create = || Matrix::create().on(&home.engine);
    let empty = create().await.unwrap();
    for refused in [
        create().sparse(odd.clone()).await.map(drop),
        create().whole(&odd).await.map(drop),
        empty
            .update()
            .sparse(&odd)
            .on(&home.engine)
            .apply()
            .await
            .map(drop),
    ] {
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("key must be a string"), "{refused}");
    }
    let kept: Vec<Matrix> = Matrix::query().on(&home.engine).all().await.unwrap();
    assert_eq!(kept.len(), 1);
    assert!(kept[0].sparse.is_empty());
    home.done().await;
}
