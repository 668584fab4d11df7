//! Each wave at most once, and the ledger that it is known by.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::{CAMPAIGNS, Case, ENTRIES, asked};

pub fn one_request_for_a_wave(case: &Case<'_>) -> Result<(), String> {
    let mut keys = BTreeSet::new();
    let mut waves = BTreeSet::new();
    for heard in &case.played.heard {
        let asked = asked(heard);
        if !keys.insert(&heard.key) {
            return Err(format!("the key {} came twice; again at {}", heard.key, heard.at));
        }
        if !waves.insert((asked.send_id.clone(), asked.wave.clone())) {
            return Err(format!("wave {} of {} came under two keys", asked.wave, asked.send_id));
        }
    }
    Ok(())
}

pub fn no_recipient_twice(case: &Case<'_>) -> Result<(), String> {
    let mut ranges: BTreeMap<String, Vec<(u64, u64, String)>> = BTreeMap::new();
    for heard in &case.played.heard {
        let asked = asked(heard);
        ranges.entry(asked.send_id).or_default().push((asked.offset, asked.offset + asked.recipients, asked.wave));
    }
    for (send, mut ranges) in ranges {
        ranges.sort();
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
            // Nobody but a person may know more of an Unknown, and no person acts in these worlds.
            if !before.is_empty() && before != after {
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
                && version.by == heard.agent
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
