//! Guardrails: when one counts as broken, and when it is fine again.

use super::*;

#[test]
fn a_breach_lasts_until_its_guardrail_was_fine_for_long_enough() {
    let mut guarded = snapshot();
    let rail = json!({"name": "errors", "query": "q", "max": "1%", "for": "30s"});
    let spec = json!({
        "workloads": [{"name": "web", "targetRef": {"kind": "Deployment", "name": "web"}, "demand": {"query": "q", "peak": "300/s", "coverage": {"unverified": "a test"}}, "capacityPerReplica": "100/s", "maxReplicas": 30}],
        "targetUtilization": "75%", "loadMargin": "1.66", "confirm": {"samples": 1, "span": "0s"}, "admission": {"namespaceSelector": {}},
        "guardrails": [rail],
    });
    guarded.pool.rules = Rules::parse(&serde_json::from_value(spec).unwrap());
    let mut look = |second: i64, answer: Result<f64, SensorFault>| {
        let fresh = |value: f64| Reading {
            value,
            sample_at: at(second),
            evaluated_at: at(second),
            range: SignedDuration::ZERO,
            replicas: None,
        };
        guarded.guardrails = vec![Some(answer.map(fresh))];
        guarded.workloads[0].demand = Some(Ok(fresh(300.0)));
        let decided = plan(&guarded, at(second));
        guarded.memory = decided.memory.clone();
        guarded.pool.status.breaches.clone_from(&decided.pool.breaches);
        (decided.pool.breaches.len(), decided.release.is_some())
    };
    assert_eq!(
        look(0, Ok(0.05)),
        (0, false),
        "out of bounds for less than half a minute is no breach, and nothing goes"
    );
    assert_eq!(look(10, Err(SensorFault::Empty)), (0, false), "nor is anything proved while nobody sees it");
    assert_eq!(look(30, Ok(0.05)), (0, false), "so that the half minute begins anew");
    assert_eq!(look(60, Ok(0.05)), (1, false));
    assert_eq!(look(70, Ok(0.001)), (1, false));
    assert_eq!(look(80, Err(SensorFault::Empty)), (1, false), "what cannot be measured ends nothing");
    assert_eq!(look(90, Ok(0.001)), (1, false));
    assert_eq!(look(689, Ok(0.001)), (1, false), "ten minutes are counted from when it was seen to be fine");
    assert_eq!(look(690, Ok(0.001)), (0, true));
    assert_eq!(look(691, Err(SensorFault::Empty)), (0, false), "and it closes the gate without being a breach");
}

#[test]
fn how_bad_it_is_is_told_anew_after_five_minutes_and_not_at_every_look() {
    let mut held = snapshot();
    held.entries = vec![entry("canary", 4_000, -600, Some(Outcome::Released))];
    let mut spec = pool_spec();
    spec["guardrails"] = json!([{"name": "errors", "query": "errors", "max": "5%"}]);
    held.pool.rules = Rules::parse(&serde_json::from_value(spec).unwrap());
    let mut told = |second: i64, value: f64| {
        let fresh = Reading {
            value,
            sample_at: at(second),
            evaluated_at: at(second),
            range: SignedDuration::ZERO,
            replicas: None,
        };
        held.guardrails = vec![Some(Ok(fresh))];
        let decided = plan(&held, at(second));
        let message = decided.reports.first().map(|report| report.status.message.clone().unwrap());
        if let Some(report) = decided.reports.first() {
            held.campaigns[0].status = report.status.clone();
        }
        held.memory = decided.memory;
        held.pool.status = decided.pool;
        message
    };
    let is_told = |message: Option<String>, words: &str| message.is_some_and(|message| message.contains(words));
    assert!(is_told(told(0, 0.17), "Held: guardrail \"errors\" is 17 % (limit 5 %) since "));
    assert_eq!(told(60, 0.12), None);
    assert_eq!(told(299, 0.12), None);
    assert!(is_told(told(300, 0.12), "is 12 % (limit 5 %) since "));
    // What is still so word for word is not written again.
    assert_eq!(told(600, 0.12), None);
    assert!(is_told(told(900, 0.2), "is 20 % (limit 5 %) since "));
}
