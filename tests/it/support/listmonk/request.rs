//! What the stand-in answers to which request: endpoints, credentials, pages. Statuses and texts are the real server's. It keeps
//! nothing of its own, and an endpoint that the operator does not use is not there.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{HeaderMap, Method};
use base64::Engine;
use serde_json::{Value, json};

use super::campaign::{Campaign, Refusal, tags};
use super::{State, TOKEN, USER};

pub struct Request<'a> {
    pub method: &'a Method,
    pub path: &'a str,
    pub query: &'a [(String, String)],
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

type Answer = Result<Value, Refusal>;

fn refuse(status: u16, text: &str) -> Answer {
    Err((status, text.to_owned()))
}

/// 403 whatever is wrong: 401 never occurs.
fn admit(headers: &HeaderMap) -> Result<(), Refusal> {
    let refuse = |text: &str| Err((403, text.to_owned()));
    let Some(header) = headers.get("authorization").and_then(|header| header.to_str().ok()) else {
        return refuse("invalid session");
    };
    let pair = if let Some(pair) = header.strip_prefix("token") {
        pair.trim().to_owned()
    } else if let Some(coded) = header.strip_prefix("Basic") {
        let Ok(pair) = base64::engine::general_purpose::STANDARD.decode(coded.trim()) else {
            return refuse("code=400, message=invalid Base64 value in Basic Authorization header");
        };
        String::from_utf8_lossy(&pair).into_owned()
    } else {
        return refuse("code=400, message=unknown Authorization scheme");
    };
    match pair.split_once(':') {
        None => refuse("code=400, message=api_key:token missing"),
        Some(("", _) | (_, "")) => refuse("code=400, message=empty `api_key` or `token`"),
        Some((USER, TOKEN)) => Ok(()),
        Some(_) => refuse("invalid API credentials"),
    }
}

impl Request<'_> {
    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.query.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    fn one(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    fn is(&self, name: &str) -> bool {
        matches!(self.one(name), "true" | "1" | "t" | "T" | "TRUE" | "True")
    }

    /// One page of results, with what the real one says of pages. `all` is 0, and no number is too large.
    fn page(&self, results: &[Value]) -> Value {
        let number = |name: &str, otherwise: usize| {
            self.one(name).parse().ok().filter(|number: &usize| *number > 0).unwrap_or(otherwise)
        };
        let per_page = if self.one("per_page") == "all" { 0 } else { number("per_page", 20) };
        let page = number("page", 1);
        let most = if per_page == 0 { usize::MAX } else { per_page };
        let shown: Vec<&Value> = results.iter().skip((page - 1) * per_page).take(most).collect();
        // A page behind the last one does not know the total: it is a column of its rows.
        let total = if shown.is_empty() { 0 } else { results.len() };
        json!({"results": shown, "search": "", "query": self.one("query"), "total": total, "per_page": per_page, "page": page})
    }
}

impl State {
    /// Everything but the log and what was told to go wrong.
    pub fn answer(&mut self, request: &Request) -> Answer {
        let parts: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        if let ["subscription", campaign, person] = parts[..] {
            return self.unsubscribe(campaign, person);
        }
        if parts[0] == "health" {
            return Ok(json!(true));
        }
        let known = matches!(parts[..], ["api", "campaigns" | "lists" | "subscribers" | "media", ..]);
        if !known {
            return refuse(404, "404 unknown endpoint");
        }
        admit(request.headers)?;
        let body = match (request.body, request.method) {
            ([], _) | (_, &Method::GET) => Value::Null,
            (bytes, _) if parts[1] == "media" => json!(String::from_utf8_lossy(bytes)),
            (bytes, _) => serde_json::from_slice(bytes).map_err(|error| {
                (400, if error.is_eof() { "unexpected EOF".to_owned() } else { format!("Syntax error: {error}") })
            })?,
        };
        let id = |text: &str| text.parse::<u64>().ok().filter(|id| *id > 0).ok_or((400, "invalid ID".to_owned()));
        match (request.method.as_str(), &parts[1..]) {
            ("GET", ["campaigns"]) => Ok(self.find(request)),
            ("POST", ["campaigns"]) => self.make(&body).map(|id| self.campaigns[&id].shown.clone()),
            ("GET", ["campaigns", "running", "stats"]) => Ok(self.stats()),
            ("GET", ["campaigns", text]) => {
                let mut shown = self.campaign(id(text)?)?.shown.clone();
                if request.is("no_body") {
                    shown["body"] = json!("");
                }
                Ok(shown)
            }
            ("PUT", ["campaigns", text]) => {
                let id = id(text)?;
                self.campaign(id)?;
                let campaign = self.campaigns.get_mut(&id).unwrap();
                campaign.edit(&body, &self.people, &self.media)?;
                Ok(campaign.shown.clone())
            }
            ("PUT", ["campaigns", text, "status"]) => {
                self.change(id(text)?, body["status"].as_str().unwrap_or_default())
            }
            ("GET", ["lists"]) => Ok(self.lists(request)),
            ("POST", ["lists"]) => self.make_list(&body),
            ("GET", ["lists", text]) => self.people.list(id(text)?).ok_or((400, "List not found".to_owned())),
            ("DELETE", ["lists", text]) => {
                self.delete_list(id(text)?);
                Ok(json!(true))
            }
            ("GET", ["subscribers"]) => self.query(request),
            ("POST", ["subscribers"]) => self.make_person(&body),
            ("PUT", ["subscribers", "lists"]) => self.act_on_ids(&body),
            ("PUT", ["subscribers", "query", "lists"]) => self.act_on_query(&body),
            ("GET", ["subscribers", text]) => {
                self.people.person(id(text)?).ok_or((400, "Subscriber not found".to_owned()))
            }
            ("PUT", ["subscribers", text, "blocklist"]) => {
                self.people.blocklist(id(text)?);
                Ok(json!(true))
            }
            ("POST", ["media"]) => Ok(self.keep_file(body.as_str().unwrap_or_default())),
            _ => refuse(404, "404 unknown endpoint"),
        }
    }

    pub fn campaign(&self, id: u64) -> Result<&Campaign, Refusal> {
        self.campaigns.get(&id).ok_or((400, "Campaign not found".to_owned()))
    }

    pub fn make(&mut self, body: &Value) -> Result<u64, Refusal> {
        let id = self.made + 1;
        let campaign = Campaign::make(id, body, &self.people, &self.media)?;
        let slug = campaign.shown["archive_slug"].as_str();
        if slug.is_some() && self.campaigns.values().any(|own| own.shown["archive_slug"].as_str() == slug) {
            let text = "pq: duplicate key value violates unique constraint \"campaigns_archive_slug_key\"";
            return Err((500, format!("Error creating Campaign: {text}")));
        }
        self.made = id;
        self.campaigns.insert(id, campaign);
        Ok(id)
    }

    pub fn change(&mut self, id: u64, wanted: &str) -> Answer {
        self.campaign(id)?;
        let answer = self.campaigns.get_mut(&id).unwrap().change(wanted)?;
        if matches!(wanted, "paused" | "cancelled") {
            self.sending.stop(id);
        }
        Ok(answer)
    }

    pub fn delete_list(&mut self, id: u64) {
        self.people.delete_list(id);
        self.campaigns.values_mut().for_each(|campaign| campaign.lose_list(id));
    }

    /// Newest first. Several tags are all wanted at once; `tags` is not a parameter, and so is not looked at.
    fn find(&self, request: &Request) -> Value {
        let (tags, statuses): (Vec<&str>, Vec<&str>) = (request.all("tag").collect(), request.all("status").collect());
        let is_wanted = |campaign: &&Campaign| {
            tags.iter().all(|tag| campaign.has_tag(tag))
                && (statuses.is_empty() || statuses.contains(&campaign.status()))
        };
        let mut found: Vec<Value> =
            self.campaigns.values().rev().filter(is_wanted).map(|own| own.shown.clone()).collect();
        if request.is("no_body") {
            for shown in &mut found {
                (shown["body"], shown["body_source"]) = (json!(""), Value::Null);
            }
        }
        let page = request.page(&found);
        if page["total"] == 0 {
            return json!({"results": [], "search": "", "query": "", "total": 0, "per_page": 0, "page": 0});
        }
        page
    }

    fn stats(&self) -> Value {
        let running = self.campaigns.iter().filter(|(_, campaign)| campaign.status() == "running");
        let row = |(id, campaign): (&u64, &Campaign)| {
            let (shown, rate) = (&campaign.shown, self.sending.rate(*id));
            json!({"id": id, "status": "running", "to_send": shown["to_send"], "sent": shown["sent"], "rate": rate,
                "started_at": shown["started_at"], "updated_at": shown["updated_at"], "net_rate": shown["sent"]})
        };
        running.map(row).collect()
    }

    fn lists(&self, request: &Request) -> Value {
        let tags: Vec<String> = request.all("tag").map(str::to_owned).collect();
        let lists = self.people.lists.iter().rev().filter(|(_, list)| tags.iter().all(|tag| list.tags.contains(tag)));
        request.page(&lists.filter_map(|(id, _)| self.people.list(*id)).collect::<Vec<_>>())
    }

    fn make_list(&mut self, body: &Value) -> Answer {
        let name = body["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            return refuse(400, "Invalid name");
        }
        let kind = body["type"].as_str().filter(|kind| !kind.is_empty()).unwrap_or("private");
        let id = self.people.add_list(name, kind, body["optin"] == "double", tags(body));
        Ok(self.people.list(id).unwrap())
    }

    fn make_person(&mut self, body: &Value) -> Answer {
        let email = body["email"].as_str().unwrap_or_default().to_lowercase();
        if self.people.persons.values().any(|person| person.email == email) {
            return refuse(409, "E-mail already exists.");
        }
        let status = if body["preconfirm_subscriptions"] == true { "confirmed" } else { "unconfirmed" };
        let on = numbers(&body["lists"]).into_iter().map(|list| (list, status.to_owned())).collect();
        let id = self.people.add_person(&email, body["name"].as_str().unwrap_or_default(), on);
        Ok(self.people.person(id).unwrap())
    }

    /// Without lists everybody; with lists one row for each subscription, so that whoever is on two of them counts twice.
    fn query(&self, request: &Request) -> Answer {
        let wrong = || (400, "Invalid ID(s)".to_owned());
        let lists: Vec<u64> =
            request.all("list_id").map(|id| id.parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
        let unknown = "Error preparing subscriber query: pq: the stand-in does not know this query";
        let selected = self.people.select(request.one("query")).ok_or((400, unknown.to_owned()))?;
        let wanted = request.one("subscription_status");
        let rows = |id: &u64| {
            let on = self.people.persons[id].on.iter();
            on.filter(|(list, status)| lists.contains(list) && (wanted.is_empty() || status.as_str() == wanted)).count()
        };
        let often = |id: u64| std::iter::repeat_n(id, if lists.is_empty() { 1 } else { rows(&id) });
        let mut found: Vec<u64> = selected.into_iter().flat_map(often).collect();
        found.sort_unstable();
        if request.one("order") != "asc" {
            found.reverse();
        }
        let total = found.len();
        let mut page = request.page(&found.into_iter().filter_map(|id| self.people.person(id)).collect::<Vec<_>>());
        page["total"] = json!(total);
        Ok(page)
    }

    fn act_on_ids(&mut self, body: &Value) -> Answer {
        let action = body["action"].as_str().unwrap_or_default();
        if !matches!(action, "add" | "remove" | "unsubscribe") {
            return refuse(400, "Invalid action.");
        }
        let (people, lists) = (numbers(&body["ids"]), numbers(&body["target_list_ids"]));
        self.people.act(action, &people, &lists, body["status"].as_str().unwrap_or_default(), false);
        Ok(json!(true))
    }

    fn act_on_query(&mut self, body: &Value) -> Answer {
        let (lists, text) = (numbers(&body["target_list_ids"]), |field: &str| body[field].as_str().unwrap_or_default());
        if lists.is_empty() {
            return refuse(400, "No lists given.");
        }
        let action = text("action");
        if !matches!(action, "add" | "remove" | "unsubscribe") {
            return refuse(400, "Invalid action.");
        }
        let unknown = "Error updating Subscribers: pq: the stand-in does not know this query";
        let mut selected = self.people.select(text("query")).ok_or((500, unknown.to_owned()))?;
        // A list has to be all of the lists that are named: two different ones are nobody.
        let on: BTreeSet<u64> = numbers(&body["list_ids"]).into_iter().collect();
        let wanted = text("subscription_status");
        let has = |status: &String| wanted.is_empty() || status == wanted;
        match on.len() {
            0 => {}
            1 => selected.retain(|id| on.iter().all(|list| self.people.persons[id].on.get(list).is_some_and(has))),
            _ => selected.clear(),
        }
        self.people.act(action, &selected, &lists, text("status"), true);
        Ok(json!(true))
    }

    /// A click on the link in a mail: it is the campaign's lists that are left, and no others.
    fn unsubscribe(&mut self, campaign: &str, person: &str) -> Answer {
        let campaign = self.campaigns.values().find(|own| own.shown["uuid"] == campaign);
        let person = self.people.persons.iter().find(|(_, own)| own.uuid == person).map(|(id, _)| *id);
        let (Some(campaign), Some(person)) = (campaign, person) else { return refuse(400, "not found") };
        let lists: Vec<u64> = campaign.lists().into_iter().collect();
        self.people.act("unsubscribe", &[person], &lists, "", true);
        Ok(json!(true))
    }

    fn keep_file(&mut self, form: &str) -> Value {
        let name = form.split("filename=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("file");
        self.media.push(name.to_owned());
        json!({"id": self.media.len(), "filename": name})
    }
}

fn numbers(value: &Value) -> Vec<u64> {
    value.as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
}

/// What the log says of a body: a status that is asked for, an action on people, or a name.
pub fn gist(body: &[u8]) -> String {
    let body: BTreeMap<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    let said = ["action", "status", "name"].into_iter().find_map(|field| body.get(field)?.as_str());
    said.unwrap_or_default().to_owned()
}
