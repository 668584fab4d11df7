//! What a client asks for: a request's method, path and query, read once into words. Nothing is looked up here but the
//! kind, and nothing is done.

use std::collections::BTreeMap;
use std::fmt;

use http::Method;
use http::request::Parts;
use serde_json::Value;

use super::kinds::Kind;
use super::refusal::Refusal;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Read one.
    Get,
    /// Read many.
    List,
    /// Read many and go on reading.
    Watch,
    /// Make one.
    Create,
    /// Replace one.
    Update,
    /// Change one.
    Patch,
    /// Remove one.
    Delete,
    /// Remove many.
    DeleteCollection,
}

impl Verb {
    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Verb::Get => "get",
            Verb::List => "list",
            Verb::Watch => "watch",
            Verb::Create => "create",
            Verb::Update => "update",
            Verb::Patch => "patch",
            Verb::Delete => "delete",
            Verb::DeleteCollection => "deletecollection",
        }
    }

    /// Whether it is to change something.
    pub fn writes(self) -> bool {
        !matches!(self, Verb::Get | Verb::List | Verb::Watch)
    }
}

/// What a path names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// API group; empty for the core.
    pub group: String,
    /// Version.
    pub version: String,
    /// The kind, in the plural.
    pub plural: String,
    /// Namespace; empty for all, and for what lies in none.
    pub namespace: String,
    /// Name; empty for a collection.
    pub name: String,
    /// `status`, `scale`; empty for the object itself.
    pub subresource: String,
}

impl Place {
    /// Reads `/apis/{group}/{version}/namespaces/{namespace}/{plural}/{name}/{subresource}` and its shorter forms.
    pub fn of_path(path: &str) -> Option<Place> {
        let mut parts = path.split('/').filter(|part| !part.is_empty()).map(str::to_owned);
        let group = match parts.next()?.as_str() {
            "api" => String::new(),
            "apis" => parts.next()?,
            _ => return None,
        };
        let version = parts.next()?;
        let rest: Vec<String> = parts.collect();
        let at = |index: usize| rest.get(index).cloned().unwrap_or_default();
        let is_in_namespace =
            at(0) == "namespaces" && rest.len() > 2 && !matches!(at(2).as_str(), "status" | "finalize");
        let (namespace, first) = if is_in_namespace { (at(1), 2) } else { (String::new(), 0) };
        if rest.len() <= first || rest.len() > first + 3 {
            return None;
        }
        Some(Place { group, version, plural: at(first), namespace, name: at(first + 1), subresource: at(first + 2) })
    }

    /// The name that its kind has among all kinds.
    pub fn resource(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// The place of an object or collection of a kind.
    pub fn of(kind: &Kind, namespace: &str, name: &str) -> Place {
        Place {
            group: kind.group.clone(),
            version: kind.version.clone(),
            plural: kind.plural.clone(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            subresource: String::new(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.resource(), self.namespace, self.name)?;
        if self.subresource.is_empty() { Ok(()) } else { write!(f, "/{}", self.subresource) }
    }
}

/// A request, read.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What is to be done.
    pub verb: Verb,
    /// To what.
    pub place: Place,
    /// Who says so: the client's own name.
    pub agent: String,
    /// What follows the `?`.
    pub query: BTreeMap<String, String>,
    /// Only metadata is wanted back.
    pub metadata_only: bool,
    /// How a patch is written.
    pub content_type: String,
    /// The object, the patch, or the options of a deletion.
    pub body: Value,
}

impl Ask {
    /// Reads a request.
    pub fn read(agent: &str, parts: &Parts, body: &[u8]) -> Result<Ask, Refusal> {
        let place = Place::of_path(parts.uri.path()).ok_or_else(Refusal::no_such_resource)?;
        let query: BTreeMap<String, String> = parts
            .uri
            .query()
            .map(|query| form_urlencoded::parse(query.as_bytes()).into_owned().collect())
            .unwrap_or_default();
        let is_watch = matches!(query.get("watch").map(String::as_str), Some("true" | "1"));
        let verb = match (&parts.method, place.name.is_empty()) {
            (&Method::GET, true) if is_watch => Verb::Watch,
            (&Method::GET, true) => Verb::List,
            (&Method::GET, false) => Verb::Get,
            (&Method::POST, true) => Verb::Create,
            (&Method::PUT, _) => Verb::Update,
            (&Method::PATCH, _) => Verb::Patch,
            (&Method::DELETE, false) => Verb::Delete,
            (&Method::DELETE, true) => Verb::DeleteCollection,
            _ => return Err(Refusal::method_not_allowed()),
        };
        let header = |name: http::HeaderName| {
            parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        let user_agent = header(http::header::USER_AGENT);
        let body = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(body).map_err(|error| {
                Refusal::bad_request(format!("couldn't get version/kind; json parse error: {error}"))
            })?
        };
        Ok(Ask {
            verb,
            place,
            agent: if user_agent.is_empty() { agent.to_owned() } else { user_agent },
            query,
            metadata_only: header(http::header::ACCEPT).contains("as=PartialObjectMetadata"),
            content_type: header(http::header::CONTENT_TYPE),
            body,
        })
    }

    /// The same from inside the process, without a request.
    pub fn direct(agent: &str, verb: Verb, place: Place, body: Value) -> Ask {
        Ask {
            verb,
            place,
            agent: agent.to_owned(),
            query: BTreeMap::new(),
            metadata_only: false,
            content_type: "application/merge-patch+json".to_owned(),
            body,
        }
    }

    /// A value of the query; empty if it is not there.
    pub fn option(&self, name: &str) -> &str {
        self.query.get(name).map(String::as_str).unwrap_or_default()
    }

    /// Whether it is only to be tried.
    pub fn is_dry(&self) -> bool {
        self.option("dryRun") == "All" || self.body["dryRun"][0] == "All"
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_in_every_form() {
        let read = |path: &str| {
            let place = Place::of_path(path).unwrap();
            (place.resource(), place.namespace, place.name, place.subresource)
        };
        let place = |a: &str, b: &str, c: &str, d: &str| (a.to_owned(), b.to_owned(), c.to_owned(), d.to_owned());
        assert_eq!(read("/apis/headroom.dev/v1alpha1/campaigns"), place("campaigns.headroom.dev", "", "", ""));
        assert_eq!(read("/api/v1/namespaces"), place("namespaces", "", "", ""));
        assert_eq!(read("/api/v1/namespaces/a"), place("namespaces", "", "a", ""));
        assert_eq!(read("/api/v1/namespaces/a/status"), place("namespaces", "", "a", "status"));
        assert_eq!(read("/api/v1/namespaces/a/secrets"), place("secrets", "a", "", ""));
        assert_eq!(
            read("/apis/apps/v1/namespaces/a/deployments/web/scale"),
            place("deployments.apps", "a", "web", "scale")
        );
        assert_eq!(Place::of_path("/metrics"), None);
        assert_eq!(Place::of_path("/apis/apps/v1"), None);
    }
}
