//! Encryption and logging in over it: what every `sslmode` makes of every server. Most tests go by way
//! of gateways that encrypt (`python/tests/tls.py`); those at the end need a PostgreSQL that can.

use std::path::PathBuf;
use std::time::Duration;

use gino::error::{AuthError, Leaf};
use gino::prelude::*;
use gino::{Config, Error, ErrorKind};

use crate::server::{PATIENCE, dsn, with};

/// Where the certificates are; `None` if nobody made any.
fn files() -> Option<String> {
    let found = std::env::var("GINO_TEST_TLS_FILES").ok();
    if found.is_none() {
        eprintln!("skipped: GINO_TEST_TLS_FILES is not set, run python/tests/tls.py");
    }
    found
}

/// The URL of a user by way of a gateway.
fn by(gateway: &str, user: &str, settings: &str) -> String {
    let gateways = std::env::var("GINO_TEST_TLS_GATEWAYS").unwrap();
    let port = gateways
        .split(',')
        .find_map(|known| known.strip_prefix(&format!("{gateway}=")))
        .expect("a gateway of that name");
    let dsn = dsn();
    let database = dsn.rsplit('/').next().unwrap();
    let url = format!("postgresql://{user}@localhost:{port}/{database}?hostaddr=127.0.0.1");
    with(&url, settings)
}

/// The URL of the PostgreSQL that encrypts.
fn real(user: &str, settings: &str) -> Option<String> {
    let found = std::env::var("GINO_TEST_TLS_DSN").ok();
    if found.is_none() {
        eprintln!("skipped: no PostgreSQL with TLS on this machine");
    }
    let url = found?.replacen("gino@", &format!("{user}@"), 1);
    Some(with(&url, settings))
}

/// What a fresh engine gets for an answer.
async fn ask(url: &str, sql: &str) -> Result<String, Error> {
    let url = with(url, "min_size=0&max_size=1");
    let engine = Engine::new(Config::parse(Some(&url), &|_: &str| None)?)?;
    let asked = tokio::time::timeout(PATIENCE, engine.scalar::<String>(sql, &[]));
    let answer = asked.await.expect("no hang")?;
    engine.close(PATIENCE).await?;
    Ok(answer.unwrap())
}

async fn is_let_in(url: &str) {
    let answer = ask(url, "SELECT 'in'::text").await;
    assert_eq!(
        answer.unwrap_or_else(|error| panic!("{url}: {error}")),
        "in"
    );
}

async fn refused(url: &str) -> Error {
    let error = ask(url, "SELECT 'in'::text").await.expect_err(url);
    let shown = format!("{error} {error:?}");
    assert!(
        !shown.contains("sesame") && !shown.contains("PRIVATE KEY"),
        "{shown}"
    );
    error
}

/// Another error than the words would be a surprise.
async fn is_refused(url: &str, words: &str) {
    let error = refused(url).await;
    assert!(error.to_string().contains(words), "{url}: {error}");
}

#[tokio::test]
async fn every_mode_leads_in_where_it_should() {
    let Some(files) = files() else { return };
    let root = format!("sslrootcert={files}/root.crt");
    for (gateway, settings) in [
        ("server", "sslmode=disable"),
        ("server", "sslmode=allow"),
        ("server", "sslmode=prefer"),
        ("server", "sslmode=require"),
        ("server", &format!("sslmode=require&{root}")),
        ("server", &format!("sslmode=verify-ca&{root}")),
        ("server", &format!("sslmode=verify-full&{root}")),
        ("none", "sslmode=disable"),
        ("none", "sslmode=allow"),
        ("none", "sslmode=prefer"),
        ("stranger", "sslmode=require"),
        ("stranger", &format!("sslmode=prefer&{root}")),
        ("elsewhere", &format!("sslmode=verify-ca&{root}")),
        ("expired", "sslmode=require"),
        (
            "self",
            &format!("sslmode=verify-full&sslrootcert={files}/self.crt"),
        ),
        (
            "server",
            &format!("sslmode=verify-full&sslnegotiation=direct&{root}"),
        ),
        (
            "server",
            &format!("sslmode=verify-full&{root}&sslcrl={files}/root.crl"),
        ),
        (
            "server",
            &format!("sslmode=verify-full&{root}&ssl_min_protocol_version=TLSv1.3"),
        ),
        (
            "server",
            &format!("sslmode=verify-full&{root}&ssl_max_protocol_version=TLSv1.2"),
        ),
        ("server", "sslmode=require&sslsni=0"),
        ("failing", "sslmode=prefer"),
    ] {
        is_let_in(&by(gateway, "gino", settings)).await;
    }
}

#[tokio::test]
async fn every_mode_keeps_out_what_it_should() {
    let Some(files) = files() else { return };
    let root = format!("sslrootcert={files}/root.crt");
    for (gateway, settings, words) in [
        ("none", "sslmode=require", "the server does not do TLS"),
        (
            "none",
            &format!("sslmode=verify-full&{root}"),
            "the server does not do TLS",
        ),
        (
            "stranger",
            &format!("sslmode=require&{root}"),
            "UnknownIssuer",
        ),
        (
            "stranger",
            &format!("sslmode=verify-ca&{root}"),
            "UnknownIssuer",
        ),
        (
            "stranger",
            &format!("sslmode=verify-full&{root}"),
            "UnknownIssuer",
        ),
        (
            "elsewhere",
            &format!("sslmode=verify-full&{root}"),
            "not valid for name",
        ),
        ("expired", &format!("sslmode=require&{root}"), "expired"),
        (
            "self",
            &format!("sslmode=verify-full&{root}"),
            "cannot negotiate TLS",
        ),
        (
            "server",
            &format!("sslmode=verify-full&{root}&sslcrl={files}/revoked.crl"),
            "Revoked",
        ),
        (
            "none",
            "sslmode=require&sslnegotiation=direct",
            "cannot negotiate TLS",
        ),
        (
            "no_alpn",
            "sslmode=require&sslnegotiation=direct",
            "does not speak postgresql",
        ),
        (
            "server",
            "sslmode=require&sslrootcert=/gone",
            "sslrootcert: there is no file /gone",
        ),
        (
            "server",
            &format!("sslmode=require&sslrootcert={files}/server.key"),
            "has no certificate",
        ),
        ("server", "sslrootcert=system", "cannot negotiate TLS"),
        ("injecting", "sslmode=require", "more than one byte"),
        ("injecting", "sslmode=prefer", "more than one byte"),
        (
            "failing",
            "sslmode=require",
            "answered the request for it with an error",
        ),
    ] {
        is_refused(&by(gateway, "gino", settings), words).await;
    }
}

#[tokio::test]
async fn address_is_verified_as_a_name_is() {
    let Some(files) = files() else { return };
    let settings = format!("sslmode=verify-full&sslrootcert={files}/root.crt");
    let address = by("server", "gino", &settings).replace("localhost", "127.0.0.1");
    is_let_in(&address).await;
    let name = by("server", "gino", &settings).replace("localhost", "other.example");
    is_refused(&name, "not valid for name").await;
}

#[tokio::test]
async fn large_results_and_parameters_go_through() {
    if files().is_none() {
        return;
    }
    let url = by("server", "gino", "sslmode=require&max_size=3");
    let engine = Engine::connect(&url).await.unwrap();
    let sql = "SELECT i, repeat('x', 1000) FROM generate_series(1, 5000) i";
    let rows = engine.all(sql, &[]).await.unwrap();
    assert!((1..).zip(&rows).all(|(n, row)| row.get::<i32>(0) == n));
    assert_eq!(rows.len(), 5000);
    let large = "y".repeat(5_000_000);
    let echo = engine.scalar::<String>("SELECT $1::text", &[&large]).await;
    assert_eq!(echo.unwrap().unwrap(), large);
    let several = (0..100).map(|number: i32| {
        let engine = engine.clone();
        tokio::spawn(async move { engine.scalar::<i32>("SELECT $1::int4", &[&number]).await })
    });
    for (number, task) in (0..).zip(several.collect::<Vec<_>>()) {
        assert_eq!(task.await.unwrap().unwrap(), Some(number));
    }
    engine.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn dropped_statement_is_cancelled_over_tls() {
    let Some(files) = files() else { return };
    let settings = format!("sslmode=verify-full&max_size=1&sslrootcert={files}/root.crt");
    let engine = Engine::connect(&by("server", "gino", &settings))
        .await
        .unwrap();
    let process = "SELECT pg_backend_pid()";
    let before = engine.scalar::<i32>(process, &[]).await.unwrap();
    let limited = engine.timeout(Duration::from_millis(200));
    let late = limited
        .scalar::<i32>("SELECT 1 FROM pg_sleep(60)", &[])
        .await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Timeout);
    let after = tokio::time::timeout(PATIENCE, engine.scalar::<i32>(process, &[]));
    assert_eq!(after.await.expect("no hang").unwrap(), before);
    engine.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn connection_that_is_cut_fails_with_one_error() {
    if files().is_none() {
        return;
    }
    let url = by("cut", "gino", "sslmode=require");
    let error = ask(&url, "SELECT repeat('x', 20000)").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
}

#[tokio::test]
async fn password_is_bound_to_the_servers_certificate() {
    if files().is_none() {
        return;
    }
    let user = "gino:sesame";
    for (gateway, settings) in [
        ("scram", "sslmode=require"),
        ("scram", "sslmode=require&channel_binding=require"),
        ("scram_old", "sslmode=require&channel_binding=require"),
        ("scram", "sslmode=require&channel_binding=disable"),
        ("scram", "sslmode=require&require_auth=scram-sha-256"),
    ] {
        is_let_in(&by(gateway, user, settings)).await;
    }
    let wrong = refused(&by("scram", "gino:wrong", "sslmode=prefer")).await;
    assert_eq!(wrong.sqlstate(), Some("28P01"));
    // The gateway takes offence at a client that could have bound its password.
    is_refused(&by("stripped", user, "sslmode=require"), "tampered").await;
    for (settings, reason) in [
        (
            "sslmode=require&channel_binding=require",
            "the server does not offer SCRAM-SHA-256-PLUS",
        ),
        (
            "sslmode=disable&channel_binding=require",
            "the connection is not encrypted",
        ),
    ] {
        let error = refused(&by("stripped", user, settings)).await;
        let bound =
            matches!(error.leaf(), Leaf::Auth(AuthError::NotBound(said)) if *said == reason);
        assert!(bound, "{error}");
    }
}

#[tokio::test]
async fn cancel_keys_of_either_protocol_work() {
    let version = "SELECT current_setting('server_version_num')";
    let newest = ask(&dsn(), version).await.unwrap().as_str() >= "180000";
    for protocol in ["3.0", "3.2"] {
        let mut url = with(
            &dsn(),
            &format!("max_size=1&max_protocol_version={protocol}"),
        );
        if newest {
            url = with(&url, &format!("min_protocol_version={protocol}"));
        }
        let engine = Engine::connect(&url).await.unwrap();
        let process = "SELECT pg_backend_pid()";
        let before = engine.scalar::<i32>(process, &[]).await.unwrap();
        let limited = engine.timeout(Duration::from_millis(200));
        let late = limited
            .scalar::<i32>("SELECT 1 FROM pg_sleep(60)", &[])
            .await;
        assert_eq!(late.unwrap_err().kind(), ErrorKind::Timeout);
        let after = tokio::time::timeout(PATIENCE, engine.scalar::<i32>(process, &[]));
        assert_eq!(after.await.expect("no hang").unwrap(), before);
        engine.close(PATIENCE).await.unwrap();
    }
}

const STATE: &str = "SELECT ssl::text || coalesce(' ' || version, '') FROM pg_stat_ssl \
                     WHERE pid = pg_backend_pid()";

async fn state(url: &str) -> String {
    ask(url, STATE)
        .await
        .unwrap_or_else(|error| panic!("{url}: {error}"))
}

#[tokio::test]
async fn server_says_how_it_is_encrypted() {
    let Some(files) = files() else { return };
    let root = format!("sslrootcert={files}/root.crt");
    for (user, settings, expected) in [
        ("gino", "sslmode=disable", "false"),
        ("gino", "sslmode=allow", "false"),
        ("gino", "sslmode=prefer", "true TLSv1.3"),
        ("gino", "sslmode=require", "true TLSv1.3"),
        (
            "gino",
            &format!("sslmode=verify-full&{root}"),
            "true TLSv1.3",
        ),
        (
            "gino",
            "sslmode=require&ssl_max_protocol_version=TLSv1.2",
            "true TLSv1.2",
        ),
        (
            "gino_only_tls:gino_only_tls",
            "sslmode=allow",
            "true TLSv1.3",
        ),
        ("gino_only_plain:gino_only_plain", "sslmode=prefer", "false"),
        (
            "gino_scram:gino_scram",
            "sslmode=require&channel_binding=require",
            "true TLSv1.3",
        ),
        ("gino_md5:gino_md5", "sslmode=require", "true TLSv1.3"),
        (
            "gino_password:gino_password",
            "sslmode=require",
            "true TLSv1.3",
        ),
    ] {
        let Some(url) = real(user, settings) else {
            return;
        };
        assert_eq!(state(&url).await, expected, "{user} {settings}");
    }
    let only_tls = real("gino_only_tls:gino_only_tls", "sslmode=disable").unwrap();
    assert_eq!(refused(&only_tls).await.sqlstate(), Some("28000"));
    let only_plain = real("gino_only_plain:gino_only_plain", "sslmode=require").unwrap();
    assert_eq!(refused(&only_plain).await.sqlstate(), Some("28000"));
}

#[tokio::test]
async fn direct_negotiation_with_a_real_server() {
    let Some(files) = files() else { return };
    let settings = format!("sslmode=verify-full&sslrootcert={files}/root.crt");
    let Some(url) = real("gino", &settings) else {
        return;
    };
    let version = ask(&url, "SELECT current_setting('server_version_num')")
        .await
        .unwrap();
    let direct = with(&url, "sslnegotiation=direct");
    if version.as_str() < "170000" {
        is_refused(&direct, "cannot negotiate TLS").await;
    } else {
        assert_eq!(state(&direct).await, "true TLSv1.3");
    }
}

#[tokio::test]
async fn client_is_known_by_its_certificate() {
    let Some(files) = files() else { return };
    let as_client = |name: &str, key: &str| {
        let settings =
            format!("sslmode=require&sslcert={files}/{name}.crt&sslkey={files}/{key}.key");
        real("gino_cert", &settings)
    };
    let Some(good) = as_client("client", "client") else {
        return;
    };
    assert_eq!(state(&good).await, "true TLSv1.3");
    let locked = as_client("client", "client_locked").unwrap();
    assert_eq!(
        state(&with(&locked, "sslpassword=sesame")).await,
        "true TLSv1.3"
    );
    is_refused(&with(&locked, "sslpassword=sesam"), "sslpassword: ").await;
    is_refused(&locked, "sslpassword: the key is encrypted").await;
    is_refused(&as_client("client", "server").unwrap(), "sslcert: ").await;
    let expired = as_client("client_expired", "client_expired").unwrap();
    is_refused(&expired, "CertificateExpired").await;
    let unknown = as_client("client_unknown", "client_unknown").unwrap();
    is_refused(&unknown, "UnknownCA").await;
    let kept_back = refused(&with(&good, "sslcertmode=disable")).await;
    assert_eq!(kept_back.sqlstate(), Some("28000"), "{kept_back}");
}

#[tokio::test]
async fn certificate_that_nobody_asks_for_is_an_error_if_it_has_to_be_sent() {
    let Some(files) = files() else { return };
    let must = |name: &str| {
        format!(
            "sslmode=require&sslcertmode=require&sslcert={files}/{name}.crt&sslkey={files}/{name}.key"
        )
    };
    // The gateway never asks.
    let by_gateway = by("server", "gino", &must("client"));
    is_refused(&by_gateway, "the server did not ask for a certificate").await;
    is_let_in(&by(
        "server",
        "gino",
        &must("client").replace("certmode=require", "certmode=allow"),
    ))
    .await;
    is_refused(
        &by("server", "gino", "sslmode=require&sslcertmode=require"),
        "sslcertmode: require needs",
    )
    .await;
    // PostgreSQL asks everybody once it has authorities to compare with, in both versions of TLS.
    for version in ["1.2", "1.3"] {
        let settings = format!("{}&ssl_max_protocol_version=TLSv{version}", must("client"));
        let Some(url) = real("gino_cert", &settings) else {
            return;
        };
        assert_eq!(state(&url).await, format!("true TLSv{version}"));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn key_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let Some(files) = files() else { return };
    let key = PathBuf::from(&files).join("open.key");
    std::fs::copy(format!("{files}/client.key"), &key).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let settings = format!("sslmode=require&sslcert={files}/client.crt&sslkey={files}/open.key");
    is_refused(
        &by("server", "gino", &settings),
        "others can read the key's file",
    )
    .await;
}

#[tokio::test]
async fn configuration_of_rustls_takes_the_place_of_the_settings() {
    use gino::rustls::pki_types::{CertificateDer, pem::PemObject};
    use gino::rustls::{ClientConfig, RootCertStore};

    let Some(files) = files() else { return };
    let trusting = |name: &str| {
        let mut roots = RootCertStore::empty();
        let path = format!("{files}/{name}.crt");
        roots
            .add(CertificateDer::from_pem_file(path).unwrap())
            .unwrap();
        let provider = gino::rustls::crypto::ring::default_provider();
        ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth()
    };
    let engine = |config: ClientConfig, settings: &str| {
        let url = by(
            "server",
            "gino",
            &format!("{settings}&min_size=0&max_size=1"),
        );
        let config_of_url = Config::parse(Some(&url), &|_: &str| None).unwrap();
        Engine::builder(config_of_url).tls(config).build().unwrap()
    };
    // No file of the settings is read, and there is no going without.
    let known = engine(trusting("root"), "sslmode=disable&sslrootcert=/gone");
    assert_eq!(known.scalar("SELECT 7", &[]).await.unwrap(), Some(7));
    known.close(PATIENCE).await.unwrap();
    let stranger = engine(trusting("other_root"), "sslmode=prefer");
    let error = stranger.scalar::<i32>("SELECT 7", &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    assert!(error.to_string().contains("negotiate TLS"), "{error}");
    stranger.close(PATIENCE).await.unwrap();
}
