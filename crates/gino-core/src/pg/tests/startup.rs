//! Start-up conversations: every way to authenticate, and every way to be refused.

use super::play::{Cut, Play, config, done, replay, replay_with};
use super::scram::Server;
use super::server::*;
use crate::config::Protocol;
use crate::error::{AuthError, Error, ErrorKind, Leaf};
use crate::session::{Reply, Session, Status, Wire};

pub(super) fn start(play: &mut Play) -> Reply {
    let reply = play.start();
    let hello = play.raw();
    let minor = u8::from(play.config.login.max_protocol != Protocol::V3_0) * 2;
    assert_eq!(&hello[4..8], &[0, 3, 0, minor]);
    for part in [
        "user\0fantix\0",
        "database\0gino\0",
        "client_encoding\0UTF8\0",
    ] {
        assert!(hello.windows(part.len()).any(|w| w == part.as_bytes()));
    }
    assert_eq!(play.link.status(), Status::Starting);
    reply
}

pub(super) fn is_over(play: &Play) -> bool {
    play.socket.is_closed() && play.link.status() == Status::Closed && play.link.in_flight() == 0
}

pub(super) fn auth_error(error: &Error) -> &AuthError {
    match error.leaf() {
        Leaf::Auth(auth) => auth,
        other => panic!("{other:?}"),
    }
}

#[test]
fn trusted_start_up_ends_when_the_server_is_ready() {
    replay(|play| {
        let reply = start(play);
        play.server(&[
            auth_ok(),
            parameter("server_version", "18.0"),
            notice("be welcome"),
            parameter("TimeZone", "UTC"),
            backend_key(258, 7),
            ready(b'I'),
        ]);
        done(reply).unwrap();
        assert_eq!(play.link.status(), Status::Idle);
        assert_eq!(play.link.parameter("TimeZone").as_deref(), Some("UTC"));
        assert_eq!(
            play.link.cancel_packet().unwrap(),
            [0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 1, 2, 0, 0, 0, 7]
        );
        assert!(play.raw().is_empty());
    });
}

#[test]
fn start_up_fails_at_once_when_the_connection_is_already_lost() {
    let play = Play::new(config(&[]), Cut::Whole);
    let cause = std::io::Error::other("certificate expired");
    play.link.lost(Some(cause));
    let error = done(play.start()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert!(error.to_string().contains("certificate expired"), "{error}");
    assert!(play.raw().is_empty());
    assert!(is_over(&play));
}

#[test]
fn passwords_go_out_in_clear_text_or_as_md5_of_the_salt() {
    replay(|play| {
        let reply = start(play);
        play.server(&[authentication(3, &[])]);
        assert_eq!(play.sent(), [(b'p', b"pencil\0".to_vec())]);
        play.server(&[auth_ok(), ready(b'I')]);
        done(reply).unwrap();
    });
    replay(|play| {
        let reply = start(play);
        play.server(&[authentication(5, &[1, 2, 3, 4])]);
        // md5(md5("pencil" + "fantix") + salt), as PostgreSQL's manual defines it.
        let expected =
            postgres_protocol::authentication::md5_hash(b"fantix", b"pencil", [1, 2, 3, 4]);
        assert_eq!(expected.len(), 35);
        assert_eq!(play.sent(), [(b'p', [expected.as_bytes(), &[0]].concat())]);
        play.server(&[auth_ok(), ready(b'I')]);
        done(reply).unwrap();
    });
}

/// Goes through SCRAM up to the server's proof, which it returns.
fn scram(play: &mut Play, password: &str) -> Option<Vec<u8>> {
    prove(play, Server::new(password), b"SCRAM-SHA-256\0\0")
}

/// The same with a server of its own and what it offers.
pub(super) fn prove(play: &mut Play, mut server: Server, offer: &[u8]) -> Option<Vec<u8>> {
    play.server(&[authentication(10, offer)]);
    let [(b'p', initial)] = &play.sent()[..] else {
        panic!()
    };
    play.server(&[authentication(11, &server.challenge(initial, 1))]);
    let [(b'p', response)] = &play.sent()[..] else {
        panic!()
    };
    server.verify(response)
}

#[test]
fn scram_proves_the_password_to_both_sides() {
    replay(|play| {
        let reply = start(play);
        let proof = scram(play, "pencil").expect("the client knows the password");
        play.server(&[authentication(12, &proof), auth_ok(), ready(b'I')]);
        done(reply).unwrap();
        assert_eq!(play.link.status(), Status::Idle);
    });
}

#[test]
fn server_that_does_not_know_the_password_is_refused() {
    replay(|play| {
        let reply = start(play);
        assert!(scram(play, "other").is_none());
        play.server(&[authentication(12, b"v=AAAA"), auth_ok(), ready(b'I')]);
        let error = done(reply).err().unwrap();
        assert_eq!(auth_error(&error), &AuthError::ServerSignature);
        assert!(is_over(play));
    });
}

#[test]
fn server_that_skips_its_proof_is_refused() {
    replay(|play| {
        let reply = start(play);
        scram(play, "pencil");
        play.server(&[auth_ok(), ready(b'I')]);
        assert_eq!(done(reply).err().unwrap().kind(), ErrorKind::Protocol);
        assert!(is_over(play));
    });
}

#[test]
fn server_that_asks_for_endless_arithmetic_is_refused() {
    replay(|play| {
        let reply = start(play);
        play.server(&[authentication(10, b"SCRAM-SHA-256\0\0")]);
        let challenge = Server::new("pencil").challenge(&play.sent()[0].1, u32::MAX);
        play.server(&[authentication(11, &challenge)]);
        assert_eq!(done(reply).err().unwrap().kind(), ErrorKind::Protocol);
        assert!(is_over(play));
    });
}

#[test]
fn password_is_asked_for_once() {
    replay(|play| {
        let reply = start(play);
        play.server(&[authentication(5, &[1, 2, 3, 4]), authentication(3, &[])]);
        assert_eq!(done(reply).err().unwrap().kind(), ErrorKind::Protocol);
        assert!(is_over(play));
        let sent = play.raw();
        assert!(!sent.windows(6).any(|w| w == b"pencil"));
    });
}

#[test]
fn wrong_password_is_the_servers_error() {
    replay(|play| {
        let reply = start(play);
        play.server(&[authentication(3, &[])]);
        play.server(&[fatal("28P01", "password authentication failed")]);
        let error = done(reply).err().unwrap();
        assert_eq!(error.sqlstate(), Some("28P01"));
        assert!(error.db().unwrap().is_fatal());
        assert!(is_over(play));
    });
}

#[test]
fn method_that_cannot_be_served_is_named() {
    let kerberos = (authentication(2, &[]), "Kerberos");
    let gss = (authentication(7, &[]), "GSSAPI or SSPI");
    let sasl = (
        authentication(10, b"OTHER\0\0"),
        "SASL without SCRAM-SHA-256",
    );
    for (message, name) in [kerberos, gss, sasl] {
        replay(|play| {
            let reply = start(play);
            play.server(std::slice::from_ref(&message));
            let error = done(reply).err().unwrap();
            assert_eq!(auth_error(&error), &AuthError::Unsupported(name));
            assert!(is_over(play));
        });
    }
}

#[test]
fn missing_password_is_said() {
    let mut config = config(&[]);
    config.password = None;
    replay_with(&config, |play| {
        let reply = start(play);
        play.server(&[authentication(5, &[1, 2, 3, 4])]);
        let error = done(reply).err().unwrap();
        let user = "fantix".to_owned();
        assert_eq!(
            auth_error(&error),
            &AuthError::NoPassword {
                user,
                passfile: None
            }
        );
        assert!(is_over(play));
    });
}

#[test]
fn end_of_stream_during_start_up_is_closed() {
    replay(|play| {
        let reply = start(play);
        play.server(&[auth_ok(), parameter("a", "b")[..4].to_vec()]);
        play.eof();
        assert_eq!(done(reply).err().unwrap().kind(), ErrorKind::Closed);
        assert!(is_over(play));
    });
}
