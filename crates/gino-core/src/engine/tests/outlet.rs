//! Who hears what a borrowed connection says, and that nobody does once it went back.

use std::sync::Mutex;

use super::*;
use crate::error::{ErrorKind, UsageError};
use crate::session::{Event, Outlet, Silence};

#[derive(Default)]
struct Ear(Mutex<Vec<String>>);

impl Ear {
    fn heard(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Outlet for Ear {
    fn hear(&self, event: Event) {
        if let Event::Notification { payload, .. } = event {
            self.0.lock().unwrap().push(payload.into());
        }
    }

    fn end(&self, silence: Silence) {
        self.0.lock().unwrap().push(format!("{silence:?}"));
    }
}

#[test]
fn outlet_ends_when_the_connection_goes_back() {
    for seed in 0..20 {
        let world = World::new(seed);
        let engine = pool_of_one(&world);
        let ear = Arc::new(Ear::default());
        let outlet = Arc::clone(&ear);
        world.run(async move {
            let lease = engine.acquire(None).await.unwrap();
            lease.seat().listen(Some(outlet.clone())).unwrap();
            run(lease.seat(), "NOTIFY jobs 1").await.unwrap();
            let seat = Arc::clone(lease.seat());
            if seed % 3 == 0 {
                drop(lease);
            } else {
                lease.release().await;
            }
            let late = error(seat.listen(Some(outlet)));
            assert_eq!(late.kind(), ErrorKind::Usage);
            assert_eq!(late.to_string(), UsageError::Released.to_string());
            let next = engine.acquire(None).await.unwrap();
            run(next.seat(), "NOTIFY jobs 2").await.unwrap();
            assert!(next.seat().listen(None).unwrap().is_none());
        });
        assert_eq!(ear.heard(), ["1", "Released"], "seed {seed}");
    }
}

#[test]
fn outlet_ends_when_the_server_does() {
    let world = World::new(1);
    let engine = pool_of_one(&world);
    let ear = Arc::new(Ear::default());
    let outlet = Arc::clone(&ear);
    world.run(async move {
        let lease = engine.acquire(None).await.unwrap();
        lease.seat().listen(Some(outlet.clone())).unwrap();
        error(run(lease.seat(), "DIE").await);
        assert_eq!(
            error(lease.seat().listen(Some(outlet))).kind(),
            ErrorKind::Closed
        );
        lease.release().await;
    });
    assert_eq!(ear.heard(), ["Closed"]);
}
