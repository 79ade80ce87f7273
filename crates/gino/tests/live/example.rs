//! The web services of `examples/rust`, as programs of their own over real HTTP.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use gino::prelude::*;

use crate::server::{Home, PATIENCE, dsn, with};
use crate::web::Browser;

struct Program(Child);

impl Program {
    /// Starts the example, and gives it with its address.
    fn start(name: &str, dsn: &str) -> (Program, SocketAddr) {
        let mut child = Command::new(built(name))
            .env("DB_DSN", dsn)
            .env("PORT", "0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        let program = Program(child);
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("http://").unwrap();
        (program, address.parse().unwrap())
    }
}

/// The example, built. `cargo test` has done that, unless it was told to make this test alone; asking
/// cargo each time would have it weigh the features anew, and at times build all there is once more.
fn built(name: &str) -> PathBuf {
    // target/debug/deps/live-…: examples stand beside its folder.
    let tests = std::env::current_exe().unwrap();
    let folder = tests.ancestors().nth(2).unwrap().join("examples");
    let path = folder.join(name);
    let house = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let parts = ["crates/gino", "crates/gino-core", "crates/gino-macros"];
    let sources = parts.map(|part| newest(&house.join(part).join("src")));
    let example = changed(&house.join(format!("examples/rust/{name}.rs")));
    let newest = sources.into_iter().fold(example, SystemTime::max);
    if changed(&path) < newest {
        let done = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "gino", "--example", name])
            .current_dir(house)
            .status();
        assert!(done.unwrap().success());
    }
    path
}

/// When the newest file below `folder` was changed.
fn newest(folder: &Path) -> SystemTime {
    let entries = std::fs::read_dir(folder).unwrap();
    let times = entries.map(|entry| match entry.unwrap().path() {
        path if path.is_dir() => newest(&path),
        path => changed(&path),
    });
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// When the file was changed; long ago if it is not there.
fn changed(path: &Path) -> SystemTime {
    let modified = path.metadata().and_then(|about| about.modified());
    modified.unwrap_or(SystemTime::UNIX_EPOCH)
}

impl Drop for Program {
    fn drop(&mut self) {
        // A test that failed leaves no server behind.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn users_come_and_go(name: &'static str) {
    let home = Home::new(name, "max_size=1").await;
    let own = format!("application_name={name}&search_path=gino_{name}&max_size=3&min_size=1");
    let url = with(&dsn(), &own);
    let started = tokio::task::spawn_blocking(move || Program::start(name, &url));
    let (mut program, address) = started.await.unwrap();
    let browser = Browser::new(address);

    let version: Option<String> = home
        .engine
        .scalar("SHOW server_version", &[])
        .await
        .unwrap();
    assert_eq!(browser.get("/").await, (200, version.unwrap()));
    assert_eq!(browser.get("/users").await, (200, "[]".into()));
    let created = r#"{"id":1,"nickname":"fantix"}"#;
    let answer = browser.ask("POST", "/users", r#"{"nickname": "fantix"}"#);
    assert_eq!(answer.await, (201, created.into()));
    assert_eq!(browser.get("/users/1").await, (200, created.into()));
    let answer = browser.ask("PATCH", "/users/1", r#"{"nickname": "daisy"}"#);
    let changed = r#"{"id":1,"nickname":"daisy"}"#;
    assert_eq!(answer.await, (200, changed.into()));
    assert_eq!(browser.get("/users").await, (200, format!("[{changed}]")));
    let missing = (404, "no such data".to_owned());
    assert_eq!(browser.get("/users/2").await, missing);
    assert_eq!(
        browser
            .ask("PATCH", "/users/2", r#"{"nickname": ""}"#)
            .await,
        missing
    );
    assert_eq!(
        browser.ask("DELETE", "/users/1", "").await,
        (204, String::new())
    );
    assert_eq!(browser.ask("DELETE", "/users/1", "").await, missing);
    assert!(matches!(browser.get("/users/x").await.0, 400 | 404));

    drop(browser);
    let ended = tokio::task::spawn_blocking(move || {
        let pid = program.0.id().to_string();
        let killed = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(killed.unwrap().success());
        program.0.wait().unwrap()
    });
    let ended = tokio::time::timeout(PATIENCE, ended).await.unwrap();
    assert!(ended.unwrap().success());
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1";
    // The server takes a moment to see that its client is gone.
    let gone = async {
        while home.witness.scalar(sql, &[&name]).await.unwrap() != Some(0_i64) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
    home.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axum_app_serves_users_until_it_is_told_to_end() {
    users_come_and_go("axum_app").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn actix_app_serves_users_until_it_is_told_to_end() {
    users_come_and_go("actix_app").await;
}
