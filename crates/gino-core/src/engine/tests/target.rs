//! Several hosts: which of them is kept, and in which order they are tried.

use std::collections::BTreeSet;

use super::backend::Role;
use super::*;
use crate::error::ErrorKind;

const PRIMARY: Role = Role {
    standby: false,
    read_only: false,
    silent: false,
    pooled_process: None,
    types_take: 0,
    discreet: false,
};
const STANDBY: Role = Role {
    standby: true,
    ..PRIMARY
};
const READ_ONLY: Role = Role {
    read_only: true,
    ..PRIMARY
};

/// The host that is taken of `first`, `second` and `third`, which have these roles.
fn taken(seed: u64, wanted: &str, roles: [Role; 3]) -> Result<String> {
    let world = World::new(seed);
    let hosts = ["first:5432", "second:5432", "third:5432"];
    world.network.server().roles = hosts.into_iter().zip(roles).collect();
    let engine = engine(
        &world,
        &[
            ("host", "first,second,third"),
            ("target_session_attrs", wanted),
        ],
    );
    let held = engine.clone();
    let lease = world.run(async move { held.acquire(None).await })?;
    let host = lease.seat().route.endpoint.to_string();
    world.advance(seconds(1));
    assert_eq!(
        world.network.server().backends().count(),
        1,
        "others are closed"
    );
    Ok(host.trim_end_matches(":5432").to_owned())
}

#[test]
fn first_server_of_the_wanted_kind_is_kept() {
    let roles = [STANDBY, READ_ONLY, PRIMARY];
    for silent in [false, true] {
        let roles = roles.map(|role| Role { silent, ..role });
        for (wanted, host) in [
            ("any", "first"),
            ("read-write", "third"),
            ("read-only", "first"),
            ("primary", "second"),
            ("standby", "first"),
            ("prefer-standby", "first"),
        ] {
            assert_eq!(taken(1, wanted, roles).unwrap(), host, "{wanted}");
        }
    }
}

#[test]
fn prefer_standby_takes_what_there_is() {
    assert_eq!(
        taken(1, "prefer-standby", [PRIMARY, PRIMARY, STANDBY]).unwrap(),
        "third"
    );
    assert_eq!(taken(1, "prefer-standby", [PRIMARY; 3]).unwrap(), "first");
}

#[test]
fn no_server_of_the_wanted_kind_is_an_error_that_says_so() {
    for (wanted, roles, words) in [
        ("standby", PRIMARY, "is not in hot standby"),
        ("primary", STANDBY, "is in hot standby"),
        ("read-write", READ_ONLY, "takes no writes"),
        ("read-only", PRIMARY, "takes writes"),
    ] {
        let error = taken(1, wanted, [roles; 3]).expect_err(wanted);
        assert_eq!(error.kind(), ErrorKind::Connect);
        let text = error.to_string();
        assert!(
            text.contains(words) && text.contains("third:5432"),
            "{text}"
        );
        assert!(
            text.contains(&format!("target_session_attrs={wanted}")),
            "{text}"
        );
    }
}

#[test]
fn hosts_at_random_are_all_taken_by_turns() {
    let mut hosts = BTreeSet::new();
    for seed in 0..40 {
        let world = World::new(seed);
        let settings = [("host", "a,b,c"), ("load_balance_hosts", "random")];
        let engine = engine(&world, &settings);
        let lease = world.run(async move { engine.acquire(None).await.unwrap() });
        hosts.insert(lease.seat().route.endpoint.to_string());
    }
    assert_eq!(hosts.len(), 3, "{hosts:?}");
}

#[test]
fn behind_a_pooler_no_statement_is_kept() {
    let prepared = |pooled_process| {
        let world = World::new(1);
        let role = Role {
            pooled_process,
            ..PRIMARY
        };
        world.network.server().roles = vec![("server:5432", role)];
        let engine = pool_of_one(&world);
        world.run(async move {
            let lease = engine.acquire(None).await.unwrap();
            assert_eq!(run(lease.seat(), "ROWS 2").await.unwrap(), [1, 2]);
            assert_eq!(run(lease.seat(), "ROWS 2").await.unwrap(), [1, 2]);
            let statement = lease.seat().prepared(&Sql::new("ROWS 2")).await.unwrap();
            statement.name.len()
        })
    };
    assert_eq!(prepared(Some(99)), 0);
    assert_ne!(prepared(None), 0);
}
