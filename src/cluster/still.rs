//! A still picture of the cluster, for whoever asks what would happen: everything the operator keeps in sight, read once, with
//! objects from files laid over it. Nothing is watched, and nothing is written.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::Hash;

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::api::{Api, ListParams, PartialObjectMeta};
use kube::core::DeserializeGuard;
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher::Event;
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;

use crate::api::{Campaign, CapacityPool, Sender, WaveRelease};
use crate::clock;

use super::echo::Echoes;
use super::error::{Error, bounded};
use super::kept::Kept;
use super::stores::{Guarded, Stores};

/// Objects from files.
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    /// Campaigns.
    pub campaigns: Vec<Campaign>,
    /// Pools.
    pub pools: Vec<CapacityPool>,
    /// Senders.
    pub senders: Vec<Sender>,
}

/// What an applied object would be: the one that is there with what the file says, or a new one.
fn applied<K: Resource<DynamicType = ()>>(file: &K, there: Option<&ObjectMeta>, is_changed: bool) -> ObjectMeta {
    let mut meta = there.cloned().unwrap_or_else(|| ObjectMeta {
        // Nobody else has it, so that no entry of the ledger is taken for its own.
        uid: Some(format!("not applied yet: {}", file.meta().name.as_deref().unwrap_or_default())),
        resource_version: Some("0".to_owned()),
        creation_timestamp: Some(Time(clock::now())),
        generation: Some(0),
        ..ObjectMeta::default()
    });
    let own = file.meta();
    (meta.name, meta.namespace) = (own.name.clone(), own.namespace.clone());
    let mut annotations: BTreeMap<String, String> = meta.annotations.take().unwrap_or_default();
    annotations.extend(own.annotations.clone().unwrap_or_default());
    meta.annotations = Some(annotations);
    if is_changed {
        meta.generation = meta.generation.map(|generation| generation + 1);
    }
    meta
}

macro_rules! lay_over {
    ($there:expr, $files:expr) => {
        for mut file in $files {
            let same =
                |other: &&Guarded<_>| other.namespace() == file.namespace() && other.name_any() == file.name_any();
            let place = $there.iter().position(|other| same(&other));
            let old = place.and_then(|place| $there.get(place)).and_then(|old| old.0.as_ref().ok()).cloned();
            let is_changed = old.as_ref().is_none_or(|old| old.spec != file.spec);
            file.metadata = applied(&file, old.as_ref().map(|old| &old.metadata), is_changed);
            file.status = old.and_then(|old| old.status);
            match place {
                Some(place) => $there[place] = DeserializeGuard(Ok(file)),
                None => $there.push(DeserializeGuard(Ok(file))),
            }
        }
    };
}

async fn list<K>(api: Api<K>, what: &str) -> Result<Vec<K>, Error>
where
    K: Clone + Debug + DeserializeOwned,
{
    Ok(bounded(format!("list the {what}"), api.list(&ListParams::default())).await?.items)
}

fn kept<K>(objects: Vec<K>) -> Kept<K>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Default + Eq + Hash + Clone,
{
    let mut writer = Writer::<K>::default();
    writer.apply_watcher_event(&Event::Init);
    for object in objects {
        writer.apply_watcher_event(&Event::InitApply(object));
    }
    writer.apply_watcher_event(&Event::InitDone);
    Kept::new(vec![writer.as_reader()])
}

/// Reads everything once, and lays the files over it.
pub async fn picture(client: &Client, ledger_namespace: &str, overlay: Overlay) -> Result<Stores, Error> {
    let (campaigns, pools, senders, entries, namespaces) = futures::try_join!(
        list(Api::<Guarded<Campaign>>::all(client.clone()), "Campaigns of all namespaces"),
        list(Api::<Guarded<CapacityPool>>::all(client.clone()), "CapacityPools of all namespaces"),
        list(Api::<Guarded<Sender>>::all(client.clone()), "Senders of all namespaces"),
        list(Api::<Guarded<WaveRelease>>::namespaced(client.clone(), ledger_namespace), "entries of the ledger"),
        list(Api::<PartialObjectMeta<Namespace>>::all(client.clone()), "namespaces"),
    )?;
    let (mut campaigns, mut pools, mut senders) = (campaigns, pools, senders);
    lay_over!(campaigns, overlay.campaigns);
    lay_over!(pools, overlay.pools);
    lay_over!(senders, overlay.senders);
    Ok(Stores {
        campaigns: kept(campaigns),
        pools: kept(pools),
        senders: kept(senders),
        entries: kept(entries),
        namespaces: kept(namespaces),
        echoes: Echoes::default(),
        is_still: true,
    })
}
