//! Owns one connection: the sending half behind a lock, the receiving half behind another that nobody
//! waits for while it works, so that whoever is woken may submit the next request. Never performs I/O itself: a
//! face feeds it as a `Wire`, the engine uses it as a `Session`.

use std::cell::Cell;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, TryLockError};

use bytes::BytesMut;
use postgres_protocol::message::frontend;

use super::answers::{Answers, Ended};
use super::cache::Cache;
use super::encode;
use super::op::{Op, Work};
use super::shared::Shared;
use super::stage::Stage;
use super::startup::{self, Startup};
use super::touch;
use crate::codec::Catalog;
use crate::codec::catalog::Customs;
use crate::config::{Config, Endpoint, Protocol};
use crate::error::{Closed, Error, Result};
use crate::session::{
    CacheFigures, Channel, Condition, Feed, Flush, Outlet, Reply, Request, Session, Silence, Sink,
    Sql, Statement, Status, Submitted, Transport, Wire, pass, reply,
};

/// A connection to a PostgreSQL server.
pub struct Link {
    shared: Mutex<Shared>,
    answers: Mutex<Answers>,
    transport: OnceLock<Box<dyn Transport>>,
}

impl Link {
    /// A connection that is not yet attached to a socket. It keeps `config`'s number of statements,
    /// and tells `catalog` when types have changed. `tag` is a number that no other connection has.
    pub fn new(config: &Config, catalog: Arc<Catalog>, tag: u64) -> Arc<Link> {
        Arc::new(Link {
            shared: Mutex::new(Shared::new(config, catalog, tag)),
            answers: Mutex::new(Answers::new()),
            transport: OnceLock::new(),
        })
    }

    /// Begins the start-up conversation with the server at `endpoint`, over `channel`, asking for
    /// `protocol`. The reply comes when the server is ready for queries.
    ///
    /// # Errors
    /// Settings that cannot be sent; later, in the reply: the server's refusal, an `AuthError`.
    pub fn start(
        &self,
        config: &Config,
        endpoint: &Endpoint,
        channel: Channel,
        protocol: Protocol,
    ) -> Result<Reply> {
        let (completer, reply) = reply();
        let startup = Startup::new(config, endpoint, channel, protocol);
        let op = Op::new(
            Stage::Startup,
            Work::Startup(Box::new(startup)),
            Some(completer),
        );
        {
            let mut shared = self.lock();
            // A face may hear of the end before whoever connects goes on; with TLS it often does.
            if shared.status == Status::Closed {
                let lost = || Closed::Lost(None).into();
                let cause = shared.early.take().unwrap_or_else(lost);
                drop(shared);
                op.finish(Some(cause));
                return Ok(reply);
            }
            startup::request(config, protocol, &mut shared.out)?;
            shared.push(op);
        }
        self.flush(Flush::Now);
        Ok(reply)
    }

    /// The server process behind this connection, as it was told at the start.
    pub fn process_id(&self) -> Option<i32> {
        self.lock().said.key.as_ref().map(|(process, _)| *process)
    }

    /// From now on statements go along unnamed each time: the next one may be for another process.
    pub fn keep_no_statements(&self) {
        self.lock().cache = Cache::new(0, 0);
    }

    /// How much room it keeps for what is sent.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.lock().out.capacity()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        Shared::lock(&self.shared)
    }

    fn flush(&self, when: Flush) {
        if let Some(transport) = self.transport.get() {
            transport.flush(when);
        }
    }

    /// Handles what is in the input buffer, and wakes who waits for it, one at a time.
    fn process(&self, answers: &mut Answers) -> Result<()> {
        answers.begin();
        while let Some(Ended { op, ready }) = answers.advance(&self.shared)? {
            let starting = matches!(op.work, Work::Startup(_));
            let failed = op.error.is_some();
            // Answered in the moment it is no longer in flight: who holds the session relies on it.
            let (closed, settled) = {
                let mut shared = self.lock();
                if let Some(status) = ready {
                    shared.heard(status);
                }
                if op.completer.is_some() {
                    shared.in_flight = shared.in_flight.saturating_sub(1);
                }
                if matches!(op.work, Work::CopyIn { .. }) {
                    shared.end_copy();
                }
                (shared.status == Status::Closed, op.settle(None))
            };
            if let Some(settled) = settled {
                settled.wake();
            }
            if closed || (starting && failed) {
                self.shut(|| Closed::Connection);
                return Ok(());
            }
        }
        if let Some(sink) = answers.current.as_mut().and_then(|op| op.sink.as_mut()) {
            if sink.is_full()
                && let Some(transport) = self.transport.get()
            {
                transport.pause();
            }
            sink.wake();
        }
        Ok(())
    }

    /// Opens the door of a COPY again once what it was fed is with the system.
    fn make_room(&self) {
        let (door, left) = {
            let shared = self.lock();
            let Some(door) = shared.door.clone() else {
                return;
            };
            (door, shared.out.len())
        };
        let backlog = self.transport.get().map_or(0, |t| t.backlog());
        if left + backlog < ROOM {
            door.clear();
        }
    }

    /// Closes the socket and fails what is in flight but for the current request.
    fn shut(&self, cause: fn() -> Closed) {
        let (failed, outlet, customs) = {
            let mut shared = self.lock();
            shared.status = Status::Closed;
            shared.in_flight = 0;
            shared.door = None;
            // What waited behind a copy is over, too.
            let (_, mut failed) = std::mem::take(&mut *shared.deferred);
            shared.pending.append(&mut failed);
            (
                std::mem::take(&mut shared.pending),
                shared.outlet.take(),
                std::mem::take(&mut shared.customs),
            )
        };
        // They may refer to the connection, which would keep it.
        drop(customs);
        if let Some(transport) = self.transport.get() {
            transport.close();
        }
        for op in failed {
            op.finish(Some(cause().into()));
        }
        if let Some(outlet) = outlet {
            outlet.end(Silence::Closed);
        }
    }

    /// As `shut`, with the current request, which fails with `first` or what the server said last.
    fn shut_current(&self, current: Option<Box<Op>>, first: Error, others: fn() -> Closed) {
        let farewell = self.lock().said.farewell.clone();
        let first = farewell.map_or(first, Error::from);
        if let Some(op) = current.or_else(|| self.pop()) {
            {
                // Who is woken may run at once, and must not find a copy under way.
                let mut shared = self.lock();
                shared.status = Status::Closed;
                shared.door = None;
            }
            op.finish(Some(first));
        } else {
            self.lock().early = Some(first);
        }
        self.shut(others);
    }

    fn pop(&self) -> Option<Box<Op>> {
        self.lock().pending.pop_front()
    }

    /// The receiving half, unless somebody works with it, who may be the one that asks.
    fn answers(&self) -> Option<MutexGuard<'_, Answers>> {
        match self.answers.try_lock() {
            Ok(answers) => Some(answers),
            Err(TryLockError::Poisoned(answers)) => Some(answers.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// The request whose answer is coming in, unless it is being handled just now.
    fn take_current(&self) -> Option<Box<Op>> {
        self.answers()?.current.take()
    }
}

impl Wire for Link {
    fn attach(&self, transport: Box<dyn Transport>) {
        // A second transport cannot come: the engine attaches once per link.
        let _ = self.transport.set(transport);
    }

    fn readable(&self, read: &mut dyn FnMut(&mut [u8]) -> io::Result<usize>) -> io::Result<usize> {
        let Some(mut answers) = self.answers() else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        let count = read(answers.input.spare())?;
        answers.input.advance(count);
        {
            let mut shared = self.lock();
            shared.corked = true;
            answers.expect(&mut shared);
        }
        let outcome = self.process(&mut answers);
        let (send, copying, closed) = {
            let mut shared = self.lock();
            shared.corked = false;
            let (send, copying) = (!shared.out.is_empty(), shared.door.is_some());
            (send, copying, shared.status == Status::Closed)
        };
        let current = match (&outcome, closed) {
            (Ok(()), false) => None,
            _ => answers.current.take(),
        };
        drop(answers);
        match (outcome, closed) {
            (Err(error), _) => {
                self.shut_current(current, error, || Closed::Lost(None));
                return Err(io::ErrorKind::InvalidData.into());
            }
            (Ok(()), true) => {
                if let Some(op) = current {
                    op.finish(Some(Closed::Connection.into()));
                }
            }
            (Ok(()), false) if send => self.flush(Flush::Now),
            (Ok(()), false) => {}
        }
        if copying {
            self.make_room();
        }
        Ok(count)
    }

    fn poll_transmit(&self, out: &mut BytesMut) -> bool {
        let mut shared = self.lock();
        let any = !shared.out.is_empty();
        pass(&mut shared.out, out, KEEP);
        any
    }

    fn drained(&self) {
        self.make_room();
    }

    fn lost(&self, cause: Option<io::Error>) {
        let current = self.take_current();
        if self.status() != Status::Closed || current.is_some() {
            self.shut_current(current, Closed::Lost(cause).into(), || Closed::Lost(None));
        }
    }
}

impl Session for Link {
    fn submit(&self, request: Request<'_>, sink: &mut Option<Box<dyn Sink>>) -> Result<Submitted> {
        let name = match &request {
            Request::Prepare(_) => self.lock().cache.next_name(),
            _ => Box::default(),
        };
        let mut scratch = SCRATCH.take();
        let stage = encode::encode(&request, &name, &mut scratch)?;
        let (work, touches) = work(&request, name);
        let (completer, reply) = reply();
        let mut op = Op::new(stage, work, Some(completer));
        let when = {
            let mut shared = self.lock();
            if shared.closed_here || shared.status == Status::Closed {
                return Err(why_closed(shared));
            }
            if shared.held || shared.door.is_some() {
                return Ok(Submitted::Held);
            }
            shared.touched = match &request {
                Request::Script(sql) if touch::resets(sql) => false,
                _ => shared.touched || touches,
            };
            if let Request::CopyIn { door, .. } = &request {
                shared.door = Some(Arc::clone(door));
            }
            pass(&mut scratch, &mut shared.out, KEEP);
            op.sink = sink.take();
            shared.push(op);
            match (shared.corked, shared.in_flight) {
                (true, _) => None,
                (false, 1) => Some(Flush::Now),
                (false, _) => Some(Flush::Soon),
            }
        };
        SCRATCH.set(scratch);
        if let Some(when) = when {
            self.flush(when);
        }
        Ok(Submitted::Reply(reply))
    }

    fn hold(&self) -> bool {
        let mut shared = self.lock();
        let takes = !shared.held && shared.in_flight == 1;
        shared.held |= takes;
        takes
    }

    fn unhold(&self) {
        self.lock().held = false;
    }

    fn is_held(&self) -> bool {
        let shared = self.lock();
        shared.held || shared.door.is_some()
    }

    fn feed(&self, feed: Feed<'_>) -> Result<()> {
        let when = {
            let mut shared = self.lock();
            let Some(door) = shared.door.clone() else {
                return Err(Closed::Connection.into());
            };
            encode::feed(feed, &mut shared.out)?;
            door.fill();
            match (shared.corked, feed) {
                (true, _) => None,
                (false, Feed::Data(_)) if shared.out.len() < CHUNK => Some(Flush::Soon),
                (false, _) => Some(Flush::Now),
            }
        };
        if let Some(when) = when {
            self.flush(when);
        }
        self.make_room();
        Ok(())
    }

    fn resume(&self) {
        if let Some(transport) = self.transport.get() {
            transport.resume();
        }
    }

    fn cached(&self, sql: &Sql) -> Option<Arc<Statement>> {
        self.lock().cached(sql)
    }

    fn refine(&self, statement: Arc<Statement>) {
        self.lock().cache.refine(&statement);
    }

    fn forget(&self, sql: &Sql) {
        let forgotten = {
            let mut shared = self.lock();
            let known = shared
                .cache
                .get(sql)
                .filter(|_| shared.status != Status::Closed);
            known.is_some_and(|statement| shared.forget(&statement).is_ok())
        };
        if forgotten {
            self.flush(Flush::Soon);
        }
    }

    fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.lock().catalog)
    }

    fn customs(&self) -> Arc<Customs> {
        Arc::clone(&self.lock().customs)
    }

    fn set_customs(&self, customs: Arc<Customs>) {
        let before = {
            let mut shared = self.lock();
            shared.cache.doubt();
            std::mem::replace(&mut shared.customs, customs)
        };
        // Not under the lock: they are the host's.
        drop(before);
    }

    fn condition(&self) -> Condition {
        let shared = self.lock();
        Condition {
            status: shared.status,
            in_flight: shared.in_flight,
            is_touched: shared.touched,
        }
    }

    fn reset_script(&self) -> &'static str {
        touch::reset_script(self.lock().added)
    }

    fn cancel_packet(&self) -> Option<Vec<u8>> {
        let shared = self.lock();
        let (process, key) = shared.said.key.as_ref()?;
        let mut out = BytesMut::new();
        // PostgreSQL manual, CancelRequest: the code 80877102, then what BackendKeyData said.
        out.extend_from_slice(&u32::try_from(12 + key.len()).ok()?.to_be_bytes());
        out.extend_from_slice(&80_877_102_u32.to_be_bytes());
        out.extend_from_slice(&process.to_be_bytes());
        out.extend_from_slice(key);
        Some(out.to_vec())
    }

    fn parameter(&self, name: &str) -> Option<String> {
        self.lock()
            .said
            .parameters
            .get(name)
            .map(|value| value.to_string())
    }

    fn parameters(&self) -> Vec<(String, String)> {
        let shared = self.lock();
        let all = shared.said.parameters.iter();
        all.map(|(name, value)| (name.to_string(), value.to_string()))
            .collect()
    }

    fn process(&self) -> Option<i32> {
        self.process_id()
    }

    fn cache_figures(&self) -> CacheFigures {
        self.lock().cache.figures()
    }

    fn listen(&self, outlet: Option<Arc<dyn Outlet>>) -> Option<Arc<dyn Outlet>> {
        let mut shared = self.lock();
        if shared.status == Status::Closed {
            return outlet;
        }
        std::mem::replace(&mut shared.outlet, outlet)
    }

    fn close(&self) {
        {
            let mut shared = self.lock();
            if shared.status == Status::Closed {
                return;
            }
            shared.closed_here = true;
            if shared.status != Status::Starting {
                frontend::terminate(&mut shared.out);
            }
        }
        self.flush(Flush::Now);
        let current = self.take_current();
        self.shut_current(current, Closed::Connection.into(), || Closed::Connection);
    }
}

/// Why nothing is taken any more.
#[cold]
fn why_closed(shared: MutexGuard<'_, Shared>) -> Error {
    if shared.closed_here {
        return Closed::Connection.into();
    }
    let farewell = shared.said.farewell.as_ref();
    let cause = farewell.map(|db| io::Error::other(db.clone()));
    drop(shared);
    Closed::Lost(cause).into()
}

thread_local! {
    /// What a request is written into, without a lock: its parameters are the host's.
    static SCRATCH: Cell<BytesMut> = Cell::default();
}

/// How much COPY data is collected before it is sent, in bytes.
const CHUNK: usize = 32 * 1024;

/// How much COPY data may wait to be sent, in bytes, until whoever feeds it has to wait.
const ROOM: usize = 256 * 1024;

/// How much room for what is sent a connection keeps, in bytes.
const KEEP: usize = 256 * 1024;

/// What the answer to `request` will need, and whether the request outlives its transaction.
fn work(request: &Request<'_>, name: Box<str>) -> (Work, bool) {
    match request {
        Request::Prepare(sql) => (
            Work::Prepare {
                name,
                sql: (*sql).clone(),
                params: Box::default(),
            },
            false,
        ),
        Request::Execute { statement, .. }
        | Request::Open { statement, .. }
        | Request::Fetch { statement, .. } => {
            let touches = statement.touches;
            (
                Work::Run {
                    statement: Arc::clone(statement),
                    begun: false,
                },
                touches,
            )
        }
        Request::Script(sql) => (
            Work::Script {
                columns: Arc::default(),
            },
            touch::touches(sql),
        ),
        Request::CopyIn { sql, door } => {
            let door = Arc::clone(door);
            (Work::CopyIn { door }, touch::touches(sql))
        }
        Request::Types { .. } => (Work::Types, false),
        Request::Close { .. } => (Work::Close, false),
    }
}
