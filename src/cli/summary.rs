//! What a played story came to, in words: when each wave went and whether there was room, how full the workloads were, and
//! what scale was borrowed. Pure.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::tz::TimeZone;

use super::screen;
use crate::plan::units::people::{self, Rounding};
use crate::sim::moment::{Outcome, Played};

/// One workload over the whole story.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Use {
    /// The highest demand ÷ what was borne.
    pub worst: f64,
    /// Minutes in which demand was more than what was borne.
    pub overload_minutes: f64,
    /// Replica hours that were there.
    pub replica_hours: f64,
}

/// How full each workload was, by name.
pub fn uses(played: &Played) -> BTreeMap<String, Use> {
    let mut uses: BTreeMap<String, Use> = BTreeMap::new();
    for pair in played.moments.windows(2) {
        let [before, after] = pair else { continue };
        let minutes = after.at.duration_since(before.at).as_secs_f64() / 60.0;
        for workload in &after.workloads {
            let used = uses.entry(workload.name.clone()).or_default();
            used.worst = used.worst.max(workload.demand / workload.bears.max(f64::MIN_POSITIVE));
            if workload.demand > workload.bears {
                used.overload_minutes += minutes;
            }
            used.replica_hours += f64::from(workload.ready) * minutes / 60.0;
        }
    }
    uses
}

/// The report that people read.
pub fn tell(played: &Played) -> String {
    let mut text = String::new();
    let told = |at: jiff::Timestamp| at.to_zoned(TimeZone::UTC).strftime("%a %-d %b %H:%M:%S UTC").to_string();
    // Writing to a String cannot fail.
    for taken in &played.taken {
        let room = if taken.fits { "there was room" } else { "THERE WAS NO ROOM" };
        let _ = writeln!(
            text,
            "{}  {} wave \"{}\" to {} recipients: {room}",
            told(taken.at),
            taken.campaign,
            taken.wave,
            people::grouped(taken.recipients)
        );
    }
    let Some(last) = played.moments.last() else { return text };
    for campaign in &last.campaigns {
        let _ = writeln!(text, "\n{}: {}, {}\n  {}", campaign.name, campaign.phase, campaign.waves, campaign.message);
        let mut waited: Vec<(&str, u32)> = Vec::new();
        for moment in &played.moments {
            let Some(then) = moment.campaigns.iter().find(|then| then.name == campaign.name) else { continue };
            match waited.last_mut() {
                Some((reason, count)) if *reason == then.reason => *count += 1,
                _ => waited.push((&then.reason, 1)),
            }
        }
        let steps: Vec<&str> = waited.iter().map(|(reason, _)| *reason).filter(|reason| !reason.is_empty()).collect();
        let _ = writeln!(text, "  on the way: {}", steps.join(" → "));
    }
    for (index, (name, used)) in uses(played).into_iter().enumerate() {
        let charts = screen::charts(&played.moments, &name);
        let head = if index == 0 { "\n" } else { "" };
        let _ = writeln!(
            text,
            "{head}{name}: at most {:.0} % of what its replicas bear; {:.1} min of overload; {:.1} replica hours",
            used.worst * 100.0,
            used.overload_minutes,
            used.replica_hours
        );
        let most = people::per_second(charts.most, Rounding::Up);
        let _ = writeln!(text, "  bears  {} up to {most} req/s", charts.bears);
        let _ = writeln!(text, "  demand {}", charts.demand);
    }
    if played.outcome == Outcome::OutOfTime {
        let _ = writeln!(text, "\nIt was still under way when the time was over: see --for.");
    }
    text
}
