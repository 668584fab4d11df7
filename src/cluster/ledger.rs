//! The ledger: `WaveReleases` in one namespace of the cluster. Reads them as plain entries, creates them once, and writes
//! outcomes. Its CREATE is what makes a wave go at most once: the name is a function of the send and the wave.

use jiff::Timestamp;
use kube::api::{Api, ListParams, PostParams};
use kube::{Client, ResourceExt};

use crate::api::release::{Resolution, ResolvedAs, WaveRelease};
use crate::plan::contract::{Contract, stayed_away};
use crate::plan::resume::Runs;
use crate::plan::snapshot::Entry;

use super::error::{Error, bounded};
use super::objects;

/// Every entry with this label, as the API server's majority has them now.
pub async fn labelled(client: &Client, namespace: &str, label: &str, value: &str) -> Result<Vec<WaveRelease>, Error> {
    let api = Api::<WaveRelease>::namespaced(client.clone(), namespace);
    let params = ListParams::default().labels(&format!("{label}={value}"));
    Ok(bounded("list ledger entries", api.list(&params)).await?.items)
}

/// Creates an entry. `AlreadyExists` and `Ambiguous` say nothing about whose entry is there: read it and look at its nonce.
pub async fn create(client: &Client, entry: &WaveRelease) -> Result<WaveRelease, Error> {
    let api = Api::<WaveRelease>::namespaced(client.clone(), &entry.namespace().unwrap_or_default());
    let what = format!("create ledger entry {}", entry.name_any());
    let reply = bounded(what.clone(), api.create(&PostParams::default(), entry)).await?;
    objects::same(&what, "spec", entry, &reply)?;
    Ok(reply)
}

/// The same for whoever wants to be the first; None if the one that is there is somebody else's, as its nonce tells.
pub async fn create_own(client: &Client, entry: &WaveRelease) -> Result<Option<WaveRelease>, Error> {
    match create(client, entry).await {
        Ok(made) => Ok(Some(made)),
        Err(Error::AlreadyExists { .. } | Error::Ambiguous { .. }) => {
            let (namespace, name) = (entry.namespace().unwrap_or_default(), entry.name_any());
            let there = objects::get::<WaveRelease>(client, &namespace, &name).await?;
            Ok(there.filter(|there| there.spec.nonce == entry.spec.nonce))
        }
        Err(error) => Err(error),
    }
}

/// An entry as the plan reads it; None if a number in it is out of range, which only a person can have written.
pub fn entry(release: &WaveRelease) -> Option<Entry> {
    let spec = &release.spec;
    let status = release.status.clone().unwrap_or_default();
    let newest = status.attempts.last();
    let first_attempt: Timestamp = spec.first_attempt_at.0;
    let newest_nonce = newest.map_or_else(|| spec.nonce.clone(), |attempt| attempt.nonce.clone());
    let not_sent = |resolution: &&Resolution| resolution.resolved_as == ResolvedAs::NotSent;
    let again = status.resolutions.iter().rfind(not_sent);
    let newest_result = match again {
        Some(resolution) if resolution.attempt == newest_nonce => Some("NotSent".to_owned()),
        _ => newest.and_then(|attempt| attempt.result.clone()),
    };
    let of_spec = || spec.request.as_ref().map(|request| (request.sender_uid.clone(), request.url_digest.clone()));
    let of_person = again.and_then(|said| Some((said.sender_uid.clone()?, said.url_digest.clone()?)));
    // What was tried before a person looked does not count against what is tried after.
    let before = again.and_then(|said| status.attempts.iter().position(|attempt| attempt.nonce == said.attempt));
    let since = status.attempts.iter().skip(before.map_or(0, |place| place + 1));
    let is_away = |result: Option<&str>| stayed_away(result) || result == Some("Rejected");
    let left = since.clone().filter(|attempt| !is_away(attempt.result.as_deref())).map(|attempt| attempt.at.0);
    // An entry without attempts was just made, and the first is under way.
    let left: Vec<Timestamp> = left.chain(status.attempts.is_empty().then_some(first_attempt)).collect();
    let may_have_left_at = match left.as_slice() {
        [first, .., last] => vec![*first, *last],
        few => few.to_vec(),
    };
    let contract = spec.request.as_ref().map_or(Contract::AtMostOnce, Contract::of_entry);
    let listmonk = spec.request.as_ref().and_then(|request| request.listmonk.as_ref());
    let sent_before = listmonk.and_then(|there| there.sent);
    Some(Entry {
        name: release.name_any(),
        send_id: spec.send_id.clone(),
        wave: spec.wave.name.clone(),
        offset: u64::try_from(spec.wave.offset).ok()?,
        recipients: u64::try_from(spec.wave.recipients).ok()?,
        share: spec.wave.share.clone(),
        disposition: spec.disposition,
        skip: spec.skip.as_ref().map(|skip| skip.reason),
        skipped_by: spec.skip.as_ref().map(|skip| skip.by.clone()),
        campaign_uid: spec.campaign.uid.clone(),
        is_orphaned: false,
        campaign: format!("{}/{}", spec.campaign.namespace, spec.campaign.name),
        pool: spec.pool.clone(),
        first_attempt,
        newest_attempt: newest.map_or(first_attempt, |attempt| attempt.at.0),
        attempts: status.attempts.len(),
        tries: since.clone().filter(|attempt| attempt.result.as_deref() != Some("NotFired")).count()
            + usize::from(status.attempts.is_empty()),
        may_have_left_at,
        contract,
        newest_nonce,
        newest_result,
        again: newest.and_then(|attempt| attempt.again.as_ref()).map(|again| again.0),
        heard: None,
        was_deferred: since.clone().any(|attempt| attempt.result.as_deref() == Some("Deferred")),
        resolved: status.resolutions.iter().map(|resolution| resolution.attempt.clone()).collect(),
        outcome: status.outcome,
        decided_at: status.decided_at.map(|at| at.0),
        message: status.message.or_else(|| newest.and_then(|attempt| attempt.message.clone())),
        load: spec.load.clone(),
        rates: status.attempts.iter().filter_map(|attempt| attempt.send_rate).collect(),
        sender_key: spec.request.as_ref().map(|request| request.sender.clone()),
        sender: of_person.or_else(of_spec),
        body: spec.request.as_ref().map(|request| request.body.clone()),
        runs: Runs { sent_before, pauses: status.pauses, resumes: status.resumes },
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use kube::CustomResourceExt;
    use serde_json::{Value, json};

    use crate::sim::apiserver::ApiServer;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn read(status: &Value) -> Entry {
        entry(&serde_json::from_value(object(status)).unwrap()).unwrap()
    }

    fn object(status: &Value) -> Value {
        let spec = json!({
            "sendId": "marketing/sale", "wave": {"name": "all", "offset": 0, "recipients": 100, "share": "rest"},
            "disposition": "Fire", "campaign": {"namespace": "marketing", "name": "sale", "uid": "u", "generation": 1},
            "pool": "shop/storefront", "nonce": "first", "firstAttemptAt": at(0),
            "request": {
                "sender": "mail/push", "senderUid": "u", "urlDigest": "d", "key": "k", "keyHeader": "Idempotency-Key",
                "body": "{}", "digest": "d", "contract": "keyed", "retention": "48h",
            },
        });
        json!({
            "apiVersion": "headroom.dev/v1alpha1", "kind": "WaveRelease",
            "metadata": {"name": "sale-all", "namespace": "headroom-ledger"}, "spec": spec, "status": status,
        })
    }

    fn tries(results: &[&str]) -> Value {
        let attempt = |(index, result): (i64, &&str)| {
            let mut attempt = json!({"nonce": format!("n{index}"), "at": at(60 * index)});
            if !result.is_empty() {
                attempt["result"] = json!(result);
            }
            attempt
        };
        (0..).zip(results).map(attempt).collect()
    }

    #[test]
    fn what_counts_of_attempts_and_when_it_may_have_left() {
        for (results, counted, left) in [
            // Just made, and under way.
            (&[][..], 1, vec![0]),
            (&[""], 1, vec![0]),
            (&["NotSent"], 1, vec![]),
            (&["NotFired", "NotSent", "NotFired"], 1, vec![]),
            (&["Unknown"], 1, vec![0]),
            (&["Unknown", "NotFired"], 1, vec![0]),
            (&["NotSent", "Unknown", "NotSent", ""], 4, vec![60, 180]),
            (&["Deferred", "NotFired"], 1, vec![]),
            // The first and the last stand for all between them.
            (&["Unknown", "Unknown", "Rejected", "Released"], 4, vec![0, 180]),
        ] {
            let read = read(&json!({ "attempts": tries(results) }));
            assert_eq!(read.tries, counted, "{results:?}");
            assert_eq!(read.may_have_left_at, left.into_iter().map(at).collect::<Vec<_>>(), "{results:?}");
        }
    }

    #[test]
    fn what_was_before_a_persons_word_counts_no_more() {
        let said =
            json!([{"attempt": "n1", "resolvedAs": "NotSent", "by": "sam", "reason": "no such job", "at": at(500)}]);
        let read = |results: &[&str]| read(&json!({ "attempts": tries(results), "resolutions": said }));
        let open = read(&["Unknown", "Unknown"]);
        assert_eq!((open.tries, open.may_have_left_at, open.newest_result.as_deref()), (0, vec![], Some("NotSent")));
        let again = read(&["Unknown", "Unknown", "Unknown"]);
        assert_eq!((again.tries, again.may_have_left_at), (1, vec![at(120)]));
        assert!(!read(&["Deferred", "Unknown"]).was_deferred && read(&["Unknown", "Unknown", "Deferred"]).was_deferred);
    }

    #[test]
    fn every_rate_at_which_it_was_tried_is_kept() {
        let mut attempts = tries(&["NotSent", "Unknown"]);
        attempts[1]["sendRate"] = json!(900.0);
        assert_eq!(read(&json!({ "attempts": attempts })).rates, [900.0]);
    }

    #[test]
    fn a_job_is_over_when_that_is_written() {
        let job = |status: &Value| {
            let mut object = object(status);
            object["spec"]["request"]["contract"] = json!("job");
            entry(&serde_json::from_value(object).unwrap()).unwrap()
        };
        let ended = |outcome: &str| job(&json!({"outcome": outcome, "decidedAt": at(900)})).ended();
        assert_eq!((ended("Released"), ended("Unknown"), ended("Rejected")), (Some(at(900)), Some(at(900)), None));
        assert_eq!(job(&json!({"attempts": tries(&["Started"])})).ended(), None);
        assert_eq!(read(&json!({"outcome": "Released", "decidedAt": at(900)})).ended(), None);
        assert_eq!(job(&json!({"outcome": "Released", "decidedAt": at(900)})).taken(), None);
    }

    #[test]
    fn a_request_is_taken_when_that_is_written() {
        let taken = |outcome: &str| read(&json!({"outcome": outcome, "decidedAt": at(9)})).taken();
        assert_eq!((taken("Released"), taken("Unknown"), taken("Rejected")), (Some(at(9)), None, None));
    }

    #[test]
    fn the_contract_is_the_one_that_was_frozen() {
        let read = read(&json!({"attempts": [{"nonce": "n", "at": at(0), "result": "Unknown", "again": at(360)}]}));
        assert_eq!(read.again, Some(at(360)));
        // 48 h from the first attempt, less a minute.
        assert_eq!(read.forgotten_at(), Some(at(48 * 3_600 - 60)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_entry_that_is_there_is_ours_by_its_nonce_alone() {
        let _simulated = crate::clock::simulate("2027-03-19T09:00:00Z".parse().unwrap());
        let server = ApiServer::new();
        server.define(&[WaveRelease::crd()]).unwrap();
        server
            .create(
                "kubectl",
                &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "headroom-ledger"}}),
            )
            .unwrap();
        let own = |nonce: &str| -> WaveRelease {
            serde_json::from_value(json!({
                "apiVersion": "headroom.dev/v1alpha1", "kind": "WaveRelease",
                "metadata": {"name": "sale-all", "namespace": "headroom-ledger"},
                "spec": {
                    "sendId": "marketing/sale", "wave": {"name": "all", "offset": 0, "recipients": 0, "share": "none"},
                    "disposition": "Skip", "skip": {"reason": "Aborted", "by": "a test"},
                    "campaign": {"namespace": "marketing", "name": "sale", "uid": "u", "generation": 1},
                    "pool": "shop/storefront", "nonce": nonce, "firstAttemptAt": at(0),
                },
            }))
            .unwrap()
        };
        let client = server.client("headroom");
        let made = async |nonce: &str| create_own(&client, &own(nonce)).await.unwrap().map(|there| there.spec.nonce);
        assert_eq!(made("ours").await.as_deref(), Some("ours"));
        assert_eq!(made("ours").await.as_deref(), Some("ours"), "a second delivery of the same request");
        assert_eq!(made("another's").await, None);
    }
}
