//! A Sender with listmonk: each wave is a copy of the prepared campaign with a list of its own, started once, followed to its end, and
//! never let go on by us when somebody has stopped it. What the stand-in does the real server does: `semantics::listmonk`.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::listmonk::{Listmonk, TOKEN, USER};
use crate::support::world::{Wants, World, by_gauge};

/// A world whose Sender is a listmonk of its own, with 200 people on a list, and a draft to them.
struct Post {
    world: World,
    listmonk: Listmonk,
    list: u64,
    people: Vec<u64>,
    prepared: u64,
}

impl Post {
    fn new(name: &str, waves: &str, pool: Value) -> Post {
        let world = World::new(name, Wants { pool, ..Wants::default() });
        let listmonk = Listmonk::start();
        let list = listmonk.add_list("customers", false);
        let people = listmonk.subscribe(list, 200);
        let draft = json!({"name": "Spring sale", "subject": "It is spring", "body": "<p>Hello</p>", "lists": [list], "tags": ["spring"]});
        let draft = listmonk.add_draft(&draft);
        let mail = format!("{name}-mail");
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "listmonk", "namespace": mail},
            "stringData": {"username": USER, "token": TOKEN},
        });
        world.bed().apply(&secret.to_string());
        let there = json!({"url": listmonk.url(), "secretRef": {"name": "listmonk"}, "waves": waves});
        let patch = json!({"spec": {"webhook": null, "sendRate": "100/s", "listmonk": there}}).to_string();
        world.bed().kubectl(&["-n", &mail, "patch", "sender", "push", "--type=merge", "-p", &patch]);
        Post { world, listmonk, list, people, prepared: draft }
    }

    fn apply(&self, name: &str, over: Value) {
        let mut spec = json!({"audience": {"size": 200}, "parameters": {"campaignId": self.prepared.to_string()}});
        spec.as_object_mut().unwrap().extend(over.as_object().unwrap().clone());
        self.world.apply_campaign(name, &spec);
    }

    /// Prepares another campaign.
    fn draft(&self, name: &str) -> u64 {
        self.listmonk.add_draft(&json!({"name": name, "subject": "x", "lists": [self.list]}))
    }

    fn entry(&self, wave: &str) -> Option<Value> {
        let own = format!("{}/", self.world.marketing());
        let is_it = |entry: &Value| {
            let spec = &entry["spec"];
            spec["sendId"].as_str().unwrap().starts_with(&own) && spec["wave"]["name"] == wave
        };
        self.world.entries().into_iter().find(is_it)
    }

    /// The entry of the only wave of a send.
    fn only_entry_of(&self, campaign: &str) -> Option<Value> {
        let send_id = format!("{}/{campaign}", self.world.marketing());
        self.world.entries().into_iter().find(|entry| entry["spec"]["sendId"] == send_id)
    }

    /// Its campaign, once it was started.
    fn only_copy_of(&self, campaign: &str) -> u64 {
        self.world.until(120, &format!("the copy of {campaign} goes"), || {
            self.only_entry_of(campaign).is_some_and(|entry| entry["status"]["attempts"][0]["result"] == "Started")
        });
        self.only_entry_of(campaign).unwrap()["spec"]["request"]["listmonk"]["campaign"].as_u64().unwrap()
    }

    /// The guardrail breaks, and what is leaving is paused: slowly, so that it has not all gone by then.
    fn breach(&self, copy: u64) {
        self.listmonk.set_pace(Duration::from_secs(1), 1);
        self.world.change_shop(json!({"error_ratio": 0.2}));
        self.until_status(copy, "paused");
        self.listmonk.set_pace(Duration::from_secs(1), 5);
    }

    fn until_at_rest(&self, campaign: &str) {
        self.world.until(60, "it has come to rest", || {
            !self.only_entry_of(campaign).unwrap()["status"]["pauses"][0]["rest"].is_null()
        });
    }

    /// The campaign of a wave, once it is there.
    fn copy_of(&self, wave: &str) -> u64 {
        self.world.until(120, &format!("the copy of {wave} goes"), || self.started(wave).is_some());
        self.started(wave).unwrap()
    }

    fn started(&self, wave: &str) -> Option<u64> {
        let key = self.entry(wave)?["spec"]["request"]["key"].as_str()?.to_owned();
        let all = self.listmonk.campaigns_tagged(&format!("headroom-wave-{key}"));
        let copy = all.iter().find(|copy| copy["status"] != "draft")?;
        copy["id"].as_u64()
    }

    /// How often something was told to start.
    fn starts(&self) -> usize {
        self.listmonk.requests().iter().filter(|request| request.contains("running")).count()
    }

    fn status_of(&self, copy: u64) -> String {
        self.listmonk.campaign(copy)["status"].as_str().unwrap().to_owned()
    }

    fn until_told(&self, campaign: &str, words: &str) {
        self.world.until(120, words, || {
            self.world.status(campaign)["message"].as_str().is_some_and(|message| message.contains(words))
        });
    }

    /// Whether an event of this reason tells this of a campaign.
    fn is_told_by(&self, reason: &str, words: &str) -> bool {
        let events = self.world.get(&["-n", &self.world.marketing(), "get", "events.events.k8s.io"]);
        let is_it = |event: &Value| {
            event["reason"] == reason && event["note"].as_str().is_some_and(|note| note.contains(words))
        };
        events["items"].as_array().unwrap().iter().any(is_it)
    }

    fn until_status(&self, copy: u64, status: &str) {
        self.world.until(60, &format!("campaign {copy} is {status}"), || self.status_of(copy) == status);
    }
}

#[test]
fn each_wave_goes_to_its_own_people_by_a_copy_of_what_was_prepared() {
    let mut post = Post::new("lmexact", "Exact", json!({}));
    // What is wrong in listmonk costs no attempt, and is told with the way out.
    let unable = |words: &str| {
        post.world.until(60, words, || {
            let status = post.world.status("sale");
            status["reason"] == "SenderUnable" && status["message"].as_str().unwrap().contains(words)
        });
    };
    post.apply("sale", json!({"parameters": {"campaignId": "99"}}));
    unable("listmonk has no campaign 99; name the one that was prepared there in spec.parameters.campaignId");
    let timed = json!({"name": "Timed", "subject": "x", "lists": [post.list], "send_at": "2099-01-01T00:00:00Z"});
    let timed = post.listmonk.add_draft(&timed);
    post.world.patch_campaign("sale", &json!({"parameters": {"campaignId": timed.to_string()}}));
    unable("has a time of its own");
    assert!(post.entry("canary").is_none() && post.starts() == 0);
    post.listmonk.set_pace(Duration::from_secs(1), 15);
    post.world.patch_campaign("sale", &json!({"parameters": {"campaignId": post.prepared.to_string()}}));

    // How far it is.
    post.world.until(120, "the rest is leaving, and how far it is", || {
        let status = post.world.status("sale");
        status["waves"][1]["sent"].as_i64().is_some_and(|sent| sent > 0 && sent % 9 == 0)
            && status["display"]["sent"].as_str().unwrap().starts_with('~')
    });
    let sender = post.world.get(&["-n", "lmexact-mail", "get", "sender", "push"]);
    assert_eq!(sender["status"]["abilities"], "fire, tell, pause, resume, cancel");
    post.world.until_phase("sale", "Completed", 120);
    let (canary, rest) = (post.copy_of("canary"), post.copy_of("rest"));
    let (first, second) = (post.listmonk.sent_to(canary), post.listmonk.sent_to(rest));
    assert_eq!((first.len(), second.len()), (20, 180));
    let all: BTreeSet<u64> = first.iter().chain(&second).copied().collect();
    assert_eq!(all, post.people.iter().copied().collect(), "everybody once");
    assert_eq!(post.starts(), 2);
    let copy = post.listmonk.campaign(rest);
    assert_eq!((&copy["subject"], &copy["body"]), (&json!("It is spring"), &json!("<p>Hello</p>")));
    assert!(copy["tags"].as_array().unwrap().contains(&json!("spring")));
    // What marketing prepared stays a draft, and is known as this send's.
    assert_eq!(post.status_of(post.prepared), "draft");
    let entry = post.entry("rest").unwrap();
    assert_eq!(entry["spec"]["request"]["contract"], "listmonk");
    let status = &entry["status"];
    assert_eq!((&status["outcome"], &status["attempts"][0]["result"]), (&json!("Released"), &json!("Started")));
    assert_eq!(status["message"], "listmonk has sent it to all its recipients.");

    // The same draft for another send would reach everybody again.
    post.apply("again", json!({"sendId": "lmexact-marketing/again", "audience": {"size": 200}}));
    let told = post.world.until_reason("again", "SenderUnable", 60);
    assert!(told["message"].as_str().unwrap().contains("is prepared for another send"), "{}", told["message"]);

    // Who leaves by a wave's mail has left the list that the send was made of.
    post.listmonk.unsubscribe_by_mail(canary, first[0]);
    assert_eq!(post.listmonk.subscription(post.list, first[0]).unwrap(), "confirmed");
    post.world.restart(None);
    post.world
        .until(60, "a leaver has left", || post.listmonk.subscription(post.list, first[0]).unwrap() == "unsubscribed");
    assert_eq!(post.listmonk.subscription(post.list, first[1]).unwrap(), "confirmed");
    assert_eq!(post.starts(), 2);
    post.world.check_secrets();
}

#[test]
fn whatever_becomes_of_the_answer_a_campaign_is_started_once() {
    let post = Post::new("lmonce", "Whole", json!({}));
    let whole = |over: Value| {
        let mut spec = json!({"waves": [{"name": "all"}]});
        spec.as_object_mut().unwrap().extend(over.as_object().unwrap().clone());
        spec
    };
    // Headroom for 150 is none for 200.
    post.apply("sale", whole(json!({"audience": {"size": 150}})));
    let told = post.world.until_reason("sale", "SenderUnable", 90);
    let words = "would reach 200 people by listmonk, and headroom is confirmed for 150; set spec.audience.size";
    assert!(told["message"].as_str().unwrap().contains(words), "{}", told["message"]);
    post.listmonk.lose_answer_of("PUT", "/status");
    post.world.patch_campaign("sale", &json!({"audience": {"size": 200}}));
    post.world.until_phase("sale", "Completed", 120);
    assert_eq!((post.starts(), post.listmonk.sent_to(post.prepared).len()), (1, 200));
    let entry = post.entry("all").unwrap();
    assert_eq!(
        entry["status"]["attempts"][0]["message"],
        format!("campaign {} of listmonk was started.", post.prepared)
    );

    // It has a right to prepare and none to start: nothing went, and a person mends it.
    let second = post.draft("Summer");
    post.listmonk.refuse_next("PUT", "/status", 403, "permission denied: campaigns:send");
    post.apply("summer", whole(json!({"parameters": {"campaignId": second.to_string()}})));
    let told = post.world.until_reason("summer", "Rejected", 90);
    let message = told["message"].as_str().unwrap();
    assert!(message.contains("permission denied: campaigns:send"), "{message}");
    assert_eq!(post.status_of(second), "draft");
}

/// A pool that pauses what is leaving while the shop has errors.
fn guarded(name: &str) -> Value {
    let errors = format!(
        r#"sum(rate(http_requests_total{{namespace="{name}-shop",code="500"}}[5s])) / sum(rate(http_requests_total{{namespace="{name}-shop"}}[5s]))"#
    );
    let mut pool = by_gauge(name, "320/s");
    pool["guardrails"] = json!([{"name": "errors", "query": errors, "max": "5%", "onBreach": "Pause"}]);
    pool
}

#[test]
fn what_is_leaving_is_cancelled_with_its_send_and_never_let_go_on_by_us() {
    let post = Post::new("lmhalt", "Exact", json!({}));
    post.listmonk.set_pace(Duration::from_secs(1), 4);
    let one = json!({"waves": [{"name": "all"}]});
    post.apply("sale", one);
    let copy = post.copy_of("all");
    post.world.until(60, "some of it has gone", || !post.listmonk.sent_to(copy).is_empty());
    post.world.patch_campaign("sale", &json!({"abort": true}));
    post.until_status(copy, "cancelled");
    post.world.until_phase("sale", "Aborted", 60);
    let sent = post.listmonk.sent_to(copy).len();
    assert!(sent < 200, "{sent}");
    post.world.until(60, "what became of it is written", || {
        let status = &post.entry("all").unwrap()["status"];
        status["message"].as_str().is_some_and(|message| message.contains("was cancelled after"))
    });
    assert_eq!(post.starts(), 1);

    // What a person pauses stays paused, and what a person cancels is for a person to judge.
    let third = post.draft("Autumn");
    post.apply("autumn", json!({"waves": [{"name": "one"}], "parameters": {"campaignId": third.to_string()}}));
    let copy = post.copy_of("one");
    post.listmonk.person_pauses(copy);
    post.until_told("autumn", "Headroom does not let it go on by itself: it was not Headroom that paused it");
    post.world.always(6, "it stands still", || post.status_of(copy) == "paused");
    post.listmonk.person_cancels(copy);
    let told = post.world.until_reason("autumn", "OutcomeUnknown", 90);
    assert!(told["message"].as_str().unwrap().contains("was cancelled after"), "{}", told["message"]);
    assert_eq!(post.starts(), 2);

    // A Campaign that is deleted takes what is leaving with it.
    let second = post.draft("Summer");
    post.apply("summer", json!({"waves": [{"name": "every"}], "parameters": {"campaignId": second.to_string()}}));
    let copy = post.copy_of("every");
    post.world.until(60, "some of it has gone", || !post.listmonk.sent_to(copy).is_empty());
    post.world.bed().kubectl(&["-n", &post.world.marketing(), "delete", "campaign", "summer"]);
    post.until_status(copy, "cancelled");
    assert!(post.listmonk.sent_to(copy).len() < 200);
}

#[test]
fn what_headroom_paused_goes_on_by_itself_when_that_is_over_and_there_is_room() {
    let mut post = Post::new("lmagain", "Exact", guarded("lmagain"));
    post.listmonk.set_pace(Duration::from_secs(1), 5);
    post.apply("sale", json!({"waves": [{"name": "all"}]}));
    let copy = post.copy_of("all");
    post.world.until(60, "some of it has gone", || post.listmonk.sent_to(copy).len() >= 20);
    post.breach(copy);
    post.until_at_rest("sale");
    post.world.until_reason("sale", "GuardrailBreached", 60);
    let pause = post.entry("all").unwrap()["status"]["pauses"][0].clone();
    assert!(pause["sentBefore"] == 0 && pause["taken"].as_u64().unwrap() > 0, "{pause}");
    let sent = post.listmonk.sent_to(copy).len();
    assert_eq!(pause["rest"]["sent"].as_u64().unwrap(), sent as u64);
    assert!(post.is_told_by("WaveHalted", "It goes on by itself when that is over and headroom"));

    // It is over, and there is no room for those who are left. Another process knows no less.
    post.world.change_shop(json!({"demand": {"web": 1_850.0}}));
    post.world.until_demand_is(1_850.0);
    post.world.change_shop(json!({"error_ratio": 0.0}));
    post.world.restart(None);
    post.world.until_reason("sale", "WaitingForRoom", 120);
    post.until_told(
        "sale",
        &format!("Headroom paused it in listmonk after {sent}, since guardrail errors was out of bounds"),
    );
    post.world.always(8, "it stands still", || post.status_of(copy) == "paused");
    // There is room, and a person holds it.
    post.world.patch_campaign("sale", &json!({"suspend": true}));
    post.world.until_reason("sale", "Suspended", 60);
    post.world.change_shop(json!({"demand": {"web": 300.0}}));
    post.world.until_demand_is(300.0);
    post.world.always(8, "it stands still", || post.status_of(copy) == "paused");
    assert_eq!((post.starts(), post.listmonk.sent_to(copy).len()), (1, sent));

    // Whatever becomes of the answer, it goes on once and reaches everybody once.
    post.listmonk.lose_answer_of("PUT", "/status");
    post.world.patch_campaign("sale", &json!({"suspend": false}));
    post.until_status(copy, "running");
    post.world.until(60, "that is told", || {
        post.is_told_by("WaveResumed", &format!("goes on in listmonk after {sent} messages"))
    });
    // Once more, in another run.
    post.world.until(60, "more of it has gone", || post.listmonk.sent_to(copy).len() > sent + 20);
    post.breach(copy);
    post.world.change_shop(json!({"error_ratio": 0.0}));
    post.until_status(copy, "running");
    post.world.until_phase("sale", "Completed", 180);
    let all = post.listmonk.sent_to(copy);
    assert_eq!(all.len(), 200);
    assert_eq!(all.into_iter().collect::<BTreeSet<u64>>(), post.people.iter().copied().collect(), "everybody once");
    assert_eq!(post.starts(), 3);
    let status = post.entry("all").unwrap()["status"].clone();
    let (pauses, resumes) = (status["pauses"].as_array().unwrap(), status["resumes"].as_array().unwrap());
    assert_eq!((pauses.len(), resumes.len()), (2, 2), "{status}");
    assert_eq!(pauses[1]["sentBefore"], pauses[0]["rest"]["sent"]);
    for (pause, resume) in pauses.iter().zip(resumes) {
        assert_eq!((&resume["pause"], &resume["result"]), (&pause["nonce"], &json!("Started")));
        assert!(resume["evidence"]["free"].as_f64() >= resume["evidence"]["needed"].as_f64());
    }
    assert_eq!((&status["attempts"].as_array().unwrap().len(), &status["outcome"]), (&1, &json!("Released")));
}

#[test]
fn what_stands_still_for_another_reason_or_took_nothing_is_a_persons() {
    let post = Post::new("lmkept", "Exact", guarded("lmkept"));
    post.listmonk.set_pace(Duration::from_secs(1), 5);
    let one = |draft: u64| json!({"waves": [{"name": "all"}], "parameters": {"campaignId": draft.to_string()}});
    // listmonk has paused it by itself, for errors.
    post.listmonk.fail_sends(12);
    post.apply("sale", one(post.prepared));
    let copy = post.copy_of("all");
    post.until_status(copy, "paused");
    post.until_told("sale", "Headroom does not let it go on by itself: it was not Headroom that paused it");
    post.world.always(6, "it stands still", || post.status_of(copy) == "paused");
    post.world.patch_campaign("sale", &json!({"abort": true}));
    post.until_status(copy, "cancelled");

    // Headroom has paused it, and nothing was taken: to let it go on would leave people out.
    post.listmonk.fail_sends(0);
    post.listmonk.set_most_errors(1_000);
    post.apply("summer", one(post.draft("Summer")));
    let copy = post.only_copy_of("summer");
    post.world.until(60, "it runs", || post.listmonk.campaign(copy)["to_send"] == 200);
    post.breach(copy);
    post.until_at_rest("summer");
    post.listmonk.mend_sends();
    post.world.change_shop(json!({"error_ratio": 0.0}));
    post.until_told("summer", "nothing of it was seen to be taken since it was last started");
    post.world.always(6, "it stands still", || post.status_of(copy) == "paused");
    assert_eq!((post.starts(), post.listmonk.sent_to(copy).len()), (2, 0));

    // Headroom has paused it, and then a person let it go on and paused it again.
    post.apply("autumn", one(post.draft("Autumn")));
    let copy = post.only_copy_of("autumn");
    post.world.until(60, "some of it has gone", || post.listmonk.sent_to(copy).len() >= 10);
    post.breach(copy);
    post.until_at_rest("autumn");
    post.world.patch_campaign("autumn", &json!({"suspend": true}));
    post.world.change_shop(json!({"error_ratio": 0.0}));
    post.world.until_reason("autumn", "Suspended", 60);
    let sent = post.listmonk.sent_to(copy).len();
    post.listmonk.person_starts(copy);
    post.world.until(60, "it goes on", || post.listmonk.sent_to(copy).len() > sent);
    post.listmonk.person_pauses(copy);
    post.world.patch_campaign("autumn", &json!({"suspend": false}));
    post.until_told("autumn", "somebody has let it go on or changed it since Headroom paused it");
    post.world.always(6, "it stands still", || post.status_of(copy) == "paused");
    assert_eq!(post.starts(), 3);
}
