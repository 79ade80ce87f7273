//! Notifications and notices: heard in order, bounded, until the connection goes back.

use std::time::Duration;

use futures_util::StreamExt;
use gino::Event;
use gino::prelude::*;

use crate::server::Home;

fn payload(event: Option<Event>) -> String {
    match event {
        Some(Event::Notification { payload, .. }) => payload.into(),
        Some(Event::Notice(notice)) => notice.message().into(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn idle_connection_hears_until_it_goes_back() {
    let home = Home::new("events", "max_size=2").await;
    let connection = home.engine.acquire().reusable(false).await.unwrap();
    let mut events = connection.events().await.unwrap();
    connection.status("LISTEN gino_events", &[]).await.unwrap();
    for number in 0..10 {
        let notify = format!("NOTIFY gino_events, '{number}'");
        home.engine.status(notify, &[]).await.unwrap();
    }
    for number in 0..10 {
        assert_eq!(payload(events.next().await), number.to_string());
    }
    home.engine.status("NOTIFY gino_events", &[]).await.unwrap();
    assert_eq!(payload(StreamExt::next(&mut events).await), "");
    let quiet = tokio::time::timeout(Duration::from_millis(20), events.next());
    assert!(quiet.await.is_err());
    let notice = "DO $$BEGIN RAISE NOTICE 'careful'; END$$";
    connection.status(notice, &[]).await.unwrap();
    assert_eq!(payload(events.next().await), "careful");
    connection.release(true).await.unwrap();
    assert!(events.next().await.is_none());
    home.done().await;
}

#[tokio::test]
async fn events_that_nobody_reads_are_counted_and_not_kept() {
    let home = Home::new("events_lost", "max_size=1").await;
    let connection = home.engine.acquire().await.unwrap();
    let mut first = connection.events().await.unwrap();
    let mut events = connection.events().await.unwrap();
    assert!(first.next().await.is_none());
    let many = "DO $$BEGIN FOR i IN 1..1500 LOOP RAISE NOTICE '%', i; END LOOP; END$$";
    connection.status(many, &[]).await.unwrap();
    assert_eq!(events.lost(), 1500 - 1024);
    for number in 1..=1024 {
        assert_eq!(payload(events.next().await), number.to_string());
    }
    drop((connection, events));
    home.done().await;
}
