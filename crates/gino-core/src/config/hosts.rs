//! Owns hosts, addresses and ports as they were given, and the endpoints that follow from them.
//! Never looks a name up. `Config` keeps it, since hosts and ports may come from different sources.

use super::endpoint::{is_directory, is_ipv6};
use super::{Endpoint, config_error, url};
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

    /// The addresses between commas, as they were given.
    pub(super) fn addresses(&self) -> String {
        self.addresses.join(",")
    }

    /// What stands between `@` and `/` of a URL.
    pub(super) fn to_authority(&self) -> String {
        if self.is_default() && self.ports.is_empty() {
            return String::new();
        }
        let hosts = (0..self.len()).map(|index| {
            let name = self.names.get(index).map_or("", |(name, _)| name.as_str());
            let encoded = url::encode(name);
            let name = match name.contains(':') && !is_directory(name) {
                true => format!("[{}]", encoded.replace("%3A", ":")),
                false => encoded,
            };
            format!("{name}:{}", self.port(index))
        });
        hosts.collect::<Vec<_>>().join(",")
    }

    fn port(&self, index: usize) -> u16 {
        let own = self.names.get(index).and_then(|(_, port)| *port);
        let shared = match &*self.ports {
            [one] => Some(one),
            several => several.get(index),
        };
        own.or(shared.copied()).unwrap_or(DEFAULT_PORT)
    }

    /// Where to try, in order.
    pub(super) fn endpoints(&self) -> Vec<Endpoint> {
        let mut endpoints = Vec::new();
        for index in 0..self.len() {
            let name = self.names.get(index).map_or("", |(name, _)| name.as_str());
            let address = self.addresses.get(index).map_or("", String::as_str);
            let port = self.port(index);
            if !address.is_empty() {
                endpoints.push(Endpoint::with_address(name, address, port));
            } else if name.is_empty() {
                if cfg!(unix) {
                    endpoints.extend(SOCKET_DIRECTORIES.map(|dir| Endpoint::new(dir, port)));
                }
                endpoints.push(Endpoint::new("localhost", port));
            } else {
                endpoints.push(Endpoint::new(name, port));
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
        return Ok((self::address(address)?, Some(port(number)?)));
    }
    match text.split_once(':') {
        Some((name, number)) if !number.contains(':') && !is_directory(name) => {
            Ok((address(name)?, Some(port(number)?)))
        }
        _ => Ok((address(unbracketed(text))?, None)),
    }
}

fn unbracketed(text: &str) -> &str {
    let inside = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    inside.unwrap_or(text)
}

/// A name, a directory, or an address of IPv6, which alone may contain colons. It is not shown: in a
/// URL that is wrong it may be part of a password.
fn address(text: &str) -> Result<String> {
    let text = text.trim();
    if text.contains([':', '[', ']']) && !is_directory(text) && !is_ipv6(text) {
        let reason =
            "a host with colons or brackets in it must be an IPv6 address, as in [::1]:5432";
        return Err(config_error("host", reason));
    }
    Ok(text.to_owned())
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
pub(super) const SOCKET_DIRECTORIES: [&str; 3] = ["/run/postgresql", "/var/run/postgresql", "/tmp"];
