//! How many replicas of a workload the nodes that are there can hold, as the scheduler would see it: requests, taints,
//! selectors, required node affinity, and pods that bear no second one beside them. It counts and places nothing. Spreading
//! and volumes are not looked at, so that it may count too many; the gate still waits until they are ready.
//!
//! Amounts are whole: thousandths of a core, thousandths of a byte, pods. Slots are counted node by node
//! (`Σ allocatable − Σ requested` overstates what fits).

use std::collections::BTreeMap;

/// Amounts by resource.
pub type Amounts = BTreeMap<String, u64>;
/// Labels.
pub type Labels = BTreeMap<String, String>;

/// The resource of which every pod needs one.
pub const PODS: &str = "pods";

/// Everything that is placed, and where there is room.
#[derive(Clone, Debug, Default)]
pub struct Census {
    /// The nodes.
    pub nodes: Vec<Node>,
    /// Pods that are bound to a node and have not ended.
    pub pods: Vec<Placed>,
}

/// A node.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// What keeps pods off it.
    pub taints: Vec<Taint>,
    /// Whether it is ready and takes pods.
    pub is_open: bool,
    /// What it has to give.
    pub allocatable: Amounts,
}

/// A taint that keeps pods from being placed.
#[derive(Clone, Debug, Default)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// `NoSchedule` or `NoExecute`.
    pub effect: String,
}

/// A taint that a pod bears.
#[derive(Clone, Debug, Default)]
pub struct Toleration {
    /// The key; None: every one.
    pub key: Option<String>,
    /// The value; None: every one.
    pub value: Option<String>,
    /// The effect; None: every one.
    pub effect: Option<String>,
}

/// A pod on a node.
#[derive(Clone, Debug, Default)]
pub struct Placed {
    /// The node.
    pub node: String,
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's labels.
    pub labels: Labels,
    /// What it was promised.
    pub requests: Amounts,
    /// Whether it is on its way out.
    pub is_going: bool,
}

/// What one label must be.
#[derive(Clone, Debug)]
pub enum Requirement {
    /// One of these.
    In(String, Vec<String>),
    /// None of these, or not there.
    NotIn(String, Vec<String>),
    /// There.
    Exists(String),
    /// Not there.
    DoesNotExist(String),
    /// A whole number above this.
    Above(String, i64),
    /// A whole number below this.
    Below(String, i64),
    /// Not understood: nothing fulfils it.
    Unknown,
}

/// What a replica needs.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// The workload's namespace.
    pub namespace: String,
    /// By which its own pods are known.
    pub selector: Labels,
    /// What it asks for.
    pub requests: Amounts,
    /// Labels the node must have.
    pub node_selector: Labels,
    /// Of these lists one must be fulfilled whole; None: nothing is asked.
    pub affinity: Option<Vec<Vec<Requirement>>>,
    /// Taints it bears.
    pub tolerations: Vec<Toleration>,
    /// Whether a node takes only one of them.
    pub is_alone: bool,
}

/// Adds amounts to others.
pub fn add(sum: &mut Amounts, more: &Amounts) {
    for (resource, amount) in more {
        let sum = sum.entry(resource.clone()).or_default();
        *sum = sum.saturating_add(*amount);
    }
}

/// How many replicas there may be: those that are placed, and those for which there is a slot.
pub fn fits(census: &Census, needs: &Needs) -> u32 {
    let own = |pod: &&Placed| pod.namespace == needs.namespace && matches(&needs.selector, &pod.labels);
    let mut used: BTreeMap<&str, (Amounts, u32)> = BTreeMap::new();
    for pod in &census.pods {
        let (amounts, owned) = used.entry(&pod.node).or_default();
        add(amounts, &pod.requests);
        *owned += u32::from(own(&pod));
    }
    let placed = census.pods.iter().filter(|pod| !pod.is_going).filter(own).count();
    let nothing = (Amounts::new(), 0);
    let slots = census.nodes.iter().filter(|node| takes(node, needs)).map(|node| {
        let (amounts, owned) = used.get(node.name.as_str()).unwrap_or(&nothing);
        let slots = slots(&node.allocatable, amounts, &needs.requests);
        if needs.is_alone { slots.min(u64::from(*owned == 0)) } else { slots }
    });
    let slots = slots.fold(0_u64, u64::saturating_add);
    u32::try_from(slots.saturating_add(u64::try_from(placed).unwrap_or(u64::MAX))).unwrap_or(u32::MAX)
}

fn slots(allocatable: &Amounts, used: &Amounts, requests: &Amounts) -> u64 {
    let of = |resource: &String, asked: u64| {
        let there = allocatable.get(resource).copied().unwrap_or(0);
        there.saturating_sub(used.get(resource).copied().unwrap_or(0)).checked_div(asked)
    };
    requests.iter().filter_map(|(resource, asked)| of(resource, *asked)).min().unwrap_or(0)
}

/// Whether labels are as the selector has them.
pub fn matches(selector: &Labels, labels: &Labels) -> bool {
    selector.iter().all(|(name, value)| labels.get(name) == Some(value))
}

fn takes(node: &Node, needs: &Needs) -> bool {
    let bears = |taint: &Taint| needs.tolerations.iter().any(|toleration| bears(toleration, taint));
    let is_affine = needs.affinity.as_ref().is_none_or(|terms| {
        terms.iter().any(|term| !term.is_empty() && term.iter().all(|asked| is_fulfilled(asked, &node.labels)))
    });
    node.is_open && node.taints.iter().all(bears) && matches(&needs.node_selector, &node.labels) && is_affine
}

fn bears(toleration: &Toleration, taint: &Taint) -> bool {
    let is = |asked: &Option<String>, there: &str| asked.as_deref().is_none_or(|asked| asked == there);
    is(&toleration.key, &taint.key) && is(&toleration.value, &taint.value) && is(&toleration.effect, &taint.effect)
}

fn is_fulfilled(asked: &Requirement, labels: &Labels) -> bool {
    let number = |key: &String| labels.get(key).and_then(|value| value.parse::<i64>().ok());
    match asked {
        Requirement::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
        Requirement::NotIn(key, values) => labels.get(key).is_none_or(|value| !values.contains(value)),
        Requirement::Exists(key) => labels.contains_key(key),
        Requirement::DoesNotExist(key) => !labels.contains_key(key),
        Requirement::Above(key, bound) => number(key).is_some_and(|value| value > *bound),
        Requirement::Below(key, bound) => number(key).is_some_and(|value| value < *bound),
        Requirement::Unknown => false,
    }
}

#[cfg(test)]
mod tests;
