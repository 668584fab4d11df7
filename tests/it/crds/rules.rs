//! The rules of the definitions that need no past: values that each admits, and values that it refuses. A value is that of
//! the field the rule stands on. Rules that compare with the past are in `change`.

use serde_json::{Value, json};

/// What is tried of one rule, found by how its message begins.
pub struct Trial {
    /// How the message begins.
    pub message: &'static str,
    /// Admitted.
    pub right: Vec<Value>,
    /// Refused.
    pub wrong: Vec<Value>,
}

/// Waves by their sizes: a percentage, `None` for the rest.
fn shares(sizes: &[Option<i64>]) -> Value {
    let waves = sizes.iter().enumerate().map(|(index, percent)| match percent {
        Some(percent) => json!({"name": format!("w{index}"), "percent": percent}),
        None => json!({"name": format!("w{index}")}),
    });
    Value::Array(waves.collect())
}

/// The same, and a wave of so many recipients behind them.
fn shares_and_a_number(sizes: &[Option<i64>]) -> Value {
    let mut waves = shares(sizes);
    waves.as_array_mut().unwrap().push(json!({"name": "sized", "recipients": 5}));
    waves
}

/// Every rule that needs no past.
pub fn trials() -> Vec<Trial> {
    let rest = None;
    let window = |from: &str, to: &str| json!({"from": from, "to": to});
    let guardrail = |bounds: Value| {
        let mut guardrail = json!({"name": "errors", "query": "sum(up)"});
        guardrail.as_object_mut().unwrap().extend(bounds.as_object().unwrap().clone());
        guardrail
    };
    let paced = |planned: Value| {
        let mut spec =
            json!({"poolRef": {"name": "a"}, "senderRef": {"name": "a"}, "channel": "email", "audience": {"size": 10}});
        spec.as_object_mut().unwrap().extend(planned.as_object().unwrap().clone());
        spec
    };
    let named = |length: usize| json!({"metadata": {"name": "x".repeat(length), "namespace": "default"}});
    vec![
        Trial {
            message: "only one wave may leave out its size",
            right: vec![
                shares(&[rest]),
                shares(&[Some(10), rest]),
                shares(&[rest, Some(10)]),
                shares_and_a_number(&[rest]),
            ],
            wrong: vec![
                shares(&[rest, rest]),
                shares(&[Some(10), rest, rest]),
                shares_and_a_number(&[rest, rest]),
                shares(&[rest, Some(10), rest]),
            ],
        },
        Trial {
            message: "the percentages of the waves must add up to 100",
            right: vec![
                shares(&[Some(100)]),
                shares(&[Some(40), Some(60)]),
                shares(&[Some(33), Some(33), Some(34)]),
                shares(&[Some(99), rest]),
                shares(&[Some(60), Some(39), rest]),
                // What a number of recipients is of the audience, no rule can know: the operator sees to that.
                shares_and_a_number(&[Some(50)]),
                shares_and_a_number(&[Some(50), rest]),
            ],
            wrong: vec![
                shares(&[Some(99)]),
                shares(&[Some(50), Some(49)]),
                shares(&[Some(50), Some(51)]),
                shares(&[Some(100), Some(1)]),
                shares(&[Some(100), rest]),
                shares(&[Some(60), Some(40), rest]),
                shares(&[Some(60), rest, Some(41)]),
            ],
        },
        Trial {
            message: "give a wave percent or recipients, not both",
            right: vec![
                json!({"name": "a"}),
                json!({"name": "a", "percent": 10}),
                json!({"name": "a", "recipients": 10}),
            ],
            wrong: vec![json!({"name": "a", "percent": 10, "recipients": 10})],
        },
        Trial {
            message: "from and to are the same",
            right: vec![window("09:00", "09:01"), window("22:00", "06:00"), window("00:00", "24:00")],
            wrong: vec![window("09:00", "09:00"), window("00:00", "00:00")],
        },
        Trial {
            message: "start must be before end",
            right: vec![
                json!({}),
                json!({"start": "2027-03-19T18:00"}),
                json!({"end": "2027-03-19T18:00"}),
                json!({"start": "2027-03-19T18:00", "end": "2027-03-19T18:01"}),
                // Which of these comes first depends on the time zone: the operator sees to that.
                json!({"start": "2027-03-19T18:00", "end": "2027-03-19T18:00Z"}),
                json!({"start": "2027-03-19T18:00+01:00", "end": "2027-03-19T17:30"}),
            ],
            wrong: vec![
                json!({"start": "2027-03-19T18:00", "end": "2027-03-19T18:00"}),
                json!({"start": "2027-03-19T18:00", "end": "2027-03-19T09:00"}),
                json!({"start": "2028-03-19T18:00:00", "end": "2027-03-19T19:00:00"}),
            ],
        },
        Trial {
            message: "pace Smooth plans the waves itself",
            right: vec![
                paced(json!({"pace": "Smooth"})),
                paced(json!({"pace": "Asap", "waves": shares(&[rest])})),
                paced(json!({"waves": shares(&[rest])})),
            ],
            wrong: vec![paced(json!({"pace": "Smooth", "waves": shares(&[rest])}))],
        },
        Trial {
            message: "give load.peak alone",
            right: vec![
                json!({}),
                json!({"peak": "640/s"}),
                json!({"visitRate": "2.5%", "requestsPerVisit": 10, "responseMedian": "165m"}),
            ],
            wrong: vec![
                json!({"peak": "640/s", "visitRate": "2.5%"}),
                json!({"peak": "640/s", "requestsPerVisit": 10}),
                json!({"peak": "640/s", "responseMedian": "165m"}),
            ],
        },
        Trial {
            message: "give a guardrail max or min, one of them",
            right: vec![guardrail(json!({"max": "1%"})), guardrail(json!({"min": "97%"}))],
            wrong: vec![guardrail(json!({})), guardrail(json!({"max": "1%", "min": "1%"}))],
        },
        Trial {
            message: "give a check max or min, one of them",
            right: vec![guardrail(json!({"max": "1%"})), guardrail(json!({"min": "97%"}))],
            wrong: vec![guardrail(json!({})), guardrail(json!({"max": "1%", "min": "1%"}))],
        },
        Trial {
            message: "give plausible min or max",
            right: vec![json!({"min": "5/s"}), json!({"max": "100%"}), json!({"min": "0", "max": "1"})],
            wrong: vec![json!({})],
        },
        Trial {
            message: "give demand.coverage podLabel, query or unverified, one of them",
            right: vec![
                json!({"podLabel": "pod_name"}),
                json!({"query": "count(up)"}),
                json!({"unverified": "counted at the ingress"}),
            ],
            wrong: vec![
                json!({}),
                json!({"podLabel": "pod", "query": "count(up)"}),
                json!({"query": "count(up)", "unverified": "counted at the ingress"}),
                json!({"podLabel": "pod", "unverified": "counted at the ingress"}),
                json!({"podLabel": "pod", "query": "count(up)", "unverified": "counted at the ingress"}),
            ],
        },
        Trial {
            message: "give an entry of after one of campaign, workload and check",
            right: vec![
                json!({"campaign": {"name": "a"}}),
                json!({"workload": {"kind": "Deployment", "name": "a"}}),
                json!({"check": "a"}),
            ],
            wrong: vec![
                json!({}),
                json!({"campaign": {"name": "a"}, "check": "a"}),
                json!({"workload": {"kind": "Deployment", "name": "a"}, "check": "a"}),
            ],
        },
        Trial {
            message: "a contract names one thing that the receiver guarantees",
            right: vec![
                json!({"atMostOnce": {}}),
                json!({"keyed": {"retention": "48h"}}),
                json!({"queryable": {"url": "https://mail.internal/sends/{{ key }}"}}),
            ],
            wrong: vec![
                json!({}),
                json!({"atMostOnce": {}, "keyed": {"retention": "48h"}}),
                json!({"atMostOnce": {}, "queryable": {"url": "https://mail.internal/"}}),
            ],
        },
        Trial {
            message: "a Sender has webhook, job or listmonk, one of them",
            right: vec![
                json!({"sendRate": "1/s", "webhook": {"url": "https://mail.internal/"}}),
                json!({"sendRate": "1/s", "job": {"template": {}}}),
                json!({"sendRate": "1/s", "listmonk": {"url": "http://a", "secretRef": {"name": "a"}}}),
            ],
            wrong: vec![
                json!({"sendRate": "1/s"}),
                json!({"sendRate": "1/s", "listmonk": {"url": "http://a", "secretRef": {"name": "a"}}, "job": {"template": {}}}),
                json!({"sendRate": "1/s", "webhook": {"url": "https://mail.internal/"}, "job": {"template": {}}}),
            ],
        },
        Trial {
            message: "tls is for a url that begins with https://",
            right: vec![
                json!({"url": "http://a/"}),
                json!({"url": "https://a/"}),
                json!({"url": "https://a/", "tls": {"clientCertificate": {"secretName": "a"}}}),
            ],
            wrong: vec![
                json!({"url": "http://a/", "tls": {"clientCertificate": {"secretName": "a"}}}),
                json!({"url": "http://https://a/", "tls": {"ca": {"secretKeyRef": {"name": "a", "key": "b"}}}}),
            ],
        },
        Trial {
            message: "tls names neither ca nor clientCertificate",
            right: vec![
                json!({"ca": {"secretKeyRef": {"name": "a", "key": "b"}}}),
                json!({"clientCertificate": {"secretName": "a"}}),
                json!({"ca": {"secretKeyRef": {"name": "a", "key": "b"}}, "clientCertificate": {"secretName": "a"}}),
            ],
            wrong: vec![json!({})],
        },
        Trial {
            message: "metadata.name may have at most 52 characters",
            right: vec![named(52)],
            wrong: vec![named(53)],
        },
    ]
}
