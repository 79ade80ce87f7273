//! Owns the half of a connection that is behind a lock: what is to be sent, what is in flight, what
//! the server said about the session. Never waits or calls out. `Link` and `Answers` change it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;

use super::cache::Cache;
use super::op::{Op, Work};
use super::stage::Stage;
use super::touch::Outdated;
use super::{encode, message};
use crate::codec::Oid;
use crate::codec::catalog::{Catalog, Customs, is_own};
use crate::config::Config;
use crate::error::{DbError, Error, Result};
use crate::row::Columns;
use crate::session::{CopyDoor, Known, Outlet, Sql, Statement, Status};

pub(super) struct Shared {
    pub(super) out: BytesMut,
    pub(super) pending: VecDeque<Box<Op>>,
    pub(super) status: Status,
    pub(super) cache: Cache,
    /// Boxed: it is not needed to run statements, whose part is to be small.
    pub(super) said: Box<Said>,
    /// Why it was lost while nobody waited for anything.
    pub(super) early: Option<Error>,
    /// Who hears what the server says by itself.
    pub(super) outlet: Option<Arc<dyn Outlet>>,
    /// The application closed the connection, nobody else.
    pub(super) closed_here: bool,
    pub(super) touched: bool,
    /// There are prepared statements that the cache does not know of.
    pub(super) added: bool,
    /// Nothing is taken while what runs is being cancelled.
    pub(super) held: bool,
    /// The COPY FROM STDIN that is under way: nothing else is taken.
    pub(super) door: Option<Arc<CopyDoor>>,
    /// How many requests are submitted and not answered, the current one included.
    pub(super) in_flight: usize,
    /// Input is being handled: what is submitted goes out when that ends.
    pub(super) corked: bool,
    /// Messages that must not get between COPY data, and what they do.
    pub(super) deferred: Box<(BytesMut, VecDeque<Box<Op>>)>,
    /// What is known of the database's types.
    pub(super) catalog: Arc<Catalog>,
    /// The types that the host reads and writes itself.
    pub(super) customs: Arc<Customs>,
    /// Types were changed in the open transaction.
    pub(super) altered: bool,
    /// What statements give was changed in the open transaction.
    outdating: bool,
    /// The catalog's count of such changes when the cache was made.
    plans: u64,
}

/// What the server said of itself and of the session.
#[derive(Default)]
pub(super) struct Said {
    pub(super) parameters: HashMap<Box<str>, Box<str>>,
    /// The process behind the connection, and what cancels what it runs.
    pub(super) key: Option<(i32, Box<[u8]>)>,
    pub(super) farewell: Option<DbError>,
}

impl Shared {
    pub(super) fn new(config: &Config, catalog: Arc<Catalog>, tag: u64) -> Shared {
        Shared {
            plans: catalog.plans(),
            out: BytesMut::new(),
            pending: VecDeque::new(),
            status: Status::Starting,
            cache: Cache::new(config.statement_cache_size, tag),
            said: Box::default(),
            early: None,
            outlet: None,
            closed_here: false,
            touched: false,
            added: false,
            held: false,
            door: None,
            in_flight: 0,
            corked: false,
            deferred: Default::default(),
            catalog,
            customs: Arc::default(),
            altered: false,
            outdating: false,
        }
    }

    pub(super) fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
        shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets everything else go on after a COPY FROM STDIN.
    pub(super) fn end_copy(&mut self) {
        self.door = None;
        let (messages, mut ops) = std::mem::take(&mut *self.deferred);
        self.out.extend_from_slice(&messages);
        self.pending.append(&mut ops);
    }

    pub(super) fn push(&mut self, op: Box<Op>) {
        self.pending.push_back(op);
        self.in_flight += 1;
    }

    /// What the server says about the session; of no interest once we closed it.
    pub(super) fn heard(&mut self, status: Status) {
        // Others see what a transaction did to types only now.
        if self.altered && status == Status::Idle {
            self.altered = false;
            self.catalog.forget();
        }
        if self.outdating && status == Status::Idle {
            self.outdating = false;
            self.plans = self.catalog.outdate_plans();
        }
        if self.status != Status::Closed {
            self.status = status;
        }
    }

    /// What a command has done to prepared statements, as its tag says.
    pub(super) fn outdated(&mut self, what: Outdated) {
        match what {
            Outdated::Nothing => {}
            Outdated::Added => self.added = true,
            Outdated::Forgotten => {
                self.added = false;
                self.cache.clear();
            }
            Outdated::Here => self.cache.outdate(),
            Outdated::Everywhere => {
                self.cache.outdate();
                self.outdating = true;
            }
        }
    }

    /// The statement for `sql`, if it is still good for something.
    pub(super) fn cached(&mut self, sql: &Sql) -> Option<Arc<Statement>> {
        let plans = self.catalog.plans();
        if plans != self.plans {
            self.plans = plans;
            self.cache.outdate();
        }
        self.cache.look_up(sql)
    }

    /// Keeps a statement, or finds that another of the same text is kept; closes what has to go.
    pub(super) fn keep(&mut self, statement: Arc<Statement>) -> Result<Arc<Statement>> {
        if let Some(twin) = self.cache.insert(&statement) {
            self.close_statement(&statement)?;
            return Ok(twin);
        }
        while let Some(evicted) = self.cache.evict() {
            self.close_statement(&evicted)?;
        }
        Ok(statement)
    }

    /// Forgets a statement that failed with `error`. Where its result has changed or a type is gone, all
    /// others of all connections are to be looked at too: the next attempt of a transaction is to succeed.
    pub(super) fn forget_stale(&mut self, statement: &Statement, error: &Error) -> Result<()> {
        if matches!(error.sqlstate(), Some("0A000" | "XX000")) {
            self.catalog.outdate_plans();
        }
        self.forget(statement)
    }

    /// Forgets a statement that is of no use any more; closing one that is gone does no harm.
    pub(super) fn forget(&mut self, statement: &Statement) -> Result<()> {
        if self.cache.remove(statement) {
            self.close_statement(statement)?;
        }
        Ok(())
    }

    fn close_statement(&mut self, statement: &Statement) -> Result<()> {
        let (out, pending) = match self.door {
            None => (&mut self.out, &mut self.pending),
            Some(_) => (&mut self.deferred.0, &mut self.deferred.1),
        };
        encode::close_statement(statement, out)?;
        pending.push_back(Op::new(Stage::Close, Work::Close, None));
        Ok(())
    }

    /// What is known of the types of a statement that was just prepared.
    pub(super) fn knowledge(&self, params: &[Oid], columns: &Columns) -> Known {
        let oids = || {
            params
                .iter()
                .copied()
                .chain(columns.iter().map(|column| column.oid))
        };
        let own = !self.catalog.learns() || oids().all(is_own);
        match own && self.customs.is_empty() {
            true => Known::Own,
            false => Known::Unasked,
        }
    }

    /// Types may be others from now on.
    pub(super) fn altered(&mut self) {
        self.altered = true;
        self.catalog.forget();
    }

    /// Remembers a setting, within reason.
    pub(super) fn set_parameter(&mut self, name: Box<str>, value: Box<str>) -> Result<()> {
        let is_new = !self.said.parameters.contains_key(&name);
        let too_many = is_new && self.said.parameters.len() >= MAX_PARAMETERS;
        if too_many || name.len() + value.len() > MAX_PARAMETER {
            return Err(message::too_much("ParameterStatus"));
        }
        self.said.parameters.insert(name, value);
        Ok(())
    }
}

/// PostgreSQL reports 15 settings by itself; extensions may add some.
const MAX_PARAMETERS: usize = 256;

/// The largest setting, name and value together, in bytes.
const MAX_PARAMETER: usize = 64 * 1024;
