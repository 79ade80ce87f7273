//! Owns the settings that are one of a few words: which server of several is wanted, and in which
//! order they are tried. Never asks a server: `engine::open` does.

use super::config_error;
use crate::error::Result;

/// What a server must be for a connection to it to be kept
/// (PostgreSQL manual, "Parameter Key Words", `target_session_attrs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TargetSessionAttrs {
    /// Anything.
    #[default]
    Any,
    /// Takes writes: not in hot standby, and transactions are read-write by default.
    ReadWrite,
    /// The opposite of [`ReadWrite`](TargetSessionAttrs::ReadWrite).
    ReadOnly,
    /// Not in hot standby.
    Primary,
    /// In hot standby.
    Standby,
    /// In hot standby; anything if no server is.
    PreferStandby,
}

impl TargetSessionAttrs {
    pub(super) fn parse(key: &str, value: &str) -> Result<TargetSessionAttrs> {
        word(
            key,
            value,
            &[
                ("any", TargetSessionAttrs::Any),
                ("read-write", TargetSessionAttrs::ReadWrite),
                ("read-only", TargetSessionAttrs::ReadOnly),
                ("primary", TargetSessionAttrs::Primary),
                ("standby", TargetSessionAttrs::Standby),
                ("prefer-standby", TargetSessionAttrs::PreferStandby),
            ],
        )
    }

    /// The word in a URL.
    pub fn name(self) -> &'static str {
        match self {
            TargetSessionAttrs::Any => "any",
            TargetSessionAttrs::ReadWrite => "read-write",
            TargetSessionAttrs::ReadOnly => "read-only",
            TargetSessionAttrs::Primary => "primary",
            TargetSessionAttrs::Standby => "standby",
            TargetSessionAttrs::PreferStandby => "prefer-standby",
        }
    }
}

/// In which order hosts, and the addresses of a host, are tried
/// (PostgreSQL manual, "Parameter Key Words", `load_balance_hosts`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LoadBalanceHosts {
    /// As they were given.
    #[default]
    Disable,
    /// At random, drawn anew for each connection.
    Random,
}

impl LoadBalanceHosts {
    /// The word in a URL.
    pub fn name(self) -> &'static str {
        match self {
            LoadBalanceHosts::Disable => "disable",
            LoadBalanceHosts::Random => "random",
        }
    }

    pub(super) fn parse(key: &str, value: &str) -> Result<LoadBalanceHosts> {
        let known = [
            ("disable", LoadBalanceHosts::Disable),
            ("random", LoadBalanceHosts::Random),
        ];
        word(key, value, &known)
    }
}

/// The meaning of one of a few words; an empty value is the first of them, the default.
pub(super) fn word<T: Copy>(key: &str, value: &str, known: &[(&str, T)]) -> Result<T> {
    let mut known_words = known.iter();
    let found = match value {
        "" => known_words.next(),
        _ => known_words.find(|(word, _)| *word == value),
    };
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let words: Vec<_> = known.iter().map(|(word, _)| *word).collect();
        config_error(key, format!("\"{value}\" is none of {}", words.join(", ")))
    })
}
