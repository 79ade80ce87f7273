//! Queries: filters, joins, groups, windows, common table expressions, pages, cursors.

use std::cmp::Reverse;

use gino::error::{Leaf, RowError};
use gino::model::{Load, Record};
use gino::prelude::*;
use gino::sea_query::{PostgresQueryBuilder, SelectStatement};
use gino::{Selection, func, optional};

use crate::shelf::shelf;

/// Three authors, the first of whom is the mentor of the others, with 2, 1 and 0 books.
macro_rules! filled {
    () => {{
        let ada = Author::create().name("Ada").born(1815).await.unwrap();
        let bob = Author::create()
            .name("Bob")
            .mentor_id(ada.id)
            .await
            .unwrap();
        let cyd = Author::create()
            .name("Cyd")
            .born(1900)
            .mentor_id(ada.id)
            .await
            .unwrap();
        for (title, author, edition) in [("A1", &ada, 1), ("A2", &ada, 2), ("B1", &bob, 5)] {
            let book = Book::create()
                .title(title)
                .author_id(author.id)
                .edition(edition);
            book.genre(if edition == 2 {
                Genre::Essay
            } else {
                Genre::Novel
            })
            .await
            .unwrap();
        }
        (ada, bob, cyd)
    }};
}

#[tokio::test]
async fn filters_and_orders_decide_which_rows_come() {
    shelf!(home, "select_filter");
    let (ada, bob, cyd) = filled!();
    let names = |authors: Vec<Author>| authors.into_iter().map(|a| a.name).collect::<String>();
    let query = || Author::query().order_by(Author::ID);
    assert_eq!(
        names(query().filter(Author::BORN.gt(1815)).all().await.unwrap()),
        "Cyd"
    );
    assert_eq!(
        names(query().filter(Author::BORN.is_null()).all().await.unwrap()),
        "Bob"
    );
    assert_eq!(
        names(query().filter(Author::ID.in_([1, 3])).all().await.unwrap()),
        "AdaCyd"
    );
    assert_eq!(
        names(query().filter(Author::ID.in_([0; 0])).all().await.unwrap()),
        ""
    );
    assert_eq!(
        names(
            query()
                .filter(Author::ID.not_in([1, 3]))
                .all()
                .await
                .unwrap()
        ),
        "Bob"
    );
    assert_eq!(
        names(
            query()
                .filter(Author::NAME.ilike("%D%"))
                .all()
                .await
                .unwrap()
        ),
        "AdaCyd"
    );
    assert_eq!(
        names(
            query()
                .filter(Author::BORN.between(1800, 1815))
                .all()
                .await
                .unwrap()
        ),
        "Ada"
    );
    let either =
        Author::NAME.eq("Ada").or(Author::MENTOR_ID.eq(ada.id)) & Author::BORN.is_not_null();
    assert_eq!(names(query().filter(either).all().await.unwrap()), "AdaCyd");
    assert_eq!(
        names(query().filter(!Author::NAME.eq("Ada")).all().await.unwrap()),
        "BobCyd"
    );
    let last = Author::query()
        .order_by(Author::BORN.desc().nulls_last())
        .limit(2)
        .all()
        .await;
    assert_eq!(names(last.unwrap()), "CydAda");
    assert_eq!(
        names(query().offset(1).limit(1).all().await.unwrap()),
        "Bob"
    );
    let essay = Book::query()
        .filter(Book::GENRE.eq(Genre::Essay))
        .one()
        .await
        .unwrap();
    assert_eq!(essay.title, "A2");
    let both = Book::GENRE.in_([Genre::Essay, Genre::Novel]);
    assert_eq!(Book::query().filter(both).count().await.unwrap(), 3);
    let old = Book::query()
        .filter(Book::EDITION.ge(2))
        .order_by(Book::EDITION.desc())
        .all()
        .await;
    assert_eq!(
        old.unwrap().iter().map(|b| b.edition).collect::<Vec<_>>(),
        [5, 2]
    );
    assert_eq!((bob.mentor_id, cyd.mentor_id), (Some(1), Some(1)));
    home.done().await;
}

#[tokio::test]
async fn words_say_how_many_rows_are_expected() {
    shelf!(home, "select_words");
    filled!();
    let named = |name: &str| Author::query().filter(Author::NAME.eq(name));
    assert_eq!(named("Ada").one().await.unwrap().id, 1);
    let none = named("Zoe").one().await.unwrap_err();
    assert!(
        matches!(none.leaf(), Leaf::Row(RowError::NoneFound)),
        "{none}"
    );
    assert_eq!(named("Zoe").one_or_none().await.unwrap(), None);
    let several = Author::query().one_or_none().await.unwrap_err();
    assert!(
        matches!(several.leaf(), Leaf::Row(RowError::SeveralFound)),
        "{several}"
    );
    assert_eq!(
        Author::query()
            .order_by(Author::ID)
            .first()
            .await
            .unwrap()
            .unwrap()
            .name,
        "Ada"
    );
    let born = |name: &str| {
        Author::select(Author::BORN)
            .filter(Author::NAME.eq(name))
            .scalar()
    };
    assert_eq!(born("Ada").await.unwrap(), Some(1815));
    assert_eq!(born("Bob").await.unwrap(), None);
    assert_eq!(born("Zoe").await.unwrap(), None);
    assert!(named("Ada").exists().await.unwrap() && !named("Zoe").exists().await.unwrap());
    assert_eq!(
        Author::query()
            .order_by(Author::ID)
            .limit(2)
            .count()
            .await
            .unwrap(),
        2
    );
    assert_eq!(Author::query().status().await.unwrap().tag(), "SELECT 3");
    home.done().await;
}

#[tokio::test]
async fn joins_aliases_and_groups_give_typed_tuples() {
    shelf!(home, "select_join");
    filled!();
    let pairs = Book::select((Book::TITLE, Author::NAME))
        .join(Author::TABLE, Author::ID.eq(Book::AUTHOR_ID))
        .order_by(Book::TITLE)
        .all();
    let pairs = pairs.await.unwrap();
    assert_eq!(pairs[2], ("B1".to_owned(), "Bob".to_owned()));
    let counts = Author::select((Author::NAME, func::count_of(Book::ID)))
        .left_join(Book::TABLE, Book::AUTHOR_ID.eq(Author::ID))
        .group_by(Author::ID)
        .order_by((func::count_of(Book::ID).desc(), Author::NAME))
        .all();
    let expected = [("Ada", 2), ("Bob", 1), ("Cyd", 0)].map(|(n, c)| (n.to_owned(), c));
    assert_eq!(counts.await.unwrap(), expected);
    let busy = Author::select(Author::NAME)
        .join(Book::TABLE, Book::AUTHOR_ID.eq(Author::ID))
        .group_by(Author::ID)
        .having(func::count().gt(1));
    assert_eq!(busy.all().await.unwrap(), ["Ada"]);
    // The table with itself.
    let mentor = Author::alias("mentor");
    let couples = Author::select((Author::NAME, optional(mentor.whole())))
        .left_join(&mentor, mentor.col(Author::ID).eq(Author::MENTOR_ID))
        .order_by(Author::NAME)
        .all();
    let couples = couples.await.unwrap();
    let names = couples
        .iter()
        .map(|(name, mentor)| (name.as_str(), mentor.as_ref().map(|m| m.id)));
    assert_eq!(
        names.collect::<Vec<_>>(),
        [("Ada", None), ("Bob", Some(1)), ("Cyd", Some(1))]
    );
    let edition = mentor.col(Author::BORN).nullable();
    let born = Author::select(edition)
        .left_join(&mentor, mentor.col(Author::ID).eq(Author::MENTOR_ID))
        .filter(Author::NAME.eq("Bob"));
    assert_eq!(born.scalar().await.unwrap(), Some(1815));
    home.done().await;
}

#[tokio::test]
async fn sub_queries_common_table_expressions_and_unions_compose() {
    shelf!(home, "select_compose");
    filled!();
    let writers = Book::select(Book::AUTHOR_ID).filter(Book::EDITION.gt(1));
    let names = Author::select(Author::NAME).filter(Author::ID.in_query(writers));
    assert_eq!(
        names.order_by(Author::NAME).all().await.unwrap(),
        ["Ada", "Bob"]
    );
    let theirs = Book::query().filter(Book::AUTHOR_ID.eq(Author::ID));
    let idle = Author::select(Author::NAME).filter(gino::not(gino::exists(theirs)));
    assert_eq!(idle.all().await.unwrap(), ["Cyd"]);
    let newest = Book::select(func::max(Book::EDITION)).filter(Book::AUTHOR_ID.eq(Author::ID));
    let rows = Author::select((Author::NAME, newest.as_expr().coalesce(0))).order_by(Author::ID);
    let rows = rows.all().await.unwrap();
    assert_eq!(
        rows.iter().map(|(_, edition)| *edition).collect::<Vec<_>>(),
        [2, 5, 0]
    );

    let count =
        Book::select((Book::AUTHOR_ID, func::count().label("books"))).group_by(Book::AUTHOR_ID);
    let counted = count.clone().cte("counted");
    let most = Author::select((Author::NAME, counted.named::<i64>("books")))
        .with(&counted)
        .join(&counted, counted.col(Book::AUTHOR_ID).eq(Author::ID))
        .order_by(Author::NAME);
    let expected = [("Ada".to_owned(), 2), ("Bob".to_owned(), 1)];
    assert_eq!(most.clone().all().await.unwrap(), expected);
    assert_eq!(most.count().await.unwrap(), 2);
    let counted = count.subquery("counted");
    let total = Book::select(func::sum(counted.named::<i64>("books"))).select_from(&counted);
    assert_eq!(total.scalar().await.unwrap(), Some(3));

    let ones = Author::select(Author::NAME).filter(Author::ID.eq(1));
    let both = ones
        .clone()
        .union(Author::select(Author::NAME).filter(Author::ID.le(2)));
    assert_eq!(both.all().await.unwrap().len(), 2);
    let twice = ones.clone().union_all(ones.clone());
    assert_eq!(twice.all().await.unwrap(), ["Ada", "Ada"]);
    assert!(ones.clone().except(ones).all().await.unwrap().is_empty());
    home.done().await;
}

#[tokio::test]
async fn windows_and_aggregates_count_over_rows() {
    shelf!(home, "select_window");
    filled!();
    let place = func::row_number().over(
        func::window()
            .partition_by(Book::AUTHOR_ID)
            .order_by(Book::ID.desc()),
    );
    let rows = Book::select((Book::TITLE, place))
        .order_by(Book::ID)
        .all()
        .await
        .unwrap();
    let expected = [("A1", 2), ("A2", 1), ("B1", 1)].map(|(t, n)| (t.to_owned(), n));
    assert_eq!(rows, expected);
    let novels = func::count().filter(Book::GENRE.eq(Genre::Novel));
    let all = Book::select((
        novels,
        func::avg(Book::ID),
        func::string_agg(Book::TITLE, "+"),
    ));
    assert_eq!(
        all.one().await.unwrap(),
        (2, Some(2.0), Some("A1+A2+B1".to_owned()))
    );
    let first = Book::query()
        .distinct_on(Book::AUTHOR_ID)
        .order_by((Book::AUTHOR_ID, Book::ID.desc()));
    let titles = first
        .all()
        .await
        .unwrap()
        .into_iter()
        .map(|book| book.title);
    assert_eq!(titles.collect::<Vec<_>>(), ["A2", "B1"]);
    home.done().await;
}

#[tokio::test]
async fn pages_go_on_after_the_last_key() {
    shelf!(home, "select_page");
    for (name, born) in [("a", 3), ("b", 1), ("c", 3), ("d", 2), ("e", 1)] {
        Author::create().name(name).born(born).await.unwrap();
    }
    let first = Author::select(Author::NAME)
        .page(Author::ID, None, 3)
        .await
        .unwrap();
    assert_eq!(
        (first.items.concat(), first.next),
        ("abc".to_owned(), Some(3))
    );
    let rest = Author::select(Author::NAME)
        .page(Author::ID, first.next, 3)
        .await
        .unwrap();
    assert_eq!((rest.items.concat(), rest.next), ("de".to_owned(), None));
    // Mixed directions, and an expression without NULL.
    let key = || (Reverse(Author::BORN.coalesce(0)), Author::NAME);
    let (mut after, mut seen) = (None, String::new());
    loop {
        let page = Author::select(Author::NAME)
            .page(key(), after, 2)
            .await
            .unwrap();
        seen += &page.items.concat();
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, "acdbe");
    home.done().await;
}

#[tokio::test]
async fn cursor_gives_instances_in_portions() {
    shelf!(home, "select_iterate");
    Author::bulk_create((0..120).map(|n| Author::create().name(format!("n{n}"))))
        .await
        .unwrap();
    let query = || Author::query().order_by(Author::ID);
    let outside = match query().iterate().await {
        Ok(mut rows) => rows.next().await.unwrap_err(),
        Err(error) => error,
    };
    assert!(outside.to_string().contains("transaction"), "{outside}");
    DB.transaction(async |_| {
        let mut rows = query().iterate().await?;
        let mut ids = Vec::new();
        for _ in 0..60 {
            ids.push(rows.next().await?.unwrap().id);
        }
        ids.extend(rows.many(55).await?.into_iter().map(|author| author.id));
        while let Some(author) = rows.next().await? {
            ids.push(author.id);
        }
        assert_eq!(ids, (1..=120).collect::<Vec<_>>());
        assert!(rows.many(5).await?.is_empty());
        Ok::<_, gino::Error>(())
    })
    .await
    .unwrap();
    home.done().await;
}

#[tokio::test]
async fn cursor_is_a_stream_of_whatever_a_query_loads() {
    use futures_util::{StreamExt, TryStreamExt};

    shelf!(home, "select_stream");
    let rows = (0..300).map(|n| Author::create().name(format!("n{n}")).born(n));
    Author::bulk_create(rows).await.unwrap();
    let query = || Author::query().order_by(Author::ID);
    let run = DB.transaction(async |tx| {
        let authors = query().iterate().await?.prefetch(7);
        let born = authors.try_fold(
            0,
            |sum, author| async move { Ok(sum + author.born.unwrap()) },
        );
        assert_eq!(born.await?, 299 * 300 / 2);
        let pairs = Author::select((Author::ID, Author::NAME)).order_by(Author::ID.desc());
        let pairs = pairs.on(&tx).iterate().await?;
        let first: Vec<(i32, String)> = pairs.take(3).try_collect().await?;
        assert_eq!(first[2], (298, "n297".to_owned()));
        // With a parameter, skipped and closed.
        let mut late = query().filter(Author::ID.gt(100)).iterate().await?;
        assert_eq!(late.next().await?.unwrap().id, 101);
        assert_eq!(late.advance(60).await?, 60);
        assert_eq!(late.many(2).await?[1].id, 163);
        late.close().await?;
        Ok::<_, gino::Error>(())
    });
    run.await.unwrap();
    // A value that does not fit ends the stream with its error.
    let run = DB.transaction(async |_| {
        let odd = gino::sql::<i32>("CASE WHEN id < 5 THEN id END", [] as [gino::Expr<i32>; 0]);
        let odd = Author::select(odd).order_by(Author::ID).iterate().await?;
        let seen: Vec<_> = odd.map(|id| id.is_ok()).collect().await;
        assert_eq!(seen, [false]);
        Ok::<_, gino::Error>(())
    });
    run.await.unwrap();
    home.done().await;
}

#[tokio::test]
async fn locked_rows_are_skipped_or_refused() {
    shelf!(home, "select_lock");
    filled!();
    let queue = || Author::query().order_by(Author::ID).limit(1);
    DB.transaction(async |tx| {
        assert_eq!(queue().for_update().on(&tx).one().await?.name, "Ada");
        let other = home.engine.acquire().reusable(false).await?;
        let next = queue().for_update().skip_locked().on(&other).one().await?;
        assert_eq!(next.name, "Bob");
        let refused = queue().nowait().on(&other).one().await.unwrap_err();
        assert_eq!(refused.sqlstate(), Some("55P03"));
        Ok::<_, gino::Error>(())
    })
    .await
    .unwrap();
    home.done().await;
}

#[tokio::test]
async fn sea_query_statements_run_with_the_same_words() {
    use gino::sea_query::{Expr, ExprTrait, Query};

    shelf!(home, "select_sea");
    filled!();
    let sql = || {
        Query::select()
            .column("name")
            .from("authors")
            .and_where(Expr::col("id").eq(2))
            .to_owned()
    };
    let row = gino::sea(sql()).on(&DB).one().await.unwrap();
    assert_eq!(row.get::<&str>("name"), "Bob");
    let name: Option<String> = gino::sea(sql()).on(&home.engine).scalar().await.unwrap();
    assert_eq!(name.as_deref(), Some("Bob"));
    let error = gino::sea(sql()).all().await.unwrap_err();
    assert!(error.to_string().contains("not initialized"), "{error}");
    // A typed expression inside a sea-query statement, and the other way round.
    let typed = Query::select()
        .column("name")
        .from("authors")
        .and_where(Author::BORN.gt(1850).into_sea())
        .to_owned();
    assert_eq!(
        gino::sea(typed)
            .on(&DB)
            .scalar::<String>()
            .await
            .unwrap()
            .as_deref(),
        Some("Cyd")
    );
    let changed = Author::query().sea(|statement| {
        statement.and_where(Expr::col("name").eq("Ada"));
    });
    assert_eq!(changed.one().await.unwrap().id, 1);
    let insert = Query::insert()
        .into_table("authors")
        .columns(["name"])
        .values_panic(["Dot".into()])
        .to_owned();
    assert_eq!(
        gino::sea(insert).on(&DB).status().await.unwrap().tag(),
        "INSERT 0 1"
    );
    let whole = Query::select()
        .expr(Expr::cust("authors.*"))
        .from("authors")
        .and_where(Expr::col("name").eq("Dot"))
        .to_owned();
    assert_eq!(
        gino::sea(whole)
            .on(&DB)
            .load(Author::whole())
            .await
            .unwrap()[0]
            .name,
        "Dot"
    );
    home.done().await;
}

static NOWHERE: Gino = Gino::new();

#[derive(Model)]
#[gino(db = NOWHERE, table = "people")]
struct Person {
    #[gino(primary_key)]
    id: i32,
    name: String,
    born: Option<i32>,
}

/// Names of those who were born, by a condition of its own.
struct Born;

#[derive(Default)]
struct Names(Vec<String>);

impl Load for Names {
    type Output = String;

    fn row(&mut self, record: &Record<'_>) -> gino::Result<()> {
        self.0.push(record.get(0)?);
        Ok(())
    }

    fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.0)
    }
}

impl Selection for Born {
    type Output = String;
    type Load = Names;

    fn select(&self, statement: &mut SelectStatement) {
        statement.expr(Person::NAME.into_expr());
        statement.and_where(Person::BORN.is_not_null().into_sea());
    }

    fn load(&self) -> Names {
        Names::default()
    }
}

#[test]
fn conditions_stand_beside_those_that_sea_query_is_given() {
    let person = |id: i32| Person::ID.eq(id);
    let query = || Person::select(Person::ID).filter(person(1));
    let sql =
        |rest| format!(r#"SELECT "people"."id" FROM "people" WHERE "people"."id" = $1{rest}"#);
    assert_eq!(query().to_sql(), sql(""));
    let both = r#" AND "people"."id" = $2"#;
    assert_eq!(query().filter(person(2)).to_sql(), sql(both));
    let either = query().filter(person(2).or(person(3)));
    let either_sql = r#" AND ("people"."id" = $2 OR "people"."id" = $3)"#;
    assert_eq!(either.to_sql(), sql(either_sql));
    let given = query().sea(|statement| {
        statement.and_where(person(2).into_sea());
    });
    assert_eq!(given.to_sql(), sql(both));
    let three = r#" AND "people"."id" = $2 AND "people"."id" = $3"#;
    assert_eq!(given.clone().filter(person(3)).to_sql(), sql(three));
    let mut statement = given.into_statement();
    statement.and_where(person(3).into_sea());
    assert_eq!(statement.build(PostgresQueryBuilder).0, sql(three));
    let born = query().load(Born).to_sql();
    assert!(
        born.ends_with(r#"."id" = $1 AND "people"."born" IS NOT NULL"#),
        "{born}"
    );
}
