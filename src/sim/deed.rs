//! What people, rivals, the day and the machines do in a story. Each goes the way it goes in a real cluster: through the
//! API server, under the name of whoever does it; what the server refuses them is theirs to mend.

use std::sync::{Mutex, PoisonError};

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::apiserver::ApiServer;
use super::story::Story;
use super::traffic::{Shape, Traffic};
use crate::clock;

/// Who writes what the files hold.
pub const PEOPLE: &str = "kubectl";
const CAMPAIGNS: &str = "campaigns.headroom.dev";

/// An object, by the name of its kind among all, its namespace and its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Thing {
    /// `horizontalpodautoscalers.autoscaling`.
    pub resource: &'static str,
    /// Empty where there is none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Thing {
    /// An object.
    pub fn new(resource: &'static str, namespace: &str, name: &str) -> Thing {
        Thing { resource, namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// What somebody, or something, does.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// Gives a Campaign's spec these fields.
    Edit {
        /// Its namespace and name.
        campaign: (String, String),
        /// The fields.
        spec: Value,
    },
    /// Deletes a Campaign, and applies it again as the files have it.
    Reapply {
        /// Its namespace and name.
        campaign: (String, String),
    },
    /// Gives any object these fields; null takes one away.
    Write {
        /// Who.
        by: &'static str,
        /// To what.
        to: Thing,
        /// The fields.
        fields: Value,
    },
    /// Deletes any object.
    Delete {
        /// Who.
        by: &'static str,
        /// What.
        what: Thing,
    },
    /// Deletes any object and creates it anew, as the files have it.
    Replace {
        /// Who.
        by: &'static str,
        /// What.
        what: Thing,
    },
    /// Every workload is asked for so much from now on, in requests per second.
    Demand(f64),
    /// This share of all requests fails from now on, whatever the load.
    Errors(f64),
    /// The wall clock of the operator's machine is set by so much.
    Clock(SignedDuration),
    /// The API server forgets its history: whoever watches must list anew.
    Compact,
    /// Every watch ends.
    CutWatches,
}

impl Deed {
    /// Does it.
    pub fn happen(self, server: &ApiServer, traffic: &Mutex<Traffic>, story: &Story) {
        let traffic = || traffic.lock().unwrap_or_else(PoisonError::into_inner);
        let write = |by: &str, to: &Thing, fields: Value| {
            if let Some(place) = server.place(to.resource, &to.namespace, &to.name) {
                let _ = server.merge(by, &place, fields);
            }
        };
        let delete = |by: &str, what: &Thing| {
            if let Some(place) = server.place(what.resource, &what.namespace, &what.name) {
                let _ = server.delete(by, &place);
            }
        };
        let make = |by: &str, what: &Thing| {
            let is_it = |object: &&Value| {
                let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
                let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
                text("namespace") == what.namespace
                    && text("name") == what.name
                    && what.resource.split('.').next().is_some_and(|plural| plural == format!("{kind}s"))
            };
            if let Some(object) = story.campaigns.iter().chain(&story.objects).find(is_it) {
                let _ = server.create(by, object);
            }
        };
        match self {
            Deed::Edit { campaign: (namespace, name), spec } => {
                write(PEOPLE, &Thing::new(CAMPAIGNS, &namespace, &name), json!({ "spec": spec }));
            }
            Deed::Reapply { campaign: (namespace, name) } => {
                let campaign = Thing::new(CAMPAIGNS, &namespace, &name);
                delete(PEOPLE, &campaign);
                make(PEOPLE, &campaign);
            }
            Deed::Write { by, to, fields } => write(by, &to, fields),
            Deed::Delete { by, what } => delete(by, &what),
            Deed::Replace { by, what } => {
                delete(by, &what);
                make(by, &what);
            }
            Deed::Demand(rate) => {
                traffic().workloads.iter_mut().for_each(|workload| workload.shape = Shape::Flat(rate * workload.share));
            }
            Deed::Errors(share) => traffic().errors = share,
            Deed::Clock(by) => clock::set_wall(by),
            Deed::Compact => server.compact(),
            Deed::CutWatches => server.cut_watches(),
        }
    }
}
