//! Order, soak and windows. All of it is counted anew from what people wrote, by plain arithmetic on hours and minutes.

use headroom::sim::receiver::Heard;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Asked, CAMPAIGNS, Case, ENTRIES, SENDERS, Version, asked, leaving, rate, span};

/// What was written may not have been seen for so long.
const UNSEEN: SignedDuration = SignedDuration::from_secs(60);

/// A send is cut into no more parts.
const MOST_PARTS: usize = 60;

/// Names and soaks of the waves: written, or the pool's, of which the last is cut into parts.
fn waves(case: &Case<'_>, version: &Version) -> Vec<(String, SignedDuration)> {
    let text = |wave: &Value, field: &str| wave[field].as_str().unwrap_or_default().to_owned();
    let read = |waves: &Vec<Value>| -> Vec<(String, SignedDuration)> {
        waves.iter().map(|wave| (text(wave, "name"), span(&text(wave, "soak")))).collect()
    };
    if let Some(waves) = version.get("/spec/waves").as_array() {
        return read(waves);
    }
    let pool = case.story.objects.iter().find(|object| object["kind"] == "CapacityPool").unwrap();
    let mut waves = pool["spec"]["waves"].as_array().map(read).unwrap_or_default();
    if let Some((last, soak)) = waves.pop() {
        waves.extend((1..=MOST_PARTS).map(|part| (format!("{last}-{part}"), soak)));
    }
    waves
}

fn lately<'a>(case: &'a Case<'_>, asked: &Asked, heard: &Heard) -> Vec<&'a Version> {
    let versions = case.history.between(CAMPAIGNS, &asked.campaign, heard.at - UNSEEN, heard.at);
    versions.into_iter().filter(|version| version.revision <= heard.revision && !version.is_gone).collect()
}

pub fn in_order(case: &Case<'_>) -> Result<(), String> {
    for heard in &case.played.heard {
        let asked = asked(heard);
        // The plan that was there when it was armed.
        let Some((armed, _)) = case.armed_at(heard) else { continue };
        let Some(version) = case.history.at(CAMPAIGNS, &asked.campaign, armed) else { continue };
        let waves = waves(case, version);
        let Some(index) = waves.iter().position(|(name, _)| *name == asked.wave) else {
            return Err(format!("{} has no wave {} and it went", asked.campaign, asked.wave));
        };
        for (earlier, _) in &waves[..index] {
            let of_wave = |versions: &&Vec<Version>| {
                versions[0].text("/spec/sendId") == asked.send_id && versions[0].text("/spec/wave/name") == *earlier
            };
            let mut entries = case.history.all(ENTRIES).map(|(_, versions)| versions);
            let Some(entry) = entries.find(|versions| of_wave(versions)) else {
                return Err(format!("{} wave {} went before {earlier}", asked.campaign, asked.wave));
            };
            let Some(then) = entry.iter().rev().find(|version| version.revision <= armed) else {
                return Err(format!("{} wave {} was armed before {earlier}", asked.campaign, asked.wave));
            };
            let is_empty = then.text("/spec/skip/reason") == "Empty";
            if !is_empty && then.text("/status/outcome") != "Released" {
                return Err(format!("{} wave {} went and {earlier} was not released", asked.campaign, asked.wave));
            }
        }
    }
    Ok(())
}

pub fn soaked(case: &Case<'_>) -> Result<(), String> {
    for heard in &case.played.heard {
        let asked_now = asked(heard);
        for before in case.played.heard.iter().filter(|before| before.at < heard.at) {
            let asked_before = asked(before);
            if asked_before.send_id != asked_now.send_id || asked_before.wave == asked_now.wave {
                continue;
            }
            // As fast as its Sender was then, with the shortest soak that was written lately.
            let sender = case.history.at(SENDERS, &case.sender_key(), before.revision);
            let per_second = sender.map_or(2_000.0, |sender| rate(sender.text("/spec/sendRate")));
            let soaks = lately(case, &asked_now, heard).into_iter().flat_map(|version| waves(case, version));
            let soak = soaks.filter(|(name, _)| *name == asked_before.wave).map(|(_, soak)| soak).min();
            let over = before.at + leaving(asked_before.recipients, per_second) + soak.unwrap_or_default();
            if heard.at + case.drift() < over {
                return Err(format!(
                    "{} wave {} went at {}, wave {} had not soaked before {over}",
                    asked_now.campaign, asked_now.wave, heard.at, asked_before.wave
                ));
            }
        }
    }
    Ok(())
}

/// Minutes after midnight of `09:07`.
fn minutes(text: &str) -> i64 {
    let (hours, minutes) = text.split_once(':').unwrap();
    hours.parse::<i64>().unwrap() * 60 + minutes.parse::<i64>().unwrap()
}

/// Whether messages that leave from one instant to another leave at times that a schedule allows.
fn allows(schedule: &Value, from: Timestamp, to: Timestamp, drift: SignedDuration) -> bool {
    let instant = |field: &str| schedule[field].as_str().map(|text| text.parse::<Timestamp>().unwrap());
    if instant("start").is_some_and(|start| from + drift < start) || instant("end").is_some_and(|end| to - drift > end)
    {
        return false;
    }
    let Some(windows) = schedule["windows"].as_array() else { return true };
    let day = 86_400;
    let of_day = |at: Timestamp| at.as_second().rem_euclid(day);
    windows.iter().any(|window| {
        let edge = |field: &str| minutes(window[field].as_str().unwrap()) * 60;
        of_day(from + drift) >= edge("from") && of_day(to - drift) <= edge("to")
    })
}

pub fn no_catching_up(case: &Case<'_>) -> Result<(), String> {
    for heard in &case.played.heard {
        let asked = asked(heard);
        let sender = case.history.at(SENDERS, &case.sender_key(), heard.revision);
        let per_second = sender.map_or(2_000.0, |sender| rate(sender.text("/spec/sendRate")));
        let until = heard.at + leaving(asked.recipients, per_second);
        let lately = lately(case, &asked, heard);
        let allowed = |version: &&Version| allows(version.get("/spec/schedule"), heard.at, until, case.drift());
        // The version that was armed must allow it; what came after that is told by its resource version.
        if !lately.iter().any(allowed) {
            let schedules: Vec<&Value> = lately.iter().map(|version| version.get("/spec/schedule")).collect();
            return Err(format!(
                "{} wave {} left from {} to {until}; {schedules:?}",
                asked.campaign, asked.wave, heard.at
            ));
        }
    }
    Ok(())
}
