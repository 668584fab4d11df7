//! Whose certificates are believed, and which one is shown: the platform's authorities, or those of one Sender. Nothing in here is
//! ever shown, and no error holds a part of what was read.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore};

/// What TLS with a receiver rests on.
#[derive(Clone)]
pub struct Trust(Arc<ClientConfig>);

/// What cannot be used; the end of a sentence.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NoTrust {
    /// No certificate, or a broken one.
    #[error("there is no certificate that can be read; it has to be PEM, from BEGIN CERTIFICATE to END CERTIFICATE")]
    Certificate,
    /// One of the certificates is no authority's.
    #[error("one of the certificates cannot be that of an authority: {0}")]
    Authority(rustls::Error),
    /// No private key.
    #[error("there is no private key that can be read; it has to be PEM, and without a passphrase")]
    Key,
    /// Certificate and key are not of one another.
    #[error("certificate and key cannot be used together: {0}")]
    Pair(rustls::Error),
    /// The platform's certificates.
    #[error("the certificates of the platform cannot be used: {0}")]
    Platform(rustls::Error),
}

/// A certificate that is shown, with those between it and its authority, and its key.
pub struct Identity(CertifiedKey);

impl Identity {
    /// From PEM.
    pub fn parse(certificate: &[u8], key: &[u8]) -> Result<Identity, NoTrust> {
        // What the reader of PEM says of an error may hold a line of what it read.
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| NoTrust::Key)?;
        let certified = CertifiedKey::from_der(certificates(certificate)?, key, &provider());
        certified.map(Identity).map_err(NoTrust::Pair)
    }
}

/// Authorities that are believed.
pub struct Authorities(RootCertStore);

impl Authorities {
    /// From PEM.
    pub fn parse(pem: &[u8]) -> Result<Authorities, NoTrust> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(pem)? {
            roots.add(certificate).map_err(NoTrust::Authority)?;
        }
        Ok(Authorities(roots))
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, NoTrust> {
    let read = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    read.ok().filter(|read| !read.is_empty()).ok_or(NoTrust::Certificate)
}

impl Trust {
    /// Believes the platform's authorities, and shows nothing.
    pub fn platform() -> Result<Trust, NoTrust> {
        Trust::new(None, None)
    }

    /// Believes these authorities and no others; without any, the platform's. Shows this certificate to whoever asks for one.
    pub fn new(authorities: Option<Authorities>, identity: Option<Identity>) -> Result<Trust, NoTrust> {
        let provider = Arc::new(provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(NoTrust::Platform)?;
        let builder = if let Some(Authorities(roots)) = authorities {
            builder.with_root_certificates(roots)
        } else {
            let verifier = rustls_platform_verifier::Verifier::new(provider).map_err(NoTrust::Platform)?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        };
        let mut config = match identity {
            Some(Identity(certified)) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified))),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Early data can be replayed by whoever is in between.
        config.enable_early_data = false;
        Ok(Trust(Arc::new(config)))
    }

    /// As the library for TLS wants it.
    pub(super) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0)
    }
}

fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

macro_rules! never_shown {
    ($($of:ty),*) => {
        $(impl fmt::Debug for $of {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("(secret)")
            }
        })*
    };
}
never_shown!(Trust, Identity, Authorities);

#[cfg(test)]
mod tests;
