//! What the stand-in for listmonk must have in common with the real one, written once and held against both. A line that holds
//! on one only is a lie in the stand-in. The real one is the one at `HEADROOM_LISTMONK`, as `tests/bed/listmonk up` prints it;
//! without it, the stand-in alone is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::listmonk::{Listmonk, TOKEN, USER};

mod editing;
mod sending;
mod states;
mod waves;

/// A server, and a witness of its mails.
struct Server {
    url: String,
    user: String,
    token: String,
    http: reqwest::Client,
    mails: Mails,
    /// People that were made here, by UUID.
    people: Mutex<BTreeMap<String, u64>>,
}

enum Mails {
    StandIn(Listmonk),
    /// Where the sink tells what it took.
    Sink(String),
}

/// One at a time: the campaigns of one semantic would delay those of another, and all share one sink.
static REAL: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Each as two tests.
macro_rules! both {
    ($($name:ident),* $(,)?) => {
        $(mod $name {
            #[tokio::test]
            async fn on_the_stand_in() {
                super::$name(&crate::semantics::listmonk::Server::stand_in()).await;
            }

            #[tokio::test]
            async fn on_the_real_server() {
                let _alone = crate::semantics::listmonk::REAL.lock().await;
                if let Some(server) = crate::semantics::listmonk::Server::real() {
                    super::$name(&server).await;
                }
            }
        })*
    };
}
use both;

fn client() -> reqwest::Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// A word that nobody else uses.
fn word() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

impl Server {
    fn stand_in() -> Server {
        let listmonk = Listmonk::start();
        // As the real one in proportion: a tick, and what is sent in it.
        listmonk.set_pace(Duration::from_millis(200), 1000);
        let (url, user, token) = (listmonk.url(), USER.to_owned(), TOKEN.to_owned());
        Server { url, user, token, http: client(), mails: Mails::StandIn(listmonk), people: Mutex::default() }
    }

    fn real() -> Option<Server> {
        let Ok(url) = std::env::var("HEADROOM_LISTMONK") else {
            eprintln!("HEADROOM_LISTMONK is not set: the real server was not asked");
            return None;
        };
        let said = |name: &str| std::env::var(format!("HEADROOM_LISTMONK_{name}")).unwrap();
        let mails = Mails::Sink(said("SINK"));
        Some(Server { url, user: said("USER"), token: said("TOKEN"), http: client(), mails, people: Mutex::default() })
    }

    async fn ask_as(&self, credentials: Option<&str>, method: &str, path: &str, body: Value) -> (u16, Value) {
        let request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.url));
        let request = if body.is_null() { request } else { request.json(&body) };
        let request = match credentials {
            Some(credentials) => request.header("authorization", credentials),
            None => request,
        };
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap_or_default())
    }

    async fn ask(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.ask_as(Some(&format!("token {}:{}", self.user, self.token)), method, path, body).await
    }

    /// What a request that is granted is answered with.
    async fn get(&self, path: &str) -> Value {
        self.done("GET", path, Value::Null).await
    }

    async fn done(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(method, path, body.clone()).await;
        assert_eq!(status, 200, "{method} {path} {body}: {answer}");
        answer["data"].clone()
    }

    async fn refused(&self, method: &str, path: &str, body: Value, status: u16, message: &str) {
        let answer = self.ask(method, path, body.clone()).await;
        assert_eq!(answer, (status, json!({"message": message})), "{method} {path} {body}");
    }

    async fn list(&self, optin: &str) -> u64 {
        let list = json!({"name": word(), "type": "private", "optin": optin, "tags": []});
        self.done("POST", "/api/lists", list).await["id"].as_u64().unwrap()
    }

    /// New people on these lists, confirmed or not.
    async fn subscribe(&self, lists: &[u64], count: u64, is_confirmed: bool) -> Vec<u64> {
        let mut made = Vec::new();
        for _ in 0..count {
            let person = json!({"email": format!("{}@example.com", word()), "name": "A", "status": "enabled", "lists": lists,
                "preconfirm_subscriptions": is_confirmed});
            let person = self.done("POST", "/api/subscribers", person).await;
            let id = person["id"].as_u64().unwrap();
            self.people.lock().unwrap().insert(person["uuid"].as_str().unwrap().to_owned(), id);
            made.push(id);
        }
        made
    }

    async fn draft(&self, list: u64) -> u64 {
        let draft = json!({"name": word(), "subject": "s", "body": "b", "lists": [list]});
        self.done("POST", "/api/campaigns", draft).await["id"].as_u64().unwrap()
    }

    async fn campaign(&self, id: u64) -> Value {
        self.get(&format!("/api/campaigns/{id}?no_body=true")).await
    }

    async fn status(&self, id: u64) -> String {
        self.campaign(id).await["status"].as_str().unwrap().to_owned()
    }

    async fn put_status(&self, id: u64, status: &str) -> Value {
        self.done("PUT", &format!("/api/campaigns/{id}/status"), json!({"status": status})).await
    }

    async fn status_refused(&self, id: u64, status: &str, message: &str) {
        let path = format!("/api/campaigns/{id}/status");
        self.refused("PUT", &path, json!({"status": status}), 400, message).await;
    }

    /// Looks at a campaign until it is as wanted. The real one's tick is 5 s.
    async fn until(&self, id: u64, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let most = Instant::now() + Duration::from_secs(if matches!(self.mails, Mails::Sink(_)) { 60 } else { 10 });
        loop {
            let campaign = self.campaign(id).await;
            if is_so(&campaign) {
                return campaign;
            }
            assert!(Instant::now() < most, "not {what}: {campaign}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn finished(&self, id: u64) -> Value {
        self.until(id, "finished", |campaign| campaign["status"] == "finished").await
    }

    /// Whom a campaign's mails went to, in the order of their ids; twice if they went twice.
    async fn received(&self, id: u64) -> Vec<u64> {
        let mut received = match &self.mails {
            Mails::StandIn(listmonk) => listmonk.sent_to(id),
            Mails::Sink(url) => {
                let campaign = self.campaign(id).await["uuid"].as_str().unwrap().to_owned();
                let taken = self.http.get(url).send().await.unwrap().text().await.unwrap();
                let people = self.people.lock().unwrap();
                let to = taken.lines().filter_map(|line| line.strip_prefix(&campaign));
                to.map(|person| people[person.trim()]).collect()
            }
        };
        received.sort_unstable();
        received
    }

    /// So many more mails are taken, and then none; or all again.
    async fn take_mails(&self, most: Option<u64>) {
        match (&self.mails, most) {
            (Mails::StandIn(listmonk), Some(most)) => listmonk.fail_sends(most),
            (Mails::StandIn(listmonk), None) => listmonk.mend_sends(),
            (Mails::Sink(url), most) => {
                let most = most.map_or("all".to_owned(), |most| most.to_string());
                self.http.put(format!("{url}/accepts/{most}")).send().await.unwrap();
            }
        }
    }

    /// By list, the state of a person's subscription to it.
    async fn subscriptions(&self, person: u64) -> BTreeMap<u64, String> {
        let person = self.get(&format!("/api/subscribers/{person}")).await;
        let row =
            |list: &Value| (list["id"].as_u64().unwrap(), list["subscription_status"].as_str().unwrap().to_owned());
        person["lists"].as_array().unwrap().iter().map(row).collect()
    }
}

/// Equal, whatever their order.
fn set(ids: &[u64]) -> BTreeSet<u64> {
    ids.iter().copied().collect()
}

both![
    whoever_is_not_known_is_refused,
    what_is_not_there_is_refused,
    a_tag_finds_what_has_it_exactly,
    lists_are_found_by_tag_too,
];

async fn whoever_is_not_known_is_refused(server: &Server) {
    let path = "/api/campaigns?per_page=1";
    let (user, token) = (&server.user, &server.token);
    let wrong = "invalid API credentials";
    for (credentials, message) in [
        (None, "invalid session"),
        (Some(format!("token {user}:WRONG")), wrong),
        (Some(format!("token nobody:{token}")), wrong),
        (Some(format!("Bearer {token}")), "code=400, message=unknown Authorization scheme"),
        (Some("token abc".to_owned()), "code=400, message=api_key:token missing"),
    ] {
        let answer = server.ask_as(credentials.as_deref(), "GET", path, Value::Null).await;
        assert_eq!(answer, (403, json!({"message": message})), "{credentials:?}");
    }
    let basic = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{user}:{token}"));
    assert_eq!(server.ask_as(Some(&format!("Basic {basic}")), "GET", path, Value::Null).await.0, 200);
    assert_eq!(server.ask("GET", path, Value::Null).await.0, 200);
}

async fn what_is_not_there_is_refused(server: &Server) {
    let (missing, not_an_id) = ("Campaign not found", "invalid ID");
    server.refused("GET", "/api/campaigns/99999999", Value::Null, 400, missing).await;
    server.refused("PUT", "/api/campaigns/99999999", json!({"lists": [1]}), 400, missing).await;
    server.status_refused(99_999_999, "running", missing).await;
    server.status_refused(99_999_999, "no such status", missing).await;
    server.refused("GET", "/api/campaigns/0", Value::Null, 400, not_an_id).await;
    server.refused("GET", "/api/campaigns/abc", Value::Null, 400, not_an_id).await;
    server.refused("GET", "/api/lists/99999999", Value::Null, 400, "List not found").await;
    server.refused("GET", "/api/no-such-thing", Value::Null, 404, "404 unknown endpoint").await;
    let campaign = server.draft(server.list("single").await).await;
    let path = format!("/api/campaigns/{campaign}/status");
    for (body, said) in [(json!({"status": "nix"}), "nix"), (json!({}), "")] {
        let text = format!("Error updating Campaign: pq: invalid input value for enum campaign_status: \"{said}\"");
        server.refused("PUT", &path, body, 500, &text).await;
    }
}

fn found(page: &Value) -> Vec<u64> {
    page["results"].as_array().unwrap().iter().map(|row| row["id"].as_u64().unwrap()).collect()
}

async fn a_tag_finds_what_has_it_exactly(server: &Server) {
    let (list, tag, other) = (server.list("single").await, format!("Tag-{}", word()), word());
    let mut made = Vec::new();
    for tags in [json!([tag]), json!([other, tag]), json!([format!("{tag}-longer")]), json!([])] {
        let draft = json!({"name": "(a/b", "subject": "s", "body": "b", "lists": [list], "tags": tags});
        made.push(server.done("POST", "/api/campaigns", draft).await["id"].as_u64().unwrap());
    }
    let find =
        |query: String| async move { server.get(&format!("/api/campaigns?{query}&no_body=true&per_page=all")).await };
    let page = find(format!("tag={tag}")).await;
    assert_eq!(found(&page), [made[1], made[0]], "newest first");
    assert_eq!((&page["total"], &page["page"], &page["per_page"]), (&json!(2), &json!(1), &json!(0)));
    let row = &page["results"][1];
    assert_eq!((&row["body"], &row["tags"], &row["status"]), (&json!(""), &json!([tag]), &json!("draft")));
    assert_eq!(found(&find(format!("tag={tag}&tag={other}")).await), [made[1]], "all of several tags");
    let none = json!({"results": [], "search": "", "query": "", "total": 0, "per_page": 0, "page": 0});
    assert_eq!(find(format!("tag={}", tag.to_uppercase())).await, none, "not of another case");
    // As documented, and looked at by nobody.
    let all = find(format!("tags={tag}")).await;
    assert!(made.iter().all(|id| found(&all).contains(id)), "{all}");
    let blank = json!({"name": "n", "subject": "s", "lists": [list], "tags": [format!(" {other}  x "), " "]});
    let made = server.done("POST", "/api/campaigns", blank).await;
    assert_eq!(made["tags"], json!([format!("{other}-x")]));
    let long = json!({"name": "n", "subject": "s", "lists": [list], "tags": ["x".repeat(101)]});
    let text = "Error creating Campaign: pq: value too long for type character varying(100)";
    server.refused("POST", "/api/campaigns", long, 500, text).await;
}

async fn lists_are_found_by_tag_too(server: &Server) {
    let (tag, other) = (word(), word());
    let make = |tags: Value| async move {
        let list = json!({"name": "n", "type": "private", "optin": "single", "tags": tags});
        server.done("POST", "/api/lists", list).await
    };
    let (first, second) = (make(json!([tag])).await, make(json!([tag, other])).await);
    let page = server.get(&format!("/api/lists?tag={tag}&per_page=all")).await;
    assert_eq!(page["results"], json!([second, first]), "whole, and newest first");
    assert_eq!((&page["total"], &page["page"], &page["per_page"]), (&json!(2), &json!(1), &json!(0)));
    let both = server.get(&format!("/api/lists?tag={tag}&tag={other}")).await;
    assert_eq!(
        (found(&both), &both["per_page"]),
        (vec![second["id"].as_u64().unwrap()], &json!(20)),
        "all of several tags"
    );
    let none = server.get(&format!("/api/lists?tag={}&per_page=all", word())).await;
    assert_eq!((&none["results"], &none["total"], &none["page"]), (&json!([]), &json!(0), &json!(1)));
    assert_eq!(server.get(&format!("/api/lists/{}", first["id"])).await, first);
    server.refused("POST", "/api/lists", json!({"tags": [tag]}), 400, "Invalid name").await;
}

/// What only the stand-in can: go wrong when told to.
#[tokio::test]
async fn the_stand_in_goes_wrong_when_told_to() {
    let server = Server::stand_in();
    let Mails::StandIn(listmonk) = &server.mails else { unreachable!() };
    let list = listmonk.add_list("a", false);
    assert_eq!(listmonk.subscribe(list, 2), [1, 2]);
    let campaign = listmonk.add_draft(&json!({"name": "n", "subject": "s", "lists": [list], "tags": ["t"]}));
    let path = format!("/api/campaigns/{campaign}/status");
    listmonk.refuse_next("PUT", "/status", 502, "not now");
    server.refused("PUT", &path, json!({"status": "running"}), 502, "not now").await;
    assert_eq!(listmonk.campaign(campaign)["status"], "draft");
    listmonk.ignore_next("PUT", "/status");
    server.done("PUT", &path, json!({"status": "running"})).await;
    assert_eq!(listmonk.campaign(campaign)["status"], "draft");
    listmonk.lose_answer_of("PUT", "/status");
    let request = server.http.put(format!("{}{path}", server.url)).basic_auth(USER, Some(TOKEN));
    assert!(request.json(&json!({"status": "running"})).send().await.unwrap_err().is_request());
    assert_eq!(listmonk.campaigns_tagged("t")[0]["status"], "running", "carried out all the same");
    server.finished(campaign).await;
    assert_eq!(listmonk.sent_to(campaign), [1, 2]);
    assert_eq!(listmonk.requests(), vec![format!("PUT {path} running"); 3]);
    listmonk.unsubscribe_by_mail(campaign, 1);
    assert_eq!(listmonk.subscription(list, 1).as_deref(), Some("unsubscribed"));
    assert_eq!(listmonk.subscription(list + 1, 1), None);
}
