//! Prepared statements: their rows, parameter sets, errors and what the server says in between.

use std::sync::Arc;

use super::play::{Play, done, replay};
use super::server::*;
use super::values::{Rows, Values, told};
use crate::error::{ErrorKind, HostError, Result};
use crate::row::{Columns, RawRow};
use crate::session::{NoParams, Request, Session, Sink, Sql, Status};

#[test]
fn rows_of_a_prepared_statement_reach_the_sink() {
    replay(|play| {
        play.begin();
        let sql = Sql::new("SELECT id, name FROM users WHERE id = $1");
        let reply = play.submit(Request::Prepare(&sql));
        assert_eq!(play.tags(), "PDS");
        play.server(&[
            parse_complete(),
            parameter_types(&[TEXT]),
            columns(&[("id", TEXT), ("name", TEXT)]),
            ready(b'I'),
        ]);
        let statement = done(reply).unwrap().rare.unwrap().statement.unwrap();
        assert_eq!(
            (&*statement.name, &*statement.params),
            ("gino_0_1", &[TEXT][..])
        );
        assert_eq!(play.link.cached(&sql).unwrap().name, statement.name);

        let reply = play.run(&statement, &[&["7"]]);
        let sent = play.sent();
        assert_eq!(sent[0].0, b'B');
        assert!(sent[0].1.starts_with(b"\0gino_0_1\0"));
        play.server(&[
            bind_complete(),
            row(&[Some(b"7"), Some(b"daisy")]),
            row(&[Some(b""), None]),
            complete("SELECT 2"),
            ready(b'T'),
        ]);
        assert_eq!(told(reply), "SELECT 2: <id name> 7 daisy;  NULL;");
        assert_eq!(play.link.status(), Status::InTransaction);
    });
}

#[test]
fn every_parameter_set_runs_in_one_round_trip() {
    replay(|play| {
        play.begin();
        let statement = play.prepare("INSERT INTO t VALUES ($1)", &[TEXT], &[]);
        let reply = play.run(&statement, &[&["a"], &["b"], &["c"]]);
        assert_eq!(play.tags(), "BEBEBES");
        let one = [bind_complete(), complete("INSERT 0 1")].concat();
        play.server(&[one.clone(), one.clone(), one, ready(b'I')]);
        assert_eq!(told(reply), "INSERT 0 1: <>");

        let none = play.run(&statement, &[]);
        assert_eq!(play.tags(), "S");
        play.server(&[ready(b'I')]);
        assert_eq!(told(none), ":");
    });
}

#[test]
fn row_limit_is_reported() {
    replay(|play| {
        play.begin();
        let statement = play.prepare("SELECT 1", &[], &[("n", INT4)]);
        let reply = play.submit(Request::Execute {
            statement: &statement,
            params: &NoParams,
            max_rows: 1,
        });
        assert_eq!(play.sent()[1], (b'E', b"\0\0\0\0\x01".to_vec()));
        play.server(&[bind_complete(), int_row(1), suspended(), ready(b'I')]);
        assert_eq!(told(reply), r", more: <n> \x00\x00\x00\x01;");
    });
}

#[test]
fn error_in_the_middle_leaves_the_next_request_alone() {
    replay(|play| {
        play.begin();
        let statement = play.prepare("SELECT 1 / $1", &[TEXT], &[("n", INT4)]);
        let failing = play.run(&statement, &[&["0"]]);
        let next = play.run(&statement, &[&["1"]]);
        play.server(&[
            bind_complete(),
            int_row(1),
            error("22012", "division by zero"),
            ready(b'E'),
            bind_complete(),
            int_row(1),
            complete("SELECT 1"),
            ready(b'I'),
        ]);
        assert_eq!(told(failing), "Database: division by zero");
        assert_eq!(told(next), r"SELECT 1: <n> \x00\x00\x00\x01;");
        assert_eq!(play.link.in_flight(), 0);
    });
}

#[test]
fn value_that_does_not_fit_sends_nothing() {
    replay(|play| {
        play.begin();
        let statement = play.prepare("INSERT INTO t VALUES ($1)", &[TEXT], &[]);
        for (values, kind) in [
            (&["bad"][..], ErrorKind::Codec),
            (&["a", "b"], ErrorKind::Usage),
            (&[], ErrorKind::Usage),
        ] {
            let params = &Values::new(&[&["good"], values]);
            let request = Request::Execute {
                statement: &statement,
                params,
                max_rows: 0,
            };
            let Err(error) = play.link.submit(request, &mut None) else {
                panic!("submitted")
            };
            assert_eq!(error.kind(), kind);
            assert_eq!((play.tags(), play.link.in_flight()), (String::new(), 0));
        }
        let reply = play.run(&statement, &[&["good"]]);
        assert_eq!(play.tags(), "BES");
        play.server(&[bind_complete(), complete("INSERT 0 1"), ready(b'I')]);
        assert_eq!(told(reply), "INSERT 0 1: <>");
    });
}

#[test]
fn what_the_server_says_in_between_disturbs_nothing() {
    replay(|play| {
        play.begin();
        let statement = play.prepare("SELECT 1", &[], &[("n", INT4)]);
        let chatter = || {
            [
                notice("by the way"),
                parameter("TimeZone", "Europe/Berlin"),
                notification("jobs", "42"),
            ]
            .concat()
        };
        play.server(&[chatter()]);
        let reply = play.run(&statement, &[&[]]);
        play.server(&[
            chatter(),
            bind_complete(),
            chatter(),
            int_row(1),
            chatter(),
            complete("SELECT 1"),
            chatter(),
            ready(b'I'),
            chatter(),
        ]);
        assert_eq!(told(reply), r"SELECT 1: <n> \x00\x00\x00\x01;");
        let zone = play.link.parameter("TimeZone");
        assert_eq!(zone.as_deref(), Some("Europe/Berlin"));
    });
}

#[test]
fn empty_statement_has_no_rows() {
    replay(|play| {
        play.begin();
        let statement = play.prepare("", &[], &[]);
        let reply = play.run(&statement, &[&[]]);
        play.server(&[bind_complete(), empty_query(), ready(b'I')]);
        assert_eq!(told(reply), ": <>");
    });
}

/// A sink whose second row fails.
struct Picky(Rows);

impl Sink for Picky {
    fn begin(&mut self, columns: &Arc<Columns>) -> Result<()> {
        self.0.begin(columns)
    }

    fn row(&mut self, row: RawRow<'_>) -> Result<()> {
        if *self.0.count.lock().unwrap() == 1 {
            return Err(HostError("enough".into()).into());
        }
        self.0.row(row)
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any + Send> {
        self
    }
}

#[test]
fn sink_that_fails_gets_no_more_rows_and_fails_its_request_only() {
    replay(|play| {
        play.begin();
        let statement = play.prepare("SELECT 1", &[], &[("n", INT4)]);
        let rows = Rows::default();
        let count = Arc::clone(&rows.count);
        let request = Request::Execute {
            statement: &statement,
            params: &NoParams,
            max_rows: 0,
        };
        let picky = play.submit_to(request, Some(Box::new(Picky(rows))));
        let next = play.run(&statement, &[&[]]);
        let rows: Vec<_> = (0..4).map(int_row).collect();
        let answer = [
            bind_complete(),
            rows.concat(),
            complete("SELECT 4"),
            ready(b'I'),
        ];
        play.server(&answer);
        play.server(&answer);
        assert_eq!(told(picky), "Host: enough");
        assert_eq!(*count.lock().unwrap(), 1);
        assert!(told(next).starts_with("SELECT 4: <n>"));
        assert_eq!(play.link.status(), Status::Idle);
    });
}

#[test]
fn copy_is_refused_and_the_next_request_works() {
    replay(|play: &mut Play| {
        play.begin();
        let statement = play.prepare("COPY t FROM STDIN", &[], &[]);
        let reply = play.run(&statement, &[&[]]);
        play.raw();
        play.server(&[bind_complete(), copy(b'G')]);
        assert_eq!(play.tags(), "fS");
        play.server(&[error("57014", "COPY from stdin failed"), ready(b'I')]);
        assert_eq!(told(reply), "Database: COPY from stdin failed");

        let reply = play.run(&statement, &[&[]]);
        let data = [message(b'd', b"1\t2\n"), message(b'c', &[])];
        play.server(&[bind_complete(), copy(b'H'), data.concat()]);
        play.server(&[complete("COPY 1"), ready(b'I')]);
        assert!(told(reply).starts_with("Usage: COPY TO STDOUT"));
        assert_eq!(play.link.status(), Status::Idle);
    });
}

#[test]
fn value_larger_than_the_buffer_arrives_whole() {
    let mut play = Play::new(super::play::config(&[]), super::play::Cut::Whole);
    play.begin();
    let statement = play.prepare("SELECT $1", &[], &[("t", TEXT)]);
    let reply = play.run(&statement, &[&[]]);
    let large = vec![b'x'; 300_000];
    play.server(&[
        bind_complete(),
        row(&[Some(&large)]),
        complete("SELECT 1"),
        ready(b'I'),
    ]);
    assert_eq!(told(reply).len(), large.len() + "SELECT 1: <t> ;".len());
}

#[test]
fn large_request_leaves_no_large_buffers_behind() {
    let mut play = Play::new(super::play::config(&[]), super::play::Cut::Whole);
    play.begin();
    let large = "x".repeat(4_000_000);
    let reply = play.submit(Request::Script(&large));
    assert!(play.raw().len() > large.len());
    assert!(play.link.kept() < large.len() / 8);
    play.server(&[complete("X"), ready(b'I')]);
    assert_eq!(told(reply), "X:");
}
