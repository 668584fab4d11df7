//! The signature of a request: Standard Webhooks 1.0, symmetric. What is signed is `id.timestamp.body`, with HMAC-SHA256; the id is
//! the idempotency key. Reads no clock and no Secret.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What a key of the specification begins with.
const PREFIX: &str = "whsec_";
/// So many bytes a key may have.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// A value that is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no key to sign with; a key is whsec_ and then 24 to 64 random bytes in base64")]
pub struct NoKey;

/// A key to sign with. It is never shown.
#[derive(Clone)]
pub struct SigningKey(hmac::Key);

impl SigningKey {
    /// From the bytes of a Secret; one line break at the end, as editors leave it, is not part of it.
    pub fn parse(bytes: &[u8]) -> Result<SigningKey, NoKey> {
        let text = std::str::from_utf8(bytes).map_err(|_| NoKey)?.trim_end_matches(['\r', '\n']);
        let bytes = STANDARD.decode(text.strip_prefix(PREFIX).unwrap_or(text)).map_err(|_| NoKey)?;
        if !LENGTHS.contains(&bytes.len()) {
            return Err(NoKey);
        }
        Ok(SigningKey(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The value of the header `webhook-signature`.
    pub fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(format!("{id}.{seconds}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// That of the reference libraries.
    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn the_vector_of_the_reference_libraries() {
        let signed = |key: &str| {
            let key = SigningKey::parse(key.as_bytes()).unwrap();
            key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b"{\"test\": 2432232314}")
        };
        let wanted = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        for key in [KEY, &format!("{KEY}\r\n"), KEY.trim_start_matches(PREFIX)] {
            assert_eq!(signed(key), wanted);
        }
    }

    proptest::proptest! {
        /// Whatever the key, the id, the time and the body, letters of every alphabet among them.
        #[test]
        fn it_signs_as_the_reference_library_does(
            bytes in proptest::collection::vec(proptest::num::u8::ANY, LENGTHS),
            id in "[ -~]{1,64}",
            seconds in 0_i64..1 << 40,
            body in "\\PC{0,200}",
        ) {
            let key = format!("{PREFIX}{}", STANDARD.encode(bytes));
            let ours = SigningKey::parse(key.as_bytes()).unwrap().sign(&id, seconds, body.as_bytes());
            let theirs = standardwebhooks::Webhook::new(&key).unwrap().sign(&id, seconds, body.as_bytes()).unwrap();
            proptest::prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn what_is_no_key_is_refused_and_a_key_is_never_shown() {
        let short = format!("{PREFIX}{}", STANDARD.encode([7; 23]));
        let long = format!("{PREFIX}{}", STANDARD.encode([7; 65]));
        for text in ["", "whsec_", "not base64!", &short, &long] {
            assert_eq!(SigningKey::parse(text.as_bytes()).err(), Some(NoKey), "{text}");
        }
        assert!(SigningKey::parse(&[0xff]).is_err());
        assert_eq!(format!("{:?}", SigningKey::parse(KEY.as_bytes()).unwrap()), "(secret)");
    }
}
