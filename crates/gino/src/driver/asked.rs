//! Owns whether a server asked for the client's certificate, for `sslcertmode=require`. Never chooses one:
//! the configuration's own resolver does. `tls` puts it around that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_rustls::rustls::client::{ResolvesClientCert, Resumption};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ClientConfig, SignatureScheme};

/// A note of what was asked during one handshake.
#[derive(Debug)]
pub(super) struct Asked {
    inner: Arc<dyn ResolvesClientCert>,
    asked: AtomicBool,
    given: AtomicBool,
}

impl Asked {
    /// Has `config` note it.
    pub(super) fn note_in(config: &mut Arc<ClientConfig>) -> Arc<Asked> {
        let config = Arc::make_mut(config);
        let asked = Arc::new(Asked {
            inner: Arc::clone(&config.client_auth_cert_resolver),
            asked: AtomicBool::new(false),
            given: AtomicBool::new(false),
        });
        config.client_auth_cert_resolver = Arc::clone(&asked) as Arc<_>;
        // Nobody is asked again in a session that is resumed.
        config.resumption = Resumption::disabled();
        asked
    }

    /// Whether the server asked, and was given a certificate.
    ///
    /// # Errors
    /// What it did not do, with the way out.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if !self.asked.load(Ordering::Acquire) {
            return Err(
                "the server did not ask for a certificate, as sslcertmode=require wants it",
            );
        }
        match self.given.load(Ordering::Acquire) {
            true => Ok(()),
            false => {
                Err("the server asked for a certificate, and there is none of the kind it takes")
            }
        }
    }
}

impl ResolvesClientCert for Asked {
    fn resolve(&self, issuers: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let found = self.inner.resolve(issuers, schemes);
        self.asked.store(true, Ordering::Release);
        self.given.store(found.is_some(), Ordering::Release);
        found
    }

    fn only_raw_public_keys(&self) -> bool {
        self.inner.only_raw_public_keys()
    }

    fn has_certs(&self) -> bool {
        self.inner.has_certs()
    }
}
