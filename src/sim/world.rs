//! A whole world: API server, cluster, Prometheus, receivers and people, with the real operator in the middle of it, in
//! virtual time. Runs until everything is over, and tells of each moment. It decides nothing.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde::Deserialize;
use serde_json::Value;

use crate::api::campaign_status::Phase;
use crate::{chance, clock};

use super::apiserver::{ApiServer, Interceptor, Refusal};
use super::cluster::{Cluster, Start, Surroundings as AroundCluster};
use super::deed::PEOPLE;
use super::moment::{self, Moment, Outcome, Played};
use super::programs::Programs;
use super::prometheus::Prometheus;
use super::receiver::Surroundings;
use super::staff::Staff;
use super::story::Story;
use super::tape::Tape;
use super::traffic::Traffic;

/// From asking for a pod to its being ready.
const POD_START: SignedDuration = SignedDuration::from_secs(20);
/// Autoscalers look this often.
const AUTOSCALER_SYNC: Duration = Duration::from_secs(15);
/// Autoscalers and pods need so long to find their scale.
pub const SETTLING: Duration = Duration::from_mins(3);

/// A world that cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The API server refused an object of the files.
    #[error("the API server would refuse {what}: {}", refusal.message)]
    Refused {
        /// Kind and name.
        what: String,
        /// Its words.
        refusal: Refusal,
    },
    /// The process cannot run one.
    #[error("failed to start: {why}")]
    Runtime {
        /// Why.
        why: String,
    },
}

/// How long, and how closely, a world is watched.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// From one moment to the next.
    pub step: SignedDuration,
    /// It ends then, whatever is still under way.
    pub longest: SignedDuration,
    /// Whether every moment is kept and told.
    pub keeps_moments: bool,
    /// It ends, too, when nothing was written for so long after all has calmed down.
    pub quiet: Option<SignedDuration>,
    /// So many lines of all that happens are kept.
    pub lines: usize,
}

impl Watch {
    /// Looks at every step, to the end.
    pub fn every(step: SignedDuration, longest: SignedDuration) -> Watch {
        Watch { step, longest, keeps_moments: true, quiet: None, lines: 0 }
    }
}

struct Around {
    traffic: Arc<Mutex<Traffic>>,
}

impl AroundCluster for Around {
    fn load(&self, namespace: &str, autoscaler: &str, now: Timestamp) -> Option<f64> {
        let traffic = self.traffic.lock().unwrap_or_else(PoisonError::into_inner);
        let ours =
            |workload: &&super::traffic::Workload| workload.namespace == namespace && workload.deployment == autoscaler;
        traffic.workloads.iter().find(ours).map(|workload| traffic.demand(workload, now))
    }

    fn start(&self, _: &str, _: &str, _: Timestamp) -> Start {
        Start { takes: POD_START, places: None }
    }
}

/// Plays a story to its end. `tell` is called at every moment, in between which the world stands still; `trouble` comes
/// between the operator and the API server, once the story has begun.
pub fn play(
    story: &Story,
    watch: Watch,
    trouble: Option<Box<dyn Interceptor>>,
    tell: &mut dyn FnMut(&Moment),
) -> Result<Played, WorldError> {
    play_onto(&Tape::keeping(0), story, watch, trouble, tell)
}

/// The same, with all that happens on a tape.
pub fn play_onto(
    tape: &Tape,
    story: &Story,
    watch: Watch,
    trouble: Option<Box<dyn Interceptor>>,
    tell: &mut dyn FnMut(&Moment),
) -> Result<Played, WorldError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| WorldError::Runtime { why: error.to_string() })?;
    let _log = tracing::subscriber::set_default(tape.listener());
    let _chance = chance::seed(story.seed);
    runtime.block_on(live(tape, story, watch, trouble, tell))
}

fn create(server: &ApiServer, object: &serde_json::Value) -> Result<(), WorldError> {
    let told = |refusal| WorldError::Refused {
        what: format!(
            "{} {}",
            object["kind"].as_str().unwrap_or_default(),
            object["metadata"]["name"].as_str().unwrap_or_default()
        ),
        refusal,
    };
    server.create(PEOPLE, object).map(|_| ()).map_err(told)
}

/// What is installed in every world: worked out once.
fn definitions() -> &'static [CustomResourceDefinition] {
    static DEFINITIONS: OnceLock<Vec<CustomResourceDefinition>> = OnceLock::new();
    DEFINITIONS.get_or_init(|| crate::api::definitions().into_iter().map(|(_, definition)| definition).collect())
}

async fn live(
    tape: &Tape,
    story: &Story,
    watch: Watch,
    trouble: Option<Box<dyn Interceptor>>,
    tell: &mut dyn FnMut(&Moment),
) -> Result<Played, WorldError> {
    let _clock = clock::simulate(story.start);
    let server = ApiServer::new();
    server
        .define(definitions())
        .map_err(|refusal| WorldError::Refused { what: "the definitions".to_owned(), refusal })?;
    for object in &story.objects {
        create(&server, object)?;
    }
    let traffic = Traffic { workloads: story.workloads.clone(), ..Traffic::default() };
    let traffic = Arc::new(Mutex::new(traffic));
    let mut cluster = Cluster::new(server.clone(), Around { traffic: Arc::clone(&traffic) }, AUTOSCALER_SYNC);
    cluster.step();
    cluster.settle();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(cluster.run());
    // The cluster was there for long before the story begins: its autoscalers have found their scale.
    tokio::time::sleep(SETTLING).await;
    if let Some(trouble) = trouble {
        server.intercept(trouble);
    }
    server.tape(tape);
    let begun = clock::world();
    let prometheus = Prometheus::new(server.clone(), Arc::clone(&traffic), story.meanings.clone(), story.remembers);
    let around = Surroundings {
        agent: String::new(),
        server: server.clone(),
        prometheus: prometheus.ill(story.troubles.spells.clone()),
        traffic: Arc::clone(&traffic),
        books: Arc::default(),
        response: story.response,
        tape: tape.clone(),
    };
    around.books().manners = (story.troubles.manners.iter().copied().collect(), begun + story.troubles.manners_end);
    let books = Arc::clone(&around.books);
    tasks.spawn(Programs::new(around.clone()).run());
    let mut staff = Staff::new(story, around);
    staff.hire();
    for campaign in &story.campaigns {
        create(&server, campaign)?;
    }
    let mut moments = Vec::new();
    let outcome = go_on(story, watch, begun, &server, &traffic, &mut staff, &mut |moment| {
        tell(&moment);
        moments.push(moment);
    })
    .await;
    let mut books = books.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Played {
        moments,
        taken: std::mem::take(&mut books.taken),
        heard: std::mem::take(&mut books.heard),
        outcome,
        ledger: moment::ledger(&server),
        targets: moment::targets(&server),
        is_alive: staff.end(),
        calls: server.take_calls().0,
        begun,
        ended: clock::world(),
    })
}

/// From the first moment to the last.
async fn go_on(
    story: &Story,
    watch: Watch,
    begun: Timestamp,
    server: &ApiServer,
    traffic: &Mutex<Traffic>,
    staff: &mut Staff<'_>,
    tell: &mut dyn FnMut(Moment),
) -> Outcome {
    let troubles = &story.troubles;
    let (mut deeds, mut crashes) = (story.deeds.clone(), story.crashes.clone());
    let mut twin = troubles.twin.map(|(from, until)| vec![from, until]).unwrap_or_default();
    let mut deaths = server.deaths();
    let mut seen = None;
    let mut next_moment = begun;
    loop {
        let now = clock::world();
        let passed = now.duration_since(begun);
        if passed >= watch.longest {
            return Outcome::OutOfTime;
        }
        for (_, deed) in deeds.extract_if(.., |(at, _)| *at <= passed) {
            deed.happen(server, traffic, story);
        }
        for _ in crashes.extract_if(.., |at| *at <= passed) {
            staff.kill(now, troubles.downtime);
        }
        for _ in twin.extract_if(.., |at| *at <= passed).collect::<Vec<_>>() {
            if Some(passed) < troubles.twin.map(|(_, until)| until) { staff.hire() } else { staff.dismiss() }
        }
        staff.bury(now, troubles.downtime);
        staff.start_due(now);
        if now >= next_moment && now > begun {
            if watch.keeps_moments {
                tell(Moment::of(server, &traffic.lock().unwrap_or_else(PoisonError::into_inner), now));
            }
            let is_done = deeds.is_empty() && crashes.is_empty() && twin.is_empty() && passed >= troubles.calm;
            // Nothing that ends a story happens without a change.
            if is_done && seen.replace(server.revision()) != Some(server.revision()) && is_over(server) {
                return Outcome::Over;
            }
            let quiet_since = server.last_write().unwrap_or(begun).max(begun + troubles.calm);
            if is_done && watch.quiet.is_some_and(|quiet| now.duration_since(quiet_since) >= quiet) {
                return Outcome::Quiet;
            }
        }
        if now >= next_moment {
            next_moment = now + watch.step;
        }
        let of_story = deeds.iter().map(|(at, _)| at).chain(&crashes).chain(&twin).min().map(|at| begun + *at);
        let next = of_story.into_iter().chain(staff.next()).fold(next_moment, Timestamp::min);
        let wait = Duration::try_from(next.duration_since(now)).unwrap_or(Duration::ZERO);
        tokio::select! {
            biased;
            _ = deaths.changed() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Whether every campaign has ended and no scale is borrowed any more.
fn is_over(server: &ApiServer) -> bool {
    let ended = |campaign: &Arc<Value>| Phase::deserialize(&campaign["status"]["phase"]).is_ok_and(Phase::is_finished);
    let given_back = |pool: &Arc<Value>| pool["status"]["claims"].as_array().is_none_or(Vec::is_empty);
    server.list("campaigns.headroom.dev", "").iter().all(ended)
        && server.list("capacitypools.headroom.dev", "").iter().all(given_back)
}
