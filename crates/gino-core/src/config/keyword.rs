//! Owns the table of keywords: which exist, what each value means, and what was probably meant.
//! Never looks at a URL or the environment itself. `Config` calls it for every source.

use std::time::Duration;

use super::{Config, Secret, config_error};
use crate::error::Result;

/// Environment variables and the keywords they stand for
/// (PostgreSQL manual, "Environment Variables").
pub(super) const ENVIRONMENT: [(&str, &str); 11] = [
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
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
];

/// Everything [`set`] knows, for suggestions.
const KNOWN: [&str; 42] = [
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
    "gssencmode",
    "host",
    "hostaddr",
    "idle_in_transaction_session_timeout",
    "jit",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "lock_timeout",
    "max_cacheable_statement_size",
    "max_cached_statement_lifetime",
    "max_inactive_connection_lifetime",
    "max_queries",
    "max_size",
    "min_size",
    "options",
    "password",
    "port",
    "prepared_statement_cache_size",
    "search_path",
    "sslcert",
    "sslcrl",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement_cache_size",
    "statement_timeout",
    "target_session_attrs",
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
        "application_name" => value.clone_into(&mut config.application_name),
        "options" => config.options = (!value.is_empty()).then(|| value.to_owned()),
        "connect_timeout" | "timeout" => config.connect_timeout = seconds(key, value)?,
        "command_timeout" => config.command_timeout = seconds(key, value)?,
        "min_size" => config.set_min_size(count(key, value)?),
        "max_size" => config.set_max_size(count(key, value)?)?,
        "max_queries" => config.max_queries = limit(count(key, value)?),
        "max_inactive_connection_lifetime" => {
            config.max_inactive_connection_lifetime = seconds(key, value)?;
        }
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
        "sslmode" | "gssencmode" | "channel_binding" => {
            if !["disable", "allow", "prefer", ""].contains(&value) {
                return Err(no_tls(key, value));
            }
        }
        "sslrootcert" | "sslcert" | "sslkey" | "sslcrl" => return Err(no_tls(key, value)),
        "target_session_attrs" => {
            if value != "any" {
                return Err(config_error(
                    key,
                    format!("\"{value}\" is not supported yet: use any, or name one host"),
                ));
            }
        }
        "keepalives" | "keepalives_count" | "keepalives_idle" | "keepalives_interval" => {}
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
            None => return Err(unknown(key)),
        },
    }
    Ok(())
}

#[cold]
fn no_tls(key: &str, value: &str) -> crate::error::Error {
    let way_out = match key {
        "sslmode" => "to connect without encryption write sslmode=disable",
        "gssencmode" | "channel_binding" => "leave it out",
        _ => "leave it out to connect without encryption",
    };
    config_error(
        key,
        format!("this build has no TLS yet and cannot honour \"{value}\": {way_out}"),
    )
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
