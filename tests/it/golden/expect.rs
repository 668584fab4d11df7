//! What a case expects, and how a plan differs from it. What is not written of releases, skips, outcomes and floors is
//! expected not to happen; of campaigns exactly those named are spoken of.

use std::collections::BTreeMap;
use std::fmt::Debug;

use headroom::api::campaign_status::CampaignStatus;
use headroom::plan::Plan;
use headroom::plan::report::Report;
use jiff::Timestamp;
use serde::Deserialize;

use super::case::Ago;

/// What is expected of a plan.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Expect {
    /// By `<namespace>/<name>`.
    #[serde(default)]
    campaigns: BTreeMap<String, Told>,
    release: Option<Goes>,
    /// `<wave> <reason> at <offset> by <who>`, of each fact.
    #[serde(default)]
    skips: Vec<String>,
    /// `<entry's wave> <outcome>`, of each outcome.
    #[serde(default)]
    outcomes: Vec<String>,
    /// What is written to each target, by name.
    #[serde(default)]
    floors: BTreeMap<String, Floor>,
    /// Every claim that stands afterwards, by target, where the case is about that.
    claims: Option<BTreeMap<String, Claimed>>,
    /// Guardrails that are broken afterwards, where the case is about that.
    breaches: Option<Vec<String>>,
    /// What the pool's status says.
    pool: Option<PoolTold>,
    /// When to look again.
    again: Option<Ago>,
    /// The order they go in.
    queue: Option<Vec<String>>,
}

/// What a pool's status shows.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PoolTold {
    reason: Option<String>,
    message: Option<String>,
    /// Where the baseline comes from, by workload.
    #[serde(default)]
    baseline: BTreeMap<String, String>,
    /// Still to come from sends, by workload.
    #[serde(default)]
    committed: BTreeMap<String, i64>,
}

/// What a campaign's status shows.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Told {
    phase: String,
    reason: String,
    /// The whole sentence.
    message: Option<String>,
    /// Parts of it.
    #[serde(default)]
    says: Vec<String>,
    /// Its last words.
    ends: Option<String>,
    /// `<reason> since <instant>`, or `none`.
    hold: Option<String>,
    /// `required`, `required, by <name>`, `by <name>` or `none`.
    approval: Option<String>,
    priority: Option<i32>,
    needed: Option<i64>,
    free: Option<i64>,
    bottleneck: Option<String>,
    confirmations: Option<String>,
    /// When the next wave may start.
    next: Option<Timestamp>,
    /// `1/2`.
    waves: Option<String>,
    /// `24k/1.2M`.
    sent: Option<String>,
    /// The recipients of each wave, in order.
    sizes: Option<Vec<i64>>,
    /// The state of each wave, in order.
    states: Option<Vec<String>>,
    /// Whether only a person can make it go on.
    stalled: Option<bool>,
}

/// The wave that goes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Goes {
    campaign: String,
    wave: String,
    offset: i64,
    /// Left out where it is found by halving: then `neededBetween` tells.
    recipients: Option<i64>,
    share: Option<String>,
    body: Option<String>,
    key: Option<String>,
    entry: Option<String>,
    /// Of the evidence, within a tenth of a per mille: what is scaled to a peak is scaled on the operator's own grid.
    needed: Option<f64>,
    /// Where the operator's grid may be up to 1.5 % low.
    needed_between: Option<(f64, f64)>,
    free: Option<f64>,
    bottleneck: Option<String>,
    latest_start: Option<Timestamp>,
    margin: Option<f64>,
    /// Messages per second.
    rate: Option<f64>,
    /// Who answers for its going without confirmed headroom. Always compared: `null`, or all of it.
    without_headroom: Option<AnsweredFor>,
}

/// Who answers for a wave, and what would have held it back.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AnsweredFor {
    by: String,
    reason: String,
    instead_of: String,
}

/// What is written to a target.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Floor {
    value: Option<i32>,
    /// The baseline in the annotation; `none` where the annotation is taken away.
    note: Option<NoteWritten>,
}

/// The baseline that the annotation keeps.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct NoteWritten {
    baseline: Option<i32>,
}

/// A claim afterwards.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Claimed {
    floor: i32,
    baseline: Option<i32>,
    #[serde(default)]
    reassertions: i32,
    /// Whether it is seen that nothing needs it.
    #[serde(default)]
    quiet: bool,
    /// Whether it is seen that nothing is heard of its workload.
    #[serde(default)]
    silent: bool,
}

/// Collects what differs.
struct Differences(Vec<String>);

impl Differences {
    fn same<T: PartialEq + Debug>(&mut self, field: &str, expected: &T, got: &T) {
        if expected != got {
            self.0.push(format!("{field}:\n    expected {expected:?}\n    got      {got:?}"));
        }
    }

    fn if_asked<T: PartialEq + Debug + Clone>(&mut self, field: &str, expected: Option<&T>, got: Option<T>) {
        if let Some(expected) = expected {
            self.same(field, &Some(expected.clone()), &got);
        }
    }

    fn near(&mut self, field: &str, expected: Option<f64>, got: f64) {
        if let Some(expected) = expected
            && ((expected - got).is_nan() || (expected - got).abs() > 1e-4 * expected.abs().max(10.0))
        {
            self.0.push(format!("{field}:\n    expected {expected}\n    got      {got}"));
        }
    }
}

fn condition(report: &Report, kind: &str) -> Option<bool> {
    report.status.conditions.iter().find(|condition| condition.type_ == kind).map(|found| found.status == "True")
}

fn hold(status: &CampaignStatus) -> String {
    status.hold.as_ref().map_or("none".to_owned(), |hold| format!("{} since {}", hold.reason, hold.since.0))
}

fn approval(status: &CampaignStatus) -> String {
    let Some(approval) = &status.approval else { return "none".to_owned() };
    let by = approval.by.as_ref().map(|by| format!("by {by}"));
    approval.required.then(|| "required".to_owned()).into_iter().chain(by).collect::<Vec<_>>().join(", ")
}

impl Expect {
    /// Every reason it names.
    pub fn reasons(&self) -> Vec<String> {
        self.campaigns.values().map(|told| told.reason.clone()).collect()
    }

    /// Every phase it names.
    pub fn phases(&self) -> Vec<String> {
        self.campaigns.values().map(|told| told.phase.clone()).collect()
    }

    /// How a plan differs from it.
    pub fn against(&self, plan: &Plan) -> Vec<String> {
        let mut found = Differences(Vec::new());
        self.campaigns(plan, &mut found);
        self.release(plan, &mut found);
        let skip = |skip: &headroom::plan::order::Skip| {
            format!("{} {:?} at {} by {}", skip.wave.name, skip.reason, skip.wave.offset, skip.by)
        };
        found.same("skips", &self.skips, &plan.skips.iter().map(skip).collect());
        let outcomes = plan.outcomes.iter().map(|(entry, outcome, _)| format!("{entry} {outcome:?}"));
        found.same("outcomes", &self.outcomes, &outcomes.collect());
        self.floors(plan, &mut found);
        self.pool(plan, &mut found);
        if let Some(again) = self.again {
            found.same("again", &again.0, &plan.again);
        }
        found.0
    }

    fn campaigns(&self, plan: &Plan, found: &mut Differences) {
        let key = |report: &Report| format!("{}/{}", report.campaign.0, report.campaign.1);
        let mut told: Vec<String> = plan.reports.iter().map(key).collect();
        told.sort();
        found.same("campaigns", &self.campaigns.keys().cloned().collect::<Vec<_>>(), &told);
        for report in &plan.reports {
            let name = key(report);
            let Some(expected) = self.campaigns.get(&name) else { continue };
            let (status, at) = (&report.status, |field: &str| format!("campaigns.{name}.{field}"));
            found.if_asked(&at("phase"), Some(&expected.phase), status.phase.map(|phase| phase.name().to_owned()));
            found.if_asked(&at("reason"), Some(&expected.reason), status.reason.clone());
            found.if_asked(&at("message"), expected.message.as_ref(), status.message.clone());
            let message = status.message.clone().unwrap_or_default();
            for part in &expected.says {
                if !message.contains(part) {
                    found.0.push(format!("{}:\n    expected … {part} …\n    got      {message}", at("message")));
                }
            }
            if message.chars().count() > headroom::plan::explain::LONGEST {
                found.0.push(format!("{}: the API server takes no such long one: {message}", at("message")));
            }
            if let Some(ends) = expected.ends.as_ref().filter(|ends| !message.ends_with(*ends)) {
                found.0.push(format!("{}:\n    expected … {ends}\n    got      {message}", at("message")));
            }
            found.if_asked(&at("hold"), expected.hold.as_ref(), Some(hold(status)));
            found.if_asked(&at("approval"), expected.approval.as_ref(), Some(approval(status)));
            found.if_asked(&at("priority"), expected.priority.as_ref(), status.priority);
            let headroom = status.headroom.as_ref();
            found.if_asked(&at("needed"), expected.needed.as_ref(), headroom.map(|headroom| headroom.needed));
            found.if_asked(&at("free"), expected.free.as_ref(), headroom.map(|headroom| headroom.free));
            found.if_asked(&at("bottleneck"), expected.bottleneck.as_ref(), headroom.map(|all| all.bottleneck.clone()));
            let confirmations = headroom.map(|headroom| headroom.confirmations.clone());
            found.if_asked(&at("confirmations"), expected.confirmations.as_ref(), confirmations);
            found.if_asked(&at("next"), expected.next.as_ref(), status.next_start.as_ref().map(|next| next.at.0));
            let display = status.display.as_ref();
            found.if_asked(&at("waves"), expected.waves.as_ref(), display.map(|display| display.waves.clone()));
            found.if_asked(&at("sent"), expected.sent.as_ref(), display.map(|display| display.sent.clone()));
            let sizes = status.waves.iter().map(|wave| wave.recipients).collect();
            found.if_asked(&at("sizes"), expected.sizes.as_ref(), Some(sizes));
            let states = status.waves.iter().map(|wave| wave.state.clone()).collect();
            found.if_asked(&at("states"), expected.states.as_ref(), Some(states));
            found.if_asked(&at("stalled"), expected.stalled.as_ref(), condition(report, "Stalled"));
        }
    }

    fn release(&self, plan: &Plan, found: &mut Differences) {
        let place = |campaign: &str, wave: &str, offset: i64, recipients: i64| {
            format!("{campaign} \"{wave}\" {offset} + {recipients}")
        };
        let went = plan.release.as_ref().map_or(0, |order| order.wave.recipients);
        let expected = self.release.as_ref().map(|goes| {
            assert!(goes.recipients.is_some() || goes.needed_between.is_some(), "a release needs its recipients");
            place(&goes.campaign, &goes.wave, goes.offset, goes.recipients.unwrap_or(went))
        });
        let got = plan.release.as_ref().map(|order| {
            let campaign = format!("{}/{}", order.campaign.0, order.campaign.1);
            place(&campaign, &order.wave.name, order.wave.offset, order.wave.recipients)
        });
        found.same("release", &expected, &got);
        let (Some(goes), Some(order)) = (&self.release, &plan.release) else { return };
        found.if_asked("release.share", goes.share.as_ref(), Some(order.wave.share.clone()));
        found.if_asked("release.body", goes.body.as_ref(), Some(order.body.clone()));
        found.if_asked("release.key", goes.key.as_ref(), Some(order.key.clone()));
        found.if_asked("release.entry", goes.entry.as_ref(), Some(order.entry.clone()));
        found.if_asked("release.bottleneck", goes.bottleneck.as_ref(), Some(order.evidence.bottleneck.clone()));
        found.near("release.needed", goes.needed, order.evidence.needed);
        if let Some((least, most)) = goes.needed_between
            && !(least..=most).contains(&order.evidence.needed)
        {
            found.0.push(format!(
                "release.needed:\n    expected {least} to {most}\n    got      {}",
                order.evidence.needed
            ));
        }
        found.near("release.free", goes.free, order.evidence.free);
        found.near("release.margin", goes.margin, order.load.margin);
        found.near("release.rate", goes.rate, order.load.send_rate);
        let answered = order.evidence.without_headroom.clone().map(|answered| AnsweredFor {
            by: answered.by,
            reason: answered.reason,
            instead_of: answered.instead_of,
        });
        found.same("release.withoutHeadroom", &goes.without_headroom, &answered);
        // No limit is a limit that nobody wrote: it is always compared.
        found.same("release.latestStart", &goes.latest_start, &order.latest_start);
    }

    fn floors(&self, plan: &Plan, found: &mut Differences) {
        let written = |floor: &Floor| (floor.value, floor.note.clone());
        let expected: BTreeMap<String, _> =
            self.floors.iter().map(|(name, floor)| (name.clone(), written(floor))).collect();
        let got = plan.floors.iter().map(|floor| {
            let note = floor.write.note.as_ref().map(|note| NoteWritten { baseline: note.baseline });
            (floor.name.clone(), (floor.write.value, note))
        });
        found.same("floors", &expected, &got.collect());
        let claims = plan.pool.claims.iter().map(|claim| {
            let told = Claimed {
                floor: claim.floor,
                baseline: claim.baseline,
                reassertions: claim.reassertions,
                quiet: claim.quiet_since.is_some() || plan.memory.quiet.contains_key(&claim.id),
                silent: claim.silent_since.is_some(),
            };
            (claim.name.clone(), told)
        });
        found.if_asked("claims", self.claims.as_ref(), Some(claims.collect()));
    }

    fn pool(&self, plan: &Plan, found: &mut Differences) {
        let breaches = plan.pool.breaches.iter().map(|breach| breach.guardrail.clone()).collect();
        found.if_asked("breaches", self.breaches.as_ref(), Some(breaches));
        let queue = plan.pool.queue.iter().map(|queued| queued.campaign.clone()).collect();
        found.if_asked("queue", self.queue.as_ref(), Some(queue));
        let Some(pool) = &self.pool else { return };
        found.if_asked("pool.reason", pool.reason.as_ref(), plan.pool.reason.clone());
        found.if_asked("pool.message", pool.message.as_ref(), plan.pool.message.clone());
        let workload = |name: &str| plan.pool.workloads.iter().find(|workload| workload.name == name);
        for (name, expected) in &pool.baseline {
            let got = workload(name).and_then(|workload| workload.baseline.clone());
            found.if_asked(&format!("pool.baseline.{name}"), Some(expected), got);
        }
        for (name, expected) in &pool.committed {
            found.if_asked(&format!("pool.committed.{name}"), Some(expected), workload(name).and_then(|w| w.committed));
        }
    }
}
