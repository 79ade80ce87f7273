//! Owns the stage of a transcript: a link, a socket that only collects, and how the server's bytes
//! are cut into reads. Never looks into a message of the server.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;

use super::server::*;
use super::values::{Rows, Values};
use crate::codec::Catalog;
use crate::config::Config;
use crate::error::Result;
use crate::pg::Link;
use crate::session::{
    Channel, Completion, Flush, Reply, Request, Session, Sink, Sql, Statement, Submitted,
    Transport, Wire,
};

/// Where the server's stream is cut into reads.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cut {
    Whole,
    At(usize),
    Bytes,
}

/// Plays `scene` whole, cut in two at every byte of the server's, and byte by byte.
pub(super) fn replay(scene: impl Fn(&mut Play)) {
    replay_with(&config(&[]), scene);
}

pub(super) fn replay_with(config: &Config, scene: impl Fn(&mut Play)) {
    let run = |cut| {
        let mut play = Play::new(config.clone(), cut);
        scene(&mut play);
        play.fed
    };
    let total = run(Cut::Whole);
    assert!(total > 0, "the server said nothing");
    (1..total).for_each(|at| assert_eq!(run(Cut::At(at)), total));
    assert_eq!(run(Cut::Bytes), total);
}

pub(super) fn config(settings: &[(&str, &str)]) -> Config {
    let url = "postgresql://fantix:pencil@localhost/gino";
    Config::new(Some(url), settings.iter().copied(), &|_: &str| None).unwrap()
}

pub(super) struct Play {
    pub(super) link: Arc<Link>,
    pub(super) config: Config,
    /// How the socket is secured.
    pub(super) channel: Channel,
    pub(super) socket: Arc<Socket>,
    pub(super) broken: bool,
    cut: Cut,
    fed: usize,
}

impl Play {
    pub(super) fn new(config: Config, cut: Cut) -> Play {
        Play {
            cut,
            ..Play::on(config, Arc::default(), 0)
        }
    }

    /// One of several connections over one catalog; nothing is cut.
    pub(super) fn on(config: Config, catalog: Arc<Catalog>, tag: u64) -> Play {
        let link = Link::new(&config, catalog, tag);
        let socket = Arc::new(Socket::default());
        link.attach(Box::new(Arc::clone(&socket)));
        Play {
            link,
            config,
            channel: Channel::Plain,
            socket,
            broken: false,
            cut: Cut::Whole,
            fed: 0,
        }
    }

    /// Begins the start-up conversation.
    pub(super) fn start(&self) -> Reply {
        let protocol = self.config.login.max_protocol;
        let endpoint = &self.config.endpoints[0];
        let started = self
            .link
            .start(&self.config, endpoint, self.channel.clone(), protocol);
        started.unwrap()
    }

    /// Starts up with trust; these bytes are not cut.
    pub(super) fn begin(&mut self) {
        let reply = self.start();
        let hello = [auth_ok(), backend_key(7, 9), ready(b'I')].concat();
        self.deliver(&hello);
        done(reply).unwrap();
        self.raw();
    }

    /// The server sends `messages`.
    pub(super) fn server(&mut self, messages: &[Vec<u8>]) {
        let bytes = messages.concat();
        let from = self.fed;
        self.fed += bytes.len();
        match self.cut {
            Cut::Bytes => bytes.iter().for_each(|byte| self.deliver(&[*byte])),
            Cut::At(at) if at > from && at < self.fed => {
                let (before, after) = bytes.split_at(at - from);
                self.deliver(before);
                self.deliver(after);
            }
            _ => self.deliver(&bytes),
        }
    }

    /// Gives bytes to the link as a face would: not to one that is closed.
    pub(super) fn deliver(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.broken && !self.socket.is_closed() {
            let read = self.link.readable(&mut |buffer| {
                assert!(!buffer.is_empty());
                let count = bytes.len().min(buffer.len());
                buffer[..count].copy_from_slice(&bytes[..count]);
                Ok(count)
            });
            match read {
                Ok(count) => bytes = &bytes[count..],
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
                    assert!(self.socket.is_closed(), "broken but not closed");
                    self.broken = true;
                }
            }
        }
    }

    /// The server closes the socket.
    pub(super) fn eof(&mut self) {
        assert_eq!(self.link.readable(&mut |_| Ok(0)).unwrap(), 0);
        self.link.lost(None);
    }

    /// What the client has to send.
    pub(super) fn raw(&self) -> Vec<u8> {
        let mut out = BytesMut::new();
        self.link.poll_transmit(&mut out);
        out.to_vec()
    }

    /// The same as messages.
    pub(super) fn sent(&self) -> Vec<(u8, Vec<u8>)> {
        let raw = self.raw();
        let mut rest = &raw[..];
        let mut messages = Vec::new();
        while let [tag, a, b, c, d, ..] = rest {
            let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
            messages.push((*tag, rest[5..=length].to_vec()));
            rest = &rest[length + 1..];
        }
        assert!(rest.is_empty());
        messages
    }

    /// The type bytes of the same, such as `BES`.
    pub(super) fn tags(&self) -> String {
        self.sent().iter().map(|(tag, _)| *tag as char).collect()
    }

    pub(super) fn submit(&self, request: Request<'_>) -> Reply {
        self.submit_to(request, Some(Box::new(Rows::default())))
    }

    pub(super) fn submit_to(&self, request: Request<'_>, mut sink: Option<Box<dyn Sink>>) -> Reply {
        match self.link.submit(request, &mut sink).unwrap() {
            Submitted::Reply(reply) => reply,
            Submitted::Held => panic!("on hold"),
        }
    }

    pub(super) fn run(&self, statement: &Arc<Statement>, values: &[&[&str]]) -> Reply {
        let params = &Values::new(values);
        let max_rows = 0;
        self.submit(Request::Execute {
            statement,
            params,
            max_rows,
        })
    }

    /// Prepares a statement of these parameters and columns; not cut, nothing left to send.
    pub(super) fn prepare(
        &mut self,
        sql: &str,
        params: &[u32],
        names: &[(&str, u32)],
    ) -> Arc<Statement> {
        let reply = self.submit(Request::Prepare(&Sql::new(sql)));
        self.raw();
        let shape = match names {
            [] => no_data(),
            names => columns(names),
        };
        let answer = [
            parse_complete(),
            parameter_types(params),
            shape,
            ready(b'I'),
        ];
        self.deliver(&answer.concat());
        done(reply).unwrap().rare.unwrap().statement.unwrap()
    }
}

/// A socket that remembers how it was used.
#[derive(Default)]
pub(super) struct Socket {
    closed: AtomicBool,
    now: AtomicUsize,
    soon: AtomicUsize,
    pauses: AtomicUsize,
    resumes: AtomicUsize,
    /// What it says is not with the system yet.
    pub(super) backlog: AtomicUsize,
}

impl Socket {
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// How often it was asked to send at once, and soon.
    pub(super) fn flushes(&self) -> (usize, usize) {
        (
            self.now.load(Ordering::Relaxed),
            self.soon.load(Ordering::Relaxed),
        )
    }
}

impl Socket {
    /// How often it was asked to read no more, and again.
    pub(super) fn pauses(&self) -> (usize, usize) {
        (
            self.pauses.load(Ordering::Relaxed),
            self.resumes.load(Ordering::Relaxed),
        )
    }
}

impl Transport for Arc<Socket> {
    fn backlog(&self) -> usize {
        self.backlog.load(Ordering::Relaxed)
    }

    fn pause(&self) {
        self.pauses.fetch_add(1, Ordering::Relaxed);
    }

    fn resume(&self) {
        self.resumes.fetch_add(1, Ordering::Relaxed);
    }

    fn flush(&self, when: Flush) {
        match when {
            Flush::Now => self.now.fetch_add(1, Ordering::Relaxed),
            Flush::Soon => self.soon.fetch_add(1, Ordering::Relaxed),
        };
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }
}

/// The answer, which must be there.
pub(super) fn done(mut reply: Reply) -> Result<Completion> {
    let mut cx = Context::from_waker(Waker::noop());
    match Pin::new(&mut reply).poll(&mut cx) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("not answered"),
    }
}

pub(super) fn is_pending(reply: &mut Reply) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    Pin::new(reply).poll(&mut cx).is_pending()
}
