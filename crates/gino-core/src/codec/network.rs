//! Owns `inet`, `cidr`, `macaddr` and `macaddr8`, and their texts. Never resolves a name.
//!
//! Layouts: `network_send`, `macaddr_send`, `macaddr8_send`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use bytes::{BufMut, BytesMut};

use super::reader::Reader;
use super::{Coded, Reason, WRONG_LENGTH};

/// An `inet` or `cidr`: an address with the length of its network's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Inet {
    /// The address.
    pub address: IpAddr,
    /// How many leading bits are the network's: at most 32 of IPv4, 128 of IPv6.
    pub prefix: u8,
}

impl Inet {
    /// The address alone: all bits are the prefix.
    pub fn host(address: IpAddr) -> Inet {
        let prefix = bits(address);
        Inet { address, prefix }
    }

    /// Whether it is an address alone.
    pub fn is_host(&self) -> bool {
        self.prefix == bits(self.address)
    }

    /// Reads `inet` or `cidr`.
    ///
    /// # Errors
    /// If family, prefix or length are wrong.
    #[inline]
    pub fn decode(bytes: &[u8]) -> Coded<Inet> {
        let mut reader = Reader(bytes);
        let [family, prefix, _is_cidr, length] = reader.array()?;
        let address = match (family, length) {
            (V4, 4) => IpAddr::from(reader.array::<4>()?),
            (V6, 16) => IpAddr::from(reader.array::<16>()?),
            _ => return Err("the family of the address is unknown"),
        };
        reader.end()?;
        Inet { address, prefix }.checked()
    }

    /// Appends `inet`, or `cidr` if `is_cidr`, which may have no bits to the right of its prefix.
    ///
    /// # Errors
    /// If the prefix is longer than the address.
    #[inline]
    pub fn encode(self, is_cidr: bool, out: &mut BytesMut) -> Coded {
        self.checked()?;
        let is_cidr = u8::from(is_cidr);
        match self.address {
            IpAddr::V4(address) => {
                out.extend_from_slice(&[V4, self.prefix, is_cidr, 4]);
                out.extend_from_slice(&address.octets());
            }
            IpAddr::V6(address) => {
                out.extend_from_slice(&[V6, self.prefix, is_cidr, 16]);
                out.extend_from_slice(&address.octets());
            }
        }
        Ok(())
    }

    fn checked(self) -> Coded<Inet> {
        if self.prefix <= bits(self.address) {
            Ok(self)
        } else {
            Err("the prefix is longer than the address")
        }
    }
}

/// As PostgreSQL writes `inet`: without the prefix if all bits are. `{:#}` always writes it, as
/// PostgreSQL does for `cidr`.
impl fmt::Display for Inet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            // PostgreSQL writes an address of 96 zeros that is not in use as IPv4's in dots, too.
            IpAddr::V6(address) => match address.to_ipv4() {
                Some(v4) if u32::from(v4) > 0xffff && address.to_ipv4_mapped().is_none() => {
                    write!(f, "::{v4}")?;
                }
                _ => write!(f, "{address}")?,
            },
            IpAddr::V4(address) => write!(f, "{address}")?,
        }
        if self.is_host() && !f.alternate() {
            return Ok(());
        }
        write!(f, "/{}", self.prefix)
    }
}

/// An address, with a prefix after a slash or without.
impl FromStr for Inet {
    type Err = Reason;

    fn from_str(text: &str) -> Coded<Inet> {
        const REASON: Reason = "this is no network address";
        let Some((address, prefix)) = text.split_once('/') else {
            return text.parse().map(Inet::host).map_err(|_| REASON);
        };
        let address = address.parse().map_err(|_| REASON)?;
        let prefix = prefix.parse().map_err(|_| REASON)?;
        Inet { address, prefix }.checked()
    }
}

fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// PostgreSQL's `PGSQL_AF_INET`, which is the same on every system.
const V4: u8 = 2;
/// PostgreSQL's `PGSQL_AF_INET6`.
const V6: u8 = 3;

/// Reads `macaddr` (6 bytes) or `macaddr8` (8 bytes).
///
/// # Errors
/// If the length is another.
#[inline]
pub fn decode_mac<const N: usize>(bytes: &[u8]) -> Coded<[u8; N]> {
    bytes.try_into().map_err(|_| WRONG_LENGTH)
}

/// Appends `macaddr` or `macaddr8`.
#[inline]
pub fn encode_mac<const N: usize>(value: [u8; N], out: &mut BytesMut) {
    out.put_slice(&value);
}

/// The text of a hardware address, as PostgreSQL writes it.
pub fn mac_text<const N: usize>(value: [u8; N]) -> String {
    value.map(|byte| format!("{byte:02x}")).join(":")
}

/// Reads the text of a hardware address: pairs of hexadecimal digits, with `:`, `-`, `.` or nothing
/// between any of them.
///
/// # Errors
/// If it is anything else.
pub fn parse_mac<const N: usize>(text: &str) -> Coded<[u8; N]> {
    const REASON: Reason = "this is no hardware address";
    let mut value = [0; N];
    let mut digits = text.trim().bytes().peekable();
    for (index, byte) in value.iter_mut().enumerate() {
        if index > 0 {
            digits.next_if(|c| matches!(c, b':' | b'-' | b'.'));
        }
        let mut digit = || char::from(digits.next()?).to_digit(16);
        let number = digit().zip(digit()).map(|(high, low)| high * 16 + low);
        *byte = number.and_then(|n| u8::try_from(n).ok()).ok_or(REASON)?;
    }
    match digits.next() {
        None => Ok(value),
        Some(_) => Err(REASON),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_back_from_bytes_and_text() {
        for text in [
            "10.0.0.1",
            "10.0.0.1/8",
            "0.0.0.0/0",
            "::1",
            "::/0",
            "2001:db8::1/64",
            "::ffff:1.2.3.4",
            "::10.2.3.4",
        ] {
            let value: Inet = text.parse().unwrap();
            assert_eq!(value.to_string(), text);
            for is_cidr in [false, true] {
                let mut out = BytesMut::new();
                value.encode(is_cidr, &mut out).unwrap();
                assert_eq!(Inet::decode(&out), Ok(value));
            }
        }
        assert_eq!(
            format!("{:#}", "10.0.0.1".parse::<Inet>().unwrap()),
            "10.0.0.1/32"
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "10.0.0",
            "10.0.0.1/33",
            "::1/129",
            "::1/",
            "10.0.0.1/-1",
            "host",
        ] {
            assert!(text.parse::<Inet>().is_err(), "{text}");
        }
        for bytes in [
            &b""[..],
            b"\x02\x20\0\x04\x0a\0\0",
            b"\x02\x20\0\x04\x0a\0\0\x01\0",
            b"\x02\x21\0\x04\x0a\0\0\x01",
            b"\x02\x20\0\x10\x0a\0\0\x01",
            b"\x04\x20\0\x04\x0a\0\0\x01",
        ] {
            assert!(Inet::decode(bytes).is_err(), "{bytes:?}");
        }
        let address = IpAddr::from([10, 0, 0, 1]);
        let bad = Inet {
            address,
            prefix: 33,
        };
        assert!(bad.encode(false, &mut BytesMut::new()).is_err());
    }

    #[test]
    fn hardware_addresses_are_read_in_every_common_form() {
        let value = [0x08, 0x00, 0x2b, 0x01, 0x02, 0xff];
        for text in [
            "08:00:2b:01:02:ff",
            "08-00-2B-01-02-FF",
            "0800.2b01.02ff",
            "08002b0102ff",
            "08002b:0102ff",
        ] {
            assert_eq!(parse_mac(text), Ok(value), "{text}");
        }
        assert_eq!(mac_text(value), "08:00:2b:01:02:ff");
        for text in [
            "",
            "08:00:2b:01:02",
            "08:00:2b:01:02:fg",
            "08:00:2b:01:02:ff:00",
            "::",
        ] {
            assert!(parse_mac::<6>(text).is_err(), "{text}");
        }
        assert!(decode_mac::<8>(&value).is_err());
    }
}
