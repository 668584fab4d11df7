//! What a simulated world begins with: the objects that people apply, and what they leave out of them. It
//! invents no rule: only a cluster, a day, and people who respond.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{APPROVED_ANNOTATION, Campaign, CapacityPool, Sender};
use crate::plan::approval;
use crate::plan::rules::{Rules, Unusable};

use super::ailment::Spell;
use super::deed::Deed;
use super::prometheus::Meaning;
use super::receiver::Manner;
use super::traffic::{Shape, Workload};

/// Objects that no world can be made of.
#[derive(Debug, thiserror::Error)]
pub enum StoryError {
    /// An object that is not what its kind says.
    #[error("{kind} {name}: {why}")]
    Object {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// A pool that cannot be used.
    #[error("CapacityPool {name}: {why}")]
    Pool {
        /// Its name.
        name: String,
        /// What is wrong.
        why: Unusable,
    },
    /// Nothing to simulate.
    #[error(
        "there is no {kind} in the files; a simulation needs at least one Campaign, its CapacityPool and its Sender"
    )]
    Missing {
        /// What is missing.
        kind: &'static str,
    },
}

/// What a world begins with.
#[derive(Clone, Debug)]
pub struct Story {
    /// When it begins.
    pub start: Timestamp,
    /// Everything but the campaigns, in the order in which it can be created.
    pub objects: Vec<Value>,
    /// The campaigns.
    pub campaigns: Vec<Value>,
    /// Those of them that need an approval, by namespace and name.
    pub approvals: Vec<(String, String)>,
    /// What takes the traffic.
    pub workloads: Vec<Workload>,
    /// What queries stand for that measure no demand.
    pub meanings: Vec<(String, Meaning)>,
    /// How many respond, as a multiple of what the campaigns expect.
    pub response: f64,
    /// Whether there are eight days of history.
    pub remembers: bool,
    /// What people do on the way, and when after the start.
    pub deeds: Vec<(SignedDuration, Deed)>,
    /// When the operator is killed and started again, after the start.
    pub crashes: Vec<SignedDuration>,
    /// What else goes wrong.
    pub troubles: Troubles,
    /// What the operator draws by chance follows from this.
    pub seed: u64,
}

/// What goes wrong in a story. By default nothing does.
#[derive(Clone, Debug, Default)]
pub struct Troubles {
    /// What is wrong with Prometheus, and when.
    pub spells: Vec<Spell>,
    /// How connections to the receivers go, one after the other; None, and all after them: well.
    pub manners: Vec<Option<Manner>>,
    /// From then on every connection goes well.
    pub manners_end: SignedDuration,
    /// From an operator's end to the start of the next one.
    pub downtime: SignedDuration,
    /// From when until when a second operator runs beside the first.
    pub twin: Option<(SignedDuration, SignedDuration)>,
    /// From when on nothing goes wrong any more.
    pub calm: SignedDuration,
}

/// How a day looks where nobody says: most at this hour, UTC, and this share of the most at the least.
const PEAK_MINUTE: f64 = 19.0 * 60.0;
const QUIET: f64 = 0.35;
/// A share of a limit's maximum that stands for an ordinary day.
const USUAL: f64 = 0.4;

/// An object that was given.
struct Found {
    kind: String,
    value: Value,
}

impl Found {
    fn of<K: for<'de> Deserialize<'de>>(&self) -> Result<K, StoryError> {
        K::deserialize(&self.value).map_err(|error| StoryError::Object {
            kind: self.kind.clone(),
            name: self.name(),
            why: error.to_string(),
        })
    }

    fn name(&self) -> String {
        self.value["metadata"]["name"].as_str().unwrap_or_default().to_owned()
    }

    fn namespace(&self) -> String {
        self.value["metadata"]["namespace"].as_str().unwrap_or("default").to_owned()
    }
}

fn found(object: Value) -> Found {
    let mut value = object;
    if value["metadata"].is_object() && value["metadata"]["namespace"].is_null() && value["kind"] != "Namespace" {
        value["metadata"]["namespace"] = json!("default");
    }
    Found { kind: value["kind"].as_str().unwrap_or_default().to_owned(), value }
}

/// A Sender as it is in the world: a listmonk is played by a receiver that takes each wave at once.
fn as_played(sender: &Value) -> Value {
    let mut sender = sender.clone();
    if let Some(spec) = sender["spec"].as_object_mut()
        && spec.remove("listmonk").is_some()
    {
        spec.insert("webhook".to_owned(), json!({"url": "http://listmonk"}));
    }
    sender
}

impl Story {
    /// From the objects that people apply. `flat` keeps demand at its peak; otherwise a day swings below it.
    pub fn of(objects: Vec<Value>, start: Timestamp, flat: Option<f64>) -> Result<Story, StoryError> {
        let found: Vec<Found> = objects.into_iter().map(found).collect();
        let of_kind = |kind: &str| found.iter().filter(|found| found.kind == kind).collect::<Vec<_>>();
        for kind in ["Campaign", "CapacityPool", "Sender"] {
            if of_kind(kind).is_empty() {
                return Err(StoryError::Missing { kind });
            }
        }
        let mut story = Story {
            start,
            objects: Vec::new(),
            campaigns: Vec::new(),
            approvals: Vec::new(),
            workloads: Vec::new(),
            meanings: Vec::new(),
            response: 1.0,
            remembers: flat.is_none(),
            deeds: Vec::new(),
            crashes: Vec::new(),
            troubles: Troubles::default(),
            seed: 0,
        };
        let mut namespaces: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        namespaces.insert("headroom-ledger".to_owned(), BTreeMap::new());
        for found in &found {
            let name = if found.kind == "Namespace" { found.name() } else { found.namespace() };
            namespaces.entry(name).or_default();
        }
        let mut asked: Vec<BTreeMap<String, String>> = Vec::new();
        let mut approvals: BTreeMap<String, Option<u64>> = BTreeMap::new();
        for found in of_kind("CapacityPool") {
            let pool: CapacityPool = found.of()?;
            let selector = pool.spec.admission.as_ref().and_then(|admission| admission.namespace_selector.as_ref());
            asked.extend(selector.map(|selector| selector.match_labels.clone()));
            let rules = story.add_pool(found, &pool, flat)?;
            approvals.insert(format!("{}/{}", found.namespace(), found.name()), rules.approval_above);
        }
        for found in of_kind("Sender") {
            let sender: Sender = found.of()?;
            let selector = sender.spec.namespace_selector.as_ref();
            asked.extend(selector.map(|selector| selector.match_labels.clone()));
            for header in sender.spec.webhook.iter().flat_map(|webhook| webhook.headers.iter().flatten()) {
                let (name, key) = (&header.secret_key_ref.name, &header.secret_key_ref.key);
                story.objects.push(json!({
                    "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": found.namespace()},
                    // "simulated", as a Secret holds it.
                    "data": {key: "c2ltdWxhdGVk"},
                }));
            }
            story.objects.push(as_played(&found.value));
        }
        for found in of_kind("Campaign") {
            let campaign: Campaign = found.of()?;
            let (namespace, name) = (found.namespace(), found.name());
            let home = campaign.spec.pool_ref.namespace.as_deref().unwrap_or(&namespace);
            let above = approvals.get(&format!("{home}/{}", campaign.spec.pool_ref.name)).copied().flatten();
            if approval::needed(&campaign.spec, above).is_some() {
                story.approvals.push((namespace, name));
            }
            // A namespace of campaigns that is not among the files is taken to be one that is chosen.
            let labels = namespaces.entry(found.namespace()).or_default();
            labels.extend(asked.iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
            story.campaigns.push(found.value.clone());
        }
        for namespace in of_kind("Namespace") {
            if let Some(labels) = namespace.value["metadata"]["labels"].as_object() {
                let given = labels.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
                namespaces.insert(namespace.name(), given.collect());
            }
        }
        let namespaces = namespaces.into_iter().filter(|(name, _)| name != "default").map(|(name, labels)| {
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        });
        let workloads =
            found.iter().filter(|found| ["Deployment", "HorizontalPodAutoscaler"].contains(&found.kind.as_str()));
        story.objects = namespaces.chain(workloads.map(|found| found.value.clone())).chain(story.objects).collect();
        story.invent_deployments();
        Ok(story)
    }

    /// Approves every campaign that needs it and has none: as if somebody who may had run `kubectl headroom approve`.
    pub fn approve(&mut self, by: &str) -> Result<(), StoryError> {
        for campaign in &mut self.campaigns {
            let whose = |of: &(String, String)| {
                campaign["metadata"]["namespace"] == of.0.as_str() && campaign["metadata"]["name"] == of.1.as_str()
            };
            if !self.approvals.iter().any(whose) || campaign["metadata"]["annotations"][APPROVED_ANNOTATION].is_string()
            {
                continue;
            }
            let typed: Campaign = Found { kind: "Campaign".to_owned(), value: campaign.clone() }.of()?;
            let digest = approval::digest(&typed.spec);
            campaign["metadata"]["annotations"][APPROVED_ANNOTATION] = json!(format!("{digest} {by}"));
        }
        Ok(())
    }

    fn add_pool(&mut self, found: &Found, pool: &CapacityPool, flat: Option<f64>) -> Result<Rules, StoryError> {
        let (namespace, name) = (found.namespace(), found.name());
        let key = format!("{namespace}/{name}");
        let rules = Rules::parse(&pool.spec).map_err(|why| StoryError::Pool { name: key.clone(), why })?;
        for workload in &rules.workloads {
            // Where nothing is declared a fifth of what the most replicas bear is an ordinary day's most.
            let most = f64::from(u32::try_from(workload.most).unwrap_or(1)) * workload.per_replica;
            let high = workload.peak.unwrap_or(most / 5.0);
            let shape = match flat {
                Some(share) => Shape::Flat(high * share),
                None => Shape::Day { low: high * QUIET, high, peak_minute: PEAK_MINUTE },
            };
            self.workloads.push(Workload {
                pool: key.clone(),
                namespace: namespace.clone(),
                name: workload.name.clone(),
                deployment: workload.target.1.clone(),
                query: workload.query.clone(),
                share: workload.share,
                bears: workload.per_replica,
                most: u32::try_from(workload.most).unwrap_or(0),
                shape,
            });
        }
        for rail in &rules.guardrails {
            let meaning = Meaning::Guardrail { pool: key.clone(), bound: rail.bound.clone() };
            self.meanings.push((rail.query.clone(), meaning));
        }
        for limit in &rules.limits {
            let meaning = Meaning::Limit { pool: key.clone(), usual: limit.max.value() * USUAL };
            self.meanings.push((limit.query.clone(), meaning));
        }
        let peace = rules.incidents.iter().map(|query| (query.clone(), Meaning::Always(0.0)));
        // At the threshold a check is fulfilled, whichever side it is held against.
        let fulfilled = rules.checks.iter().map(|check| {
            let value = check.bound.threshold().value();
            (check.query.clone(), Meaning::Always(value))
        });
        self.meanings.extend(peace.chain(fulfilled));
        let mut object = found.value.clone();
        // There is always a node here.
        if let Some(spec) = object["spec"].as_object_mut() {
            spec.remove("nodes");
        }
        self.objects.push(object);
        Ok(rules)
    }

    /// Deployments that the pools name and the files do not hold, with an autoscaler as most have one.
    fn invent_deployments(&mut self) {
        let has = |objects: &[Value], kind: &str, namespace: &str, name: &str| {
            objects.iter().any(|object| {
                object["kind"] == kind
                    && object["metadata"]["namespace"] == namespace
                    && object["metadata"]["name"] == name
            })
        };
        let mut invented = Vec::new();
        for workload in &self.workloads {
            let (namespace, name) = (&workload.namespace, &workload.deployment);
            if has(&self.objects, "Deployment", namespace, name) {
                continue;
            }
            invented.push(json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": namespace},
                "spec": {
                    "replicas": 2, "selector": {"matchLabels": {"app": name}},
                    "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": "app"}]}},
                },
            }));
            // 0.7 of what one replica bears, as most targets are set.
            let per_pod = format!("{:.0}", workload.bears * 0.7);
            invented.push(json!({
                "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": name, "namespace": namespace},
                "spec": {
                    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
                    "minReplicas": 2, "maxReplicas": 1000,
                    "metrics": [{"type": "External", "external": {"metric": {"name": "demand"}, "target": {"type": "AverageValue", "averageValue": per_pod}}}],
                },
            }));
        }
        self.objects.extend(invented);
    }
}
