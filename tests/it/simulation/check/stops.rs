//! What was stopped stays stopped.

use headroom::sim::deed::Deed;
use jiff::SignedDuration;
use serde_json::Value;

use super::super::owners::NOBODY;
use super::{CAMPAIGNS, Case, POOLS, SENDERS, Version, asked};

/// A fire window that was open may still end.
const WINDOW: SignedDuration = SignedDuration::from_secs(5);

/// Gone, or whoever owns it lets nothing go: a campaign's owner, a pool's, or a Sender's.
fn is_stopped(version: &Version) -> bool {
    let is_set = |field: &str| version.get(field) == &Value::Bool(true);
    let admits_nobody = ["/spec/admission/namespaceSelector", "/spec/namespaceSelector"]
        .iter()
        .any(|selector| version.text(&format!("{selector}/matchLabels/team")) == NOBODY);
    let observes = version.text("/spec/mode") == "Observe";
    !version.stays() || is_set("/spec/suspend") || is_set("/spec/abort") || observes || admits_nobody
}

fn stopped(case: &Case<'_>, resource: &str, of: impl Fn(&super::Asked) -> String) -> Result<(), String> {
    for heard in &case.played.heard {
        let asked = asked(heard);
        let key = of(&asked);
        let Some((armed, _)) = case.armed_at(heard) else { continue };
        // Neither when it was armed, nor for longer than a fire window before it went.
        let when_armed = case.history.at(resource, &key, armed);
        let lately = case.history.between(resource, &key, heard.at - WINDOW, heard.at);
        let all_along = !lately.is_empty() && lately.iter().all(|version| is_stopped(version));
        if when_armed.is_none_or(is_stopped) || all_along {
            return Err(format!("{} wave {} went at {} and {key} was stopped", asked.campaign, asked.wave, heard.at));
        }
    }
    Ok(())
}

pub fn after_its_campaign_was_stopped(case: &Case<'_>) -> Result<(), String> {
    stopped(case, CAMPAIGNS, |asked| asked.campaign.clone())
}

pub fn after_its_pool_was_stopped(case: &Case<'_>) -> Result<(), String> {
    stopped(case, POOLS, |_| case.pool_key())
}

pub fn after_its_sender_was_closed(case: &Case<'_>) -> Result<(), String> {
    stopped(case, SENDERS, |_| case.sender_key())
}

/// A guardrail that bounds failures at 2 % for three seconds, scraped every five; a decision lasts for thirty.
pub fn while_requests_fail(case: &Case<'_>) -> Result<(), String> {
    const SEEN: SignedDuration = SignedDuration::from_secs(45);
    for heard in &case.played.heard {
        let mut since = None;
        for (at, deed) in &case.story.deeds {
            let at = case.played.begun + *at;
            if let Deed::Errors(share) = deed
                && at <= heard.at
            {
                since = if *share > 0.02 { since.or(Some(at)) } else { None };
            }
        }
        if since.is_some_and(|since| heard.at.duration_since(since) > SEEN) {
            let asked = asked(heard);
            return Err(format!("{} wave {} went at {} while requests failed", asked.campaign, asked.wave, heard.at));
        }
    }
    Ok(())
}
