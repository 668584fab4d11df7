//! The identity of a send and of each of its waves: names and keys that are functions of nothing else, so that two
//! operators, or one that was restarted, cannot help but meet in the same ledger entry. Frozen for ever.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// `UUIDv5` of the DNS name `headroom.dev`.
const NAMESPACE: Uuid = Uuid::from_u128(0x4eb9_937d_ef39_5bbc_afc8_d1f7_2f2d_1a46);
/// Hexadecimal digits of a label value, and of the end of a ledger name.
const LABEL: usize = 32;
const NAME: usize = 12;

/// A `sendId` that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// It belongs to another namespace.
    #[error(
        "\"{text}\" must begin with \"{namespace}/\", the namespace of the Campaign, so that nobody can take the identity of another's send"
    )]
    Elsewhere {
        /// What was written.
        text: String,
        /// The Campaign's namespace.
        namespace: String,
    },
    /// It has a character that it may not have.
    #[error("\"{text}\" may hold only lower-case letters, digits and - . _ /")]
    Character {
        /// What was written.
        text: String,
    },
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The digest of a body or a URL: `sha256:` and 64 hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", sha256(bytes))
}

/// The label by which all entries of a pool are found.
pub fn pool_label(namespace: &str, name: &str) -> String {
    sha256(format!("{namespace}/{name}").as_bytes()).chars().take(LABEL).collect()
}

/// The identity of a send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendId(String);

impl SendId {
    /// Of a Campaign that names none.
    pub fn for_campaign(namespace: &str, name: &str) -> SendId {
        SendId(format!("{namespace}/{name}"))
    }

    /// As it is written in a Campaign of that namespace.
    pub fn parse(text: &str, namespace: &str) -> Result<SendId, IdentityError> {
        if !text.strip_prefix(namespace).is_some_and(|rest| rest.len() > 1 && rest.starts_with('/')) {
            return Err(IdentityError::Elsewhere { text: text.to_owned(), namespace: namespace.to_owned() });
        }
        let fine = |character: char| {
            character.is_ascii_lowercase() || character.is_ascii_digit() || "-._/".contains(character)
        };
        if !text.chars().all(fine) {
            return Err(IdentityError::Character { text: text.to_owned() });
        }
        Ok(SendId(text.to_owned()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The label by which all entries of the send are found.
    pub fn label(&self) -> String {
        sha256(self.0.as_bytes()).chars().take(LABEL).collect()
    }
}

/// The identity of a wave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaveId {
    bytes: Vec<u8>,
    readable: String,
}

impl WaveId {
    /// Of a wave of a send. Neither can hold a NUL.
    pub fn new(send: &SendId, wave: &str) -> WaveId {
        let bytes = format!("headroom/1\0{}\0{wave}", send.0).into_bytes();
        let slug: String =
            send.0.chars().map(|character| if "/._".contains(character) { '-' } else { character }).collect();
        WaveId { bytes, readable: format!("{slug}-{wave}") }
    }

    /// The name of its ledger entry.
    pub fn ledger_name(&self) -> String {
        let end: String = sha256(&self.bytes).chars().take(NAME).collect();
        format!("{}-{end}", self.readable)
    }

    /// Its idempotency key.
    pub fn key(&self) -> Uuid {
        Uuid::new_v5(&NAMESPACE, &self.bytes)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_frozen() {
        let send = SendId::for_campaign("marketing", "spring-sale-2027");
        let wave = WaveId::new(&send, "canary");
        assert_eq!(wave.ledger_name(), "marketing-spring-sale-2027-canary-64ca8aa3c5a9");
        assert_eq!(wave.key().to_string(), "704beceb-8ee9-5440-be27-89be6ce29984");
        assert_eq!(NAMESPACE, Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"headroom.dev"));
        assert_eq!(digest(b""), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(send.label().len(), 32);
    }

    #[test]
    fn nobody_takes_the_identity_of_another_namespace() {
        assert!(SendId::parse("marketing/x", "marketing").is_ok());
        for text in ["sales/x", "marketing", "marketing/", "marketing2/x", "/x"] {
            assert!(matches!(SendId::parse(text, "marketing"), Err(IdentityError::Elsewhere { .. })), "{text}");
        }
        assert!(matches!(SendId::parse("marketing/x\0y", "marketing"), Err(IdentityError::Character { .. })));
        // Moving a separator must not lead to the same wave.
        let (one, other) = (SendId::for_campaign("a", "b-c"), SendId::for_campaign("a-b", "c"));
        assert_ne!(WaveId::new(&one, "w").ledger_name(), WaveId::new(&other, "w").ledger_name());
    }
}
