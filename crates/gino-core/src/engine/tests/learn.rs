//! Types that have to be asked for: when the server is asked, how often, and what comes of it when
//! the question fails, takes long or is given up.

use super::backend::Role;
use super::types::{GONE, MOOD, MOODS, PET};
use super::*;
use crate::codec::catalog::Shape;
use crate::codec::{Catalog, Format};
use crate::engine::Hooks;
use crate::error::Deadline;
use crate::runtime::Runtime;
use crate::session::Status;

const SQL: &str = "TYPED 100003 23 100002";

/// An engine that learns.
fn learning(world: &World, settings: &[(&str, &str)]) -> Engine<World> {
    let url = "postgresql://fantix@server/gino?min_size=0";
    let config = Config::new(Some(url), settings.iter().copied(), &|_: &str| None).unwrap();
    let catalog = Arc::new(Catalog::new());
    Engine::with_hooks(Arc::new(config), world.clone(), Hooks::default(), catalog)
}

fn server_is(world: &World, role: Role) {
    world.network.server().roles = vec![("server:5432", role)];
}

fn questions(world: &World) -> Vec<String> {
    let server = world.network.server();
    let texts = server.texts().into_iter();
    texts
        .filter(|text| text.starts_with("TYPES"))
        .map(str::to_owned)
        .collect()
}

/// What the columns of a result are, in words.
async fn shapes(seat: &Arc<Seat<World>>, sql: &str) -> Result<Vec<&'static str>> {
    let sink: Box<dyn Sink> = Box::new(Shapes::default());
    let done = seat.run(&Sql::new(sql), &NoParams, Some(sink), 0).await?;
    let shapes = done.sink.expect("the sink comes back").into_any();
    Ok(shapes.downcast::<Shapes>().unwrap().0)
}

#[derive(Default)]
struct Shapes(Vec<&'static str>);

impl Sink for Shapes {
    fn begin(&mut self, columns: &Arc<Columns>) -> Result<()> {
        let words = columns.iter().map(|column| {
            let learnt = column.learnt.as_deref();
            assert_eq!(
                learnt.map_or(Format::Binary, |ty| ty.format()),
                column.format
            );
            match learnt.map(|ty| &ty.shape) {
                None => "own",
                Some(Shape::Enum(_)) => "enum",
                Some(Shape::Plain(_)) => "text",
                Some(Shape::Array(_)) => "array",
                Some(Shape::Composite(_)) => "composite",
                Some(_) => "other",
            }
        });
        self.0 = words.collect();
        Ok(())
    }

    fn row(&mut self, _row: RawRow<'_>) -> Result<()> {
        Ok(())
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any + Send> {
        self
    }
}

const LEARNT: [&str; 3] = ["composite", "own", "array"];
const UNLEARNT: [&str; 3] = ["text", "own", "text"];

#[test]
fn statement_of_the_servers_own_types_asks_nothing() {
    let world = World::new(1);
    let engine = learning(&world, &[("max_size", "1")]);
    world.run(async move {
        let lease = engine.acquire(None).await.unwrap();
        assert_eq!(
            shapes(lease.seat(), "TYPED 23 25").await.unwrap(),
            ["own", "own"]
        );
        assert_eq!(run(lease.seat(), "ROWS 2").await.unwrap(), [1, 2]);
    });
    assert_eq!(questions(&world), [""; 0]);
}

#[test]
fn engine_that_does_not_learn_asks_nothing() {
    let world = World::new(1);
    let engine = pool_of_one(&world);
    world.run(async move {
        let lease = engine.acquire(None).await.unwrap();
        let statement = lease.seat().prepared(&Sql::new(SQL)).await.unwrap();
        let formats: Vec<_> = statement
            .columns
            .iter()
            .map(|column| column.format)
            .collect();
        assert_eq!(formats, [Format::Text, Format::Binary, Format::Text]);
    });
    assert_eq!(questions(&world), [""; 0]);
}

#[test]
fn one_question_a_level_and_none_for_what_is_known() {
    for seed in 0..20 {
        let world = World::new(seed);
        let engine = learning(&world, &[]);
        world.run(async move {
            let lease = engine.acquire(None).await.unwrap();
            let other = engine.acquire(None).await.unwrap();
            for seat in [lease.seat(), lease.seat(), other.seat()] {
                assert_eq!(shapes(seat, SQL).await.unwrap(), LEARNT);
            }
            let text = format!("TYPED {MOOD} {MOODS}");
            assert_eq!(
                shapes(other.seat(), &text).await.unwrap(),
                ["enum", "array"]
            );
        });
        assert_eq!(
            questions(&world),
            [format!("TYPES {MOODS} {PET}"), format!("TYPES {MOOD}")]
        );
    }
}

#[test]
fn type_that_does_not_exist_is_asked_for_once_and_is_text() {
    let world = World::new(1);
    let engine = learning(&world, &[("max_size", "1")]);
    world.run(async move {
        let lease = engine.acquire(None).await.unwrap();
        let text = format!("TYPED {GONE} {MOOD}");
        for _ in 0..3 {
            assert_eq!(shapes(lease.seat(), &text).await.unwrap(), ["text", "enum"]);
        }
    });
    assert_eq!(questions(&world), [format!("TYPES {MOOD} {GONE}")]);
}

#[test]
fn many_who_learn_at_once_all_know_and_each_asks_at_most_once_a_level() {
    for seed in 0..50 {
        let world = World::new(seed);
        let engine = learning(&world, &[("max_size", "3")]);
        let tasks: Vec<_> = (0..9)
            .map(|_| {
                let engine = engine.clone();
                world.start(async move {
                    let lease = engine.acquire(None).await?;
                    shapes(lease.seat(), SQL).await
                })
            })
            .collect();
        world.advance(seconds(5));
        for task in tasks {
            assert_eq!(task.lock().unwrap().take().unwrap().unwrap(), LEARNT);
        }
        assert!(questions(&world).len() <= 6, "{:?}", questions(&world));
    }
}

#[test]
fn tasks_that_share_a_connection_learn_too() {
    for seed in 0..50 {
        let world = World::new(seed);
        let engine = learning(&world, &[("max_size", "1")]);
        let lease = world.run(async move { engine.acquire(None).await.unwrap() });
        let tasks: Vec<_> = (0..5)
            .map(|_| {
                let seat = Arc::clone(lease.seat());
                world.start(async move { shapes(&seat, SQL).await })
            })
            .collect();
        world.advance(seconds(5));
        for task in tasks {
            assert_eq!(task.lock().unwrap().take().unwrap().unwrap(), LEARNT);
        }
    }
}

#[test]
fn change_of_a_type_is_heard_of_and_all_is_asked_again() {
    let world = World::new(1);
    let engine = learning(&world, &[]);
    world.run(async move {
        let lease = engine.acquire(None).await.unwrap();
        let other = engine.acquire(None).await.unwrap();
        assert_eq!(shapes(lease.seat(), SQL).await.unwrap(), LEARNT);
        run(other.seat(), "ALTER TYPE mood").await.unwrap();
        assert_eq!(shapes(lease.seat(), SQL).await.unwrap(), LEARNT);
    });
    assert_eq!(questions(&world).len(), 4);
}

#[test]
fn what_a_transaction_did_to_types_is_asked_for_again_after_it() {
    let world = World::new(1);
    let engine = learning(&world, &[("max_size", "1")]);
    let inside = world.clone();
    world.run(async move {
        let lease = engine.acquire(None).await.unwrap();
        let tx = begin(lease.seat()).await.unwrap();
        run(lease.seat(), "ALTER TYPE mood").await.unwrap();
        for _ in 0..2 {
            assert_eq!(shapes(lease.seat(), SQL).await.unwrap(), LEARNT);
        }
        assert_eq!(questions(&inside).len(), 2);
        tx.rollback().await.unwrap();
        assert_eq!(shapes(lease.seat(), SQL).await.unwrap(), LEARNT);
        assert_eq!(questions(&inside).len(), 4);
    });
}

#[test]
fn failed_transaction_teaches_nothing_that_outlives_it() {
    let world = World::new(1);
    let engine = learning(&world, &[("max_size", "1")]);
    let inside = world.clone();
    world.run(async move {
        let lease = engine.acquire(None).await.unwrap();
        let seat = lease.seat();
        assert_eq!(shapes(seat, SQL).await.unwrap(), LEARNT);
        let tx = begin(seat).await.unwrap();
        assert_eq!(error(run(seat, "FAIL").await).sqlstate(), Some("22012"));
        seat.forget_types();
        assert_eq!(error(shapes(seat, SQL).await).sqlstate(), Some("25P02"));
        assert_eq!(
            questions(&inside).len(),
            2,
            "a failed transaction was asked"
        );
        tx.rollback().await.unwrap();
        assert_eq!(shapes(seat, SQL).await.unwrap(), LEARNT);
    });
}

#[test]
fn without_the_right_to_ask_values_are_text() {
    let world = World::new(1);
    let discreet = true;
    server_is(
        &world,
        Role {
            discreet,
            ..Role::default()
        },
    );
    let engine = learning(&world, &[("max_size", "1")]);
    let inside = world.clone();
    world.run(async move {
        let lease = engine.acquire(None).await.unwrap();
        for _ in 0..3 {
            assert_eq!(shapes(lease.seat(), SQL).await.unwrap(), UNLEARNT);
        }
        assert_eq!(questions(&inside).len(), 1);
        // In a transaction the refusal is its end, and has to be told.
        let tx = begin(lease.seat()).await.unwrap();
        let other = shapes(lease.seat(), "TYPED 100002").await;
        assert_eq!(error(other).sqlstate(), Some("42501"));
        assert_eq!(lease.seat().status(), Status::Failed);
        tx.rollback().await.unwrap();
        assert_eq!(run(lease.seat(), "ROWS 1").await.unwrap(), [1]);
    });
}

#[test]
fn time_out_while_learning_frees_the_connection_and_the_next_learns() {
    for seed in 0..20 {
        let world = World::new(seed);
        server_is(
            &world,
            Role {
                types_take: 1500,
                ..Role::default()
            },
        );
        let engine = learning(&world, &[("max_size", "1")]);
        let (inside, same) = (world.clone(), engine.clone());
        world.run(async move {
            let lease = same.acquire(None).await.unwrap();
            let seat = lease.seat();
            let before = inside.now();
            let slow = within(&inside, limit(&inside, 1), shapes(seat, SQL));
            assert_eq!(error(slow.await).deadline(), Some(Deadline::Statement));
            assert_eq!(run(seat, "ROWS 1").await.unwrap(), [1]);
            assert!(inside.now().saturating_since(before) < seconds(2));
            assert_eq!(shapes(seat, SQL).await.unwrap(), LEARNT);
        });
        let server = world.network.server();
        assert_eq!((server.cancels, server.violations), (1, 0));
        assert_eq!(server.backends().count(), 1);
    }
}

#[test]
fn learning_can_be_given_up_at_any_moment() {
    for seed in 0..100 {
        let world = World::new(seed);
        server_is(
            &world,
            Role {
                types_take: 5,
                ..Role::default()
            },
        );
        let engine = learning(&world, &[("max_size", "1")]);
        let inside = world.clone();
        world.run(async move {
            let lease = engine.acquire(None).await.unwrap();
            let seat = lease.seat();
            let pause = Duration::from_millis(seed);
            let until = Limit::within(&inside, Some(pause));
            let _ = within(&inside, until, shapes(seat, SQL)).await;
            assert_eq!(shapes(seat, SQL).await.unwrap(), LEARNT);
            assert_eq!(seat.status(), Status::Idle);
        });
        assert_eq!(world.network.server().violations, 0);
    }
}

#[test]
fn connection_that_ends_while_it_learns_says_so() {
    let world = World::new(1);
    server_is(
        &world,
        Role {
            types_take: 1000,
            ..Role::default()
        },
    );
    let engine = learning(&world, &[("max_size", "1")]);
    let same = engine.clone();
    let lost = world.start(async move {
        let lease = same.acquire(None).await.unwrap();
        shapes(lease.seat(), SQL).await
    });
    world.advance(Duration::from_millis(500));
    world.network.kill(&world, 1);
    world.advance(seconds(1));
    assert!(lost.lock().unwrap().take().expect("it ended").is_err());
    let next = world.run(async move {
        let lease = engine.acquire(None).await.unwrap();
        shapes(lease.seat(), SQL).await
    });
    assert_eq!(next.unwrap(), LEARNT);
}

#[test]
fn behind_a_pooler_the_question_goes_along_unnamed() {
    let world = World::new(1);
    let pooled_process = Some(99);
    server_is(
        &world,
        Role {
            pooled_process,
            ..Role::default()
        },
    );
    let engine = learning(&world, &[("max_size", "1")]);
    world.run(async move {
        let lease = engine.acquire(None).await.unwrap();
        for _ in 0..3 {
            assert_eq!(shapes(lease.seat(), SQL).await.unwrap(), LEARNT);
        }
        let statement = lease.seat().prepared(&Sql::new(SQL)).await.unwrap();
        assert_eq!(&*statement.name, "");
    });
    assert_eq!(questions(&world).len(), 2);
}
