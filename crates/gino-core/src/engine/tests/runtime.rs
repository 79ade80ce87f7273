//! Owns the deterministic runtime: tasks, timers in virtual time and a seeded choice of what comes
//! next. Everything runs on the thread that calls [`World::run`]; the same seed, the same run.

use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::network::Network;
use crate::clock::Instant;
use crate::error::Result;
use crate::pg::tests::random::Chance;
use crate::runtime::{Caller, Runtime};
use crate::session::{Channel, Route, Wire};

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The runtime and the world behind it.
#[derive(Clone)]
pub(super) struct World {
    state: Arc<Mutex<State>>,
    pub(super) network: Arc<Network>,
}

struct State {
    now: Instant,
    next_id: u64,
    tasks: HashMap<u64, Option<Task>>,
    ready: Vec<u64>,
    timers: BTreeMap<(Instant, u64), Action>,
    chance: Chance,
    /// A task runs inside the call that wakes it, as in an asyncio loop; else in its turn.
    direct: bool,
    caller: Option<Arc<str>>,
}

enum Action {
    Wake(Waker),
    Do(Box<dyn FnOnce(&World) + Send>),
}

impl World {
    /// A world of its own. Odd seeds wake directly.
    pub(super) fn new(seed: u64) -> World {
        World {
            state: Arc::new(Mutex::new(State {
                now: Instant::new(Duration::from_secs(1)),
                next_id: 0,
                tasks: HashMap::new(),
                ready: Vec::new(),
                timers: BTreeMap::new(),
                chance: Chance::new(seed),
                direct: seed % 2 == 1,
                caller: None,
            })),
            network: Arc::default(),
        }
    }

    /// Who is said to hold what is borrowed from now on.
    pub(super) fn call_me(&self, name: &str) {
        self.lock().caller = Some(name.into());
    }

    /// Runs `future` with everything else until it is done.
    pub(super) fn run<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let result = self.start(future);
        for _ in 0..STEPS {
            if let Some(result) = result.lock().unwrap().take() {
                return result;
            }
            assert!(self.step(None), "nothing will ever happen again");
        }
        panic!("no end");
    }

    /// Starts `future` beside everything else; its result appears in what is returned.
    pub(super) fn start<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Arc<Mutex<Option<T>>> {
        let result = Arc::new(Mutex::new(None));
        let into = Arc::clone(&result);
        self.spawn(async move {
            let value = future.await;
            *into.lock().unwrap() = Some(value);
        });
        result
    }

    /// Lets `time` pass, with everything that happens in it.
    pub(super) fn advance(&self, time: Duration) {
        let until = self.now() + time;
        for _ in 0..STEPS {
            if !self.step(Some(until)) {
                self.lock().now = until;
                return;
            }
        }
        panic!("no end");
    }

    /// The clock jumps, and nothing could run meanwhile: a loop that was busy.
    pub(super) fn stall(&self, time: Duration) {
        let mut state = self.lock();
        state.now = state.now + time;
    }

    /// Does `action` after `delay`.
    pub(super) fn after(&self, delay: Duration, action: impl FnOnce(&World) + Send + 'static) {
        let at = self.now() + delay;
        self.set_timer(at, Action::Do(Box::new(action)));
    }

    /// How many tasks there are.
    pub(super) fn tasks(&self) -> usize {
        self.state.lock().unwrap().tasks.len()
    }

    pub(super) fn chance(&self, bound: usize) -> usize {
        self.lock().chance.below(bound)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn set_timer(&self, at: Instant, action: Action) -> (Instant, u64) {
        let mut state = self.lock();
        state.next_id += 1;
        let key = (at, state.next_id);
        state.timers.insert(key, action);
        key
    }

    /// Polls a task or fires a timer, whichever chance picks of what is due; else the next timer, if
    /// that is not after `until`. False if there is nothing.
    fn step(&self, until: Option<Instant>) -> bool {
        let mut state = self.lock();
        let now = state.now;
        let due: Vec<_> = state
            .timers
            .range(..=(now, u64::MAX))
            .map(|(key, _)| *key)
            .collect();
        let choices = state.ready.len() + due.len();
        if choices == 0 {
            let Some(&(at, _)) = state.timers.keys().next() else {
                return false;
            };
            if until.is_some_and(|until| at > until) {
                return false;
            }
            state.now = at;
            return true;
        }
        let pick = state.chance.below(choices);
        if let Some(key) = pick.checked_sub(state.ready.len()) {
            let action = state.timers.remove(&due[key]);
            drop(state);
            match action {
                Some(Action::Wake(waker)) => waker.wake(),
                Some(Action::Do(action)) => action(self),
                None => {}
            }
            return true;
        }
        let id = state.ready.swap_remove(pick);
        drop(state);
        self.poll(id);
        true
    }

    fn poll(&self, id: u64) {
        let task = self.lock().tasks.get_mut(&id).and_then(Option::take);
        let Some(mut task) = task else {
            return;
        };
        let world = self.clone();
        let waker = Waker::from(Arc::new(Ready { id, world }));
        let done = task
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_ready();
        if done {
            self.lock().tasks.remove(&id);
            drop(task);
        } else {
            self.lock().tasks.insert(id, Some(task));
        }
    }
}

struct Ready {
    id: u64,
    world: World,
}

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        let mut state = self.world.lock();
        let Some(task) = state.tasks.get(&self.id) else {
            return;
        };
        if state.direct && task.is_some() {
            drop(state);
            self.world.poll(self.id);
        } else if !state.ready.contains(&self.id) {
            state.ready.push(self.id);
        }
    }
}

impl Runtime for World {
    type Sleep = Sleep;

    fn now(&self) -> Instant {
        self.lock().now
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        let world = self.clone();
        Sleep {
            world,
            at,
            timer: None,
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut state = self.lock();
        state.next_id += 1;
        let id = state.next_id;
        state.tasks.insert(id, Some(Box::pin(task)));
        state.ready.push(id);
    }

    fn random(&self) -> u64 {
        u64::try_from(self.chance(usize::MAX)).unwrap()
    }

    async fn connect(&self, route: &Route, wire: Arc<dyn Wire>) -> Result<Channel> {
        let delay = self.network.server().connect_delay;
        self.sleep_until(self.now() + delay).await;
        self.network.accept(self, route, wire)
    }

    fn caller(&self) -> Option<Arc<dyn Caller>> {
        let name = self.lock().caller.clone()?;
        Some(Arc::new(Named(name)))
    }
}

struct Named(Arc<str>);

impl Caller for Named {
    fn name(&self) -> Option<Arc<str>> {
        Some(Arc::clone(&self.0))
    }

    fn place(&self) -> Option<Arc<str>> {
        Some("here:1".into())
    }
}

pub(super) struct Sleep {
    world: World,
    at: Instant,
    timer: Option<(Instant, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.world.now() >= self.at {
            return Poll::Ready(());
        }
        self.forget();
        let wake = Action::Wake(cx.waker().clone());
        self.timer = Some(self.world.set_timer(self.at, wake));
        Poll::Pending
    }
}

impl Sleep {
    fn forget(&mut self) {
        let old = self
            .timer
            .take()
            .and_then(|key| self.world.lock().timers.remove(&key));
        drop(old);
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.forget();
    }
}

/// More than any test needs: a run that goes on for longer hangs.
const STEPS: usize = 200_000;
