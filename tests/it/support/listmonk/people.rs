//! The stand-in's lists, its people, and who is subscribed to what: what listmonk keeps in its tables of these names. It also
//! knows the meaning of the few SQL expressions the operator sends; of other SQL it knows nothing, and says so. It answers no
//! request and sends nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use regex::Regex;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What the operator takes for "a person to be sent to": `{x}` is a table of subscribers, `LISTS` ids with ", " between them.
const PEOPLE: &str = "{x}.status != 'blocklisted' AND EXISTS (SELECT 1 FROM subscriber_lists m JOIN lists l ON l.id = m.list_id \
     WHERE m.subscriber_id = {x}.id AND m.list_id IN (LISTS) AND ((l.optin = 'double' AND m.status = 'confirmed') OR \
     (l.optin != 'double' AND m.status != 'unsubscribed')))";
/// A wave's list is filled up to so many people, who come behind the last of other waves and not behind its own.
const FILL: &str = "subscribers.id IN (SELECT s.id FROM subscribers s WHERE {PEOPLE of s} AND md5(s.id::text || 'SALT') > \
     GREATEST(LASTS)UPTO AND NOT EXISTS (SELECT 1 FROM subscriber_lists w WHERE w.subscriber_id = s.id AND \
     w.list_id = NUMBER) ORDER BY md5(s.id::text || 'SALT') LIMIT GREATEST(0, NUMBER - (SELECT count(*) FROM \
     subscriber_lists w WHERE w.list_id = NUMBER AND w.status != 'unsubscribed')))";
/// The last on a list.
const LAST: &str = "subscribers.id IN (SELECT w.subscriber_id FROM subscriber_lists w WHERE w.list_id = NUMBER ORDER BY \
     md5(w.subscriber_id::text || 'SALT') DESC LIMIT 1)";
/// Whoever is on a wave's list and not where the wave is.
const OUTSIDE: &str = "subscribers.id IN (SELECT w.subscriber_id FROM subscriber_lists w WHERE w.list_id = NUMBER AND \
     (md5(w.subscriber_id::text || 'SALT') <= GREATEST(LASTS)BEYOND))";
/// All on a list.
const ON: &str = "subscribers.id IN (SELECT w.subscriber_id FROM subscriber_lists w WHERE w.list_id = NUMBER)";
/// Whoever may not be sent to any more leaves a wave's list.
const PRUNE: &str = "subscribers.id IN (SELECT w.subscriber_id FROM subscriber_lists w WHERE w.list_id = NUMBER) AND NOT \
     ({PEOPLE of subscribers})";
/// Whoever unsubscribed by a wave's mail, and is not on the list of those of whom that is known.
const LEFT: &str = "subscribers.id IN (SELECT w.subscriber_id FROM subscriber_lists w WHERE w.list_id IN (LISTS) AND \
     w.status = 'unsubscribed') AND NOT EXISTS (SELECT 1 FROM subscriber_lists k WHERE k.subscriber_id = subscribers.id AND \
     k.list_id = NUMBER)";
/// And is on none of these lists any more.
const LEFT_FOR_GOOD: &str = "{LEFT} AND NOT EXISTS (SELECT 1 FROM subscriber_lists f WHERE f.subscriber_id = subscribers.id AND \
     f.list_id IN (LISTS) AND f.status != 'unsubscribed')";

/// A mailing list.
pub struct List {
    pub name: String,
    pub is_double: bool,
    pub tags: Vec<String>,
    kind: String,
    uuid: String,
    made_at: Timestamp,
}

/// A subscriber.
pub struct Person {
    pub uuid: String,
    pub email: String,
    pub is_blocklisted: bool,
    /// By list: `confirmed`, `unconfirmed` or `unsubscribed`.
    pub on: BTreeMap<u64, String>,
    name: String,
    made_at: Timestamp,
}

#[derive(Default)]
pub struct People {
    pub lists: BTreeMap<u64, List>,
    /// Ids are not given again.
    lists_made: u64,
    pub persons: BTreeMap<u64, Person>,
}

/// A row of a table, whole: what the expressions are, by their exact texts.
struct Pattern(Regex);

impl Pattern {
    fn new(text: &str) -> Pattern {
        let people = |table: &str| PEOPLE.replace("{x}", table);
        let text =
            text.replace("{PEOPLE of s}", &people("s")).replace("{PEOPLE of subscribers}", &people("subscribers"));
        let text = regex::escape(&text).replace("LISTS", r"(\d+(?:, \d+)*)").replace("NUMBER", r"(\d+)");
        let last = r"md5\('\d+' \|\| '[^']*'\)";
        let text = text.replace("LASTS", &format!("(''(?:, {last})*)"));
        let text = text.replace("BEYOND", &format!(r"((?: OR md5\(w\.subscriber_id::text \|\| '[^']*'\) > {last})?)"));
        let text = text.replace("UPTO", &format!(r"((?: AND md5\(s\.id::text \|\| '[^']*'\) <= {last})?)"));
        Pattern(Regex::new(&format!("^{}$", text.replace("SALT", "([^']*)"))).unwrap())
    }

    fn parts<'a>(&self, query: &'a str) -> Option<Vec<&'a str>> {
        let found = self.0.captures(query)?;
        Some(found.iter().skip(1).map(|part| part.unwrap().as_str()).collect())
    }
}

/// Where somebody is in the order by chance. Nobody depends on which it is, only that it is one, and another for another salt.
fn place(id: u64, salt: &str) -> Vec<u8> {
    Sha256::digest(format!("{id}{salt}")).to_vec()
}

/// The places of those who are named in a part of a query.
fn lasts(text: &str, salt: &str) -> Vec<Vec<u8>> {
    let quoted = Regex::new(r"md5\('(\d+)'").unwrap();
    quoted.captures_iter(text).map(|id| place(id[1].parse().unwrap(), salt)).collect()
}

fn ids(text: &str) -> BTreeSet<u64> {
    text.split(", ").map(|id| id.parse().unwrap()).collect()
}

impl People {
    /// As of an `optin` and `type` that may be left out.
    pub fn add_list(&mut self, name: &str, kind: &str, is_double: bool, tags: Vec<String>) -> u64 {
        self.lists_made += 1;
        let id = self.lists_made;
        let uuid = uuid::Uuid::new_v4().to_string();
        let (name, kind) = (name.to_owned(), kind.to_owned());
        self.lists.insert(id, List { name, is_double, tags, kind, uuid, made_at: Timestamp::now() });
        id
    }

    pub fn add_person(&mut self, email: &str, name: &str, on: BTreeMap<u64, String>) -> u64 {
        let id = self.persons.keys().next_back().map_or(1, |last| last + 1);
        let uuid = uuid::Uuid::new_v4().to_string();
        let (email, name) = (email.to_owned(), name.to_owned());
        let person = Person { uuid, email, is_blocklisted: false, on, name, made_at: Timestamp::now() };
        self.persons.insert(id, person);
        id
    }

    /// Whom a campaign of these lists is sent to, in the order of their ids. It is the same for the operator's `PEOPLE`.
    pub fn reached_by(&self, lists: &BTreeSet<u64>) -> Vec<u64> {
        let counts = |list: &u64, status: &str| match self.lists.get(list) {
            Some(List { is_double: true, .. }) => status == "confirmed",
            Some(_) => status != "unsubscribed",
            None => false,
        };
        let is_reached = |person: &Person| {
            !person.is_blocklisted
                && person.on.iter().any(|(list, status)| lists.contains(list) && counts(list, status))
        };
        self.persons.iter().filter(|(_, person)| is_reached(person)).map(|(id, _)| *id).collect()
    }

    /// Whom an SQL expression selects; nothing if the stand-in does not know it. An empty one selects all.
    pub fn select(&self, query: &str) -> Option<Vec<u64>> {
        let is_on = |id: u64, lists: &BTreeSet<u64>| self.persons[&id].on.keys().any(|list| lists.contains(list));
        let query = query.trim().trim_end_matches(';');
        if query.is_empty() {
            return Some(self.persons.keys().copied().collect());
        }
        if let Some(parts) = Pattern::new("{PEOPLE of subscribers}").parts(query) {
            return Some(self.reached_by(&ids(parts[0])));
        }
        if let Some(parts) = Pattern::new(FILL).parts(query) {
            let (salt, list) = (parts[1], ids(parts[4]));
            // Nobody depends on which order it is, only that it is one, and another for another salt.
            let place = |id: &u64| place(*id, salt);
            let (after, up_to) = (lasts(parts[2], salt).into_iter().max(), lasts(parts[3], salt).into_iter().next());
            let is_counted =
                |person: &&Person| person.on.iter().any(|(own, status)| list.contains(own) && status != "unsubscribed");
            let there = self.persons.values().filter(is_counted).count();
            let mut free = self.reached_by(&ids(parts[0]));
            free.retain(|id| after.as_ref().is_none_or(|after| place(id) > *after));
            free.retain(|id| up_to.as_ref().is_none_or(|up_to| place(id) <= *up_to));
            free.retain(|id| !is_on(*id, &list));
            free.sort_by_cached_key(place);
            free.truncate(parts[6].parse::<usize>().unwrap().saturating_sub(there));
            return Some(free);
        }
        if let Some(parts) = Pattern::new(LAST).parts(query) {
            let (list, salt) = (ids(parts[0]), parts[1]);
            let on = self.persons.keys().copied().filter(|id| is_on(*id, &list));
            return Some(on.max_by_key(|id| place(*id, salt)).into_iter().collect());
        }
        if let Some(parts) = Pattern::new(OUTSIDE).parts(query) {
            let (list, salt) = (ids(parts[0]), parts[1]);
            let (after, up_to) = (lasts(parts[2], salt).into_iter().max(), lasts(parts[3], salt).into_iter().next());
            let is_outside = |id: u64| {
                after.as_ref().is_some_and(|after| place(id, salt) <= *after)
                    || up_to.as_ref().is_some_and(|up_to| place(id, salt) > *up_to)
            };
            return Some(self.persons.keys().copied().filter(|id| is_on(*id, &list) && is_outside(*id)).collect());
        }
        if let Some(parts) = Pattern::new(ON).parts(query) {
            let list = ids(parts[0]);
            return Some(self.persons.keys().copied().filter(|id| is_on(*id, &list)).collect());
        }
        if let Some(parts) = Pattern::new(PRUNE).parts(query) {
            let reached: BTreeSet<u64> = self.reached_by(&ids(parts[1])).into_iter().collect();
            let wave = ids(parts[0]);
            return Some(
                self.persons.keys().copied().filter(|id| is_on(*id, &wave) && !reached.contains(id)).collect(),
            );
        }
        let for_good = Pattern::new(&LEFT_FOR_GOOD.replace("{LEFT}", LEFT)).parts(query);
        let from = for_good.as_ref().map(|parts| ids(parts[2]));
        let parts = for_good.or_else(|| Pattern::new(LEFT).parts(query))?;
        let (waves, known) = (ids(parts[0]), ids(parts[1]));
        let has_left = |person: &Person| {
            let is_on = |lists: &BTreeSet<u64>| {
                person.on.iter().any(|(list, status)| lists.contains(list) && status != "unsubscribed")
            };
            person.on.iter().any(|(list, status)| waves.contains(list) && status == "unsubscribed")
                && !person.on.keys().any(|list| known.contains(list))
                && !from.as_ref().is_some_and(is_on)
        };
        Some(self.persons.iter().filter(|(_, person)| has_left(person)).map(|(id, _)| *id).collect())
    }

    /// What `action` does with people and lists. `is_kept`: whoever is on a list already keeps the status there; so it is
    /// where people are named by a query, and not where they are named by their ids.
    pub fn act(&mut self, action: &str, people: &[u64], lists: &[u64], status: &str, is_kept: bool) {
        for list in lists.iter().filter(|list| self.lists.contains_key(list)) {
            for id in people {
                let Some(person) = self.persons.get_mut(id) else { continue };
                match action {
                    "add" if person.on.contains_key(list) && (is_kept || status.is_empty()) => {}
                    "add" => {
                        let status = if status.is_empty() { "unconfirmed" } else { status };
                        person.on.insert(*list, status.to_owned());
                    }
                    "remove" => {
                        person.on.remove(list);
                    }
                    _ => {
                        if let Some(now) = person.on.get_mut(list) {
                            "unsubscribed".clone_into(now);
                        }
                    }
                }
            }
        }
    }

    pub fn delete_list(&mut self, id: u64) {
        self.lists.remove(&id);
        for person in self.persons.values_mut() {
            person.on.remove(&id);
        }
    }

    pub fn blocklist(&mut self, id: u64) {
        if let Some(person) = self.persons.get_mut(&id) {
            person.is_blocklisted = true;
            person.on.values_mut().for_each(|status| "unsubscribed".clone_into(status));
        }
    }

    /// A list as it is answered. The counts of the real one are cached, and of a new list 0; so they are here of any.
    pub fn list(&self, id: u64) -> Option<Value> {
        let list = self.lists.get(&id)?;
        Some(json!({
            "id": id, "uuid": list.uuid, "name": list.name, "type": list.kind, "tags": list.tags,
            "optin": if list.is_double { "double" } else { "single" }, "status": "active", "description": "",
            "created_at": list.made_at, "updated_at": list.made_at,
            "subscriber_count": 0, "subscriber_statuses": {},
            "subscription_created_at": null, "subscription_updated_at": null,
        }))
    }

    /// A person as it is answered.
    pub fn person(&self, id: u64) -> Option<Value> {
        let person = self.persons.get(&id)?;
        let row = |(list, status): (&u64, &String)| {
            let mut row = self.list(*list)?;
            row["subscription_status"] = json!(status);
            Some(row)
        };
        let lists: Vec<Value> = person.on.iter().filter_map(row).collect();
        let status = if person.is_blocklisted { "blocklisted" } else { "enabled" };
        Some(json!({
            "id": id, "uuid": person.uuid, "email": person.email, "name": person.name, "attribs": {}, "status": status,
            "created_at": person.made_at, "updated_at": person.made_at, "lists": lists,
        }))
    }
}
