//! Owns what the keywords about logging in say: channel binding, the methods that are accepted, and
//! the version of the protocol. Never authenticates; `pg` does, by this.
//! Source: PostgreSQL manual, "Parameter Key Words" of libpq.

use super::choice::word;
use super::config_error;
use super::tls::name;
use crate::error::Result;

/// How to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Login {
    /// Whether the password is bound to the TLS connection it is proved on. Default: prefer.
    pub channel_binding: ChannelBinding,
    /// Which methods the server may ask for. Default: all.
    pub methods: Methods,
    /// The oldest protocol. Default: 3.0.
    pub min_protocol: Protocol,
    /// The newest protocol. Default: 3.0, which every server and pooler speaks.
    pub max_protocol: Protocol,
}

/// libpq's `channel_binding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// If both sides can.
    Prefer,
    /// Or fail.
    Require,
}

/// A version of PostgreSQL's protocol. There was no 3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// 3.0, since PostgreSQL 7.4.
    V3_0,
    /// 3.2, since PostgreSQL 18: cancel keys of more than 4 bytes.
    V3_2,
}

/// A way to authenticate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The server asks for nothing.
    None,
    /// The password in clear text.
    Password,
    /// The password's MD5.
    Md5,
    /// SCRAM-SHA-256, with or without channel binding.
    Scram,
}

/// A set of methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Methods(u8);

impl Default for Login {
    fn default() -> Login {
        Login {
            channel_binding: ChannelBinding::Prefer,
            methods: Methods::ALL,
            min_protocol: Protocol::V3_0,
            max_protocol: Protocol::V3_0,
        }
    }
}

impl Protocol {
    /// Its number in the StartupMessage.
    pub fn number(self) -> u32 {
        match self {
            Protocol::V3_0 => 0x0003_0000,
            Protocol::V3_2 => 0x0003_0002,
        }
    }
}

impl Methods {
    const ALL: Methods = Methods(u8::MAX);

    /// Whether the method is in the set.
    pub fn contains(self, method: Method) -> bool {
        self.0 & bit(method) != 0
    }

    /// The names of those in the set; none if it has all.
    fn names(self) -> Option<String> {
        let names = METHODS.iter().filter(|(_, bit)| self.0 & bit != 0);
        let names: Vec<_> = names.map(|(name, _)| *name).collect();
        (self != Methods::ALL).then(|| names.join(","))
    }

    /// libpq's `require_auth`: names, or names with `!` of what is not accepted.
    fn parse(key: &str, value: &str) -> Result<Methods> {
        let mut named = 0;
        let mut negated = None;
        for method in value.split(',').map(str::trim) {
            let (method, is_not) = match method.strip_prefix('!') {
                Some(method) => (method, true),
                None => (method, false),
            };
            if *negated.get_or_insert(is_not) != is_not {
                let reason = "either all methods have a ! or none has";
                return Err(config_error(key, reason));
            }
            named |= word(key, method, &METHODS)?;
        }
        Ok(Methods(match negated {
            Some(true) => !named,
            _ => named,
        }))
    }
}

fn bit(method: Method) -> u8 {
    match method {
        Method::None => 1,
        Method::Password => 2,
        Method::Md5 => 4,
        Method::Scram => 8,
    }
}

impl Login {
    /// Changes one setting; false if `key` is none of these.
    pub(super) fn set(&mut self, key: &str, value: &str) -> Result<bool> {
        match key {
            "channel_binding" => {
                self.channel_binding = word(key, value, &BINDINGS)?;
            }
            "require_auth" if value.is_empty() => self.methods = Methods::ALL,
            "require_auth" => self.methods = Methods::parse(key, value)?,
            "min_protocol_version" => {
                self.min_protocol = word(key, value, &PROTOCOLS)?;
            }
            "max_protocol_version" => {
                self.max_protocol = word(key, value, &PROTOCOLS)?;
            }
            "gssencmode" if ["", "disable", "prefer"].contains(&value) => {}
            "gssencmode" => {
                let reason = "there is no GSSAPI encryption here: leave it out";
                return Err(config_error(key, reason));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What [`Login::set`] made of a setting, in the form that it takes; none if `key` is none of these.
    pub(super) fn get(&self, key: &str) -> Option<Option<String>> {
        Some(match key {
            "channel_binding" => Some(name(&BINDINGS, self.channel_binding).to_owned()),
            "require_auth" => self.methods.names(),
            "min_protocol_version" => Some(name(&PROTOCOLS, self.min_protocol).to_owned()),
            "max_protocol_version" => Some(name(&PROTOCOLS, self.max_protocol).to_owned()),
            "gssencmode" => Some("disable".to_owned()),
            _ => return None,
        })
    }

    /// Whether the settings fit together.
    pub(super) fn check(&self) -> Result<()> {
        if self.min_protocol > self.max_protocol {
            let reason = "it is more than max_protocol_version";
            return Err(config_error("min_protocol_version", reason));
        }
        Ok(())
    }
}

const BINDINGS: [(&str, ChannelBinding); 3] = [
    ("prefer", ChannelBinding::Prefer),
    ("disable", ChannelBinding::Disable),
    ("require", ChannelBinding::Require),
];

const PROTOCOLS: [(&str, Protocol); 3] = [
    ("3.0", Protocol::V3_0),
    ("3.2", Protocol::V3_2),
    ("latest", Protocol::V3_2),
];

/// Of `gss`, `sspi` and `oauth` there is only that they can be ruled out.
const METHODS: [(&str, u8); 7] = [
    ("none", 1),
    ("password", 2),
    ("md5", 4),
    ("scram-sha-256", 8),
    ("gss", 0),
    ("sspi", 0),
    ("oauth", 0),
];
