//! A campaign as listmonk has it: what is read of it, whether a wave may be made of it, and what a copy of it holds. Asks nobody.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Trouble;
use crate::plan::listmonk::{Account, SEND_TAG};

/// What a copy takes over, beside name, lists, tags and media.
const COPIED: [&str; 12] = [
    "subject",
    "from_email",
    "type",
    "content_type",
    "body",
    "body_source",
    "altbody",
    "messenger",
    "template_id",
    "headers",
    "attribs",
    "archive_meta",
];

/// Of these it is also taken over that they are empty.
const EMPTIED: [&str; 3] = ["body_source", "altbody", "template_id"];

/// A campaign.
#[derive(Clone, Debug, Deserialize)]
pub struct Campaign {
    /// Its number.
    pub id: u64,
    name: String,
    status: String,
    send_at: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    to_send: u64,
    #[serde(default)]
    sent: u64,
    #[serde(default)]
    updated_at: Option<String>,
    lists: Option<Vec<Of>>,
    media: Option<Vec<Of>>,
    tags: Option<Vec<String>>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// Something by its number: a list that was deleted meanwhile has none.
#[derive(Clone, Debug, Deserialize)]
struct Of {
    id: Option<u64>,
}

fn ids(all: Option<&Vec<Of>>) -> Vec<u64> {
    let mut ids: Vec<u64> = all.into_iter().flatten().filter_map(|one| one.id.filter(|id| *id > 0)).collect();
    ids.sort_unstable();
    ids
}

impl Campaign {
    /// What is said of it.
    pub fn account(&self) -> Account {
        let changed = self.updated_at.clone().unwrap_or_default();
        Account { id: self.id, status: self.status.clone(), sent: self.sent, to_send: self.to_send, changed }
    }

    /// Whether it was not started, and no clock starts it.
    pub fn is_draft(&self) -> bool {
        self.status == "draft"
    }

    /// The numbers of its lists that are there.
    pub fn list_ids(&self) -> Vec<u64> {
        ids(self.lists.as_ref())
    }

    fn tags(&self) -> &[String] {
        self.tags.as_deref().unwrap_or_default()
    }

    /// Whether it has a tag.
    pub fn bears(&self, tag: &str) -> bool {
        self.tags().iter().any(|there| there == tag)
    }

    /// Why a send with this tag is not made of it, if it is not.
    pub fn fits(&self, send_tag: &str) -> Result<(), Trouble> {
        let Campaign { id, name, status, kind, .. } = self;
        let it = format!("campaign {id} of listmonk (\"{name}\")");
        let unfit = |why: String| Err(Trouble::Unfit(format!("{it} {why}")));
        if !self.is_draft() {
            return unfit(format!(
                "is {status}, and a wave is made of a draft only; prepare another one and name it in spec.parameters.campaignId"
            ));
        }
        if self.send_at.is_some() {
            return unfit(
                "has a time of its own, by which listmonk would start it; take the time out of it there".to_owned(),
            );
        }
        if kind != "regular" {
            return unfit(format!(
                "is of the type {kind}, which does not go to all of its lists; prepare one of the type regular"
            ));
        }
        if self.list_ids().is_empty() || self.lists.iter().flatten().any(|list| list.id.is_none_or(|id| id == 0)) {
            return unfit("has no list, or one that was deleted; choose its lists there".to_owned());
        }
        match self.tags().iter().find(|tag| tag.starts_with(SEND_TAG) && *tag != send_tag) {
            Some(tag) => unfit(format!(
                "is prepared for another send; prepare one for each, or, if that send has not gone and shall not go, remove its tag {tag} there"
            )),
            None => Ok(()),
        }
    }

    /// Whether it has this tag of a send, and no other's.
    pub fn is_marked(&self, send_tag: &str) -> bool {
        let mut marks = self.tags().iter().filter(|tag| tag.starts_with(SEND_TAG));
        marks.next().is_some_and(|tag| tag == send_tag) && marks.all(|tag| tag == send_tag)
    }

    /// Whether it is still as it was when it was made ready.
    pub fn is_ready(&self, lists: &[u64]) -> bool {
        self.is_draft() && self.send_at.is_none() && self.list_ids() == lists
    }

    /// Whether it is paused, and no clock of its own starts it.
    pub fn is_paused(&self) -> bool {
        self.status == "paused" && self.send_at.is_none()
    }

    /// What marks it as prepared for a send: all else of it stays as it is.
    pub fn marked(&self, send_tag: &str) -> Value {
        let tags: Vec<&str> = self.tags().iter().map(String::as_str).chain([send_tag]).collect();
        // What is not named stays, but for the attributes, which would be emptied.
        let attribs = self.rest.get("attribs").cloned().unwrap_or_else(|| json!({}));
        json!({"lists": self.list_ids(), "media": ids(self.media.as_ref()), "tags": tags, "attribs": attribs})
    }

    /// A copy for one wave, which goes to one list.
    pub fn copy(&self, name: &str, list: u64, tags: [&str; 2]) -> Value {
        let mut copy: Map<String, Value> = Map::new();
        for field in COPIED {
            let value =
                if field == "type" { Some(Value::String(self.kind.clone())) } else { self.rest.get(field).cloned() };
            // What is not there is said, or a copy that is there already would keep its own.
            let is_told = |value: &Value| !value.is_null() || EMPTIED.contains(&field);
            copy.extend(value.filter(is_told).map(|value| (field.to_owned(), value)));
        }
        let own = self.tags().iter().map(String::as_str).filter(|tag| !tag.starts_with(SEND_TAG));
        let all: Vec<&str> = own.chain(tags).collect();
        copy.insert("name".to_owned(), json!(name));
        copy.insert("lists".to_owned(), json!([list]));
        copy.insert("media".to_owned(), json!(ids(self.media.as_ref())));
        copy.insert("tags".to_owned(), json!(all));
        Value::Object(copy)
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        &self.name
    }
}
