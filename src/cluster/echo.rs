//! Echoes: the watch events of statuses that we have written ourselves. The look that wrote knew all that they tell, and
//! a look for each would double the load on the API server and on Prometheus. Owns which versions are our own; an event of
//! any other version is news, whoever wrote it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use kube::Resource;

/// A version that never came back, such as one that a watch skipped, is not waited for beside more than so many others.
const MOST: usize = 10_000;

/// The versions that are expected; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Echoes(Arc<Mutex<HashMap<String, String>>>);

impl Echoes {
    /// Expects the event of what was just written: the whole of what changed since it was read, since writes compare and
    /// swap.
    pub fn expect<K: Resource>(&self, written: &K) {
        let (Some(uid), Some(version)) = (written.meta().uid.clone(), written.meta().resource_version.clone()) else {
            return;
        };
        let mut expected = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if expected.len() >= MOST {
            expected.clear();
        }
        expected.insert(uid, version);
    }

    /// Whether an event is an echo; the same one is an echo once.
    pub fn is_echo<K: Resource>(&self, seen: &K) -> bool {
        let (Some(uid), Some(version)) = (&seen.meta().uid, &seen.meta().resource_version) else { return false };
        let mut expected = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_echo = expected.get(uid) == Some(version);
        if is_echo {
            expected.remove(uid);
        }
        is_echo
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::api::ObjectMeta;

    fn object(uid: &str, version: &str) -> ConfigMap {
        let metadata = ObjectMeta {
            uid: Some(uid.to_owned()),
            resource_version: Some(version.to_owned()),
            ..ObjectMeta::default()
        };
        ConfigMap { metadata, ..ConfigMap::default() }
    }

    #[test]
    fn only_the_newest_version_that_we_wrote_is_an_echo_and_it_is_one_once() {
        let echoes = Echoes::default();
        echoes.expect(&object("a", "7"));
        echoes.clone().expect(&object("a", "9"));
        echoes.expect(&object("b", "8"));
        // Somebody else's write after ours, of the same object or of another one.
        assert!(!echoes.is_echo(&object("a", "10")) && !echoes.is_echo(&object("b", "9")));
        assert!(!echoes.is_echo(&object("a", "7")), "an older one may have been overtaken");
        assert!(echoes.is_echo(&object("a", "9")) && !echoes.is_echo(&object("a", "9")));
        assert!(echoes.is_echo(&object("b", "8")));
        assert!(!echoes.is_echo(&ConfigMap::default()));
    }
}
