//! Owns what the operating system is told of a TCP connection that falls silent. Never decides it: the
//! configuration does. `connect` calls it.

use gino_core::config::KeepAlive;
use pyo3::prelude::*;

/// Sets on `socket`, one of the module `socket`, what this system's Python can do of `wanted`.
pub(super) fn set(socket: &Bound<'_, PyAny>, wanted: &KeepAlive) -> PyResult<()> {
    let module = socket.py().import("socket")?;
    let on = u64::from(wanted.enabled);
    let option = |level: &str, names: &[&str], value: u64| {
        let known = names.iter().find_map(|name| module.getattr(*name).ok());
        // As libpq does: what a system does not have is left out.
        let Some(option) = known else { return Ok(()) };
        let arguments = (module.getattr(level)?, option, value);
        socket.call_method1("setsockopt", arguments).map(drop)
    };
    option("SOL_SOCKET", &["SO_KEEPALIVE"], on)?;
    if let Some(limit) = wanted.user_timeout {
        let limit = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        option("IPPROTO_TCP", &["TCP_USER_TIMEOUT"], limit)?;
    }
    if !wanted.enabled {
        return Ok(());
    }
    if let Some(idle) = wanted.idle {
        // `TCP_KEEPALIVE` is what macOS calls it.
        let names = ["TCP_KEEPIDLE", "TCP_KEEPALIVE"];
        option("IPPROTO_TCP", &names, idle.as_secs())?;
    }
    if let Some(interval) = wanted.interval {
        option("IPPROTO_TCP", &["TCP_KEEPINTVL"], interval.as_secs())?;
    }
    match wanted.count {
        Some(count) => option("IPPROTO_TCP", &["TCP_KEEPCNT"], count.into()),
        None => Ok(()),
    }
}
