//! Owns hosts, addresses and ports as they were given, and the endpoints that follow from them.
//! Never looks a name up. `Config` keeps it, since hosts and ports may come from different sources.

use super::{Endpoint, config_error};
use crate::error::Result;

/// The lists of `host`, `hostaddr` and `port`.
#[derive(Debug, Clone, Default)]
pub(super) struct Hosts {
    /// Names or directories, each with a port if it was written with one.
    names: Vec<(String, Option<u16>)>,
    addresses: Vec<String>,
    ports: Vec<u16>,
}

impl Hosts {
    /// Replaces one of the lists; its values stand between commas.
    pub(super) fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let values = value.split(',').map(str::trim);
        match key {
            "port" => self.ports = values.map(port).collect::<Result<_>>()?,
            "hostaddr" if value.is_empty() => self.addresses.clear(),
            "hostaddr" => self.addresses = values.map(str::to_owned).collect(),
            _ if value.is_empty() => self.names.clear(),
            _ => self.names = values.map(name).collect::<Result<_>>()?,
        }
        Ok(())
    }

    /// Whether the lists fit together.
    pub(super) fn check(&self) -> Result<()> {
        let (names, addresses, ports) = (self.names.len(), self.addresses.len(), self.ports.len());
        if addresses > 0 && names > 0 && addresses != names {
            let reason = format!("there are {addresses} addresses for {names} hosts");
            return Err(config_error("hostaddr", reason));
        }
        if ports > 1 && ports != self.len() {
            let reason = format!("there are {ports} ports for {} hosts", self.len());
            return Err(config_error("port", reason));
        }
        Ok(())
    }

    /// Whether nobody said where.
    pub(super) fn is_default(&self) -> bool {
        self.names.is_empty() && self.addresses.is_empty()
    }

    /// Where to try, in order.
    pub(super) fn endpoints(&self) -> Vec<Endpoint> {
        let mut endpoints = Vec::new();
        for index in 0..self.len() {
            let (name, own_port) = match self.names.get(index) {
                Some((name, port)) => (name.as_str(), *port),
                None => ("", None),
            };
            let host = match self.addresses.get(index) {
                Some(address) if !address.is_empty() => address,
                _ => name,
            };
            let shared_port = match &*self.ports {
                [one] => Some(one),
                several => several.get(index),
            };
            let port = own_port.or(shared_port.copied()).unwrap_or(DEFAULT_PORT);
            if host.is_empty() {
                if cfg!(unix) {
                    endpoints.extend(SOCKET_DIRECTORIES.map(|dir| Endpoint::new(dir, port)));
                }
                endpoints.push(Endpoint::new("localhost", port));
            } else {
                endpoints.push(Endpoint::new(host, port));
            }
        }
        endpoints
    }

    fn len(&self) -> usize {
        self.names.len().max(self.addresses.len()).max(1)
    }
}

/// A name, an address or a directory. SQLAlchemy writes `?host=name:port`; more colons than one are
/// an IPv6 address.
fn name(text: &str) -> Result<(String, Option<u16>)> {
    if let Some((address, number)) = text.strip_prefix('[').and_then(|t| t.split_once("]:")) {
        return Ok((address.to_owned(), Some(port(number)?)));
    }
    match text.split_once(':') {
        Some((name, number)) if !number.contains(':') && !name.starts_with('/') => {
            Ok((name.to_owned(), Some(port(number)?)))
        }
        _ => Ok((text.trim_matches(['[', ']']).to_owned(), None)),
    }
}

/// A port; an empty one is the default.
fn port(text: &str) -> Result<u16> {
    if text.is_empty() {
        return Ok(DEFAULT_PORT);
    }
    text.parse().ok().filter(|port| *port != 0).ok_or_else(|| {
        config_error(
            "port",
            format!("\"{text}\" is not a number from 1 to 65535"),
        )
    })
}

/// The port that PostgreSQL is registered with.
const DEFAULT_PORT: u16 = 5432;

/// Where distributions and PostgreSQL itself put the socket.
const SOCKET_DIRECTORIES: [&str; 3] = ["/run/postgresql", "/var/run/postgresql", "/tmp"];
