//! Ways in, and ways that do not lead in.

use std::time::Duration;

use gino::error::{AuthError, Leaf, Phase};
use gino::prelude::*;
use gino::{Error, ErrorKind};

use crate::server::{dsn, login, with};

async fn refused(url: &str) -> Error {
    let connect = Engine::connect(url);
    let outcome = tokio::time::timeout(Duration::from_secs(30), connect)
        .await
        .unwrap();
    outcome.unwrap_err()
}

fn elsewhere(place: &str) -> String {
    with(&format!("postgresql://gino@{place}/gino"), "min_size=1")
}

#[tokio::test]
async fn every_way_to_log_in_leads_in() {
    for (user, password) in [
        ("gino_trust", None),
        ("gino_password", Some("gino_password")),
        ("gino_md5", Some("gino_md5")),
        ("gino_scram", Some("gino_scram")),
    ] {
        let Some(url) = login(user, password) else {
            return eprintln!("skipped: GINO_TEST_ROLES is not set, the server has no such roles");
        };
        let engine = Engine::connect(&with(&url, "min_size=1&max_size=1"))
            .await
            .unwrap();
        let who = engine
            .scalar::<String>("SELECT current_user::text", &[])
            .await
            .unwrap();
        assert_eq!(who.as_deref(), Some(user));
        engine.close(Duration::from_secs(5)).await.unwrap();
    }
}

#[tokio::test]
async fn unix_socket_leads_in() {
    let Ok(url) = std::env::var("GINO_TEST_SOCKET_DSN") else {
        return eprintln!("skipped: GINO_TEST_SOCKET_DSN is not set");
    };
    let engine = Engine::connect(&with(&url, "max_size=1")).await.unwrap();
    let sql = "SELECT inet_client_addr() IS NULL";
    assert_eq!(engine.scalar(sql, &[]).await.unwrap(), Some(true));
    let sql = "SELECT sum(length(repeat('x', n))) FROM generate_series(1, 3000) AS n";
    assert_eq!(engine.scalar(sql, &[]).await.unwrap(), Some(4_501_500_i64));
}

#[tokio::test]
async fn wrong_or_missing_password_is_an_error_without_the_password() {
    for user in ["gino_password", "gino_md5", "gino_scram"] {
        let Some(url) = login(user, Some("wrong-secret")) else {
            return eprintln!("skipped: GINO_TEST_ROLES is not set, the server has no such roles");
        };
        let error = refused(&url).await;
        assert_eq!(
            (error.kind(), error.sqlstate()),
            (ErrorKind::Database, Some("28P01"))
        );
        assert!(!format!("{error} {error:?}").contains("wrong-secret"));
        let error = refused(&login(user, None).unwrap()).await;
        let missing = AuthError::NoPassword {
            user: user.into(),
            passfile: None,
        };
        assert!(
            matches!(error.leaf(), Leaf::Auth(auth) if *auth == missing),
            "{error}"
        );
    }
}

#[tokio::test]
async fn unknown_database_is_an_error_of_the_server() {
    let (server, _) = dsn()
        .rsplit_once('/')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    let error = refused(&format!("{server}/no_such_database")).await;
    assert_eq!(
        (error.kind(), error.sqlstate()),
        (ErrorKind::Database, Some("3D000"))
    );
}

#[tokio::test]
async fn refused_port_names_the_address() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = refused(&elsewhere(&free.to_string())).await;
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(
        error
            .to_string()
            .starts_with(&format!("cannot connect to {free}")),
        "{error}"
    );
}

#[tokio::test]
async fn unresolvable_host_is_named() {
    let error = refused(&elsewhere("no-such-host.invalid:5432")).await;
    assert!(matches!(error.leaf(), Leaf::Connect(cause) if cause.phase() == Phase::Resolve));
    assert!(
        error
            .to_string()
            .starts_with("cannot resolve no-such-host.invalid:5432"),
        "{error}"
    );
}

#[tokio::test]
async fn socket_that_is_not_there_is_named() {
    let error = refused(&elsewhere("%2Fno%2Fsuch%2Fplace:5432")).await;
    assert!(matches!(error.leaf(), Leaf::Connect(cause) if cause.phase() == Phase::Socket));
    assert!(
        error.to_string().contains("/no/such/place/.s.PGSQL.5432"),
        "{error}"
    );
}

#[tokio::test]
async fn unknown_setting_is_named_with_the_nearest_known() {
    let error = refused(&with(&dsn(), "max_sice=3")).await;
    assert_eq!(error.kind(), ErrorKind::Usage);
    let words = error.to_string();
    assert!(
        words.contains("max_sice") && words.contains("max_size"),
        "{words}"
    );
}

#[tokio::test]
async fn server_that_says_nothing_is_given_up_in_time() {
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = deaf.local_addr().unwrap().to_string();
    let error = refused(&with(&elsewhere(&place), "connect_timeout=1")).await;
    assert_eq!(error.deadline(), Some(gino::error::Deadline::Connect));
}

#[tokio::test]
async fn engine_shows_its_address_but_no_password() {
    let engine = Engine::new(
        gino::Config::parse(Some("postgresql://u:top-secret@h:1/d"), &|_: &str| None).unwrap(),
    );
    let shown = format!("{:?}", engine.unwrap());
    assert!(
        shown.contains("postgresql://u@h:1/d") && !shown.contains("top-secret"),
        "{shown}"
    );
}
