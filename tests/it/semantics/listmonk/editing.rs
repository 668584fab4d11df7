//! What an edit keeps and what it loses, and how a campaign is made again: what it was answered with, posted.

use serde_json::{Value, json};

use super::{Server, both, word};

both![an_edit_keeps_what_it_does_not_name, a_campaign_posted_again_says_the_same, what_a_campaign_has_to_name];

/// A file on the server.
async fn file(server: &Server) -> u64 {
    let form = "--end\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\n\
        a\r\n--end--\r\n";
    let request = server.http.post(format!("{}/api/media", server.url)).basic_auth(&server.user, Some(&server.token));
    let answer = request.header("content-type", "multipart/form-data; boundary=end").body(form).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    answer["data"]["id"].as_u64().unwrap()
}

/// With everything that marketing may have prepared.
async fn prepared(server: &Server, list: u64) -> Value {
    let draft = json!({
        "name": "Spring", "subject": "It is {{ .Subscriber.Name }}'s spring", "lists": [list], "body": "<p>b</p>", "altbody": "b",
        "content_type": "html", "from_email": "A <a@example.com>", "headers": [{"X-A": "1"}], "attribs": {"a": {"b": 1}},
        "tags": ["one", "two"], "media": [file(server).await], "template_id": 1, "type": "regular", "messenger": "email",
    });
    let made = server.done("POST", "/api/campaigns", draft).await;
    server.get(&format!("/api/campaigns/{}", made["id"])).await
}

/// Without these fields.
fn but(campaign: &Value, fields: &[&str]) -> Value {
    let mut campaign = campaign.clone();
    campaign.as_object_mut().unwrap().retain(|field, _| !fields.contains(&field.as_str()));
    campaign
}

async fn an_edit_keeps_what_it_does_not_name(server: &Server) {
    let (list, other) = (server.list("single").await, server.list("single").await);
    let before = prepared(server, list).await;
    assert_eq!(before["body"], "<p>b</p>");
    assert_eq!(before["media"].as_array().unwrap().len(), 1);
    let path = format!("/api/campaigns/{}", before["id"]);
    server.refused("PUT", &path, json!({"tags": ["three"]}), 400, "Invalid list IDs.").await;
    let wrong = "Unmarshal type error: expected=int, got=object, field=lists, offset=";
    let (status, said) = server.ask("PUT", &path, json!({"lists": before["lists"]})).await;
    assert!(status == 400 && said["message"].as_str().unwrap().starts_with(wrong), "as answered: {said}");
    let edit = json!({"lists": [list, other], "tags": ["three"], "attribs": before["attribs"]});
    let answer = server.done("PUT", &path, edit).await;
    let after = server.get(&path).await;
    assert_eq!(answer, after);
    let edited = ["lists", "tags", "updated_at"];
    assert_eq!(but(&after, &edited), but(&before, &edited), "media, body, headers and all");
    assert_eq!((&after["tags"], after["lists"].as_array().unwrap().len()), (&json!(["three"]), 2));
    assert_ne!(after["updated_at"], before["updated_at"]);
    // Two traps. What is not named is kept, but for `attribs`; and headers are merged, place by place.
    let edit = json!({"lists": [list], "headers": [{"X-B": "2"}]});
    let after = server.done("PUT", &path, edit).await;
    assert_eq!((&after["attribs"], &after["headers"]), (&json!({}), &json!([{"X-A": "1", "X-B": "2"}])));
    let after = server.done("PUT", &path, json!({"lists": [list], "media": [], "tags": []})).await;
    assert_eq!((&after["media"], &after["tags"]), (&json!([]), &json!([])));
    // A new campaign is refused for it.
    let after = server.done("PUT", &path, json!({"lists": [list], "tags": ["x".repeat(101)]})).await;
    assert_eq!(after["tags"], json!(["x".repeat(100)]));
}

async fn a_campaign_posted_again_says_the_same(server: &Server) {
    let (list, wave) = (server.list("single").await, server.list("single").await);
    let first = prepared(server, list).await;
    let mut again =
        but(&first, &["id", "uuid", "created_at", "updated_at", "status", "send_at", "archive", "archive_slug"]);
    again["lists"] = json!([wave]);
    again["media"] = first["media"].as_array().unwrap().iter().map(|file| file["id"].clone()).collect();
    again["tags"] = json!([word()]);
    let made = server.done("POST", "/api/campaigns", again).await;
    let second = server.get(&format!("/api/campaigns/{}", made["id"])).await;
    assert_eq!(made, second, "a POST is answered as a GET is");
    let own = ["id", "uuid", "created_at", "updated_at", "lists", "tags"];
    assert_eq!(but(&second, &own), but(&first, &own));
    assert_eq!((&second["status"], &second["lists"][0]["id"]), (&json!("draft"), &json!(wave)));
    for field in ["id", "uuid"] {
        assert_ne!(second[field], first[field]);
    }
    // Without the body it is not the same: nothing says that it was left out.
    let without = server.campaign(first["id"].as_u64().unwrap()).await;
    assert_eq!((&without["body"], but(&without, &["body"])), (&json!(""), but(&first, &["body"])));
    // The address in the public archive is given once.
    let slug = word();
    let archived = json!({"name": "n", "subject": "s", "lists": [list], "archive": true, "archive_slug": slug});
    server.done("POST", "/api/campaigns", archived.clone()).await;
    let (status, said) = server.ask("POST", "/api/campaigns", archived).await;
    assert!(status == 500 && said["message"].as_str().unwrap().contains("archive_slug"), "{said}");
}

async fn what_a_campaign_has_to_name(server: &Server) {
    let list = server.list("single").await;
    let whole = json!({"name": "n", "subject": "s", "lists": [list]});
    for (field, message) in [
        ("name", "Invalid length for name."),
        ("subject", "Invalid length for subject."),
        ("lists", "Invalid list IDs."),
    ] {
        server.refused("POST", "/api/campaigns", but(&whole, &[field]), 400, message).await;
    }
    let made = server.done("POST", "/api/campaigns", whole).await;
    let expected = json!({"type": "regular", "content_type": "richtext", "messenger": "email", "body": "", "status": "draft",
        "template_id": 1, "tags": [], "headers": [], "attribs": {}, "media": [], "to_send": 0, "sent": 0, "send_at": null});
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(made[field], *value, "{field}");
    }
    let mut odd = json!({"name": "n", "subject": "s", "lists": [list], "messenger": "pigeon"});
    server.refused("POST", "/api/campaigns", odd.clone(), 400, "Unknown messenger pigeon.").await;
    odd["messenger"] = json!("email");
    odd["uuid"] = json!("7b0c1d5e-0000-4000-8000-000000000000");
    assert_ne!(server.done("POST", "/api/campaigns", odd.clone()).await["uuid"], odd["uuid"], "it is not ours to give");
}
