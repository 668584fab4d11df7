//! A whole world: API server, cluster, Prometheus, receivers and people, with the real operator in the middle of it, in
//! virtual time. Runs until everything is over, and tells of each moment. It decides nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::api::campaign_status::Phase;
use crate::api::{Campaign, CapacityPool};
use crate::clock;
use crate::cluster::stores;
use crate::controller::{self, context};

use super::apiserver::{ApiServer, Refusal};
use super::cluster::{Cluster, Start, Surroundings as AroundCluster};
use super::moment::{Moment, Outcome, Played};
use super::prometheus::Prometheus;
use super::receiver::Surroundings;
use super::story::Story;
use super::traffic::Traffic;

/// The operator's install in a simulated world.
const INSTALL: &str = "headroom/headroom";
const LEDGER: &str = "headroom-ledger";
/// From asking for a pod to its being ready.
const POD_START: SignedDuration = SignedDuration::from_secs(20);
/// Autoscalers look this often.
const AUTOSCALER_SYNC: Duration = Duration::from_secs(15);
/// Autoscalers and pods need so long to find their scale.
const SETTLING: Duration = Duration::from_mins(3);
/// Who writes what the files hold.
const PEOPLE: &str = "kubectl";

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

/// Plays a story to its end. `tell` is called at every moment, in between which the world stands still.
pub fn play(story: &Story, watch: Watch, tell: &mut dyn FnMut(&Moment)) -> Result<Played, WorldError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| WorldError::Runtime { why: error.to_string() })?;
    runtime.block_on(live(story, watch, tell))
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

async fn live(story: &Story, watch: Watch, tell: &mut dyn FnMut(&Moment)) -> Result<Played, WorldError> {
    let _clock = clock::simulate(story.start);
    let server = ApiServer::new();
    let definitions: Vec<_> = crate::api::definitions().into_iter().map(|(_, definition)| definition).collect();
    server
        .define(&definitions)
        .map_err(|refusal| WorldError::Refused { what: "the definitions".to_owned(), refusal })?;
    for object in &story.objects {
        create(&server, object)?;
    }
    let traffic = Arc::new(Mutex::new(Traffic { workloads: story.workloads.clone(), sends: Vec::new() }));
    let mut cluster = Cluster::new(server.clone(), Around { traffic: Arc::clone(&traffic) }, AUTOSCALER_SYNC);
    cluster.step();
    cluster.settle();
    let prometheus = Prometheus::new(server.clone(), Arc::clone(&traffic), story.meanings.clone(), story.remembers);
    let taken = Arc::default();
    let surroundings = Surroundings {
        server: server.clone(),
        prometheus,
        traffic: Arc::clone(&traffic),
        taken: Arc::clone(&taken),
        response: story.response,
    };
    let client = server.client("headroom");
    let settings = context::Settings {
        install: INSTALL.to_owned(),
        ledger_namespace: LEDGER.to_owned(),
        prometheus_url: "http://prometheus".to_owned(),
        sender_namespaces: story
            .objects
            .iter()
            .filter_map(|object| object["metadata"]["namespace"].as_str().map(ToOwned::to_owned))
            .collect(),
        breach_recovery: SignedDuration::from_mins(10),
    };
    let (stores, touched) = stores::start(&client, LEDGER);
    let ctx = Arc::new(context::Context::new(client, stores, settings, Box::new(surroundings)));
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(cluster.run());
    // The cluster was there for long before the story begins: its autoscalers have found their scale.
    tokio::time::sleep(SETTLING).await;
    tasks.spawn(controller::run(ctx, touched, std::future::pending()));
    for campaign in &story.campaigns {
        create(&server, campaign)?;
    }
    let mut played = Played { moments: Vec::new(), taken: Vec::new(), outcome: Outcome::OutOfTime };
    let step = Duration::try_from(watch.step).unwrap_or(Duration::from_secs(5));
    while clock::now().duration_since(story.start) < watch.longest {
        tokio::time::sleep(step).await;
        let moment = Moment::of(&server, &traffic.lock().unwrap_or_else(PoisonError::into_inner), clock::now());
        tell(&moment);
        played.moments.push(moment);
        if is_over(&server) {
            played.outcome = Outcome::Over;
            break;
        }
    }
    played.taken = std::mem::take(&mut *taken.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(played)
}

/// Whether every campaign has ended and no scale is borrowed any more.
fn is_over(server: &ApiServer) -> bool {
    let ended =
        |campaign: &Campaign| campaign.status.as_ref().and_then(|status| status.phase).is_some_and(Phase::is_finished);
    let given_back = |pool: &CapacityPool| pool.status.as_ref().is_none_or(|status| status.claims.is_empty());
    server.read_all::<Campaign>("").iter().all(ended) && server.read_all::<CapacityPool>("").iter().all(given_back)
}
