//! Owns TLS of the Python face: libpq's rules as an `ssl.SSLContext`, or the application's own, and what
//! SCRAM is bound to. Never encrypts (asyncio does) and never decides whether to. `connect` calls it.

use gino_core::config::{CertificateMode, Endpoint, FileAccess, Roots, Tls, TlsVersion};
use gino_core::error::{ConnectError, Error, Phase, Result, UsageError};
use gino_core::pg::{Digest, end_point_digest};
use gino_core::session::{Channel, Encryption};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyModule};

use super::connect::connect_error;
use super::runtime::LoopRuntime;

/// The arguments that make a transport of the loop encrypt.
///
/// # Errors
/// A usage error that names the setting whose file cannot be used.
pub(super) fn options(
    py: Python<'_>,
    runtime: &LoopRuntime,
    encryption: &Encryption,
    endpoint: &Endpoint,
) -> Result<Py<PyDict>> {
    let tls = &*encryption.tls;
    if tls.certificate_mode == CertificateMode::Require {
        return Err(UsageError::Config {
            name: "sslcertmode".into(),
            reason:
                "Python's ssl does not tell whether the server asked: write allow, and have the \
                     server want a certificate (clientcert in pg_hba.conf)"
                    .into(),
        }
        .into());
    }
    let context = match &runtime.context {
        Some(own) => {
            let own = own.bind(py).clone();
            if tls.direct {
                own.call_method1("set_alpn_protocols", ([encryption.protocol],))
                    .map_err(|error| config_error(py, "ssl", &error))?;
            }
            own
        }
        None => context(py, runtime, tls, encryption.protocol)?,
    };
    let name = endpoint.name().unwrap_or_default();
    if !tls.names_server && tls.verifies_name() && runtime.context.is_none() {
        return Err(UsageError::Config {
            name: "sslsni".into(),
            reason: "Python's ssl verifies only a name that it sends: leave it out".into(),
        }
        .into());
    }
    let name = if tls.names_server { name } else { "" };
    let options = PyDict::new(py);
    let set = || {
        options.set_item("ssl", context)?;
        options.set_item("server_hostname", name)
    };
    set().map_err(|error| connect_error(Phase::Tls, endpoint, error))?;
    Ok(options.unbind())
}

/// What came of the handshake.
///
/// # Errors
/// A `ConnectError` if the server speaks something else than what was asked for.
pub(super) fn channel(
    transport: &Py<PyAny>,
    encryption: &Encryption,
    endpoint: &Endpoint,
) -> Result<Channel> {
    let failed = |error| connect_error(Phase::Tls, endpoint, error);
    Python::attach(|py| {
        let object = transport
            .call_method1(py, "get_extra_info", ("ssl_object",))
            .map_err(failed)?;
        let agreed = object
            .call_method0(py, "selected_alpn_protocol")
            .and_then(|name| name.extract::<Option<String>>(py))
            .map_err(failed)?;
        let wrong = match agreed {
            Some(name) => name != encryption.protocol,
            None => encryption.tls.direct,
        };
        if wrong {
            // Nobody uses it: there is nothing to wait for.
            let _ = transport.call_method0(py, "abort");
            let reason = format!("the server does not speak {} over it", encryption.protocol);
            let cause = std::io::Error::other(reason);
            return Err(ConnectError::new(Phase::Tls, endpoint.to_string(), cause).into());
        }
        let end_point = match hash(object.bind(py)) {
            // Lost in the meantime: starting up will say why.
            Err(_) if is_closing(py, transport) => None,
            hashed => hashed.map_err(failed)?,
        };
        Ok(Channel::Tls { end_point })
    })
}

fn is_closing(py: Python<'_>, transport: &Py<PyAny>) -> bool {
    let asked = transport.call_method0(py, "is_closing");
    asked.is_ok_and(|closing| closing.is_truthy(py).unwrap_or(true))
}

/// Whether `error` is one of Python's `ssl`.
pub(super) fn is_tls_error(py: Python<'_>, error: &PyErr) -> bool {
    let class = py.import("ssl").and_then(|ssl| ssl.getattr("SSLError"));
    class.is_ok_and(|class| error.is_instance(py, &class))
}

/// A context that verifies as much as the settings ask for. Made anew for each connection, so that
/// files may be renewed; but for the system's authorities, which take long to read.
fn context<'py>(
    py: Python<'py>,
    runtime: &LoopRuntime,
    tls: &Tls,
    protocol: &str,
) -> Result<Bound<'py, PyAny>> {
    let home = std::env::home_dir();
    let files = tls.files(home.as_deref().and_then(|home| home.to_str()), &look)?;
    let of_system = files.roots == Roots::System && files.identity.is_none();
    if let Some(known) = runtime.system.get().filter(|_| of_system) {
        return Ok(known.bind(py).clone());
    }
    let failed = |setting: &'static str| move |error: PyErr| config_error(py, setting, &error);
    let module = py.import("ssl").map_err(failed("sslmode"))?;
    let context = bare(&module, tls, &files.roots, protocol).map_err(failed("sslmode"))?;
    let trusted = match &files.roots {
        Roots::Anybody => Ok(()),
        Roots::System => context.call_method0("load_default_certs").map(drop),
        Roots::File(path) => context.call_method1(LOAD, (path,)).map(drop),
    };
    trusted.map_err(failed("sslrootcert"))?;
    if let Some(path) = &files.revoked {
        let load = || {
            context.call_method1(LOAD, (path,))?;
            let flag = module
                .getattr("VerifyFlags")?
                .getattr("VERIFY_CRL_CHECK_CHAIN")?;
            let flags = context.getattr("verify_flags")?.bitor(flag)?;
            context.setattr("verify_flags", flags)
        };
        load().map_err(failed("sslcrl"))?;
    }
    if let Some(identity) = &files.identity {
        // Without a password OpenSSL would ask for one, on the terminal.
        let password = identity.password.map_or("", |password| password.expose());
        let arguments = (&identity.certificate, &identity.key, password);
        context
            .call_method1("load_cert_chain", arguments)
            .map_err(|_| UsageError::Config {
                name: "sslkey".into(),
                reason: "it is not the key of sslcert, or not encrypted with sslpassword".into(),
            })?;
    }
    if of_system {
        // Another task may have been first.
        let _ = runtime.system.set(context.clone().unbind());
    }
    Ok(context)
}

/// A context without certificates.
fn bare<'py>(
    module: &Bound<'py, PyModule>,
    tls: &Tls,
    roots: &Roots,
    protocol: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let side = module.getattr("PROTOCOL_TLS_CLIENT")?;
    let context = module.call_method1("SSLContext", (side,))?;
    context.setattr("check_hostname", tls.verifies_name())?;
    if *roots == Roots::Anybody {
        context.setattr("verify_mode", module.getattr("CERT_NONE")?)?;
    }
    let versions = module.getattr("TLSVersion")?;
    context.setattr("minimum_version", versions.getattr(word(tls.min_version))?)?;
    if let Some(version) = tls.max_version {
        context.setattr("maximum_version", versions.getattr(word(version))?)?;
    }
    context.call_method1("set_alpn_protocols", ([protocol],))?;
    Ok(context)
}

fn word(version: TlsVersion) -> &'static str {
    match version {
        TlsVersion::V1_2 => "TLSv1_2",
        TlsVersion::V1_3 => "TLSv1_3",
    }
}

#[cfg(unix)]
fn look(path: &str) -> Option<FileAccess> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::metadata(path).ok()?;
    let (owner, mode) = (found.uid(), found.mode());
    Some(FileAccess { owner, mode })
}

/// Where who may read a file is not a matter of bits.
#[cfg(not(unix))]
fn look(path: &str) -> Option<FileAccess> {
    std::fs::metadata(path).ok()?;
    Some(FileAccess { owner: 0, mode: 0 })
}

fn hash(object: &Bound<'_, PyAny>) -> PyResult<Option<Box<[u8]>>> {
    let py = object.py();
    let certificate = object.call_method1(intern!(py, "getpeercert"), (true,))?;
    let Some(certificate) = certificate.extract::<Option<Vec<u8>>>()? else {
        return Ok(None);
    };
    let name = match end_point_digest(&certificate) {
        None => return Ok(None),
        Some(Digest::Sha256) => "sha256",
        Some(Digest::Sha384) => "sha384",
        Some(Digest::Sha512) => "sha512",
    };
    let hashed = py
        .import("hashlib")?
        .call_method1(name, (certificate,))?
        .call_method0("digest")?;
    Ok(Some(hashed.extract::<Vec<u8>>()?.into()))
}

/// What Python says of a file, without what is in it.
#[cold]
fn config_error(py: Python<'_>, setting: &str, error: &PyErr) -> Error {
    let text = error.value(py).getattr("strerror");
    let reason = text.and_then(|text| text.extract::<String>());
    UsageError::Config {
        name: setting.to_owned(),
        reason: reason.unwrap_or_else(|_| error.to_string()),
    }
    .into()
}

const LOAD: &str = "load_verify_locations";
