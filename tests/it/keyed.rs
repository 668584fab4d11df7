//! A receiver that keeps keys: a wave of which nobody knows is asked for again under the same key, with the same bytes, through the
//! gate each time and with an attempt in the ledger before; and every request is signed.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::world::{Wants, World};

/// 32 bytes.
const KEY: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDgEQiMGUeMHA=";

/// HMAC-SHA256 in base64, by another program.
fn hmac(signed: &[u8]) -> String {
    let script = "openssl dgst -sha256 -mac HMAC -macopt hexkey:$(printf %s \"$1\" | base64 -d | od -An -v -tx1 | tr -d ' \\n') -binary | base64";
    let mut child = Command::new("sh")
        .args(["-c", script, "sh", KEY.strip_prefix("whsec_").unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(signed).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
}

fn header<'a>(request: &'a Value, name: &str) -> &'a str {
    let values = request["headers"][name].as_array().unwrap_or_else(|| panic!("no {name} in {request}"));
    assert_eq!(values.len(), 1, "{name}");
    values[0].as_str().unwrap()
}

/// Signed by the key, of exactly the bytes that the ledger has, a short while before it came.
fn check_signature(request: &Value, body: &str) {
    let (id, stamp) = (header(request, "webhook-id"), header(request, "webhook-timestamp"));
    assert_eq!(id, request["key"].as_str().unwrap());
    let signature = header(request, "webhook-signature");
    assert_eq!(signature, format!("v1,{}", hmac(format!("{id}.{stamp}.{body}").as_bytes())));
    let theirs = standardwebhooks::Webhook::new(KEY).unwrap().sign(id, stamp.parse().unwrap(), body.as_bytes());
    assert_eq!(signature, theirs.unwrap(), "the reference library of the specification");
    let came: jiff::Timestamp = request["at"].as_str().unwrap().parse().unwrap();
    let age = came.as_second() - stamp.parse::<i64>().unwrap();
    assert!((0..=10).contains(&age), "signed {age} s before it came");
}

#[test]
fn a_wave_of_which_nobody_knows_is_asked_for_again_under_its_key() {
    let world = World::new("keyed", Wants::default());
    let mail = "keyed-mail";
    // A signature that cannot be made costs no attempt.
    let webhook = json!({
        "contract": {"keyed": {"retention": "48h"}},
        "signing": {"secretKeyRef": {"name": "push", "key": "signing-key"}},
    });
    let patch = json!({"spec": {"webhook": webhook}}).to_string();
    world.bed().kubectl(&["-n", mail, "patch", "sender", "push", "--type=merge", "-p", &patch]);
    // It is at it and has taken nothing yet; then too much to do; then it takes the wave.
    world.change_shop(json!({"dedupe": true, "behaviour": ["retry-after:1:409", "retry-after:1"]}));
    world.apply_campaign("sale", &json!({}));
    let told = world.until_reason("sale", "SenderUnable", 60);
    let why = "the signature: the Secret keyed-mail/push has no key signing-key";
    assert!(told["message"].as_str().unwrap().contains(why), "{}", told["message"]);
    assert!(world.entries().is_empty() && world.received().is_empty());
    let secret = json!({"stringData": {"signing-key": KEY}}).to_string();
    world.bed().kubectl(&["-n", mail, "patch", "secret", "push", "--type=merge", "-p", &secret]);

    world.until_phase("sale", "Completed", 180);
    assert_eq!(world.waves_received(), ["canary", "canary", "canary", "rest"]);
    let (received, entries) = (world.received(), world.entries());
    let of = |wave: &str| entries.iter().find(|entry| entry["spec"]["wave"]["name"] == wave).unwrap();
    let canary = of("canary");
    let request = &canary["spec"]["request"];
    assert_eq!((&request["contract"], &request["retention"]), (&json!("keyed"), &json!("48h")));
    for tried in &received[..3] {
        assert_eq!((&tried["key"], &tried["digest"]), (&request["key"], &request["digest"]));
        check_signature(tried, request["body"].as_str().unwrap());
    }
    check_signature(&received[3], of("rest")["spec"]["request"]["body"].as_str().unwrap());
    let taken: Vec<&Value> = received.iter().map(|request| &request["taken"]).collect();
    assert_eq!(taken, [false, false, true, true]);
    let status = &canary["status"];
    let results: Vec<&str> =
        status["attempts"].as_array().unwrap().iter().map(|attempt| attempt["result"].as_str().unwrap()).collect();
    assert_eq!(
        (results.as_slice(), &status["outcome"]),
        (&["Unknown", "Deferred", "Released"][..], &json!("Released"))
    );
    // Each with a nonce of its own, and not before the receiver said.
    let attempts = status["attempts"].as_array().unwrap();
    for pair in attempts.windows(2) {
        assert_ne!(pair[0]["nonce"], pair[1]["nonce"]);
        let time = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        assert!(time(&pair[1]["at"]) >= time(&pair[0]["again"]), "{pair:?}");
    }
    assert!(!std::fs::read_to_string(&world.operator.as_ref().unwrap().log).unwrap().contains("C2FVsBQI"));
    world.check_safety();
    world.until_restored(2);
}
