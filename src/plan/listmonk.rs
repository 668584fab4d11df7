//! What listmonk says of a campaign, and what that means for a wave; and how waves, lists and campaigns there are known again as
//! a send's own. Judges and names; asks nobody.

use std::collections::BTreeMap;

use serde_json::Value;

use super::inquiry::{Said, Still};
use super::units::people;

/// The parameter in which a Campaign names the draft that was prepared in listmonk.
const DRAFT: &str = "campaignId";
/// How far it is, is told in so many steps: a status is not written for each message.
const STEPS: u64 = 20;

/// What a Campaign has to say for a listmonk Sender, and what it must not.
pub fn check_parameters(parameters: &BTreeMap<String, String>) -> Result<(), (&'static str, String)> {
    let field = "spec.parameters";
    let Some(text) = parameters.get(DRAFT) else {
        let why = format!(
            "{DRAFT} is missing; give the number of the campaign that was prepared in listmonk, such as \"12\""
        );
        return Err((field, why));
    };
    if number(text).is_none() {
        return Err((field, format!("{DRAFT} \"{text}\" is not the number of a campaign in listmonk, such as \"12\"")));
    }
    match parameters.keys().find(|name| *name != DRAFT) {
        Some(name) => Err((field, format!("listmonk takes no parameter {name}; leave it out"))),
        None => Ok(()),
    }
}

fn number(text: &str) -> Option<u64> {
    let is_plain = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    // Numbers there have 32 bits, and a sign.
    text.parse().ok().filter(|id| is_plain && *id <= i32::MAX.unsigned_abs().into())
}

/// The number of the prepared campaign, from the body that was frozen.
pub fn draft(body: &str) -> Option<u64> {
    let body: Value = serde_json::from_str(body).ok()?;
    number(body.get("parameters")?.get(DRAFT)?.as_str()?)
}

/// What all of a send bears in listmonk. Tags there have no blanks and at most 100 characters.
pub fn send_tag(send_label: &str) -> String {
    format!("{SEND_TAG}{send_label}")
}

/// What begins the tag of a send.
pub const SEND_TAG: &str = "headroom-send-";

/// What the list and the campaign of one wave bear in listmonk.
pub fn wave_tag(key: &str) -> String {
    format!("headroom-wave-{key}")
}

/// What begins a tag that says which list a wave's list was filled from.
pub const FROM_TAG: &str = "headroom-from-";

/// What the list of those bears who have left by mails of a send.
pub fn left_tag(send_label: &str) -> String {
    format!("headroom-left-{send_label}")
}

/// A campaign, as listmonk has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub id: u64,
    /// Its status there.
    pub status: String,
    /// To how many it was sent: a lower bound, up to some seconds late.
    pub sent: u64,
    /// To how many it is sent in all; 0 until listmonk has picked it up.
    pub to_send: u64,
    /// The instant of its last change.
    pub changed: String,
}

impl Account {
    /// How it stands still, where it is paused.
    pub fn still(&self) -> Option<Still> {
        let is_told = self.status == "paused" && !self.changed.is_empty();
        is_told.then(|| Still { changed: self.changed.clone(), sent: self.sent })
    }
}

/// What listmonk says of a wave; and to how many recipients it was sent at least.
pub fn said(there: Option<&Account>, which: &str) -> (Said, Option<u64>) {
    let Some(account) = there else { return (Said::Absent(format!("there is no {which}")), None) };
    let Account { id, status, sent, to_send, .. } = account;
    let (it, of) = (format!("its listmonk campaign {id}"), people::grouped(*to_send));
    let done = people::grouped(*sent);
    let said = match status.as_str() {
        "finished" if *sent == 0 => Said::Ended(format!(
            "{it} has finished and counts no message of {of}; look into listmonk's log for what it could not send"
        )),
        // A server that was ended meanwhile counts too few: what it has not counted may have gone.
        "finished" if sent < to_send => Said::Short(format!(
            "{it} has finished, and counts {done} of {of} messages; whether the others went is not known, and nobody is sent to twice"
        )),
        "finished" => Said::Done,
        "running" if *to_send == 0 => Said::Running(format!("{it} is waiting for listmonk to begin")),
        "running" => {
            let at_least = in_steps(*sent, *to_send);
            let told = format!("{it} is running, and has sent at least {} of {of}", people::grouped(at_least));
            return (Said::Running(told), Some(at_least));
        }
        // listmonk has left out what it had ready when a run ends in which nothing was taken.
        "paused" if *sent == 0 => Said::Hidden(format!(
            "{it} is paused, and counts no message yet; it goes on when somebody starts it in listmonk, and if nothing of it was taken some people are then left out"
        )),
        "paused" => {
            Said::Hidden(format!("{it} is paused after {done} of {of}; it goes on when somebody starts it in listmonk"))
        }
        "cancelled" => Said::Ended(format!("{it} was cancelled after {done} of {of} messages")),
        "draft" => Said::Absent(format!("{it} is a draft, and was not started")),
        "scheduled" => {
            Said::Other(format!("{it} is scheduled, and would start by listmonk's clock; unschedule it there"))
        }
        other => Said::Other(format!("{it} has the status \"{other}\"")),
    };
    (said, (*to_send > 0).then_some(*sent))
}

fn in_steps(sent: u64, of: u64) -> u64 {
    let step = (of / STEPS).max(1);
    sent / step * step
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn of(status: &str, sent: u64, to_send: u64) -> (Said, Option<u64>) {
        said(Some(&Account { id: 12, status: status.to_owned(), sent, to_send, changed: "now".to_owned() }), "")
    }

    #[test]
    fn only_what_was_sent_to_all_is_done() {
        assert_eq!(of("finished", 3000, 3000), (Said::Done, Some(3000)));
        let (Said::Short(told), Some(2940)) = of("finished", 2940, 3000) else { panic!() };
        assert!(
            told.starts_with("its listmonk campaign 12 has finished, and counts 2,940 of 3,000 messages;"),
            "{told}"
        );
        // An emptied list, or a body that cannot be rendered: nothing says that anything went.
        for (sent, to_send) in [(0, 0), (0, 5)] {
            assert!(matches!(of("finished", sent, to_send).0, Said::Ended(_)));
        }
        for status in ["draft", "scheduled", "running", "paused", "cancelled", "new", ""] {
            let (said, _) = of(status, 3000, 3000);
            assert!(!matches!(said, Said::Done | Said::Short(_)), "{status}");
        }
        assert_eq!(said(None, "campaign").0, Said::Absent("there is no campaign".into()));
    }

    #[test]
    fn how_far_it_is_changes_twenty_times_at_most() {
        let all: std::collections::BTreeSet<_> =
            (0..=3000).map(|sent| of("running", sent, 3000)).map(|it| it.1).collect();
        assert_eq!(all.len(), 21);
        assert_eq!(of("running", 1499, 3000).1, Some(1350));
        assert_eq!(of("running", 3, 7).1, Some(3));
        assert_eq!(of("running", 0, 0).1, None);
    }

    #[test]
    fn the_prepared_campaign_is_named_by_its_number() {
        let parameters = |all: &[(&str, &str)]| {
            check_parameters(&all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
        };
        assert_eq!(parameters(&[("campaignId", "12")]), Ok(()));
        for (given, words) in [
            (&[][..], "campaignId is missing"),
            (&[("campaignId", "spring")], "\"spring\" is not the number"),
            (&[("campaignId", "0")], "\"0\" is not the number"),
            (&[("campaignId", "-3")], "is not the number"),
            (&[("campaignId", "4294967296")], "is not the number"),
            (&[("campaignId", "12"), ("template", "x")], "takes no parameter template"),
        ] {
            assert!(parameters(given).unwrap_err().1.contains(words), "{given:?}");
        }
        assert_eq!(draft(r#"{"parameters": {"campaignId": "12"}}"#), Some(12));
        assert_eq!(draft(r#"{"parameters": {}}"#), None);
    }
}
