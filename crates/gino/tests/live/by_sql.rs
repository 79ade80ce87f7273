//! Models that plain SQL finds, and cursors over sea-query's statements.

use futures_util::TryStreamExt;
use gino::ErrorKind;
use gino::prelude::*;

use crate::shelf::shelf;

#[tokio::test]
async fn plain_sql_gives_models_by_the_names_of_its_columns() {
    shelf!(home, "by_sql");
    let names = ["Ada", "Bob", "Cyd"];
    let authors = (1..)
        .zip(names)
        .map(|(n, name)| Author::create().name(name).born(n));
    let authors = Author::bulk_create(authors).await.unwrap();
    // In any order of columns, with others beside them, and a comment at the end.
    let sql = "SELECT count(*) OVER () AS total, mentor_id, born_in, name, id FROM authors
        WHERE born_in > $1 ORDER BY name DESC -- newest first";
    let found = Author::by_sql(sql, &[&1]).all().await.unwrap();
    assert_eq!(found, [authors[2].clone(), authors[1].clone()]);
    let ada = "SELECT * FROM authors WHERE name = $1;";
    assert_eq!(
        Author::by_sql(ada, &[&"Ada"]).one().await.unwrap(),
        authors[0]
    );
    assert_eq!(
        Author::by_sql(ada, &[&"Eve"]).one_or_none().await.unwrap(),
        None
    );
    assert_eq!(Author::by_sql(ada, &[&"Eve"]).first().await.unwrap(), None);
    let all = "SELECT * FROM authors ORDER BY id";
    let first = Author::by_sql(all, &[])
        .on(&home.engine)
        .first()
        .await
        .unwrap();
    assert_eq!(first.as_ref(), Some(&authors[0]));
    let error = Author::by_sql(all, &[]).one().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Row);
    // What changes rows is done to its end, whatever is read of it.
    let older = "UPDATE authors SET born_in = born_in + $1 RETURNING *";
    let older = Author::by_sql(older, &[&10])
        .first()
        .await
        .unwrap()
        .unwrap();
    assert_eq!(older.born, Some(11));
    let changed = Author::query().filter(Author::BORN.gt(10)).count();
    assert_eq!(changed.await.unwrap(), 3);
    // A column that is missing is named.
    let error = Author::by_sql("SELECT id, name FROM authors", &[])
        .all()
        .await
        .unwrap_err();
    assert_eq!(error.sqlstate(), Some("42703"));
    assert!(error.to_string().contains("authors.born_in"), "{error}");
    let late = Author::by_sql("SELECT *, pg_sleep(10) FROM authors", &[]);
    let late = late
        .timeout(std::time::Duration::from_millis(50))
        .all()
        .await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Timeout);
    home.done().await;
}

#[tokio::test]
async fn cursors_read_plain_sql_and_sea_querys_statements_too() {
    shelf!(home, "by_sql_cursor");
    let authors = (0..1000).map(|n| Author::create().name(format!("n{n}")).born(n));
    Author::bulk_create(authors).await.unwrap();
    let statement = || {
        let mut statement = gino::sea_query::Query::select();
        statement.column("born_in").from("authors");
        let more = gino::sea_query::ExprTrait::gte(gino::sea_query::Expr::col("born_in"), 990);
        gino::sea(
            statement
                .and_where(more)
                .order_by("id", gino::sea_query::Order::Asc)
                .to_owned(),
        )
    };
    let read: gino::Result<()> = DB
        .transaction(async |tx| {
            let params: [&(dyn gino::ToSql + Sync); 1] = [&500];
            let sql = "SELECT * FROM authors WHERE born_in >= $1 ORDER BY id";
            let authors = Author::by_sql(sql, &params).iterate().await?.prefetch(7);
            let authors: Vec<Author> = authors.try_collect().await?;
            let born: Vec<i32> = authors.iter().filter_map(|author| author.born).collect();
            assert_eq!(born, (500..1000).collect::<Vec<_>>());
            let rows: Vec<Row> = statement().on(&tx).iterate().await?.try_collect().await?;
            let born: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
            assert_eq!(born, (990..1000).collect::<Vec<_>>());
            Ok(())
        })
        .await;
    read.unwrap();
    let outside = statement().on(&DB).iterate().await.unwrap_err();
    assert!(
        outside.to_string().contains("inside a transaction"),
        "{outside}"
    );
    home.done().await;
}
