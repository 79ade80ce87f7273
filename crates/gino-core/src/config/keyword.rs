//! Owns the table of keywords: which exist, what each value means, and what was probably meant.
//! Never looks at a URL or the environment itself. `Config` calls it for every source.

use std::sync::Arc;
use std::time::Duration;

use super::choice::{LoadBalanceHosts, TargetSessionAttrs, word};
use super::{Config, Secret, config_error};
use crate::error::Result;

/// Environment variables and the keywords they stand for
/// (PostgreSQL manual, "Environment Variables").
pub(super) const ENVIRONMENT: [(&str, &str); 31] = [
    ("PGHOST", "host"),
    ("PGPORT", "port"),
    ("PGUSER", "user"),
    ("PGPASSWORD", "password"),
    ("PGDATABASE", "dbname"),
    ("PGAPPNAME", "application_name"),
    ("PGOPTIONS", "options"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
    ("PGCLIENTENCODING", "client_encoding"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLNEGOTIATION", "sslnegotiation"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLKEY", "sslkey"),
    ("PGSSLCERTMODE", "sslcertmode"),
    ("PGSSLCRL", "sslcrl"),
    ("PGSSLSNI", "sslsni"),
    ("PGSSLMINPROTOCOLVERSION", "ssl_min_protocol_version"),
    ("PGSSLMAXPROTOCOLVERSION", "ssl_max_protocol_version"),
    ("PGCHANNELBINDING", "channel_binding"),
    ("PGREQUIREAUTH", "require_auth"),
    ("PGGSSENCMODE", "gssencmode"),
    ("PGMINPROTOCOLVERSION", "min_protocol_version"),
    ("PGMAXPROTOCOLVERSION", "max_protocol_version"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
    ("PGLOADBALANCEHOSTS", "load_balance_hosts"),
    ("PGHOSTADDR", "hostaddr"),
    ("PGPASSFILE", "passfile"),
    ("PGDATESTYLE", "server_settings.datestyle"),
    ("PGTZ", "timezone"),
    ("PGGEQO", "server_settings.geqo"),
];

/// Everything [`set`] knows.
pub(super) const KNOWN: [&str; 60] = [
    "application_name",
    "channel_binding",
    "client_encoding",
    "command_timeout",
    "connect_timeout",
    "database",
    "dbname",
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "fallback_application_name",
    "gssencmode",
    "host",
    "hostaddr",
    "idle_check",
    "idle_in_transaction_session_timeout",
    "init_size",
    "jit",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "load_balance_hosts",
    "lock_timeout",
    "max_cacheable_statement_size",
    "max_cached_statement_lifetime",
    "max_inactive_connection_lifetime",
    "max_lifetime",
    "max_protocol_version",
    "max_queries",
    "max_size",
    "min_protocol_version",
    "min_size",
    "options",
    "passfile",
    "password",
    "port",
    "prepared_statement_cache_size",
    "require_auth",
    "search_path",
    "service",
    "servicefile",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcertmode",
    "sslcrl",
    "sslkey",
    "sslmode",
    "sslnegotiation",
    "sslpassword",
    "sslrootcert",
    "sslsni",
    "statement_cache_size",
    "statement_timeout",
    "target_session_attrs",
    "tcp_user_timeout",
    "timeout",
    "timezone",
    "user",
];

pub(super) fn set(config: &mut Config, key: &str, value: &str) -> Result<()> {
    if value.contains('\0') {
        return Err(config_error(key, "the value contains a NUL character"));
    }
    match key {
        "host" | "hostaddr" | "port" => config.set_where(key, value)?,
        "user" => config.set_user(value),
        "password" => config.password = (!value.is_empty()).then(|| Secret::new(value)),
        "dbname" | "database" => config.set_database(value),
        "application_name" => {
            config.given.application_name = true;
            value.clone_into(&mut config.application_name);
        }
        "options" => config.options = (!value.is_empty()).then(|| value.to_owned()),
        "connect_timeout" | "timeout" => config.connect_timeout = seconds(key, value)?,
        "command_timeout" => config.command_timeout = seconds(key, value)?,
        "init_size" => config.init_size = Some(count(key, value)?),
        "min_size" => config.set_min_size(count(key, value)?),
        "max_size" => config.set_max_size(count(key, value)?)?,
        "max_queries" => config.max_queries = limit(count(key, value)?),
        "max_inactive_connection_lifetime" => {
            config.max_inactive_connection_lifetime = seconds(key, value)?;
        }
        "max_lifetime" => config.max_lifetime = seconds(key, value)?,
        "idle_check" => config.idle_check = seconds(key, value)?,
        "statement_cache_size" | "prepared_statement_cache_size" => {
            config.statement_cache_size = count(key, value)?;
        }
        "max_cached_statement_lifetime" => {
            config.max_cached_statement_lifetime = seconds(key, value)?;
        }
        "max_cacheable_statement_size" => {
            config.max_cacheable_statement_size = limit(count(key, value)?);
        }
        "client_encoding" => {
            let encoding = value.to_ascii_lowercase();
            if !["utf8", "utf-8", "unicode", "auto", ""].contains(&encoding.as_str()) {
                return Err(config_error(
                    key,
                    "text always travels as UTF8: leave it out",
                ));
            }
        }
        "passfile" => config.given.passfile = (!value.is_empty()).then(|| value.to_owned()),
        "service" | "servicefile" => {
            return Err(config_error(
                key,
                "a service can only be named where the configuration is made: in the URL, in its \
                 settings or in PGSERVICE",
            ));
        }
        "fallback_application_name" => {
            if !config.given.application_name {
                value.clone_into(&mut config.application_name);
            }
        }
        "target_session_attrs" => {
            config.target_session_attrs = TargetSessionAttrs::parse(key, value)?;
        }
        "load_balance_hosts" => config.load_balance_hosts = LoadBalanceHosts::parse(key, value)?,
        "keepalives" => {
            config.keepalive.enabled = word(key, value, &[("1", true), ("0", false)])?;
        }
        "keepalives_idle" => config.keepalive.idle = whole(key, value, 1000)?,
        "keepalives_interval" => config.keepalive.interval = whole(key, value, 1000)?,
        "keepalives_count" => {
            config.keepalive.count = u32::try_from(count(key, value)?).ok().filter(|n| *n != 0);
        }
        "tcp_user_timeout" => config.keepalive.user_timeout = whole(key, value, 1)?,
        "default_transaction_deferrable"
        | "default_transaction_isolation"
        | "default_transaction_read_only"
        | "idle_in_transaction_session_timeout"
        | "jit"
        | "lock_timeout"
        | "search_path"
        | "statement_timeout"
        | "timezone" => config.set_server_setting(key, value)?,
        _ => match key.strip_prefix("server_settings.") {
            Some(name) => config.set_server_setting(name, value)?,
            None if config.login.set(key, value)? => {}
            None if Arc::make_mut(&mut config.tls).set(key, value)? => {}
            None => return Err(unknown(key)),
        },
    }
    Ok(())
}

/// What [`set`] made of a setting, in the form that it takes.
pub(super) fn get(config: &Config, key: &str) -> Option<String> {
    let time = |time: Option<Duration>| time.map(|time| time.as_secs_f64().to_string());
    let whole = |time: Option<Duration>| time.map(|time| time.as_secs().to_string());
    let size = |size: Option<usize>| size.map(|size| size.to_string());
    let server = |name: &str| {
        let mut all = config.server_settings.iter();
        let found = all.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    };
    match key {
        "user" => Some(config.user.clone()),
        "dbname" | "database" => Some(config.database.clone()),
        "application_name" => Some(config.application_name.clone()),
        "options" => config.options.clone(),
        "passfile" => config.given.passfile.clone(),
        "target_session_attrs" => Some(config.target_session_attrs.name().to_owned()),
        "load_balance_hosts" => Some(config.load_balance_hosts.name().to_owned()),
        "keepalives" => Some(u8::from(config.keepalive.enabled).to_string()),
        "keepalives_idle" => whole(config.keepalive.idle),
        "keepalives_interval" => whole(config.keepalive.interval),
        "keepalives_count" => config.keepalive.count.map(|count| count.to_string()),
        "tcp_user_timeout" => {
            let time = config.keepalive.user_timeout;
            time.map(|time| time.as_millis().to_string())
        }
        "connect_timeout" | "timeout" => time(config.connect_timeout),
        "command_timeout" => time(config.command_timeout),
        "init_size" => size(config.init_size),
        "min_size" => Some(config.min_size.to_string()),
        "max_size" => Some(config.max_size.to_string()),
        "max_queries" => size(config.max_queries),
        "max_inactive_connection_lifetime" => time(config.max_inactive_connection_lifetime),
        "max_lifetime" => time(config.max_lifetime),
        "idle_check" => time(config.idle_check),
        "statement_cache_size" | "prepared_statement_cache_size" => {
            Some(config.statement_cache_size.to_string())
        }
        "max_cached_statement_lifetime" => time(config.max_cached_statement_lifetime),
        "max_cacheable_statement_size" => size(config.max_cacheable_statement_size),
        _ => match config.tls.get(key).or_else(|| config.login.get(key)) {
            Some(value) => value,
            None => server(key.strip_prefix("server_settings.").unwrap_or(key)),
        },
    }
}

/// Seconds, with a fraction; 0 and `none` mean no limit.
fn seconds(key: &str, value: &str) -> Result<Option<Duration>> {
    if value.eq_ignore_ascii_case("none") {
        return Ok(None);
    }
    let seconds: f64 = value
        .trim()
        .parse()
        .map_err(|_| config_error(key, format!("\"{value}\" is not a number of seconds")))?;
    if seconds < 0.0 {
        return Err(config_error(
            key,
            format!("{value} seconds is negative: 0 means no limit"),
        ));
    }
    let duration = Duration::try_from_secs_f64(seconds).map_err(|_| {
        config_error(
            key,
            format!("{value} seconds is too long: 0 means no limit"),
        )
    })?;
    Ok((!duration.is_zero()).then_some(duration))
}

/// A whole number of units, in milliseconds each; 0 leaves the system's own setting.
fn whole(key: &str, value: &str, unit: u64) -> Result<Option<Duration>> {
    let number = u64::try_from(count(key, value)?).unwrap_or(u64::MAX);
    Ok((number != 0).then(|| Duration::from_millis(number.saturating_mul(unit))))
}

/// A count or a size; `none` means 0.
fn count(key: &str, value: &str) -> Result<usize> {
    let value = value.trim();
    if value.eq_ignore_ascii_case("none") {
        return Ok(0);
    }
    if value
        .strip_prefix('-')
        .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
    {
        return Err(config_error(key, format!("{value} is negative")));
    }
    value
        .parse()
        .map_err(|_| config_error(key, format!("\"{value}\" is not a whole number")))
}

fn limit(count: usize) -> Option<usize> {
    (count != 0).then_some(count)
}

#[cold]
fn unknown(key: &str) -> crate::error::Error {
    let nearest = KNOWN
        .iter()
        .map(|known| (distance(key, known), known))
        .min()
        .filter(|(distance, known)| *distance <= known.len().div_ceil(3));
    config_error(
        key,
        match nearest {
            Some((_, known)) => format!("there is no such setting, did you mean {known}?"),
            None => "there is no such setting; one of the server goes in as \
                     server_settings.name"
                .to_owned(),
        },
    )
}

/// How many characters must be inserted, deleted or changed to come from `a` to `b`.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().flat_map(char::to_lowercase).enumerate() {
        let mut left = i + 1;
        let mut diagonal = i;
        for (cell, to) in row
            .iter_mut()
            .zip(std::iter::once(None).chain(b.chars().map(Some)))
        {
            let Some(to) = to else {
                *cell = left;
                continue;
            };
            let value = (diagonal + usize::from(from != to))
                .min(left + 1)
                .min(*cell + 1);
            diagonal = *cell;
            *cell = value;
            left = value;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("maxsize", "max_size"), 1);
        assert_eq!(distance("pasword", "password"), 1);
        assert_eq!(distance("", "host"), 4);
        assert_eq!(distance("host", ""), 4);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn every_known_keyword_is_accepted_or_refused_with_a_reason() {
        for key in KNOWN {
            let mut config = Config::default();
            if let Err(error) = set(&mut config, key, "1") {
                assert!(!error.to_string().contains("no such setting"), "{error}");
            }
        }
        assert!(KNOWN.is_sorted());
    }
}
