//! Owns addresses between the wire and Python: `ipaddress` classes as asyncpg has them, and texts.
//! Never resolves a name. `decode` and `encode` call it.

use std::net::IpAddr;

use bytes::BytesMut;
use gino_core::codec::{BitString, Inet, bits, network};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::fault::Fitted;
use crate::python;

/// An address of a host, or an interface if it has a shorter prefix.
pub(crate) fn inet<'py>(py: Python<'py>, bytes: &[u8]) -> Fitted<Bound<'py, PyAny>> {
    let inet = Inet::decode(bytes)?;
    if inet.is_host() {
        let class = match inet.address {
            IpAddr::V4(_) => python::ipv4_address(py)?,
            IpAddr::V6(_) => python::ipv6_address(py)?,
        };
        return Ok(class.call1((packed(py, inet.address),))?);
    }
    let class = match inet.address {
        IpAddr::V4(_) => python::ipv4_interface(py)?,
        IpAddr::V6(_) => python::ipv6_interface(py)?,
    };
    Ok(class.call1(((packed(py, inet.address), inet.prefix),))?)
}

/// A network.
pub(crate) fn cidr<'py>(py: Python<'py>, bytes: &[u8]) -> Fitted<Bound<'py, PyAny>> {
    let inet = Inet::decode(bytes)?;
    let class = match inet.address {
        IpAddr::V4(_) => python::ipv4_network(py)?,
        IpAddr::V6(_) => python::ipv6_network(py)?,
    };
    Ok(class.call1(((packed(py, inet.address), inet.prefix),))?)
}

fn packed(py: Python<'_>, address: IpAddr) -> Bound<'_, PyBytes> {
    match address {
        IpAddr::V4(address) => PyBytes::new(py, &address.octets()),
        IpAddr::V6(address) => PyBytes::new(py, &address.octets()),
    }
}

/// Appends `inet` or `cidr`: whatever object of `ipaddress`, or a text.
pub(crate) fn encode(value: &Bound<'_, PyAny>, is_cidr: bool, out: &mut BytesMut) -> Fitted {
    let text = value.str()?;
    let known = value.is_instance_of::<PyString>()
        || value.hasattr(intern!(value.py(), "max_prefixlen"))?;
    if !known {
        return Err("an object of the module ipaddress or its text is required".into());
    }
    let text = text.to_str()?.trim();
    let inet: Inet = text
        .parse()
        .map_err(|_| format!("{text:?} is no address or network"))?;
    Ok(inet.encode(is_cidr, out)?)
}

/// Appends `macaddr` or `macaddr8`, of a text.
pub(crate) fn encode_mac<const N: usize>(value: &Bound<'_, PyAny>, out: &mut BytesMut) -> Fitted {
    let Ok(text) = value.cast::<PyString>() else {
        return Err("a str is required".into());
    };
    network::encode_mac::<N>(network::parse_mac(text.to_str()?.trim())?, out);
    Ok(())
}

/// A `BitString`.
pub(crate) fn bit_string<'py>(py: Python<'py>, bytes: &[u8]) -> Fitted<Bound<'py, PyAny>> {
    let bits = BitString::decode(bytes)?;
    let made = python::bit_string(py)?.call_method1(
        intern!(py, "frombytes"),
        (PyBytes::new(py, bits.as_bytes()), bits.len()),
    );
    Ok(made?)
}

/// Appends `bit` or `varbit`: a `BitString`, a text of digits, or bytes with all of their bits.
pub(crate) fn encode_bits(value: &Bound<'_, PyAny>, out: &mut BytesMut) -> Fitted {
    let py = value.py();
    let (len, bytes) = if let Ok(text) = value.cast::<PyString>() {
        bits::parse(text.to_str()?)?
    } else if value.hasattr(intern!(py, "as_string"))? {
        let bytes: Vec<u8> = value.getattr(intern!(py, "bytes"))?.extract()?;
        (value.len()?, bytes)
    } else if let Ok(bytes) = value.cast::<PyBytes>() {
        let bytes = bytes.as_bytes().to_vec();
        (bytes.len() * 8, bytes)
    } else {
        return Err("a BitString, its digits or bytes are required".into());
    };
    Ok(BitString::new(len, &bytes)?.encode(out)?)
}
