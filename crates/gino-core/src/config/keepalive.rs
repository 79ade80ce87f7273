//! Owns how the operating system watches over a TCP connection. Never sets it: the faces do, on
//! their sockets.

use std::time::Duration;

/// Keep-alives of TCP (PostgreSQL manual, "Parameter Key Words", `keepalives…` and
/// `tcp_user_timeout`). `None` leaves the system's own setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAlive {
    /// Whether the system asks a silent peer at all. Default: yes.
    pub enabled: bool,
    /// After how long of silence it asks first, in whole seconds.
    pub idle: Option<Duration>,
    /// After how long without an answer it asks again, in whole seconds.
    pub interval: Option<Duration>,
    /// How often it asks before the connection counts as lost.
    pub count: Option<u32>,
    /// How long sent data may stay unacknowledged, in milliseconds, where the system can tell.
    pub user_timeout: Option<Duration>,
}

impl Default for KeepAlive {
    fn default() -> KeepAlive {
        KeepAlive {
            enabled: true,
            idle: None,
            interval: None,
            count: None,
            user_timeout: None,
        }
    }
}
