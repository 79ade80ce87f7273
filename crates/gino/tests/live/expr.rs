//! Expressions: what the server makes of them, and the values in them.

use gino::prelude::*;
use gino::{func, sql, value};

use crate::shelf::shelf;

#[tokio::test]
async fn values_of_every_type_travel_through_a_statement() {
    use gino::model::SqlType;

    shelf!(home, "expr_values");
    Author::create().name("Ada").await.unwrap();

    async fn there_and_back<T>(given: T)
    where
        T: SqlType<Plain = T> + Clone + PartialEq + std::fmt::Debug,
    {
        let query = Author::select(value(given.clone()));
        assert_eq!(query.scalar().await.unwrap(), Some(given));
    }

    there_and_back(true).await;
    there_and_back(7_i16).await;
    there_and_back(-7_i32).await;
    there_and_back(1_i64 << 40).await;
    there_and_back(1.5_f32).await;
    there_and_back(-2.25_f64).await;
    there_and_back("it's \"it\"".to_owned()).await;
    there_and_back(vec![0_u8, 1, 255]).await;
    there_and_back(vec![1_i32, 2, 3]).await;
    there_and_back(vec!["a".to_owned(), "b,c".to_owned()]).await;
    there_and_back(std::net::IpAddr::from([127, 0, 0, 1])).await;
    there_and_back(std::time::SystemTime::UNIX_EPOCH).await;
    there_and_back(uuid::Uuid::from_u128(7)).await;
    there_and_back(chrono::NaiveDate::from_ymd_opt(2026, 11, 21).unwrap()).await;
    there_and_back(chrono::DateTime::<chrono::Utc>::UNIX_EPOCH).await;
    there_and_back(Json(serde_json::json!({"a": [1, null]}))).await;
    there_and_back(Genre::Essay).await;
    home.done().await;
}

#[tokio::test]
async fn null_travels_as_every_type() {
    shelf!(home, "expr_null");
    Author::create().name("Ada").await.unwrap();
    let query = Author::select((
        value(None::<i32>),
        value(None::<uuid::Uuid>),
        value(None::<Genre>),
    ));
    assert_eq!(query.one().await.unwrap(), (None, None, None));
    home.done().await;
}

#[tokio::test]
async fn bytes_of_the_application_are_never_taken_for_another_type() {
    use gino::sea_query::{Expr, Query};

    shelf!(home, "expr_bytes");
    for bytes in [vec![], vec![0_u8; 64], b"\0\0\0\x17\0\0\0\x07".to_vec()] {
        let raw = Query::select().expr(Expr::val(bytes.clone())).to_owned();
        // The server knows nothing of a parameter on its own but that it is text; bytes are not.
        assert!(gino::sea(raw).on(&DB).one().await.is_err());
        let typed = Author::select(value(bytes.clone())).sea(|statement| {
            statement.from_clear();
        });
        assert_eq!(typed.scalar().await.unwrap(), Some(bytes));
    }
    home.done().await;
}

#[tokio::test]
async fn computed_values_are_what_the_server_says() {
    shelf!(home, "expr_computed");
    Author::create().name("Ada").born(1815).await.unwrap();
    Author::create().name("Bob").await.unwrap();
    let ada =
        |query: gino::Query<Author, gino::Expr<i32>>| query.filter(Author::NAME.eq("Ada")).scalar();
    assert_eq!(
        ada(Author::select((Author::ID + 4) * 2 - 1)).await.unwrap(),
        Some(9)
    );
    assert_eq!(
        ada(Author::select(Author::BORN.coalesce(0) % 10))
            .await
            .unwrap(),
        Some(5)
    );
    let age = gino::case::<String>(Author::BORN.lt(1900), "old")
        .when(Author::BORN.is_null(), "unknown")
        .otherwise("new");
    let rows = Author::select((age, func::upper(Author::NAME), func::length(Author::NAME)));
    let rows = rows.order_by(Author::ID).all().await.unwrap();
    assert_eq!(rows[0], ("old".to_owned(), "ADA".to_owned(), 3));
    assert_eq!(rows[1].0, "unknown");
    let text = Author::select(Author::ID.cast::<String>().concat("!")).order_by(Author::ID);
    assert_eq!(text.first().await.unwrap().as_deref(), Some("1!"));
    let raw = sql::<i32>(
        "length($1 || $2)",
        [value("ab".to_owned()), func::lower(Author::NAME)],
    );
    assert_eq!(Author::select(raw).first().await.unwrap(), Some(5));
    let wrong = Author::select(sql::<i32>("$2", [value(1)]))
        .first()
        .await
        .unwrap_err();
    assert!(
        wrong
            .to_string()
            .contains("has a $2, and 1 values were given"),
        "{wrong}"
    );
    let sums = Author::select((
        func::sum(Author::BORN),
        func::min(Author::NAME),
        func::count(),
    ));
    assert_eq!(
        sums.one().await.unwrap(),
        (Some(1815), Some("Ada".to_owned()), 2)
    );
    let none = gino::any_of(Vec::<gino::Expr<bool>>::new());
    assert_eq!(Author::query().filter(none).count().await.unwrap(), 0);
    let both = gino::all([Author::ID.gt(0), Author::NAME.starts_with("A")]);
    assert_eq!(Author::query().filter(both).count().await.unwrap(), 1);
    let tagged = Book::TAGS.op::<bool>("@>", vec!["x".to_owned()]);
    assert_eq!(Book::query().filter(tagged).count().await.unwrap(), 0);
    home.done().await;
}

#[tokio::test]
async fn value_of_another_type_than_the_server_wants_is_an_error() {
    shelf!(home, "expr_mismatch");
    let id: gino::Expr<uuid::Uuid> = Author::ID.read_as();
    let error = Author::query()
        .filter(id.eq(uuid::Uuid::nil()))
        .all()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), gino::ErrorKind::Codec, "{error}");
    let read: gino::Expr<bool> = Author::NAME.read_as();
    Author::create().name("Ada").await.unwrap();
    let error = Author::select(read).all().await.unwrap_err();
    assert_eq!(error.kind(), gino::ErrorKind::Codec, "{error}");
    home.done().await;
}
