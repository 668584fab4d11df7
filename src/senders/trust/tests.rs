#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rcgen::{CertificateParams, KeyPair};

use super::*;

/// A certificate and its key, PEM.
fn pair() -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["mail.internal".to_owned()]).unwrap().self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

fn no_identity(certificate: &str, key: &str) -> NoTrust {
    Identity::parse(certificate.as_bytes(), key.as_bytes()).unwrap_err()
}

#[test]
fn certificates_are_read_with_what_people_write_around_them() {
    let ((one, key), (two, _)) = (pair(), pair());
    let both = format!("# ours\n{one}\n\n# and theirs\n{two}");
    assert_eq!(Authorities::parse(both.as_bytes()).unwrap().0.len(), 2);
    assert!(Identity::parse(both.as_bytes(), key.replace('\n', "\r\n").as_bytes()).is_ok());
    let identity = Identity::parse(one.as_bytes(), key.as_bytes()).unwrap();
    assert!(Trust::new(Some(Authorities::parse(one.as_bytes()).unwrap()), Some(identity)).is_ok());
}

#[test]
fn what_cannot_be_used_is_told_without_a_word_of_it() {
    let ((one, key), (_, other)) = (pair(), pair());
    let cut = &one[..one.len() / 2];
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for text in ["", "hush", cut, &key, "-----BEGIN CERTIFICATE-----\nhush!\n-----END CERTIFICATE-----\n"] {
        assert_eq!(Authorities::parse(text.as_bytes()).unwrap_err(), NoTrust::Certificate, "{text}");
        assert_eq!(no_identity(text, &key), NoTrust::Certificate, "{text}");
    }
    assert!(matches!(Authorities::parse(nonsense.as_bytes()).unwrap_err(), NoTrust::Authority(_)));
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    for text in ["", "hush", "-----BEGIN hush", &one, &encrypted] {
        let why = no_identity(&one, text);
        assert_eq!(why, NoTrust::Key, "{text}");
        assert!(!why.to_string().contains("hush"), "{why}");
    }
    let why = no_identity(&one, &other);
    assert!(why.to_string().starts_with("certificate and key cannot be used together: "), "{why}");
}

#[test]
fn nothing_of_a_key_is_ever_shown() {
    let (certificate, key) = pair();
    let parsed = || Identity::parse(certificate.as_bytes(), key.as_bytes()).unwrap();
    assert_eq!(format!("{:?}", parsed()), "(secret)");
    assert_eq!(format!("{:?}", Trust::new(None, Some(parsed())).unwrap()), "(secret)");
    assert_eq!(format!("{:?}", Authorities::parse(certificate.as_bytes()).unwrap()), "(secret)");
}
