//! The stand-in's campaigns: what can be made, what can be edited in which state, and which state may follow which. Texts of
//! refusals are the real server's, to the letter. It sends nothing; that is `run`'s.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::people::People;

/// Why a request is refused: its status and what it says.
pub type Refusal = (u16, String);

/// What a request may set, and keeps when it does not name it. Three others have rules of their own. `attribs`: an edit that does not
/// name it empties it. `headers`: an edit that names it is merged into what is there, place by place. `tags`: replaced.
const KEPT: [&str; 14] = [
    "name",
    "subject",
    "from_email",
    "body",
    "body_source",
    "altbody",
    "send_at",
    "content_type",
    "template_id",
    "messenger",
    "archive",
    "archive_slug",
    "archive_template_id",
    "archive_meta",
];

pub struct Campaign {
    /// As it is answered.
    pub shown: Value,
    /// Everybody up to this id has been fetched for sending, or was passed over.
    pub fetched_to: u64,
    /// Nobody above this id is fetched.
    pub most: u64,
}

fn refuse<T>(text: &str) -> Result<T, Refusal> {
    Err((400, text.to_owned()))
}

/// A field of ids, as a request has to write it. Left out it is nothing.
fn ids(body: &Value, field: &str) -> Result<Option<Vec<u64>>, Refusal> {
    let Some(value) = body.get(field).filter(|value| !value.is_null()) else { return Ok(None) };
    let ids = value.as_array().and_then(|ids| ids.iter().map(Value::as_u64).collect());
    let got = if value[0].is_object() { "object" } else { "string" };
    let wrong = || (400, format!("Unmarshal type error: expected=int, got={got}, field={field}, offset=0"));
    ids.map(Some).ok_or_else(wrong)
}

/// Blanks become dashes, and what is empty goes.
pub fn tags(body: &Value) -> Vec<String> {
    let tags = body["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
    tags.map(|tag| tag.split_whitespace().collect::<Vec<_>>().join("-")).filter(|tag| !tag.is_empty()).collect()
}

pub fn now() -> Value {
    json!(Timestamp::from_microsecond(Timestamp::now().as_microsecond()).unwrap())
}

impl Campaign {
    pub fn make(id: u64, body: &Value, people: &People, media: &[String]) -> Result<Campaign, Refusal> {
        let shown = json!({
            "id": id, "uuid": uuid::Uuid::new_v4().to_string(), "created_at": now(), "updated_at": now(),
            "views": 0, "clicks": 0, "bounces": 0, "lists": [], "media": [], "started_at": null, "to_send": 0, "sent": 0,
            "type": "regular", "name": "", "subject": "", "from_email": "", "body": "", "body_source": null, "altbody": null,
            "send_at": null, "status": "draft", "content_type": "richtext", "tags": [], "headers": [], "attribs": {},
            "template_id": 1, "messenger": "email", "archive": false, "archive_slug": null, "archive_template_id": null,
            "archive_meta": {},
        });
        let mut campaign = Campaign { shown, fetched_to: 0, most: 0 };
        campaign.write(body, people, media)?;
        let shown = &mut campaign.shown;
        if shown["tags"].as_array().unwrap().iter().any(|tag| tag.as_str().unwrap().chars().count() > 100) {
            return Err((
                500,
                "Error creating Campaign: pq: value too long for type character varying(100)".to_owned(),
            ));
        }
        // Without a template it gets the default one.
        if shown["template_id"].is_null() && shown["content_type"] != "visual" {
            shown["template_id"] = json!(1);
        }
        if !shown["archive_template_id"].is_null() {
            shown["archive_template_id"] = body["template_id"].clone();
        }
        Ok(campaign)
    }

    /// What PUT does: what is not named stays as it is, apart from `lists`, which has to be named, and from `attribs`.
    pub fn edit(&mut self, body: &Value, people: &People, media: &[String]) -> Result<(), Refusal> {
        if !matches!(self.status(), "draft" | "paused" | "scheduled") {
            return refuse("Cannot update a running or a finished campaign.");
        }
        self.write(body, people, media)?;
        // A long tag is refused of a new campaign, and cut of this one.
        for tag in self.shown["tags"].as_array_mut().unwrap() {
            *tag = json!(tag.as_str().unwrap().chars().take(100).collect::<String>());
        }
        Ok(())
    }

    fn write(&mut self, body: &Value, people: &People, files: &[String]) -> Result<(), Refusal> {
        let mut shown = self.shown.clone();
        for field in KEPT {
            if let Some(value) = body.get(field) {
                shown[field] = value.clone();
            }
        }
        let (lists, media) = (ids(body, "lists")?.unwrap_or_default(), ids(body, "media")?);
        if shown["from_email"].as_str().is_none_or(str::is_empty) {
            shown["from_email"] = json!("listmonk <noreply@listmonk.yoursite.com>");
        }
        if shown["name"].as_str().is_none_or(str::is_empty) {
            return refuse("Invalid length for name.");
        }
        if shown["subject"].as_str().is_none_or(str::is_empty) {
            return refuse("Invalid length for subject.");
        }
        if let Some(at) = shown["send_at"].as_str() {
            let Ok(at) = at.parse::<Timestamp>() else { return refuse("code=400, message=Syntax error") };
            if at < Timestamp::now() {
                return refuse("Scheduled date should be in the future.");
            }
        } else if self.status() == "scheduled" {
            shown["status"] = json!("draft");
        }
        if lists.is_empty() {
            return refuse("Invalid list IDs.");
        }
        if shown["messenger"] != "email" {
            return refuse(&format!("Unknown messenger {}.", shown["messenger"].as_str().unwrap_or_default()));
        }
        if !matches!(shown["content_type"].as_str(), Some("richtext" | "html" | "plain" | "visual" | "markdown")) {
            shown["content_type"] = json!("richtext");
        }
        // A visual one has its template inside; any other has no source beside its body.
        let lost = if shown["content_type"] == "visual" { "template_id" } else { "body_source" };
        shown[lost] = Value::Null;
        if body.get("tags").is_some() {
            shown["tags"] = json!(tags(body));
        }
        if let Some(headers) = body["headers"].as_array() {
            let before = std::mem::replace(&mut shown["headers"], json!(headers));
            let merged = shown["headers"].as_array_mut().unwrap().iter_mut().zip(before.as_array().unwrap());
            for (new, old) in merged {
                for (name, value) in old.as_object().unwrap() {
                    new.as_object_mut().unwrap().entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
        }
        shown["attribs"] =
            body.get("attribs").filter(|attribs| attribs.is_object()).cloned().unwrap_or_else(|| json!({}));
        // Lists and files that do not exist are passed over in silence.
        let named = lists.iter().collect::<BTreeSet<_>>().into_iter();
        let row = |id: &u64| people.lists.get(id).map(|list| json!({"id": id, "name": list.name}));
        shown["lists"] = named.filter_map(row).collect();
        if let Some(media) = media {
            let row =
                |id: &u64| Some(json!({"id": id, "filename": files.get(usize::try_from(*id).ok()?.checked_sub(1)?)?}));
            shown["media"] = media.iter().filter_map(row).collect();
        }
        shown["updated_at"] = now();
        self.shown = shown;
        Ok(())
    }

    /// What PUT of a status does. The answer is as it was, with the status that was asked for, whatever has become of it.
    pub fn change(&mut self, wanted: &str) -> Result<Value, Refusal> {
        let (status, has_date) = (self.status(), self.send_at().is_some());
        match wanted {
            "draft" if status != "scheduled" => refuse("Only scheduled campaigns can be saved as drafts."),
            "scheduled" if !has_date => refuse("Campaign needs a date to be scheduled."),
            "scheduled" if !matches!(status, "draft" | "paused") => {
                refuse("Only draft or paused campaigns can be scheduled.")
            }
            "running" if !matches!(status, "draft" | "paused") => {
                refuse("Only paused campaigns and drafts can be started.")
            }
            "paused" if status != "running" => refuse("Only active campaigns can be paused."),
            "cancelled" if !matches!(status, "running" | "paused") => refuse("Only active campaigns can be cancelled."),
            "draft" | "scheduled" | "running" | "paused" | "cancelled" | "finished" => {
                let mut answer = self.shown.clone();
                answer["status"] = json!(wanted);
                self.store(if wanted == "running" && has_date { "scheduled" } else { wanted });
                Ok(answer)
            }
            other => {
                let text = "Error updating Campaign: pq: invalid input value for enum campaign_status";
                Err((500, format!("{text}: \"{other}\"")))
            }
        }
    }

    /// The status as it is stored, and that it changed.
    pub fn store(&mut self, status: &str) {
        self.shown["status"] = json!(status);
        self.shown["updated_at"] = now();
    }

    pub fn status(&self) -> &str {
        self.shown["status"].as_str().unwrap()
    }

    pub fn send_at(&self) -> Option<Timestamp> {
        self.shown["send_at"].as_str().map(|at| at.parse().unwrap())
    }

    pub fn lists(&self) -> BTreeSet<u64> {
        self.shown["lists"].as_array().unwrap().iter().filter_map(|list| list["id"].as_u64()).collect()
    }

    /// A list that is gone keeps its name here, and nothing else.
    pub fn lose_list(&mut self, id: u64) {
        let lists = self.shown["lists"].as_array_mut().unwrap().iter_mut();
        lists.filter(|list| list["id"] == id).for_each(|list| list["id"] = Value::Null);
    }

    pub fn has_tag(&self, tag: &str) -> bool {
        self.shown["tags"].as_array().unwrap().iter().any(|own| own == tag)
    }
}
