//! Channel binding and `require_auth`: what is proved to whom, and what is refused.

use super::play::{Play, config, done, replay, replay_with};
use super::scram::Server;
use super::server::*;
use super::startup::{auth_error, is_over, prove, start};
use crate::config::Config;
use crate::error::{AuthError, Error, ErrorKind};
use crate::session::{Channel, Session, Status};

const PLUS: (&str, &str) = ("SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,");
const BOTH: &[u8] = b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0";
const ONLY: &[u8] = b"SCRAM-SHA-256\0\0";
const HASH: &[u8] = b"a hash of the server's certificate";

fn tls(hash: Option<&[u8]>) -> Channel {
    Channel::Tls {
        end_point: hash.map(Box::from),
    }
}

fn wanting(value: &str) -> Config {
    config(&[("channel_binding", value)])
}

/// Logs in over `channel` on a server that takes `begins` only.
fn lets_in(config: &Config, channel: &Channel, begins: (&'static str, &'static str), offer: &[u8]) {
    let hash = if begins == PLUS { HASH } else { b"" };
    replay_with(config, |play| {
        play.channel = channel.clone();
        let reply = start(play);
        let server = Server::with("pencil", begins, hash);
        let proof = prove(play, server, offer).expect("a proof that the server takes");
        play.server(&[authentication(12, &proof), auth_ok(), ready(b'I')]);
        done(reply).unwrap();
        assert_eq!(play.link.status(), Status::Idle);
    });
}

fn refused(play: &mut Play, messages: &[Vec<u8>]) -> Error {
    let reply = start(play);
    play.server(messages);
    assert!(is_over(play));
    let sent = play.raw();
    assert!(!sent.windows(6).any(|part| part == b"pencil"), "{sent:?}");
    done(reply).err().expect("an error")
}

#[test]
fn password_is_bound_to_the_servers_certificate_if_both_can() {
    for value in ["prefer", "require"] {
        lets_in(&wanting(value), &tls(Some(HASH)), PLUS, BOTH);
    }
    lets_in(
        &wanting("require"),
        &tls(Some(HASH)),
        PLUS,
        b"SCRAM-SHA-256-PLUS\0\0",
    );
}

#[test]
fn server_with_another_certificate_gets_no_valid_proof() {
    replay(|play| {
        play.channel = tls(Some(b"the hash of somebody in between"));
        let _reply = start(play);
        assert!(prove(play, Server::with("pencil", PLUS, HASH), BOTH).is_none());
    });
}

#[test]
fn client_says_that_it_could_have_bound_so_that_a_server_that_can_notices() {
    lets_in(
        &wanting("prefer"),
        &tls(Some(HASH)),
        ("SCRAM-SHA-256", "y,,"),
        ONLY,
    );
}

#[test]
fn without_channel_binding_the_header_says_so() {
    let plain = ("SCRAM-SHA-256", "n,,");
    lets_in(&wanting("disable"), &tls(Some(HASH)), plain, BOTH);
    lets_in(&wanting("disable"), &tls(Some(HASH)), plain, ONLY);
    lets_in(&wanting("prefer"), &tls(None), plain, BOTH);
    lets_in(&wanting("prefer"), &Channel::Plain, plain, ONLY);
}

#[test]
fn binding_offered_where_nothing_is_encrypted_is_refused() {
    replay(|play| {
        let error = refused(play, &[authentication(10, BOTH)]);
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    });
}

#[test]
fn required_binding_that_cannot_be_had_is_said() {
    let plain = Channel::Plain;
    for (channel, message, reason) in [
        (
            &plain,
            authentication(10, ONLY),
            "the connection is not encrypted",
        ),
        (
            &tls(Some(HASH)),
            authentication(10, ONLY),
            "the server does not offer SCRAM-SHA-256-PLUS",
        ),
        (
            &tls(None),
            authentication(10, BOTH),
            "the server's certificate is signed without a hash",
        ),
        (
            &tls(Some(HASH)),
            authentication(3, &[]),
            "the server asks for the password itself or its MD5",
        ),
        (
            &tls(Some(HASH)),
            authentication(5, &[1, 2, 3, 4]),
            "the server asks for the password itself or its MD5",
        ),
        (
            &tls(Some(HASH)),
            auth_ok(),
            "the server lets us in without a password",
        ),
    ] {
        replay_with(&wanting("require"), |play| {
            play.channel = channel.clone();
            let error = refused(play, std::slice::from_ref(&message));
            assert_eq!(auth_error(&error), &AuthError::NotBound(reason));
        });
    }
}

#[test]
fn method_that_is_not_accepted_gets_no_answer() {
    let clear = (
        authentication(3, &[]),
        "password",
        "the password in clear text",
    );
    let md5 = (
        authentication(5, &[1, 2, 3, 4]),
        "md5",
        "the MD5 of the password",
    );
    let scram = (authentication(10, ONLY), "scram-sha-256", "SCRAM-SHA-256");
    let trust = (auth_ok(), "none", "nothing");
    for (message, method, name) in [clear, md5, scram, trust] {
        let others = ["password", "md5", "scram-sha-256", "none"].map(|other| match other {
            other if other == method => "gss",
            other => other,
        });
        for value in [format!("!{method}"), others.join(","), "oauth".to_owned()] {
            replay_with(&config(&[("require_auth", &value)]), |play| {
                let error = refused(play, std::slice::from_ref(&message));
                assert_eq!(auth_error(&error), &AuthError::Excluded(name));
            });
        }
        replay_with(&config(&[("require_auth", method)]), |play| {
            let reply = start(play);
            play.server(std::slice::from_ref(&message));
            assert!(!is_over(play));
            drop(reply);
        });
    }
}
