//! Owns the tokio side of the engine's seam: clock, timers, background tasks and sockets.
//! Never knows a protocol or a pool. `gino_core::engine` calls it.

mod keepalive;
mod socket;
#[cfg(feature = "tls")]
mod asked;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod verify;
mod connect;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::thread::Thread;
use std::time::Duration;

use gino_core::clock::Instant;
use gino_core::error::Result;
use gino_core::runtime::{Caller, Runtime};
use gino_core::session::{Channel, Route, Wire};
use tokio::runtime::Handle as Tokio;
use tokio::time::Sleep;

pub(crate) use connect::check;

/// The engine that both faces share, on tokio.
pub(crate) type Core = gino_core::engine::Engine<TokioRuntime>;
/// A contextual connection of it.
pub(crate) type Handle = gino_core::engine::Handle<TokioRuntime>;
/// A connection that goes back to the pool when it is dropped.
pub(crate) type Lease = gino_core::engine::Lease<TokioRuntime>;
/// A connection as long as it is borrowed.
pub(crate) type Seat = gino_core::engine::Seat<TokioRuntime>;
/// A transaction or savepoint on it.
pub(crate) type CoreTransaction = gino_core::engine::Transaction<TokioRuntime>;

/// The runtime of an engine that runs on tokio.
///
/// Tasks are spawned where the caller runs; where there is no runtime (a connection dropped after
/// the end of `block_on`), in the one that made the engine.
#[derive(Debug, Clone)]
pub(crate) struct TokioRuntime {
    origin: tokio::time::Instant,
    home: Option<Tokio>,
    /// The application's own, which takes the place of what the settings say.
    #[cfg(feature = "tls")]
    tls: Option<Arc<tokio_rustls::rustls::ClientConfig>>,
}

impl TokioRuntime {
    pub(crate) fn new() -> TokioRuntime {
        TokioRuntime {
            origin: tokio::time::Instant::now(),
            home: Tokio::try_current().ok(),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// The same, which encrypts by `config`.
    #[cfg(feature = "tls")]
    pub(crate) fn with_tls(self, config: Option<Arc<tokio_rustls::rustls::ClientConfig>>) -> Self {
        TokioRuntime {
            tls: config,
            ..self
        }
    }
}

impl Runtime for TokioRuntime {
    type Sleep = Pin<Box<Sleep>>;

    fn now(&self) -> Instant {
        Instant::new(self.origin.elapsed())
    }

    fn sleep_until(&self, at: Instant) -> Self::Sleep {
        // Far beyond any deadline that means something, and what tokio itself falls back to.
        let far = || self.origin + Duration::from_secs(86_400 * 365 * 30);
        let at = (self.origin.checked_add(at.since_origin())).unwrap_or_else(far);
        Box::pin(tokio::time::sleep_until(at))
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // Without any runtime the task is dropped: what it would have finished ends with the process.
        if let Some(handle) = Tokio::try_current().ok().or_else(|| self.home.clone()) {
            handle.spawn(task);
        }
    }

    fn random(&self) -> u64 {
        // A fresh state is seeded by the system.
        RandomState::new().build_hasher().finish()
    }

    async fn connect(&self, route: &Route, wire: Arc<dyn Wire>) -> Result<Channel> {
        connect::connect(self, route, &wire).await
    }

    fn caller(&self) -> Option<Arc<dyn Caller>> {
        Some(match tokio::task::try_id() {
            Some(id) => Arc::new(Asking::Task(id)),
            None => Arc::new(Asking::Thread(std::thread::current())),
        })
    }
}

/// Who asked for a connection.
enum Asking {
    Task(tokio::task::Id),
    Thread(Thread),
}

impl Caller for Asking {
    fn name(&self) -> Option<Arc<str>> {
        match self {
            Asking::Task(id) => Some(format!("task {id}").into()),
            Asking::Thread(thread) => Some(thread.name()?.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn time_is_that_of_tokio() {
        let runtime = TokioRuntime::new();
        let before = runtime.now();
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(
            runtime.now().saturating_since(before),
            Duration::from_secs(7)
        );
        runtime
            .sleep_until(before + Duration::from_secs(3600))
            .await;
        assert!(runtime.now() >= before + Duration::from_secs(3600));
        // Farther than any clock goes.
        drop(runtime.sleep_until(before + Duration::MAX));
    }

    #[tokio::test]
    async fn caller_is_named_by_its_task() {
        let runtime = TokioRuntime::new();
        let inside = runtime.clone();
        let named = tokio::spawn(async move {
            let id = tokio::task::id();
            let name = inside.caller().and_then(|caller| caller.name());
            (name, Some(Arc::from(format!("task {id}"))))
        });
        let (name, expected) = named.await.unwrap();
        assert_eq!(name, expected);
        assert!(
            runtime
                .caller()
                .is_some_and(|caller| caller.name().is_some())
        );
    }

    #[test]
    fn without_any_runtime_a_task_is_dropped() {
        let kept = Arc::new(());
        let held = Arc::clone(&kept);
        TokioRuntime::new().spawn(async move { drop(held) });
        assert_eq!(Arc::strong_count(&kept), 1);
    }
}
