//! A guardrail that is broken holds the next wave and keeps the scale; fine again it goes on; abort ends it for good.

use serde_json::{Value, json};

use crate::support::world::{Wants, World};

fn guarded(name: &str, on_breach: &str) -> Value {
    let shop = format!("{name}-shop");
    json!({
        "guardrails": [{
            "name": "errors",
            "query": format!(r#"sum(rate(http_requests_total{{namespace="{shop}",code="500"}}[5s])) / sum(rate(http_requests_total{{namespace="{shop}"}}[5s]))"#),
            "max": "5%",
            "onBreach": on_breach,
        }],
    })
}

const WAVES: &str = r#"{"waves": [{"name": "canary", "percent": 10, "soak": "8s"}, {"name": "rest"}]}"#;

#[test]
fn a_breach_after_the_canary_holds_and_is_lifted_by_itself() {
    let world = World::new("breach", Wants { pool: guarded("breach", "Hold"), ..Wants::default() });
    world.apply_campaign("sale", &serde_json::from_str(WAVES).unwrap());
    world.until(60, "the canary has gone", || world.received().len() == 1);
    world.change_shop(json!({"error_ratio": 0.2}));
    let status = world.until_reason("sale", "GuardrailBreached", 30);
    assert!(status["message"].as_str().unwrap().starts_with("Held: guardrail \"errors\" is "), "{}", status["message"]);
    let stalled =
        status["conditions"].as_array().unwrap().iter().find(|condition| condition["type"] == "Stalled").unwrap();
    assert_eq!(stalled["status"], "False", "it lifts itself");
    world.always(6, "nothing goes", || world.received().len() == 1);
    world.change_shop(json!({"error_ratio": 0.0}));
    world.until_phase("sale", "Completed", 120);
    assert_eq!(world.waves_received(), ["canary", "rest"]);
    world.check_safety();
    world.until_restored(2);
}

#[test]
fn a_guardrail_that_ends_a_campaign_ends_it_for_good() {
    let world = World::new("ends", Wants { pool: guarded("ends", "Abort"), ..Wants::default() });
    world.apply_campaign("sale", &serde_json::from_str(WAVES).unwrap());
    world.until(60, "the canary has gone", || world.received().len() == 1);
    world.change_shop(json!({"error_ratio": 0.2}));
    let status = world.until_phase("sale", "Aborted", 30);
    assert_eq!(status["reason"], "GuardrailAborted");
    assert!(
        status["message"].as_str().unwrap().contains("because guardrail \"errors\" was broken"),
        "{}",
        status["message"]
    );
    world.change_shop(json!({"error_ratio": 0.0}));
    world.always(6, "nothing goes", || world.received().len() == 1);
    world.until_restored(2);
}

#[test]
fn suspend_holds_and_abort_survives_deletion() {
    let world = World::new("abort", Wants::default());
    world.apply_campaign("sale", &serde_json::from_str(WAVES).unwrap());
    world.until(60, "the canary has gone", || world.received().len() == 1);
    world.patch_campaign("sale", &json!({"suspend": true}));
    let status = world.until_reason("sale", "Suspended", 20);
    assert_eq!(status["message"], "Held: spec.suspend is true; 1 of 2 waves have gone. Set it to false to go on.");
    world.always(10, "nothing goes", || world.received().len() == 1);
    world.patch_campaign("sale", &json!({"abort": true}));
    world.until_phase("sale", "Aborted", 20);
    // Deleted and applied again, without abort: the ledger remembers.
    world.bed().kubectl(&["-n", &world.marketing(), "delete", "campaign", "sale"]);
    world.apply_campaign("sale", &serde_json::from_str(WAVES).unwrap());
    let status = world.until_reason("sale", "SentBefore", 20);
    assert!(
        status["message"].as_str().unwrap().contains("went already for an earlier Campaign"),
        "{}",
        status["message"]
    );
    world.always(5, "nothing goes", || world.received().len() == 1);
    world.until_restored(2);
    world.check_safety();
}
