//! Tables that keep new rows out, by a trigger or a rule: creates store all or nothing.

use gino::error::{Leaf, RowError};
use gino::prelude::*;

use crate::shelf::shelf;

/// A trigger that lets in what has an odd number.
const ODD: &str = "
    CREATE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN IF NEW.born_in % 2 = 1 THEN RETURN NEW; END IF; RETURN NULL; END$$;
    CREATE TRIGGER odd BEFORE INSERT ON authors FOR EACH ROW EXECUTE FUNCTION odd()";

fn kept_out(error: &gino::Error, expected: (usize, usize)) -> bool {
    let leaf = error.leaf();
    matches!(leaf, Leaf::Row(RowError::KeptOut { given, stored, .. }) if (*stored, *given) == expected)
}

#[tokio::test]
async fn row_that_is_kept_out_is_told_and_none_of_its_kind_stored() {
    shelf!(home, "kept_out");
    DB.script(ODD).await.unwrap();
    let row = |n: i32| Author::create().name(format!("n{n}")).born(n);
    // An array per column; expressions, in one statement and in several; nothing else is stored.
    let error = Author::bulk_create((1..=3).map(row)).await.unwrap_err();
    assert!(kept_out(&error, (2, 3)), "{error}");
    assert!(error.to_string().contains("2 of 3 new rows of authors"));
    let sum = |n: i32| row(n).born(gino::value(n) + 1 - 1);
    let error = Author::bulk_create((1..=3).map(sum)).await.unwrap_err();
    assert!(kept_out(&error, (2, 3)), "{error}");
    let error = Author::bulk_create((1..=40_000).map(sum))
        .await
        .unwrap_err();
    assert!(kept_out(&error, (20_000, 40_000)), "{error}");
    assert_eq!(Author::query().count().await.unwrap(), 0);
    // In a transaction what was before stays.
    let kept: gino::Result<()> = DB
        .transaction(async |tx| {
            Author::create().name("kept").born(1).await?;
            let error = Author::bulk_create((2..=5).map(row)).await.unwrap_err();
            assert!(kept_out(&error, (2, 4)), "{error}");
            assert_eq!(Author::query().on(&tx).count().await?, 1);
            Ok(())
        })
        .await;
    kept.unwrap();
    // What is let in is stored, one row or many.
    let odd = Author::bulk_create([3, 5, 7].map(row)).await.unwrap();
    assert_eq!(odd.len(), 3);
    assert_eq!(
        Author::bulk_create([row(9)]).await.unwrap()[0].born,
        Some(9)
    );
    let error = row(10).await.unwrap_err();
    assert!(kept_out(&error, (0, 1)), "{error}");
    assert!(error.to_string().contains("the new row of authors"));
    // Who says what is done with rows that are there already takes what comes back, COPY counts.
    let rows = (11..=13).map(row);
    let some = Author::bulk_create(rows)
        .on_conflict(Author::NAME)
        .do_nothing();
    assert_eq!(some.await.unwrap().len(), 2);
    assert_eq!(Author::copy_in((14..=16).map(row)).await.unwrap(), 1);
    home.done().await;
}

#[tokio::test]
async fn array_columns_are_kept_out_all_together_too() {
    shelf!(home, "kept_out_arrays");
    let one = "CREATE FUNCTION one() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
            IF NEW.title = 't1' THEN RETURN NULL; END IF; RETURN NEW; END$$;
        CREATE TRIGGER one BEFORE INSERT ON books FOR EACH ROW EXECUTE FUNCTION one()";
    DB.script(one).await.unwrap();
    let author = Author::create().name("Ada").await.unwrap();
    let book = |n: i32| {
        let book = Book::create().title(format!("t{n}")).author_id(author.id);
        book.tags(vec!["a".into()])
    };
    let error = Book::bulk_create((0..3).map(book)).await.unwrap_err();
    assert!(kept_out(&error, (2, 3)), "{error}");
    assert_eq!(Book::query().count().await.unwrap(), 0);
    assert_eq!(Book::bulk_create([0, 2].map(book)).await.unwrap().len(), 2);
    home.done().await;
}

#[tokio::test]
async fn trigger_that_is_news_is_noticed_once() {
    static OWN: Gino = Gino::new();

    #[derive(Model, Debug)]
    #[gino(db = OWN, table = "readings")]
    struct Reading {
        born_in: i32,
    }

    shelf!(home, "kept_out_news");
    OWN.set_bind(home.engine.clone()).await.unwrap();
    let tables = "CREATE TABLE readings (born_in int) PARTITION BY RANGE (born_in);
        CREATE TABLE readings_1 PARTITION OF readings FOR VALUES FROM (0) TO (99)";
    OWN.script(tables).await.unwrap();
    let rows = || (1..=3).map(|n| Reading::create().born_in(n));
    assert_eq!(Reading::bulk_create(rows()).await.unwrap().len(), 3);
    OWN.script(&ODD.replace("authors", "readings_1"))
        .await
        .unwrap();
    for stored in [5, 5] {
        let error = Reading::bulk_create(rows()).await.unwrap_err();
        assert!(kept_out(&error, (2, 3)), "{error}");
        assert_eq!(Reading::query().count().await.unwrap(), stored);
    }
    // Another engine asks for itself.
    let other = home.other().await;
    OWN.set_bind(other.clone()).await.unwrap();
    assert!(Reading::bulk_create(rows()).await.is_err());
    assert_eq!(Reading::query().count().await.unwrap(), 5);
    other
        .close(std::time::Duration::from_secs(5))
        .await
        .unwrap();
    home.done().await;
}
