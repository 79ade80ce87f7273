//! COPY through the flows: others wait, and a copy given up at any point leaves a clean connection
//! to the next borrower. The server here panics if anything gets between COPY data.

use super::*;
use crate::engine::Copied;
use crate::error::ErrorKind;
use crate::runtime::Runtime;
use crate::session::Status;

async fn pause(world: &World, milliseconds: u64) {
    let at = world.now() + Duration::from_millis(milliseconds);
    world.sleep_until(at).await;
}

#[test]
fn copies_and_other_requests_take_turns() {
    for seed in 0..100 {
        let world = World::new(seed);
        let engine = pool_of_one(&world);
        let lease = Arc::new(world.run(async move { engine.acquire(None).await.unwrap() }));
        let mut ended = Vec::new();
        for number in 0..6 {
            let (world, lease) = (world.clone(), Arc::clone(&lease));
            let wait = world.chance(20) as u64;
            ended.push(world.clone().start(async move {
                pause(&world, wait).await;
                if number % 2 == 0 {
                    return run(lease.seat(), "ROWS 1").await.unwrap().len() == 1;
                }
                let mut copy = lease.seat().copy_in("COPYIN").await.unwrap();
                for _ in 0..3 {
                    pause(&world, 3).await;
                    copy.write(b"abc").await.unwrap();
                }
                &*copy.finish().await.unwrap().tag == "COPY 3"
            }));
        }
        world.advance(seconds(1));
        let all = ended
            .iter()
            .all(|ended| *ended.lock().unwrap() == Some(true));
        assert!(all, "seed {seed}");
        assert_eq!(lease.seat().status(), Status::Idle);
    }
}

#[test]
fn copy_given_up_at_any_point_leaves_a_clean_connection() {
    for seed in 0..300 {
        let world = World::new(seed);
        world.network.server().cancel_delay = Duration::from_millis(world.chance(5) as u64);
        let engine = pool_of_one(&world);
        let time = Duration::from_millis(world.chance(40) as u64);
        let (same, other) = (world.clone(), engine.clone());
        let into = seed % 3 != 0;
        let copied = world.run(async move {
            let lease = other.acquire(None).await.unwrap();
            let limit = Limit::within(&same, Some(time));
            let copying = async {
                if into {
                    let mut copy = lease.seat().copy_in("COPYIN").await?;
                    for _ in 0..4 {
                        copy.write(b"abc").await?;
                        pause(&same, 5).await;
                    }
                    return copy.finish().await.map(drop);
                }
                let mut copy = lease.seat().copy_out("COPYOUT 50").await?;
                while let Copied::Data(_) = copy.read().await? {
                    pause(&same, 5).await;
                }
                Ok(())
            };
            let copied = within(&same, limit, copying).await;
            if seed % 2 == 0 {
                assert_eq!(run(lease.seat(), "ROWS 2").await.unwrap(), [1, 2]);
            }
            lease.release().await;
            let next = other.acquire(None).await.unwrap();
            assert_eq!(next.seat().status(), Status::Idle, "seed {seed}");
            assert_eq!(run(next.seat(), "ROWS 1").await.unwrap(), [1]);
            copied
        });
        let stored = world.network.server().texts().contains(&"COPIED 4");
        if into && copied.is_ok() {
            assert!(stored, "seed {seed}: lost");
        }
        world.advance(seconds(1));
        let figures = engine.figures();
        assert_eq!((figures.in_use, figures.idle), (0, 1), "seed {seed}");
        assert_eq!(world.network.server().violations, 0);
    }
}

#[test]
fn data_comes_out_whole() {
    let world = World::new(1);
    let engine = pool_of_one(&world);
    let (size, tag) = world.run(async move {
        let lease = engine.acquire(None).await.unwrap();
        let mut copy = lease.seat().copy_out("COPYOUT 500").await.unwrap();
        let mut size = 0;
        loop {
            match copy.read().await.unwrap() {
                Copied::Data(data) => size += data.len(),
                Copied::End(done) => {
                    assert_eq!(error(copy.read().await).kind(), ErrorKind::Closed);
                    return (size, done.tag);
                }
            }
        }
    });
    assert_eq!((size, &*tag), (50_000, "COPYOUT"));
}

#[test]
fn servers_error_reaches_who_copies() {
    for seed in 0..10 {
        let world = World::new(seed);
        let engine = pool_of_one(&world);
        world.run(async move {
            let lease = engine.acquire(None).await.unwrap();
            let seat = lease.seat();
            assert_eq!(error(seat.copy_in("FAIL").await).sqlstate(), Some("22012"));
            assert_eq!(error(seat.copy_in("UPDATE").await).kind(), ErrorKind::Usage);
            let mut copy = seat.copy_out("FAIL").await.unwrap();
            assert_eq!(error(copy.read().await).sqlstate(), Some("22012"));
            assert_eq!(run(seat, "ROWS 1").await.unwrap(), [1]);
            let seat = Arc::clone(seat);
            lease.release().await;
            assert_eq!(error(seat.copy_in("COPYIN").await).kind(), ErrorKind::Usage);
        });
    }
}

#[test]
fn copy_on_a_connection_that_dies_fails() {
    let world = World::new(8);
    let engine = pool_of_one(&world);
    let same = world.clone();
    let failed = world.run(async move {
        let lease = engine.acquire(None).await.unwrap();
        let mut copy = lease.seat().copy_in("COPYIN").await.unwrap();
        copy.write(b"abc").await.unwrap();
        same.network.kill(&same, 1);
        pause(&same, 5).await;
        error(copy.finish().await)
    });
    assert_eq!(failed.sqlstate(), Some("57P01"));
}
