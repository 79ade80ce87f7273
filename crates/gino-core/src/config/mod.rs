//! Owns where and how to connect: URL, keywords and environment become one [`Config`], with every default.
//! Never reads the environment or a file itself: a face hands in its [`Surroundings`]. Faces build it;
//! `pool`, `pg` and `engine` read it.

mod choice;
mod endpoint;
mod hosts;
mod keepalive;
mod keyword;
mod login;
mod passfile;
mod secret;
mod service;
mod surroundings;
mod tls;
mod url;

use std::sync::Arc;
use std::time::Duration;

pub use choice::{LoadBalanceHosts, TargetSessionAttrs};
pub use endpoint::Endpoint;
pub use keepalive::KeepAlive;
pub use login::{ChannelBinding, Login, Method, Methods, Protocol};
pub use secret::Secret;
pub use surroundings::{Surroundings, TextFile};
pub use tls::{CertificateMode, FileAccess, Files, Identity, Roots, SslMode, Tls, TlsVersion};

use self::hosts::Hosts;
use self::passfile::PassFile;
use crate::error::{Error, Leaf, Result, UsageError};

/// Where and how to connect, and how large the pool is.
///
/// Made of five sources, the later wins: defaults, environment, service file, URL, settings. After
/// the last [`Config::set`] call [`Config::check`]; [`Config::new`] does all of it. A password that
/// none of them has comes from the password file, see [`Config::read_passfile`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Where to try to connect, in this order. Follows from `host` and `port`.
    pub endpoints: Vec<Endpoint>,
    /// Who connects; empty if no source said so, which [`Config::check`] refuses.
    pub user: String,
    /// The password, if the server should ask for it.
    pub password: Option<Secret>,
    /// How connections are encrypted.
    pub tls: Arc<Tls>,
    /// How to log in.
    pub login: Login,
    /// The database; the user's name if no source said so.
    pub database: String,
    /// What a server must be for a connection to it to be kept. Default: anything.
    pub target_session_attrs: TargetSessionAttrs,
    /// In which order the hosts are tried. Default: as they were given.
    pub load_balance_hosts: LoadBalanceHosts,
    /// How the system watches over TCP connections.
    pub keepalive: KeepAlive,
    /// What `pg_stat_activity` shows. Default: `gino`.
    pub application_name: String,
    /// Command-line options for the server process.
    pub options: Option<String>,
    /// Further settings for the session, by name.
    pub server_settings: Vec<(String, String)>,
    /// How long one attempt to open a connection may take. Default: 60 s.
    pub connect_timeout: Option<Duration>,
    /// How long a statement may take unless it is told otherwise. Default: no limit.
    pub command_timeout: Option<Duration>,
    /// How many connections are opened at once. Default: `min_size`.
    pub init_size: Option<usize>,
    /// How many connections the pool keeps. Default: 10, or `max_size` if that is less.
    pub min_size: usize,
    /// How many connections the pool may have. Default: 10.
    pub max_size: usize,
    /// After how many statements a connection is replaced. Default: 50,000.
    pub max_queries: Option<usize>,
    /// After how long an unused connection is closed. Default: 300 s.
    pub max_inactive_connection_lifetime: Option<Duration>,
    /// How old a connection may become until it is replaced; up to a tenth less, so that not all are
    /// replaced at once. Default: no limit.
    pub max_lifetime: Option<Duration>,
    /// After how long without use a connection is asked whether it lives before it is handed out: a
    /// round trip. Default: 60 s.
    pub idle_check: Option<Duration>,
    /// How many prepared statements a connection keeps; 0 for none. Default: 100.
    pub statement_cache_size: usize,
    /// After how long a kept statement is prepared again. Default: never.
    pub max_cached_statement_lifetime: Option<Duration>,
    /// Statements with a longer text, in bytes, are not kept. Default: no limit.
    pub max_cacheable_statement_size: Option<usize>,
    given: Given,
}

/// What was given, where a default depends on something else.
#[derive(Debug, Clone, Default)]
struct Given {
    hosts: Hosts,
    database: bool,
    min_size: bool,
    application_name: bool,
    passfile: Option<String>,
    passwords: PassFile,
}

impl Default for Config {
    fn default() -> Config {
        let given = Given::default();
        Config {
            endpoints: given.hosts.endpoints(),
            user: String::new(),
            password: None,
            tls: Arc::default(),
            login: Login::default(),
            database: String::new(),
            target_session_attrs: TargetSessionAttrs::default(),
            load_balance_hosts: LoadBalanceHosts::default(),
            keepalive: KeepAlive::default(),
            application_name: "gino".to_owned(),
            options: None,
            server_settings: Vec::new(),
            connect_timeout: Some(Duration::from_secs(60)),
            command_timeout: None,
            init_size: None,
            min_size: 10,
            max_size: 10,
            max_queries: Some(50_000),
            max_inactive_connection_lifetime: Some(Duration::from_secs(300)),
            max_lifetime: None,
            idle_check: Some(Duration::from_secs(60)),
            statement_cache_size: 100,
            max_cached_statement_lifetime: None,
            max_cacheable_statement_size: None,
            given,
        }
    }
}

impl Config {
    /// The configuration that environment, service file, URL and settings make, the later over the
    /// earlier.
    ///
    /// # Errors
    /// A usage error that names the setting, never its value if that may hold a password.
    pub fn new<'a>(
        url: Option<&str>,
        settings: impl IntoIterator<Item = (&'a str, &'a str)>,
        world: &dyn Surroundings,
    ) -> Result<Config> {
        let url = url.map(url::parse).transpose()?.unwrap_or_default();
        let settings: Vec<_> = settings.into_iter().collect();
        let last = |wanted: &str| {
            let of_url = url.iter().map(|(key, value)| (&**key, &**value));
            let mut given = of_url.chain(settings.iter().copied());
            given
                .rfind(|(key, _)| *key == wanted)
                .map(|(_, value)| value.to_owned())
        };
        let mut config = Config::default();
        let system_user = ["USER", "LOGNAME", "USERNAME"]
            .into_iter()
            .find_map(|name| world.variable(name).filter(|user| !user.is_empty()))
            .or_else(|| world.account());
        if let Some(user) = system_user {
            config.set("user", &user)?;
        }
        for (variable, key) in keyword::ENVIRONMENT {
            if let Some(value) = world.variable(variable).filter(|value| !value.is_empty()) {
                config
                    .set(key, &value)
                    .map_err(|error| renamed(error, variable))?;
            }
        }
        let service = last("service").or_else(|| world.variable("PGSERVICE"));
        if let Some(service) = service.filter(|name| !name.is_empty()) {
            for (key, value) in service::keywords(&service, last("servicefile").as_deref(), world)?
            {
                config.set(&key, &value)?;
            }
        }
        let url = url.iter().map(|(key, value)| (&**key, &**value));
        for (key, value) in url.chain(settings.iter().copied()) {
            if !matches!(key, "service" | "servicefile") {
                config.set(key, value)?;
            }
        }
        config.check()?;
        Ok(config)
    }

    /// The configuration that environment and URL make.
    ///
    /// # Errors
    /// As [`Config::new`].
    pub fn parse(url: Option<&str>, world: &dyn Surroundings) -> Result<Config> {
        Config::new(url, [], world)
    }

    /// Reads the password file if no password is given. A file that is missing, or that others may
    /// read, is passed over as libpq does. Faces call it when they make an engine.
    pub fn read_passfile(&mut self, world: &dyn Surroundings) {
        if self.password.is_none() {
            self.given.passwords = PassFile::read(self.given.passfile.as_deref(), world);
        }
    }

    /// The password for `endpoint`: the one that is given, else the password file's.
    pub fn password_for(&self, endpoint: &Endpoint) -> Option<&Secret> {
        let passwords = &self.given.passwords;
        self.password
            .as_ref()
            .or_else(|| passwords.password(endpoint, &self.database, &self.user))
    }

    /// Why the password file was passed over, if it was.
    pub fn passfile_trouble(&self) -> Option<&str> {
        self.given.passwords.trouble.as_deref()
    }

    /// Changes one setting: a keyword of libpq, one of the pool's, or `server_settings.name`.
    /// Times are in seconds, sizes in bytes; 0 and `none` mean no limit.
    ///
    /// # Errors
    /// A usage error that names the setting, and the nearest known one if there is none such.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        keyword::set(self, key, value)
    }

    /// The value of a setting in the form that [`Config::set`] takes; `None` if there is none or no
    /// limit. Passwords are not given, and hosts are [`Config::endpoints`].
    pub fn get(&self, key: &str) -> Option<String> {
        keyword::get(self, key)
    }

    /// The names of all settings, in the order of the alphabet.
    pub fn keywords() -> &'static [&'static str] {
        &keyword::KNOWN
    }

    /// Whether the settings fit together.
    ///
    /// # Errors
    /// A usage error that names one of those that do not.
    pub fn check(&self) -> Result<()> {
        if self.user.is_empty() {
            return Err(config_error(
                "user",
                "no user is given: name one in the URL or in PGUSER",
            ));
        }
        if self.max_size == 0 {
            return Err(config_error(
                "max_size",
                "the pool needs at least 1 connection",
            ));
        }
        if self.min_size > self.max_size {
            let Config {
                min_size, max_size, ..
            } = self;
            return Err(config_error(
                "min_size",
                format!("{min_size} is more than max_size, which is {max_size}"),
            ));
        }
        if let Some(size) = self.init_size {
            let (min, max) = (self.min_size, self.max_size);
            if !(min..=max).contains(&size) {
                return Err(config_error(
                    "init_size",
                    format!(
                        "{size} is not between min_size, which is {min}, and max_size, which is {max}"
                    ),
                ));
            }
        }
        self.tls.check()?;
        let is_socket = |endpoint: &Endpoint| matches!(endpoint, Endpoint::Unix { .. });
        if self.tls.certificate_mode == CertificateMode::Require
            && self.endpoints.iter().any(is_socket)
        {
            let reason = "require needs TLS, which Unix sockets do not have: name a host";
            return Err(config_error("sslcertmode", reason));
        }
        self.login.check()?;
        self.given.hosts.check()
    }

    /// The parameters of the start-up message (PostgreSQL manual, "Message Formats").
    pub fn startup_parameters(&self) -> Vec<(&str, &str)> {
        let mut parameters = vec![
            ("user", &*self.user),
            ("database", &*self.database),
            ("client_encoding", "UTF8"),
        ];
        if !self.application_name.is_empty() {
            parameters.push(("application_name", &self.application_name));
        }
        if let Some(options) = &self.options {
            parameters.push(("options", options));
        }
        parameters.extend(
            self.server_settings
                .iter()
                .map(|(name, value)| (&**name, &**value)),
        );
        parameters
    }

    /// The URL of what is configured, without the password, for people to read.
    pub fn dsn_without_password(&self) -> String {
        let hosts = self.given.hosts.to_authority();
        let (user, database) = (url::encode(&self.user), url::encode(&self.database));
        let addresses = self.given.hosts.addresses();
        let query = if addresses.is_empty() {
            ""
        } else {
            "?hostaddr="
        };
        format!("postgresql://{user}@{hosts}/{database}{query}{addresses}")
    }

    fn set_where(&mut self, key: &str, value: &str) -> Result<()> {
        self.given.hosts.set(key, value)?;
        self.endpoints = self.given.hosts.endpoints();
        Ok(())
    }

    fn set_user(&mut self, value: &str) {
        value.clone_into(&mut self.user);
        if !self.given.database {
            self.database.clone_from(&self.user);
        }
    }

    fn set_database(&mut self, value: &str) {
        self.given.database = !value.is_empty();
        self.database = if value.is_empty() {
            self.user.clone()
        } else {
            value.to_owned()
        };
    }

    fn set_min_size(&mut self, size: usize) {
        self.given.min_size = true;
        self.min_size = size;
    }

    fn set_max_size(&mut self, size: usize) -> Result<()> {
        if size == 0 {
            return Err(config_error(
                "max_size",
                "the pool needs at least 1 connection",
            ));
        }
        self.max_size = size;
        if !self.given.min_size {
            self.min_size = size.min(Config::default().min_size);
        }
        Ok(())
    }

    fn set_server_setting(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "application_name" | "client_encoding" | "options" => return self.set(name, value),
            "" | "user" | "database" | "replication" | "password" => {
                return Err(config_error(
                    format!("server_settings.{name}"),
                    "this is not a setting of the session",
                ));
            }
            _ if name.contains('\0') => {
                return Err(config_error(
                    "server_settings",
                    "a name contains a NUL character",
                ));
            }
            _ => {}
        }
        self.server_settings
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.server_settings
            .push((name.to_owned(), value.to_owned()));
        Ok(())
    }
}

#[cold]
fn config_error(name: impl Into<String>, reason: impl Into<String>) -> Error {
    UsageError::Config {
        name: name.into(),
        reason: reason.into(),
    }
    .into()
}

/// The same error, blamed on an environment variable.
fn renamed(error: Error, variable: &str) -> Error {
    match error.into_leaf() {
        Leaf::Usage(UsageError::Config { reason, .. }) => config_error(variable, reason),
        _ => config_error(variable, "this value cannot be used"),
    }
}

#[cfg(test)]
mod tests;
