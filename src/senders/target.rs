//! Where a request goes: an http or https URL, parsed once.

use http::Uri;

/// A URL that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It is no URL.
    #[error("the URL cannot be understood; write it like https://mail.internal/send")]
    NotUrl,
    /// Neither http nor https.
    #[error("the URL must begin with https:// or http://")]
    Scheme,
    /// A name or a password in it.
    #[error("the URL must not hold a user name or password; put them into a header from a Secret")]
    UserInfo,
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Name or address, without brackets.
    pub host: String,
    /// The port, given or by scheme.
    pub port: u16,
    /// Whether over TLS.
    pub tls: bool,
    /// As it goes into the Host header.
    pub authority: String,
    /// Path and query.
    pub path: String,
}

impl Target {
    /// Understands a URL.
    pub fn parse(url: &str) -> Result<Target, TargetError> {
        let uri: Uri = url.parse().map_err(|_| TargetError::NotUrl)?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(TargetError::Scheme),
        };
        let authority = uri.authority().ok_or(TargetError::NotUrl)?;
        if authority.as_str().contains('@') {
            return Err(TargetError::UserInfo);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(TargetError::NotUrl);
        }
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Target { host, port, tls, authority: authority.as_str().to_owned(), path })
    }
}
