//! The one switch: a `ConfigMap` in the operator's namespace that stops every release, or those of the pools it names.
//! That it is there is enough; what it says only narrows it. One that cannot be read stops everything. It may also ask that
//! all borrowed scale be given back at once, which is how an install is left.

use std::collections::BTreeMap;

/// Why nothing may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// For every pool.
    all: Option<String>,
    /// For single pools, by `<namespace>/<name>`.
    pools: BTreeMap<String, String>,
    /// All borrowed scale is given back at once.
    gives_back: bool,
}

/// The key whose value is the reason for stopping everything.
pub const REASON: &str = "reason";
/// The key that asks, with the value `true`, for borrowed scale to be given back at once.
pub const GIVE_BACK: &str = "giveBack";

/// Why nothing goes while that is done.
const LEAVING: &str = "all borrowed scale is being given back";

/// The key by which a pool is named: a `ConfigMap` takes no slash, and no name of Kubernetes has an underscore.
pub fn key_of(pool: &str) -> String {
    pool.replace('/', "_")
}

impl Stop {
    /// What a `ConfigMap` says.
    pub fn read(data: &BTreeMap<String, String>) -> Stop {
        let gives_back = data.get(GIVE_BACK).is_some_and(|value| value.trim() == "true");
        let mut stop = Stop { all: None, pools: BTreeMap::new(), gives_back };
        for (key, value) in data.iter().filter(|(key, _)| *key != GIVE_BACK) {
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
        if stop.gives_back {
            // What is left without its scale sends nothing, whichever pools it names beside.
            stop.all.get_or_insert_with(|| LEAVING.to_owned());
        }
        stop
    }

    /// The install is left: nothing goes any more, and all borrowed scale goes back at once.
    pub fn leaving() -> Stop {
        Stop { all: Some(LEAVING.to_owned()), pools: BTreeMap::new(), gives_back: true }
    }

    /// Whether borrowed scale is given back at once.
    pub fn gives_back(&self) -> bool {
        self.gives_back
    }

    /// It may be there, and cannot be read.
    pub fn unreadable(why: &str) -> Stop {
        let all = Some(format!("it cannot be read ({why}), which counts as a stop"));
        Stop { all, pools: BTreeMap::new(), gives_back: false }
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
    fn one_that_gives_scale_back_stops_everything_beside() {
        let leaving = stop(&[("giveBack", "true"), ("shop_storefront", "database moves")]);
        assert!(leaving.gives_back() && leaving.of("shop/other").is_some_and(|why| why.contains("given back")));
        let with_a_reason = stop(&[("giveBack", "true"), ("reason", "the cluster moves")]);
        assert_eq!(with_a_reason.of("shop/other"), Some("the cluster moves"));
        assert!(Stop::leaving().gives_back() && Stop::leaving().of("shop/storefront").is_some());
        // Anything but "true" gives nothing back, and stops all the same.
        let odd = stop(&[("giveBack", "perhaps")]);
        assert!(!odd.gives_back() && odd.of("shop/storefront").is_some());
        assert!(!Stop::unreadable("forbidden").gives_back() && !stop(&[("reason", "fire")]).gives_back());
    }

    #[test]
    fn one_that_cannot_be_read_stops_everything() {
        assert!(Stop::unreadable("forbidden").of("shop/storefront").is_some_and(|why| why.contains("forbidden")));
    }
}
