//! Pieces of schema that several objects share: patterns of quantities, bounded maps, selectors.
//!
//! Every string that a rule reads has a maximum length: without one the API server's cost budget for CEL is
//! exceeded a hundredfold.

use schemars::{Schema, SchemaGenerator, json_schema};

/// `10m`, `1h30m`, `36h`, `400d`, `800ms`.
pub const SPAN: &str = "^([0-9]+(ms|s|m|h|d))+$";
/// `100/s`, `60000/min`, `5/h`.
pub const RATE: &str = r"^[0-9]+(\.[0-9]+)?/(s|min|h)$";
/// `75%`, `2.5%`.
pub const PERCENT: &str = r"^[0-9]+(\.[0-9]+)?%$";
/// From 1 % to 100 %, without parts.
pub const WHOLE_PERCENT: &str = r"^([1-9]|[1-9][0-9]|100)%$";
/// `1%`, `800ms`, `5/s`, `0.05`.
pub const THRESHOLD: &str = r"^[0-9]+(\.[0-9]+)?(%|ms|s|m|/s)?$";
/// A DNS label that may become part of a ledger name.
pub const LABEL: &str = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$";
/// An open name such as a channel or a class.
pub const OPEN_NAME: &str = "^[a-z][a-z0-9-]*$";
/// An IANA time zone.
pub const ZONE: &str = "^[A-Za-z][A-Za-z0-9_+/-]*$";
/// A date and time, local unless it carries an offset.
pub const INSTANT: &str = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?(Z|[+-][0-9]{2}:[0-9]{2})?$";
/// A date and time with an offset.
pub const ABSOLUTE: &str = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?(Z|[+-][0-9]{2}:[0-9]{2})$";
/// `Mon`, `Mon-Fri`.
pub const DAYS: &str = "^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)(-(Mon|Tue|Wed|Thu|Fri|Sat|Sun))?$";
/// `09:00`.
pub const FROM: &str = "^([01][0-9]|2[0-3]):[0-5][0-9]$";
/// `18:00`, and `24:00` for the end of the day.
pub const TO: &str = "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$";

/// The `metadata` and `spec` of a template, which are understood elsewhere.
pub fn template(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "maxProperties": 2, "x-kubernetes-preserve-unknown-fields": true})
}

/// Strings by name, handed to a Sender.
pub fn parameters(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 32,
        "additionalProperties": {"type": "string", "maxLength": 256},
    })
}

/// Days of a window.
pub fn days(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 7,
        "items": {"type": "string", "maxLength": 7, "pattern": DAYS},
    })
}

/// Labels that must match exactly.
pub fn match_labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 16,
        "additionalProperties": {"type": "string", "maxLength": 63},
    })
}
