//! Reads and compare-and-swap writes of our own objects. Every write carries the resource version that was decided on,
//! and its reply is held against what was sent: an API server with older CRDs answers 200 and drops what it does not know.

use k8s_openapi::NamespaceResourceScope;
use kube::api::{Api, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::error::{Error, bounded};

/// What our own objects have in common.
pub trait Object:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + std::fmt::Debug + DeserializeOwned + Serialize
{
}
impl<K> Object for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned
        + Serialize
{
}

fn name_of<K: Object>(object: &K) -> String {
    format!("{} {}/{}", K::kind(&()), object.namespace().unwrap_or_default(), object.name_any())
}

/// Reads an object as the API server's majority has it now.
pub async fn get<K: Object>(client: &Client, namespace: &str, name: &str) -> Result<Option<K>, Error> {
    let api = Api::<K>::namespaced(client.clone(), namespace);
    bounded(format!("read {} {namespace}/{name}", K::kind(&())), api.get_opt(name)).await
}

/// Changes the named parts of an object's metadata, if it is still the one that was read, and nothing else: what a newer
/// release has written into its spec, and this one cannot read, stays.
pub async fn change_metadata<K: Object>(client: &Client, object: &K, metadata: Value) -> Result<K, Error> {
    let api = Api::<K>::namespaced(client.clone(), &object.namespace().unwrap_or_default());
    let what = format!("update {}", name_of(object));
    let patch = if_unchanged(object.meta(), json!({ "metadata": metadata }));
    bounded(what, api.patch(&object.name_any(), &PatchParams::default(), &Patch::Merge(patch))).await
}

/// A patch that the API server refuses as a conflict, if the object is not the one that was read any more.
pub fn if_unchanged(read: &ObjectMeta, mut patch: Value) -> Value {
    patch["metadata"]["resourceVersion"] = json!(read.resource_version.as_deref().unwrap_or_default());
    patch["metadata"]["uid"] = json!(read.uid.as_deref().unwrap_or_default());
    patch
}

/// Replaces the status of an object, if it is still the one that was read.
pub async fn replace_status<K: Object>(client: &Client, object: &K) -> Result<K, Error> {
    let api = Api::<K>::namespaced(client.clone(), &object.namespace().unwrap_or_default());
    let what = format!("update the status of {}", name_of(object));
    let reply = bounded(what.clone(), api.replace_status(&object.name_any(), &PostParams::default(), object)).await?;
    same(&what, "status", object, &reply)?;
    Ok(reply)
}

/// Whether the reply holds what was sent, compared as JSON.
pub fn same<K: Object>(what: &str, part: &str, sent: &K, reply: &K) -> Result<(), Error> {
    let of = |object: &K| serde_json::to_value(object).ok().and_then(|value| value.get(part).cloned());
    match (of(sent), of(reply)) {
        (Some(sent), Some(reply)) => match missing(&sent, &reply, part) {
            None => Ok(()),
            Some(field) => Err(Error::CrdOutdated { what: what.to_owned(), field }),
        },
        (None, _) => Ok(()),
        (Some(_), None) => Err(Error::CrdOutdated { what: what.to_owned(), field: part.to_owned() }),
    }
}

/// The path of the first value that was sent and is not in the reply.
fn missing(sent: &Value, reply: &Value, path: &str) -> Option<String> {
    match (sent, reply) {
        (Value::Object(sent), Value::Object(reply)) => sent.iter().find_map(|(name, value)| {
            let path = format!("{path}.{name}");
            match reply.get(name) {
                Some(there) => missing(value, there, &path),
                None => Some(path),
            }
        }),
        (Value::Array(sent), Value::Array(reply)) if sent.len() == reply.len() => sent
            .iter()
            .zip(reply)
            .enumerate()
            .find_map(|(index, (sent, reply))| missing(sent, reply, &format!("{path}[{index}]"))),
        (Value::Number(sent), Value::Number(reply)) if sent.as_f64() == reply.as_f64() => None,
        (sent, reply) if sent == reply => None,
        _ => Some(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::missing;
    use serde_json::json;

    proptest::proptest! {
        /// One bit lost on the way there and back made a reply differ from what was sent, and left a wave unknown.
        #[test]
        fn every_number_comes_back_as_it_was_sent(number in proptest::num::f64::NORMAL) {
            let there = serde_json::to_string(&number).map(|text| serde_json::from_str::<f64>(&text).map(f64::to_bits));
            proptest::prop_assert_eq!(there.ok().and_then(Result::ok), Some(number.to_bits()));
        }
    }

    #[test]
    fn a_dropped_field_is_found_by_its_path() {
        let sent = json!({"phase": "Queued", "waves": [{"name": "rest", "state": "Pending"}], "share": 1.0});
        assert_eq!(
            missing(
                &sent,
                &json!({"phase": "Queued", "waves": [{"name": "rest", "state": "Pending"}], "share": 1}),
                "status"
            ),
            None
        );
        assert_eq!(
            missing(&sent, &json!({"phase": "Queued", "waves": [{"name": "rest"}], "share": 1}), "status"),
            Some("status.waves[0].state".to_owned())
        );
    }
}
