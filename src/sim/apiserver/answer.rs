//! What the server answers with, and how that looks on the wire: an object, a list, a `Status`, a line of a watch.

use std::sync::Arc;

use serde_json::{Value, json};

use super::kinds::Kind;

/// An answer that is no refusal.
#[derive(Clone, Debug)]
pub enum Answer {
    /// An object.
    Object(Arc<Value>),
    /// A word of success.
    Status(Value),
    /// A list.
    Many(Many),
}

/// A list.
#[derive(Clone, Debug)]
pub struct Many {
    /// Of what.
    pub kind: Arc<Kind>,
    /// At which revision.
    pub revision: u64,
    /// How to ask for the rest.
    pub next: Option<String>,
    /// How much the rest is.
    pub remaining: Option<usize>,
    /// What is in it.
    pub items: Vec<Arc<Value>>,
}

/// Metadata alone.
fn partial(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

fn write(value: &Value, out: &mut Vec<u8>) {
    // Writing a JSON value into memory has no way to fail.
    let _ = serde_json::to_writer(out, value);
}

impl Answer {
    /// The bytes of the body.
    pub fn body(&self, metadata_only: bool) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Answer::Object(object) if metadata_only => write(&partial(object), &mut out),
            Answer::Object(object) => write(object, &mut out),
            Answer::Status(status) => write(status, &mut out),
            Answer::Many(many) => many.write(metadata_only, &mut out),
        }
        out
    }

    /// The object, if it is one.
    pub fn object(&self) -> Option<&Arc<Value>> {
        match self {
            Answer::Object(object) => Some(object),
            Answer::Status(_) | Answer::Many(_) => None,
        }
    }
}

impl Many {
    fn write(&self, metadata_only: bool, out: &mut Vec<u8>) {
        let mut meta = json!({"resourceVersion": self.revision.to_string()});
        if let Some(next) = &self.next {
            meta["continue"] = json!(next);
        }
        if let Some(remaining) = self.remaining {
            meta["remainingItemCount"] = json!(remaining);
        }
        let (kind, api_version) = if metadata_only {
            ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned())
        } else {
            (format!("{}List", self.kind.name), self.kind.api_version())
        };
        let head = format!(r#"{{"kind":"{kind}","apiVersion":"{api_version}","metadata":{meta},"items":["#);
        out.extend_from_slice(head.as_bytes());
        for (index, item) in self.items.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            if metadata_only {
                write(&partial(item), out);
            } else if self.kind.is_custom() {
                write(item, out);
            } else {
                write(&nameless(item), out);
            }
        }
        out.extend_from_slice(b"]}");
    }
}

/// In lists of its own kinds the real server leaves out what each item is.
fn nameless(item: &Value) -> Value {
    let fields = item.as_object().into_iter().flatten();
    let kept = fields.filter(|(name, _)| !matches!(name.as_str(), "kind" | "apiVersion"));
    Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// A line of a watch.
pub fn line(word: &str, object: &Value, metadata_only: bool) -> Vec<u8> {
    let mut out = format!(r#"{{"type":"{word}","object":"#).into_bytes();
    if metadata_only {
        write(&partial(object), &mut out);
    } else {
        write(object, &mut out);
    }
    out.extend_from_slice(b"}\n");
    out
}

/// A line that only says how far a watch has come.
pub fn bookmark(kind: &Kind, revision: u64, metadata_only: bool) -> Vec<u8> {
    let meta = json!({"resourceVersion": revision.to_string(), "creationTimestamp": null});
    let object = json!({"kind": kind.name, "apiVersion": kind.api_version(), "metadata": meta});
    line("BOOKMARK", &object, metadata_only)
}
