//! What the API server says when it refuses: code, reason and message as the real one words them. Clients tell refusals
//! apart by these, so a wrong reason here would let wrong code pass.

use serde_json::{Value, json};

use super::kinds::Kind;

/// A `Status` that says no.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The HTTP code.
    pub code: u16,
    /// The word a client decides by.
    pub reason: String,
    /// The sentence.
    pub message: String,
    /// `details` of the `Status`.
    pub details: Value,
}

/// One fault of one field.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Where it is.
    pub field: String,
    /// Its word in `details.causes`.
    pub reason: &'static str,
    /// What is wrong, without the field.
    pub message: String,
}

impl Problem {
    /// A value that is wrong.
    pub fn invalid(field: &str, value: &Value, detail: impl AsRef<str>) -> Problem {
        let shown = match value {
            Value::Object(_) | Value::Array(_) => value.to_string(),
            Value::Null => "null".to_owned(),
            other => other.to_string(),
        };
        let message = format!("Invalid value: {shown}: {}", detail.as_ref());
        Problem { field: field.to_owned(), reason: "FieldValueInvalid", message }
    }

    /// A value that is not there.
    pub fn required(field: &str, detail: &str) -> Problem {
        let colon = if detail.is_empty() { "" } else { ": " };
        let message = format!("Required value{colon}{detail}");
        Problem { field: field.to_owned(), reason: "FieldValueRequired", message }
    }

    /// A change that may not be made.
    pub fn forbidden(field: &str, detail: &str) -> Problem {
        Problem { field: field.to_owned(), reason: "FieldValueForbidden", message: format!("Forbidden: {detail}") }
    }

    fn sentence(&self) -> String {
        format!("{}: {}", self.field, self.message)
    }
}

impl Refusal {
    /// Any refusal without details.
    pub fn new(code: u16, reason: &str, message: impl Into<String>) -> Refusal {
        Refusal { code, reason: reason.to_owned(), message: message.into(), details: Value::Null }
    }

    fn about(self, kind: &Kind, name: &str) -> Refusal {
        let mut details = json!({"name": name, "kind": kind.plural});
        if !kind.group.is_empty() {
            details["group"] = json!(kind.group);
        }
        Refusal { details, ..self }
    }

    /// There is no such object.
    pub fn not_found(kind: &Kind, name: &str) -> Refusal {
        Refusal::new(404, "NotFound", format!("{} \"{name}\" not found", kind.resource())).about(kind, name)
    }

    /// There is one already.
    pub fn already_exists(kind: &Kind, name: &str) -> Refusal {
        let message = format!("{} \"{name}\" already exists", kind.resource());
        Refusal::new(409, "AlreadyExists", message).about(kind, name)
    }

    /// It is not the one that was meant.
    pub fn conflict(kind: &Kind, name: &str, why: &str) -> Refusal {
        Refusal::conflict_as(&kind.resource(), kind, name, why)
    }

    /// The same, told of under another name than its kind's.
    pub fn conflict_as(called: &str, kind: &Kind, name: &str, why: &str) -> Refusal {
        let message = format!("Operation cannot be fulfilled on {called} \"{name}\": {why}");
        Refusal::new(409, "Conflict", message).about(kind, name)
    }

    /// It was changed since it was read.
    pub fn stale(kind: &Kind, name: &str) -> Refusal {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Refusal::conflict(kind, name, why)
    }

    /// It has another uid than the one that a write is meant for.
    pub fn other_uid(kind: &Kind, key: &str, name: &str, wanted: &str, there: &str) -> Refusal {
        let folder = if kind.is_custom() { format!("{}/{}", kind.group, kind.plural) } else { kind.plural.clone() };
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{folder}/{key}, ResourceVersion: 0, \
             AdditionalErrorMsg: Precondition failed: UID in precondition: {wanted}, UID in object meta: {there}"
        );
        Refusal::conflict(kind, name, &why)
    }

    /// The object is wrong.
    pub fn invalid(kind: &Kind, name: &str, problems: &[Problem]) -> Refusal {
        Refusal::invalid_as(&kind.group_kind(), kind, name, problems)
    }

    /// The object is wrong, told of under another name than its kind's.
    pub fn invalid_as(called: &str, kind: &Kind, name: &str, problems: &[Problem]) -> Refusal {
        let mut sentences: Vec<String> = Vec::new();
        for problem in problems {
            let sentence = problem.sentence();
            if !sentences.contains(&sentence) {
                sentences.push(sentence);
            }
        }
        let all = if sentences.len() == 1 { sentences.remove(0) } else { format!("[{}]", sentences.join(", ")) };
        let mut refusal = Refusal::new(422, "Invalid", format!("{called} \"{name}\" is invalid: {all}"));
        refusal = refusal.about(kind, name);
        refusal.details["kind"] = json!(kind.name);
        refusal.details["causes"] = problems
            .iter()
            .map(|problem| json!({"reason": problem.reason, "message": problem.message, "field": problem.field}))
            .collect();
        refusal
    }

    /// The request makes no sense.
    pub fn bad_request(message: impl Into<String>) -> Refusal {
        Refusal::new(400, "BadRequest", message)
    }

    /// Nothing may be made in a namespace that is leaving.
    pub fn terminating(kind: &Kind, name: &str, namespace: &str) -> Refusal {
        let message = format!(
            "{} \"{name}\" is forbidden: unable to create new content in namespace {namespace} because it is being terminated",
            kind.resource()
        );
        let mut refusal = Refusal::new(403, "Forbidden", message).about(kind, name);
        refusal.details["causes"] = json!([{
            "reason": "NamespaceTerminating",
            "message": format!("namespace {namespace} is being terminated"),
            "field": "metadata.namespace",
        }]);
        refusal
    }

    /// What is asked for is no longer remembered.
    pub fn expired(message: impl Into<String>) -> Refusal {
        Refusal::new(410, "Expired", message)
    }

    /// The method is not served there.
    pub fn method_not_allowed() -> Refusal {
        Refusal::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
    }

    /// The kind is not served.
    pub fn no_such_resource() -> Refusal {
        Refusal {
            details: json!({}),
            ..Refusal::new(404, "NotFound", "the server could not find the requested resource")
        }
    }

    /// The simulation does not do this, and says so instead of doing something else.
    pub fn not_simulated(what: &str) -> Refusal {
        Refusal::new(501, "NotImplemented", format!("the simulated API server does not do this: {what}"))
    }

    /// As it goes over the wire.
    pub fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        });
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        status
    }
}
