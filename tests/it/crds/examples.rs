//! Objects in which every field of a spec is written somewhere, for whoever tries each field in turn. Valid as they are;
//! where two fields exclude one another, there is a second object of the kind. Says nothing of what is right or wrong.

use serde_json::{Value, json};

/// The kinds, with the file that defines each.
pub const KINDS: [(&str, &str); 4] = [
    ("Campaign", "campaigns"),
    ("CapacityPool", "capacitypools"),
    ("Sender", "senders"),
    ("WaveRelease", "wavereleases"),
];

fn object(kind: &str, spec: Value) -> Value {
    let mut object = json!({
        "apiVersion": "headroom.dev/v1alpha1", "kind": kind,
        "metadata": {"name": "x", "namespace": "default"},
        "spec": spec,
    });
    if kind == "CapacityPool" {
        // Of no install of this run: whatever is tried, no operator looks at it.
        object["metadata"]["annotations"] = json!({"headroom.dev/install": "nobody/none"});
    }
    object
}

/// Of a list, the last item is one of which there can be many.
fn waves() -> Value {
    json!([
        {
            "name": "canary", "percent": 10, "soak": "10m", "timeZone": "Europe/Berlin",
            "windows": [{"days": ["Mon"], "from": "09:00", "to": "18:00"}], "parameters": {"key": "value"},
        },
        {"name": "sized", "recipients": 5},
    ])
}

/// Every example of a kind. The first one that has a field is the one it is tried in.
pub fn of(kind: &str) -> Vec<Value> {
    match kind {
        "Campaign" => campaigns(),
        "CapacityPool" => vec![object(kind, pool())],
        "Sender" => {
            let keyed = json!({"keyed": {"retention": "48h"}});
            let queryable = json!({"queryable": {"url": "https://mail.internal/sends"}});
            // Beside `tls` the URL can only be of one form.
            let mut secure = sender(&json!({"atMostOnce": {}}));
            let tls = json!({
                "ca": {"secretKeyRef": {"name": "mail", "key": "ca.crt"}}, "clientCertificate": {"secretName": "headroom"},
            });
            secure["webhook"]["tls"] = tls.clone();
            vec![
                object(kind, sender(&keyed)),
                object(kind, sender(&queryable)),
                object(kind, secure),
                object(kind, json!({"sendRate": "100/s", "job": {"template": template()}})),
                object(
                    kind,
                    json!({"sendRate": "100/s", "listmonk": {
                        "url": "http://listmonk.mail:9000", "secretRef": {"name": "listmonk"}, "waves": "Exact",
                    }}),
                ),
                object(
                    kind,
                    json!({"sendRate": "100/s", "listmonk": {
                        "url": "https://listmonk.mail:9000", "secretRef": {"name": "listmonk"}, "tls": tls,
                    }}),
                ),
            ]
        }
        "WaveRelease" => vec![object(kind, entry())],
        other => panic!("no example of a {other}"),
    }
}

fn campaigns() -> Vec<Value> {
    let first = json!({
        "poolRef": {"namespace": "shop", "name": "p"}, "senderRef": {"namespace": "mail", "name": "s"},
        "channel": "email", "audience": {"size": 1000, "class": "consumer"},
        "schedule": {
            "timeZone": "Europe/Berlin", "start": "2027-03-19T09:00",
            "windows": [{"days": ["Mon"], "from": "09:00", "to": "18:00"}], "onDeadline": "Hold",
        },
        "waves": waves(), "parameters": {"key": "value"}, "sendId": "default/x", "priority": 500,
        "load": {"visitRate": "2.5%", "requestsPerVisit": 10, "responseMedian": "165m"},
        "urgent": true, "maxSendRate": "50/s", "approval": {"required": true},
        "after": [
            {"campaign": {"name": "teaser"}},
            {"workload": {"kind": "Deployment", "name": "landing", "image": "shop/landing:7"}},
            {"check": "landing-page"},
        ],
        "suspend": true, "abort": false, "description": "Spring sale", "contact": "#marketing",
    });
    // Beside the first one's start, waves, and other fields of load, these would be held against a rule.
    let second = json!({
        "poolRef": {"name": "p"}, "senderRef": {"name": "s"}, "channel": "email", "audience": {"size": 1000},
        "schedule": {"end": "2027-03-19T18:00"}, "load": {"peak": "640/s"}, "pace": "Asap",
    });
    vec![object("Campaign", first), object("Campaign", second)]
}

fn pool() -> Value {
    let workload = |name: &str, coverage: Value| {
        let plausible = json!({"min": "5/s", "max": "5000/s"});
        json!({
            "name": name, "targetRef": {"kind": "Deployment", "name": name},
            "demand": {"query": "sum(up)", "peak": "320/s", "reduce": "Sum", "coverage": coverage, "plausible": plausible},
            "capacityPerReplica": "100/s", "requestsPerRequest": 0.5, "maxReplicas": 10,
        })
    };
    json!({
        "workloads": [
            workload("mail", json!({"query": "count(up)"})),
            workload("edge", json!({"unverified": "counted at the ingress"})),
            workload("web", json!({"podLabel": "pod_name"})),
        ],
        "limits": [{"name": "database", "query": "sum(up)", "max": "70%", "perRequest": 0.1, "plausible": {"min": "1%", "max": "100%"}}],
        "checks": [
            {"name": "down", "query": "sum(up)", "max": "0"},
            {"name": "up", "query": "sum(up)", "min": "1"},
        ],
        "mode": "Observe", "nodes": "Fixed", "maxPrescaleLead": "30m", "reserve": "20%", "maxPriority": 600,
        "profiles": [{
            "channel": "email", "class": "vip", "visitRate": "2.5%", "requestsPerVisit": 10, "responseMedian": "165m",
            "responseSigma": "2.4", "scannedLinks": "0.09",
        }],
        "guardrails": [
            {"name": "errors", "query": "sum(up)", "max": "1%", "for": "1m", "onBreach": "Hold", "plausible": {"min": "0%", "max": "100%"}},
            {"name": "success", "query": "sum(up)", "min": "97%"},
        ],
        "targetUtilization": "70%", "loadMargin": "1.66",
        "admission": {
            "namespaceSelector": {"matchLabels": {"team": "marketing"}},
            "urgentNamespaceSelector": {"matchLabels": {"team": "marketing"}},
            "priorities": [{"namespaceSelector": {"matchLabels": {"team": "marketing"}}, "maxPriority": 600}],
            "approvalAbove": 2_000_000, "maxConcurrent": 3, "incidents": {"query": "sum(up)"},
            "freezes": [{"from": "2027-11-26T00:00:00Z", "to": "2027-11-30T00:00:00Z", "reason": "Black Friday"}],
        },
        "confirm": {"samples": 3, "span": "60s"},
        "sensor": {"maxSampleAge": "90s", "minCoverage": "90%", "heartbeat": "Unverified"},
        "prometheus": {"address": "http://prometheus:9090"},
        "waves": waves(), "scaleDown": {"hold": "10m", "step": "10%", "maxHold": "24h"}, "suspend": true,
    })
}

fn template() -> Value {
    json!({"metadata": {"labels": {"team": "mail"}}, "spec": {"template": {"spec": {"containers": [{"name": "mailer"}]}}}})
}

fn sender(contract: &Value) -> Value {
    json!({
        "namespaceSelector": {"matchLabels": {"team": "marketing"}}, "sendRate": "100/s",
        "webhook": {
            "url": "https://mail.internal/send", "contract": contract,
            "signing": {"secretKeyRef": {"name": "mail", "key": "signing-key"}},
            "headers": [{"name": "Authorization", "secretKeyRef": {"name": "mail", "key": "token"}}],
            "body": "{\"from\": {{ wave.offset }}}",
        },
    })
}

fn entry() -> Value {
    json!({
        "sendId": "default/x", "wave": {"name": "canary", "offset": 0, "recipients": 100, "share": "10 %"},
        "disposition": "Fire", "skip": {"reason": "Missed", "by": "its deadline"},
        "campaign": {"namespace": "default", "name": "x", "uid": "u", "generation": 1},
        "pool": "shop/p", "nonce": "n", "firstAttemptAt": "2027-01-01T00:00:00Z",
        "request": {
            "sender": "mail/s", "senderUid": "u", "urlDigest": "d", "key": "k", "keyHeader": "idempotency-key",
            "body": "{}", "digest": "d", "contract": "keyed", "retention": "48h", "queryDigest": "d",
            "listmonk": {"campaign": 17, "last": 2940, "sent": 0},
        },
        "load": {
            "sendRate": 100.0, "margin": 1.66,
            "components": [{"requestsPerMessage": 0.25, "median": 165.0, "sigma": 2.4}],
            "shares": [{"workload": "web", "requestsPerRequest": 1.0}],
        },
        "evidence": {
            "bottleneck": "web", "needed": 64.5, "free": 410.0, "demand": 1180.0, "replicas": 20, "confirmations": 3,
            "evaluatedAt": "2027-01-01T00:00:00Z",
            "withoutHeadroom": {"by": "sam", "reason": "recall", "insteadOf": "Waiting."},
        },
    })
}
