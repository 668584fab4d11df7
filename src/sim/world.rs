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

use super::apiserver::{ApiServer, Interceptor, Refusal};
use super::cluster::{Cluster, Start, Surroundings as AroundCluster};
use super::moment::{self, Moment, Outcome, Played};
use super::prometheus::Prometheus;
use super::receiver::Surroundings;
use super::story::{Deed, Story};
use super::traffic::{Shape, Traffic};

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

/// Plays a story to its end. `tell` is called at every moment, in between which the world stands still; `trouble` comes
/// between the operator and the API server, once the story has begun.
pub fn play(
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
    runtime.block_on(live(story, watch, trouble, tell))
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

async fn live(
    story: &Story,
    watch: Watch,
    trouble: Option<Box<dyn Interceptor>>,
    tell: &mut dyn FnMut(&Moment),
) -> Result<Played, WorldError> {
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
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(cluster.run());
    // The cluster was there for long before the story begins: its autoscalers have found their scale.
    tokio::time::sleep(SETTLING).await;
    if let Some(trouble) = trouble {
        server.intercept(trouble);
    }
    let begun = clock::now();
    let mut operator = start_operator(&server, story, surroundings.clone());
    for campaign in &story.campaigns {
        create(&server, campaign)?;
    }
    let mut played = Played {
        moments: Vec::new(),
        taken: Vec::new(),
        outcome: Outcome::OutOfTime,
        ledger: Vec::new(),
        targets: Vec::new(),
        is_alive: true,
    };
    let step = Duration::try_from(watch.step).unwrap_or(Duration::from_secs(5));
    let (mut deeds, mut crashes) = (story.deeds.clone(), story.crashes.clone());
    loop {
        let passed = clock::now().duration_since(begun);
        if passed >= watch.longest {
            break;
        }
        for (_, deed) in deeds.extract_if(.., |(at, _)| *at <= passed) {
            act(&server, &traffic, story, deed);
        }
        if crashes.extract_if(.., |at| *at <= passed).count() > 0 {
            operator.abort();
            operator = start_operator(&server, story, surroundings.clone());
        }
        tokio::time::sleep(step).await;
        let moment = Moment::of(&server, &traffic.lock().unwrap_or_else(PoisonError::into_inner), clock::now());
        tell(&moment);
        played.moments.push(moment);
        if is_over(&server) && deeds.is_empty() && crashes.is_empty() {
            played.outcome = Outcome::Over;
            break;
        }
    }
    played.taken = std::mem::take(&mut *taken.lock().unwrap_or_else(PoisonError::into_inner));
    (played.ledger, played.targets) = (moment::ledger(&server), moment::targets(&server));
    played.is_alive = !operator.is_finished();
    operator.abort();
    Ok(played)
}

/// The operator, as `headroom run` starts it, with nothing remembered.
fn start_operator(server: &ApiServer, story: &Story, surroundings: Surroundings) -> tokio::task::JoinHandle<()> {
    let client = server.client("headroom");
    let namespace = |object: &serde_json::Value| object["metadata"]["namespace"].as_str().map(ToOwned::to_owned);
    let settings = context::Settings {
        install: INSTALL.to_owned(),
        ledger_namespace: LEDGER.to_owned(),
        prometheus_url: "http://prometheus".to_owned(),
        sender_namespaces: story.objects.iter().filter_map(namespace).collect(),
        breach_recovery: SignedDuration::from_mins(10),
    };
    let (stores, touched) = stores::start(&client, LEDGER);
    let ctx = Arc::new(context::Context::new(client, stores, settings, Box::new(surroundings)));
    tokio::spawn(controller::run(ctx, touched, std::future::pending()))
}

/// Does what somebody does. What the API server refuses a person is his to mend.
fn act(server: &ApiServer, traffic: &Mutex<Traffic>, story: &Story, deed: Deed) {
    const CAMPAIGNS: &str = "campaigns.headroom.dev";
    match deed {
        Deed::Edit { campaign: (namespace, name), spec } => {
            if let Some(place) = server.place(CAMPAIGNS, &namespace, &name) {
                let _ = server.merge(PEOPLE, &place, serde_json::json!({ "spec": spec }));
            }
        }
        Deed::Reapply { campaign: (namespace, name) } => {
            if let Some(place) = server.place(CAMPAIGNS, &namespace, &name) {
                let _ = server.delete(PEOPLE, &place);
            }
            let is_it = |object: &&serde_json::Value| {
                object["metadata"]["namespace"] == namespace.as_str() && object["metadata"]["name"] == name.as_str()
            };
            if let Some(object) = story.campaigns.iter().find(is_it) {
                let _ = server.create(PEOPLE, object);
            }
        }
        Deed::Demand(rate) => {
            let mut traffic = traffic.lock().unwrap_or_else(PoisonError::into_inner);
            traffic.workloads.iter_mut().for_each(|workload| workload.shape = Shape::Flat(rate * workload.share));
        }
    }
}

/// Whether every campaign has ended and no scale is borrowed any more.
fn is_over(server: &ApiServer) -> bool {
    let ended =
        |campaign: &Campaign| campaign.status.as_ref().and_then(|status| status.phase).is_some_and(Phase::is_finished);
    let given_back = |pool: &CapacityPool| pool.status.as_ref().is_none_or(|status| status.claims.is_empty());
    server.read_all::<Campaign>("").iter().all(ended) && server.read_all::<CapacityPool>("").iter().all(given_back)
}
