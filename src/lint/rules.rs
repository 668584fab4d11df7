//! The rules in a definition, tried as the API server tries them on a new object: what compares with the past has none.

use kube::core::cel::{CompiledSchema, ErrorKind, Validator};
use serde_json::Value;

use super::finding::{Remark, Rule, Severity};
use super::node::Node;
use super::path;

/// Tries every rule.
pub fn look(root: &Node, object: &Value, rules: &CompiledSchema) -> Vec<Remark> {
    let Err(broken) = Validator::new().validate_compiled(rules, object, None) else { return Vec::new() };
    let remarks = broken.into_iter().map(|broken| {
        let place = path::find(root, &broken.field_path);
        if broken.kind == ErrorKind::ValidationFailure {
            return Remark::error(Rule::SchemaRule, place.at, &place.field, broken.message);
        }
        // The fault is with this reader: the API server judges.
        let message = format!("a rule of the definition could not be tried here: {}", broken.message);
        Remark::error(Rule::SchemaRule, place.at, &place.field, message).as_bad_as(Severity::Note)
    });
    remarks.collect()
}
