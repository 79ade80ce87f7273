//! The statement cache as the server sees it: what is named, what is closed, and when.

use std::sync::Arc;

use super::play::{Play, config, done, replay_with};
use super::server::*;
use super::values::told;
use crate::pg::touch;
use crate::session::{NoParams, Request, Session, Sql, Statement};

/// Prepares `sql`, no longer holds it, and says which messages followed the answer.
fn used_once(play: &mut Play, sql: &str) -> Vec<(u8, Vec<u8>)> {
    let reply = play.submit(Request::Prepare(&Sql::new(sql)));
    play.raw();
    play.server(&prepared());
    done(reply).unwrap();
    play.sent()
}

fn prepared() -> [Vec<u8>; 4] {
    [
        parse_complete(),
        parameter_types(&[]),
        columns(&[("n", INT4)]),
        ready(b'I'),
    ]
}

fn is_cached(play: &Play, sql: &str) -> bool {
    play.link.cached(&Sql::new(sql)).is_some()
}

#[test]
fn statement_that_leaves_the_cache_is_closed_on_the_server() {
    replay_with(&config(&[("statement_cache_size", "2")]), |play| {
        play.begin();
        assert_eq!(used_once(play, "a"), []);
        assert_eq!(used_once(play, "b"), []);
        let expected = [(b'C', b"Sgino_0_1\0".to_vec()), (b'S', Vec::new())];
        assert_eq!(used_once(play, "c"), expected);
        assert_eq!(play.link.in_flight(), 0);
        let next = play.submit(Request::Script("SELECT"));
        play.server(&[close_complete(), ready(b'I')]);
        play.server(&[complete("SELECT 0"), ready(b'I')]);
        assert_eq!(told(next), "SELECT 0:");
        assert!(!is_cached(play, "a") && is_cached(play, "b") && is_cached(play, "c"));
    });
}

#[test]
fn statement_in_somebodys_hands_is_not_closed() {
    replay_with(&config(&[("statement_cache_size", "1")]), |play| {
        play.begin();
        let held = play.prepare("held", &[], &[("n", INT4)]);
        assert_eq!(used_once(play, "b"), []);
        let reply = play.run(&held, &[&[]]);
        play.raw();
        play.server(&[bind_complete(), complete("SELECT 0"), ready(b'I')]);
        assert_eq!(told(reply), "SELECT 0: <n>");
        drop(held);
        let closed = used_once(play, "c");
        let names: Vec<_> = closed.iter().filter(|(tag, _)| *tag == b'C').collect();
        assert_eq!(
            names.len(),
            2,
            "what was kept for its holder goes too: {closed:?}"
        );
        assert!(is_cached(play, "c"));
    });
}

#[test]
fn twins_prepared_at_once_both_work() {
    replay_with(&config(&[]), |play| {
        play.begin();
        let sql = Sql::new("SELECT 1");
        let first = play.submit(Request::Prepare(&sql));
        let second = play.submit(Request::Prepare(&sql));
        play.raw();
        play.server(&prepared());
        play.server(&prepared());
        let statements: Vec<Arc<Statement>> = [first, second]
            .into_iter()
            .map(|reply| done(reply).unwrap().rare.unwrap().statement.unwrap())
            .collect();
        assert_eq!(play.sent()[0], (b'C', b"Sgino_0_2\0".to_vec()));
        assert!(
            statements
                .iter()
                .all(|statement| &*statement.name == "gino_0_1")
        );
        assert_eq!(&*play.link.cached(&sql).unwrap().name, "gino_0_1");
    });
}

#[test]
fn without_a_cache_the_text_goes_along_each_time() {
    replay_with(&config(&[("statement_cache_size", "0")]), |play| {
        play.begin();
        let statement = play.prepare("SELECT $1", &[INT4], &[("n", INT4)]);
        assert_eq!(&*statement.name, "");
        assert!(!is_cached(play, "SELECT $1"));
        for _ in 0..2 {
            let reply = play.run(&statement, &[&["1234"]]);
            let sent = play.sent();
            let mut parse = b"\0SELECT $1\0\0\x01".to_vec();
            parse.extend(INT4.to_be_bytes());
            assert_eq!(sent[0], (b'P', parse));
            assert_eq!(sent.len(), 4);
            play.server(&[
                parse_complete(),
                bind_complete(),
                int_row(1),
                complete("SELECT 1"),
                ready(b'I'),
            ]);
            assert_eq!(told(reply), r"SELECT 1: <n> \x00\x00\x00\x01;");
        }
    });
}

#[test]
fn statement_that_the_server_no_longer_has_is_prepared_again() {
    for (state, text) in [
        ("26000", "prepared statement \"gino_0_1\" does not exist"),
        ("0A000", "cached plan must not change result type"),
        ("XX000", "cache lookup failed for type 16500"),
    ] {
        replay_with(&config(&[]), |play| {
            play.begin();
            let statement = play.prepare("SELECT 1", &[], &[("n", INT4)]);
            let reply = play.submit(Request::Execute {
                statement: &statement,
                params: &NoParams,
                max_rows: 0,
            });
            play.server(&[error(state, text), ready(b'I')]);
            assert_eq!(told(reply), format!("stale: {text}"));
            assert!(!is_cached(play, "SELECT 1"));
            assert!(play.tags().ends_with("CS"), "left behind on the server");
            let next = play.submit(Request::Script(""));
            play.server(&[close_complete(), ready(b'I'), empty_query(), ready(b'I')]);
            assert_eq!(told(next), ":");
        });
    }
}

#[test]
fn statement_that_does_not_parse_is_not_kept() {
    replay_with(&config(&[]), |play| {
        play.begin();
        let reply = play.submit(Request::Prepare(&Sql::new("SELEC")));
        play.server(&[error("42601", "syntax error"), ready(b'I')]);
        assert_eq!(told(reply), "Database: syntax error");
        assert!(!is_cached(play, "SELEC"));
    });
}

/// Runs a command that ends with `tag`, and says which messages followed.
fn after(play: &mut Play, tag: &str) -> String {
    let reply = play.submit(Request::Script(tag));
    play.raw();
    play.server(&[complete(tag), ready(b'I')]);
    done(reply).unwrap();
    let held = play.link.cached(&Sql::new("b")).is_some();
    play.submit(Request::Script("SELECT"));
    format!("{} {held}", play.tags())
}

#[test]
fn command_that_changes_results_has_statements_prepared_again() {
    for (tag, expected) in [
        ("DISCARD ALL", "Q false"),
        ("DEALLOCATE ALL", "Q false"),
        ("ALTER TABLE", "Q false"),
        ("DROP TABLE", "Q false"),
        ("CREATE TABLE", "Q true"),
    ] {
        replay_with(&config(&[]), |play| {
            play.begin();
            used_once(play, "a");
            used_once(play, "b");
            assert_eq!(after(play, tag), expected, "{tag}");
            assert!(is_cached(play, "a") == expected.ends_with("true"));
        });
    }
}

#[test]
fn statements_that_others_prepared_go_with_the_reset_and_with_them_all_others() {
    replay_with(&config(&[]), |play| {
        play.begin();
        used_once(play, "b");
        let plain = play.link.reset_script();
        assert!(!plain.contains("DEALLOCATE"));
        assert_eq!(after(play, "PREPARE"), "Q true");
        play.server(&[complete("SELECT 0"), ready(b'I')]);
        let script = play.link.reset_script();
        assert_eq!(script.strip_suffix(plain), Some("DEALLOCATE ALL; "));
        assert_eq!(after(play, "DEALLOCATE ALL"), "Q false");
        assert_eq!(play.link.reset_script(), plain);
    });
}

#[test]
fn reset_clears_the_mark_with_or_without_statements_of_others() {
    let mut play = Play::on(config(&[]), Arc::default(), 0);
    play.begin();
    for added in [false, true] {
        play.submit(Request::Script("SET a = 1"));
        assert!(play.link.is_touched());
        play.submit(Request::Script(touch::reset_script(added)));
        assert!(!play.link.is_touched());
    }
}

#[test]
fn outdated_statements_are_closed_with_the_next_that_is_prepared() {
    replay_with(&config(&[]), |play| {
        play.begin();
        used_once(play, "a");
        assert_eq!(after(play, "ALTER TABLE"), "Q false");
        play.server(&[complete("SELECT 0"), ready(b'I')]);
        let closed = used_once(play, "b");
        assert_eq!(closed[0], (b'C', b"Sgino_0_1\0".to_vec()));
    });
}

#[test]
fn changed_results_on_one_connection_outdate_those_of_others() {
    let catalog = Arc::default();
    let config = config(&[]);
    let open = |tag| {
        let mut play = Play::on(config.clone(), Arc::clone(&catalog), tag);
        play.begin();
        used_once(&mut play, "a");
        play
    };
    let (mut one, other) = (open(1 << 16), open(2 << 16));
    assert!(is_cached(&other, "a"));
    after(&mut one, "ALTER TABLE");
    assert!(!is_cached(&other, "a") && !is_cached(&one, "a"));
}
