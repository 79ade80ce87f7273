//! Owns the sockets of the world: bytes between wires and the server's processes, a millisecond on
//! the way, in chunks of chance. Also what may go wrong with them.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::BytesMut;

use super::backend::{Backend, Life, Role};
use super::runtime::World;
use crate::error::{ConnectError, Phase, Result};
use crate::runtime::Runtime;
use crate::session::{Channel, Flush, Route, Transport, Wire};

/// The server and the sockets to it.
#[derive(Default)]
pub(super) struct Network {
    server: Mutex<Server>,
}

/// What the server is like, and what it has seen.
pub(super) struct Server {
    pub(super) connect_delay: Duration,
    /// How long a cancel request lies about before it takes effect.
    pub(super) cancel_delay: Duration,
    /// So many cancel requests hit nothing: they come before the statement is read.
    pub(super) cancels_too_early: usize,
    pub(super) refusing: bool,
    /// A host where nothing listens.
    pub(super) down: Option<&'static str>,
    /// What a host says instead of welcome: host, SQLSTATE.
    pub(super) unfriendly: Option<(&'static str, &'static str)>,
    /// What hosts are that are no common primary.
    pub(super) roles: Vec<(&'static str, Role)>,
    /// Accepts and never says a word.
    pub(super) deaf: bool,
    pub(super) tls: TlsSide,
    /// Lets in who is encrypted, or who is not, and refuses others as pg_hba.conf does.
    pub(super) wants_tls: Option<bool>,
    /// Every connection that was opened: whether it was encrypted.
    pub(super) opened: Vec<bool>,
    /// Cancel requests that arrived.
    pub(super) cancels: usize,
    /// Cancel requests that came while more than one request was under way.
    pub(super) violations: usize,
    /// Every statement that was run: process, text.
    pub(super) log: Vec<(u32, String)>,
    sockets: Vec<Socket>,
}

/// What the server makes of TLS.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TlsSide {
    None,
    Works,
    Fails,
}

struct Socket {
    wire: Option<Arc<dyn Wire>>,
    backend: Backend,
    to_client: Vec<u8>,
}

impl Default for Server {
    fn default() -> Server {
        Server {
            connect_delay: LATENCY,
            cancel_delay: Duration::ZERO,
            cancels_too_early: 0,
            refusing: false,
            down: None,
            unfriendly: None,
            roles: Vec::new(),
            deaf: false,
            tls: TlsSide::None,
            wants_tls: None,
            opened: Vec::new(),
            cancels: 0,
            violations: 0,
            log: Vec::new(),
            sockets: Vec::new(),
        }
    }
}

impl Server {
    /// The processes that live.
    pub(super) fn backends(&self) -> impl Iterator<Item = &Backend> {
        let sockets = self.sockets.iter().filter(|socket| socket.wire.is_some());
        sockets
            .map(|socket| &socket.backend)
            .filter(|backend| backend.life == Life::Serving)
    }

    /// The texts that were run, by any process.
    pub(super) fn texts(&self) -> Vec<&str> {
        self.log.iter().map(|(_, text)| &**text).collect()
    }
}

impl Network {
    pub(super) fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap()
    }

    pub(super) fn accept(
        &self,
        world: &World,
        route: &Route,
        wire: Arc<dyn Wire>,
    ) -> Result<Channel> {
        let endpoint = &route.endpoint;
        let (index, encrypted) = {
            let mut server = self.server();
            let host = endpoint.to_string();
            if server.refusing || server.down == Some(&*host) {
                let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
                return Err(ConnectError::new(Phase::Socket, endpoint.to_string(), refused).into());
            }
            let role = server.roles.iter().find(|(name, _)| *name == host);
            let role = role.map(|(_, role)| *role).unwrap_or_default();
            let answer: &[u8] = match server.tls {
                TlsSide::None => b"N",
                _ => b"S",
            };
            let asked = route.encryption.as_ref();
            let encrypted = match asked {
                Some(encryption) => encryption.begins(answer, endpoint)?,
                None => false,
            };
            server.opened.push(encrypted);
            if encrypted && server.tls == TlsSide::Fails {
                let broken = io::Error::other("a handshake that fails");
                return Err(ConnectError::new(Phase::Tls, host, broken).into());
            }
            let unwelcome = server.wants_tls.is_some_and(|wanted| wanted != encrypted);
            let unfriendly = match server.unfriendly {
                Some((name, state)) if name == host => Some((name, state)),
                _ => unwelcome.then_some(("", "28000")),
            };
            let process = u32::try_from(server.sockets.len() + 1).unwrap();
            server.sockets.push(Socket {
                wire: Some(Arc::clone(&wire)),
                backend: Backend::new(process, unfriendly.map(|(_, state)| state), role),
                to_client: Vec::new(),
            });
            (server.sockets.len() - 1, encrypted)
        };
        let world = world.clone();
        wire.attach(Box::new(Plug { world, index }));
        Ok(match encrypted {
            true => Channel::Tls { end_point: None },
            false => Channel::Plain,
        })
    }

    /// The server's process says goodbye and ends.
    pub(super) fn kill(&self, world: &World, process: u32) {
        let index = process as usize - 1;
        self.server().sockets[index].backend.die();
        self.work(world, index);
    }

    /// Every process ends without a word.
    pub(super) fn cut_all(&self, world: &World) {
        let mut server = self.server();
        for (index, socket) in server.sockets.iter_mut().enumerate() {
            socket.backend.life = Life::Ended;
            world.after(LATENCY, move |world| deliver(world, index));
        }
    }

    /// Takes what the client sends, and lets the process work.
    fn collect(&self, world: &World, index: usize) {
        let Some(wire) = self.wire(index) else {
            return;
        };
        let mut bytes = BytesMut::new();
        wire.poll_transmit(&mut bytes);
        let deaf = {
            let mut server = self.server();
            server.sockets[index].backend.receive(&bytes);
            server.deaf
        };
        if !deaf {
            self.work(world, index);
        }
    }

    fn wire(&self, index: usize) -> Option<Arc<dyn Wire>> {
        self.server().sockets[index].wire.clone()
    }

    fn work(&self, world: &World, index: usize) {
        let mut server = self.server();
        let server = &mut *server;
        let socket = &mut server.sockets[index];
        let sleeps = socket.backend.work(world.now(), &mut server.log);
        socket.to_client.append(&mut socket.backend.out);
        if let Some(until) = sleeps {
            let delay = until.saturating_since(world.now());
            world.after(delay, move |world| world.network.work(world, index));
        }
        if let Life::Cancelling(process) = socket.backend.life {
            server.cancels += 1;
            socket.backend.life = Life::Cancelled;
            world.after(server.cancel_delay, move |world| {
                world.network.cancel(world, index, process);
            });
        }
        world.after(LATENCY, move |world| deliver(world, index));
    }

    fn cancel(&self, world: &World, index: usize, process: u32) {
        let target = process as usize - 1;
        {
            let mut server = self.server();
            if server.sockets[target].backend.requests() > 1 {
                server.violations += 1;
            }
            match server.cancels_too_early.checked_sub(1) {
                Some(left) => server.cancels_too_early = left,
                None => server.sockets[target].backend.cancel(),
            }
            server.sockets[index].backend.life = Life::Ended;
        }
        self.work(world, target);
        world.after(LATENCY, move |world| deliver(world, index));
    }

    fn close(&self, world: &World, index: usize) {
        self.collect(world, index);
        let mut server = self.server();
        let socket = &mut server.sockets[index];
        if socket.backend.life == Life::Serving {
            socket.backend.life = Life::Ended;
        }
        let wire = socket.wire.take();
        drop(server);
        drop(wire);
    }
}

/// Gives a wire some of what was sent to it, or the end.
fn deliver(world: &World, index: usize) {
    let Some(wire) = world.network.wire(index) else {
        return;
    };
    let (bytes, ended) = {
        let mut server = world.network.server();
        let socket = &mut server.sockets[index];
        let all = socket.to_client.len();
        let some = if all > 1 && world.chance(2) == 0 {
            1 + world.chance(all - 1)
        } else {
            all
        };
        let bytes: Vec<u8> = socket.to_client.drain(..some).collect();
        if some < all {
            world.after(LATENCY, move |world| deliver(world, index));
        }
        (bytes, some == all && socket.backend.life == Life::Ended)
    };
    if !bytes.is_empty() {
        let read = wire.readable(&mut |buffer| {
            buffer[..bytes.len()].copy_from_slice(&bytes);
            Ok(bytes.len())
        });
        read.expect("the client understands the server");
    }
    if ended {
        wire.readable(&mut |_| Ok(0)).unwrap();
        wire.lost(None);
        world.network.server().sockets[index].wire = None;
    }
}

/// The client's end of a socket.
struct Plug {
    world: World,
    index: usize,
}

impl Transport for Plug {
    fn flush(&self, _when: Flush) {
        let index = self.index;
        self.world.after(LATENCY, move |world| {
            world.network.collect(world, index);
        });
    }

    fn close(&self) {
        self.world.network.close(&self.world, self.index);
    }
}

const LATENCY: Duration = Duration::from_millis(1);
