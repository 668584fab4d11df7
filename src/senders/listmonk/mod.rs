//! The adapter to listmonk: what a server is asked and told, one fresh connection for each. Whatever it answers to "running", what it
//! then says of the campaign decides. It never deletes anything there and never says "finished".

use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::plan::listmonk::{Account, FROM_TAG, left_tag, send_tag};

use super::{Effect, SecretValue, Target, Trust};

mod campaign;
mod paused;
pub mod people;
mod prepare;

pub use campaign::Campaign;
pub use paused::{Paused, is_as_left};
pub use prepare::{Known, Ready, Wave, prepare, still};

/// Why something could not be asked or told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It could not be reached, or no complete answer came.
    #[error("listmonk could not be asked: {0}")]
    Silent(String),
    /// It refused, and says why.
    #[error("listmonk answered {status}: {message}")]
    Refused {
        /// Its status.
        status: u16,
        /// Its words.
        message: String,
    },
    /// It answered with something else than it should.
    #[error("listmonk answered with something that cannot be understood: {0}")]
    Odd(String),
    /// What it holds is not what a wave can be made of; with the way out.
    #[error("{0}")]
    Unfit(String),
}

/// Carries one request there and its answer back: its status and its body, or why there is none.
pub trait Door: Send + Sync {
    /// Once, on the trust of its Sender if that has one of its own.
    fn carry<'a>(
        &'a self,
        call: &'a Effect,
        trust: Option<&'a Trust>,
    ) -> BoxFuture<'a, Result<(StatusCode, Vec<u8>), String>>;
}

/// A listmonk server, and who asks it.
#[derive(Clone)]
pub struct Server<'a> {
    door: &'a dyn Door,
    url: String,
    authorization: SecretValue,
    trust: Option<Trust>,
}

/// Its answers are in `data`, and its reasons in `message`.
#[derive(serde::Deserialize)]
struct Data<T> {
    data: T,
}

/// A page of something.
#[derive(serde::Deserialize)]
struct Page<T> {
    #[serde(default = "Vec::new")]
    results: Vec<T>,
    #[serde(default)]
    total: u64,
}

/// A campaign that is running.
#[derive(serde::Deserialize)]
struct Pace {
    id: u64,
    #[serde(default)]
    rate: u64,
}

/// One of its lists.
#[derive(Clone, Debug, serde::Deserialize)]
struct Listed {
    id: u64,
    #[serde(default)]
    optin: String,
    #[serde(default)]
    tags: Vec<String>,
}

impl Listed {
    /// The lists that this one, of a wave, was filled from.
    fn from(&self) -> impl Iterator<Item = u64> {
        self.tags.iter().filter_map(|tag| tag.strip_prefix(FROM_TAG)?.parse().ok())
    }
}

fn message(body: &[u8]) -> String {
    let told =
        serde_json::from_slice::<Value>(body).ok().and_then(|body| Some(body.get("message")?.as_str()?.to_owned()));
    let told = told.unwrap_or_else(|| "it gave no reason".to_owned());
    told.chars().filter(|character| !character.is_control()).take(200).collect()
}

/// Over a URL's query.
fn encoded(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

impl<'a> Server<'a> {
    /// At this URL, as this user of its API.
    pub fn new(
        door: &'a dyn Door,
        url: &str,
        (username, token): (&str, &str),
        trust: Option<Trust>,
    ) -> Result<Server<'a>, String> {
        let authorization = format!("token {}:{}", username.trim(), token.trim());
        let authorization = SecretValue::new(authorization.as_bytes()).map_err(|error| error.to_string())?;
        Ok(Server { door, url: url.trim_end_matches('/').to_owned(), authorization, trust })
    }

    fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Effect, Trouble> {
        let target =
            Target::parse(&format!("{}{path}", self.url)).map_err(|error| Trouble::Silent(error.to_string()))?;
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string().into_bytes()));
        Ok(Effect::call(method, target, vec![(AUTHORIZATION, self.authorization.clone())], body))
    }

    async fn say<T: DeserializeOwned>(&self, method: Method, path: &str, body: Option<&Value>) -> Result<T, Trouble> {
        let call = self.call(method, path, body)?;
        let (status, body) = self.door.carry(&call, self.trust.as_ref()).await.map_err(Trouble::Silent)?;
        if status != StatusCode::OK {
            return Err(Trouble::Refused { status: status.as_u16(), message: message(&body) });
        }
        let answer: Data<T> = serde_json::from_slice(&body).map_err(|error| Trouble::Odd(error.to_string()))?;
        Ok(answer.data)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Trouble> {
        self.say(Method::GET, path, None).await
    }

    /// A campaign, with what it says or without.
    async fn campaign(&self, id: u64, with_body: bool) -> Result<Campaign, Trouble> {
        let found = self.get(&format!("/api/campaigns/{id}?no_body={}", !with_body)).await;
        found.map_err(|trouble| match trouble {
            // Its words are in the language of the server.
            Trouble::Refused { status: 400, .. } => Trouble::Unfit(format!(
                "listmonk has no campaign {id}; name the one that was prepared there in spec.parameters.campaignId"
            )),
            other => other,
        })
    }

    /// Campaigns that bear a tag; the oldest first.
    async fn tagged(&self, tag: &str) -> Result<Vec<Campaign>, Trouble> {
        let query = encoded(&[("tag", tag), ("no_body", "true"), ("per_page", "all")]);
        let found: Page<Campaign> = self.get(&format!("/api/campaigns?{query}")).await?;
        // A filter that it did not know it would pass over.
        let mut found: Vec<Campaign> = found.results.into_iter().filter(|campaign| campaign.bears(tag)).collect();
        found.sort_by_key(|campaign| campaign.id);
        Ok(found)
    }

    /// What became of a wave that went by this campaign; None: it is not there.
    pub async fn account_of(&self, id: u64) -> Result<Option<Account>, Trouble> {
        match self.campaign(id, false).await {
            Ok(campaign) => Ok(Some(campaign.account())),
            Err(Trouble::Unfit(_)) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// How many messages of a campaign were taken within the last minute, and since it was last started; None: it is not running.
    pub async fn taken_lately(&self, id: u64) -> Result<Option<u64>, Trouble> {
        let running: Vec<Pace> = self.get("/api/campaigns/running/stats").await?;
        Ok(running.iter().find(|campaign| campaign.id == id).map(|campaign| campaign.rate))
    }

    /// What starts a campaign, also one that was paused.
    pub fn start(&self, id: u64) -> Result<Effect, Trouble> {
        self.call(Method::PUT, &format!("/api/campaigns/{id}/status"), Some(&json!({"status": "running"})))
    }

    /// Pauses a campaign that is running, or ends it for good.
    pub async fn halt(&self, id: u64, status: &str) -> Result<(), Trouble> {
        let path = format!("/api/campaigns/{id}/status");
        self.say::<Value>(Method::PUT, &path, Some(&json!({"status": status}))).await.map(drop)
    }

    /// Takes whoever has left by a wave's mail off the lists that the send was made of, once: whoever comes back stays.
    pub async fn bring_back_leavers(&self, send_label: &str) -> Result<(), Trouble> {
        let waves = self.lists_tagged(&send_tag(send_label)).await?;
        let mut from: Vec<u64> = waves.iter().flat_map(Listed::from).collect();
        from.sort_unstable();
        from.dedup();
        if from.is_empty() {
            return Ok(());
        }
        let tag = left_tag(send_label);
        let known = match self.lists_tagged(&tag).await?.first() {
            Some(known) => known.id,
            None => self.make_list("Left by mails of a send", &[&tag]).await?,
        };
        let waves: Vec<u64> = waves.iter().map(|wave| wave.id).collect();
        let left = people::left(&waves, known);
        self.change_lists(&json!({"query": left, "target_list_ids": from, "action": "unsubscribe"})).await?;
        let left = people::left_for_good(&waves, known, &from);
        let known = json!({"query": left, "target_list_ids": [known], "action": "add", "status": "unsubscribed"});
        self.change_lists(&known).await
    }

    /// A list to which nobody can subscribe, with these tags; its number.
    async fn make_list(&self, name: &str, tags: &[&str]) -> Result<u64, Trouble> {
        let told = json!({"name": name, "type": "private", "optin": "single", "tags": tags});
        let made: Listed = self.say(Method::POST, "/api/lists", Some(&told)).await?;
        Ok(made.id)
    }

    async fn change_lists(&self, told: &Value) -> Result<(), Trouble> {
        self.say::<Value>(Method::PUT, "/api/subscribers/query/lists", Some(told)).await.map(drop)
    }

    /// The lists that bear a tag; the oldest first.
    async fn lists_tagged(&self, tag: &str) -> Result<Vec<Listed>, Trouble> {
        let query = encoded(&[("tag", tag), ("per_page", "all")]);
        let found: Page<Listed> = self.get(&format!("/api/lists?{query}")).await?;
        // A filter that it did not know it would pass over.
        let mut found: Vec<Listed> =
            found.results.into_iter().filter(|list| list.tags.iter().any(|own| own == tag)).collect();
        found.sort_by_key(|list| list.id);
        Ok(found)
    }

    /// How many people a query finds.
    async fn count(&self, pairs: &[(&str, &str)]) -> Result<u64, Trouble> {
        let query = encoded(&[pairs, &[("per_page", "1")]].concat());
        let found: Page<Value> = self.get(&format!("/api/subscribers?{query}")).await?;
        Ok(found.total)
    }
}
