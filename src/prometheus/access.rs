//! How Headroom shows a Prometheus who it is, and by which certificates it believes that Prometheus. Credentials lie in files,
//! which are read anew for each question: what mounts them replaces them. A credential that cannot be read is a fault, and
//! never a question without it.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, ClientBuilder, Identity};

/// Of several tenants behind one address, the one that is asked (Mimir, Cortex, Thanos Receive).
const TENANT: HeaderName = HeaderName::from_static("x-scope-orgid");

/// What to show and whom to believe. Empty: nothing is shown, and the platform's certificates are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Holds a bearer token.
    pub token_file: Option<PathBuf>,
    /// Holds a user name; of use with a password alone.
    pub username_file: Option<PathBuf>,
    /// Holds the password of that user.
    pub password_file: Option<PathBuf>,
    /// Holds the certificates that are believed, and no others; PEM.
    pub ca_file: Option<PathBuf>,
    /// Holds the certificate that is shown; PEM; of use with its key alone.
    pub certificate_file: Option<PathBuf>,
    /// Holds the key of that certificate; PEM.
    pub key_file: Option<PathBuf>,
    /// The tenant that is asked for.
    pub tenant: Option<String>,
}

/// A credential that cannot be used; the end of a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {what} for it in {file} cannot be used: {why}")]
pub struct AccessFault {
    what: &'static str,
    file: String,
    why: String,
}

impl AccessFault {
    fn of(what: &'static str, file: &Path, why: impl std::fmt::Display) -> AccessFault {
        AccessFault { what, file: file.display().to_string(), why: why.to_string() }
    }
}

/// What the files held at one moment.
#[derive(Clone, PartialEq, Eq)]
pub struct Shown {
    headers: HeaderMap,
    authority: Option<(PathBuf, Vec<u8>)>,
    identity: Option<(PathBuf, Vec<u8>)>,
}

impl Access {
    /// Reads the files as they are now.
    pub fn shown(&self) -> Result<Shown, AccessFault> {
        let mut headers = HeaderMap::new();
        if let Some(file) = &self.token_file {
            let token = line("bearer token", file)?;
            headers.insert(AUTHORIZATION, secret("bearer token", file, &format!("Bearer {token}"))?);
        }
        if let (Some(name), Some(password)) = (&self.username_file, &self.password_file) {
            let user = line("user name", name)?;
            if user.contains(':') {
                return Err(AccessFault::of("user name", name, "a user name holds no colon"));
            }
            let pair = STANDARD.encode(format!("{user}:{}", line("password", password)?));
            headers.insert(AUTHORIZATION, secret("password", password, &format!("Basic {pair}"))?);
        }
        if let Some(tenant) = &self.tenant {
            let given = Path::new("--prometheus-tenant");
            let value = HeaderValue::from_str(tenant).map_err(|error| AccessFault::of("tenant", given, error))?;
            headers.insert(TENANT, value);
        }
        let authority = match &self.ca_file {
            Some(file) => Some((file.clone(), bytes("certificates", file)?)),
            None => None,
        };
        let identity = match (&self.certificate_file, &self.key_file) {
            (Some(certificate), Some(key)) => {
                let both = [bytes("certificate", certificate)?, bytes("key", key)?].join(&b'\n');
                Some((certificate.clone(), both))
            }
            _ => None,
        };
        Ok(Shown { headers, authority, identity })
    }
}

impl Shown {
    /// A client that shows this.
    pub fn shown_by(&self, mut builder: ClientBuilder) -> Result<ClientBuilder, AccessFault> {
        builder = builder.default_headers(self.headers.clone());
        if let Some((file, pem)) = &self.authority {
            let fault = |why: &dyn std::fmt::Display| AccessFault::of("certificates", file, why);
            let certificates = Certificate::from_pem_bundle(pem).map_err(|error| fault(&error))?;
            if certificates.is_empty() {
                return Err(fault(&"there is no certificate in it"));
            }
            builder = builder.tls_certs_only(certificates);
        }
        if let Some((file, pem)) = &self.identity {
            let identity = Identity::from_pem(pem).map_err(|error| AccessFault::of("certificate", file, error))?;
            builder = builder.identity(identity);
        }
        Ok(builder)
    }
}

fn bytes(what: &'static str, file: &Path) -> Result<Vec<u8>, AccessFault> {
    std::fs::read(file).map_err(|error| AccessFault::of(what, file, error))
}

/// The text of a file without the line's end that editors add.
fn line(what: &'static str, file: &Path) -> Result<String, AccessFault> {
    let text = String::from_utf8(bytes(what, file)?).map_err(|_| AccessFault::of(what, file, "it is no text"))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(AccessFault::of(what, file, "it is empty")),
        text => Ok(text.to_owned()),
    }
}

fn secret(what: &'static str, file: &Path, text: &str) -> Result<HeaderValue, AccessFault> {
    let value = HeaderValue::from_str(text);
    let mut value =
        value.map_err(|_| AccessFault::of(what, file, "it holds what no header may, such as a line's end"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests;
