//! GET and LIST, with pages that hold together: a list that was begun goes on as it was at its beginning.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::answer::{Answer, Many};
use super::ask::Ask;
use super::kinds::Kind;
use super::meta;
use super::refusal::Refusal;
use super::selector::Selector;
use super::store::{Collection, Store, key};

const TOO_OLD: &str = "The provided continue parameter is too old to display a consistent list result. You can start a new \
     list without the continue parameter.";

impl Store {
    pub(super) fn get(&self, kind: &Kind, ask: &Ask) -> Result<Answer, Refusal> {
        self.not_ahead(ask)?;
        let place = &ask.place;
        let found = self.collection(place)?.get(&key(&place.namespace, &place.name)).cloned();
        let found = found.ok_or_else(|| Refusal::not_found(kind, &place.name))?;
        if place.subresource == "scale" {
            return Ok(Answer::Object(Arc::new(scale(&found))));
        }
        Ok(Answer::Object(found))
    }

    pub(super) fn list(&self, kind: &Arc<Kind>, ask: &Ask) -> Result<Answer, Refusal> {
        self.not_ahead(ask)?;
        if ask.option("resourceVersionMatch") == "Exact" {
            return Err(Refusal::not_simulated("a list of exactly one version"));
        }
        let collection = self.collection(&ask.place)?;
        let selector = Selector::read(ask.option("labelSelector"), ask.option("fieldSelector"))?;
        let limit = ask.option("limit").parse().ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX);
        let token = ask.option("continue");
        let (revision, past, after) = if token.is_empty() {
            (self.revision(), None, String::new())
        } else {
            let (revision, after) = read_token(token)?;
            let past = collection.at(revision).ok_or_else(|| Refusal::expired(TOO_OLD))?;
            (revision, Some(past), after)
        };
        let namespace = &ask.place.namespace;
        let mut all = objects(collection, past.as_ref(), namespace, &after);
        let items: Vec<Arc<Value>> = all.by_ref().filter(|it| selector.matches(it)).take(limit).cloned().collect();
        // What is left is not held against the selector: a page may turn out to be empty.
        let rest = all.count();
        let next = items.last().filter(|_| rest > 0).map(|last| write_token(revision, last));
        let remaining = (rest > 0 && selector.is_everything()).then_some(rest);
        Ok(Answer::Many(Many { kind: Arc::clone(kind), revision, next, remaining, items }))
    }

    /// A revision that has not been yet cannot be read from.
    fn not_ahead(&self, ask: &Ask) -> Result<(), Refusal> {
        let text = ask.option("resourceVersion");
        if text.is_empty() {
            return Ok(());
        }
        let wanted: u64 = text.parse().map_err(|_| {
            Refusal::bad_request(format!(
                "resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax"
            ))
        })?;
        if wanted <= self.revision() {
            return Ok(());
        }
        let message = format!("Timeout: Too large resource version: {wanted}, current: {}", self.revision());
        let cause = json!({"reason": "ResourceVersionTooLarge", "message": "Too large resource version"});
        let details = json!({"causes": [cause], "retryAfterSeconds": 1});
        Err(Refusal { details, ..Refusal::new(504, "Timeout", message) })
    }
}

fn objects<'all>(
    collection: &'all Collection,
    past: Option<&'all BTreeMap<String, Arc<Value>>>,
    namespace: &str,
    after: &str,
) -> Box<dyn Iterator<Item = &'all Arc<Value>> + 'all> {
    let (prefix, after) =
        (if namespace.is_empty() { String::new() } else { format!("{namespace}/") }, after.to_owned());
    match past {
        None => Box::new(collection.within(namespace)),
        Some(past) => Box::new(
            past.iter().filter(move |(key, _)| key.starts_with(&prefix) && **key > after).map(|(_, object)| object),
        ),
    }
}

/// Opaque to clients: where a list stands, and as of when.
fn write_token(revision: u64, last: &Value) -> String {
    format!("{revision}:{}", key(meta::text(last, "namespace"), meta::text(last, "name")))
}

fn read_token(token: &str) -> Result<(u64, String), Refusal> {
    let parts = token.split_once(':').and_then(|(revision, after)| Some((revision.parse().ok()?, after.to_owned())));
    parts.ok_or_else(|| Refusal::bad_request("continue key is not valid: illegal base64 data at input byte 0"))
}

/// A Deployment as the scale subresource shows it.
pub(super) fn scale(deployment: &Value) -> Value {
    let labels = deployment.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    let selector: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
        .collect();
    let mut meta = json!({});
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        meta[field] = json!(meta::text(deployment, field));
    }
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": meta,
        "spec": {"replicas": deployment["spec"]["replicas"]},
        "status": {"replicas": deployment["status"]["replicas"].as_i64().unwrap_or(0), "selector": selector.join(",")},
    })
}
