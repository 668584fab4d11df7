//! What a receiver guarantees about a request that it may have seen before, and what follows from that for a wave of which nobody
//! knows: whether it may be asked again under the same key, when, and how often. Written in the Sender, frozen in the ledger.

use jiff::{SignedDuration, Timestamp};

use crate::api::release::{EntryRequest, Outcome};
use crate::api::sender::{Listmonk, SenderSpec};

use super::identity;
use super::rules::at;
use super::snapshot::{Entry, Sender};
use super::units::Span;

/// An attempt whose end was not seen may still be under way for so long: it is not repeated before, whatever the receiver
/// guarantees, and nobody can say before what became of it.
pub const QUIESCENCE: SignedDuration = SignedDuration::from_mins(6);
/// A wave that did not reach its receiver, or of which nobody knows, in so many tries is left to a person.
pub const MOST_TRIES: usize = 5;
/// The ledger keeps so many attempts of one wave.
pub const MOST_ATTEMPTS: usize = 60;
/// A receiver that forgets sooner guarantees next to nothing: the first repeat comes after `QUIESCENCE`.
const SHORTEST: SignedDuration = SignedDuration::from_mins(10);
/// A key is not used any more so long before the receiver forgets it: its clock is not this one.
const BEFORE_FORGOTTEN: SignedDuration = SignedDuration::from_mins(1);

/// What a receiver guarantees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Contract {
    /// Nothing: a request that may have arrived is never repeated.
    #[default]
    AtMostOnce,
    /// A request with a key that it has seen has no second effect, for so long.
    Keyed {
        /// Counted from the first attempt.
        retention: Span,
    },
    /// It tells what became of a request when it is asked by its key.
    Queryable {
        /// Digest of the URL at which it is asked: the URL itself may hold a secret.
        url_digest: String,
    },
    /// It is a Job, which is made once and tells what became of it.
    Job,
    /// It is a campaign in listmonk, which goes out once however often it is started, and tells how far it is.
    Listmonk,
}

/// By what a wave goes, as far as it is told of in different words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A request.
    Request,
    /// A Job.
    Job,
    /// A campaign in listmonk.
    Listmonk,
}

/// The digest of what says where a Sender's waves go: its URL, its Job's template, or its listmonk and how waves are made there.
pub fn place(sender: &SenderSpec) -> String {
    let listmonk = |listmonk: &Listmonk| format!("{}\0{:?}", listmonk.url, listmonk.waves.unwrap_or_default());
    match (&sender.webhook, &sender.job, &sender.listmonk) {
        (Some(webhook), ..) => identity::digest(webhook.url.as_bytes()),
        (None, Some(job), _) => identity::digest(job.template.to_string().as_bytes()),
        (None, None, Some(there)) => identity::digest(listmonk(there).as_bytes()),
        (None, None, None) => identity::digest(b""),
    }
}

impl Contract {
    /// As a Sender says it; or why it cannot be used, as a sentence with the field and the way out.
    pub fn of_sender(sender: &SenderSpec) -> Result<Contract, String> {
        if sender.job.is_some() {
            return Ok(Contract::Job);
        }
        if sender.listmonk.is_some() {
            return Ok(Contract::Listmonk);
        }
        let contract = sender.webhook.as_ref().and_then(|webhook| webhook.contract.as_ref());
        if let Some(queryable) = contract.and_then(|contract| contract.queryable.as_ref()) {
            return Ok(Contract::Queryable { url_digest: identity::digest(queryable.url.as_bytes()) });
        }
        let Some(keyed) = contract.and_then(|contract| contract.keyed.as_ref()) else {
            return Ok(Contract::AtMostOnce);
        };
        let field = "spec.webhook.contract.keyed.retention";
        let retention = at(field, Span::parse(&keyed.retention)).map_err(|error| error.to_string())?;
        if retention.to_duration() < SHORTEST {
            return Err(format!(
                "{field}: {} is too short; a request of which nobody knows is not repeated for 6 minutes, so that a receiver must keep keys for at least 10m",
                keyed.retention
            ));
        }
        Ok(Contract::Keyed { retention })
    }

    /// As the ledger has it. What this release does not know guarantees nothing.
    pub fn of_entry(request: &EntryRequest) -> Contract {
        let retention = request.retention.as_deref().and_then(|text| Span::parse(text).ok());
        match (request.contract.as_str(), retention, &request.query_digest) {
            ("keyed", Some(retention), _) => Contract::Keyed { retention },
            ("job", ..) => Contract::Job,
            ("listmonk", ..) => Contract::Listmonk,
            ("queryable", _, Some(digest)) => Contract::Queryable { url_digest: digest.clone() },
            _ => Contract::AtMostOnce,
        }
    }

    /// Its name, as a Sender and the ledger have it.
    pub fn name(&self) -> &'static str {
        match self {
            Contract::AtMostOnce => "atMostOnce",
            Contract::Keyed { .. } => "keyed",
            Contract::Queryable { .. } => "queryable",
            Contract::Job => "job",
            Contract::Listmonk => "listmonk",
        }
    }

    /// As people read it.
    pub fn for_people(&self) -> &'static str {
        match self {
            Contract::AtMostOnce => "at most once",
            other => other.name(),
        }
    }

    /// By what its waves go.
    pub fn way(&self) -> Way {
        match self {
            Contract::AtMostOnce | Contract::Keyed { .. } | Contract::Queryable { .. } => Way::Request,
            Contract::Job => Way::Job,
            Contract::Listmonk => Way::Listmonk,
        }
    }

    /// Whether a wave is only started, and followed until what was started has ended.
    pub fn is_followed(&self) -> bool {
        self.way() != Way::Request
    }

    /// Whether the receiver keeps keys.
    pub fn is_keyed(&self) -> bool {
        matches!(self, Contract::Keyed { .. })
    }
}

/// 1 s, 2 s, 4 s … up to a minute after the newest attempt.
fn back_off(attempts: usize) -> SignedDuration {
    let doubled = 1_i64 << attempts.saturating_sub(1).min(6);
    SignedDuration::from_secs(doubled.min(60))
}

/// Whether an attempt with this result was called off, did not get there or was put off, so that another may follow it.
pub fn stayed_away(result: Option<&str>) -> bool {
    matches!(result, Some("NotFired" | "NotSent" | "Deferred"))
}

impl Entry {
    /// Whether nobody knows of it: that was written, or the end of an attempt was never seen.
    pub fn is_unknown(&self) -> bool {
        match self.outcome {
            Some(outcome) => outcome == Outcome::Unknown,
            None => !self.may_be_tried_again() && !self.was_started(),
        }
    }

    /// Whether it was seen to be started, and not yet what became of it.
    pub fn was_started(&self) -> bool {
        self.outcome.is_none() && self.newest_result.as_deref() == Some("Started")
    }

    /// When the receiver may be said to have forgotten the key; None: it never keeps any.
    pub fn forgotten_at(&self) -> Option<Timestamp> {
        let Contract::Keyed { retention } = &self.contract else { return None };
        self.first_attempt.checked_add(retention.to_duration() - BEFORE_FORGOTTEN).ok()
    }

    /// When nobody can tell any more, by asking again, what became of requests that may have got through; None: there were none, or
    /// the receiver keeps no keys.
    pub fn lost_at(&self) -> Option<Timestamp> {
        let may_have = self.outcome == Some(Outcome::Unknown) || (self.outcome.is_none() && self.was_deferred);
        self.forgotten_at().filter(|_| may_have)
    }

    /// When a wave of which nobody knows may be asked for again under the same key; None: never, by itself.
    fn repeats_at(&self) -> Option<Timestamp> {
        let forgotten = self.forgotten_at()?;
        let is_spent = self.tries >= MOST_TRIES || self.attempts >= MOST_ATTEMPTS;
        if !self.is_unknown() || is_spent {
            return None;
        }
        let at = match self.newest_result.as_deref() {
            // What was sent before it stays unknown.
            result if stayed_away(result) => Some(self.tried_again_at()),
            // None: an answer that the receiver would only repeat.
            Some("Unknown") => self.again,
            // Its end was never seen.
            None => self.newest_attempt.checked_add(QUIESCENCE).ok(),
            Some(_) => None,
        };
        at.filter(|at| *at < forgotten)
    }

    /// When a wave whose newest attempt left nothing at the receiver may be tried again.
    fn tried_again_at(&self) -> Timestamp {
        let backed_off = self.newest_attempt.checked_add(back_off(self.attempts)).unwrap_or(Timestamp::MAX);
        self.again.map_or(backed_off, |again| again.max(backed_off))
    }

    /// When this wave goes through the gate once more, by itself; None: it does not.
    pub fn opens_at(&self) -> Option<Timestamp> {
        if self.may_be_tried_again() { Some(self.tried_again_at()) } else { self.repeats_at() }
    }

    /// Whether nobody knows of it, and asking again under the same key will tell.
    pub fn will_be_cleared_up(&self, sender: Option<&Sender>, now: Timestamp) -> bool {
        let is_kept = self.forgotten_at().is_some_and(|forgotten| now < forgotten);
        is_kept && self.repeats_at().is_some() && sender.is_some_and(|sender| self.is_under(sender))
    }

    /// Whether this is still the Sender it was made for, with the guarantee that was frozen.
    pub fn is_under(&self, sender: &Sender) -> bool {
        self.is_for(sender) && Contract::of_sender(&sender.spec).is_ok_and(|now| now == self.contract)
    }

    /// Whether this is the Sender it was made for, or by which a person said it may go, with the same URL or template.
    pub fn is_for(&self, sender: &Sender) -> bool {
        let same = |(uid, url): &(String, String)| *uid == sender.uid && *url == place(&sender.spec);
        self.sender.as_ref().is_some_and(same)
    }
}
