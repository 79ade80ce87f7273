//! Owns clients that do all operations, whole or cut short, and go on whatever they are told. Never decides what
//! happens to the server meanwhile.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gino::{Error, ErrorKind};
use tokio::task::JoinHandle;

use crate::chance::Chance;
use crate::drop::{Drops, Moment, Stop};
use crate::ground::promptly;
use crate::operation::{Field, Operation};

const CLIENTS: usize = 12;

/// How long a server may be away until the work goes on.
const RETURN: Duration = Duration::from_secs(30);

pub(crate) struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

struct Shared {
    field: Field,
    /// Where futures are dropped; none is without.
    seed: Option<u64>,
    ended: AtomicBool,
    /// How often each error was heard, by SQLSTATE or kind.
    errors: Mutex<BTreeMap<String, usize>>,
}

impl Load {
    /// Every operation is left alone.
    pub(crate) fn start(field: Field) -> Load {
        Load::of(field, None)
    }

    /// Every other operation is cut short.
    pub(crate) fn cut_short(field: Field, seed: u64) -> Load {
        Load::of(field, Some(seed))
    }

    fn of(field: Field, seed: Option<u64>) -> Load {
        let shared = Arc::new(Shared {
            field,
            seed,
            ended: AtomicBool::new(false),
            errors: Mutex::default(),
        });
        let client = |number| {
            let shared = Arc::clone(&shared);
            tokio::spawn(async move { shared.work(number).await })
        };
        let clients = (0..CLIENTS).map(client).collect();
        Load { shared, clients }
    }

    pub(crate) fn field(&self) -> &Field {
        &self.shared.field
    }

    /// Waits until so much more work is committed.
    pub(crate) async fn goes_on(&self) {
        let enough = self.shared.field.ledger.kept() + 60;
        self.until(|| self.shared.field.ledger.kept() >= enough)
            .await;
    }

    /// Waits until clients have heard the error `name` again.
    pub(crate) async fn hears(&self, name: &str) {
        let enough = self.heard(name) + 3;
        self.until(|| self.heard(name) >= enough).await;
    }

    /// How many errors clients have heard.
    pub(crate) fn errors(&self) -> usize {
        self.shared.errors.lock().unwrap().values().sum()
    }

    /// Lets what is under way end. What was worked on, and which errors were heard how often.
    pub(crate) async fn end(self) -> (Field, BTreeMap<String, usize>) {
        self.shared.ended.store(true, Ordering::SeqCst);
        for client in self.clients {
            promptly(client).await.unwrap();
        }
        let shared = Arc::into_inner(self.shared).unwrap();
        (shared.field, shared.errors.into_inner().unwrap())
    }

    fn heard(&self, name: &str) -> usize {
        let errors = self.shared.errors.lock().unwrap();
        errors.get(name).copied().unwrap_or_default()
    }

    async fn until(&self, is_so: impl Fn() -> bool) {
        let start = Instant::now();
        while !is_so() {
            let errors = &self.shared.errors;
            assert!(
                start.elapsed() < RETURN,
                "the work does not go on: {errors:?}"
            );
            let failed = self.clients.iter().any(JoinHandle::is_finished);
            assert!(!failed, "a client has ended: its words are above");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Shared {
    async fn work(&self, number: usize) {
        let seed = self.seed.map(|seed| seed * CLIENTS as u64 + number as u64);
        let mut chance = seed.map(Chance::new);
        let mut operations = Operation::ALL.iter().cycle().skip(number);
        while !self.ended.load(Ordering::SeqCst) {
            let Some(operation) = operations.next() else {
                return;
            };
            let moment = match chance.as_mut() {
                Some(chance) => Moment::of_any(chance),
                None => Moment::Never,
            };
            let done = promptly(operation.run(&self.field, &Drops::new(moment))).await;
            if let Err(Stop::Failed(error)) = done {
                let name = name(&error);
                *self.errors.lock().unwrap().entry(name).or_default() += 1;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

/// The SQLSTATE or kind of an error that is due to a server that goes away; panics at any other.
fn name(error: &Error) -> String {
    match (error.sqlstate(), error.kind()) {
        // Shutdown, crash and start-up of the server, its connections, its recovery.
        (Some(state), _) if ["57P", "08"].iter().any(|class| state.starts_with(class)) => {
            state.to_owned()
        }
        (Some("25006"), _) => "25006".to_owned(),
        (None, kind @ (ErrorKind::Connect | ErrorKind::Closed)) => format!("{kind:?}"),
        _ => panic!("another error than of a server that goes away: {error:?}"),
    }
}
