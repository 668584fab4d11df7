//! What a person sees of a simulated world: one moment as lines of text, with small charts of what went before. Pure: it
//! gets the moments and gives text.

use std::fmt::Write;

use jiff::tz::TimeZone;

use crate::plan::units::people::{self, Rounding};
use crate::sim::moment::{Moment, WorkloadMoment};

/// Heights of a bar.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Columns of a chart.
const COLUMNS: usize = 64;

/// The newest of the moments, with charts of all of them.
pub fn draw(moments: &[Moment], title: &str) -> String {
    let Some(moment) = moments.last() else { return String::new() };
    let mut text = String::new();
    let time = moment.at.to_zoned(TimeZone::UTC).strftime("%a %H:%M:%S UTC");
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{title}   {time}\n");
    let _ = writeln!(text, "{:<26} {:<11} {:<6} {:<11} {:<10} WHY", "CAMPAIGN", "PHASE", "WAVES", "SENT", "ROOM");
    for campaign in &moment.campaigns {
        let _ = writeln!(
            text,
            "{:<26} {:<11} {:<6} {:<11} {:<10} {}",
            campaign.name, campaign.phase, campaign.waves, campaign.sent, campaign.room, campaign.reason
        );
        let _ = writeln!(text, "  {}\n", campaign.message);
    }
    for workload in &moment.workloads {
        let floor = workload.floor.map_or_else(|| "none".to_owned(), |floor| floor.to_string());
        let _ = writeln!(text, "{}   {} ready, floor {floor}", workload.name, workload.ready);
        let charts = charts(moments, &workload.name);
        let show = |value| people::per_second(value, Rounding::Up);
        let _ = writeln!(text, "  bears  {} {} req/s", charts.bears, show(workload.bears));
        let _ = writeln!(text, "  demand {} {} req/s\n", charts.demand, show(workload.demand));
    }
    text
}

/// One workload over time, drawn to one scale.
pub struct Charts {
    /// What its ready replicas bore.
    pub bears: String,
    /// What was asked of it.
    pub demand: String,
    /// The most of both, requests per second.
    pub most: f64,
}

/// The charts of the workload of that name.
pub fn charts(moments: &[Moment], name: &str) -> Charts {
    let series = |pick: fn(&WorkloadMoment) -> f64| {
        let of = |moment: &Moment| moment.workloads.iter().find(|workload| workload.name == name).map(pick);
        moments.iter().filter_map(of).collect::<Vec<f64>>()
    };
    let (bears, demand) = (series(|workload| workload.bears), series(|workload| workload.demand));
    let most = bears.iter().chain(&demand).copied().fold(1.0, f64::max);
    Charts { bears: chart(&bears, most), demand: chart(&demand, most), most }
}

/// A series as one line of bars: the most of each stretch of time, so that no crest is lost.
fn chart(values: &[f64], most: f64) -> String {
    let columns = values.len().clamp(1, COLUMNS);
    let stretch = values.len().div_ceil(columns).max(1);
    values
        .chunks(stretch)
        .map(|chunk| bar(chunk.iter().copied().fold(0.0, f64::max) / most.max(f64::MIN_POSITIVE)))
        .collect()
}

/// A bar of a height between 0 and 1.
fn bar(share: f64) -> char {
    let steps = [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875];
    let index = steps.iter().filter(|step| share > **step).count();
    BARS.get(index).copied().unwrap_or('█')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_keeps_its_crest_however_long_it_is() {
        assert_eq!(chart(&[0.0, 50.0, 100.0], 100.0), "▁▄█");
        let mut long = vec![1.0; 1_000];
        if let Some(crest) = long.get_mut(777) {
            *crest = 100.0;
        }
        let drawn = chart(&long, 100.0);
        assert!(drawn.chars().count() <= COLUMNS && drawn.contains('█'), "{drawn}");
    }
}
