//! A PostgreSQL that is killed (-9), whole or by its backends, in recovery, or gives way to its standby,
//! under load: what was committed stays, once, and the pool goes on by itself.

use gino::prelude::*;

use crate::cluster::Cluster;
use crate::ground::on_each_runtime;
use crate::ledger::Ledger;
use crate::load::Load;
use crate::operation::Field;
use crate::server::{PATIENCE, with};
use crate::witness::Witness;

/// The cluster of the tests does without, and loses commits.
const DURABLE: &str = "options=-csynchronous_commit%3Don";

/// Has clients work at `url` while `happens`, then sees that nothing was lost at `at_last`.
async fn under_load(name: &str, url: &str, at_last: &str, happens: impl AsyncFnOnce(&Load)) {
    let witness = Witness::of(url, name).await;
    let ledger = Ledger::create(url, name).await;
    let url = with(&with(&witness.url, DURABLE), "min_size=0&max_size=4");
    let engine = Engine::connect(&url).await.unwrap();
    let load = Load::start(Field {
        url,
        engine,
        ledger,
    });
    load.goes_on().await;
    happens(&load).await;
    load.goes_on().await;
    let (field, errors) = load.end().await;
    field.engine.close(PATIENCE).await.unwrap();
    witness.sees_all_gone().await;
    let balance = field.ledger.moved_to(at_last).balance().await;
    println!("crash: {name}, errors {errors:?}, {balance:?}");
}

#[test]
fn server_killed_under_load_loses_and_doubles_nothing() {
    on_each_runtime(async |_| {
        let mut server = Cluster::start(&[]);
        let url = server.url.clone();
        under_load("postmaster", &url, &url, async |load| {
            for _ in 0..3 {
                let before = load.errors();
                server.order("kill");
                server.order("start");
                load.goes_on().await;
                assert!(load.errors() > before, "nobody noticed");
            }
        })
        .await;
    });
}

#[test]
fn backend_killed_under_load_loses_and_doubles_nothing() {
    on_each_runtime(async |_| {
        let mut server = Cluster::start(&[]);
        let url = server.url.clone();
        under_load("backend", &url, &url, async |load| {
            for _ in 0..3 {
                let before = load.errors();
                let connections = load.field().engine.connections();
                let process = connections.iter().find_map(|one| one.process).unwrap();
                // The server ends all others with it.
                server.order(&format!("kill {process}"));
                load.goes_on().await;
                assert!(load.errors() > before, "nobody noticed");
            }
        })
        .await;
    });
}

#[test]
fn server_in_recovery_refuses_to_write_until_it_is_promoted() {
    on_each_runtime(async |_| {
        let mut server = Cluster::start(&[]);
        let url = server.url.clone();
        under_load("recovery", &url, &url, async |load| {
            server.order("kill");
            server.order("recover");
            // Connections are opened, and every write is refused with the server's own word.
            load.hears("25006").await;
            server.order("promote");
        })
        .await;
    });
}

#[test]
fn standby_that_takes_over_has_all_that_was_committed() {
    on_each_runtime(async |_| {
        // A commit is one when the standby has it.
        let mut server = Cluster::start(&["synchronous_standby_names=*"]);
        let standby = server.order("follow");
        let (user, primary) = server.url.rsplit_once('@').unwrap();
        let (primary, database) = primary.rsplit_once('/').unwrap();
        let place = standby
            .rsplit_once('@')
            .unwrap()
            .1
            .rsplit_once('/')
            .unwrap()
            .0
            .to_owned();
        let hosts = format!("{user}@{primary},{place}/{database}");
        let url = with(&hosts, "target_session_attrs=read-write");
        under_load("failover", &url, &standby, async |_| {
            server.order("kill");
            server.order("fail over");
        })
        .await;
    });
}
