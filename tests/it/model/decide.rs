//! The one place where the model meets the product: a compact state as a real `Snapshot`, the real `plan`, and its answer
//! made compact again. One question is asked once: the answer is kept.

use std::collections::{BTreeMap, HashMap};
use std::sync::{LazyLock, OnceLock, RwLock};

use headroom::api::campaign_status::{CampaignStatus, Phase, WaveStatus};
use headroom::api::pool_status::{CapacityPoolStatus, Claim, Reservation};
use headroom::api::release::{self, Disposition, EntryLoad, SkipReason};
use headroom::plan::claim::{Note, Target, TargetKind};
use headroom::plan::contract::Contract;
use headroom::plan::identity::{self, SendId, WaveId};
use headroom::plan::memory::{self, Basis, Memory};
use headroom::plan::reading::{HistoryPoints, Reading, SensorFault};
use headroom::plan::rules::Rules;
use headroom::plan::scope::Scope;
use headroom::plan::snapshot::{self, Found, Settings, Snapshot, Workload};
use headroom::plan::{Plan, plan};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

use super::cluster::{
    CAMPAIGNS, Campaign, END, Entry, Finish, Moment, Outcome, Pool, Reason, SLOTS, SOAK, Said, Sensor, Tried, WAVES,
    slot,
};
use super::hand::Streak;

const EPOCH: i64 = 1_800_000_000;
const NAMES: [&str; CAMPAIGNS] = ["autumn", "winter"];
const WAVE_NAMES: [&str; WAVES] = ["canary", "rest", "more"];
const POOL: &str = "shop/storefront";
const URL: &str = "http://mail/send";

/// Everything one decision knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Seen {
    /// The model's clock, in seconds, and where it stands.
    pub clock: &'static [i64],
    pub now: Moment,
    pub campaigns: [Campaign; CAMPAIGNS],
    pub entries: [Option<Entry>; SLOTS],
    pub pool: Pool,
    pub sensor: Sensor,
    pub is_scaled: bool,
    /// How many samples the pool's owner asks for, and which of them were seen before.
    pub samples: u8,
    pub memory: [Option<Streak>; SLOTS],
}

/// The wave to be released: slot, first recipient and how many, in thousands.
pub type Wave = (u8, u8, u8);

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Reason, UID of the Campaign, and offset.
    pub skips: [Option<(Reason, u8, u8)>; SLOTS],
    pub outcomes: [Option<Outcome>; SLOTS],
    pub says: [Option<Said>; CAMPAIGNS],
    pub release: Option<Wave>,
    pub memory: [Option<Streak>; SLOTS],
}

/// Every question that was asked of the real plan, by all models of this process, and its answer.
static KNOWN: LazyLock<RwLock<HashMap<Seen, Decided>>> = LazyLock::new(RwLock::default);

/// How many different questions the real plan was asked.
pub fn asked() -> usize {
    KNOWN.read().unwrap().len()
}

/// The answer of the real plan.
pub fn decide(seen: &Seen) -> Decided {
    let known = &KNOWN;
    if let Some(decided) = known.read().unwrap().get(seen) {
        return decided.clone();
    }
    let decided = compact(seen, &plan(&full(seen), seen.at(seen.now)));
    known.write().unwrap().insert(seen.clone(), decided.clone());
    decided
}

/// The name of an entry, and the slot of a name.
fn name(slot: usize) -> &'static str {
    static ENTRIES: OnceLock<Vec<String>> = OnceLock::new();
    let entries = ENTRIES.get_or_init(|| {
        let id = |slot: usize| {
            let send = SendId::for_campaign("marketing", NAMES[slot / WAVES]);
            WaveId::new(&send, WAVE_NAMES[slot % WAVES]).ledger_name()
        };
        (0..SLOTS).map(id).collect()
    });
    &entries[slot]
}

fn slot_of(entry: &str) -> usize {
    (0..SLOTS).find(|slot| name(*slot) == entry).expect("an entry of the model")
}

fn thousands(count: i64) -> u8 {
    assert_eq!(count % 1_000, 0, "the model counts recipients in thousands");
    u8::try_from(count / 1_000).unwrap()
}

/// What the real plan freezes of a wave's load, taken from an order of its own.
fn load() -> EntryLoad {
    static LOAD: OnceLock<EntryLoad> = OnceLock::new();
    let ask = || {
        let campaign = Campaign { is_there: true, audience: 8, ..Campaign::default() };
        let seen = Seen {
            clock: &[0],
            now: 0,
            campaigns: [campaign, Campaign::default()],
            entries: [None; SLOTS],
            pool: Pool::default(),
            sensor: Sensor::Room,
            is_scaled: true,
            samples: 1,
            memory: [None; SLOTS],
        };
        plan(&full(&seen), seen.at(0)).release.expect("with everything in place a wave is released").load
    };
    LOAD.get_or_init(ask).clone()
}

impl Seen {
    fn at(&self, moment: Moment) -> Timestamp {
        Timestamp::from_second(EPOCH + self.clock[usize::from(moment)]).unwrap()
    }

    fn moment(&self, at: Timestamp) -> Moment {
        let place = (0..self.clock.len()).find(|place| self.clock[*place] + EPOCH == at.as_second());
        u8::try_from(place.expect("a moment of the model")).unwrap()
    }

    /// The newest sample is a second old.
    fn sample(&self, moment: Moment) -> Timestamp {
        self.at(moment) - SignedDuration::from_secs(1)
    }
}

/// The snapshot that `observe` would have made of it.
fn full(seen: &Seen) -> Snapshot {
    let spec = json!({
        "workloads": [{
            "name": "web", "targetRef": {"kind": "Deployment", "name": "web"}, "demand": {"query": "q", "peak": "300/s", "coverage": {"unverified": "a test"}},
            "capacityPerReplica": "100/s", "maxReplicas": 10,
        }],
        "targetUtilization": "75%", "loadMargin": "1.66", "admission": {"namespaceSelector": {}},
        "confirm": {"samples": seen.samples, "span": if seen.samples > 1 { "30s" } else { "0s" }},
        "suspend": seen.pool.suspend,
    });
    let claim = json!({
        "id": "c", "workload": "web", "kind": "HorizontalPodAutoscaler", "name": "web", "uid": "u", "baseline": 2,
        "floor": 10, "observed": true,
    });
    let note = Note { pool: POOL.into(), claim: "c".into(), baseline: Some(2), last_written: 10, reassertions: 0 };
    let target = Target {
        kind: TargetKind::Hpa,
        name: "web".into(),
        uid: "u".into(),
        value: Some(10),
        note: Some(note),
        note_is_alive: true,
        writer: None,
    };
    let reservation = seen.pool.reservation.map(|(slot, made)| Reservation {
        entry: name(usize::from(slot)).to_owned(),
        valid_until: Time(seen.at(made) + SignedDuration::from_secs(60)),
    });
    let reading = |value| {
        let (sample_at, evaluated_at) = (seen.sample(seen.now), seen.at(seen.now));
        Ok(Reading { value, sample_at, evaluated_at, range: SignedDuration::from_secs(10), replicas: None })
    };
    Snapshot {
        gates: snapshot::Gates::default(),
        pool: snapshot::Pool {
            namespace: "shop".into(),
            name: "storefront".into(),
            generation: if seen.pool.suspend { 2 } else { 1 },
            missing: false,
            deleting: false,
            rules: Rules::parse(&serde_json::from_value(spec).unwrap()),
            status: CapacityPoolStatus {
                observed_generation: Some(1),
                claims: vec![serde_json::from_value::<Claim>(claim).unwrap()],
                reservation,
                ..CapacityPoolStatus::default()
            },
        },
        workloads: vec![Workload {
            target: Ok(Found {
                target,
                autoscaler_max: Some(40),
                ready: if seen.is_scaled { 10 } else { 4 },
                replicas: 10,
                placeable: None,
            }),
            demand: Some(match seen.sensor {
                Sensor::Room => reading(300.0),
                Sensor::TooHigh => reading(700.0),
                Sensor::Silent => Err(SensorFault::Empty),
            }),
            history: Some(Ok(HistoryPoints { points: Vec::new(), step: SignedDuration::from_mins(5) })),
        }],
        orphans: Vec::new(),
        limits: Vec::new(),
        guardrails: Vec::new(),
        campaigns: (0..CAMPAIGNS).filter_map(|place| campaign(seen, place)).collect(),
        entries: (0..SLOTS).filter_map(|slot| entry(seen, slot)).collect(),
        settings: Settings {
            install: "headroom/headroom".into(),
            breach_recovery: SignedDuration::from_mins(10),
            scope: Scope::Everywhere,
        },
        memory: remembered(seen),
        nonce: "nonce".into(),
    }
}

fn waves(is_renamed: bool) -> [&'static str; 2] {
    [WAVE_NAMES[0], WAVE_NAMES[if is_renamed { 2 } else { 1 }]]
}

fn campaign(seen: &Seen, place: usize) -> Option<snapshot::Campaign> {
    let there = seen.campaigns[place];
    let [first, second] = waves(there.is_renamed);
    let spec = json!({
        "poolRef": {"namespace": "shop", "name": "storefront"}, "senderRef": {"namespace": "mail", "name": "push"},
        "channel": "push", "audience": {"size": 1_000 * i64::from(there.audience)}, "load": {"responseMedian": "10s"},
        "waves": [{"name": first, "percent": 50, "soak": format!("{SOAK}s")}, {"name": second}],
        "schedule": {"end": Timestamp::from_second(EPOCH + END).unwrap().to_string(), "onDeadline": "Skip"},
        "suspend": there.suspend, "abort": there.abort,
    });
    let sender = json!({"namespaceSelector": {}, "sendRate": "2000/s", "webhook": {"url": URL}});
    let told = |wave: usize| WaveStatus {
        name: WAVE_NAMES[wave].into(),
        state: "Released".into(),
        recipients: 0,
        fired_at: None,
        sent: None,
        soaked_at: None,
        release: Some(name(slot(place, wave)).to_owned()),
    };
    let finish = |finish| match finish {
        Finish::Completed => Phase::Completed,
        Finish::Skipped => Phase::Skipped,
        Finish::Aborted => Phase::Aborted,
    };
    let created = if there.birth > 0 { -10 } else { -1_000 + 100 * i64::try_from(place).unwrap() };
    there.is_there.then(|| snapshot::Campaign {
        asks: snapshot::Asks::default(),
        namespace: "marketing".into(),
        name: NAMES[place].into(),
        uid: uid(place, there.birth),
        generation: i64::from(there.generation),
        version: "7".into(),
        created: Timestamp::from_second(EPOCH + created).unwrap(),
        deleting: false,
        spec: serde_json::from_value(spec).unwrap(),
        status: CampaignStatus {
            observed_generation: Some(i64::from(there.generation)),
            phase: there.said.finish.map(finish),
            waves: (0..WAVES).filter(|wave| there.said.waves & (1 << wave) != 0).map(told).collect(),
            ..CampaignStatus::default()
        },
        sender: Some(snapshot::Sender {
            namespace: "mail".into(),
            name: "push".into(),
            uid: "sender".into(),
            generation: 1,
            deleting: false,
            spec: serde_json::from_value(sender).unwrap(),
            trouble: None,
        }),
        labels: BTreeMap::new(),
        taken_by: None,
        unreadable_entry: None,
    })
}

/// The birth whose UID a confirmation was seen for.
fn birth_of(place: usize, object: u64) -> u8 {
    let is_it = |birth: &u8| Basis::new(&uid(place, *birth), 1, 1, 1, 1).object == object;
    (0..=u8::MAX).find(is_it).unwrap()
}

fn uid(place: usize, birth: u8) -> String {
    format!("{}-{birth}", NAMES[place])
}

/// What `ledger::entry` makes of a stored entry.
fn entry(seen: &Seen, slot: usize) -> Option<snapshot::Entry> {
    let there = seen.entries[slot]?;
    let (place, wave) = (slot / WAVES, slot % WAVES);
    let is_fired = there.skip.is_none();
    let share = match (there.skip, wave) {
        (Some(_), _) => "none",
        (None, 0) => "50%",
        (None, _) => "rest",
    };
    let result = there.result.map(|result| format!("{result:?}"));
    Some(snapshot::Entry {
        name: name(slot).to_owned(),
        send_id: format!("marketing/{}", NAMES[place]),
        wave: WAVE_NAMES[wave].into(),
        offset: 1_000 * u64::from(there.offset),
        recipients: 1_000 * u64::from(there.recipients),
        share: share.into(),
        disposition: if is_fired { Disposition::Fire } else { Disposition::Skip },
        skip: there.skip.map(|reason| match reason {
            Reason::Aborted => SkipReason::Aborted,
            Reason::Missed => SkipReason::Missed,
            Reason::Empty => SkipReason::Empty,
        }),
        skipped_by: there.skip.map(|_| "spec.abort".to_owned()),
        campaign_uid: uid(place, there.birth),
        is_orphaned: false,
        campaign: format!("marketing/{}", NAMES[place]),
        pool: POOL.into(),
        first_attempt: seen.at(there.newest),
        newest_attempt: seen.at(there.newest),
        attempts: usize::from(there.attempts),
        tries: usize::from(there.not_sent),
        may_have_left_at: Vec::new(),
        contract: Contract::AtMostOnce,
        newest_nonce: "attempt".into(),
        newest_result: result,
        again: None,
        heard: None,
        was_deferred: false,
        resolved: Vec::new(),
        decided_at: None,
        outcome: there.outcome.map(|outcome| match outcome {
            Outcome::Released => release::Outcome::Released,
            Outcome::Rejected => release::Outcome::Rejected,
            Outcome::Unknown => release::Outcome::Unknown,
            Outcome::Missed => release::Outcome::Missed,
            Outcome::Skipped => release::Outcome::Skipped,
        }),
        message: None,
        load: is_fired.then(load),
        rates: Vec::new(),
        sender_key: None,
        sender: is_fired.then(|| ("sender".into(), identity::digest(URL.as_bytes()))),
        body: is_fired.then(|| "{}".into()),
        runs: headroom::plan::resume::Runs::default(),
    })
}

fn remembered(seen: &Seen) -> Memory {
    let mut memory = Memory::default();
    for (slot, streak) in seen.memory.iter().enumerate() {
        let Some(streak) = streak else { continue };
        let key = (format!("marketing/{}", NAMES[slot / WAVES]), WAVE_NAMES[slot % WAVES].to_owned());
        let uid = uid(slot / WAVES, streak.birth);
        let recipients = 1_000 * u64::from(streak.recipients);
        let basis = Basis::new(&uid, i64::from(streak.generation), 1, 1, recipients);
        let (first, newest) = (seen.sample(streak.first), seen.sample(streak.newest));
        memory.streaks.insert(key, memory::Streak { first, newest, count: u32::from(streak.count), basis });
    }
    memory
}

fn compact(seen: &Seen, plan: &Plan) -> Decided {
    let place = |name: &str| NAMES.iter().position(|there| *there == name).unwrap();
    let wave = |name: &str| WAVE_NAMES.iter().position(|there| *there == name).unwrap();
    let mut decided = Decided {
        skips: [None; SLOTS],
        outcomes: [None; SLOTS],
        says: [None; CAMPAIGNS],
        release: None,
        memory: [None; SLOTS],
    };
    for skip in &plan.skips {
        let reason = match skip.reason {
            SkipReason::Aborted => Reason::Aborted,
            SkipReason::Missed => Reason::Missed,
            SkipReason::Empty => Reason::Empty,
            SkipReason::Breached => unreachable!("the model has no guardrail"),
        };
        let birth = skip.campaign_uid.rsplit('-').next().unwrap().parse().unwrap();
        decided.skips[slot_of(&skip.entry)] = Some((reason, birth, thousands(skip.wave.offset)));
    }
    for (entry, outcome, _) in &plan.outcomes {
        decided.outcomes[slot_of(entry)] = Some(match outcome {
            release::Outcome::Unknown => Outcome::Unknown,
            release::Outcome::Missed => Outcome::Missed,
            release::Outcome::Skipped => Outcome::Skipped,
            other => unreachable!("{other:?} is never decided without an answer"),
        });
    }
    for report in &plan.reports {
        let finish = report.status.phase.and_then(|phase| match phase {
            Phase::Completed => Some(Finish::Completed),
            Phase::Skipped => Some(Finish::Skipped),
            Phase::Aborted => Some(Finish::Aborted),
            _ => None,
        });
        let gone = report.status.waves.iter().filter(|wave| wave.release.is_some());
        let waves = gone.fold(0, |all, told| all | 1 << wave(&told.name));
        decided.says[place(&report.campaign.1)] = Some(Said { finish, waves });
    }
    if let Some(order) = &plan.release {
        let (offset, recipients) = (thousands(order.wave.offset), thousands(order.wave.recipients));
        assert_eq!(order.evidence_at, seen.at(seen.now), "the evidence is that of this look");
        let last = Timestamp::from_second(EPOCH + last_start(recipients)).unwrap();
        assert_eq!(order.latest_start, Some(last), "the model checks the same instant");
        decided.release = Some((u8::try_from(slot_of(&order.entry)).unwrap(), offset, recipients));
    }
    // Where one sample suffices, what is remembered decides nothing.
    for ((send, name), streak) in plan.memory.streaks.iter().filter(|_| seen.samples > 1) {
        let slot = slot(place(send.trim_start_matches("marketing/")), wave(name));
        decided.memory[slot] = Some(Streak {
            first: seen.moment(streak.first + SignedDuration::from_secs(1)),
            newest: seen.moment(streak.newest + SignedDuration::from_secs(1)),
            count: u8::try_from(streak.count.min(u32::from(seen.samples))).unwrap(),
            birth: birth_of(place(send.trim_start_matches("marketing/")), streak.basis.object),
            generation: u8::try_from(streak.basis.campaign).unwrap(),
            recipients: u8::try_from(streak.basis.recipients / 1_000).unwrap(),
        });
    }
    decided
}

impl Tried {
    /// Whether the wave may be tried again after it.
    pub fn stayed_away(self) -> bool {
        matches!(self, Tried::NotFired | Tried::NotSent)
    }
}

/// The last second at which a wave may start: 2,000 a second leave.
pub fn last_start(recipients: u8) -> i64 {
    END - i64::from(recipients) / 2
}
