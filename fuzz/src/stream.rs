//! Owns the check of a server's stream: with requests of every kind in flight nothing panics, memory
//! follows what arrived, and in the end every request is answered.

use std::any::Any;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use gino_core::codec::Catalog;
use gino_core::config::{Config, Protocol};
use gino_core::error::Result;
use gino_core::pg::Link;
use gino_core::row::{Columns, RawRow, Values};
use gino_core::session::{
    Channel, Flush, NoParams, Reply, Request, Session, Sink, Sql, Submitted, Transport, Wire,
};

/// The first byte says whether the bytes begin after the greeting, the second how many come at once.
pub fn run(data: &[u8]) {
    let Some(([greeted, step], bytes)) = data.split_first_chunk::<2>() else {
        return;
    };
    let url = "postgresql://fantix:pencil@localhost/gino?statement_cache_size=1";
    let config = Config::parse(Some(url), &|_: &str| None).expect("a URL");
    let endpoint = config.endpoints.first().expect("an endpoint");
    let link = Link::new(&config, Arc::new(Catalog::new()), 1);
    link.attach(Box::new(Nowhere));
    let start = link.start(&config, endpoint, Channel::Plain, Protocol::V3_0);
    let mut replies = vec![start.expect("a start")];
    if greeted % 2 == 1 {
        deliver(&link, GREETING, GREETING.len());
        replies.extend(requests(&link, &[]));
        deliver(&link, PREPARED, PREPARED.len());
        replies.extend(requests(&link, PREPARED));
    }
    deliver(&link, bytes, usize::from(*step).max(1));
    let _ = link.readable(&mut |_| Ok(0));
    link.lost(None);
    for mut reply in replies {
        let mut cx = Context::from_waker(Waker::noop());
        assert!(
            Pin::new(&mut reply).poll(&mut cx).is_ready(),
            "never answered"
        );
    }
    let mut out = bytes::BytesMut::new();
    link.poll_transmit(&mut out);
}

/// AuthenticationOk, BackendKeyData, ReadyForQuery.
const GREETING: &[u8] = b"R\0\0\0\x08\0\0\0\0K\0\0\0\x0c\0\0\0\x01\0\0\0\x02Z\0\0\0\x05I";

/// ParseComplete, ParameterDescription, a RowDescription of one int4, ReadyForQuery.
const PREPARED: &[u8] =
    b"1\0\0\0\x04t\0\0\0\x06\0\0T\0\0\0\x1a\0\x01n\0\0\0\0\0\0\0\0\0\0\x17\0\x04\
    \xff\xff\xff\xff\0\0Z\0\0\0\x05I";

/// Submits a statement to prepare; once that is done, something of every kind.
fn requests(link: &Arc<Link>, prepared: &[u8]) -> Vec<Reply> {
    let sql = Sql::new("SELECT 1");
    if prepared.is_empty() {
        return submit(link, Request::Prepare(&sql));
    }
    let Some(statement) = &link.cached(&sql) else {
        return Vec::new();
    };
    let (portal, params, max_rows) = ("p", &NoParams, 2);
    [
        Request::Execute {
            statement,
            params,
            max_rows,
        },
        Request::Prepare(&Sql::new("SELECT 2")),
        Request::Script("SELECT 1; COPY t TO STDOUT"),
        Request::Open {
            portal,
            statement,
            params,
            max_rows,
        },
        Request::Fetch {
            portal,
            statement,
            max_rows,
        },
        Request::Close { portal },
    ]
    .into_iter()
    .flat_map(|request| submit(link, request))
    .collect()
}

fn submit(link: &Arc<Link>, request: Request<'_>) -> Vec<Reply> {
    match link.submit(request, &mut Some(Box::new(Cells(0)))) {
        Ok(Submitted::Reply(reply)) => vec![reply],
        _ => Vec::new(),
    }
}

/// Gives bytes to the link as a face would: `step` at a time, and no more once it is broken.
fn deliver(link: &Arc<Link>, mut bytes: &[u8], step: usize) {
    while !bytes.is_empty() {
        let read = link.readable(&mut |buffer: &mut [u8]| {
            assert!(
                buffer.len() < LARGEST_READ,
                "{} bytes to read into",
                buffer.len()
            );
            let count = bytes.len().min(buffer.len()).min(step);
            let (now, later) = bytes.split_at(count);
            if let Some(place) = buffer.get_mut(..count) {
                place.copy_from_slice(now);
            }
            bytes = later;
            Ok(count)
        });
        if read.is_err() {
            return;
        }
    }
}

/// More room than this for one read is memory that a peer has claimed and not filled, in bytes.
const LARGEST_READ: usize = 4 << 20;

/// Reads every cell.
struct Cells(usize);

impl Sink for Cells {
    fn begin(&mut self, columns: &Arc<Columns>) -> Result<()> {
        self.0 = columns.len();
        Ok(())
    }

    fn row(&mut self, row: RawRow<'_>) -> Result<()> {
        let mut values = row.values();
        while let Some(value) = Values::next(&mut values) {
            value?;
        }
        Ok(())
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}

/// A socket that sends to nobody.
struct Nowhere;

impl Transport for Nowhere {
    fn flush(&self, _: Flush) {}

    fn close(&self) {}
}
