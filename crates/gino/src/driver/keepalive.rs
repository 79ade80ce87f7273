//! Owns what the operating system is told of a TCP connection that falls silent. Never decides it: the
//! configuration does. `connect` calls it.

use std::io;

use gino_core::config::KeepAlive;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// Sets on `stream` what this system can do of `wanted`; what it does not have is left out, as libpq
/// does.
///
/// # Errors
/// The system's, for a value that it does not take.
pub(super) fn set(stream: &TcpStream, wanted: &KeepAlive) -> io::Result<()> {
    let socket = SockRef::from(stream);
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    if let Some(limit) = wanted.user_timeout {
        socket.set_tcp_user_timeout(Some(limit))?;
    }
    socket.set_keepalive(wanted.enabled)?;
    if !wanted.enabled {
        return Ok(());
    }
    let mut settings = TcpKeepalive::new();
    if let Some(idle) = wanted.idle {
        settings = settings.with_time(idle);
    }
    #[cfg(any(unix, windows))]
    if let Some(interval) = wanted.interval {
        settings = settings.with_interval(interval);
    }
    #[cfg(any(unix, windows))]
    if let Some(count) = wanted.count {
        settings = settings.with_retries(count);
    }
    socket.set_tcp_keepalive(&settings)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Whether it is on, after how long, how often, how many times, and for how long data may wait.
    type Found = (bool, Duration, Duration, u32, Option<Duration>);

    async fn found(wanted: &KeepAlive) -> Found {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        set(&stream, wanted).unwrap();
        let socket = SockRef::from(&stream);
        (
            socket.keepalive().unwrap(),
            socket.tcp_keepalive_time().unwrap(),
            socket.tcp_keepalive_interval().unwrap(),
            socket.tcp_keepalive_retries().unwrap(),
            socket.tcp_user_timeout().unwrap(),
        )
    }

    fn all() -> KeepAlive {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        KeepAlive {
            enabled: true,
            idle: seconds(11),
            interval: seconds(7),
            count: Some(4),
            user_timeout: Some(Duration::from_millis(2500)),
        }
    }

    #[tokio::test]
    async fn silent_peers_are_asked_with_the_settings_of_the_system() {
        let plain = tokio::net::TcpSocket::new_v4().unwrap();
        let plain = SockRef::from(&plain);
        let (time, interval) = (plain.tcp_keepalive_time(), plain.tcp_keepalive_interval());
        let retries = plain.tcp_keepalive_retries().unwrap();
        let expected = (true, time.unwrap(), interval.unwrap(), retries, None);
        assert_eq!(found(&KeepAlive::default()).await, expected);
    }

    #[tokio::test]
    async fn all_that_is_said_of_keep_alives_reaches_the_system() {
        let wanted = all();
        let (idle, interval) = (wanted.idle.unwrap(), wanted.interval.unwrap());
        let expected = (true, idle, interval, 4, wanted.user_timeout);
        assert_eq!(found(&wanted).await, expected);
    }

    #[tokio::test]
    async fn keep_alives_can_be_switched_off() {
        let enabled = false;
        let (is_on, idle, ..) = found(&KeepAlive { enabled, ..all() }).await;
        assert!(!is_on && Some(idle) != all().idle);
    }
}
