//! The one switch: a `ConfigMap` in the operator's namespace that stops every release, or those of the pools it names.
//! That it is there is enough; what it says only narrows it. One that cannot be read stops everything.

use std::collections::BTreeMap;

/// Why nothing may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// For every pool.
    all: Option<String>,
    /// For single pools, by `<namespace>/<name>`.
    pools: BTreeMap<String, String>,
}

/// The key whose value is the reason for stopping everything.
pub const REASON: &str = "reason";

/// The key by which a pool is named: a `ConfigMap` takes no slash, and no name of Kubernetes has an underscore.
pub fn key_of(pool: &str) -> String {
    pool.replace('/', "_")
}

impl Stop {
    /// What a `ConfigMap` says.
    pub fn read(data: &BTreeMap<String, String>) -> Stop {
        let mut stop = Stop { all: None, pools: BTreeMap::new() };
        for (key, value) in data {
            match key.split_once('_') {
                Some((namespace, name)) => {
                    stop.pools.insert(format!("{namespace}/{name}"), value.trim().to_owned());
                }
                // Whatever else it says: somebody wanted it to stop.
                None => stop.all = Some(value.trim().to_owned()),
            }
        }
        if stop.pools.is_empty() && stop.all.is_none() {
            stop.all = Some(String::new());
        }
        stop
    }

    /// It may be there, and cannot be read.
    pub fn unreadable(why: &str) -> Stop {
        Stop { all: Some(format!("it cannot be read ({why}), which counts as a stop")), pools: BTreeMap::new() }
    }

    /// Whether it stops every pool.
    pub fn is_for_all(&self) -> bool {
        self.all.is_some()
    }

    /// Why nothing of this pool may go.
    pub fn of(&self, pool: &str) -> Option<&str> {
        let reason = self.all.as_ref().or_else(|| self.pools.get(pool))?;
        Some(if reason.is_empty() { "no reason was given" } else { reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stop(data: &[(&str, &str)]) -> Stop {
        Stop::read(&data.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn one_that_says_nothing_stops_everything() {
        assert_eq!(stop(&[]).of("shop/storefront"), Some("no reason was given"));
        assert_eq!(stop(&[("note", "fire")]).of("shop/storefront"), Some("fire"));
    }

    #[test]
    fn one_that_names_pools_stops_those() {
        let stop = stop(&[("shop_storefront", "database moves")]);
        assert_eq!(stop.of("shop/storefront"), Some("database moves"));
        assert_eq!(stop.of("shop/other"), None);
        assert_eq!(key_of("shop/storefront"), "shop_storefront");
    }

    #[test]
    fn one_that_cannot_be_read_stops_everything() {
        assert!(Stop::unreadable("forbidden").of("shop/storefront").is_some_and(|why| why.contains("forbidden")));
    }
}
