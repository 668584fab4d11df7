//! Every call of a run on the real API server, cut in every way, and every watch. The operator lives in this process, with its own client;
//! between it and the API server stands a door, at which one call goes wrong. A scenario is played undisturbed first, to learn what is
//! called; then once for each call and each fault. After each run the receiver's books and the API server's objects are held against what
//! is promised.
//!
//! `HEADROOM_API_CUTS=all cargo test --test it cuts::whatever_becomes -- --nocapture` plays all of them; without it a slice, spread over all.
//! `HEADROOM_API_CUTS=1000` plays a slice of so many, `HEADROOM_API_CUTS=watches` all of the watches,
//! `HEADROOM_API_CUTS=job,keyed` all of some scenarios, `HEADROOM_API_CUTS='keyed: POST /apis/… #0 DieAfter'` one,
//! and `HEADROOM_API_CUTS='once: WATCH'` all whose names begin so.
//! `HEADROOM_API_SLOTS=24` plays so many side by side; 12 without it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use headroom::api::Campaign;
use headroom::api::campaign_status::Phase;
use jiff::Timestamp;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use door::{Call, DEATHS, Door, Fault, OF_WRITES, WATCH};
use outside::{Books, Manner};
use slot::Slot;
use tally::Tally;
use watches::{ILLS, Ill, SILENCE};

mod door;
mod outside;
mod slot;
mod tally;
mod verdict;
mod watches;

/// So many plans are played where nobody asks for all.
const SLICE: usize = 100;
/// So many places stand side by side: a run is waiting most of the time.
const SLOTS: usize = 12;
/// The runs of which is learnt have numbers from here on; those before them warm up, and those after them are disturbed.
const LEARNT: usize = 500;
/// And so much further the runs that are learnt from as well.
const AGAIN: usize = 50;
/// After so many broken promises it is enough.
const ENOUGH: usize = 5;
/// A reservation of an operator that is dead is void after a minute.
const LONGEST: Duration = Duration::from_secs(100);
/// A run is looked at so often: it is the API server that is asked, which has enough to do.
const GLANCE: Duration = Duration::from_millis(300);
/// After a run has come to its end the operator lives on for so long: what is wrong may come then.
const AFTER: Duration = Duration::from_millis(1500);
/// What waits for its receiver, and says so, for so long, comes to no other end in a run.
const RESTS: Duration = Duration::from_secs(5);

/// What somebody does when the first wave has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Nothing,
    Abort,
    Delete,
    Reapply,
}

#[derive(Clone, Copy, Debug)]
struct Scenario {
    name: &'static str,
    contract: &'static str,
    manner: Option<Manner>,
    deed: Deed,
    campaigns: usize,
}

const fn scenario(name: &'static str, contract: &'static str) -> Scenario {
    Scenario { name, contract, manner: None, deed: Deed::Nothing, campaigns: 1 }
}

const SCENARIOS: [Scenario; 11] = [
    scenario("once", "once"),
    Scenario { manner: Some(Manner::Busy), ..scenario("keyed", "keyed") },
    Scenario { manner: Some(Manner::Cuts), ..scenario("queryable", "queryable") },
    scenario("job", "job"),
    scenario("listmonk", "listmonk"),
    Scenario { deed: Deed::Abort, ..scenario("listmonk-aborted", "listmonk") },
    Scenario { deed: Deed::Delete, ..scenario("listmonk-deleted", "listmonk") },
    Scenario { deed: Deed::Abort, ..scenario("aborted", "once") },
    Scenario { deed: Deed::Delete, ..scenario("deleted", "once") },
    Scenario { deed: Deed::Reapply, ..scenario("reapplied", "once") },
    Scenario { campaigns: 2, ..scenario("two", "once") },
];

/// One run: a scenario, and what goes wrong in it.
#[derive(Clone, Debug)]
struct Plan {
    scenario: Scenario,
    cut: Option<(Call, Fault)>,
}

impl Plan {
    fn name(&self) -> String {
        match &self.cut {
            None => format!("{}: undisturbed", self.scenario.name),
            Some(((kind, place), fault)) => format!("{}: {kind} #{place} {fault:?}", self.scenario.name),
        }
    }
}

/// What came of a run.
struct Came {
    calls: BTreeMap<String, usize>,
    requests: usize,
    deaths: usize,
    was_hit: bool,
    /// Whether it waited until a silent watch was closed.
    was_late: bool,
    broken: Vec<String>,
}

fn is_final(campaign: &Campaign) -> bool {
    let phase = campaign.status.as_ref().and_then(|status| status.phase);
    phase.is_some_and(|phase| phase.is_finished() || phase == Phase::NeedsAttention) || reason(campaign) == "SentBefore"
}

fn reason(campaign: &Campaign) -> String {
    campaign.status.as_ref().and_then(|status| status.reason.clone()).unwrap_or_default()
}

/// Plays a run in a slot.
async fn play(slot: &Slot, number: usize, plan: &Plan) -> Came {
    let names: Vec<String> = (0..plan.scenario.campaigns).map(|index| format!("sale{number:05}x{index}")).collect();
    let mut stands: Vec<(String, String)> = vec![(slot.name.clone(), "S".to_owned())];
    stands.extend(names.iter().enumerate().map(|(index, name)| (name.clone(), format!("C{index}"))));
    let door = Door::new(slot.admin.clone(), stands, plan.cut.clone());
    // What is to be stopped must take its time.
    let is_slow = plan.scenario.contract == "listmonk" && plan.scenario.deed != Deed::Nothing;
    slot.listmonk.set_pace(Duration::from_millis(200), if is_slow { 4 } else { 1000 });
    let manners: VecDeque<Manner> = plan.scenario.manner.into_iter().collect();
    let books = Arc::new(Mutex::new(Books { manners, ..Books::default() }));
    let keeps_keys = plan.scenario.contract == "keyed";
    for name in &names {
        slot.apply(name, plan.scenario.contract).await;
    }
    let mut door_now = door.clone();
    let mut life = slot.life(&door_now, &books, keeps_keys);
    let (begun, mut resting, mut ended, mut deaths) = (Instant::now(), None, None, 0);
    let mut deed = plan.scenario.deed;
    let is_settled = loop {
        if life.is_over() && door_now.is_dead() {
            deaths += 1;
            door_now = door.again();
            life = slot.life(&door_now, &books, keeps_keys);
        }
        if plan.scenario.contract == "job" {
            slot.end_jobs().await;
        }
        let has_gone = !books.lock().unwrap().heard.is_empty();
        if has_gone && deed != Deed::Nothing {
            ended = do_it(slot, &names[0], plan.scenario, deed).await;
            deed = Deed::Nothing;
        }
        let all = slot::all(&slot.campaigns()).await;
        let own: Vec<&Campaign> =
            all.iter().filter(|own| names.iter().any(|name| own.metadata.name.as_ref() == Some(name))).collect();
        let is_quiet = deed == Deed::Nothing && !(life.is_over() && door_now.is_dead());
        let rests =
            own.iter().all(|own| is_final(own) || matches!(reason(own).as_str(), "AskingAgain" | "AskingReceiver"));
        if !own.is_empty() && is_quiet && own.iter().all(|own| is_final(own)) {
            break true;
        }
        // A deed that waits for a wave waits no longer, where the run rests before one has gone.
        resting = if rests { resting.or(Some(Instant::now())) } else { None };
        if resting.is_some_and(|since: Instant| since.elapsed() > RESTS) {
            break true;
        }
        if begun.elapsed() > LONGEST {
            break false;
        }
        tokio::time::sleep(GLANCE).await;
    };
    let is_silent = matches!(plan.cut, Some((_, Fault::Watch(Ill::Silent, _))));
    let was_late = is_silent && begun.elapsed() > SILENCE;
    tokio::time::sleep(AFTER).await;
    while plan.scenario.contract == "listmonk" && begun.elapsed() < LONGEST && !slot.is_listmonk_quiet().await {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    tokio::task::spawn_blocking(move || drop(life)).await.unwrap();
    let all = slot::all(&slot.campaigns()).await;
    let everything = slot.ledger().await;
    let ledger: Vec<_> = everything.iter().filter(|entry| names.contains(&entry.spec.campaign.name)).cloned().collect();
    let campaigns: Vec<Campaign> =
        all.into_iter().filter(|own| own.metadata.name.as_ref().is_some_and(|name| names.contains(name))).collect();
    let (others, strange) = slot.effects(&ledger, &everything).await;
    let heard = books.lock().unwrap().heard.clone();
    let case = verdict::Case {
        heard: &heard,
        writes: &door.writes(),
        ledger: &ledger,
        campaigns: &campaigns,
        is_settled,
        ended,
        others: &others,
    };
    let mut broken = verdict::broken(&case);
    broken.extend(strange);
    if plan.cut.is_none() && plan.scenario.deed == Deed::Nothing {
        let is_completed =
            |own: &Campaign| own.status.as_ref().and_then(|status| status.phase) == Some(Phase::Completed);
        broken.extend((!campaigns.iter().all(is_completed)).then(|| "undisturbed, it was not completed".to_owned()));
    }
    // The next run in this place weighs nothing of this one.
    for name in &names {
        let _ = slot.campaigns().delete(name, &DeleteParams::default()).await;
    }
    let keys = heard.iter().map(|heard| &heard.key).chain(others.keys().filter(|key| !key.starts_with("person")));
    let requests = keys.collect::<BTreeSet<_>>().len();
    Came { calls: door.seen(), requests, deaths, was_hit: door.was_hit(), was_late, broken }
}

/// Somebody ends the send, or begins it anew; when it was ended.
async fn do_it(slot: &Slot, name: &str, scenario: Scenario, deed: Deed) -> Option<Timestamp> {
    let api = slot.campaigns();
    if deed == Deed::Abort {
        let abort = Patch::Merge(json!({"spec": {"abort": true}}));
        api.patch(name, &PatchParams::default(), &abort).await.unwrap();
        return Some(Timestamp::now());
    }
    api.delete(name, &DeleteParams::default()).await.unwrap();
    let at = Timestamp::now();
    if deed == Deed::Reapply {
        slot.apply(name, scenario.contract).await;
    }
    Some(at)
}

/// The plans of a scenario, from what was learnt of it.
fn plans(scenario: Scenario, calls: &BTreeMap<String, usize>) -> Vec<Plan> {
    let mut plans = Vec::new();
    for (kind, count) in calls {
        if kind.starts_with(WATCH) {
            let faults = ILLS.iter().flat_map(|ill| [0, 2].map(|after| Fault::Watch(*ill, after)));
            plans.extend(faults.map(|fault| Plan { scenario, cut: Some(((kind.clone(), 0), fault)) }));
            continue;
        }
        let is_write = !kind.starts_with("GET");
        // What the operator asks again and again is the same each time: the first, the second and the last.
        let places: BTreeSet<usize> = if is_write {
            (0..*count).collect()
        } else {
            [0, 1, count - 1].into_iter().filter(|place| place < count).collect()
        };
        let faults = DEATHS.iter().chain(OF_WRITES.iter().filter(|_| is_write));
        for fault in faults {
            plans.extend(places.iter().map(|place| Plan { scenario, cut: Some(((kind.clone(), *place), *fault)) }));
        }
    }
    plans
}

#[test]
fn whatever_becomes_of_a_call_each_wave_goes_once() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(all());
}

async fn all() {
    let asked = std::env::var("HEADROOM_API_CUTS").unwrap_or_default();
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<usize>().ok());
    let count = number("HEADROOM_API_CUTS");
    let mut slots = Vec::new();
    for index in 0..number("HEADROOM_API_SLOTS").unwrap_or(SLOTS).max(1) {
        slots.push(Slot::new(index).await);
    }
    let slots = Arc::new(slots);
    // The first run of a place borrows scale, which the later ones find; the second is learnt from.
    let is_asked = |scenario: &&Scenario| {
        let is_of_all = asked.is_empty() || asked == "all" || asked == "watches" || count.is_some();
        is_of_all || asked.split(',').any(|one| one.split(':').next() == Some(scenario.name))
    };
    let warm = slots.iter().enumerate().map(|(index, slot)| async move {
        let plan = Plan { scenario: SCENARIOS[0], cut: None };
        (plan.name(), play(slot, index, &plan).await)
    });
    for (name, came) in futures::future::join_all(warm).await {
        assert!(came.broken.is_empty(), "{name}: {:?}", came.broken);
    }
    let chosen: Vec<Scenario> = SCENARIOS.iter().filter(is_asked).copied().collect();
    let mut all_plans = Vec::new();
    for (round, some) in chosen.chunks(slots.len()).enumerate() {
        let mut learnt: BTreeMap<&str, Vec<BTreeMap<String, usize>>> = BTreeMap::new();
        for again in [0, AGAIN] {
            let runs = some.iter().zip(slots.iter()).enumerate().map(|(index, (scenario, slot))| async move {
                let plan = Plan { scenario: *scenario, cut: None };
                (*scenario, play(slot, LEARNT + again + 100 * round + index, &plan).await)
            });
            for (scenario, came) in futures::future::join_all(runs).await {
                assert!(came.broken.is_empty() && came.requests > 0, "{}: {:?}", scenario.name, came.broken);
                learnt.entry(scenario.name).or_default().push(came.calls);
            }
        }
        all_plans.extend(some.iter().flat_map(|scenario| plans(*scenario, &in_each(&learnt[scenario.name]))));
    }
    let total = all_plans.len();
    if asked.contains(": ") {
        all_plans.retain(|plan| plan.name().starts_with(&asked));
        assert!(!all_plans.is_empty(), "no plan has a name that begins with {asked}");
    } else if asked == "watches" {
        all_plans.retain(|plan| matches!(plan.cut, Some((_, Fault::Watch(..)))));
    } else if asked.is_empty() || count.is_some() {
        all_plans = slice(all_plans, count.unwrap_or(SLICE));
    }
    play_all(slots, all_plans, total).await;
}

/// The calls that every run has made: a busier one makes some that do not come again.
fn in_each(runs: &[BTreeMap<String, usize>]) -> BTreeMap<String, usize> {
    let (first, others) = runs.split_first().unwrap();
    let fewest = |(kind, count): (&String, &usize)| {
        let fewest = others.iter().map(|other| other.get(kind).copied().unwrap_or(0)).fold(*count, usize::min);
        (fewest > 0).then(|| (kind.clone(), fewest))
    };
    first.iter().filter_map(fewest).collect()
}

/// So many plans, spread over all: by a prime, so that a slice has all faults and all kinds of calls, and by one with which no plan
/// comes twice.
fn slice(plans: Vec<Plan>, count: usize) -> Vec<Plan> {
    let total = plans.len();
    let is_prime =
        |step: &usize| (2..*step).take_while(|part| part * part <= *step).all(|part| !step.is_multiple_of(part));
    let fits = |step: &usize| is_prime(step) && !total.is_multiple_of(*step);
    let least = (total / count.max(1)).max(2);
    let Some(step) = (least..total).find(fits).filter(|_| count < total) else { return plans };
    (0..count).map(|index| plans[index * step % total].clone()).collect()
}

/// Plays plans, in every slot one after another.
async fn play_all(slots: Arc<Vec<Slot>>, plans: Vec<Plan>, total: usize) {
    let (plans, begun) = (Arc::new(plans), Instant::now());
    let next = Arc::new(Mutex::new(0_usize));
    let broken: Arc<Mutex<Vec<String>>> = Arc::default();
    let tally: Arc<Mutex<Tally>> = Arc::default();
    let workers = (0..slots.len()).map(|index| {
        let (slots, plans, next) = (Arc::clone(&slots), Arc::clone(&plans), Arc::clone(&next));
        let (broken, tally) = (Arc::clone(&broken), Arc::clone(&tally));
        tokio::spawn(async move {
            loop {
                let place = {
                    let mut next = next.lock().unwrap();
                    *next += 1;
                    *next - 1
                };
                if place >= plans.len() || broken.lock().unwrap().len() >= ENOUGH {
                    return;
                }
                let came = play(&slots[index], 1000 + place, &plans[place]).await;
                let mut tally = tally.lock().unwrap();
                tally.add(&plans[place], &came);
                if tally.played % 200 == 0 {
                    let broken = broken.lock().unwrap().len();
                    println!("cuts: {} plans so far, {broken} broken, {} s", tally.played, begun.elapsed().as_secs());
                }
                if !came.broken.is_empty() {
                    broken.lock().unwrap().push(format!("{}: {}", plans[place].name(), came.broken.join("\n  and ")));
                }
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    let tally = tally.lock().unwrap();
    let (played, missed) = (tally.played, tally.missed);
    println!("cuts: {played} of {total} plans on the real API server, {tally}; {} s", begun.elapsed().as_secs());
    let broken = broken.lock().unwrap();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    // A harness that hits nothing shows nothing.
    assert!(missed * 5 <= played, "in {missed} of {played} runs the call that was learnt did not come");
}
