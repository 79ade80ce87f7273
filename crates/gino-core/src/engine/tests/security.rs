//! Encryption as the flows see it: what is tried in which order, and what is not tried again.

use super::network::TlsSide;
use super::*;
use crate::error::{Deadline, Leaf, Phase};

/// What came of acquiring with `mode`: encrypted or not, or why not; and every connection there was.
fn outcome(mode: &str, tls: TlsSide, wants_tls: Option<bool>) -> (Result<bool, Error>, Vec<bool>) {
    let world = World::new(1);
    {
        let mut server = world.network.server();
        (server.tls, server.wants_tls) = (tls, wants_tls);
    }
    let engine = engine(&world, &[("sslmode", mode)]);
    let acquired = world.run(async move { engine.acquire(None).await.map(drop) });
    let opened = world.network.server().opened.clone();
    let last = opened.last().copied().unwrap_or_default();
    (acquired.map(|()| last), opened)
}

#[test]
fn every_mode_comes_to_what_libpq_makes_of_it() {
    use TlsSide::{Fails, None as No, Works};
    // Mode, what the server makes of TLS, whom it lets in: whether it is encrypted in the end, and
    // the connections that were opened.
    let good = [
        ("disable", Works, None, false, vec![false]),
        ("allow", Works, None, false, vec![false]),
        ("allow", Works, Some(true), true, vec![false, true]),
        ("allow", No, None, false, vec![false]),
        ("prefer", Works, None, true, vec![true]),
        ("prefer", No, None, false, vec![false]),
        ("prefer", Fails, None, false, vec![true, false]),
        ("prefer", Works, Some(false), false, vec![true, false]),
        ("require", Works, None, true, vec![true]),
        ("verify-full", Works, Some(true), true, vec![true]),
    ];
    for (mode, tls, wants, encrypted, all) in good {
        let (acquired, opened) = outcome(mode, tls, wants);
        assert_eq!(acquired.unwrap(), encrypted, "{mode}");
        assert_eq!(opened, all, "{mode}");
    }
    let bad = [
        ("disable", Works, Some(true), vec![false]),
        ("allow", No, Some(true), vec![false]),
        ("allow", Fails, Some(true), vec![false, true]),
        ("prefer", Fails, Some(true), vec![true, false]),
        ("require", No, None, vec![]),
        ("require", Fails, None, vec![true]),
        ("require", Works, Some(false), vec![true]),
    ];
    for (mode, tls, wants, all) in bad {
        let (acquired, opened) = outcome(mode, tls, wants);
        assert!(acquired.is_err(), "{mode}");
        assert_eq!(opened, all, "{mode}");
    }
}

#[test]
fn error_tells_why_tls_failed_rather_than_that_it_is_missed() {
    let (acquired, _) = outcome("prefer", TlsSide::Fails, Some(true));
    let error = acquired.unwrap_err();
    assert!(matches!(error.leaf(), Leaf::Connect(cause) if cause.phase() == Phase::Tls));
    assert!(
        error.to_string().contains("a handshake that fails"),
        "{error}"
    );
    let (acquired, _) = outcome("require", TlsSide::None, None);
    let error = acquired.unwrap_err();
    assert!(error.to_string().contains("does not do TLS"), "{error}");
}

#[test]
fn wrong_password_is_not_shown_again_without_encryption() {
    let world = World::new(1);
    world.network.server().tls = TlsSide::Works;
    world.network.server().unfriendly = Some(("server:5432", "28P01"));
    let engine = pool_of_one(&world);
    let acquired = world.run(async move { engine.acquire(None).await.map(drop) });
    assert_eq!(error(acquired).sqlstate(), Some("28P01"));
    assert_eq!(world.network.server().opened, [true]);
}

#[test]
fn server_without_the_newest_protocol_is_asked_for_the_oldest() {
    for (min, count) in [("3.0", 2), ("3.2", 1)] {
        let world = World::new(1);
        world.network.server().unfriendly = Some(("server:5432", "0A000"));
        let settings = [
            ("max_protocol_version", "3.2"),
            ("min_protocol_version", min),
        ];
        let engine = engine(&world, &settings);
        let acquired = world.run(async move { engine.acquire(None).await.map(drop) });
        assert_eq!(error(acquired).sqlstate(), Some("0A000"));
        assert_eq!(world.network.server().opened.len(), count);
    }
}

#[test]
fn cancel_request_is_encrypted_like_the_connection() {
    for tls in [TlsSide::Works, TlsSide::None] {
        let world = World::new(1);
        world.network.server().tls = tls;
        let engine = pool_of_one(&world);
        let (inside, limited) = (world.clone(), engine.clone());
        let late = world.run(async move {
            let lease = limited.acquire(None).await.unwrap();
            let limit = limit(&inside, 1);
            within(&inside, limit, run(lease.seat(), "SLEEP 60000")).await
        });
        assert_eq!(error(late).deadline(), Some(Deadline::Statement));
        world.advance(seconds(5));
        let server = world.network.server();
        assert_eq!(server.cancels, 1);
        assert_eq!(server.opened, [tls == TlsSide::Works; 2]);
    }
}
