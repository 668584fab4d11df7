//! The request itself: frozen before anything is written to the ledger, byte for byte.

use std::fmt;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request};
use http_body_util::Full;
use jiff::Timestamp;

use super::attempt::Expected;
use super::signature::SigningKey;
use super::target::Target;

/// Headers that are ours: a second one would change whom, what or how often is asked.
const OURS: [&str; 16] = [
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "idempotency-key",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "x-envoy-max-retries",
    "user-agent",
];

/// Whether a header is set by Headroom itself.
pub fn is_ours(name: &str) -> bool {
    OURS.iter().any(|ours| ours.eq_ignore_ascii_case(name))
}

/// A request that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EffectError {
    /// A header of ours.
    #[error("the header {name} is set by Headroom itself; take it out of spec.webhook.headers")]
    Ours {
        /// Its name.
        name: String,
    },
    /// A value that is no header value.
    #[error("its value holds a character that no header may have, such as a line break")]
    Value,
    /// Something else.
    #[error("the request cannot be made: {why}")]
    Other {
        /// Why.
        why: String,
    },
}

/// A value from a Secret. It is never shown.
#[derive(Clone)]
pub struct SecretValue(HeaderValue);

impl SecretValue {
    /// From the bytes of a Secret; one line break at the end, as editors leave it, is not part of it.
    pub fn new(bytes: &[u8]) -> Result<SecretValue, EffectError> {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let mut value = HeaderValue::from_bytes(bytes).map_err(|_| EffectError::Value)?;
        value.set_sensitive(true);
        Ok(SecretValue(value))
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// One request.
#[derive(Clone, Debug)]
pub struct Effect {
    method: Method,
    target: Target,
    headers: Vec<(HeaderName, SecretValue)>,
    /// None: it has no effect that a receiver would have to know again.
    key: Option<HeaderValue>,
    body: Bytes,
    expected: Expected,
    /// When it was signed, and the signature.
    signature: Option<(i64, HeaderValue)>,
}

impl Effect {
    /// A POST of JSON under an idempotency key.
    pub fn new(
        target: Target,
        headers: Vec<(HeaderName, SecretValue)>,
        key: &str,
        body: Bytes,
    ) -> Result<Effect, EffectError> {
        if let Some((name, _)) = headers.iter().find(|(name, _)| OURS.contains(&name.as_str())) {
            return Err(EffectError::Ours { name: name.to_string() });
        }
        let key = HeaderValue::from_str(key).map_err(|error| EffectError::Other { why: error.to_string() })?;
        let expected = Expected::default();
        Ok(Effect { method: Method::POST, target, headers, key: Some(key), body, expected, signature: None })
    }

    /// One of the requests in which a receiver is prepared, asked or steered: JSON or nothing, and without a key, since to say it
    /// twice comes to the same.
    pub fn call(method: Method, target: Target, headers: Vec<(HeaderName, SecretValue)>, body: Bytes) -> Effect {
        let expected = Expected::default();
        Effect { method, target, headers, key: None, body, expected, signature: None }
    }

    /// A GET that asks what became of the one under this key: it has no effect.
    pub fn question(target: Target, headers: Vec<(HeaderName, SecretValue)>, key: &str) -> Result<Effect, EffectError> {
        Ok(Effect { method: Method::GET, ..Effect::new(target, headers, key, Bytes::new())? })
    }

    /// To a receiver of which so much is known.
    #[must_use]
    pub fn expecting(self, expected: Expected) -> Effect {
        Effect { expected, ..self }
    }

    /// Signed at this time.
    pub fn signed(self, key: &SigningKey, at: Timestamp) -> Result<Effect, EffectError> {
        let seconds = at.as_second();
        let mut value = HeaderValue::from_str(&key.sign(self.key(), seconds, &self.body))
            .map_err(|error| EffectError::Other { why: error.to_string() })?;
        value.set_sensitive(true);
        Ok(Effect { signature: Some((seconds, value)), ..self })
    }

    /// What is known of its receiver.
    pub fn expected(&self) -> Expected {
        self.expected
    }

    /// Where it goes.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The request's body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Its idempotency key; empty, if it has none.
    pub fn key(&self) -> &str {
        self.key.as_ref().and_then(|key| key.to_str().ok()).unwrap_or_default()
    }

    /// As it goes over the wire.
    pub(super) fn request(&self) -> Result<Request<Full<Bytes>>, EffectError> {
        let wrong = |error: http::Error| EffectError::Other { why: error.to_string() };
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&self.target.path)
            .header(HOST, &self.target.authority)
            .header(USER_AGENT, concat!("headroom/", env!("CARGO_PKG_VERSION")))
            // A mesh in between would otherwise send again by itself.
            .header("x-envoy-max-retries", "0");
        if let Some(key) = &self.key {
            request = request.header("idempotency-key", key.clone()).header("webhook-id", key.clone());
        }
        if !self.body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some((seconds, signature)) = &self.signature {
            request = request.header("webhook-timestamp", *seconds).header("webhook-signature", signature.clone());
        }
        for (name, SecretValue(value)) in &self.headers {
            request = request.header(name, value.clone());
        }
        request.body(Full::new(self.body.clone())).map_err(wrong)
    }
}
