//! Owns the opening of sockets: names to addresses, addresses in order, Unix sockets.
//! Never reads or writes: `socket` does, from the moment a socket is open.

use std::io;
use std::sync::Arc;

use gino_core::config::Endpoint;
use gino_core::error::{ConnectError, Phase, Result};
use gino_core::session::Wire;
use tokio::net::TcpStream;

use super::socket;

/// Opens a socket to `endpoint` and feeds `wire` from then on. Nothing is awaited once it is open,
/// so that a dropped future leaves nothing behind.
pub(super) async fn connect(endpoint: &Endpoint, wire: &Arc<dyn Wire>) -> Result<()> {
    match endpoint {
        Endpoint::Tcp { host, port } => {
            let stream = open_tcp(endpoint, host, *port).await?;
            let (read, write) = stream.into_split();
            socket::attach(read, write, wire);
        }
        Endpoint::Unix { path } => {
            let failed =
                |cause: io::Error| ConnectError::new(Phase::Socket, endpoint.to_string(), cause);
            open_unix(path, wire).await.map_err(failed)?;
        }
    }
    Ok(())
}

async fn open_tcp(endpoint: &Endpoint, host: &str, port: u16) -> Result<TcpStream> {
    let failed = |phase, cause| ConnectError::new(phase, endpoint.to_string(), cause);
    let addresses = tokio::net::lookup_host((host, port))
        .await
        .map_err(|cause| failed(Phase::Resolve, Some(cause)))?;
    let mut last = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // A request is one write: nothing is gained by waiting for more.
                (stream.set_nodelay(true)).map_err(|cause| failed(Phase::Socket, Some(cause)))?;
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
