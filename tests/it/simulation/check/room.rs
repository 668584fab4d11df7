//! Room, by the truth: what was asked of each workload, and what its ready replicas bore.

use headroom::sim::ailment::Ailment;
use headroom::sim::deed::Deed;
use headroom::sim::traffic::Shape;
use jiff::{SignedDuration, Timestamp};

use super::{Case, DEPLOYMENTS, asked};

/// A decision may rest on what was so long ago: evidence is good for 30 s, a sample of 15 s for another 15, and a rate over
/// 10 s, scraped every five, tells of what was before that.
const PAST: SignedDuration = SignedDuration::from_secs(60);

/// Demand before the sends, at an instant: as the story began, or as the last deed set it.
fn base(case: &Case<'_>, at: Timestamp) -> f64 {
    let first = match &case.story.workloads[0].shape {
        Shape::Flat(rate) => *rate,
        Shape::Day { .. } => panic!("these worlds have no days"),
    };
    let is_past = |since: &SignedDuration| case.played.begun + *since <= at;
    let deeds = case.story.deeds.iter().filter(|(since, _)| is_past(since));
    deeds.fold(first, |rate, (_, deed)| if let Deed::Demand(to) = deed { *to } else { rate })
}

fn ready(case: &Case<'_>, at: Timestamp) -> f64 {
    let version = case.history.then(DEPLOYMENTS, &case.target_key(), at).filter(|version| !version.is_gone);
    version.and_then(|version| version.get("/status/readyReplicas").as_f64()).unwrap_or(0.0)
}

pub fn there_is_room(case: &Case<'_>) -> Result<(), String> {
    let lies = |from: Timestamp, to: Timestamp| {
        case.story.troubles.spells.iter().any(|spell| {
            let (begins, ends) = (case.played.begun + spell.from, case.played.begun + spell.until);
            matches!(spell.what, Ailment::Lying(factor) if factor < 1.0) && begins <= to && ends >= from
        })
    };
    for taken in &case.played.taken {
        // What cannot be told from the truth cannot be seen through.
        if taken.fits || lies(taken.at - PAST, taken.at) {
            continue;
        }
        for (workload, soon, later) in &taken.asks {
            let bears = case.story.workloads[0].bears;
            let then = |ago: i64| {
                let at = taken.at - SignedDuration::from_secs(ago);
                let soon = soon - base(case, taken.at) + base(case, at);
                soon <= ready(case, at) * bears
            };
            // What a Job sends was decided when it was made: its program may begin minutes later, and nothing calls it back.
            let of_it = case.played.heard.iter().filter(|heard| heard.key == taken.key && heard.at <= taken.at);
            let made = of_it.map(|heard| heard.at).max().unwrap_or(taken.at);
            let held = (0..=(taken.at.duration_since(made) + PAST).as_secs()).any(then);
            let most = f64::from(case.story.workloads[0].most) * bears;
            let rose = (0..=PAST.as_secs())
                .any(|ago| base(case, taken.at - SignedDuration::from_secs(ago)) < base(case, taken.at));
            if !held || (*later > most && !rose) {
                return Err(format!(
                    "{} wave {} went at {} and asks {workload} for {soon:.0}/s, later {later:.0}/s; {} ready bear {:.0}/s",
                    taken.campaign,
                    taken.wave,
                    taken.at,
                    ready(case, taken.at),
                    ready(case, taken.at) * bears,
                ));
            }
        }
    }
    Ok(())
}

pub fn nothing_goes_unmeasured(case: &Case<'_>) -> Result<(), String> {
    for heard in &case.played.heard {
        for spell in &case.story.troubles.spells {
            let (begins, ends) = (case.played.begun + spell.from, case.played.begun + spell.until);
            // A sample may be 15 s old, and what was confirmed by it is good for 30 s.
            let blind_since = begins + SignedDuration::from_secs(if spell.what == Ailment::Stale { 47 } else { 31 });
            let is_blind = match spell.what {
                Ailment::Lying(_) => false,
                Ailment::Clock(seconds) => seconds.abs() > 8 && !is_set(case),
                _ => true,
            };
            if is_blind && heard.at > blind_since && heard.at < ends {
                let asked = asked(heard);
                return Err(format!(
                    "{} wave {} went at {} while {:?} since {begins}",
                    asked.campaign, asked.wave, heard.at, spell.what
                ));
            }
        }
    }
    Ok(())
}

/// Whether the operator's clock is set as well, which may make up for that of Prometheus.
fn is_set(case: &Case<'_>) -> bool {
    case.story.deeds.iter().any(|(_, deed)| matches!(deed, Deed::Clock(_)))
}
