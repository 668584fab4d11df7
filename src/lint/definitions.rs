//! What every kind may hold: its own definition, as the API server has it, and the metadata of any object.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::CustomResourceExt;
use kube::core::cel::{CompiledSchema, compile_schema};
use regex::Regex;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::api::{Campaign, CapacityPool, Sender};

/// The kinds that people write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// What marketing writes.
    Campaign,
    /// What a service owner writes.
    Pool,
    /// What the platform team writes.
    Sender,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 3] = [Kind::Campaign, Kind::Pool, Kind::Sender];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Campaign => "Campaign",
            Kind::Pool => "CapacityPool",
            Kind::Sender => "Sender",
        }
    }
}

/// One definition.
pub struct Definition {
    /// Types, forms and ranges.
    pub schema: Value,
    /// The rules in it.
    pub rules: CompiledSchema,
}

/// All of them.
pub struct Definitions {
    campaign: Definition,
    pool: Definition,
    sender: Definition,
    /// The metadata of any object.
    pub metadata: Value,
    patterns: BTreeMap<String, Regex>,
}

impl Definitions {
    /// As this release has them.
    pub fn new() -> Definitions {
        let mut patterns = BTreeMap::new();
        let mut definition = |crd: Value| {
            let schema = crd.pointer("/spec/versions/0/schema/openAPIV3Schema").cloned().unwrap_or_default();
            collect(&schema, &mut patterns);
            Definition { rules: compile_schema(&schema), schema }
        };
        let crd = |crd| serde_json::to_value(crd).unwrap_or_default();
        let (campaign, pool, sender) =
            (definition(crd(Campaign::crd())), definition(crd(CapacityPool::crd())), definition(crd(Sender::crd())));
        let inlined = SchemaSettings::openapi3().with(|settings| settings.inline_subschemas = true);
        let mut metadata = inlined.into_generator().into_root_schema_for::<ObjectMeta>().to_value();
        // Who has set which field is the API server's own account, in words that no schema has; files taken from a cluster hold it.
        if let Some(account) = metadata.pointer_mut("/properties/managedFields/items/properties/fieldsV1") {
            *account = serde_json::json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        }
        Definitions { campaign, pool, sender, metadata, patterns }
    }

    /// The definition of a kind.
    pub fn of(&self, kind: Kind) -> &Definition {
        match kind {
            Kind::Campaign => &self.campaign,
            Kind::Pool => &self.pool,
            Kind::Sender => &self.sender,
        }
    }

    /// Whether a text has that form. A form that cannot be understood admits everything: the API server judges.
    pub fn has_form(&self, pattern: &str, text: &str) -> bool {
        self.patterns.get(pattern).is_none_or(|regex| regex.is_match(text))
    }
}

/// Every pattern in a schema.
fn collect(schema: &Value, patterns: &mut BTreeMap<String, Regex>) {
    match schema {
        Value::Object(fields) => {
            if let Some(pattern) = fields.get("pattern").and_then(Value::as_str)
                && let Ok(regex) = Regex::new(pattern)
            {
                patterns.insert(pattern.to_owned(), regex);
            }
            fields.values().for_each(|below| collect(below, patterns));
        }
        Value::Array(items) => items.iter().for_each(|below| collect(below, patterns)),
        _ => {}
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_and_rule_of_the_definitions_can_be_tried() {
        let definitions = Definitions::new();
        for kind in Kind::ALL {
            let definition = definitions.of(kind);
            assert!(definition.schema.pointer("/properties/spec/properties").is_some(), "{kind:?}");
            assert!(definition.rules.compilation_errors().is_empty(), "{kind:?}");
            let mut patterns = BTreeMap::new();
            collect(&definition.schema, &mut patterns);
            assert!(patterns.keys().all(|pattern| Regex::new(pattern).is_ok()));
        }
        assert!(!definitions.has_form(crate::api::schema::RATE, "fast"));
        assert!(definitions.metadata.pointer("/properties/labels").is_some());
    }
}
