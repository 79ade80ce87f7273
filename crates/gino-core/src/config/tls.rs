//! Owns what the `ssl*` keywords of libpq say, and which files follow from them. Never reads a file:
//! a face tells what exists, and reads. `Config` keeps it, the faces' runtimes act on it.
//! Source: PostgreSQL manual, "SSL Support" of libpq.

use super::choice::word;
use super::{Secret, config_error};
use crate::error::{Error, Result};

/// How a connection is encrypted, and what the server has to prove.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tls {
    /// Whether to encrypt, and how much to verify. Default: prefer, with `sslrootcert=system`
    /// verify-full.
    pub mode: SslMode,
    /// Whether TLS begins with the first byte instead of a request for it. Default: no.
    pub direct: bool,
    /// The file of root certificates, or `system`. Default: `~/.postgresql/root.crt`, if it exists.
    pub root: Option<String>,
    /// The file of the client's certificate. Default: `~/.postgresql/postgresql.crt`, if it exists.
    pub certificate: Option<String>,
    /// The file of the client's key. Default: `~/.postgresql/postgresql.key`.
    pub key: Option<String>,
    /// What the client's key is encrypted with.
    pub key_password: Option<Secret>,
    /// Whether the client's certificate is sent.
    pub certificate_mode: CertificateMode,
    /// The file of revoked certificates. Default: `~/.postgresql/root.crl`, if it exists.
    pub revoked: Option<String>,
    /// Whether the server is told by which name it was reached. Default: yes.
    pub names_server: bool,
    /// The oldest version of TLS. Default: 1.2.
    pub min_version: TlsVersion,
    /// The newest version of TLS. Default: what the library has.
    pub max_version: Option<TlsVersion>,
    given_mode: bool,
}

/// libpq's `sslmode`, the weaker the smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    /// Never encrypt.
    Disable,
    /// Encrypt if the server refuses otherwise.
    Allow,
    /// Encrypt if the server can.
    Prefer,
    /// Encrypt or fail; the server's certificate is verified if there are root certificates.
    Require,
    /// The server's certificate has to be signed by one of the root certificates.
    VerifyCa,
    /// It also has to be for the host's name.
    VerifyFull,
}

/// libpq's `sslcertmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateMode {
    /// Never send the client's certificate.
    Disable,
    /// Send it if the server asks and there is one.
    Allow,
    /// Send it, and fail if the server does not ask.
    Require,
}

/// A version of TLS. Older ones are broken, and the libraries do not speak them any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

/// The files to read, which is all a face has to know of the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files<'a> {
    /// Whom the server's certificate has to be signed by.
    pub roots: Roots,
    /// Revoked certificates.
    pub revoked: Option<String>,
    /// The client's own.
    pub identity: Option<Identity<'a>>,
}

/// Whom to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// Whoever answers.
    Anybody,
    /// The authorities that the system trusts.
    System,
    /// Those of a file.
    File(String),
}

/// The client's certificate and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity<'a> {
    /// The file of the certificate, followed by those it was signed with.
    pub certificate: String,
    /// The file of the key.
    pub key: String,
    /// What the key is encrypted with.
    pub password: Option<&'a Secret>,
}

/// What a face knows of a file that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileAccess {
    /// The number of the owner.
    pub owner: u32,
    /// The permission bits.
    pub mode: u32,
}

impl Default for Tls {
    fn default() -> Tls {
        Tls {
            mode: SslMode::Prefer,
            direct: false,
            root: None,
            certificate: None,
            key: None,
            key_password: None,
            certificate_mode: CertificateMode::Allow,
            revoked: None,
            names_server: true,
            min_version: TlsVersion::V1_2,
            max_version: None,
            given_mode: false,
        }
    }
}

impl Tls {
    /// Changes one setting; false if `key` is none of these.
    pub(super) fn set(&mut self, key: &str, value: &str) -> Result<bool> {
        let text = || (!value.is_empty()).then(|| value.to_owned());
        match key {
            "sslmode" => {
                self.given_mode = !value.is_empty();
                self.mode = word(key, value, &MODES)?;
            }
            "sslnegotiation" => self.direct = word(key, value, &NEGOTIATIONS)?,
            "sslrootcert" => self.root = text(),
            "sslcert" => self.certificate = text(),
            "sslkey" => self.key = text(),
            "sslpassword" => self.key_password = text().map(Secret::new),
            "sslcrl" => self.revoked = text(),
            "sslcertmode" => {
                self.certificate_mode = word(key, value, &CERTIFICATE_MODES)?;
            }
            "sslsni" => self.names_server = word(key, value, &SWITCH)?,
            "ssl_min_protocol_version" => {
                self.min_version = word(key, value, &VERSIONS)?;
            }
            "ssl_max_protocol_version" if value.is_empty() => self.max_version = None,
            "ssl_max_protocol_version" => self.max_version = Some(word(key, value, &VERSIONS)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What [`Tls::set`] made of a setting, in the form that it takes; none if `key` is none of these.
    /// The key's password is not told.
    pub(super) fn get(&self, key: &str) -> Option<Option<String>> {
        let of = |word: &str| Some(word.to_owned());
        Some(match key {
            "sslmode" => of(name(&MODES, self.mode())),
            "sslnegotiation" => of(name(&NEGOTIATIONS, self.direct)),
            "sslrootcert" => self.root.clone(),
            "sslcert" => self.certificate.clone(),
            "sslkey" => self.key.clone(),
            "sslpassword" => None,
            "sslcrl" => self.revoked.clone(),
            "sslcertmode" => of(name(&CERTIFICATE_MODES, self.certificate_mode)),
            "sslsni" => of(name(&SWITCH, self.names_server)),
            "ssl_min_protocol_version" => of(name(&VERSIONS, self.min_version)),
            "ssl_max_protocol_version" => {
                let version = self.max_version;
                version.and_then(|version| of(name(&VERSIONS, version)))
            }
            _ => return None,
        })
    }

    /// Whether the settings fit together, and what follows from them.
    pub(super) fn check(&self) -> Result<()> {
        let mode = self.mode();
        if self.is_system() && mode < SslMode::VerifyFull {
            let reason = "weaker than verify-full it proves nothing with sslrootcert=system, since \
                          anybody can get a certificate for a name of their own";
            return Err(config_error("sslmode", reason));
        }
        if self.direct && mode < SslMode::Require {
            let reason = "direct needs sslmode=require or stronger: there is no way back from it";
            return Err(config_error("sslnegotiation", reason));
        }
        if self.certificate_mode == CertificateMode::Require && mode < SslMode::Require {
            let reason = "require needs sslmode=require or stronger: nobody is asked without TLS";
            return Err(config_error("sslcertmode", reason));
        }
        if self.max_version.is_some_and(|max| max < self.min_version) {
            let reason = "it is less than ssl_min_protocol_version";
            return Err(config_error("ssl_max_protocol_version", reason));
        }
        Ok(())
    }

    /// Whether to encrypt, and how much to verify, with `sslrootcert=system` taken into account.
    pub fn mode(&self) -> SslMode {
        if self.is_system() && !self.given_mode {
            SslMode::VerifyFull
        } else {
            self.mode
        }
    }

    /// Whether the server's certificate has to be for the host's name.
    pub fn verifies_name(&self) -> bool {
        self.mode() == SslMode::VerifyFull
    }

    /// Which files to read. `home` is the user's directory; `look` tells of a file that exists.
    ///
    /// # Errors
    /// A usage error that names the setting: a file that was asked for and is not there, root
    /// certificates that verifying needs, a key that others can read.
    pub fn files(
        &self,
        home: Option<&str>,
        look: &dyn Fn(&str) -> Option<FileAccess>,
    ) -> Result<Files<'_>> {
        let find = |key: &str, given: &Option<String>, name: &str| match given {
            Some(path) if look(path).is_some() => Ok(Some(path.clone())),
            Some(path) => Err(missing(key, path)),
            None => {
                let usual = home.map(|home| format!("{home}/.postgresql/{name}"));
                Ok(usual.filter(|path| look(path).is_some()))
            }
        };
        let roots = if self.is_system() {
            Roots::System
        } else {
            let found = find("sslrootcert", &self.root, "root.crt")?;
            found.map_or(Roots::Anybody, Roots::File)
        };
        if roots == Roots::Anybody && self.mode() >= SslMode::VerifyCa {
            return Err(config_error("sslrootcert", NO_ROOT));
        }
        let identity = match self.certificate_mode {
            CertificateMode::Disable => None,
            CertificateMode::Allow | CertificateMode::Require => {
                find("sslcert", &self.certificate, "postgresql.crt")?.map(|certificate| {
                    let key = find("sslkey", &self.key, "postgresql.key")?.ok_or_else(|| {
                        config_error("sslkey", "the certificate has no key: name its file")
                    })?;
                    if look(&key).is_some_and(|access| !access.is_private()) {
                        return Err(config_error("sslkey", TOO_OPEN));
                    }
                    let password = self.key_password.as_ref();
                    Ok(Identity {
                        certificate,
                        key,
                        password,
                    })
                })
            }
        };
        if identity.is_none() && self.certificate_mode == CertificateMode::Require {
            return Err(config_error("sslcertmode", NO_CERTIFICATE));
        }
        Ok(Files {
            revoked: match roots {
                Roots::Anybody => None,
                _ => find("sslcrl", &self.revoked, "root.crl")?,
            },
            roots,
            identity: identity.transpose()?,
        })
    }

    fn is_system(&self) -> bool {
        self.root.as_deref() == Some("system")
    }
}

impl FileAccess {
    /// Whether nobody else can read it; root's may be read by its group, as libpq has it.
    fn is_private(self) -> bool {
        let others = if self.owner == 0 { 0o037 } else { 0o077 };
        self.mode & others == 0
    }
}

/// The word for a meaning; every meaning has one.
pub(super) fn name<T: PartialEq>(words: &[(&'static str, T)], meaning: T) -> &'static str {
    let found = words.iter().find(|(_, known)| *known == meaning);
    found.map_or("", |(word, _)| word)
}

#[cold]
fn missing(key: &str, path: &str) -> Error {
    config_error(key, format!("there is no file {path}"))
}

const MODES: [(&str, SslMode); 6] = [
    ("prefer", SslMode::Prefer),
    ("allow", SslMode::Allow),
    ("disable", SslMode::Disable),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
];

const NEGOTIATIONS: [(&str, bool); 2] = [("postgres", false), ("direct", true)];

const CERTIFICATE_MODES: [(&str, CertificateMode); 3] = [
    ("allow", CertificateMode::Allow),
    ("disable", CertificateMode::Disable),
    ("require", CertificateMode::Require),
];

const SWITCH: [(&str, bool); 2] = [("1", true), ("0", false)];

const VERSIONS: [(&str, TlsVersion); 2] =
    [("TLSv1.2", TlsVersion::V1_2), ("TLSv1.3", TlsVersion::V1_3)];

const NO_ROOT: &str = "verifying the server needs root certificates: name their file, write \
    sslrootcert=system, or put them into ~/.postgresql/root.crt";

const NO_CERTIFICATE: &str = "require needs a certificate: name its file by sslcert, or put it into \
    ~/.postgresql/postgresql.crt";

const TOO_OPEN: &str = "others can read the key's file: take their rights away, as chmod 0600 does";

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(settings: &[(&str, &str)]) -> Tls {
        let mut tls = Tls::default();
        for (key, value) in settings {
            assert!(tls.set(key, value).unwrap(), "{key}");
        }
        tls
    }

    fn look(path: &str) -> Option<FileAccess> {
        let mode = match path.rsplit_once('.')?.1 {
            "crt" | "crl" => 0o644,
            "key" => 0o600,
            _ => return None,
        };
        Some(FileAccess { owner: 1000, mode })
    }

    #[test]
    fn files_of_the_home_directory_are_used_where_they_exist() {
        let all = tls(&[]);
        let files = all.files(Some("/home/u"), &look).unwrap();
        let usual = |name: &str| format!("/home/u/.postgresql/{name}");
        assert_eq!(files.roots, Roots::File(usual("root.crt")));
        assert_eq!(files.revoked, Some(usual("root.crl")));
        let identity = files.identity.unwrap();
        assert_eq!(identity.certificate, usual("postgresql.crt"));
        assert_eq!(identity.key, usual("postgresql.key"));
        for (home, look) in [
            (None, &look as &dyn Fn(&str) -> Option<FileAccess>),
            (Some("/"), &|_| None),
        ] {
            let files = all.files(home, look).unwrap();
            assert_eq!(
                (files.roots, files.revoked, files.identity),
                (Roots::Anybody, None, None)
            );
        }
    }

    #[test]
    fn file_that_was_asked_for_has_to_be_there() {
        for (key, other) in [
            ("sslrootcert", "sslmode"),
            ("sslcert", "sslmode"),
            ("sslkey", "sslmode"),
        ] {
            let tls = tls(&[(other, "require"), (key, "/gone")]);
            let error = tls.files(Some("/home/u"), &look).unwrap_err();
            assert_eq!(error.to_string(), format!("{key}: there is no file /gone"));
        }
    }

    #[test]
    fn verifying_needs_root_certificates() {
        for mode in ["verify-ca", "verify-full"] {
            let error = tls(&[("sslmode", mode)]).files(None, &look).unwrap_err();
            assert_eq!(error.to_string(), format!("sslrootcert: {NO_ROOT}"));
        }
        let system = tls(&[("sslrootcert", "system")]);
        assert_eq!(system.files(None, &look).unwrap().roots, Roots::System);
        assert!(system.verifies_name());
    }

    #[test]
    fn key_that_others_can_read_is_refused() {
        let settings = [("sslcert", "/c.crt"), ("sslkey", "/k")];
        let tls = tls(&settings);
        for (owner, mode, good) in [
            (1000, 0o600, true),
            (1000, 0o640, false),
            (0, 0o640, true),
            (0, 0o644, false),
        ] {
            let look = |_: &str| Some(FileAccess { owner, mode });
            let files = tls.files(None, &look);
            assert_eq!(files.is_ok(), good, "{owner} {mode:o}: {files:?}");
        }
    }

    #[test]
    fn certificate_that_has_to_be_sent_has_to_be_there() {
        let must = ("sslcertmode", "require");
        let bare = tls(&[must]);
        let error = bare.files(None, &|_| None).unwrap_err();
        let words = "sslcertmode: require needs a certificate: name its file by sslcert";
        assert!(error.to_string().starts_with(words), "{error}");
        let tls = tls(&[must, ("sslcert", "/c"), ("sslkey", "/k")]);
        let private = |_: &str| {
            Some(FileAccess {
                owner: 1000,
                mode: 0o600,
            })
        };
        assert!(tls.files(None, &private).unwrap().identity.is_some());
    }

    #[test]
    fn certificate_may_be_kept_back() {
        let tls = tls(&[("sslcert", "/c.crt"), ("sslcertmode", "disable")]);
        assert_eq!(tls.files(None, &look).unwrap().identity, None);
    }
}
