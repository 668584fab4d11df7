//! The objects, in one order: every change takes the next revision, is kept in the history of its kind, and is told to
//! whoever watches that kind. Nothing is checked here.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::{Value, json};

use super::ask::Place;
use super::bell::{Bell, Listener};
use super::kinds::{Kind, builtin};
use super::meta;
use super::refusal::Refusal;

/// The revision a server begins with. A cluster that has lived has forgotten its first ones, and a client that asks for
/// revision 1 must learn that here too.
const FIRST: u64 = 1_000;
/// So many changes of a kind are remembered.
const HISTORY: usize = 4_096;

/// A change.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Its place in the order of all changes.
    pub revision: u64,
    /// The object after it; if it is gone, as it was at last, with the revision at which it went.
    pub object: Arc<Value>,
    /// The object before it.
    pub previous: Option<Arc<Value>>,
    /// It is gone.
    pub gone: bool,
}

/// All objects of a kind.
#[derive(Debug)]
pub struct Collection {
    /// The kind.
    pub kind: Arc<Kind>,
    objects: BTreeMap<String, Arc<Value>>,
    history: VecDeque<Change>,
    /// Changes up to this revision are forgotten.
    floor: u64,
    changed: Bell,
}

/// The key of an object among those of its kind; the same order as the real server's.
pub fn key(namespace: &str, name: &str) -> String {
    if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") }
}

fn key_of(object: &Value) -> String {
    key(meta::text(object, "namespace"), meta::text(object, "name"))
}

impl Collection {
    fn new(kind: Kind, revision: u64) -> Collection {
        Collection {
            kind: Arc::new(kind),
            objects: BTreeMap::new(),
            history: VecDeque::new(),
            floor: revision,
            changed: Bell::default(),
        }
    }

    /// One object.
    pub fn get(&self, key: &str) -> Option<&Arc<Value>> {
        self.objects.get(key)
    }

    /// Objects of a namespace, or all; in order.
    pub fn within<'this>(&'this self, namespace: &str) -> impl Iterator<Item = &'this Arc<Value>> + use<'this> {
        let from = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
        let prefix = from.clone();
        self.objects.range(from..).take_while(move |(key, _)| key.starts_with(&prefix)).map(|(_, object)| object)
    }

    /// All objects as they were at a revision; None if that is forgotten.
    pub fn at(&self, revision: u64) -> Option<BTreeMap<String, Arc<Value>>> {
        if revision < self.floor {
            return None;
        }
        let mut objects = self.objects.clone();
        for change in self.history.iter().rev().take_while(|change| change.revision > revision) {
            match &change.previous {
                Some(previous) => objects.insert(key_of(&change.object), Arc::clone(previous)),
                None => objects.remove(&key_of(&change.object)),
            };
        }
        Some(objects)
    }

    /// Changes after a revision; None if some of them are forgotten.
    pub fn since(&self, revision: u64) -> Option<impl Iterator<Item = &Change>> {
        let first = self.history.partition_point(|change| change.revision <= revision);
        (revision >= self.floor).then(|| self.history.range(first..))
    }

    /// The newest revision that is forgotten.
    pub fn floor(&self) -> u64 {
        self.floor
    }

    /// Tells of every change from now on.
    pub fn listen(&self) -> Listener {
        self.changed.listen()
    }

    fn note(&mut self, change: Change, most: usize) {
        self.history.push_back(change);
        while self.history.len() > most {
            if let Some(forgotten) = self.history.pop_front() {
                self.floor = forgotten.revision;
            }
        }
        self.changed.ring();
    }
}

/// Everything that is stored.
#[derive(Debug)]
pub struct Store {
    collections: BTreeMap<String, Collection>,
    revision: u64,
    made: u64,
    history: usize,
    /// The changes that the call under way has made.
    fresh: Vec<Change>,
    /// Watches that were begun in an earlier one have ended.
    pub epoch: u64,
}

impl Default for Store {
    fn default() -> Store {
        let collections = builtin().into_iter().map(|kind| (kind.resource(), Collection::new(kind, FIRST))).collect();
        Store { collections, revision: FIRST, made: 0, history: HISTORY, fresh: Vec::new(), epoch: 0 }
    }
}

impl Store {
    /// The revision of the newest change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// A number that no object made here has had.
    pub fn number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    /// A kind by its name among all.
    pub fn named(&self, resource: &str) -> Option<&Collection> {
        self.collections.get(resource)
    }

    /// The kind that a place names.
    pub fn collection(&self, place: &Place) -> Result<&Collection, Refusal> {
        let found = self.collections.get(&place.resource()).filter(|found| found.kind.version == place.version);
        found.ok_or_else(Refusal::no_such_resource)
    }

    /// Every kind that is served.
    pub fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.collections.values().map(|collection| collection.kind.as_ref())
    }

    /// Every kind whose objects lie in namespaces.
    pub fn namespaced(&self) -> impl Iterator<Item = &Collection> {
        self.collections.values().filter(|collection| collection.kind.namespaced)
    }

    /// Serves a kind from now on, or serves it otherwise.
    pub fn serve(&mut self, kind: Kind) {
        let revision = self.revision;
        let resource = kind.resource();
        match self.collections.get_mut(&resource) {
            Some(there) => there.kind = Arc::new(kind),
            None => {
                self.collections.insert(resource, Collection::new(kind, revision));
            }
        }
    }

    /// Ends a kind; its watches end with it.
    pub fn unserve(&mut self, resource: &str) {
        self.collections.remove(resource);
    }

    /// Stores an object under the next revision.
    pub fn put(&mut self, kind: &Kind, mut object: Value) -> Arc<Value> {
        self.revision += 1;
        meta::set(&mut object, "resourceVersion", Some(json!(self.revision.to_string())));
        let object = Arc::new(object);
        if let Some(collection) = self.collections.get_mut(&kind.resource()) {
            let previous = collection.objects.insert(key_of(&object), Arc::clone(&object));
            let change = Change { revision: self.revision, object: Arc::clone(&object), previous, gone: false };
            self.fresh.push(change.clone());
            collection.note(change, self.history);
        }
        object
    }

    /// Removes an object under the next revision; it is told of as `last`.
    pub fn remove(&mut self, kind: &Kind, last: &Value) -> Arc<Value> {
        self.revision += 1;
        let mut last = last.clone();
        meta::set(&mut last, "resourceVersion", Some(json!(self.revision.to_string())));
        let last = Arc::new(last);
        if let Some(collection) = self.collections.get_mut(&kind.resource()) {
            let previous = collection.objects.remove(&key_of(&last));
            let change = Change { revision: self.revision, object: Arc::clone(&last), previous, gone: true };
            self.fresh.push(change.clone());
            collection.note(change, self.history);
        }
        last
    }

    /// Takes the changes that were made since this was last asked.
    pub(super) fn take_fresh(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.fresh)
    }

    /// Forgets every change so far, as etcd's compaction does: whoever watches from before must list anew.
    pub fn compact(&mut self) {
        for collection in self.collections.values_mut() {
            collection.floor = self.revision;
            collection.history.clear();
        }
    }

    /// Remembers at most so many changes of each kind.
    pub fn remember(&mut self, most: usize) {
        self.history = most;
    }

    /// Wakes every watch.
    pub fn wake(&self) {
        for collection in self.collections.values() {
            collection.changed.ring();
        }
    }
}
