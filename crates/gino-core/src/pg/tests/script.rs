//! Scripts: several results, errors and COPY over the simple protocol.

use super::play::replay;
use super::server::*;
use super::values::told;
use crate::session::{Request, Session, Status};

#[test]
fn script_gives_each_result_in_turn() {
    replay(|play| {
        play.begin();
        let reply = play.submit(Request::Script("SELECT 1; UPDATE t; ; SELECT 2, 3"));
        assert_eq!(play.tags(), "Q");
        play.server(&[
            columns(&[("a", INT4)]),
            row(&[Some(b"1")]),
            complete("SELECT 1"),
            complete("UPDATE 5"),
            empty_query(),
            columns(&[("b", INT4), ("c", INT4)]),
            row(&[Some(b"2"), Some(b"3")]),
            complete("SELECT 1"),
            ready(b'I'),
        ]);
        assert_eq!(told(reply), "SELECT 1: <a> 1; <b c> 2 3;");
    });
}

#[test]
fn status_follows_the_servers_word() {
    replay(|play| {
        play.begin();
        for (script, tag, status, known) in [
            ("BEGIN", "BEGIN", b'T', Status::InTransaction),
            ("ROLLBACK", "ROLLBACK", b'I', Status::Idle),
            ("BEGIN; SELECT", "BEGIN", b'E', Status::Failed),
        ] {
            let reply = play.submit(Request::Script(script));
            play.server(&[complete(tag), ready(status)]);
            assert_eq!(told(reply), format!("{tag}:"));
            assert_eq!(play.link.status(), known);
        }
    });
}

#[test]
fn error_ends_a_script_and_nothing_after_it() {
    replay(|play| {
        play.begin();
        let failing = play.submit(Request::Script("SELECT 1; SELECT x; SELECT 2"));
        let next = play.submit(Request::Script(""));
        play.server(&[
            columns(&[("a", INT4)]),
            row(&[Some(b"1")]),
            complete("SELECT 1"),
            error("42703", "column \"x\" does not exist"),
            ready(b'I'),
            empty_query(),
            ready(b'I'),
        ]);
        assert_eq!(told(failing), "Database: column \"x\" does not exist");
        assert_eq!(told(next), ":");
    });
}

#[test]
fn copy_in_a_script_is_refused() {
    replay(|play| {
        play.begin();
        let reply = play.submit(Request::Script("COPY t FROM STDIN"));
        play.raw();
        play.server(&[copy(b'G')]);
        assert_eq!(play.tags(), "f");
        play.server(&[error("57014", "COPY from stdin failed"), ready(b'I')]);
        assert_eq!(told(reply), "Database: COPY from stdin failed");

        let reply = play.submit(Request::Script("COPY t TO STDOUT"));
        play.server(&[
            copy(b'H'),
            message(b'd', b"1"),
            message(b'c', &[]),
            complete("COPY 1"),
            ready(b'I'),
        ]);
        assert!(told(reply).starts_with("Usage: COPY TO STDOUT"));
        assert_eq!(play.link.in_flight(), 0);
    });
}

#[test]
fn script_that_changes_the_session_is_remembered_until_the_reset() {
    replay(|play| {
        play.begin();
        let mut touched = Vec::new();
        for script in [
            "SELECT 1",
            "SET a.b = 1",
            "SELECT 2",
            play.link.reset_script(),
        ] {
            let reply = play.submit(Request::Script(script));
            play.server(&[complete("OK"), ready(b'I')]);
            told(reply);
            touched.push(play.link.is_touched());
        }
        assert_eq!(touched, [false, true, true, false]);
    });
}
