//! Each wave at most once, and the ledger that it is known by.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use headroom::sim::receiver::Heard;

use super::{CAMPAIGNS, Case, ENTRIES, SENDERS, Version, asked};

/// A request of which nobody knows may be repeated at most so often, where the receiver keeps keys.
const MOST: usize = 5;

/// The receiver that a request went to keeps keys, as its Sender said when the entry was made; not as the operator has it.
fn is_keyed(case: &Case<'_>, heard: &Heard) -> bool {
    let Some((_, versions)) = case.entry_of(heard) else { return false };
    let Some(first) = versions.first() else { return false };
    let sender = case.history.at(SENDERS, &case.sender_key(), first.revision);
    sender.is_some_and(|sender| !sender.get("/spec/webhook/contract/keyed").is_null())
}

/// How long it keeps them.
fn retention(case: &Case<'_>, heard: &Heard) -> SignedDuration {
    let Some((_, versions)) = case.entry_of(heard) else { return SignedDuration::ZERO };
    let sender = versions.first().and_then(|first| case.history.at(SENDERS, &case.sender_key(), first.revision));
    sender.map_or(SignedDuration::ZERO, |sender| match sender.text("/spec/webhook/contract/keyed/retention") {
        "48h" => SignedDuration::from_hours(48),
        "1h" => SignedDuration::from_hours(1),
        "10m" => SignedDuration::from_mins(10),
        other => panic!("{other} is no retention of these worlds"),
    })
}

pub fn one_request_for_a_wave(case: &Case<'_>) -> Result<(), String> {
    let mut keys: BTreeMap<&str, Vec<&Heard>> = BTreeMap::new();
    let mut waves: BTreeMap<(String, String), &str> = BTreeMap::new();
    for heard in &case.played.heard {
        let asked = asked(heard);
        let before = keys.entry(&heard.key).or_default();
        if let Some(first) = before.first() {
            if !is_keyed(case, heard) {
                return Err(format!("the key {} came twice; again at {}", heard.key, heard.at));
            }
            let kept = retention(case, heard);
            if heard.digest != first.digest || before.len() >= MOST || heard.at.duration_since(first.at) > kept {
                return Err(format!("the key {} came at {} and again at {}", heard.key, first.at, heard.at));
            }
        }
        before.push(heard);
        let key = *waves.entry((asked.send_id.clone(), asked.wave.clone())).or_insert(&heard.key);
        if key != heard.key {
            return Err(format!("wave {} of {} came under two keys", asked.wave, asked.send_id));
        }
    }
    let mut taken = BTreeSet::new();
    match case.played.taken.iter().find(|one| !taken.insert(&one.key)) {
        Some(twice) => Err(format!("{} wave {} was taken twice", twice.campaign, twice.wave)),
        None => Ok(()),
    }
}

pub fn no_recipient_twice(case: &Case<'_>) -> Result<(), String> {
    // A wave that is asked for again, of the same people, is one wave.
    let mut ranges: BTreeMap<String, BTreeSet<(u64, u64, String)>> = BTreeMap::new();
    for heard in &case.played.heard {
        let asked = asked(heard);
        ranges.entry(asked.send_id).or_default().insert((asked.offset, asked.offset + asked.recipients, asked.wave));
    }
    for (send, ranges) in ranges {
        let ranges: Vec<(u64, u64, String)> = ranges.into_iter().collect();
        if let Some(pair) = ranges.windows(2).find(|pair| pair[0].1 > pair[1].0) {
            return Err(format!("recipients of {send} are in two waves: {pair:?}"));
        }
    }
    Ok(())
}

pub fn an_entry_comes_first(case: &Case<'_>) -> Result<(), String> {
    for heard in &case.played.heard {
        let Some((name, versions)) = case.entry_of(heard) else {
            return Err(format!("{} came at {} and no entry has its key", heard.key, heard.at));
        };
        let Some(first) = versions.first() else {
            return Err(format!("{} came at {} before its entry {name}", heard.key, heard.at));
        };
        if first.text("/spec/request/digest") != heard.digest {
            return Err(format!("{} came with another body than that of its entry {name}", heard.key));
        }
        // Each with an attempt of its own, written down before.
        let attempts =
            |version: &&Version| version.get("/status/attempts").as_array().map_or(1, |all| all.len().max(1));
        let so_far = case.played.heard.iter().filter(|other| other.key == heard.key && other.at <= heard.at).count();
        if versions.last().map_or(0, attempts) < so_far {
            return Err(format!("{} came {so_far} times by {} and has fewer attempts", heard.key, heard.at));
        }
    }
    Ok(())
}

pub fn the_ledger_only_grows(case: &Case<'_>) -> Result<(), String> {
    for (name, versions) in case.history.all(ENTRIES) {
        for pair in versions.windows(2) {
            if pair[1].is_gone {
                return Err(format!("entry {name} was deleted by {}", pair[1].by));
            }
            if pair[0].get("/spec") != pair[1].get("/spec") {
                return Err(format!("entry {name} was changed by {}", pair[1].by));
            }
            let (before, after) = (pair[0].text("/status/outcome"), pair[1].text("/status/outcome"));
            // Nobody may know more of an Unknown but a receiver that keeps keys or can be asked, a Job, and a person, who does not act in these worlds.
            let is_cleared_up =
                (before, after) == ("Unknown", "Released") && pair[0].text("/spec/request/contract") != "atMostOnce";
            if !before.is_empty() && before != after && !is_cleared_up {
                return Err(format!("the outcome of {name} went from {before} to {after}"));
            }
            let tries = |index: usize| pair[index].get("/status/attempts").as_array().map_or(0, Vec::len);
            if tries(1) < tries(0) {
                return Err(format!("attempts were taken out of {name}"));
            }
        }
        let last = &versions[versions.len() - 1];
        let key = last.text("/spec/request/key");
        let is_taken = case.played.heard.iter().any(|heard| heard.key == key && heard.is_taken);
        if last.text("/status/outcome") == "Released" && !is_taken {
            return Err(format!("{name} is Released and was never taken"));
        }
    }
    Ok(())
}

pub fn within_its_window(case: &Case<'_>) -> Result<(), String> {
    for heard in &case.played.heard {
        let asked = asked(heard);
        let is_armed = |version: &&super::Version| {
            version.revision <= heard.revision
                // Who made a Job its pod does not tell.
                && (version.by == heard.agent || heard.agent == "jobs.batch")
                && version.text("/status/armed/wave") == asked.wave
        };
        let versions = case.history.versions(CAMPAIGNS, &asked.campaign);
        let mut nonce = "";
        let mut armed = None;
        // The first version with the newest nonce: later ones repeat it.
        for version in versions.iter().filter(is_armed) {
            if version.text("/status/armed/nonce") != nonce {
                nonce = version.text("/status/armed/nonce");
                armed = Some(version.at);
            }
        }
        let Some(armed) = armed else {
            return Err(format!("{} wave {} went at {} and was never armed", asked.campaign, asked.wave, heard.at));
        };
        let late = heard.at.duration_since(armed);
        if late > SignedDuration::from_secs(5) {
            return Err(format!("{} wave {} went {late:#} after it was armed", asked.campaign, asked.wave));
        }
    }
    Ok(())
}
