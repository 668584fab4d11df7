//! Smooth sends, played look by look until nothing more goes: every recipient is reached once, each part is proved by the
//! gate, and none is smaller than it must be.

use headroom::plan::memory::Memory;
use headroom::plan::plan;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::golden::case::Case;
use crate::golden::world::build;

/// What has gone: wave, offset, recipients, share, seconds after the start.
type Gone = (String, i64, i64, String, i64);

/// A smooth send of its own plan at an instant, with what has gone before.
fn world(
    audience: i64,
    demand: f64,
    end: Option<i64>,
    gone: &[Gone],
    at: i64,
) -> (headroom::plan::snapshot::Snapshot, Timestamp) {
    let start: Timestamp = "2027-01-15T08:00:00Z".parse().unwrap();
    let now = start + SignedDuration::from_secs(at);
    let end =
        end.map_or_else(String::new, |end| format!(", schedule: {{end: {}}}", start + SignedDuration::from_secs(end)));
    let entries: Vec<String> = gone
        .iter()
        .map(|(wave, offset, recipients, share, second)| {
            let ago = at - second;
            format!("{{wave: {wave}, offset: {offset}, recipients: {recipients}, share: {share}, ago: {ago}s}}")
        })
        .collect();
    let text = format!(
        "title: a smooth send\nwhy: drawn\nnow: {now}\nworkloads: {{web: {{demand: {demand}, ready: 30, held: 30}}}}\n\
         campaigns: [{{spec: {{waves: null, pace: Smooth, load: null, audience: {{size: {audience}}}{end}}}}}]\n\
         entries: [{}]\nexpect: {{}}\n",
        entries.join(", ")
    );
    let case = Case::of(&text).unwrap();
    (build(&case).unwrap().0, now)
}

/// Looks until a day after the last thing could go. What went, in the order it went.
fn played(audience: i64, demand: f64, end: Option<i64>) -> Vec<Gone> {
    let (mut gone, mut memory): (Vec<Gone>, _) = (Vec::new(), Memory::default());
    let mut at = 0;
    while at < 26 * 3_600 {
        let (mut snapshot, now) = world(audience, demand, end, &gone, at);
        snapshot.memory = memory;
        let decided = plan(&snapshot, now);
        memory = decided.memory;
        if let Some(order) = decided.release {
            let wave = order.wave;
            gone.push((wave.name, wave.offset, wave.recipients, wave.share, at));
            at += 1;
            continue;
        }
        if decided.skips.is_empty()
            && decided
                .reports
                .iter()
                .any(|report| report.status.phase.is_some_and(headroom::api::campaign_status::Phase::is_finished))
        {
            break;
        }
        at += 450;
    }
    gone
}

/// Looks at the very instants at which parts were said to go: none may be put off because the choice has grown old.
#[test]
fn a_part_is_not_put_off_at_the_instant_for_which_it_was_announced() {
    let (mut gone, mut memory): (Vec<Gone>, _) = (Vec::new(), Memory::default());
    let (mut at, mut kept) = (0, 0);
    let mut announced: Option<i64> = None;
    while at < 26 * 3_600 {
        let (mut snapshot, now) = world(1_000_000, 1_200.0, None, &gone, at);
        snapshot.memory = memory;
        let decided = plan(&snapshot, now);
        memory = decided.memory;
        let paced = decided.reports.first().and_then(|report| report.status.next_start.as_ref());
        let paced = paced.filter(|next| next.reason == "Paced");
        let next = paced.map(|next| next.at.0.duration_since(now).as_secs() + at);
        if let Some(promised) = announced.take() {
            assert!(next.is_none_or(|next| next <= promised), "{next:?} was {promised}, after {gone:?}");
            kept += 1;
        }
        if let Some(order) = decided.release {
            let wave = order.wave;
            gone.push((wave.name, wave.offset, wave.recipients, wave.share, at));
            at += 1;
        } else if let Some(next) = next.filter(|next| *next > at) {
            announced = Some(next);
            at = next;
        } else {
            at += 5;
        }
        if gone.iter().map(|(_, _, recipients, ..)| recipients).sum::<i64>() == 1_000_000 {
            break;
        }
    }
    assert!(kept > 10, "only {kept} parts were announced");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]
    #[test]
    fn everybody_is_reached_once_and_no_part_is_too_small(
        audience in 50_i64..3_000_000, demand in 300.0..2_100.0_f64,
        end in prop::option::weighted(0.5, 7_200_i64..80_000),
    ) {
        let gone = played(audience, demand, end);
        let mut next = 0;
        for (place, (wave, offset, recipients, share, _)) in gone.iter().enumerate() {
            let name = if place == 0 { "canary".to_owned() } else { format!("rest-{place}") };
            prop_assert_eq!(wave, &name);
            prop_assert_eq!(*offset, next);
            next += recipients;
            let least = (audience / 50).max(1).min(audience - offset);
            prop_assert!(place == 0 || *recipients >= least, "{} of {}", recipients, least);
            prop_assert_eq!(share == "part", place > 0 && next < audience, "{} by {} of {}", share, next, audience);
        }
        prop_assert!(next <= audience);
        // Room for a fiftieth is always found within a day while a tenth of the workload is free; and then nobody is left.
        let takes = audience / 2_000 + 1_200;
        if demand < 1_900.0 && end.is_none_or(|end| end > 10 * takes) {
            prop_assert_eq!(next, audience, "{:?}", gone);
        }
    }
}
