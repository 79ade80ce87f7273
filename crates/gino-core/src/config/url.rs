//! Owns the grammar of connection URLs and of libpq's keyword strings: text in, keywords out.
//! Never knows which keywords exist, and never repeats a part of the text in an error, since a
//! password may be anywhere in a mistyped one. `Config` calls it.
//! Source: PostgreSQL manual, "Connection Strings".

use super::config_error;
use super::endpoint::is_ipv6;
use crate::error::Result;

/// Keywords with their values, in the order of the text; a later one wins.
pub(super) type Pairs = Vec<(String, String)>;

const SCHEMES: [&str; 5] = [
    "postgresql",
    "postgres",
    "postgresql+asyncpg",
    "asyncpg",
    "postgresql+gino",
];

/// Reads a URL, or `keyword=value …`.
pub(super) fn parse(text: &str) -> Result<Pairs> {
    match text.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => {
            if SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()) {
                url(rest)
            } else {
                Err(fault(format!(
                    "the scheme {scheme}:// is not PostgreSQL: begin with postgresql://"
                )))
            }
        }
        _ if text.contains('=') => keywords(text),
        _ => Err(fault(
            "this is no URL: write postgresql://user:password@host:port/database",
        )),
    }
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-._".contains(&b))
}

fn url(rest: &str) -> Result<Pairs> {
    let mut pairs = Pairs::new();
    let mut add = |key: &str, value: String| pairs.push((key.to_owned(), value));

    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let hosts = match authority.rsplit_once('@') {
        Some((userinfo, hosts)) => {
            let (user, password) = match userinfo.split_once(':') {
                Some((user, password)) => (user, Some(password)),
                None => (userinfo, None),
            };
            if !user.is_empty() {
                add("user", decode(user, "user")?);
            }
            if let Some(password) = password {
                add("password", decode(password, "password")?);
            }
            hosts
        }
        None => authority,
    };
    if !hosts.is_empty() {
        let (names, ports) = split_hosts(hosts)?;
        if names.len() > 1 || names.iter().any(|name| !name.is_empty()) {
            add("host", names.join(","));
        }
        if ports.iter().any(|port| !port.is_empty()) {
            add("port", ports.join(","));
        }
    }
    if !path.is_empty() {
        if path.contains('@') {
            // Most likely the rest of a password with a slash in it: it must not become a database.
            return Err(fault(
                "an @ after the first / belongs to nothing: write / in a password as \
                %2F, and @ in a database's name as %40",
            ));
        }
        add("dbname", decode(path, "database")?);
    }
    // SQLAlchemy's form of several hosts repeats the argument.
    let mut query_hosts = Vec::new();
    for argument in query.split('&').filter(|argument| !argument.is_empty()) {
        let (key, value) = argument
            .split_once('=')
            .ok_or_else(|| fault("an argument after ? has no value: write name=value"))?;
        let (key, value) = (decode(key, "query")?, decode(value, "query")?);
        if !key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_.".contains(&b))
        {
            return Err(fault(ENCODE));
        }
        match key.as_str() {
            "host" => query_hosts.push(value),
            _ => add(&key, value),
        }
    }
    if !query_hosts.is_empty() {
        add("host", query_hosts.join(","));
    }
    Ok(pairs)
}

/// `h1:1,[::1]:2,%2Ftmp` → names and ports, each empty if not given.
fn split_hosts(hosts: &str) -> Result<(Vec<String>, Vec<String>)> {
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for host in hosts.split(',') {
        let (name, port) = match host.strip_prefix('[') {
            Some(rest) => {
                let (address, after) = rest
                    .split_once(']')
                    .ok_or_else(|| fault("a [ of an IPv6 address has no ]"))?;
                match after.strip_prefix(':') {
                    Some(port) => (address, port),
                    None if after.is_empty() => (address, ""),
                    None => return Err(fault("only :port may follow the ] of an IPv6 address")),
                }
            }
            None => host.rsplit_once(':').unwrap_or((host, "")),
        };
        if name.contains(':') && !host.starts_with('[') {
            return Err(fault("write an IPv6 address in brackets, as in [::1]:5432"));
        }
        if !port.is_empty() && !port.parse::<u16>().is_ok_and(|port| port != 0) {
            return Err(fault(ENCODE));
        }
        let name = decode(name, "host")?;
        if host.starts_with('[') && !is_ipv6(&name) {
            return Err(fault(
                "only an IPv6 address stands in brackets, as in [::1]:5432",
            ));
        }
        names.push(name);
        ports.push(port.to_owned());
    }
    if ports.iter().all(String::is_empty) {
        ports.clear();
    }
    Ok((names, ports))
}

/// `host=localhost password='it''s'`, with `\` before a quote or a backslash.
fn keywords(text: &str) -> Result<Pairs> {
    let mut pairs = Pairs::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, value) = rest
            .split_once('=')
            .filter(|(key, _)| is_scheme(key.trim_end()))
            .ok_or_else(|| fault("expected keyword=value pairs between spaces"))?;
        let value = value.trim_start();
        let quoted = value.starts_with('\'');
        let (mut parsed, mut closed) = (String::new(), !quoted);
        let mut chars = value.char_indices().skip(usize::from(quoted));
        rest = "";
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => parsed.extend(chars.next().map(|(_, c)| c)),
                '\'' if quoted => {
                    closed = true;
                    rest = value.get(at + 1..).unwrap_or_default().trim_start();
                    break;
                }
                c if c.is_whitespace() && !quoted => {
                    rest = value.get(at..).unwrap_or_default().trim_start();
                    break;
                }
                c => parsed.push(c),
            }
        }
        if !closed {
            return Err(fault("a quoted value has no closing quote"));
        }
        pairs.push((key.trim_end().to_owned(), parsed));
    }
    Ok(pairs)
}

/// Undoes percent-encoding.
fn decode(text: &str, part: &str) -> Result<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16));
        match digit()
            .zip(digit())
            .and_then(|(high, low)| u8::try_from(high * 16 + low).ok())
        {
            Some(byte) => out.push(byte),
            None => return Err(bad_encoding(part)),
        }
    }
    String::from_utf8(out).map_err(|_| bad_encoding(part))
}

/// Percent-encodes what has a meaning in a URL.
pub(super) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

const ENCODE: &str = "the port must be a number from 1 to 65535; if the user or password contains one of \
    : / ? @ % write it percent-encoded, as in %2F for /";

#[cold]
fn bad_encoding(part: &str) -> crate::error::Error {
    fault(format!(
        "the {part} is not well percent-encoded: write % itself as %25"
    ))
}

#[cold]
fn fault(reason: impl Into<String>) -> crate::error::Error {
    config_error("url", reason)
}
