//! Objects of one kind that are kept in sight: by one watch over the cluster, or by one for each namespace that is looked at.
//! It holds what watches have told, and asks for nothing itself.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use kube::api::Api;
use kube::core::{ClusterResourceScope, NamespaceResourceScope};
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;

use super::patience::Patience;
use crate::plan::scope::Scope;

/// What several watches of one kind have told.
#[derive(Clone)]
pub struct Kept<K: Resource + 'static>(Vec<Store<K>>)
where
    K::DynamicType: Hash + Eq;

impl<K> Kept<K>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Clone + Hash + Eq,
{
    /// Of stores that fill elsewhere.
    pub fn new(stores: Vec<Store<K>>) -> Kept<K> {
        Kept(stores)
    }

    /// Everything there is, in no order that would last.
    pub fn state(&self) -> Vec<Arc<K>> {
        self.0.iter().flat_map(Store::state).collect()
    }

    /// One of them.
    pub fn get(&self, key: &ObjectRef<K>) -> Option<Arc<K>> {
        self.0.iter().find_map(|store| store.get(key))
    }

    /// Whether every watch has told of all there was when it began.
    pub fn is_ready(&self) -> bool {
        self.0.iter().all(|store| store.wait_until_ready().now_or_never().is_some())
    }
}

/// Watches a kind wherever the scope looks: what is kept, and what each watch tells.
pub fn watch<K>(client: &Client, scope: &Scope) -> (Kept<K>, Vec<BoxStream<'static, K>>)
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    K::DynamicType: Default + Clone + Eq + Hash + Send + Sync,
{
    let all = match scope {
        Scope::Everywhere => vec![one(Api::all(client.clone()), watcher::Config::default())],
        Scope::Only(namespaces) => {
            let inside =
                |namespace: &String| one(Api::namespaced(client.clone(), namespace), watcher::Config::default());
            namespaces.iter().map(inside).collect()
        }
    };
    together(all)
}

/// Watches the namespaces that the scope looks at, each by its name where it does not look at all.
pub fn watch_namespaces<K>(client: &Client, scope: &Scope) -> (Kept<K>, Vec<BoxStream<'static, K>>)
where
    K: Resource<Scope = ClusterResourceScope> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    K::DynamicType: Default + Clone + Eq + Hash + Send + Sync,
{
    let api = || Api::all(client.clone());
    let all = match scope {
        Scope::Everywhere => vec![one(api(), watcher::Config::default())],
        Scope::Only(namespaces) => {
            // So asked, a right to objects of certain names is enough.
            let named = |name: &String| watcher::Config::default().fields(&format!("metadata.name={name}"));
            namespaces.iter().map(|name| one(api(), named(name))).collect()
        }
    };
    together(all)
}

fn together<K>(all: Vec<(Store<K>, BoxStream<'static, K>)>) -> (Kept<K>, Vec<BoxStream<'static, K>>)
where
    K: Resource + Clone + 'static,
    K::DynamicType: Clone + Hash + Eq,
{
    let (stores, streams) = all.into_iter().unzip();
    (Kept::new(stores), streams)
}

fn one<K>(api: Api<K>, config: watcher::Config) -> (Store<K>, BoxStream<'static, K>)
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    K::DynamicType: Default + Clone + Eq + Hash + Send + Sync,
{
    let writer = Writer::<K>::default();
    let store = writer.as_reader();
    // Who manages which field is most of an object, nothing that is kept is asked for it, and an update that leaves it out
    // leaves it as it is.
    let slim = |object: &mut K| object.meta_mut().managed_fields = None;
    let events = watcher(api, config).backoff(Patience::default()).modify(slim);
    let stream = events.reflect(writer).touched_objects().filter_map(told);
    (store, stream.boxed())
}

async fn told<K>(event: watcher::Result<K>) -> Option<K> {
    match event {
        Ok(object) => Some(object),
        Err(error) => {
            tracing::warn!(%error, "a watch was interrupted and will be taken up again");
            None
        }
    }
}
