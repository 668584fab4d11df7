//! A line of the ledger as a case writes it: which wave, how many, when, and what became of it. Its load is that of the
//! base unless the case says another.

use headroom::api::release::{Disposition, Outcome, SkipReason};
use headroom::plan::contract::Contract;
use headroom::plan::identity::{SendId, WaveId, digest};
use headroom::plan::inquiry::{Heard, Said};
use headroom::plan::snapshot::Entry;
use headroom::plan::units::Span;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::case::Ago;
use super::merge::strict;

/// A line of the ledger.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WrittenEntry {
    /// `<namespace>/<name>` of the Campaign, and the send.
    campaign: String,
    /// By default `uid-<name>`.
    uid: Option<String>,
    wave: String,
    offset: u64,
    recipients: u64,
    share: String,
    /// How long ago the newest attempt was made.
    ago: Ago,
    /// How long ago the first attempt was made, if not then.
    first: Option<Ago>,
    outcome: Option<Outcome>,
    /// The result of the newest attempt.
    result: Option<String>,
    message: Option<String>,
    attempts: usize,
    #[serde(default)]
    tries: usize,
    skip: Option<SkipReason>,
    by: Option<String>,
    pool: String,
    /// So long the receiver keeps the key, where that is its guarantee.
    retention: Option<String>,
    /// How long ago its Job was seen to have completed.
    ended: Option<Ago>,
    /// Whether it goes by a Job.
    #[serde(default)]
    job: bool,
    /// Whether it goes by listmonk.
    #[serde(default)]
    listmonk: bool,
    /// The URL at which the receiver is asked what became of it, where that is its guarantee.
    query: Option<String>,
    /// When it was asked about the newest attempt, and what it said.
    heard: Option<WrittenHeard>,
    /// So long after the newest attempt the receiver may be asked again, as that attempt found.
    again_after: Option<Ago>,
    /// The URL it was first tried with.
    url: String,
    load: Value,
    body: String,
}

/// What a receiver said when it was asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenHeard {
    ago: Ago,
    /// `done`; or how it is told, of what was started after `short: `, `running: `, `hidden: `, `ended: ` or `absent: `.
    said: String,
    /// To how many it was sent, where that was said.
    #[serde(default)]
    sent: Option<u64>,
}

impl WrittenEntry {
    /// As the snapshot holds it.
    pub fn entry(&self, now: Timestamp) -> Result<Entry, String> {
        let (namespace, name) = self.campaign.split_once('/').ok_or("entries: campaign is written namespace/name")?;
        let fires = self.skip.is_none();
        Ok(Entry {
            name: WaveId::new(&SendId::for_campaign(namespace, name), &self.wave).ledger_name(),
            send_id: self.campaign.clone(),
            wave: self.wave.clone(),
            offset: self.offset,
            recipients: self.recipients,
            share: self.share.clone(),
            disposition: if fires { Disposition::Fire } else { Disposition::Skip },
            skip: self.skip,
            skipped_by: self.by.clone(),
            is_orphaned: false,
            campaign_uid: self.uid.clone().unwrap_or_else(|| format!("uid-{name}")),
            campaign: self.campaign.clone(),
            pool: self.pool.clone(),
            first_attempt: now - self.first.unwrap_or(self.ago).0,
            newest_attempt: now - self.ago.0,
            attempts: self.attempts,
            tries: self.tries,
            may_have_left_at: Vec::new(),
            was_deferred: false,
            contract: match (&self.retention, &self.query) {
                _ if self.job => Contract::Job,
                _ if self.listmonk => Contract::Listmonk,
                (Some(text), _) => Contract::Keyed { retention: Span::parse(text).map_err(|error| error.to_string())? },
                (None, Some(url)) => Contract::Queryable { url_digest: digest(url.as_bytes()) },
                (None, None) => Contract::AtMostOnce,
            },
            newest_nonce: "attempt".into(),
            newest_result: self.result.clone(),
            again: self.again_after.map(|after| now - self.ago.0 + after.0),
            heard: self.heard.as_ref().map(|heard| Heard {
                sent: heard.sent,
                still: None,
                ran: None,
                attempt: "attempt".into(),
                at: now - heard.ago.0,
                said: match heard.said.split_once(": ") {
                    _ if heard.said == "done" => Said::Done,
                    Some(("short", told)) => Said::Short(told.to_owned()),
                    Some(("hidden", told)) => Said::Hidden(told.to_owned()),
                    Some(("running", told)) => Said::Running(told.to_owned()),
                    Some(("ended", told)) => Said::Ended(told.to_owned()),
                    Some(("absent", told)) => Said::Absent(told.to_owned()),
                    _ => Said::Other(heard.said.clone()),
                },
            }),
            resolved: Vec::new(),
            outcome: self.outcome,
            decided_at: self.ended.map(|ago| now - ago.0),
            message: self.message.clone(),
            load: if fires { Some(strict("entries.load", &self.load)?) } else { None },
            rates: Vec::new(),
            sender_key: None,
            sender: fires.then(|| ("uid-sender".to_owned(), digest(self.url.as_bytes()))),
            body: fires.then(|| self.body.clone()),
            runs: headroom::plan::resume::Runs::default(),
        })
    }
}
