//! What the operator keeps in sight: reflectors of our objects and of namespaces, and a stream that names the pool
//! each event concerns. One unreadable object is set aside and told of; it never ends a watch.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Namespace, ObjectReference};
use kube::api::PartialObjectMeta;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::ObjectRef;
use kube::{Client, Resource, ResourceExt};

use super::echo::Echoes;
use super::kept::{self, Kept};
use crate::api::{Campaign, CapacityPool, Sender, WaveRelease};
use crate::plan::scope::Scope;

/// An object that the API server took and we cannot read, or one that we can.
pub type Guarded<K> = DeserializeGuard<K>;

/// What is kept in sight.
#[derive(Clone)]
pub struct Stores {
    /// Every Campaign that is looked at.
    pub campaigns: Kept<Guarded<Campaign>>,
    /// Every `CapacityPool` that is looked at.
    pub pools: Kept<Guarded<CapacityPool>>,
    /// Every Sender that is looked at.
    pub senders: Kept<Guarded<Sender>>,
    /// Every entry of the ledger namespace.
    pub entries: Kept<Guarded<WaveRelease>>,
    /// Every namespace that is looked at, for its labels.
    pub namespaces: Kept<PartialObjectMeta<Namespace>>,
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

/// Those of what is kept that can be read.
pub fn readable<K>(kept: &[Arc<Guarded<K>>]) -> impl Iterator<Item = &K> {
    kept.iter().filter_map(|guarded| guarded.0.as_ref().ok())
}

/// `<namespace>/<name>` of a campaign.
pub fn key_of(campaign: &Campaign) -> String {
    format!("{}/{}", campaign.namespace().unwrap_or_default(), campaign.name_any())
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

/// Starts every watch that the scope wants. The stream must be polled for the stores to fill.
pub fn start(client: &Client, scope: &Scope, ledger_namespace: &str) -> (Stores, BoxStream<'static, Touched>) {
    let ledger = Scope::of([ledger_namespace.to_owned()]);
    let (campaigns, campaign_events) = kept::watch::<Guarded<Campaign>>(client, scope);
    let (pools, pool_events) = kept::watch::<Guarded<CapacityPool>>(client, scope);
    let (senders, sender_events) = kept::watch::<Guarded<Sender>>(client, scope);
    let (entries, entry_events) = kept::watch::<Guarded<WaveRelease>>(client, &ledger);
    let (namespaces, namespace_events) = kept::watch_namespaces::<PartialObjectMeta<Namespace>>(client, scope);
    let (_, hpa_events) = kept::watch::<PartialObjectMeta<HorizontalPodAutoscaler>>(client, scope);
    let (_, deployment_events) = kept::watch::<PartialObjectMeta<Deployment>>(client, scope);
    let echoes = Echoes::default();

    let mut told: Vec<BoxStream<'static, Touched>> = Vec::new();
    for events in campaign_events {
        let concerns = |guarded: Guarded<Campaign>| match &guarded.0 {
            Ok(campaign) => {
                let (namespace, name) = pool_of(campaign);
                Touched::Pool(namespace, name)
            }
            Err(error) => unreadable(&guarded, error),
        };
        told.push(news(events, &echoes).map(concerns).boxed());
    }
    for events in pool_events {
        let concerns = |pool: Guarded<CapacityPool>| {
            let touched = Touched::Pool(pool.namespace().unwrap_or_default(), pool.name_any());
            let told = pool.0.as_ref().err().map(|error| unreadable(&pool, error));
            stream::iter(std::iter::once(touched).chain(told))
        };
        told.push(news(events, &echoes).flat_map(concerns).boxed());
    }
    for events in sender_events {
        let concerns = |sender: Guarded<Sender>| {
            let touched = Touched::Sender(sender.namespace().unwrap_or_default(), sender.name_any());
            let told = sender.0.as_ref().err().map(|error| unreadable(&sender, error));
            stream::iter(std::iter::once(touched).chain(told))
        };
        told.push(news(events, &echoes).flat_map(concerns).boxed());
    }
    let pool_of_entry = |guarded: Guarded<WaveRelease>| match guarded.0 {
        Ok(entry) => match entry.spec.pool.split_once('/') {
            Some((namespace, name)) => Touched::Pool(namespace.to_owned(), name.to_owned()),
            None => Touched::Everything,
        },
        Err(_) => Touched::Everything,
    };
    let targets = |namespace: Option<String>| namespace.map_or(Touched::Everything, Touched::PoolsOf);
    told.extend(entry_events.into_iter().map(|events| events.map(pool_of_entry).boxed()));
    told.extend(namespace_events.into_iter().map(|events| events.map(|_| Touched::Everything).boxed()));
    told.extend(hpa_events.into_iter().map(|events| events.map(move |hpa| targets(hpa.namespace())).boxed()));
    told.extend(deployment_events.into_iter().map(|events| events.map(move |it| targets(it.namespace())).boxed()));
    (
        Stores { campaigns, pools, senders, entries, namespaces, echoes, is_still: false },
        stream::select_all(told).boxed(),
    )
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
        look(self.campaigns.is_ready(), "campaigns");
        look(self.pools.is_ready(), "capacitypools");
        look(self.senders.is_ready(), "senders");
        look(self.entries.is_ready(), "wavereleases");
        look(self.namespaces.is_ready(), "namespaces");
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
                let uses = |campaign: &&Campaign| sender_of(campaign) == (namespace.clone(), name.clone());
                readable(&self.campaigns.state()).filter(uses).map(pool_of).collect()
            }
            Touched::Everything => there().chain(readable(&self.campaigns.state()).map(pool_of)).collect(),
            Touched::Unreadable(..) => Vec::new(),
        };
        pools.sort();
        pools.dedup();
        pools
    }

    /// Every Sender, by namespace and name.
    pub fn every_sender(&self) -> Vec<(String, String)> {
        self.senders.state().iter().map(|sender| (sender.namespace().unwrap_or_default(), sender.name_any())).collect()
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
