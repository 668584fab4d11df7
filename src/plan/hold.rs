//! A person's hold from outside Git. It is asked for by an annotation and kept in status: a sync by replace drops the
//! annotation, and the hold must stay. Only a resume that names the very hold lifts it.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::campaign_status::Hold;

use super::snapshot::Campaign;

/// The longest reason that is kept.
const LONGEST: usize = 256;

/// The hold that counts, as status shall keep it. One that has just been asked for begins now.
pub fn standing(campaign: &Campaign, now: Timestamp) -> Option<Hold> {
    let kept = campaign.status.hold.as_ref();
    if let Some(asked) = &campaign.asks.hold {
        let reason: String = asked.trim().chars().take(LONGEST).collect();
        // Asked for anew with other words, it is still the hold that began then.
        let since = kept.map_or_else(|| whole(now), |kept| kept.since.clone());
        return Some(Hold { reason, since });
    }
    kept.filter(|kept| campaign.asks.resume.as_deref() != Some(name(kept).as_str())).cloned()
}

/// How a resume names a hold.
pub fn name(hold: &Hold) -> String {
    hold.since.0.to_string()
}

/// To the second, as the API server keeps it: a resume must be able to name it.
fn whole(now: Timestamp) -> Time {
    Time(Timestamp::from_second(now.as_second()).unwrap_or(now))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::plan::tests::campaign;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn a_hold_outlives_its_annotation_and_ends_with_its_own_resume_only() {
        let mut held = campaign("spring", &serde_json::json!({}));
        held.asks.hold = Some("anna: the landing page is down".into());
        let hold = standing(&held, at(0)).unwrap();
        assert_eq!(hold.reason, "anna: the landing page is down");
        // A sync by replace took the annotation away.
        held.status.hold = Some(hold.clone());
        held.asks.hold = None;
        assert_eq!(standing(&held, at(60)), Some(hold.clone()));
        // A resume of an earlier hold is not this one's.
        held.asks.resume = Some(at(-3_600).to_string());
        assert_eq!(standing(&held, at(60)), Some(hold.clone()));
        held.asks.resume = Some(name(&hold));
        assert_eq!(standing(&held, at(60)), None);
        // Held again: a resume that is still written does not lift it.
        held.status.hold = None;
        held.asks.hold = Some("anna: again".into());
        let second = standing(&held, at(120)).unwrap();
        held.status.hold = Some(second.clone());
        held.asks.hold = None;
        assert_eq!(standing(&held, at(180)), Some(second));
    }
}
