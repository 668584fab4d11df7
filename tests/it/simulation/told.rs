//! The story that a seed tells: one to four campaigns in one pool, and what befalls them, all of it before the world
//! calms down.

use std::sync::OnceLock;
use std::time::Duration;

use headroom::sim::ailment::{Ailment, Spell};
use headroom::sim::deed::{Deed, Thing};
use headroom::sim::receiver::Manner;
use headroom::sim::story::Story;
use headroom::sim::world::SETTLING;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::dice::Dice;
use super::kept;
use super::mix::{Class, Mix};
use super::owners;
use crate::support::bed::root;

/// The namespace of the campaigns, and those of the pool and of the Sender.
pub const MARKETING: &str = "marketing";
pub const SHOP: &str = "shop";
pub const MAIL: &str = "mail";
pub const POOL: &str = "storefront";
pub const SENDER: &str = "app-push";
pub const TARGET: &str = "web";
pub const HPAS: &str = "horizontalpodautoscalers.autoscaling";
pub const DEPLOYMENTS: &str = "deployments.apps";
pub const POOLS: &str = "capacitypools.headroom.dev";
pub const SENDERS: &str = "senders.headroom.dev";
pub const CAMPAIGNS: &str = "campaigns.headroom.dev";
const FLOOR: &str = "headroom.dev/floor";

/// When the files say that the world begins; the story begins when its cluster has settled.
pub const START: &str = "2027-03-19T09:00:00Z";
/// Everything that goes wrong does so before.
pub const CALM: u64 = 240;

/// When the operator begins.
pub fn begun() -> Timestamp {
    START.parse::<Timestamp>().unwrap() + SETTLING
}

/// When all is calm.
pub fn calm() -> Timestamp {
    begun() + seconds(CALM)
}

pub fn seconds(count: u64) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(count).unwrap())
}

/// The demo's files, with demand at this share of its ordinary peak.
pub fn demo(flat: f64) -> Story {
    static READ: OnceLock<Story> = OnceLock::new();
    let read = |name: &str| {
        let text = std::fs::read_to_string(root().join(format!("examples/demo/{name}.yaml"))).unwrap();
        headroom::yaml::read_all(&text.replace("PORT", "80")).unwrap()
    };
    let story = READ.get_or_init(|| {
        let objects = ["shop", "pool", "sender", "campaign"].map(read).concat();
        Story::of(objects, START.parse().unwrap(), Some(1.0)).unwrap()
    });
    let mut story = story.clone();
    for workload in &mut story.workloads {
        workload.shape = headroom::sim::traffic::Shape::Flat(320.0 * flat);
    }
    story
}

fn number(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

/// The story of a seed.
pub fn story(seed: u64, mix: &Mix) -> Story {
    let mut dice = Dice::of(seed, 4);
    let mut story = demo(0.3 + 0.1 * number(dice.below(12)));
    story.seed = seed;
    story.troubles.calm = seconds(CALM);
    story.troubles.manners_end = seconds(CALM - 30);
    story.troubles.downtime = SignedDuration::from_millis(i64::try_from(dice.below(15_000)).unwrap());
    let file = story.campaigns.remove(0);
    let count = *dice.pick(&[1, 1, 1, 2, 2, 3, 4]);
    let names: Vec<String> = (0..count).map(|index| format!("sale-{index}")).collect();
    story.campaigns = names.iter().map(|name| campaign(&file, name, &mut dice)).collect();
    if seed >= FIRST_SMOOTH {
        smooth(seed, &mut story);
    }
    let mut deeds = Vec::new();
    for class in mix.classes() {
        let mut dice =
            Dice::of(seed, 100 + u64::try_from(Class::ALL.iter().position(|it| *it == class).unwrap()).unwrap());
        for _ in 0..mix.strength(class).div_ceil(3) {
            befall(class, &mut dice, &names, &mut story, &mut deeds);
        }
    }
    if seed >= FIRST_SMOOTH && !kept::is_old(seed) {
        contracts(seed, &mut story, &mut deeds);
    }
    if seed >= owners::FIRST {
        owners::change(seed, mix, &story, &mut deeds);
    }
    deeds.sort_by_key(|(at, _)| *at);
    story.deeds = deeds;
    story.crashes.sort();
    story.troubles.spells.sort_by_key(|spell| spell.from);
    story
}

/// Earlier seeds are told as they were when defects were found in them.
const FIRST_SMOOTH: u64 = 360;

/// In one story of three the pool has a plan of its own, and campaigns leave it to Headroom how it is cut.
fn smooth(seed: u64, story: &mut Story) {
    let mut dice = Dice::of(seed, 5);
    if !dice.one_in(3) {
        return;
    }
    let soak = *dice.pick(&["0s", "5s", "15s"]);
    let pool = story.objects.iter_mut().find(|object| object["kind"] == "CapacityPool").unwrap();
    pool["spec"]["waves"] = json!([{"name": "canary", "percent": 10, "soak": soak}, {"name": "rest"}]);
    for campaign in &mut story.campaigns {
        if dice.one_in(3) {
            continue;
        }
        let spec = campaign["spec"].as_object_mut().unwrap();
        spec.remove("waves");
        spec.insert("pace".to_owned(), json!("Smooth"));
        // So many that they seldom go at once.
        let size = spec["audience"]["size"].as_u64().unwrap();
        spec["audience"]["size"] = json!(size * dice.between(1, 20));
        if !spec.contains_key("schedule") {
            let end = format!("2027-03-19T{}:00Z", clock_time(dice.between(3, 9)));
            spec.insert("schedule".to_owned(), json!({"end": end}));
        }
    }
}

/// Its Sender has a Job in place of a receiver.
pub fn by_job(story: &mut Story) {
    let sender = story.objects.iter_mut().find(|object| object["kind"] == "Sender").unwrap();
    let spec = sender["spec"].as_object_mut().unwrap();
    spec.remove("webhook");
    let container = json!({"name": "push", "image": "push:1"});
    let template = json!({"spec": {"template": {"spec": {"containers": [container]}}}});
    spec.insert("job".to_owned(), json!({ "template": template }));
}

/// What the receiver guarantees.
pub fn guarantees(story: &mut Story, contract: Value) {
    let sender = story.objects.iter_mut().find(|object| object["kind"] == "Sender").unwrap();
    sender["spec"]["webhook"]["contract"] = contract;
}

/// In one story of three the receiver keeps keys, for long enough or hardly; in one of three others it can be asked, in one of three others still it is a Job; and sometimes
/// its Sender no longer says so.
fn contracts(seed: u64, story: &mut Story, deeds: &mut Vec<(SignedDuration, Deed)>) {
    let mut dice = Dice::of(seed, 6);
    let is_keyed = dice.one_in(3);
    let can_be_asked = !is_keyed && dice.one_in(3);
    if is_keyed {
        let retention = *dice.pick(&["48h", "1h", "10m"]);
        guarantees(story, json!({"keyed": {"retention": retention}}));
    } else if can_be_asked {
        guarantees(story, json!({"queryable": {"url": "http://receiver/sends/{{ key }}"}}));
    } else {
        if dice.one_in(3) {
            by_job(story);
        }
        return;
    }
    if dice.one_in(8) {
        let contract = json!({"keyed": null, "queryable": null, "atMostOnce": {}});
        let fields = json!({"spec": {"webhook": {"contract": contract}}});
        let to = Thing::new(SENDERS, MAIL, SENDER);
        deeds.push((time(&mut dice), Deed::Write { by: "kubectl", to, fields }));
    }
}

/// When something befalls.
pub fn time(dice: &mut Dice) -> SignedDuration {
    seconds(dice.below(CALM - 5))
}

/// When what befell then is over.
pub fn until(at: SignedDuration, dice: &mut Dice) -> SignedDuration {
    (at + seconds(dice.between(2, 90))).min(seconds(CALM - 1))
}

/// A campaign like the one of the files, with a size, waves and times of its own.
fn campaign(file: &Value, name: &str, dice: &mut Dice) -> Value {
    let mut campaign = file.clone();
    campaign["metadata"]["name"] = json!(name);
    let spec = &mut campaign["spec"];
    spec["audience"]["size"] = json!(2_000 + dice.below(60_000));
    spec["waves"] = waves(dice);
    if dice.one_in(3) {
        spec["priority"] = json!(dice.below(1_000));
    }
    if dice.one_in(5) {
        spec["load"]["responseMedian"] = json!(*dice.pick(&["20s", "1m", "5m"]));
    }
    if dice.one_in(3) {
        spec["schedule"] = schedule(dice);
    }
    campaign
}

fn waves(dice: &mut Dice) -> Value {
    let soak = *dice.pick(&["0s", "5s", "15s", "40s"]);
    match dice.below(5) {
        0 => json!([{"name": "all"}]),
        1 => {
            json!([{"name": "canary", "percent": 5, "soak": soak}, {"name": "half", "percent": 45, "soak": "10s"}, {"name": "rest"}])
        }
        2 => {
            json!([{"name": "first", "recipients": 500, "soak": soak}, {"name": "second", "recipients": 700}, {"name": "rest"}])
        }
        _ => json!([{"name": "canary", "percent": 10, "soak": soak}, {"name": "rest"}]),
    }
}

/// `09:07` and the like: so many minutes after the story's hour.
fn clock_time(minutes: u64) -> String {
    format!("{:02}:{:02}", 9 + minutes / 60, minutes % 60)
}

fn schedule(dice: &mut Dice) -> Value {
    let from = dice.below(8);
    let to = from + dice.between(1, 12);
    match dice.below(4) {
        0 => json!({"windows": [{"from": clock_time(from), "to": clock_time(to)}]}),
        1 => json!({"start": format!("2027-03-19T{}:00Z", clock_time(from))}),
        2 => json!({"end": format!("2027-03-19T{}:30Z", clock_time(3 + to))}),
        _ => {
            json!({"windows": [{"from": clock_time(from), "to": clock_time(to)}], "end": format!("2027-03-19T{}:00Z", clock_time(3 + to)), "onDeadline": "Hold"})
        }
    }
}

/// What may become of a connection that is neither in order nor the operator's own end.
pub const MANNERS: [Manner; 19] = [
    Manner::Refuses,
    Manner::ConnectsIn(Duration::from_secs(4)),
    Manner::ConnectsIn(Duration::from_millis(5_100)),
    Manner::Stalls(Duration::from_secs(4)),
    Manner::Stalls(Duration::from_millis(5_100)),
    Manner::Stalls(Duration::from_secs(90)),
    Manner::Answers(202, true),
    Manner::Answers(400, false),
    Manner::Answers(404, false),
    Manner::Answers(409, true),
    Manner::Answers(409, false),
    Manner::Answers(429, false),
    Manner::Answers(429, true),
    Manner::Answers(500, true),
    Manner::Answers(503, false),
    Manner::Hangs(true),
    Manner::Hangs(false),
    Manner::Cuts(true),
    Manner::Cuts(false),
];

/// One misfortune of a class that is no matter of calls and watches.
fn befall(class: Class, dice: &mut Dice, names: &[String], story: &mut Story, deeds: &mut Vec<(SignedDuration, Deed)>) {
    let at = time(dice);
    let name = dice.pick(names).clone();
    let of = (MARKETING.to_owned(), name.clone());
    let write = |to: Thing, by: &'static str, fields: Value| Deed::Write { by, to, fields };
    let hpa = Thing::new(HPAS, SHOP, TARGET);
    let deployment = Thing::new(DEPLOYMENTS, SHOP, TARGET);
    let pool = Thing::new(POOLS, SHOP, POOL);
    let sender = Thing::new(SENDERS, MAIL, SENDER);
    let campaign = Thing::new(CAMPAIGNS, MARKETING, &name);
    let until = |dice: &mut Dice| until(at, dice);
    match class {
        Class::Refusals
        | Class::AppliedAndRefused
        | Class::BrokenBefore
        | Class::BrokenAfter
        | Class::Delays
        | Class::LateWatches => {}
        Class::CutWatches => deeds.push((at, Deed::CutWatches)),
        Class::Compaction => {
            deeds.push((at, Deed::Compact));
            deeds.push((at, Deed::CutWatches));
        }
        Class::Crashes => {
            story.crashes.push(at.min(seconds(CALM - 30)));
            let manner = *dice.pick(&[Manner::DiesBefore, Manner::DiesAfter]);
            if dice.one_in(2) {
                set_manner(story, dice, manner);
            }
        }
        Class::Twin => story.troubles.twin = Some((at, until(dice))),
        Class::Sensors => {
            let what = *dice.pick(&[
                Ailment::Silent,
                Ailment::Unreachable,
                Ailment::Failing,
                Ailment::Html,
                Ailment::NotANumber,
                Ailment::Infinite,
                Ailment::Negative,
                Ailment::Empty,
                Ailment::Several,
                Ailment::Warned,
                Ailment::Stale,
            ]);
            let spell = Spell { from: at, until: until(dice), of_all: dice.one_in(2), what };
            story.troubles.spells.push(spell);
        }
        Class::Lies => {
            let factor = *dice.pick(&[0.0, 0.2, 0.5, 1.5, 10.0]);
            let spell = Spell { from: at, until: until(dice), of_all: false, what: Ailment::Lying(factor) };
            story.troubles.spells.push(spell);
        }
        Class::Clocks => {
            let by = *dice.pick(&[-3_600, -60, -7, -4, -1, 1, 4, 7, 60, 3_600]);
            if dice.one_in(2) {
                let spell = Spell { from: at, until: until(dice), of_all: true, what: Ailment::Clock(by) };
                story.troubles.spells.push(spell);
            } else {
                let back = until(dice);
                deeds.push((at, Deed::Clock(SignedDuration::from_secs(by))));
                deeds.push((back, Deed::Clock(SignedDuration::from_secs(-by))));
            }
        }
        Class::Receivers => {
            let manner = *dice.pick(&MANNERS);
            set_manner(story, dice, manner);
        }
        Class::Rivals => match dice.below(3) {
            0 => deeds.push((at, write(hpa, "argocd", json!({"metadata": {"annotations": {FLOOR: null}}})))),
            1 => {
                // A loop that insists.
                let least = dice.between(1, 4);
                for round in 0..6 {
                    let at = (at + seconds(round * 12)).min(seconds(CALM - 1));
                    deeds.push((at, write(hpa.clone(), "argocd", json!({"spec": {"minReplicas": least}}))));
                }
            }
            _ => {
                let least = dice.between(1, 28);
                deeds.push((at, write(hpa, "somebody", json!({"spec": {"minReplicas": least}}))));
            }
        },
        Class::Targets => {
            let what = dice.pick(&[hpa, deployment]).clone();
            let deed = if dice.one_in(3) {
                Deed::Delete { by: "kubectl", what }
            } else {
                Deed::Replace { by: "kubectl", what }
            };
            deeds.push((at, deed));
        }
        Class::People => match dice.below(5) {
            0 => deeds.push((at, Deed::Edit { campaign: of, spec: json!({"abort": true}) })),
            1 => deeds.push((at, Deed::Reapply { campaign: of })),
            2 => deeds.push((at, Deed::Delete { by: "kubectl", what: campaign })),
            _ => {
                deeds.push((at, Deed::Edit { campaign: of.clone(), spec: json!({"suspend": true}) }));
                if dice.one_in(2) {
                    deeds.push((until(dice), Deed::Edit { campaign: of, spec: json!({"suspend": false}) }));
                }
            }
        },
        Class::Edits => {
            let spec = match dice.below(4) {
                0 => json!({"audience": {"size": 500 + dice.below(90_000)}}),
                1 => json!({"waves": waves(dice)}),
                2 => json!({"schedule": schedule(dice)}),
                _ => json!({"priority": dice.below(1_000), "load": {"responseMedian": "30s"}}),
            };
            deeds.push((at, Deed::Edit { campaign: of, spec }));
        }
        Class::Pools => {
            let edit = |spec: Value| write(pool.clone(), "kubectl", json!({ "spec": spec }));
            match dice.below(6) {
                0 => {
                    deeds.push((at, edit(json!({"suspend": true}))));
                    if dice.one_in(2) {
                        deeds.push((until(dice), edit(json!({"suspend": false}))));
                    }
                }
                1 => deeds.push((at, Deed::Replace { by: "kubectl", what: pool.clone() })),
                2 => deeds.push((at, edit(json!({"targetUtilization": "60%"})))),
                3 => deeds.push((at, edit(json!({"loadMargin": "2.0"})))),
                4 => deeds.push((at, edit(json!({"confirm": {"samples": 5, "span": "20s"}})))),
                _ => deeds.push((at, edit(json!({"scaleDown": {"hold": "1m", "step": "50%"}})))),
            }
        }
        Class::Namespaces => {
            let name = *dice.pick(&[MARKETING, SHOP, MAIL]);
            deeds.push((at, Deed::Delete { by: "kubectl", what: Thing::new("namespaces", "", name) }));
        }
        Class::Senders => match dice.below(3) {
            0 => deeds.push((at, write(sender, "kubectl", json!({"spec": {"sendRate": "900/s"}})))),
            1 => deeds.push((
                at,
                write(sender, "kubectl", json!({"spec": {"webhook": {"url": "http://127.0.0.1:80/other"}}})),
            )),
            _ => deeds.push((at, Deed::Replace { by: "kubectl", what: sender })),
        },
        Class::Demand => {
            deeds.push((at, Deed::Demand(50.0 + number(dice.below(900)))));
            if dice.one_in(2) {
                deeds.push((until(dice), Deed::Demand(50.0 + number(dice.below(350)))));
            }
        }
        Class::Errors => {
            deeds.push((at, Deed::Errors(0.1)));
            deeds.push((until(dice), Deed::Errors(0.0)));
        }
    }
}

/// One of the first connections goes like this.
fn set_manner(story: &mut Story, dice: &mut Dice, manner: Manner) {
    let index = usize::try_from(dice.below(5)).unwrap();
    let manners = &mut story.troubles.manners;
    manners.resize(manners.len().max(index + 1), None);
    manners[index] = Some(manner);
}
