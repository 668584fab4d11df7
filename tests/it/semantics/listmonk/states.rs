//! Which state of a campaign may follow which, and what a refusal says.

use serde_json::{Value, json};

use super::{Mails, Server, both};

both![
    every_state_and_what_may_follow_it,
    a_date_makes_a_start_a_schedule,
    a_date_that_has_come_starts_what_is_scheduled_and_no_draft,
];

const R: &str = "Only paused campaigns and drafts can be started.";
const P: &str = "Only active campaigns can be paused.";
const C: &str = "Only active campaigns can be cancelled.";
const D: &str = "Only scheduled campaigns can be saved as drafts.";
const S: &str = "Only draft or paused campaigns can be scheduled.";
const N: &str = "Campaign needs a date to be scheduled.";
const OK: &str = "";

/// What is asked for.
const WANTED: [&str; 6] = ["running", "paused", "cancelled", "scheduled", "draft", "finished"];

fn date() -> String {
    (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24)).to_string()
}

async fn dated(server: &Server, list: u64) -> u64 {
    let draft = json!({"name": "n", "subject": "s", "lists": [list], "send_at": date()});
    server.done("POST", "/api/campaigns", draft).await["id"].as_u64().unwrap()
}

async fn every_state_and_what_may_follow_it(server: &Server) {
    let list = server.list("single").await;
    // Long enough that what runs goes on running for the moment it takes to look at it.
    server.subscribe(&[list], 300, true).await;
    if let Mails::StandIn(listmonk) = &server.mails {
        listmonk.set_pace(std::time::Duration::from_mins(1), 1);
    }
    let table: [(&str, bool, &[&str], [&str; 6]); 8] = [
        ("draft", false, &[], [OK, P, C, N, D, OK]),
        ("draft", true, &[], [OK, P, C, OK, D, OK]),
        ("scheduled", true, &["running"], [R, P, C, S, OK, OK]),
        ("running", false, &["running"], [R, OK, OK, N, D, OK]),
        ("paused", false, &["running", "paused"], [OK, P, OK, N, D, OK]),
        ("cancelled", false, &["running", "cancelled"], [R, P, C, N, D, OK]),
        ("finished", false, &["finished"], [R, P, C, N, D, OK]),
        ("finished", true, &["finished"], [R, P, C, S, D, OK]),
    ];
    for (state, is_dated, way, expected) in table {
        for (wanted, message) in WANTED.into_iter().zip(expected) {
            let id = if is_dated { dated(server, list).await } else { server.draft(list).await };
            for step in way {
                server.put_status(id, step).await;
            }
            let before = server.campaign(id).await;
            assert_eq!(before["status"], state, "after {way:?}");
            if message == OK {
                let answer = server.put_status(id, wanted).await;
                assert_eq!(answer["status"], wanted, "{state} to {wanted}: what was asked for");
                assert_eq!(answer["updated_at"], before["updated_at"], "and else as it was before");
                let stored = if is_dated && wanted == "running" { "scheduled" } else { wanted };
                let after = server.campaign(id).await;
                assert_eq!(after["status"], stored, "{state} to {wanted}");
                assert_ne!(after["updated_at"], before["updated_at"]);
            } else {
                server.status_refused(id, wanted, message).await;
                assert_eq!(server.status(id).await, state);
            }
            // None of them is left to delay the others.
            if server.status(id).await == "running" {
                server.put_status(id, "cancelled").await;
            }
        }
    }
}

async fn a_date_makes_a_start_a_schedule(server: &Server) {
    let list = server.list("single").await;
    server.subscribe(&[list], 3, true).await;
    let id = dated(server, list).await;
    assert_eq!(server.put_status(id, "running").await["status"], "running", "which it is not");
    assert_eq!(server.status(id).await, "scheduled");
    server.status_refused(id, "paused", P).await;
    server.status_refused(id, "cancelled", C).await;
    server.put_status(id, "draft").await;
    let path = format!("/api/campaigns/{id}");
    let kept = server.done("PUT", &path, json!({"lists": [list], "subject": "t"})).await;
    assert!(kept["send_at"].is_string(), "an edit that does not name it keeps it");
    let cleared = server.done("PUT", &path, json!({"lists": [list], "send_at": null})).await;
    assert_eq!((&cleared["send_at"], &cleared["status"]), (&Value::Null, &json!("draft")));
    server.put_status(id, "running").await;
    assert_eq!(server.finished(id).await["sent"], 3);
    let again = dated(server, list).await;
    server.put_status(again, "scheduled").await;
    let cleared =
        server.done("PUT", &format!("/api/campaigns/{again}"), json!({"lists": [list], "send_at": null})).await;
    assert_eq!(cleared["status"], "draft", "without its date it is scheduled no more");
    let past = json!({"name": "n", "subject": "s", "lists": [list], "send_at": "2020-01-01T00:00:00Z"});
    server.refused("POST", "/api/campaigns", past, 400, "Scheduled date should be in the future.").await;
}

async fn a_date_that_has_come_starts_what_is_scheduled_and_no_draft(server: &Server) {
    let list = server.list("single").await;
    server.subscribe(&[list], 3, true).await;
    let soon = (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(2)).to_string();
    let body = json!({"name": "n", "subject": "s", "lists": [list], "send_at": soon});
    let make = || async { server.done("POST", "/api/campaigns", body.clone()).await["id"].as_u64().unwrap() };
    let (draft, scheduled) = (make().await, make().await);
    server.put_status(scheduled, "running").await;
    let end = server.finished(scheduled).await;
    assert_eq!((&end["sent"], &end["send_at"].is_string()), (&json!(3), &true));
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(server.status(draft).await, "draft", "whatever its date");
    // And an edit of it has to name another date, or none.
    let edit = json!({"lists": [list], "tags": ["t"]});
    let text = "Scheduled date should be in the future.";
    server.refused("PUT", &format!("/api/campaigns/{draft}"), edit, 400, text).await;
    server.put_status(draft, "running").await;
    assert_eq!(server.finished(draft).await["sent"], 3, "a start is a schedule for the next tick");
}
