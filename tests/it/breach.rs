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

const WAVES: &str = r#"{"waves": [{"name": "canary", "percent": 10, "soak": "20s"}, {"name": "rest"}]}"#;

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

#[test]
fn aborted_while_it_is_held_the_scale_stays_until_the_traffic_it_caused_has_gone() {
    let world = World::new("decay", Wants { pool: guarded("decay", "Hold"), ..Wants::default() });
    // People answer within half a minute: 40,000 of them are seen for a while.
    world.change_shop(
        json!({"response": {"visit_rate": 0.04, "requests_per_visit": 10.0, "median_minutes": 0.5, "sigma": 2.0}}),
    );
    let over = json!({"audience": {"size": 400_000}, "load": {"responseMedian": "30s"}, "waves": [{"name": "canary", "percent": 10, "soak": "2m"}, {"name": "rest"}]});
    world.apply_campaign("sale", &over);
    world.until(60, "the canary has gone", || world.received().len() == 1);
    world.change_shop(json!({"error_ratio": 0.2}));
    world.until_reason("sale", "GuardrailBreached", 40);
    let floor = world.floor();
    assert!(floor > 4, "{floor}");
    world.always(5, "the scale is kept while it is held", || world.floor() > 4);
    world.patch_campaign("sale", &json!({"abort": true}));
    world.until_phase("sale", "Aborted", 30);
    world.change_shop(json!({"error_ratio": 0.0}));
    // One replica bears 75; while the traffic, with its margin of 1.66, is clearly more, the floor stands.
    world.until(150, "the scale is back", || {
        let truth = world.bed().shop(reqwest::Method::GET, "/worlds/decay-shop/truth", None);
        let caused = truth[0]["demand"].as_f64().unwrap() - 300.0;
        let floor = world.floor();
        assert!(floor > 2 || caused * 1.66 < 80.0, "given back while {caused} req/s still came from it");
        floor == 2
    });
    assert_eq!(world.received().len(), 1, "no further wave");
    world.check_safety();
    world.until_restored(2);
}
