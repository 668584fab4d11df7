//! What must hold, whatever happens: one small function for each promise, by its name in the list of invariants. They see
//! the receivers' books, the API server's history and the truth of the world, and nothing that the operator believes.

use headroom::sim::moment::Played;
use headroom::sim::receiver::Heard;
use headroom::sim::story::Story;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::history::{History, Version};
use super::mix::{Class, Mix};
use super::told::{self, CAMPAIGNS, DEPLOYMENTS, HPAS, POOLS, SENDERS};

mod once;
mod quiet;
mod room;
mod scale;
mod stops;
mod times;
mod writes;

/// A world that was played, and everything that is known of it.
pub struct Case<'a> {
    pub story: &'a Story,
    pub mix: &'a Mix,
    pub played: &'a Played,
    pub history: History,
}

/// A promise, and the function that finds it broken.
pub type Checker = (&'static str, fn(&Case<'_>) -> Result<(), String>);

/// Every promise.
pub const ALL: [Checker; 23] = [
    ("I1 at most one request for a wave", once::one_request_for_a_wave),
    ("I1 no recipient in two waves of a send", once::no_recipient_twice),
    ("I2 a committed entry with the same key and digest comes before a request", once::an_entry_comes_first),
    ("I3 I7 there is room, by the truth, for all that is under way", room::there_is_room),
    ("I4 nothing goes while demand is not measured", room::nothing_goes_unmeasured),
    ("I5 waves go in their order", times::in_order),
    ("I5 no soak is cut short", times::soaked),
    ("I6 nothing goes after its campaign was stopped", stops::after_its_campaign_was_stopped),
    ("I6 nothing goes after its pool was stopped", stops::after_its_pool_was_stopped),
    ("I6 nothing goes after its Sender was closed", stops::after_its_sender_was_closed),
    ("I6 nothing goes while requests fail", stops::while_requests_fail),
    ("I8 no floor is above the cap", scale::below_the_cap),
    ("I8 no floor is lowered in silence", scale::not_lowered_in_silence),
    ("I8 no floor is lowered below what is still arriving", scale::not_lowered_under_load),
    ("I9 in the end the scale is what somebody else set", scale::given_back),
    ("I10 a floor is written again at most three times", scale::gives_way),
    ("I12 nothing goes outside its times", times::no_catching_up),
    ("I13 the ledger only grows, and says Released of nothing that never came", once::the_ledger_only_grows),
    ("I14 the first byte leaves within five seconds of being armed", once::within_its_window),
    ("I15 no write without a resource version", writes::every_write_insists),
    ("I16 the operator goes on", writes::the_operator_goes_on),
    ("I18 when all is calm, all is explained within a minute, and then nothing is written", quiet::explained_and_quiet),
    ("I19 whoever waits has a reason of the list", quiet::reasons_are_documented),
];

pub const ENTRIES: &str = "wavereleases.headroom.dev";

/// What a request says of itself.
pub struct Asked {
    pub send_id: String,
    pub campaign: String,
    pub wave: String,
    pub offset: u64,
    pub recipients: u64,
}

impl Case<'_> {
    pub fn pool_key(&self) -> String {
        format!("{}/{}", told::SHOP, told::POOL)
    }

    pub fn sender_key(&self) -> String {
        format!("{}/{}", told::MAIL, told::SENDER)
    }

    pub fn target_key(&self) -> String {
        format!("{}/{}", told::SHOP, told::TARGET)
    }

    /// The operator's wall clock may be off by so much and still be believed.
    pub fn drift(&self) -> SignedDuration {
        if self.mix.has(Class::Clocks) { SignedDuration::from_secs(7) } else { SignedDuration::from_secs(1) }
    }

    /// The versions of a request's entry, up to the request.
    pub fn entry_of(&self, heard: &Heard) -> Option<(&String, Vec<&Version>)> {
        let is_it = |versions: &Vec<Version>| versions[0].text("/spec/request/key") == heard.key;
        let (name, versions) = self.history.all(ENTRIES).find(|(_, versions)| is_it(versions))?;
        Some((name, versions.iter().filter(|version| version.revision <= heard.revision).collect()))
    }

    /// The revision at which a request was armed for the last time: its entry's newest version before it.
    pub fn armed_at(&self, heard: &Heard) -> Option<(u64, Timestamp)> {
        let (_, versions) = self.entry_of(heard)?;
        versions.last().map(|version| (version.revision, version.at))
    }
}

/// Reads a request's body.
pub fn asked(heard: &Heard) -> Asked {
    let body: Value = serde_json::from_str(&heard.body).unwrap();
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = |pointer: &str| body.pointer(pointer).and_then(Value::as_u64).unwrap();
    let campaign = format!("{}/{}", text("/campaign/namespace"), text("/campaign/name"));
    Asked {
        // No campaign of these worlds has a `sendId` of its own: whatever the request says, this is who it is.
        send_id: campaign.clone(),
        campaign,
        wave: text("/wave/name"),
        offset: number("/wave/offset"),
        recipients: number("/wave/recipients"),
    }
}

/// `2000/s`.
pub fn rate(text: &str) -> f64 {
    text.strip_suffix("/s").unwrap().parse().unwrap()
}

/// `15s`, `5m`; nothing is no time at all.
pub fn span(text: &str) -> SignedDuration {
    if text.is_empty() {
        return SignedDuration::ZERO;
    }
    let (count, unit) = text.split_at(text.len() - 1);
    let count: i64 = count.parse().unwrap();
    SignedDuration::from_secs(if unit == "m" { count * 60 } else { count })
}

/// How long messages of a wave take to leave.
pub fn leaving(recipients: u64, per_second: f64) -> SignedDuration {
    SignedDuration::from_secs_f64(f64::from(u32::try_from(recipients).unwrap()) / per_second)
}
