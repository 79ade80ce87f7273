//! Owns the Rust type for the networks of the crate `ipnetwork`, which knows nothing of PostgreSQL.
//! Never computes with them: `ipnetwork` does.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use bytes::BytesMut;
use gino_core::codec::Inet;
use ipnetwork::{IpNetwork, IpNetworkError};
use postgres_types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

use super::Outcome;

/// An `inet` or `cidr` as an [`IpNetwork`], whose methods it has.
///
/// ```
/// use gino::types::Network;
///
/// let network: Network = "10.0.0.0/8".parse()?;
/// assert!(network.contains("10.1.2.3".parse()?));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(pub IpNetwork);

impl Deref for Network {
    type Target = IpNetwork;

    fn deref(&self) -> &IpNetwork {
        &self.0
    }
}

impl From<IpNetwork> for Network {
    fn from(network: IpNetwork) -> Self {
        Network(network)
    }
}

impl From<Network> for IpNetwork {
    fn from(network: Network) -> Self {
        network.0
    }
}

impl FromStr for Network {
    type Err = IpNetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Network)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'a> FromSql<'a> for Network {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Outcome<Self> {
        let Inet { address, prefix } = Inet::from_sql(ty, raw)?;
        Ok(Network(IpNetwork::new(address, prefix)?))
    }

    accepts!(INET, CIDR);
}

impl ToSql for Network {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Outcome<IsNull> {
        let (address, prefix) = (self.ip(), self.prefix());
        Inet { address, prefix }.to_sql(ty, out)
    }

    accepts!(INET, CIDR);
    to_sql_checked!();
}
