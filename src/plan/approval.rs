//! Approvals: which campaigns need one, and whether exactly this spec has it. An approval is bound to a digest of all that
//! decides what is sent, to whom, when and how fast; whatever is edited after it needs a new one.
//!
//! Who may approve is not decided here: the API server lets only holders of the verb `approve` on the pool write the
//! annotation, and only in their own name.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::api::CampaignSpec;
use crate::api::campaign_status::ApprovalStatus;

use super::identity;
use super::rules::Rules;
use super::snapshot::Campaign;

/// Fields that change nothing about what is sent, or only ever stop it.
const FREE: [&str; 6] = ["suspend", "abort", "description", "contact", "priority", "approval"];
/// Characters of a digest that are shown and compared: 64 bits are enough to tell specs apart that people write.
const LENGTH: usize = 16;
/// A permission to go without headroom that runs for longer is not taken: it is for the crisis at hand.
pub const LONGEST_WITHOUT_HEADROOM: SignedDuration = SignedDuration::from_hours(4);

/// The digest to which an approval is bound.
pub fn digest(spec: &CampaignSpec) -> String {
    let mut value = serde_json::to_value(spec).unwrap_or(Value::Null);
    if let Value::Object(fields) = &mut value {
        fields.retain(|name, _| !FREE.contains(&name.as_str()));
    }
    // Keys of a JSON object are in the order of the alphabet here, so that one spec has one text.
    let whole = identity::digest(value.to_string().as_bytes());
    whole.rsplit(':').next().unwrap_or_default().chars().take(LENGTH).collect()
}

/// Why an approval is needed in a pool that lets so many recipients go without; None: it is not.
pub fn needed(spec: &CampaignSpec, above: Option<u64>) -> Option<Needed> {
    let size = u64::try_from(spec.audience.size).unwrap_or(0);
    if spec.approval.as_ref().is_some_and(|approval| approval.required == Some(true)) {
        return Some(Needed::Asked);
    }
    above.filter(|above| size > *above).map(|above| Needed::Above { size, above })
}

/// Why an approval is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    /// The campaign asks for it.
    Asked,
    /// It goes to more recipients than the pool lets go without.
    Above {
        /// Recipients.
        size: u64,
        /// The most without.
        above: u64,
    },
}

/// Who approved exactly this spec.
pub fn given(campaign: &Campaign) -> Option<String> {
    let (of, by) = campaign.asks.approved.as_deref()?.split_once(' ')?;
    let is_this = of == digest(&campaign.spec) && !by.trim().is_empty();
    is_this.then(|| by.trim().to_owned())
}

/// Whether there is an approval of something else: the spec was edited since.
pub fn is_of_another_spec(campaign: &Campaign) -> bool {
    campaign.asks.approved.is_some() && given(campaign).is_none()
}

/// A permission to go without confirmed headroom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Who gave it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// It counts until then.
    pub until: Timestamp,
}

/// The permission to send exactly this spec without confirmed headroom, while it counts.
pub fn without_headroom(campaign: &Campaign, now: Timestamp) -> Option<Permission> {
    let mut parts = campaign.asks.without_headroom.as_deref()?.splitn(3, ' ');
    let (of, until, by) = (parts.next()?, parts.next()?, parts.next()?.trim());
    let until: Timestamp = until.parse().ok()?;
    let reason = campaign.asks.without_headroom_reason.clone().unwrap_or_default();
    let left = until.duration_since(now);
    let counts = of == digest(&campaign.spec)
        && !by.is_empty()
        && !reason.trim().is_empty()
        && left > SignedDuration::ZERO
        && left <= LONGEST_WITHOUT_HEADROOM;
    counts.then(|| Permission { by: by.to_owned(), reason: reason.trim().to_owned(), until })
}

/// What a campaign's status says of its approval.
pub fn status(campaign: &Campaign, rules: Option<&Rules>) -> Option<ApprovalStatus> {
    let required = rules.is_some_and(|rules| needed(&campaign.spec, rules.approval_above).is_some());
    let by = given(campaign);
    (required || by.is_some()).then(|| ApprovalStatus {
        required,
        digest: digest(&campaign.spec),
        by: by.map(|by| by.chars().take(256).collect()),
    })
}
