//! A pool's rules, parsed once: quantities as numbers with their defaults applied.
//!
//! A spec that passed the API server can still be wrong; then the whole pool is `Invalid` with the field and the way
//! out, and nothing goes through it.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use crate::api;
use crate::api::campaign::Wave;
use crate::api::pool::{CapacityPoolSpec, Demand, Heartbeat, Mode, Nodes, OnBreach, Reduce};
use crate::api::reference::NamespaceSelector;

use super::TICK;
use super::baseline::GROWTH;
use super::freezes::Freeze;
use super::load::{self, Profile};
use super::profiles;
use super::reading::{Question, Replicas, SeenBy};
use super::units::people::{self, Rounding};
use super::units::{Percent, Rate, Span, Threshold};

/// What one replica bears is used up to this share, unless the owner says otherwise.
const TARGET_UTILIZATION: f64 = 0.70;
/// Samples older than this are not believed, unless the owner says otherwise.
pub const MAX_SAMPLE_AGE: SignedDuration = SignedDuration::from_secs(90);
/// Of the ready replicas, the share whose samples must be behind a demand.
pub const MIN_COVERAGE: f64 = 0.90;
/// Where the name of a pod is found, unless the owner says otherwise.
pub const POD_LABEL: &str = "pod";
/// Headroom counts as confirmed when it was seen so often, over so long.
const CONFIRM: (u32, SignedDuration) = (3, SignedDuration::from_secs(60));
/// A pool is looked at no more often than this, however short the owner's span is.
const SHORTEST_TICK: SignedDuration = SignedDuration::from_secs(1);
/// Borrowed scale is kept so long after it was last needed.
const SCALE_DOWN_HOLD: SignedDuration = SignedDuration::from_secs(600);
/// Share of the floor that is given back each minute.
const SCALE_DOWN_STEP: f64 = 0.10;
/// Scale is raised no longer than this before a wave's time.
const MAX_PRESCALE_LEAD: SignedDuration = SignedDuration::from_mins(30);
/// A silent sensor keeps scale no longer than this after the load has gone by the model.
const SCALE_DOWN_MAX_HOLD: SignedDuration = SignedDuration::from_hours(24);
/// The highest priority there is.
const HIGHEST_PRIORITY: i32 = 1000;

/// The rules of one pool.
#[derive(Clone, Debug)]
pub struct Rules {
    /// In the order written.
    pub workloads: Vec<WorkloadRules>,
    /// What cannot be scaled.
    pub limits: Vec<LimitRules>,
    /// What must stay healthy.
    pub guardrails: Vec<GuardrailRules>,
    /// Factor by which expected loads may be exceeded.
    pub margin: f64,
    /// How many samples confirm.
    pub confirmations: u32,
    /// Over how long.
    pub confirm_span: SignedDuration,
    /// Older samples close the gate.
    pub max_sample_age: SignedDuration,
    /// Of a workload's ready replicas, the share whose samples must be behind its demand.
    pub min_coverage: f64,
    /// Whether what is measured counts only with a heartbeat.
    pub heartbeat: Heartbeat,
    /// The plan of campaigns that bring none.
    pub waves: Option<Vec<Wave>>,
    /// How long borrowed scale is kept after it was last needed.
    pub hold: SignedDuration,
    /// Share of the floor that goes each minute.
    pub step: f64,
    /// With a silent sensor it is kept no longer than this after the load has gone by the model.
    pub max_hold: SignedDuration,
    /// Scale is raised no longer than this before a wave's time.
    pub max_prescale_lead: SignedDuration,
    /// The owner's switch.
    pub suspended: bool,
    /// Whether it only says what it would do.
    pub observes: bool,
    /// Whether replicas count only if there is a place for them on the nodes that are there.
    pub counts_nodes: bool,
    /// Whose campaigns are admitted.
    pub admits: Option<NamespaceSelector>,
    /// Whose urgent campaigns may use the reserve.
    pub admits_urgent: Option<NamespaceSelector>,
    /// Share of what the replicas bear that only those may use.
    pub reserve: f64,
    /// No campaign counts with a higher priority.
    pub max_priority: i32,
    /// And those of some namespaces with none above this.
    pub priorities: Vec<(NamespaceSelector, i32)>,
    /// Sends to more recipients need an approval.
    pub approval_above: Option<u64>,
    /// So many campaigns may be in the middle of their send.
    pub max_concurrent: Option<usize>,
    /// Times in which nothing leaves, in order.
    pub freezes: Vec<Freeze>,
    /// What counts incidents.
    pub incidents: Option<String>,
    /// What `after` may wait for.
    pub checks: Vec<CheckRules>,
    /// What is known of channels here: channel, class, profile.
    pub profiles: Vec<(String, Option<String>, Profile)>,
}

/// One workload.
#[derive(Clone, Debug)]
pub struct WorkloadRules {
    /// Its name in messages.
    pub name: String,
    /// Kind and name of what is scaled.
    pub target: (String, String),
    /// Its demand query.
    pub query: String,
    /// How several series become one number.
    pub reduce: Option<Reduce>,
    /// How its replicas are seen in it; None: the owner answers for them.
    pub coverage: Option<SeenBy>,
    /// What can be true of it.
    pub plausible: Plausible,
    /// The most that an ordinary day brings, requests per second.
    pub peak: Option<f64>,
    /// What one replica bears, before utilisation, requests per second.
    pub per_replica: f64,
    /// Share of it that is used.
    pub utilization: f64,
    /// Share of a send's requests that reaches it.
    pub share: f64,
    /// The most replicas that may be asked for.
    pub most: i32,
}

/// One thing that cannot be scaled.
#[derive(Clone, Debug)]
pub struct LimitRules {
    /// Its name in messages.
    pub name: String,
    /// Its query.
    pub query: String,
    /// It must stay below.
    pub max: Threshold,
    /// By how much one further request per second raises it; None: in proportion to demand.
    pub per_request: Option<f64>,
    /// What can be true of it.
    pub plausible: Plausible,
}

/// One question of yes or no.
#[derive(Clone, Debug)]
pub struct CheckRules {
    /// Its name.
    pub name: String,
    /// Its query.
    pub query: String,
    /// What it is held against.
    pub bound: Bound,
}

/// One thing that must stay healthy.
#[derive(Clone, Debug)]
pub struct GuardrailRules {
    /// Its name in messages.
    pub name: String,
    /// Its query.
    pub query: String,
    /// What it is held against.
    pub bound: Bound,
    /// How long it must be out of bounds to count.
    pub lasting: SignedDuration,
    /// What a breach does.
    pub on_breach: OnBreach,
    /// What can be true of it.
    pub plausible: Plausible,
}

/// Values that can be true.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plausible {
    /// None is below.
    pub min: Option<Threshold>,
    /// None is above.
    pub max: Option<Threshold>,
}

impl Plausible {
    fn parse(field: &dyn Fn(&str) -> String, written: Option<&api::pool::Plausible>) -> Result<Plausible, Unusable> {
        let bound = |name: &str, text: Option<&String>| {
            text.map(|text| at(field(&format!("plausible.{name}")), Threshold::parse(text))).transpose()
        };
        let Some(written) = written else { return Ok(Plausible::default()) };
        let plausible =
            Plausible { min: bound("min", written.min.as_ref())?, max: bound("max", written.max.as_ref())? };
        match (&plausible.min, &plausible.max) {
            (Some(min), Some(max)) if min.value() > max.value() => Err(Unusable {
                field: field("plausible"),
                why: "min is above max, so that nothing is plausible".into(),
            }),
            _ => Ok(plausible),
        }
    }

    /// Whether a guardrail can be broken at all by a value that can be true.
    fn leaves_room_for(&self, bound: &Bound) -> Result<(), &'static str> {
        match (bound, &self.min, &self.max) {
            (Bound::Max(bound), _, Some(max)) if max.value() <= bound.value() => {
                Err("its max is not above the guardrail's, so that every breach would be a fault of the sensor")
            }
            (Bound::Min(bound), Some(min), _) if min.value() >= bound.value() => {
                Err("its min is not below the guardrail's, so that every breach would be a fault of the sensor")
            }
            _ => Ok(()),
        }
    }

    /// Whether a value can be true. One that cannot be compared is not.
    pub fn admits(&self, value: f64) -> bool {
        self.min.as_ref().is_none_or(|min| value >= min.value())
            && self.max.as_ref().is_none_or(|max| value <= max.value())
    }
}

/// What a guardrail is held against.
#[derive(Clone, Debug)]
pub enum Bound {
    /// It must not be above.
    Max(Threshold),
    /// It must not be below.
    Min(Threshold),
}

impl Bound {
    fn parse(field: &dyn Fn(&str) -> String, max: Option<&String>, min: Option<&String>) -> Result<Bound, Unusable> {
        match (max, min) {
            (Some(max), None) => Ok(Bound::Max(at(field("max"), Threshold::parse(max))?)),
            (None, Some(min)) => Ok(Bound::Min(at(field("min"), Threshold::parse(min))?)),
            _ => Err(Unusable { field: field("max"), why: "give max or min, one of them".into() }),
        }
    }

    /// Whether a value is in bounds. A value that cannot be compared is not.
    pub fn admits(&self, value: f64) -> bool {
        match self {
            Bound::Max(max) => value <= max.value(),
            Bound::Min(min) => value >= min.value(),
        }
    }

    /// The threshold.
    pub fn threshold(&self) -> &Threshold {
        match self {
            Bound::Max(threshold) | Bound::Min(threshold) => threshold,
        }
    }
}

impl PartialEq for Bound {
    fn eq(&self, other: &Bound) -> bool {
        let is_same_kind = matches!(self, Bound::Max(_)) == matches!(other, Bound::Max(_));
        let shown = |bound: &Bound| bound.threshold().show(bound.threshold().value());
        is_same_kind && shown(self) == shown(other)
    }
}

/// A field that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct Unusable {
    /// Its path.
    pub field: String,
    /// A sentence with the way out.
    pub why: String,
}

/// Names the field of a parser's refusal.
pub fn at<T, E: std::fmt::Display>(field: impl Into<String>, parsed: Result<T, E>) -> Result<T, Unusable> {
    parsed.map_err(|error| Unusable { field: field.into(), why: error.to_string() })
}

fn span(field: &str, text: Option<&String>, default: SignedDuration) -> Result<SignedDuration, Unusable> {
    text.map_or(Ok(default), |text| at(field, Span::parse_or_zero(text)).map(Span::to_duration))
}

/// How the replicas behind a demand are seen.
fn coverage(demand: &Demand) -> Option<SeenBy> {
    let written = demand.coverage.clone().unwrap_or_default();
    match (written.query, written.unverified) {
        (Some(query), _) => Some(SeenBy::Query(query)),
        (None, Some(_)) => None,
        (None, None) => Some(SeenBy::Label(written.pod_label.unwrap_or_else(|| POD_LABEL.to_owned()))),
    }
}

/// Every workload, each target named once.
fn workloads(spec: &CapacityPoolSpec, utilization: f64) -> Result<Vec<WorkloadRules>, Unusable> {
    let workloads = spec.workloads.iter().enumerate().map(|(index, workload)| {
        let field = |name: &str| format!("spec.workloads[{index}].{name}");
        let peak = match &workload.demand.peak {
            Some(text) => Some(at(field("demand.peak"), Rate::parse(text))?.per_second()),
            None => None,
        };
        let share = workload.requests_per_request.unwrap_or(1.0);
        if !(share.is_finite() && share > 0.0) {
            return Err(Unusable {
                field: field("requestsPerRequest"),
                why: "must be above 0; leave it out where every request of a visit reaches the workload".into(),
            });
        }
        Ok(WorkloadRules {
            name: workload.name.clone(),
            target: (workload.target_ref.kind.clone(), workload.target_ref.name.clone()),
            query: workload.demand.query.clone(),
            reduce: workload.demand.reduce,
            coverage: coverage(&workload.demand),
            plausible: Plausible::parse(&|name| field(&format!("demand.{name}")), workload.demand.plausible.as_ref())?,
            peak,
            per_replica: at(field("capacityPerReplica"), Rate::parse(&workload.capacity_per_replica))?.per_second(),
            utilization,
            share,
            most: workload.max_replicas,
        })
    });
    let workloads = workloads.collect::<Result<Vec<_>, _>>()?;
    for (index, workload) in workloads.iter().enumerate() {
        if let Some(first) = workloads.iter().take(index).find(|first| first.target == workload.target) {
            let (kind, name) = &workload.target;
            return Err(Unusable {
                field: format!("spec.workloads[{index}].targetRef"),
                why: format!(
                    "\"{}\" and \"{}\" are both the {kind} {name}; name it once, with the demand of everything that reaches it",
                    first.name, workload.name
                ),
            });
        }
    }
    Ok(workloads)
}

impl WorkloadRules {
    /// What is asked of Prometheus for its demand.
    pub fn question(&self, namespace: &str, max_age: SignedDuration) -> Question {
        let replicas = self.coverage.as_ref().map(|seen_by| Replicas {
            namespace: namespace.to_owned(),
            deployment: self.target.1.clone(),
            seen_by: seen_by.clone(),
            max_age,
        });
        Question { query: self.query.clone(), reduce: self.reduce, replicas, looks_back: true }
    }
}

impl Rules {
    /// While a wave is due the pool is looked at this often: so that its samples are spread over the owner's span, and no more
    /// seldom than every five seconds.
    pub fn tick(&self) -> SignedDuration {
        let steps = i32::try_from(self.confirmations.saturating_sub(1).max(1)).unwrap_or(1);
        (self.confirm_span / steps).clamp(SHORTEST_TICK, TICK)
    }

    /// The highest priority that counts for campaigns of a namespace with these labels.
    pub fn highest_priority(&self, labels: &BTreeMap<String, String>) -> i32 {
        let theirs = self.priorities.iter().filter(|(selector, _)| selector.matches(labels)).map(|(_, most)| *most);
        theirs.fold(self.max_priority, i32::min)
    }

    /// Workloads whose ordinary day already brings what their most replicas bear, so that nothing could ever be sent: the
    /// field, and why.
    pub fn without_capacity(&self) -> Vec<Unusable> {
        let workloads = self.workloads.iter().enumerate();
        let full = workloads.filter_map(|(index, workload)| {
            let peak = workload.peak?;
            let most = f64::from(workload.most) * workload.per_replica * workload.utilization;
            let left = most - most * self.reserve - GROWTH * peak;
            let per_second = |value| format!("{} req/s", people::per_second(value, Rounding::Down));
            (left <= 0.0).then(|| Unusable {
                field: format!("spec.workloads[{index}].maxReplicas"),
                why: format!(
                    "{} replicas of \"{}\" bear {}, and an ordinary day brings up to {} by demand.peak: nothing is left for any send; raise maxReplicas or capacityPerReplica, or correct demand.peak",
                    workload.most,
                    workload.name,
                    per_second(most),
                    per_second(peak)
                ),
            })
        });
        full.collect()
    }

    /// Reads a spec.
    pub fn parse(spec: &CapacityPoolSpec) -> Result<Rules, Unusable> {
        let utilization = match &spec.target_utilization {
            Some(text) => at("spec.targetUtilization", Percent::parse(text))?.fraction(),
            None => TARGET_UTILIZATION,
        };
        let margin = match &spec.load_margin {
            Some(text) => at("spec.loadMargin", text.parse::<f64>())?,
            None => load::UNKNOWN_MARGIN,
        };
        let confirm = spec.confirm.clone().unwrap_or_default();
        let sensor = spec.sensor.clone().unwrap_or_default();
        let down = spec.scale_down.clone().unwrap_or_default();
        let workloads = workloads(spec, utilization)?;
        let limits = spec.limits.iter().flatten().enumerate().map(|(index, limit)| {
            let field = |name: &str| format!("spec.limits[{index}].{name}");
            Ok(LimitRules {
                name: limit.name.clone(),
                query: limit.query.clone(),
                max: at(field("max"), Threshold::parse(&limit.max))?,
                per_request: limit.per_request,
                plausible: Plausible::parse(&field, limit.plausible.as_ref())?,
            })
        });
        let guardrails = spec.guardrails.iter().flatten().enumerate().map(|(index, rail)| {
            let field = |name: &str| format!("spec.guardrails[{index}].{name}");
            let bound = Bound::parse(&field, rail.max.as_ref(), rail.min.as_ref())?;
            let plausible = Plausible::parse(&field, rail.plausible.as_ref())?;
            plausible.leaves_room_for(&bound).map_err(|why| Unusable { field: field("plausible"), why: why.into() })?;
            Ok(GuardrailRules {
                name: rail.name.clone(),
                query: rail.query.clone(),
                bound,
                lasting: span(&field("for"), rail.lasting.as_ref(), SignedDuration::ZERO)?,
                on_breach: rail.on_breach.unwrap_or_default(),
                plausible,
            })
        });
        let checks = spec.checks.iter().flatten().enumerate().map(|(index, check)| {
            let field = |name: &str| format!("spec.checks[{index}].{name}");
            let bound = Bound::parse(&field, check.max.as_ref(), check.min.as_ref())?;
            Ok(CheckRules { name: check.name.clone(), query: check.query.clone(), bound })
        });
        let admission = spec.admission.clone().unwrap_or_default();
        let reserve = match &spec.reserve {
            Some(text) => at("spec.reserve", Percent::parse(text))?.fraction(),
            None => 0.0,
        };
        Ok(Rules {
            workloads,
            limits: limits.collect::<Result<_, _>>()?,
            guardrails: guardrails.collect::<Result<_, _>>()?,
            margin,
            confirmations: confirm.samples.map_or(CONFIRM.0, i32::unsigned_abs).max(1),
            confirm_span: span("spec.confirm.span", confirm.span.as_ref(), CONFIRM.1)?,
            max_sample_age: span("spec.sensor.maxSampleAge", sensor.max_sample_age.as_ref(), MAX_SAMPLE_AGE)?,
            min_coverage: match &sensor.min_coverage {
                Some(text) => at("spec.sensor.minCoverage", Percent::parse(text))?.fraction(),
                None => MIN_COVERAGE,
            },
            heartbeat: sensor.heartbeat.unwrap_or_default(),
            waves: spec.waves.clone(),
            hold: span("spec.scaleDown.hold", down.hold.as_ref(), SCALE_DOWN_HOLD)?,
            step: match &down.step {
                Some(text) => at("spec.scaleDown.step", Percent::parse(text))?.fraction(),
                None => SCALE_DOWN_STEP,
            },
            max_hold: span("spec.scaleDown.maxHold", down.max_hold.as_ref(), SCALE_DOWN_MAX_HOLD)?,
            max_prescale_lead: span("spec.maxPrescaleLead", spec.max_prescale_lead.as_ref(), MAX_PRESCALE_LEAD)?,
            suspended: spec.suspend.unwrap_or(false),
            observes: spec.mode == Some(Mode::Observe),
            counts_nodes: spec.nodes == Some(Nodes::Fixed),
            reserve,
            max_priority: spec.max_priority.unwrap_or(HIGHEST_PRIORITY),
            approval_above: admission.approval_above.and_then(|above| u64::try_from(above).ok()),
            max_concurrent: admission.max_concurrent.and_then(|most| usize::try_from(most).ok()),
            freezes: Freeze::parse_all(admission.freezes.as_deref().unwrap_or_default())?,
            incidents: admission.incidents.map(|incidents| incidents.query),
            checks: checks.collect::<Result<_, _>>()?,
            profiles: profiles::parse_all(spec.profiles.as_deref().unwrap_or_default())?,
            admits: admission.namespace_selector,
            admits_urgent: admission.urgent_namespace_selector,
            priorities: admission.priorities.map_or_else(Vec::new, |all| {
                all.into_iter().map(|one| (one.namespace_selector, one.max_priority)).collect()
            }),
        })
    }
}
