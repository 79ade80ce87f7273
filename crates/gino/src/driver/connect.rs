//! Owns the opening of sockets: names to addresses, addresses in order, Unix sockets, and the question
//! whether the server does TLS. Never encrypts (`tls` does) and never feeds a wire: `socket` does, from
//! the moment a socket is ready.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use gino_core::config::{Config, Endpoint};
use gino_core::error::{ConnectError, Phase, Result};
use gino_core::runtime::Runtime;
use gino_core::session::{Channel, Encryption, Route, Wire};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{TokioRuntime, keepalive, socket};

/// Opens a socket to `route`, encrypts it as asked for, and feeds `wire` from then on. Nothing is
/// awaited once it is ready, so that a dropped future leaves nothing behind.
pub(super) async fn connect(
    runtime: &TokioRuntime,
    route: &Route,
    wire: &Arc<dyn Wire>,
) -> Result<Channel> {
    let endpoint = &route.endpoint;
    match endpoint {
        Endpoint::Tcp {
            host,
            address,
            port,
        } => {
            let place = address.as_ref().unwrap_or(host);
            let mut stream = open_tcp(runtime, route, place, *port).await?;
            if let Some(encryption) = &route.encryption
                && begins(encryption, endpoint, &mut stream).await?
            {
                return encrypt(runtime, stream, encryption, endpoint, wire).await;
            }
            let (read, write) = stream.into_split();
            socket::attach(read, write, wire);
        }
        Endpoint::Unix { path } => {
            let failed =
                |cause: io::Error| ConnectError::new(Phase::Socket, endpoint.to_string(), cause);
            open_unix(path, wire).await.map_err(failed)?;
        }
    }
    Ok(Channel::Plain)
}

/// Asks the server whether TLS begins now.
async fn begins(
    encryption: &Encryption,
    endpoint: &Endpoint,
    stream: &mut TcpStream,
) -> Result<bool> {
    let Some(question) = encryption.question else {
        return Ok(true);
    };
    let asked = async {
        stream.write_all(question.request).await?;
        // One byte is the answer, two are a fraud: what follows belongs to TLS.
        let mut answer = [0; 2];
        let count = stream.read(&mut answer).await?;
        io::Result::Ok((answer, count))
    };
    let (answer, count) = asked
        .await
        .map_err(|cause| ConnectError::new(Phase::Tls, endpoint.to_string(), cause))?;
    encryption.begins(answer.get(..count).unwrap_or_default(), endpoint)
}

#[cfg(feature = "tls")]
async fn encrypt(
    runtime: &TokioRuntime,
    stream: TcpStream,
    encryption: &Encryption,
    endpoint: &Endpoint,
    wire: &Arc<dyn Wire>,
) -> Result<Channel> {
    let own = runtime.tls.clone();
    let (stream, channel) = super::tls::begin(own, stream, encryption, endpoint).await?;
    let (read, write) = tokio::io::split(stream);
    socket::attach(read, write, wire);
    Ok(channel)
}

#[cfg(not(feature = "tls"))]
async fn encrypt(
    _: &TokioRuntime,
    _: TcpStream,
    _: &Encryption,
    _: &Endpoint,
    _: &Arc<dyn Wire>,
) -> Result<Channel> {
    Err(no_tls())
}

/// Whether this build can do what `config` asks for.
///
/// # Errors
/// A usage error if it asks for TLS in a build without.
#[cfg(feature = "tls")]
pub(crate) fn check(_config: &mut Config) -> Result<()> {
    Ok(())
}

/// Whether this build can do what `config` asks for. Without TLS the modes that leave the choice come
/// to none, as in a libpq without it.
///
/// # Errors
/// A usage error if it asks for TLS in a build without.
#[cfg(not(feature = "tls"))]
pub(crate) fn check(config: &mut Config) -> Result<()> {
    use gino_core::config::SslMode;
    if config.tls.mode() >= SslMode::Require {
        return Err(no_tls());
    }
    Arc::make_mut(&mut config.tls).mode = SslMode::Disable;
    Ok(())
}

#[cfg(not(feature = "tls"))]
#[cold]
fn no_tls() -> gino_core::error::Error {
    gino_core::error::UsageError::Config {
        name: "sslmode".into(),
        reason:
            "this build has no TLS: enable the feature tls of the crate gino, or connect without \
                 encryption by sslmode=disable"
                .into(),
    }
    .into()
}

async fn open_tcp(
    runtime: &TokioRuntime,
    route: &Route,
    host: &str,
    port: u16,
) -> Result<TcpStream> {
    let failed = |phase, cause| ConnectError::new(phase, route.endpoint.to_string(), cause);
    let found = tokio::net::lookup_host((host, port))
        .await
        .map_err(|cause| failed(Phase::Resolve, Some(cause)))?;
    let mut last = None;
    for address in in_order(runtime, route, found) {
        match TcpStream::connect(address).await.and_then(to_another) {
            Ok(stream) => {
                // A request is one write: nothing is gained by waiting for more.
                let prepared = stream.set_nodelay(true);
                prepared
                    .and_then(|()| keepalive::set(&stream, &route.keepalive))
                    .map_err(|cause| failed(Phase::Socket, Some(cause)))?;
                return Ok(stream);
            }
            Err(cause) => last = Some(cause),
        }
    }
    Err(match last {
        Some(cause) => failed(Phase::Socket, Some(cause)),
        None => failed(Phase::Resolve, None),
    }
    .into())
}

/// Where nobody listens on a port that the system gives to clients too, a socket may come to be
/// connected to itself (RFC 9293, "Simultaneous open"): that is a server that is down.
fn to_another(stream: TcpStream) -> io::Result<TcpStream> {
    match stream.local_addr()? == stream.peer_addr()? {
        true => Err(io::ErrorKind::ConnectionRefused.into()),
        false => Ok(stream),
    }
}

/// The addresses of a name in the order in which they are to be tried.
fn in_order(
    runtime: &TokioRuntime,
    route: &Route,
    found: impl Iterator<Item = SocketAddr>,
) -> Vec<SocketAddr> {
    let mut found: Vec<_> = found.collect();
    if route.shuffled {
        runtime.shuffle(&mut found);
    }
    found
}

#[cfg(unix)]
async fn open_unix(path: &str, wire: &Arc<dyn Wire>) -> io::Result<()> {
    // `@` is how the abstract namespace is written, a zero byte how it is asked for.
    let stream = match path.strip_prefix('@') {
        Some(name) => tokio::net::UnixStream::connect(format!("\0{name}")).await?,
        None => tokio::net::UnixStream::connect(path).await?,
    };
    let (read, write) = stream.into_split();
    socket::attach(read, write, wire);
    Ok(())
}

#[cfg(not(unix))]
async fn open_unix(_path: &str, _wire: &Arc<dyn Wire>) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use gino_core::config::KeepAlive;
    use socket2::SockRef;
    use tokio::net::TcpListener;

    use super::*;

    fn route(shuffled: bool) -> Route {
        Route {
            endpoint: Endpoint::Tcp {
                host: "localhost".into(),
                address: None,
                port: 0,
            },
            encryption: None,
            keepalive: KeepAlive {
                idle: Some(Duration::from_secs(11)),
                ..KeepAlive::default()
            },
            shuffled,
        }
    }

    #[tokio::test]
    async fn socket_has_what_the_route_says_of_keep_alives() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let runtime = TokioRuntime::new();
        let route = route(false);
        let stream = open_tcp(&runtime, &route, "127.0.0.1", port).await.unwrap();
        let socket = SockRef::from(&stream);
        assert!(stream.nodelay().unwrap() && socket.keepalive().unwrap());
        let idle = socket.tcp_keepalive_time().unwrap();
        assert_eq!(idle, Duration::from_secs(11));
    }

    #[tokio::test]
    async fn socket_that_is_connected_to_itself_is_a_server_that_is_down() {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let own = socket.local_addr().unwrap();
        let echo = socket.connect(own).await.unwrap();
        let refused = to_another(echo).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn addresses_of_one_name_are_tried_in_random_order_if_asked_for() {
        let found: Vec<SocketAddr> = (1..=5_u8).map(|n| ([10, 0, 0, n], 5432).into()).collect();
        let runtime = TokioRuntime::new();
        let order = |shuffled| in_order(&runtime, &route(shuffled), found.iter().copied());
        let mut orders = HashSet::new();
        for _ in 0..64 {
            assert_eq!(order(false), found);
            let shuffled = order(true);
            assert!(found.iter().all(|address| shuffled.contains(address)));
            orders.insert(shuffled);
        }
        assert!(orders.len() > 10, "{}", orders.len());
    }
}
