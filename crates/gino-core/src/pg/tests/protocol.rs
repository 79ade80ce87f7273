//! The version of the protocol: what is asked for, what the server makes of it, and long cancel keys.

use super::play::{config, done, replay_with};
use super::server::*;
use super::startup::{auth_error, is_over, start};
use crate::config::Config;
use crate::error::{AuthError, ErrorKind};
use crate::session::Session;

fn latest(min: &str) -> Config {
    config(&[
        ("max_protocol_version", "latest"),
        ("min_protocol_version", min),
    ])
}

#[test]
fn cancel_key_may_have_up_to_256_bytes() {
    for size in [4, 32, 256] {
        let key = vec![7; size];
        replay_with(&latest("3.2"), |play| {
            let reply = start(play);
            let body = [&[0, 0, 1, 2], &key[..]].concat();
            play.server(&[auth_ok(), message(b'K', &body), ready(b'I')]);
            done(reply).unwrap();
            let length = u32::try_from(12 + size).unwrap().to_be_bytes();
            let expected = [&length, &[4, 210, 22, 46][..], &[0, 0, 1, 2], &key].concat();
            assert_eq!(play.link.cancel_packet().unwrap(), expected);
        });
    }
}

#[test]
fn older_server_is_spoken_to_in_its_own_protocol() {
    // The manual has the minor version in the message, servers send the whole number.
    for newest in [0, 0x0003_0000] {
        replay_with(&latest("3.0"), |play| {
            let reply = start(play);
            play.server(&[negotiate(newest), auth_ok(), backend_key(1, 2), ready(b'I')]);
            done(reply).unwrap();
            assert_eq!(play.link.cancel_packet().unwrap().len(), 16);
        });
    }
}

#[test]
fn server_that_is_older_than_asked_for_is_refused() {
    replay_with(&latest("3.2"), |play| {
        let reply = start(play);
        play.server(&[negotiate(0x0003_0000)]);
        let error = done(reply).err().unwrap();
        assert_eq!(auth_error(&error), &AuthError::OldProtocol);
        assert!(is_over(play));
    });
}

#[test]
fn version_that_nobody_asked_for_is_a_lie() {
    let twice = [negotiate(0x0003_0000), negotiate(0x0003_0000)].concat();
    let after = [auth_ok(), negotiate(0x0003_0000)].concat();
    let option = message(b'v', b"\0\x03\0\0\0\0\0\x01_pq_.x\0");
    for (config, lie) in [
        (config(&[]), negotiate(0x0003_0000)),
        (latest("3.0"), negotiate(0x0003_0001)),
        (latest("3.0"), negotiate(0x0003_0002)),
        (latest("3.0"), negotiate(0x0003_0009)),
        (latest("3.0"), negotiate(0x0002_0000)),
        (latest("3.0"), twice),
        (latest("3.0"), after),
        (latest("3.0"), option),
        (latest("3.0"), message(b'v', &[0, 3, 0])),
    ] {
        replay_with(&config, |play| {
            let reply = start(play);
            play.server(std::slice::from_ref(&lie));
            assert_eq!(done(reply).err().unwrap().kind(), ErrorKind::Protocol);
            assert!(is_over(play));
        });
    }
}
