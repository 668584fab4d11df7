//! What the operator keeps in sight: reflectors of our objects and of namespaces, and a stream that names the pool
//! each event concerns. One unreadable object is set aside and told of; it never ends a watch.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::Hash;

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Namespace, ObjectReference};
use kube::api::{Api, PartialObjectMeta};
use kube::core::DeserializeGuard;
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;

use super::echo::Echoes;
use super::patience::Patience;
use crate::api::{Campaign, CapacityPool, Sender, WaveRelease};

/// An object that the API server took and we cannot read, or one that we can.
pub type Guarded<K> = DeserializeGuard<K>;

/// What is kept in sight.
#[derive(Clone)]
pub struct Stores {
    /// Every Campaign.
    pub campaigns: Store<Guarded<Campaign>>,
    /// Every `CapacityPool`.
    pub pools: Store<Guarded<CapacityPool>>,
    /// Every Sender.
    pub senders: Store<Guarded<Sender>>,
    /// Every entry of the ledger namespace.
    pub entries: Store<Guarded<WaveRelease>>,
    /// Every namespace, for its labels.
    pub namespaces: Store<PartialObjectMeta<Namespace>>,
    /// Events of our own writes that call for no look.
    pub echoes: Echoes,
    /// Whether it is a picture of what would be: then nothing is read again to see whether it still is so.
    pub is_still: bool,
}

/// What an event concerns.
#[derive(Clone, Debug, PartialEq)]
pub enum Touched {
    /// One pool, by namespace and name.
    Pool(String, String),
    /// Every pool of a namespace.
    PoolsOf(String),
    /// A Sender, and every campaign that uses it.
    Sender(String, String),
    /// Every pool.
    Everything,
    /// An object that the API server took and we cannot read, and why.
    Unreadable(Box<ObjectReference>, String),
}

/// What an unreadable object concerns: whoever wrote it.
fn unreadable<K: Resource<DynamicType = ()> + Clone + Debug>(
    guarded: &Guarded<K>,
    error: &kube::core::error_boundary::InvalidObject,
) -> Touched {
    let reference = ObjectReference {
        api_version: Some(K::api_version(&()).into_owned()),
        kind: Some(K::kind(&()).into_owned()),
        namespace: guarded.namespace(),
        name: Some(guarded.name_any()),
        uid: guarded.uid(),
        ..ObjectReference::default()
    };
    Touched::Unreadable(Box::new(reference), error.to_string())
}

/// Leaves out what tells only of what we have written ourselves.
fn news<K: Resource + Send + 'static>(
    events: impl Stream<Item = Guarded<K>> + Send + 'static,
    echoes: &Echoes,
) -> impl Stream<Item = Guarded<K>> + Send + 'static
where
    Guarded<K>: Resource,
{
    let echoes = echoes.clone();
    events.filter(move |object| std::future::ready(!echoes.is_echo(object)))
}

fn reflect<K>(api: Api<K>) -> (Store<K>, impl Stream<Item = K> + Send + 'static)
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    K::DynamicType: Default + Clone + Eq + Hash + Send + Sync,
{
    let writer = reflector::store::Writer::<K>::default();
    let store = writer.as_reader();
    let stream = watcher(api, watcher::Config::default())
        .backoff(Patience::default())
        .reflect(writer)
        .touched_objects()
        .filter_map(|event| async move {
            match event {
                Ok(object) => Some(object),
                Err(error) => {
                    tracing::warn!(%error, "a watch was interrupted and will be taken up again");
                    None
                }
            }
        });
    (store, stream)
}

/// The pool a campaign draws on.
pub fn pool_of(campaign: &Campaign) -> (String, String) {
    let pool = &campaign.spec.pool_ref;
    let namespace = pool.namespace.clone().or_else(|| campaign.namespace()).unwrap_or_default();
    (namespace, pool.name.clone())
}

/// The sender a campaign uses.
pub fn sender_of(campaign: &Campaign) -> (String, String) {
    let sender = &campaign.spec.sender_ref;
    let namespace = sender.namespace.clone().or_else(|| campaign.namespace()).unwrap_or_default();
    (namespace, sender.name.clone())
}

/// Starts every watch. The stream must be polled for the stores to fill.
pub fn start(client: &Client, ledger_namespace: &str) -> (Stores, BoxStream<'static, Touched>) {
    let (campaigns, campaign_events) = reflect(Api::<Guarded<Campaign>>::all(client.clone()));
    let (pools, pool_events) = reflect(Api::<Guarded<CapacityPool>>::all(client.clone()));
    let (senders, sender_events) = reflect(Api::<Guarded<Sender>>::all(client.clone()));
    let (entries, entry_events) = reflect(Api::<Guarded<WaveRelease>>::namespaced(client.clone(), ledger_namespace));
    let (namespaces, namespace_events) = reflect(Api::<PartialObjectMeta<Namespace>>::all(client.clone()));
    let echoes = Echoes::default();
    let targets = |event: Option<String>| event.map_or(Touched::Everything, Touched::PoolsOf);
    let (_, hpa_events) = reflect(Api::<PartialObjectMeta<HorizontalPodAutoscaler>>::all(client.clone()));
    let (_, deployment_events) = reflect(Api::<PartialObjectMeta<Deployment>>::all(client.clone()));

    let events = stream::select_all([
        news(campaign_events, &echoes)
            .map(|guarded| match &guarded.0 {
                Ok(campaign) => {
                    let (namespace, name) = pool_of(campaign);
                    Touched::Pool(namespace, name)
                }
                Err(error) => unreadable(&guarded, error),
            })
            .boxed(),
        news(pool_events, &echoes)
            .flat_map(|pool| {
                let touched = Touched::Pool(pool.namespace().unwrap_or_default(), pool.name_any());
                let told = pool.0.as_ref().err().map(|error| unreadable(&pool, error));
                stream::iter(std::iter::once(touched).chain(told))
            })
            .boxed(),
        news(sender_events, &echoes)
            .flat_map(|sender| {
                let touched = Touched::Sender(sender.namespace().unwrap_or_default(), sender.name_any());
                let told = sender.0.as_ref().err().map(|error| unreadable(&sender, error));
                stream::iter(std::iter::once(touched).chain(told))
            })
            .boxed(),
        entry_events
            .map(|guarded| match guarded.0 {
                Ok(entry) => match entry.spec.pool.split_once('/') {
                    Some((namespace, name)) => Touched::Pool(namespace.to_owned(), name.to_owned()),
                    None => Touched::Everything,
                },
                Err(_) => Touched::Everything,
            })
            .boxed(),
        namespace_events.map(|_| Touched::Everything).boxed(),
        hpa_events.map(move |hpa| targets(hpa.namespace())).boxed(),
        deployment_events.map(move |deployment| targets(deployment.namespace())).boxed(),
    ])
    .boxed();
    (Stores { campaigns, pools, senders, entries, namespaces, echoes, is_still: false }, events)
}

impl Stores {
    /// What has not been read yet since the start, in plain words; empty when all is there.
    pub fn waiting_for(&self) -> Vec<&'static str> {
        let mut waiting = Vec::new();
        let mut look = |ready: bool, what| {
            if !ready {
                waiting.push(what);
            }
        };
        look(futures::FutureExt::now_or_never(self.campaigns.wait_until_ready()).is_some(), "campaigns");
        look(futures::FutureExt::now_or_never(self.pools.wait_until_ready()).is_some(), "capacitypools");
        look(futures::FutureExt::now_or_never(self.senders.wait_until_ready()).is_some(), "senders");
        look(futures::FutureExt::now_or_never(self.entries.wait_until_ready()).is_some(), "wavereleases");
        look(futures::FutureExt::now_or_never(self.namespaces.wait_until_ready()).is_some(), "namespaces");
        waiting
    }

    /// The pools that an event concerns, by namespace and name; also those that are only named by a campaign.
    pub fn pools_of(&self, touched: &Touched) -> Vec<(String, String)> {
        let there =
            || self.pools.state().into_iter().map(|pool| (pool.namespace().unwrap_or_default(), pool.name_any()));
        let mut pools: Vec<(String, String)> = match touched {
            Touched::Pool(namespace, name) => vec![(namespace.clone(), name.clone())],
            Touched::PoolsOf(namespace) => there().filter(|pool| pool.0 == *namespace).collect(),
            Touched::Sender(namespace, name) => {
                let uses = |campaign: &Campaign| sender_of(campaign) == (namespace.clone(), name.clone());
                self.readable_campaigns().filter(uses).map(|campaign| pool_of(&campaign)).collect()
            }
            Touched::Everything => {
                there().chain(self.readable_campaigns().map(|campaign| pool_of(&campaign))).collect()
            }
            Touched::Unreadable(..) => Vec::new(),
        };
        pools.sort();
        pools.dedup();
        pools
    }

    /// Every campaign that can be read.
    pub fn readable_campaigns(&self) -> impl Iterator<Item = Campaign> {
        self.campaigns.state().into_iter().filter_map(|guarded| guarded.0.as_ref().ok().cloned())
    }

    /// Whether a namespace is being deleted.
    pub fn is_leaving(&self, namespace: &str) -> bool {
        let found = self.namespaces.get(&ObjectRef::new(namespace));
        found.is_some_and(|namespace| namespace.metadata.deletion_timestamp.is_some())
    }

    /// Labels of a namespace; none if it is not there.
    pub fn labels(&self, namespace: &str) -> BTreeMap<String, String> {
        let found = self.namespaces.get(&ObjectRef::new(namespace));
        found.and_then(|namespace| namespace.metadata.labels.clone()).unwrap_or_default()
    }
}
