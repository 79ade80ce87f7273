//! Owns the word for a place where a server listens. Never connects; the faces' runtimes do.

use std::fmt;
use std::net::Ipv6Addr;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A host name or address, and a port.
    Tcp {
        /// A name, or an address without brackets.
        host: String,
        /// The address to connect to instead of looking the name up.
        address: Option<String>,
        /// The port.
        port: u16,
    },
    /// A Unix socket.
    Unix {
        /// The full path of the socket, `<directory>/.s.PGSQL.<port>`.
        path: String,
    },
}

impl Endpoint {
    /// The endpoint that libpq means by `host` and `port`: a host that begins with `/` (or `@`, the
    /// abstract namespace) is the directory of a Unix socket.
    pub fn new(host: &str, port: u16) -> Endpoint {
        if is_directory(host) {
            Endpoint::Unix {
                path: format!("{}/.s.PGSQL.{port}", host.trim_end_matches('/')),
            }
        } else {
            Endpoint::Tcp {
                host: host.to_owned(),
                address: None,
                port,
            }
        }
    }

    /// What libpq means by `host`, `hostaddr` and `port`: the name is what certificates and
    /// password files are asked for, the address is where to connect.
    pub fn with_address(host: &str, address: &str, port: u16) -> Endpoint {
        match Endpoint::new(if host.is_empty() { address } else { host }, port) {
            Endpoint::Tcp { host, .. } => Endpoint::Tcp {
                address: (host != address).then(|| address.to_owned()),
                host,
                port,
            },
            unix @ Endpoint::Unix { .. } => unix,
        }
    }

    /// The name that its certificate has to be for; an address if it was given no name.
    pub fn name(&self) -> Option<&str> {
        match self {
            Endpoint::Tcp { host, .. } => Some(host),
            Endpoint::Unix { .. } => None,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Tcp { host, port, .. } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Endpoint::Tcp { host, port, .. } => write!(f, "{host}:{port}"),
            Endpoint::Unix { path } => f.write_str(path),
        }
    }
}

/// Whether it is an address of IPv6, with a zone or without.
pub(super) fn is_ipv6(text: &str) -> bool {
    let (bare, _zone) = text.split_once('%').unwrap_or((text, ""));
    bare.parse::<Ipv6Addr>().is_ok()
}

/// Whether a host is a directory with a socket in it, or one in the abstract namespace of Linux.
pub(super) fn is_directory(host: &str) -> bool {
    host.starts_with(['/', '@'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoint_reads_as_people_write_it() {
        assert_eq!(Endpoint::new("db", 5432).to_string(), "db:5432");
        assert_eq!(Endpoint::new("::1", 5432).to_string(), "[::1]:5432");
        assert_eq!(
            Endpoint::new("/tmp/", 5433).to_string(),
            "/tmp/.s.PGSQL.5433"
        );
    }
}
