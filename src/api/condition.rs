//! Conditions as kubectl, kstatus and Argo CD read them. Owns the one rule that a transition time moves only
//! when the status does.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

/// A condition as the plan wants it, before it has met the one that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its type, such as `Accepted`.
    pub kind: &'static str,
    /// True, False, or nothing known.
    pub status: Option<bool>,
    /// One word from the documented list.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
}

/// The longest message the API server takes in a condition of ours.
const LONGEST: usize = 1024;

/// Joins what is wanted with what is there: a condition keeps its transition time while its status stays.
pub fn merge(wanted: &[Wanted], there: &[Condition], generation: Option<i64>, now: Timestamp) -> Vec<Condition> {
    wanted
        .iter()
        .map(|wanted| {
            let status = match wanted.status {
                Some(true) => "True",
                Some(false) => "False",
                None => "Unknown",
            };
            let since = there
                .iter()
                .find(|old| old.type_ == wanted.kind && old.status == status)
                .map_or(Time(now), |old| old.last_transition_time.clone());
            Condition {
                type_: wanted.kind.to_owned(),
                status: status.to_owned(),
                reason: wanted.reason.clone(),
                // Few are anywhere near so long, and none has more letters than bytes.
                message: if wanted.message.len() <= LONGEST {
                    wanted.message.clone()
                } else {
                    wanted.message.chars().take(LONGEST).collect()
                },
                last_transition_time: since,
                observed_generation: generation,
            }
        })
        .collect()
}

/// The schema of a condition, bounded; the one that comes with the upstream type has no maximum lengths.
pub fn schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "maxItems": 16,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status", "lastTransitionTime", "reason", "message"],
            "properties": {
                "type": {"type": "string", "maxLength": 64},
                "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
                "reason": {"type": "string", "maxLength": 64},
                "message": {"type": "string", "maxLength": 1024},
                "lastTransitionTime": {"type": "string", "format": "date-time"},
                "observedGeneration": {"type": "integer", "format": "int64"},
            },
        },
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn wanted(status: Option<bool>, message: &str) -> Wanted {
        Wanted { kind: "Accepted", status, reason: "Valid".into(), message: message.into() }
    }

    #[test]
    fn a_transition_time_moves_with_the_status_only() {
        let early: Timestamp = "2027-03-19T09:00:00Z".parse().unwrap();
        let late: Timestamp = "2027-03-19T10:00:00Z".parse().unwrap();
        let first = merge(&[wanted(Some(true), "fine")], &[], Some(1), early);
        let same = merge(&[wanted(Some(true), "still fine")], &first, Some(2), late);
        assert_eq!(same[0].last_transition_time, Time(early));
        assert_eq!(same[0].message, "still fine");
        let turned = merge(&[wanted(None, "no longer known")], &same, Some(2), late);
        assert_eq!(turned[0].last_transition_time, Time(late));
        assert_eq!(turned[0].status, "Unknown");
    }
}
