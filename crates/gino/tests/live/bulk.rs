//! Many rows at once: bulk creates, upserts, COPY, updates and deletions by condition.

use gino::error::{Leaf, RowError, UsageError};
use gino::prelude::*;

use crate::shelf::shelf;

#[tokio::test]
async fn many_rows_are_created_in_one_statement_and_order() {
    shelf!(home, "bulk_create");
    let names = (0..70_000).map(|n| Author::create().name(format!("n{n}")).born(n));
    let authors = Author::bulk_create(names).await.unwrap();
    assert_eq!(authors.len(), 70_000);
    assert!(
        (1..)
            .zip(&authors)
            .all(|(n, author)| author.id == n && author.born == Some(n - 1))
    );
    assert!(
        Author::bulk_create(Vec::<gino::Create<Author>>::new())
            .await
            .unwrap()
            .is_empty()
    );
    home.done().await;
}

#[tokio::test]
async fn rows_of_every_kind_of_column_are_created_together() {
    shelf!(home, "bulk_kinds");
    let author = Author::create().name("Ada").await.unwrap();
    let book = |n: i32| {
        let book = Book::create()
            .title(format!("t{n}"))
            .author_id(author.id)
            .edition(n);
        book.genre(if n % 2 == 0 {
            Genre::Essay
        } else {
            Genre::Novel
        })
        .tags(vec![n.to_string(); 2])
    };
    let books = Book::bulk_create((0..50).map(book)).await.unwrap();
    assert_eq!(books.len(), 50);
    let seven = &books[7];
    assert_eq!(
        (seven.title.as_str(), seven.edition, seven.genre),
        ("t7", 7, Genre::Novel)
    );
    assert_eq!(seven.tags, ["7", "7"]);
    let loans = [
        Loan::create().book_id(1).reader("a"),
        Loan::create().book_id(2).reader("b").days(3),
    ];
    let loans = Loan::bulk_create(loans).await.unwrap();
    assert_eq!(
        loans.iter().map(|loan| loan.days).collect::<Vec<_>>(),
        [14, 3]
    );
    home.done().await;
}

#[tokio::test]
async fn rows_that_differ_in_columns_or_have_expressions_are_created_too() {
    shelf!(home, "bulk_irregular");
    let rows = [
        Author::create().name("a"),
        Author::create().name("b").born(1),
        Author::create().name("c").born(gino::value(2_i32) + 3),
    ];
    let authors = Author::bulk_create(rows).await.unwrap();
    let born: Vec<_> = authors.iter().map(|author| author.born).collect();
    assert_eq!(born, [None, Some(1), Some(5)]);
    let duplicate = [Author::create().name("d"), Author::create().name("a")];
    let error = Author::bulk_create(duplicate).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some("23505"));
    assert_eq!(Author::query().count().await.unwrap(), 3);
    let error = Book::bulk_create([Book::create().title("x")])
        .await
        .unwrap_err();
    assert!(
        matches!(error.leaf(), Leaf::Usage(UsageError::MissingValue { .. })),
        "{error}"
    );
    home.done().await;
}

#[tokio::test]
async fn mixed_rows_beyond_the_limit_of_parameters_are_created_together() {
    shelf!(home, "bulk_mixed");
    // Three parameters in one place, and 40,000 rows of two columns.
    let row = |n: i32| match n % 3 {
        0 => Author::create().name(format!("n{n}")),
        1 => Author::create().name(format!("n{n}")).born(n),
        _ => Author::create()
            .name(format!("n{n}"))
            .born(gino::value(n) + 1 - 1),
    };
    let authors = Author::bulk_create((0..40_000).map(row)).await.unwrap();
    assert_eq!(authors.len(), 40_000);
    for (n, author) in (0..).zip(&authors) {
        assert_eq!((author.id, author.born), (n + 1, (n % 3 != 0).then_some(n)));
    }
    // The last of all is there already: none of the others stays.
    let error = Author::bulk_create((40_000..80_000).chain([5]).map(row))
        .await
        .unwrap_err();
    assert_eq!(error.sqlstate(), Some("23505"));
    assert_eq!(Author::query().count().await.unwrap(), 40_000);
    // In a transaction it is a savepoint: what was before stays.
    let kept: Result<(), gino::Error> = DB
        .transaction(async |tx| {
            Author::create().name("kept").await?;
            let rows = (40_000..80_000).chain([5]).map(row);
            let error = Author::bulk_create(rows).on(&tx).await.unwrap_err();
            assert_eq!(error.sqlstate(), Some("23505"));
            assert_eq!(Author::query().on(&tx).count().await?, 40_001);
            Ok(())
        })
        .await;
    kept.unwrap();
    let key = Author::NAME;
    let changed = Author::bulk_upsert(key, (20_000..60_000).map(row))
        .await
        .unwrap();
    assert_eq!((changed.len(), changed[0].id), (40_000, 20_001));
    assert_eq!(Author::query().count().await.unwrap(), 60_001);
    home.done().await;
}

#[tokio::test]
async fn many_rows_are_changed_by_key_each_to_its_own() {
    shelf!(home, "bulk_update");
    let rows = (0..1000).map(|n| Author::create().name(format!("n{n}")).born(n));
    let authors = Author::bulk_create(rows).await.unwrap();
    // Backwards, and in three kinds: one column, two, an expression.
    let change = |author: &Author| match author.id % 3 {
        0 => author.update().born(author.born.map(|born| born + 5000)),
        1 => author.update().name(format!("new{}", author.id)).born(None),
        _ => author.update().born(Author::BORN * 2),
    };
    let changed = Author::bulk_update(authors.iter().rev().map(change))
        .await
        .unwrap();
    assert_eq!(changed.len(), 1000);
    for (before, after) in authors.iter().rev().zip(&changed) {
        let born = before.born.unwrap();
        let expected = match before.id % 3 {
            0 => (before.name.clone(), Some(born + 5000)),
            1 => (format!("new{}", before.id), None),
            _ => (before.name.clone(), Some(born * 2)),
        };
        assert_eq!(
            (after.id, after.name.clone(), after.born),
            (before.id, expected.0, expected.1)
        );
    }
    assert_eq!(
        Author::get(authors[9].id).await.unwrap().as_ref(),
        Some(&changed[990])
    );
    let none = Author::bulk_update(Vec::<gino::Update<Author>>::new());
    assert!(none.await.unwrap().is_empty());
    home.done().await;
}

#[tokio::test]
async fn bulk_update_takes_every_kind_of_column_and_key() {
    shelf!(home, "bulk_update_kinds");
    let author = Author::create().name("Ada").await.unwrap();
    let book = |n: i32| Book::create().title(format!("t{n}")).author_id(author.id);
    let books = Book::bulk_create((0..40).map(book)).await.unwrap();
    let change = |book: &Book| match book.id % 4 {
        0 => book
            .update()
            .genre(Genre::Essay)
            .facts(Json(serde_json::json!({"edition": 9}))),
        1 => book.update().tags(vec![book.title.clone(); 2]),
        2 => book.update().edition(7),
        _ => book.update().blurb(Json(Blurb {
            text: book.title.clone(),
            stars: 3,
        })),
    };
    let books = Book::bulk_update(books.iter().map(change)).await.unwrap();
    for book in &books {
        let stars = book.blurb.as_ref().map(|blurb| blurb.stars);
        let seen = (book.genre, book.tags.len(), book.edition, stars);
        let expected = match book.id % 4 {
            0 => (Genre::Essay, 0, 9, None),
            1 => (Genre::Novel, 2, 1, None),
            2 => (Genre::Novel, 0, 7, None),
            _ => (Genre::Novel, 0, 1, Some(3)),
        };
        assert_eq!(seen, expected, "{}", book.title);
    }
    let loan = |n: i64| {
        Loan::create()
            .book_id(n / 2)
            .reader(if n % 2 == 0 { "a" } else { "b" })
    };
    let loans = Loan::bulk_create((0..10).map(loan)).await.unwrap();
    let longer = loans.iter().map(|loan| loan.update().days(loan.days + 1));
    let loans = Loan::bulk_update(longer).on(&DB).await.unwrap();
    assert!(
        (0..)
            .zip(&loans)
            .all(|(n, loan)| loan.days == 15 && loan.book_id == n / 2)
    );
    home.done().await;
}

#[tokio::test]
async fn bulk_update_changes_all_or_none() {
    shelf!(home, "bulk_update_none");
    let rows = (0..6).map(|n| Author::create().name(format!("n{n}")).born(n));
    let authors = Author::bulk_create(rows).await.unwrap();
    authors[4].delete().await.unwrap();
    let rows = || authors.iter().map(|author| author.update().born(99));
    let gone =
        |error: &gino::Error| matches!(error.leaf(), Leaf::Row(RowError::NoSuchRow("authors")));
    let error = Author::bulk_update(rows()).await.unwrap_err();
    assert!(gone(&error), "{error}");
    let kept: Result<(), gino::Error> = DB
        .transaction(async |tx| {
            Author::create().name("kept").await?;
            let error = Author::bulk_update(rows()).on(&tx).await.unwrap_err();
            assert!(gone(&error), "{error}");
            Ok(())
        })
        .await;
    kept.unwrap();
    let changed = Author::query().filter(Author::BORN.eq(99)).count();
    assert_eq!(
        (
            changed.await.unwrap(),
            Author::query().count().await.unwrap()
        ),
        (0, 6)
    );
    let twice = [authors[0].update().born(1), authors[0].update().name("x")];
    let error = Author::bulk_update(twice).await.unwrap_err();
    assert!(error.to_string().contains("have the same key"), "{error}");
    let late = Author::bulk_update(rows().take(2)).timeout(std::time::Duration::ZERO);
    assert_eq!(late.await.unwrap_err().kind(), gino::ErrorKind::Timeout);
    home.done().await;
}

#[tokio::test]
async fn upsert_creates_or_changes_by_key() {
    shelf!(home, "bulk_upsert");
    Author::create().name("a").born(1).await.unwrap();
    let rows = || [("a", 10), ("b", 20)].map(|(name, born)| Author::create().name(name).born(born));
    let authors = Author::bulk_upsert(Author::NAME, rows()).await.unwrap();
    let seen: Vec<_> = authors.iter().map(|a| (a.id, a.born.unwrap())).collect();
    assert_eq!((seen[0], seen[1].1), ((1, 10), 20));
    let irregular = [
        Author::create().name("a"),
        Author::create().name("c").born(3),
    ];
    Author::bulk_upsert(Author::NAME, irregular).await.unwrap();
    assert_eq!(Author::query().count().await.unwrap(), 3);
    let loan = |days: i16| [Loan::create().book_id(1).reader("x").days(days)];
    let key = (Loan::BOOK_ID, Loan::READER);
    Loan::bulk_upsert(key, loan(1)).await.unwrap();
    let again = Loan::bulk_upsert(key, loan(9)).await.unwrap();
    assert_eq!(again[0].days, 9);
    home.done().await;
}

#[tokio::test]
async fn copy_stores_all_or_nothing() {
    shelf!(home, "bulk_copy");
    let author = Author::create().name("Ada").await.unwrap();
    let book = |n: i32| {
        Book::create()
            .title(format!("t{n}"))
            .author_id(author.id)
            .tags(vec!["x".into()])
    };
    assert_eq!(Book::copy_in((0..5000).map(book)).await.unwrap(), 5000);
    let last = Book::query()
        .order_by(Book::ID.desc())
        .first()
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (last.title.as_str(), last.genre, last.edition),
        ("t4999", Genre::Novel, 1)
    );
    let error = Book::copy_in((4999..6000).map(book)).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some("23505"));
    assert_eq!(Book::query().count().await.unwrap(), 5000);
    let undone: Result<(), gino::Error> = DB
        .transaction(async |tx| {
            assert_eq!(Book::copy_in((6000..6010).map(book)).await?, 10);
            tx.raise_rollback()?;
            Ok(())
        })
        .await;
    undone.unwrap();
    assert_eq!(Book::query().count().await.unwrap(), 5000);
    home.done().await;
}

#[tokio::test]
async fn copied_rows_are_made_as_they_are_sent() {
    use std::sync::atomic::{AtomicUsize, Ordering};

    shelf!(home, "bulk_copy_lazy");
    let made = AtomicUsize::new(0);
    let row = |n: i32| {
        made.fetch_add(1, Ordering::Relaxed);
        Author::create().name(format!("n{n}")).born(n)
    };
    // The 10,000th is wrong: those after it are never made, and none is stored.
    let wrong = |n: i32| match n {
        10_000 => Author::create().name("other"),
        n => row(n),
    };
    let error = Author::copy_in((0..1_000_000).map(wrong))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("use bulk_create"), "{error}");
    assert_eq!(made.swap(0, Ordering::Relaxed), 10_000);
    let missing = (0..1_000_000).map(|n| match n {
        500 => Author::create().born(n),
        n => row(n),
    });
    let error = Author::copy_in(missing).await.unwrap_err();
    assert!(
        matches!(error.leaf(), Leaf::Usage(UsageError::MissingValue { .. })),
        "{error}"
    );
    assert_eq!(made.swap(0, Ordering::Relaxed), 500);
    // What the server refuses on its way ends it, too.
    let error = Author::copy_in((0..).map(|n: i32| row(n % 50_000)))
        .await
        .unwrap_err();
    assert_eq!(error.sqlstate(), Some("23505"));
    assert_eq!(Author::query().count().await.unwrap(), 0);
    assert_eq!(Author::copy_in((0..100).map(row)).await.unwrap(), 100);
    assert_eq!(
        Author::copy_in(Vec::<gino::Create<Author>>::new())
            .await
            .unwrap(),
        0
    );
    home.done().await;
}

#[tokio::test]
async fn all_rows_of_a_filter_are_changed_or_deleted() {
    shelf!(home, "bulk_change");
    let authors = (1..=10).map(|n| Author::create().name(format!("n{n}")).born(n));
    Author::bulk_create(authors).await.unwrap();
    let status = Author::update_all()
        .born(Author::BORN * 10)
        .filter(Author::BORN.gt(8))
        .await;
    assert_eq!(status.unwrap().tag(), "UPDATE 2");
    let changed = Author::update_all()
        .name(Author::NAME.concat("!"))
        .filter(Author::ID.in_([1, 2]))
        .returning((Author::ID, Author::NAME))
        .await;
    let mut changed = changed.unwrap();
    changed.sort();
    assert_eq!(changed, [(1, "n1!".to_owned()), (2, "n2!".to_owned())]);
    let error = Author::update_all().await.unwrap_err();
    assert!(
        error.to_string().contains("has to set something"),
        "{error}"
    );
    let gone = Author::delete_all()
        .filter(Author::BORN.lt(5))
        .returning(Author::whole())
        .await;
    assert_eq!(gone.unwrap().len(), 4);
    assert_eq!(Author::delete_all().await.unwrap().rows_affected(), 6);
    home.done().await;
}

#[tokio::test]
async fn row_is_there_already_or_created_once() {
    shelf!(home, "bulk_get_or_create");
    let (ada, created) = Author::get_or_create(Author::NAME, Author::create().name("Ada").born(1))
        .await
        .unwrap();
    assert!(created);
    let again = Author::get_or_create(Author::NAME, Author::create().name("Ada").born(2)).await;
    assert_eq!(again.unwrap(), (ada, false));
    let tasks = (0..20).map(|_| {
        tokio::spawn(async {
            Author::get_or_create(Author::NAME, Author::create().name("Bob")).await
        })
    });
    let mut creations = 0;
    for task in tasks.collect::<Vec<_>>() {
        creations += usize::from(task.await.unwrap().unwrap().1);
    }
    assert_eq!(creations, 1);
    let error = Author::get_or_create(Author::BORN, Author::create().name("x"))
        .await
        .unwrap_err();
    assert!(
        matches!(error.leaf(), Leaf::Usage(UsageError::MissingValue { .. })),
        "{error}"
    );
    home.done().await;
}

#[tokio::test]
async fn conflict_is_left_alone_or_changes_what_is_there() {
    shelf!(home, "bulk_conflict");
    Author::create().name("a").born(1).await.unwrap();
    let rows = || [("a", 10), ("b", 20)].map(|(name, born)| Author::create().name(name).born(born));
    let create = || Author::bulk_create(rows()).on_conflict(Author::NAME);
    let seen = |authors: Vec<Author>| -> Vec<(String, Option<i32>)> {
        let mut all: Vec<_> = authors.into_iter().map(|a| (a.name, a.born)).collect();
        all.sort();
        all
    };
    let is = |name: &str, born: i32| (name.to_owned(), Some(born));
    assert_eq!(seen(create().do_nothing().await.unwrap()), [is("b", 20)]);
    assert!(create().do_nothing().await.unwrap().is_empty());
    let changed = create().do_update_of(Author::BORN).await.unwrap();
    assert_eq!(seen(changed), [is("a", 10), is("b", 20)]);
    let sum = || Author::update_all().born(Author::BORN + gino::excluded(Author::BORN));
    let changed = create().do_update_with(sum()).await.unwrap();
    assert_eq!(seen(changed), [is("a", 20), is("b", 40)]);
    // Those that the filter leaves out are not changed, and do not come back.
    let some = sum().filter(Author::BORN.gt(30));
    let changed = create().do_update_with(some).await.unwrap();
    assert_eq!(seen(changed), [is("b", 60)]);
    let changed = Author::bulk_upsert(Author::NAME, rows()).await.unwrap();
    assert_eq!(seen(changed), [is("a", 10), is("b", 20)]);
    // Rows that differ, with each of the words.
    let mixed = || {
        let rows = [
            Author::create().name("a"),
            Author::create().name("c").born(5),
        ];
        Author::bulk_create(rows).on_conflict(Author::NAME)
    };
    assert_eq!(seen(mixed().do_nothing().await.unwrap()), [is("c", 5)]);
    let changed = mixed().do_update().await.unwrap();
    assert_eq!(seen(changed), [("a".to_owned(), None), is("c", 5)]);
    assert_eq!(Author::query().count().await.unwrap(), 3);
    let error = Author::bulk_create(rows())
        .on_conflict(Author::BORN)
        .do_nothing()
        .await;
    assert_eq!(error.unwrap_err().sqlstate(), Some("42P10"));
    home.done().await;
}
