//! The ways to run a statement and what comes back.

use gino::prelude::*;
use gino::{ErrorKind, Sql};

use crate::server::Home;

async fn users(home: &Home) {
    let sql = "CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL UNIQUE, age int4); \
               INSERT INTO users (name, age) VALUES ('ada', 36), ('bob', NULL), ('cyd', 20)";
    home.engine.script(sql).await.unwrap();
}

#[tokio::test]
async fn rows_are_written_changed_and_read() {
    let home = Home::new("crud", "max_size=2").await;
    let engine = &home.engine;
    let made = engine
        .script("CREATE TABLE t (id serial PRIMARY KEY, name text)")
        .await
        .unwrap();
    assert_eq!((made.tag(), made.rows_affected()), ("CREATE TABLE", 0));
    let insert = "INSERT INTO t (name) VALUES ($1), ($2) RETURNING id";
    let rows = engine.all(insert, &[&"a", &"b"]).await.unwrap();
    let ids: Vec<i32> = rows.iter().map(|row| row.get("id")).collect();
    assert_eq!(ids, [1, 2]);
    let done = engine
        .status("UPDATE t SET name = name || $1", &[&"!"])
        .await
        .unwrap();
    assert_eq!(
        (done.to_string().as_str(), done.rows_affected()),
        ("UPDATE 2", 2)
    );
    let name = engine
        .scalar::<String>("SELECT name FROM t WHERE id = $1", &[&2])
        .await
        .unwrap();
    assert_eq!(name.as_deref(), Some("b!"));
    let gone = engine
        .status("DELETE FROM t WHERE id > $1", &[&0])
        .await
        .unwrap();
    assert_eq!(gone.tag(), "DELETE 2");
    assert!(engine.all("SELECT * FROM t", &[]).await.unwrap().is_empty());
    home.done().await;
}

#[tokio::test]
async fn one_says_whether_there_are_none_or_several() {
    let home = Home::new("one", "max_size=1").await;
    users(&home).await;
    let engine = &home.engine;
    let (by_id, all) = (
        "SELECT name FROM users WHERE id = $1",
        "SELECT name FROM users",
    );
    assert_eq!(
        engine.one(by_id, &[&1]).await.unwrap().get::<&str>(0),
        "ada"
    );
    let none = engine.one(by_id, &[&99]).await.unwrap_err();
    assert_eq!(
        (none.kind(), none.to_string().as_str()),
        (ErrorKind::Row, "no row was found")
    );
    assert!(engine.one_or_none(by_id, &[&99]).await.unwrap().is_none());
    for error in [
        engine.one(all, &[]).await.unwrap_err(),
        engine.one_or_none(all, &[]).await.unwrap_err(),
    ] {
        assert_eq!(
            error.to_string(),
            "several rows were found, one was asked for"
        );
    }
    home.done().await;
}

#[tokio::test]
async fn first_and_scalar_take_what_is_there() {
    let home = Home::new("first", "max_size=1").await;
    users(&home).await;
    let engine = &home.engine;
    let ordered = "SELECT name, age FROM users ORDER BY id";
    let first = engine.first(ordered, &[]).await.unwrap().unwrap();
    assert_eq!(
        (first.get::<&str>("name"), first.get::<i32>("age")),
        ("ada", 36)
    );
    assert!(
        engine
            .first("SELECT 1 WHERE false", &[])
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        engine
            .first("SET LOCAL work_mem = '1MB'", &[])
            .await
            .unwrap()
            .is_none()
    );
    let age = "SELECT age FROM users WHERE name = $1";
    assert_eq!(engine.scalar::<i32>(age, &[&"bob"]).await.unwrap(), None);
    assert_eq!(engine.scalar::<i32>(age, &[&"nobody"]).await.unwrap(), None);
    assert_eq!(
        engine.scalar::<i32>(age, &[&"cyd"]).await.unwrap(),
        Some(20)
    );
    home.done().await;
}

#[tokio::test]
async fn columns_are_found_by_position_and_name() {
    let home = Home::new("columns", "max_size=1").await;
    let sql = Sql::from("SELECT 1 AS a, 'x' AS b, 3 AS a");
    let row = home.engine.one(&sql, &[]).await.unwrap();
    assert_eq!(
        (row.get::<i32>(0), row.get::<&str>("b"), row.get::<i32>("a")),
        (1, "x", 3)
    );
    let names: Vec<&str> = row.columns().iter().map(|column| &*column.name).collect();
    assert_eq!((row.len(), names), (3, vec!["a", "b", "a"]));
    assert_eq!(format!("{row:?}"), r#"["a", "b", "a"]"#);
    for error in [
        row.try_get::<i32>("c").unwrap_err(),
        row.try_get::<i32>(3).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Row);
    }
    home.done().await;
}

#[tokio::test]
async fn row_keeps_its_values_after_all_else_is_gone() {
    let home = Home::new("keeps", "max_size=1").await;
    let sql = "SELECT n, repeat('x', 100) FROM generate_series(1, 10000) AS n";
    let rows = home.engine.all(sql, &[]).await.unwrap();
    assert_eq!(rows.len(), 10_000);
    assert!((1..).zip(&rows).all(|(n, row)| row.get::<i32>("n") == n));
    let last = rows.last().unwrap().clone();
    drop(rows);
    home.done().await;
    assert_eq!(
        (last.get::<i32>(0), last.get::<&str>(1).len()),
        (10_000, 100)
    );
}

#[tokio::test]
async fn error_of_the_server_has_all_its_fields() {
    let home = Home::new("fields", "max_size=1").await;
    users(&home).await;
    let insert = "INSERT INTO users (name) VALUES ($1)";
    let error = home.engine.status(insert, &[&"ada"]).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.sqlstate()),
        (ErrorKind::Database, Some("23505"))
    );
    let db = error.db().unwrap();
    assert_eq!(db.constraint_name(), Some("users_name_key"));
    assert_eq!(db.table_name(), Some("users"));
    assert!(db.detail().unwrap().contains("(name)=(ada)"));
    home.done().await;
}

#[tokio::test]
async fn wrong_number_of_parameters_is_said_before_anything_is_sent() {
    let home = Home::new("count", "max_size=1").await;
    let error = home.engine.all("SELECT $1::int4", &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert_eq!(
        error.to_string(),
        "the statement takes 1 parameters, 0 were given"
    );
    home.done().await;
}

#[tokio::test]
async fn script_runs_all_or_nothing() {
    let home = Home::new("script", "max_size=1").await;
    let error = home
        .engine
        .script("CREATE TABLE t (); SELECT 1/0")
        .await
        .unwrap_err();
    assert_eq!(error.sqlstate(), Some("22012"));
    let there = home
        .engine
        .scalar::<bool>("SELECT to_regclass('t') IS NOT NULL", &[])
        .await;
    assert_eq!(there.unwrap(), Some(false));
    home.done().await;
}

#[tokio::test]
async fn statement_time_out_of_the_server_is_a_setting() {
    let home = Home::new("server_limit", "max_size=1&statement_timeout=150ms").await;
    let set = home
        .engine
        .scalar::<String>("SHOW statement_timeout", &[])
        .await;
    assert_eq!(set.unwrap().as_deref(), Some("150ms"));
    let late = home
        .engine
        .status("SELECT pg_sleep(10)", &[])
        .await
        .unwrap_err();
    assert_eq!(late.sqlstate(), Some("57014"));
    assert!(late.to_string().contains("statement timeout"), "{late}");
    home.done().await;
}
