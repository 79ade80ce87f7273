//! Rows one by one: create, get, update, delete, and where they run.

use std::time::{Duration, SystemTime};

use gino::error::{Leaf, RowError, UsageError};
use gino::prelude::*;

use crate::shelf::shelf;

#[tokio::test]
async fn created_row_has_defaults_of_model_and_server() {
    shelf!(home, "crud_create");
    let author = Author::create().name("Ada").await.unwrap();
    assert_eq!(
        (author.id, author.name.as_str(), author.born),
        (1, "Ada", None)
    );
    let before = SystemTime::now() - Duration::from_secs(60);
    let book = Book::create()
        .title("Notes")
        .author_id(author.id)
        .await
        .unwrap();
    assert_eq!(
        (book.genre, book.tags.len(), book.blurb.is_none()),
        (Genre::Novel, 0, true)
    );
    assert_eq!((book.edition, book.isbn.as_deref()), (1, None));
    assert!(book.stamps.added > before && book.stamps.source == "import");
    // The default of a property is stored too.
    let stored: Option<i32> = DB
        .scalar("SELECT (facts->>'edition')::int4 FROM books", &[])
        .await
        .unwrap();
    assert_eq!(stored, Some(1));
    home.done().await;
}

#[tokio::test]
async fn every_kind_of_field_is_written_and_read() {
    shelf!(home, "crud_kinds");
    let author = Author::create()
        .name("Ada")
        .born(1815)
        .mentor_id(None)
        .await
        .unwrap();
    assert_eq!(author.born, Some(1815));
    let blurb = Blurb {
        text: "a \"must\"".into(),
        stars: 5,
    };
    let stamps = Stamps {
        added: SystemTime::UNIX_EPOCH,
        source: "hand".into(),
    };
    let book = Book::create()
        .title("Notes")
        .author_id(author.id)
        .genre(Genre::Essay)
        .tags(vec!["a".to_owned(), "b,\"c".to_owned()])
        .blurb(Json(blurb.clone()))
        .facts(serde_json::json!({"pages": 12}))
        .edition(3)
        .isbn("12-34".to_owned())
        .stamps(stamps.clone())
        .await
        .unwrap();
    assert_eq!(
        (book.genre, book.tags.as_slice()),
        (Genre::Essay, &["a".into(), "b,\"c".into()][..])
    );
    assert_eq!(
        (book.blurb.as_deref(), &book.stamps),
        (Some(&blurb), &stamps)
    );
    assert_eq!((book.edition, book.isbn.as_deref()), (3, Some("12-34")));
    assert_eq!(book.facts["pages"], 12);
    let again = Book::get(book.id).await.unwrap().unwrap();
    assert_eq!(again, book);
    home.done().await;
}

#[tokio::test]
async fn missing_value_is_said_before_anything_is_sent() {
    shelf!(home, "crud_missing");
    let error = Book::create().title("Notes").await.unwrap_err();
    let Leaf::Usage(UsageError::MissingValue { table, field }) = error.leaf() else {
        panic!("{error}");
    };
    assert_eq!((*table, *field), ("books", "author_id"));
    assert_eq!(
        error.to_string(),
        "a row of books needs a value for author_id: give it with `.author_id(…)`, or give the \
         field a default"
    );
    home.done().await;
}

#[tokio::test]
async fn update_sends_what_was_set_and_gives_the_row_as_it_is_then() {
    shelf!(home, "crud_update");
    let author = Author::create().name("Ada").born(1815).await.unwrap();
    let changed = author
        .update()
        .name("Countess")
        .born(Author::BORN + 1)
        .apply()
        .await
        .unwrap();
    assert_eq!(
        (changed.id, changed.name.as_str(), changed.born),
        (1, "Countess", Some(1816))
    );
    assert_eq!(author.name, "Ada");
    let nothing = author.update().apply().await.unwrap();
    assert_eq!(nothing, changed);
    let unborn = author.update().born(None).apply().await.unwrap();
    assert_eq!(unborn.born, None);
    // The key is that of the instance, so it can be changed.
    let moved = unborn.update().set(Author::ID, 7).apply().await.unwrap();
    assert_eq!(moved.id, 7);
    let error = unborn.update().name("x").apply().await.unwrap_err();
    assert!(
        matches!(error.leaf(), Leaf::Row(RowError::NoSuchRow("authors"))),
        "{error}"
    );
    home.done().await;
}

#[tokio::test]
async fn update_in_place_keeps_what_loaders_put_there() {
    shelf!(home, "crud_renew");
    let mut author = Author::create().name("Ada").await.unwrap();
    let book = Book::create()
        .title("Notes")
        .author_id(author.id)
        .await
        .unwrap();
    Author::BOOKS.attach(&mut author, book);
    author
        .update()
        .name("Countess")
        .apply_to(&mut author)
        .await
        .unwrap();
    assert_eq!((author.name.as_str(), author.books.len()), ("Countess", 1));
    home.done().await;
}

#[tokio::test]
async fn properties_change_without_touching_the_rest_of_their_column() {
    shelf!(home, "crud_properties");
    let author = Author::create().name("Ada").await.unwrap();
    let book = Book::create().title("Notes").author_id(author.id);
    let book = book
        .facts(serde_json::json!({"pages": 12}))
        .edition(2)
        .await
        .unwrap();
    let book = book
        .update()
        .edition(Book::EDITION + 1)
        .isbn("1".to_owned())
        .apply()
        .await
        .unwrap();
    assert_eq!((book.edition, book.isbn.as_deref()), (3, Some("1")));
    assert_eq!(book.facts["pages"], 12);
    let book = book.update().isbn(None).title("New").apply().await.unwrap();
    assert_eq!(
        (book.edition, book.isbn.as_deref(), book.title.as_str()),
        (3, None, "New")
    );
    home.done().await;
}

#[tokio::test]
async fn composite_key_finds_changes_and_deletes() {
    shelf!(home, "crud_composite");
    let loan = Loan::create().book_id(1).reader("bob").await.unwrap();
    assert_eq!((loan.days, loan.key()), (14, (1, "bob".to_owned())));
    let longer = loan.update().days(Loan::DAYS * 2).apply().await.unwrap();
    assert_eq!(longer.days, 28);
    assert_eq!(
        Loan::get((1, "bob".to_owned())).await.unwrap(),
        Some(longer.clone())
    );
    assert_eq!(Loan::get((1, "eve".to_owned())).await.unwrap(), None);
    assert!(longer.delete().await.unwrap());
    assert!(!longer.delete().await.unwrap());
    home.done().await;
}

#[tokio::test]
async fn statements_run_in_the_current_transaction_or_where_on_says() {
    shelf!(home, "crud_on");
    let outcome: Result<(), gino::Error> = DB
        .transaction(async |tx| {
            Author::create().name("Ada").await?;
            assert_eq!(Author::query().count().await?, 1);
            // On another connection nothing is to be seen yet.
            let other = home.engine.acquire().reusable(false).await?;
            assert_eq!(Author::query().on(&other).count().await?, 0);
            Author::create()
                .name("Bob")
                .on(&tx)
                .timeout(Duration::from_secs(5))
                .await?;
            assert!(Author::get(2).on(&tx).await?.is_some());
            assert!(Author::get(2).on(&other).await?.is_none());
            tx.raise_rollback()?;
            Ok(())
        })
        .await;
    outcome.unwrap();
    assert_eq!(Author::query().count().await.unwrap(), 0);
    DB.pop_bind().unwrap();
    let error = Author::get(1).await.unwrap_err();
    assert!(
        matches!(error.leaf(), Leaf::Usage(UsageError::Uninitialized)),
        "{error}"
    );
    assert!(Author::get(1).on(&home.engine).await.unwrap().is_none());
    home.done().await;
}

#[tokio::test]
async fn futures_of_models_are_send_and_run_on_tasks() {
    shelf!(home, "crud_send");
    let created = tokio::spawn(async { Author::create().name("Ada").await });
    let author = created.await.unwrap().unwrap();
    let changed = tokio::spawn(async move { author.update().name("Eve").apply().await });
    assert_eq!(changed.await.unwrap().unwrap().name, "Eve");
    let all = tokio::spawn(Author::query().filter(Author::NAME.eq("Eve")).all());
    assert_eq!(all.await.unwrap().unwrap().len(), 1);
    home.done().await;
}

#[tokio::test]
async fn row_is_locked_as_it_is_read() {
    shelf!(home, "crud_locks");
    let ada = Author::create().name("Ada").await.unwrap();
    let held: Result<(), gino::Error> = DB
        .transaction(async |_| {
            let mine = Author::get(ada.id).for_update().await?;
            assert_eq!(mine.as_ref(), Some(&ada));
            // Others, on a connection of their own.
            let other = DB.acquire().reusable(false).await?;
            assert_eq!(Author::get(ada.id).on(&other).await?, mine);
            let skipped = Author::get(ada.id).skip_locked().on(&other);
            assert_eq!(skipped.await?, None);
            let refused = Author::get(ada.id).for_share().nowait().on(&other);
            assert_eq!(refused.await.unwrap_err().sqlstate(), Some("55P03"));
            Ok(())
        })
        .await;
    held.unwrap();
    // A shared lock is shared.
    let held: Result<(), gino::Error> = DB
        .transaction(async |_| {
            Author::get(ada.id).for_share().await?;
            let other = DB.acquire().reusable(false).await?;
            let shared = Author::get(ada.id).for_share().skip_locked().on(&other);
            assert!(shared.await?.is_some());
            Ok(())
        })
        .await;
    held.unwrap();
    home.done().await;
}
