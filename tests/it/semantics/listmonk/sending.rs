//! How a campaign is sent: from the start to the end, with a pause, with nobody on its lists, and with a mail server that refuses.

use serde_json::{Value, json};

use super::{Mails, Server, both, set};

both![
    a_start_is_a_send_to_everybody_once,
    whoever_is_on_two_lists_is_sent_to_once,
    sent_moves_with_the_tick_and_nothing_else_does,
    a_pause_keeps_what_went_and_a_resume_sends_the_rest,
    a_second_run_in_which_nothing_is_accepted_loses_the_rest,
    a_pause_before_the_tick_loses_nobody,
    a_cancel_is_for_good,
    nobody_is_soon_done,
    a_server_that_refuses_everything_pauses_it_and_a_resume_loses_everybody,
    a_server_that_breaks_down_pauses_it,
    two_starts_at_once_are_one_send,
];

const STARTED: &str = "Only paused campaigns and drafts can be started.";

async fn stats(server: &Server, id: u64) -> Option<Value> {
    let stats = server.get("/api/campaigns/running/stats").await;
    stats.as_array().unwrap().iter().find(|row| row["id"] == id).cloned()
}

async fn a_start_is_a_send_to_everybody_once(server: &Server) {
    let list = server.list("single").await;
    let people = server.subscribe(&[list], 40, true).await;
    let id = server.draft(list).await;
    let draft = server.campaign(id).await;
    assert_eq!((&draft["to_send"], &draft["sent"], &draft["started_at"]), (&json!(0), &json!(0), &Value::Null));
    let answer = server.put_status(id, "running").await;
    assert_eq!(answer["id"], id);
    server.status_refused(id, "running", STARTED).await;
    let picked_up = server.until(id, "picked up", |campaign| !campaign["started_at"].is_null()).await;
    assert_eq!(picked_up["to_send"], 40);
    let end = server.finished(id).await;
    assert_eq!((&end["sent"], &end["to_send"]), (&json!(40), &json!(40)));
    assert_eq!(server.received(id).await, people);
    server.status_refused(id, "running", STARTED).await;
    assert!(stats(server, id).await.is_none(), "of running ones only");
    let edit = json!({"lists": [list], "tags": []});
    let text = "Cannot update a running or a finished campaign.";
    server.refused("PUT", &format!("/api/campaigns/{id}"), edit, 400, text).await;
}

async fn whoever_is_on_two_lists_is_sent_to_once(server: &Server) {
    let (single, double) = (server.list("single").await, server.list("double").await);
    let mut people = server.subscribe(&[single, double], 5, true).await;
    people.extend(server.subscribe(&[single, double], 2, false).await);
    server.subscribe(&[double], 3, false).await;
    let draft = json!({"name": "n", "subject": "s", "body": "b", "lists": [double, single]});
    let id = server.done("POST", "/api/campaigns", draft).await["id"].as_u64().unwrap();
    server.put_status(id, "running").await;
    let end = server.finished(id).await;
    assert_eq!((&end["sent"], &end["to_send"]), (&json!(7), &json!(7)));
    assert_eq!(server.received(id).await, people);
}

async fn sent_moves_with_the_tick_and_nothing_else_does(server: &Server) {
    let list = server.list("single").await;
    server.subscribe(&[list], 900, true).await;
    let id = server.draft(list).await;
    flowing(server, id).await;
    let first = server.campaign(id).await;
    assert_eq!((&first["sent"], &first["to_send"]), (&json!(0), &json!(900)), "while mails leave");
    let second = server.until(id, "counted", |campaign| campaign["sent"] != 0).await;
    assert_eq!(second["status"], "running");
    assert_eq!(second["updated_at"], first["updated_at"], "it does not tell of progress");
    let row = stats(server, id).await.unwrap();
    assert_eq!((&row["to_send"], &row["updated_at"]), (&second["to_send"], &second["updated_at"]));
    assert!(row["rate"].as_u64() >= second["sent"].as_u64(), "{row}");
    assert_eq!(server.finished(id).await["sent"], 900);
}

/// Starts it, and waits until mails leave, which the server says by `rate` before `sent` has moved.
async fn flowing(server: &Server, id: u64) {
    server.put_status(id, "running").await;
    loop {
        let row = stats(server, id).await.expect("it runs");
        assert_eq!(row["status"], "running");
        if row["rate"].as_u64().unwrap() > 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

async fn a_pause_keeps_what_went_and_a_resume_sends_the_rest(server: &Server) {
    let list = server.list("single").await;
    let people = server.subscribe(&[list], 400, true).await;
    let id = server.draft(list).await;
    flowing(server, id).await;
    server.put_status(id, "paused").await;
    let paused = server.campaign(id).await;
    assert_eq!(paused["status"], "paused");
    server.status_refused(id, "paused", "Only active campaigns can be paused.").await;
    // It moves once more when the last message has left; from then on the count is complete.
    let drained = server.until(id, "drained", |campaign| campaign["updated_at"] != paused["updated_at"]).await;
    let (sent, received) = (drained["sent"].as_u64().unwrap(), server.received(id).await);
    assert_eq!((drained["status"].as_str(), sent), (Some("paused"), received.len() as u64));
    assert!(sent > 0 && sent < 400, "{sent} of 400");
    let edit = json!({"lists": [list], "tags": ["paused"]});
    assert_eq!(server.done("PUT", &format!("/api/campaigns/{id}"), edit).await["status"], "paused");
    server.put_status(id, "running").await;
    let end = server.finished(id).await;
    assert_eq!(server.received(id).await, people, "everybody, and nobody twice");
    // The server's own count may miss one at the moment of a tick.
    assert!(end["to_send"] == 400 && end["sent"].as_u64().unwrap() >= 399, "{end}");
    assert_eq!(end["started_at"], drained["started_at"], "of the first start");
}

/// Though `sent` is above 0, from the run before: what counts is the run.
async fn a_second_run_in_which_nothing_is_accepted_loses_the_rest(server: &Server) {
    let list = server.list("single").await;
    server.subscribe(&[list], 400, true).await;
    let id = server.draft(list).await;
    flowing(server, id).await;
    server.put_status(id, "paused").await;
    let paused = server.campaign(id).await;
    let drained = server.until(id, "drained", |campaign| campaign["updated_at"] != paused["updated_at"]).await;
    server.take_mails(Some(0)).await;
    server.put_status(id, "running").await;
    server.until(id, "paused", |campaign| campaign["status"] == "paused").await;
    server.take_mails(None).await;
    server.put_status(id, "running").await;
    let end = server.finished(id).await;
    assert_eq!((&end["sent"], &end["to_send"]), (&drained["sent"], &json!(400)));
    assert_eq!(server.received(id).await.len() as u64, drained["sent"].as_u64().unwrap());
}

async fn a_pause_before_the_tick_loses_nobody(server: &Server) {
    let list = server.list("single").await;
    let people = server.subscribe(&[list], 10, true).await;
    let id = server.draft(list).await;
    server.put_status(id, "running").await;
    server.put_status(id, "paused").await;
    assert_eq!(server.campaign(id).await["sent"], 0);
    server.put_status(id, "running").await;
    assert_eq!(server.finished(id).await["sent"], 10);
    assert_eq!(server.received(id).await, people);
}

async fn a_cancel_is_for_good(server: &Server) {
    let list = server.list("single").await;
    server.subscribe(&[list], 400, true).await;
    let id = server.draft(list).await;
    flowing(server, id).await;
    server.put_status(id, "cancelled").await;
    let cancelled = server.campaign(id).await;
    assert_eq!(cancelled["status"], "cancelled");
    server.status_refused(id, "running", STARTED).await;
    server.until(id, "drained", |campaign| campaign["updated_at"] != cancelled["updated_at"]).await;
    let end = server.campaign(id).await;
    let received = server.received(id).await.len() as u64;
    assert_eq!((end["status"].as_str(), end["sent"].as_u64()), (Some("cancelled"), Some(received)));
    assert!(received < 400, "{received}");
}

async fn nobody_is_soon_done(server: &Server) {
    let id = server.draft(server.list("single").await).await;
    server.put_status(id, "running").await;
    let end = server.finished(id).await;
    assert_eq!((&end["sent"], &end["to_send"], &end["started_at"]), (&json!(0), &json!(0), &Value::Null));
    let list = server.list("single").await;
    server.subscribe(&[list], 2, true).await;
    let id = server.draft(list).await;
    server.done("DELETE", &format!("/api/lists/{list}"), Value::Null).await;
    let lost = server.campaign(id).await;
    assert_eq!((&lost["lists"][0]["id"], lost["lists"][0]["name"].is_string()), (&Value::Null, true), "{lost}");
    server.put_status(id, "running").await;
    assert_eq!(server.finished(id).await["sent"], 0, "its list is gone");
    // A list that is not there is accepted, and is nobody.
    let id = server.draft(99_999_999).await;
    assert_eq!(server.campaign(id).await["lists"], json!([]));
    server.put_status(id, "running").await;
    assert_eq!(server.finished(id).await["sent"], 0);
}

/// Ten errors are the most, here and there.
async fn a_server_that_refuses_everything_pauses_it_and_a_resume_loses_everybody(server: &Server) {
    let list = server.list("single").await;
    // More than are fetched at once: they are fetched all the same, and dropped.
    server.subscribe(&[list], 1050, true).await;
    let id = server.draft(list).await;
    server.take_mails(Some(0)).await;
    server.put_status(id, "running").await;
    let paused = server.until(id, "paused", |campaign| campaign["status"] == "paused").await;
    server.take_mails(None).await;
    assert_eq!((&paused["sent"], &paused["to_send"]), (&json!(0), &json!(1050)));
    server.put_status(id, "running").await;
    let end = server.finished(id).await;
    assert_eq!((&end["sent"], server.received(id).await.len()), (&json!(0), 0), "though it is finished");
}

async fn a_server_that_breaks_down_pauses_it(server: &Server) {
    let list = server.list("single").await;
    let people = server.subscribe(&[list], 200, true).await;
    let id = server.draft(list).await;
    server.take_mails(Some(50)).await;
    server.put_status(id, "running").await;
    let paused = server.until(id, "paused", |campaign| campaign["status"] == "paused").await;
    server.take_mails(None).await;
    assert_eq!((paused["sent"].as_u64(), server.received(id).await.len()), (Some(50), 50));
    server.put_status(id, "running").await;
    let end = server.finished(id).await;
    let received = server.received(id).await;
    assert_eq!(set(&received).len(), received.len(), "nobody twice");
    // Whoever was refused and is before the last one accepted is passed over; they are at most the ten at once.
    assert!(received.len() >= people.len() - 10, "{} of {}", received.len(), people.len());
    assert_eq!(end["sent"].as_u64().unwrap(), received.len() as u64);
}

async fn two_starts_at_once_are_one_send(server: &Server) {
    let list = server.list("single").await;
    let people = server.subscribe(&[list], 5, true).await;
    let id = server.draft(list).await;
    let (path, body) = (format!("/api/campaigns/{id}/status"), json!({"status": "running"}));
    let (first, second) = tokio::join!(server.ask("PUT", &path, body.clone()), server.ask("PUT", &path, body));
    let granted = [first.0, second.0].iter().filter(|status| **status == 200).count();
    match &server.mails {
        // Both may be granted: that is why an answer is never taken for a start of one's own.
        Mails::Sink(_) => assert!(granted >= 1),
        Mails::StandIn(_) => assert_eq!(granted, 1),
    }
    server.finished(id).await;
    assert_eq!(server.received(id).await, people);
}
