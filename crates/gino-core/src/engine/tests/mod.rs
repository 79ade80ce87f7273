//! Owns the tests of the flows: the real engine and client on a deterministic runtime with a virtual
//! clock, against a server in memory. Never a socket, a thread or a real second.

mod runtime;
mod network;
mod types;
mod backend;
mod sql;

mod observe;
mod life;
mod borrow;
mod statement;
mod transaction;
mod cancel;
mod sharing;
mod handle;
mod outlet;
mod hook;
mod learn;
mod copy;
mod close;
mod target;
mod trouble;
mod security;

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::{Engine, Lease, Limit, Seat, Transaction, TransactionOptions, within};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::row::{Columns, RawRow, Values};
use crate::session::{NoParams, Sink, Sql};
use runtime::World;

/// An engine that connects into `world`.
fn engine(world: &World, settings: &[(&str, &str)]) -> Engine<World> {
    let url = "postgresql://fantix@server/gino?min_size=0";
    let config = Config::new(Some(url), settings.iter().copied(), &|_: &str| None).unwrap();
    Engine::new(Arc::new(config), world.clone())
}

fn pool_of_one(world: &World) -> Engine<World> {
    engine(world, &[("max_size", "1")])
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn limit(world: &World, count: u64) -> Option<Limit> {
    Limit::within(world, Some(seconds(count)))
}

/// A connection, if there is one without waiting.
fn at_once(engine: &Engine<World>) -> Option<Lease<World>> {
    let mut cx = Context::from_waker(Waker::noop());
    match pin!(engine.acquire(None)).poll(&mut cx) {
        Poll::Ready(lease) => Some(lease.unwrap()),
        Poll::Pending => None,
    }
}

async fn begin(seat: &Arc<Seat<World>>) -> Result<Transaction<World>> {
    Transaction::begin(Arc::clone(seat), TransactionOptions::default(), None).await
}

/// Runs `sql` as a prepared statement and returns the integers of its first column.
async fn run(seat: &Arc<Seat<World>>, sql: &str) -> Result<Vec<i32>> {
    let sink: Box<dyn Sink> = Box::new(Integers::default());
    let done = seat.run(&Sql::new(sql), &NoParams, Some(sink), 0).await?;
    let sink = done.sink.expect("the sink comes back").into_any();
    Ok(sink.downcast::<Integers>().unwrap().0)
}

/// A sink of rows with one integer each.
#[derive(Default)]
struct Integers(Vec<i32>);

impl Sink for Integers {
    fn begin(&mut self, _columns: &Arc<Columns>) -> Result<()> {
        Ok(())
    }

    fn row(&mut self, row: RawRow<'_>) -> Result<()> {
        let value = Values::next(&mut row.values()).unwrap()?.unwrap();
        self.0.push(i32::from_be_bytes(value.try_into().unwrap()));
        Ok(())
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any + Send> {
        self
    }
}

fn error<T>(result: Result<T>) -> Error {
    result.err().expect("an error")
}
