//! What is said of a Sender: whether it can be used as it is written, and what it can do.

use jiff::Timestamp;

use crate::api::condition::{self, Wanted};
use crate::api::sender::{SenderSpec, SenderStatus, TLS_NAMES_NOTHING, TLS_NEEDS_HTTPS};

use super::abilities;
use super::contract::{Contract, MOST_TRIES, Way};
use super::job::JobTemplate;
use super::template::Template;
use super::units::Rate;
use super::units::people::Rounding;

/// Why a Sender cannot be used as it is written, as a sentence with the field and the way out.
pub fn fault(spec: &SenderSpec) -> Option<String> {
    if let Err(error) = Rate::parse(&spec.send_rate) {
        return Some(format!("spec.sendRate: {error}"));
    }
    if let Err(error) = Contract::of_sender(spec) {
        return Some(error);
    }
    if let Some(job) = &spec.job {
        return JobTemplate::parse(&job.template).err();
    }
    if let Some(fault) = fault_of_tls(spec) {
        return Some(fault);
    }
    let webhook = spec.webhook.as_ref()?;
    let body = webhook.body.as_deref()?;
    Template::parse(body).err().map(|error| format!("spec.webhook.body: {error}"))
}

/// As the definition's rules have it, for objects that were written before them or without an API server.
fn fault_of_tls(spec: &SenderSpec) -> Option<String> {
    let (field, tls) = spec.tls()?;
    if tls.ca.is_none() && tls.client_certificate.is_none() {
        return Some(format!("{field}.tls: {TLS_NAMES_NOTHING}"));
    }
    let contract = spec.webhook.as_ref().and_then(|webhook| webhook.contract.as_ref());
    let asked = contract.and_then(|contract| contract.queryable.as_ref()).map(|queryable| &queryable.url);
    let own = spec.webhook.as_ref().map(|webhook| &webhook.url);
    let listmonk = spec.listmonk.as_ref().map(|there| &there.url);
    let mut urls = asked.into_iter().chain(own).chain(listmonk);
    urls.any(|url| !url.starts_with("https://")).then(|| format!("{field}: {TLS_NEEDS_HTTPS}"))
}

/// What becomes of a request that may have arrived, and how the receiver can tell whose it is.
fn guarantee(spec: &SenderSpec, contract: &Contract) -> String {
    let repeats = match contract {
        Contract::Keyed { retention } => format!(
            "; one that may have arrived is repeated under the same key, at most {} times within {}, since its receiver keeps keys.",
            MOST_TRIES - 1,
            retention.for_people(Rounding::Down)
        ),
        Contract::Queryable { .. } => ", at most once: of one that may have arrived its receiver is asked what became of it, and a person decides where that does not tell.".to_owned(),
        Contract::Job => ", under a name of its own and once: what became of it its Job tells, and where that is gone or has failed a person decides.".to_owned(),
        Contract::Listmonk => " of listmonk, which goes out once however often it is started: what became of it listmonk tells, and where that is unclear a person decides.".to_owned(),
        Contract::AtMostOnce => ", at most once: one that may have arrived is never repeated.".to_owned(),
    };
    let webhook = spec.webhook.as_ref();
    let signed =
        if webhook.is_some_and(|webhook| webhook.signing.is_some()) { " Every request is signed." } else { "" };
    let tls = spec.tls();
    let believed = tls.filter(|(_, tls)| tls.ca.is_some()).map_or_else(String::new, |(field, _)| {
        format!(" The receiver is believed by the authorities in {field}.tls.ca alone.")
    });
    let shown =
        if tls.is_some_and(|(_, tls)| tls.client_certificate.is_some()) { " It is shown a certificate." } else { "" };
    format!("{repeats}{signed}{believed}{shown}")
}

/// The Sender's new status. `trouble` is what only an adapter can find wrong.
pub fn tell(
    spec: &SenderSpec,
    generation: i64,
    old: &SenderStatus,
    trouble: Option<String>,
    now: Timestamp,
) -> SenderStatus {
    let contract = Contract::of_sender(spec).unwrap_or_default();
    let fault = fault(spec).or(trouble);
    let (kind, what) = match contract.way() {
        Way::Request => ("webhook", "request"),
        Way::Job => ("job", "Job"),
        Way::Listmonk => ("listmonk", "campaign"),
    };
    let message = fault.clone().map_or_else(
        || format!("It releases a wave by one {what}{}", guarantee(spec, &contract)),
        |fault| format!("It cannot be used: {fault}."),
    );
    let reason = if fault.is_some() { "Invalid" } else { "Valid" };
    let wanted =
        Wanted { kind: "Ready", status: Some(fault.is_none()), reason: reason.to_owned(), message: message.clone() };
    SenderStatus {
        observed_generation: Some(generation),
        install: None,
        kind: Some(kind.to_owned()),
        contract: Some(contract.for_people().to_owned()),
        abilities: Some(abilities::of(spec).words()),
        message: Some(message),
        conditions: condition::merge(&[wanted], &old.conditions, Some(generation), now),
    }
}

/// Whether an install writes its word on a Sender over what is there. A Sender belongs to no install, and what two of them say may
/// differ by how they are set: of those that could use it one that finds it good is believed, then the first by name, so that they
/// come to an end. `new.install` is None where the install may not read the Secrets that it needs; such a one writes over nobody.
pub fn stands_over(new: &SenderStatus, old: &SenderStatus, install: &str) -> bool {
    let is_good = |status: &SenderStatus| status.conditions.iter().any(|ready| ready.status == "True");
    let order = |status: &SenderStatus| (!is_good(status), status.install.clone());
    let is_news = old.observed_generation != new.observed_generation;
    let is_own = old.install.as_deref().is_none_or(|speaker| speaker == install);
    new != old && (is_news || is_own || (new.install.is_some() && order(new) < order(old)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tls_is_told_of_and_so_is_what_is_wrong_with_it() {
        let (ca, shown) = (json!({"secretKeyRef": {"name": "a", "key": "b"}}), json!({"secretName": "c"}));
        for (way, more) in [("webhook", json!({})), ("listmonk", json!({"secretRef": {"name": "s"}}))] {
            for (url, tls, words) in [
                ("https://a/", json!({"ca": ca}), format!("believed by the authorities in spec.{way}.tls.ca alone.")),
                ("https://a/", json!({"clientCertificate": shown}), "It is shown a certificate.".to_owned()),
                (
                    "https://a/",
                    json!({}),
                    format!("It cannot be used: spec.{way}.tls: tls names neither ca nor clientCertificate;"),
                ),
                (
                    "http://a/",
                    json!({"ca": ca}),
                    format!("It cannot be used: spec.{way}: tls is for a url that begins with https://"),
                ),
            ] {
                let mut place = more.clone();
                (place["url"], place["tls"]) = (json!(url), tls);
                let spec = serde_json::from_value(json!({"sendRate": "1/s", way: place})).unwrap();
                let status = tell(&spec, 1, &SenderStatus::default(), None, Timestamp::UNIX_EPOCH);
                let message = status.message.unwrap();
                assert!(message.contains(&words), "{message}");
                let wrong = words.starts_with("It cannot");
                assert_eq!(
                    status.conditions.first().unwrap().status,
                    if wrong { "False" } else { "True" },
                    "{message}"
                );
            }
        }
    }

    /// What an install says: whether it can use the Sender, and whether it may read what that needs.
    fn says(install: &str, generation: i64, is_able: bool, trouble: Option<&str>) -> SenderStatus {
        let spec = serde_json::from_value(json!({"sendRate": "1/s", "webhook": {"url": "https://a/"}})).unwrap();
        let trouble = trouble.map(ToOwned::to_owned);
        let told = tell(&spec, generation, &SenderStatus::default(), trouble, Timestamp::UNIX_EPOCH);
        SenderStatus { install: is_able.then(|| install.to_owned()), ..told }
    }

    #[test]
    fn installs_that_see_a_sender_differently_come_to_an_end() {
        let all: [(&str, SenderStatus); 5] = [
            ("a/x", says("a/x", 1, false, Some("no Secrets"))),
            ("b/x", says("b/x", 1, true, Some("not this host"))),
            ("c/x", says("c/x", 1, true, Some("not that host"))),
            ("d/x", says("d/x", 1, true, None)),
            ("e/x", says("e/x", 1, true, None)),
        ];
        // Whoever begins: the first that can use it has the last word, and before it is there, the first that could.
        for (count, last) in [(1, None), (3, Some("b/x")), (5, Some("d/x"))] {
            for begins in 0..count {
                let (mut there, mut writes) = (SenderStatus::default(), 0);
                let turn = (begins..count).chain(0..begins).cycle().take(20 * count);
                for (install, new) in turn.map(|index| &all[index]) {
                    if stands_over(new, &there, install) {
                        (there, writes) = (new.clone(), writes + 1);
                    }
                }
                assert_eq!(there.install.as_deref(), last);
                assert!(writes <= count, "{writes} writes of {count}");
            }
        }
        // What is new is told by anybody, and an install takes back its own word.
        let (good, bad) = (says("b/x", 1, true, None), says("b/x", 1, true, Some("not this host")));
        assert!(stands_over(&bad, &good, "b/x") && !stands_over(&bad, &good, "c/x"));
        assert!(stands_over(&says("z/x", 2, false, Some("no Secrets")), &good, "z/x"));
        assert!(stands_over(&says("b/x", 1, false, Some("no Secrets")), &good, "b/x"));
        assert!(!stands_over(&good, &good, "b/x"));
    }
}
