//! Servers that break the protocol: each is found out, the wire is closed, and everything in flight
//! is answered.

use super::play::{Play, config, done, is_pending, replay};
use super::server::*;
use super::values::told;
use crate::error::{Error, ErrorKind};
use crate::session::{Reply, Request, Session, Sql, Status};

/// Everything is over, and it is the peer's fault.
fn is_found_out(play: &Play, first: Reply, others: Vec<Reply>) -> Error {
    assert!(play.broken, "not found out");
    assert!(play.socket.is_closed());
    assert_eq!(
        (play.link.status(), play.link.in_flight()),
        (Status::Closed, 0)
    );
    for reply in others {
        assert_eq!(done(reply).err().unwrap().kind(), ErrorKind::Closed);
    }
    let error = done(first).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    error
}

#[test]
fn lie_in_answer_to_a_statement_ends_the_connection() {
    let lies = [
        int_row(1),
        parse_complete(),
        ready(b'I'),
        [bind_complete(), bind_complete()].concat(),
        [bind_complete(), ready(b'I')].concat(),
        [bind_complete(), complete("SELECT 0"), int_row(1)].concat(),
        [bind_complete(), columns(&[("n", INT4)])].concat(),
        [bind_complete(), complete("X"), ready(b'?')].concat(),
        [bind_complete(), complete("X"), message(b'Z', b"II")].concat(),
        [bind_complete(), complete("X"), message(b'Z', b"")].concat(),
        [bind_complete(), message(b'C', b"no end")].concat(),
        [bind_complete(), message(b'x', b"what?")].concat(),
        [bind_complete(), authentication(3, &[])].concat(),
        [bind_complete(), backend_key(1, 1)].concat(),
        [bind_complete(), message(b'E', b"SERROR")].concat(),
        [error("42000", "first"), bind_complete()].concat(),
        message(b'S', b"name without value\0"),
        message(0, b""),
        claiming(b'2', 3, b""),
        claiming(b'2', 0, b""),
        claiming(b'D', u32::MAX, b"\0\x01"),
        claiming(b'D', 0x8000_0000, b"\0\x01"),
        claiming(b'D', 0x4000_0005, b"\0\x01"),
    ];
    for (index, lie) in lies.into_iter().enumerate() {
        replay(|play| {
            play.begin();
            let statement = play.prepare("SELECT 1", &[], &[("n", INT4)]);
            let first = play.run(&statement, &[&[]]);
            let others = (0..2).map(|_| play.run(&statement, &[&[]])).collect();
            play.server(std::slice::from_ref(&lie));
            if index == 15 {
                // What the server had said before it lied is the better answer.
                assert_eq!(told(first), "Database: first");
                assert!(play.broken && play.socket.is_closed());
            } else {
                is_found_out(play, first, others);
            }
        });
    }
}

#[test]
fn row_that_does_not_fit_its_columns_ends_the_connection() {
    for lie in [
        row(&[]),
        row(&[Some(b"1"), Some(b"2")]),
        message(b'D', b""),
        message(b'D', b"\0"),
        message(b'D', b"\0\x01\0\0\0\x05ab"),
        message(b'D', b"\0\x01\x80\0\0\0"),
        message(b'D', b"\xff\xff"),
    ] {
        replay(|play| {
            play.begin();
            let statement = play.prepare("SELECT 1", &[], &[("n", INT4)]);
            let first = play.run(&statement, &[&[]]);
            let others = vec![play.run(&statement, &[&[]])];
            play.server(&[bind_complete(), int_row(1), lie.clone(), int_row(2)]);
            is_found_out(play, first, others);
        });
    }
}

#[test]
fn lie_in_answer_to_a_prepare_ends_the_connection() {
    for lie in [
        bind_complete(),
        [parse_complete(), no_data()].concat(),
        [parse_complete(), parameter_types(&[]), ready(b'I')].concat(),
        [parse_complete(), message(b't', b"\xff\xff\0\0\0\x17")].concat(),
        [
            parse_complete(),
            parameter_types(&[]),
            message(b'T', b"\xff\xffa\0"),
        ]
        .concat(),
        [parse_complete(), parameter_types(&[]), message(b'T', b"\0")].concat(),
    ] {
        replay(|play| {
            play.begin();
            let first = play.submit(Request::Prepare(&Sql::new("SELECT 1")));
            play.server(std::slice::from_ref(&lie));
            is_found_out(play, first, Vec::new());
        });
    }
}

#[test]
fn lie_while_nothing_was_asked_ends_the_connection() {
    for lie in [
        ready(b'I'),
        int_row(1),
        complete("X"),
        auth_ok(),
        message(b'E', b"S"),
    ] {
        replay(|play| {
            play.begin();
            play.server(std::slice::from_ref(&lie));
            assert!(play.broken && play.socket.is_closed());
            assert!(play.link.submit(Request::Script(""), &mut None).is_err());
        });
    }
}

#[test]
fn lie_during_start_up_ends_the_connection() {
    for lie in [
        ready(b'I'),
        backend_key(1, 1),
        parse_complete(),
        authentication(99, &[]),
        authentication(5, &[1]),
        authentication(11, b"r=x"),
        authentication(12, b"v=x"),
        message(b'R', b""),
        [auth_ok(), message(b'K', b"\0\0")].concat(),
        [auth_ok(), message(b'K', &[0; 300])].concat(),
        [auth_ok(), auth_ok()].concat(),
        [auth_ok(), ready(b'x')].concat(),
        claiming(b'R', 0x0002_0000, b""),
        b"HTTP/1.1 400 Bad Request\r\n".to_vec(),
    ] {
        replay(|play| {
            let mut first = play.start();
            play.server(std::slice::from_ref(&lie));
            assert!(!is_pending(&mut first));
            assert!(play.broken && play.socket.is_closed());
            assert_eq!(play.link.status(), Status::Closed);
        });
    }
}

fn flood(messages: impl Iterator<Item = Vec<u8>>) -> Play {
    let mut play = Play::new(config(&[]), super::play::Cut::Whole);
    play.begin();
    messages
        .take_while(|_| !play.broken)
        .fold(Vec::new(), |mut bytes, message| {
            bytes.extend(message);
            bytes
        })
        .chunks(60_000)
        .for_each(|bytes| play.deliver(bytes));
    play
}

#[test]
fn settings_without_end_are_not_remembered_without_end() {
    let names = (0..100_000).map(|number| parameter(&format!("setting{number}"), "on"));
    assert!(flood(names).broken);
    let huge = "x".repeat(40_000);
    let values = (0..300).map(|number| parameter(&format!("setting{number}"), &huge));
    assert!(flood(values).broken);
    let changes = (0..100_000).map(|number| parameter("TimeZone", &number.to_string()));
    let play = flood(changes);
    assert!(!play.broken);
    assert_eq!(play.link.parameter("TimeZone").as_deref(), Some("99999"));
}

#[test]
fn error_with_endless_fields_is_refused() {
    let body = [b"MX\0".repeat(200_000), vec![0]].concat();
    assert!(flood(std::iter::once(message(b'E', &body))).broken);
}

#[test]
fn copy_without_end_is_refused_once() {
    let mut play = Play::new(config(&[]), super::play::Cut::Whole);
    play.begin();
    let reply = play.submit(Request::Script("COPY t FROM STDIN"));
    play.raw();
    play.server(&[copy(b'G'), copy(b'G'), copy(b'G')]);
    assert!(play.broken && play.raw().len() < 100);
    assert_eq!(done(reply).err().unwrap().kind(), ErrorKind::Protocol);
}
