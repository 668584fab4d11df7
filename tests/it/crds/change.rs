//! What must never change cannot be changed: the identity of a send, its end, and the ledger. A status write is never
//! refused by a rule, but where it would take back what is known of a wave.

use serde_json::{Value, json};

use super::{campaign, pool, sender};
use crate::support::bed::bed;

/// The rules that compare with the past; each is tried below, both ways.
pub const TOLD: [&str; 7] = [SEND_ID, ABORT, SENDER, ENTRY, OUTCOME, TAKEN, SAID];

const SEND_ID: &str =
    "sendId is the identity of the send: it cannot be changed, added or removed; create a new Campaign instead";
const ABORT: &str = "abort cannot be taken back: create a new Campaign with a sendId of its own instead";
const SENDER: &str = "senderRef cannot be changed: another sender could send the same message to the same people again; create a new Campaign instead";
const ENTRY: &str = "a ledger entry never changes";
const OUTCOME: &str = "the outcome of a wave that was released, skipped or missed never changes";
const SAID: &str = "what a person has said of a wave is never taken away";
const TAKEN: &str = "an outcome is never taken away, but by a person who says that nothing went";

/// An object in a namespace where nothing else is, of a pool and a Sender that are not there.
fn alone(mut object: Value, namespace: &str) -> Value {
    object["metadata"]["namespace"] = json!(namespace);
    object
}

fn patch(namespace: &str, object: &str, form: &str, what: &Value, more: &[&str]) -> Result<String, String> {
    let (form, what) = (format!("--type={form}"), what.to_string());
    let mut arguments = vec!["-n", namespace, "patch", object, form.as_str(), "-p", what.as_str()];
    arguments.extend(more);
    bed().try_kubectl(&arguments)
}

fn patch_status(namespace: &str, object: &str, status: &Value) -> Result<String, String> {
    patch(namespace, object, "merge", &json!({ "status": status }), &["--subresource=status"])
}

/// By a JSON patch: what a merge cannot say.
fn remove_from_status(namespace: &str, object: &str, path: &str) -> Result<String, String> {
    patch(namespace, object, "json", &json!([{"op": "remove", "path": path}]), &["--subresource=status"])
}

fn refused(verdict: Result<String, String>, message: &str) {
    let said = verdict.expect_err(message);
    assert!(said.contains(message), "{message} in: {said}");
}

#[test]
fn the_identity_and_the_end_of_a_send_cannot_be_taken_back() {
    let bed = bed();
    bed.kubectl(&["create", "namespace", "rules"]);
    let named = |change: &dyn Fn(&mut Value)| {
        let object = campaign(|object| {
            object["spec"]["poolRef"] = json!({"name": "p", "namespace": "nowhere"});
            object["spec"]["sendId"] = json!("rules/x");
            change(object);
        });
        alone(object, "rules").to_string()
    };
    bed.apply(&named(&|_| ()));
    let apply = |change: &dyn Fn(&mut Value)| bed.try_apply(&named(change));
    refused(apply(&|object| object["spec"]["sendId"] = json!("rules/y")), SEND_ID);
    refused(apply(&|object| object["spec"]["sendId"] = Value::Null), SEND_ID);
    refused(patch("rules", "campaign/x", "json", &json!([{"op": "remove", "path": "/spec/sendId"}]), &[]), SEND_ID);
    refused(apply(&|object| object["spec"]["senderRef"] = json!({"name": "other"})), SENDER);
    refused(apply(&|object| object["spec"]["senderRef"]["namespace"] = json!("rules")), SENDER);
    // What is not its identity may change.
    bed.apply(&named(&|object| object["spec"]["audience"]["size"] = json!(2000)));
    bed.apply(&named(&|object| object["spec"]["abort"] = json!(false)));
    bed.apply(&named(&|object| object["spec"]["abort"] = json!(true)));
    bed.apply(&named(&|object| object["spec"]["abort"] = json!(true)));
    refused(apply(&|object| object["spec"]["abort"] = json!(false)), ABORT);
    refused(apply(&|_| ()), ABORT);

    // Without a sendId of its own its name is its identity: giving it one would make it another send.
    let nameless = |send_id: Option<&str>| {
        let object = campaign(|object| {
            object["metadata"]["name"] = json!("nameless");
            object["spec"]["poolRef"] = json!({"name": "p", "namespace": "nowhere"});
            if let Some(send_id) = send_id {
                object["spec"]["sendId"] = json!(send_id);
            }
        });
        alone(object, "rules").to_string()
    };
    bed.apply(&nameless(None));
    refused(bed.try_apply(&nameless(Some("rules/nameless"))), SEND_ID);
    refused(bed.try_apply(&nameless(Some("rules/other"))), SEND_ID);
    bed.apply(&nameless(None));
    bed.kubectl(&["delete", "namespace", "rules", "--wait=false"]);
}

#[test]
fn a_status_write_is_never_refused_by_a_rule() {
    let bed = bed();
    bed.kubectl(&["create", "namespace", "rules-status"]);
    let aborted = campaign(|object| {
        object["spec"]["poolRef"] = json!({"name": "p", "namespace": "nowhere"});
        object["spec"]["abort"] = json!(true);
    });
    let planned = pool(|object| {
        object["spec"]["waves"] = json!([{"name": "a", "percent": 40}, {"name": "b", "percent": 60}]);
        object["spec"]["guardrails"] = json!([{"name": "e", "query": "up", "max": "1%"}]);
    });
    let contract = sender(|object| object["spec"]["webhook"]["contract"] = json!({"atMostOnce": {}}));
    let condition = json!([{
        "type": "Ready", "status": "False", "reason": "Invalid", "message": "x", "lastTransitionTime": "2027-01-01T00:00:00Z",
    }]);
    for (object, kind, status) in [
        (aborted, "campaign/x", json!({"phase": "Aborted", "message": "x", "sendId": "rules-status/x"})),
        (planned, "capacitypool/x", json!({"reason": "Invalid", "message": "x", "conditions": condition})),
        (contract, "sender/x", json!({"message": "x", "conditions": condition})),
    ] {
        bed.apply(&alone(object, "rules-status").to_string());
        for status in [status, json!({"message": "y"}), json!({"message": null})] {
            patch_status("rules-status", kind, &status).unwrap_or_else(|said| panic!("{kind} {status}: {said}"));
        }
        remove_from_status("rules-status", kind, "/status").unwrap_or_else(|said| panic!("{kind}: {said}"));
        let finalizers = |list: Value| json!({"metadata": {"finalizers": list}});
        patch("rules-status", kind, "merge", &finalizers(json!(["example.com/x"])), &[]).unwrap();
        patch("rules-status", kind, "merge", &finalizers(Value::Null), &[]).unwrap();
    }
    bed.kubectl(&["delete", "namespace", "rules-status", "--wait=false"]);
}

fn record(name: &str) -> String {
    json!({
        "apiVersion": "headroom.dev/v1alpha1", "kind": "WaveRelease",
        "metadata": {"name": name, "namespace": "rules-ledger"},
        "spec": {
            "sendId": "rules-ledger/x", "wave": {"name": name, "offset": 0, "recipients": 5, "share": "rest"},
            "disposition": "Fire", "campaign": {"namespace": "rules-ledger", "name": "x", "uid": "u", "generation": 1},
            "pool": "rules/p", "nonce": "n", "firstAttemptAt": "2027-01-01T00:00:00Z",
        },
    })
    .to_string()
}

#[test]
fn the_ledger_changes_neither_what_was_decided_nor_what_came_of_it() {
    let bed = bed();
    bed.kubectl(&["create", "namespace", "rules-ledger"]);
    let outcomes = ["Released", "Skipped", "Missed", "Rejected", "Unknown"];
    for decided in outcomes {
        let name = decided.to_lowercase();
        let entry = format!("waverelease/{name}");
        bed.apply(&record(&name));
        let status = |status: Value| patch_status("rules-ledger", &entry, &status);
        refused(patch("rules-ledger", &entry, "merge", &json!({"spec": {"nonce": "other"}}), &[]), ENTRY);
        let skip = json!({"spec": {"skip": {"reason": "Aborted", "by": "nobody"}}});
        refused(patch("rules-ledger", &entry, "merge", &skip, &[]), ENTRY);

        // Nothing is known yet: nothing is lost.
        status(json!({"message": "under way"})).unwrap();
        remove_from_status("rules-ledger", &entry, "/status").unwrap();

        status(json!({"outcome": decided})).unwrap();
        refused(status(json!({"outcome": null})), TAKEN);
        refused(remove_from_status("rules-ledger", &entry, "/status/outcome"), TAKEN);
        refused(remove_from_status("rules-ledger", &entry, "/status"), TAKEN);
        // Nor may a person take away what is certain; of the rest he may say that nothing went, and that stays.
        let said = json!({"attempt": "n", "resolvedAs": "NotSent", "by": "sam", "reason": "asked", "at": "2027-01-01T00:00:00Z"});
        let taken_away = status(json!({"outcome": null, "resolutions": [said]}));
        if ["Rejected", "Unknown"].contains(&decided) {
            taken_away.unwrap();
            refused(status(json!({"resolutions": null})), SAID);
            status(json!({"outcome": decided})).unwrap();
            refused(status(json!({"outcome": null})), TAKEN);
        } else {
            refused(taken_away, OUTCOME);
        }
        // More may be said of it.
        status(json!({"outcome": decided, "message": "more is known", "decidedBy": "somebody"})).unwrap();
        // Without the API server's own way to a status this is no way either.
        bed.apply(&record(&name));
        let path = "jsonpath={.status.outcome}";
        assert_eq!(bed.kubectl(&["-n", "rules-ledger", "get", &entry, "-o", path]), decided);

        let is_final = ["Released", "Skipped", "Missed"].contains(&decided);
        for other in outcomes.into_iter().filter(|other| *other != decided) {
            let verdict = status(json!({"outcome": other}));
            if is_final {
                refused(verdict, OUTCOME);
            } else {
                // A person found out more.
                verdict.unwrap_or_else(|said| panic!("{decided} to {other}: {said}"));
                break;
            }
        }
    }
    bed.kubectl(&["delete", "namespace", "rules-ledger", "--wait=false"]);
}
