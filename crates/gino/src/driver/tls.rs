//! Owns TLS of the Rust face: libpq's rules as a configuration of rustls, the handshake, and what
//! SCRAM is bound to. Never decides whether to encrypt. `connect` calls it.

use std::io;
use std::sync::Arc;

use gino_core::config::{
    CertificateMode, Endpoint, FileAccess, Files, Identity, Roots, Secret, Tls, TlsVersion,
};
use gino_core::error::{ConnectError, Error, Phase, Result, UsageError};
use gino_core::pg::{Digest, end_point_digest};
use gino_core::session::{Channel, Encryption};
use ring::digest;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring as provider};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName,
};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};

use super::asked::Asked;
use super::verify::Verifier;

/// Encrypts `stream`.
///
/// # Errors
/// A usage error for files that cannot be used; a `ConnectError` if the server does not prove what it
/// has to, or the two do not understand each other.
///
/// # Cancellation
/// Closes the stream.
pub(super) async fn begin(
    own: Option<Arc<ClientConfig>>,
    stream: TcpStream,
    encryption: &Encryption,
    endpoint: &Endpoint,
) -> Result<(TlsStream<TcpStream>, Channel)> {
    let failed = |cause| ConnectError::new(Phase::Tls, endpoint.to_string(), cause);
    let needs_name = own.is_some() || encryption.tls.verifies_name();
    let name =
        server_name(endpoint, needs_name).map_err(|cause| failed(io::Error::other(cause)))?;
    let (tls, protocol) = (Arc::clone(&encryption.tls), encryption.protocol);
    let mut config = match own {
        Some(own) => in_protocol(own, protocol),
        None => {
            // Files may be slow to read, the system's authorities are many.
            let made = tokio::task::spawn_blocking(move || config(&tls, protocol));
            let made = made.await;
            Arc::new(made.map_err(|cause| failed(io::Error::other(cause)))??)
        }
    };
    let asked = match encryption.tls.certificate_mode {
        CertificateMode::Require => Some(Asked::note_in(&mut config)),
        CertificateMode::Allow | CertificateMode::Disable => None,
    };
    let connector = TlsConnector::from(config);
    let stream = connector.connect(name, stream).await.map_err(failed)?;
    if let Some(Err(cause)) = asked.map(|asked| asked.check()) {
        return Err(failed(io::Error::other(cause)).into());
    }
    let (_, session) = stream.get_ref();
    let agreed = session.alpn_protocol() == Some(protocol.as_bytes());
    if !agreed && (encryption.tls.direct || session.alpn_protocol().is_some()) {
        let cause = io::Error::other(format!("the server does not speak {protocol} over it"));
        return Err(failed(cause).into());
    }
    let certificate = session.peer_certificates().and_then(<[_]>::first);
    let end_point = certificate.and_then(|certificate| hash(certificate));
    Ok((stream, Channel::Tls { end_point }))
}

fn server_name(endpoint: &Endpoint, needed: bool) -> Result<ServerName<'static>, String> {
    let name = endpoint.name().unwrap_or_default();
    let name = name.strip_suffix('.').unwrap_or(name);
    match ServerName::try_from(name.to_owned()) {
        Ok(name) => Ok(name),
        Err(_) if needed => Err(format!("{name} is no name that a certificate could be for")),
        // Nobody compares it, and an address is not sent.
        Err(_) => Ok(ServerName::from(std::net::Ipv4Addr::UNSPECIFIED).to_owned()),
    }
}

/// The application's own configuration, which may leave it to us to name the protocol.
fn in_protocol(own: Arc<ClientConfig>, protocol: &str) -> Arc<ClientConfig> {
    if !own.alpn_protocols.is_empty() {
        return own;
    }
    let mut own = ClientConfig::clone(&own);
    own.alpn_protocols = vec![protocol.into()];
    Arc::new(own)
}

fn config(tls: &Tls, protocol: &str) -> Result<ClientConfig> {
    let home = std::env::home_dir();
    let files = tls.files(home.as_deref().and_then(|home| home.to_str()), &look)?;
    let provider = Arc::new(provider::default_provider());
    let verifier = Arc::new(verifier(tls, &files, &provider)?);
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(tls))
        .map_err(|cause| config_error("ssl_min_protocol_version", cause))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match &files.identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let chain = certificates("sslcert", &identity.certificate)?;
            builder
                .with_client_auth_cert(chain, key(identity)?)
                .map_err(|cause| config_error("sslcert", cause))?
        }
    };
    config.enable_sni = tls.names_server;
    config.alpn_protocols = vec![protocol.into()];
    Ok(config)
}

fn versions(tls: &Tls) -> Vec<&'static SupportedProtocolVersion> {
    let all = [
        (TlsVersion::V1_2, &version::TLS12),
        (TlsVersion::V1_3, &version::TLS13),
    ];
    all.into_iter()
        .filter(|(version, _)| tls.min_version <= *version)
        .filter(|(version, _)| tls.max_version.is_none_or(|max| *version <= max))
        .map(|(_, version)| version)
        .collect()
}

fn verifier(tls: &Tls, files: &Files<'_>, provider: &Arc<CryptoProvider>) -> Result<Verifier> {
    let trusted = match &files.roots {
        Roots::Anybody => return Ok(Verifier::of_anybody(provider)),
        Roots::File(path) => certificates("sslrootcert", path)?,
        Roots::System => rustls_native_certs::load_native_certs().certs,
    };
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(trusted.iter().cloned());
    if added == 0 {
        return Err(config_error(
            "sslrootcert",
            "no certificate in it can be used",
        ));
    }
    let mut builder =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    if let Some(path) = &files.revoked {
        let lists = CertificateRevocationListDer::pem_file_iter(path)
            .and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>)
            .map_err(|cause| config_error("sslcrl", cause))?;
        builder = builder.with_crls(lists).enforce_revocation_expiration();
    }
    let chain = builder
        .build()
        .map_err(|cause| config_error("sslcrl", cause))?;
    Ok(Verifier::new(chain, trusted, tls.verifies_name(), provider))
}

fn certificates(setting: &str, path: &str) -> Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>)
        .map_err(|cause| config_error(setting, format!("{path} cannot be read: {cause}")))?;
    match found.is_empty() {
        true => Err(config_error(setting, format!("{path} has no certificate"))),
        false => Ok(found),
    }
}

/// The client's key, decrypted if need be. What is in the file never becomes part of an error.
fn key(identity: &Identity<'_>) -> Result<PrivateKeyDer<'static>> {
    let path = &identity.key;
    let unreadable = |cause: String| config_error("sslkey", format!("{path}: {cause}"));
    let text = std::fs::read_to_string(path).map_err(|cause| unreadable(cause.to_string()))?;
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") {
        let Some(password) = identity.password else {
            return Err(config_error(
                "sslpassword",
                "the key is encrypted: say with what",
            ));
        };
        return decrypt(&text, password)
            .ok_or_else(|| config_error("sslpassword", "the key cannot be decrypted with it"));
    }
    if text.contains("Proc-Type: 4,ENCRYPTED") {
        let way_out = "it is encrypted in an old form: convert it with openssl pkcs8 -topk8";
        return Err(unreadable(way_out.into()));
    }
    PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| unreadable("no key is in it".into()))
}

fn decrypt(text: &str, password: &Secret) -> Option<PrivateKeyDer<'static>> {
    let (_, document) = pkcs8::SecretDocument::from_pem(text).ok()?;
    let encrypted = pkcs8::EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).ok()?;
    let plain = encrypted.decrypt(password.expose()).ok()?;
    let key = PrivatePkcs8KeyDer::from(plain.as_bytes().to_vec());
    Some(PrivateKeyDer::Pkcs8(key))
}

fn look(path: &str) -> Option<FileAccess> {
    let found = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    let (owner, mode) = {
        use std::os::unix::fs::MetadataExt;
        (found.uid(), found.mode())
    };
    // Elsewhere who may read a file is not a matter of bits.
    #[cfg(not(unix))]
    let (owner, mode) = (0, 0);
    let _ = found;
    Some(FileAccess { owner, mode })
}

fn hash(certificate: &CertificateDer<'_>) -> Option<Box<[u8]>> {
    let algorithm = match end_point_digest(certificate)? {
        Digest::Sha256 => &digest::SHA256,
        Digest::Sha384 => &digest::SHA384,
        Digest::Sha512 => &digest::SHA512,
    };
    Some(digest::digest(algorithm, certificate).as_ref().into())
}

#[cold]
fn config_error(setting: &str, reason: impl ToString) -> Error {
    UsageError::Config {
        name: setting.to_owned(),
        reason: reason.to_string(),
    }
    .into()
}
