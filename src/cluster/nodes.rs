//! The nodes that are there, the pods on them, and what a replica of a workload asks of a node: read as the plan's plain
//! data. It counts nothing.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{self, Affinity, NodeSelectorRequirement, Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};
use serde::de::DeserializeOwned;

use crate::plan::placement::{
    self, Amounts, Census, Labels, Needs, Node, PODS, Placed, Requirement, Taint, Toleration,
};

use super::error::{Error, bounded};
use super::quantity::thousandths;

/// Objects of one answer: a large cluster's pods come in several.
const PAGE: u32 = 500;
/// The label by which a node is known to those that bear no second one beside them.
const HOST: &str = "kubernetes.io/hostname";

/// Reads all nodes, and all pods that are bound to one and have not ended.
pub async fn census(client: &Client) -> Result<Census, Error> {
    let mut census = Census::default();
    each(&Api::<v1::Node>::all(client.clone()), "list the nodes", ListParams::default(), |found| {
        census.nodes.push(node(&found));
    })
    .await?;
    let running = ListParams::default().fields("status.phase!=Succeeded,status.phase!=Failed");
    each(&Api::<Pod>::all(client.clone()), "list the pods", running, |pod| census.pods.extend(placed(&pod))).await?;
    Ok(census)
}

async fn each<K>(api: &Api<K>, what: &str, params: ListParams, mut take: impl FnMut(K)) -> Result<(), Error>
where
    K: Clone + DeserializeOwned + std::fmt::Debug,
{
    let mut params = params.limit(PAGE);
    loop {
        let page = bounded(what.to_owned(), api.list(&params)).await?;
        page.items.into_iter().for_each(&mut take);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(()),
        }
    }
}

fn amounts(of: Option<&BTreeMap<String, Quantity>>) -> Amounts {
    let read = |(name, amount): (&String, &Quantity)| Some((name.clone(), thousandths(&amount.0)?));
    of.into_iter().flatten().filter_map(read).collect()
}

fn node(node: &v1::Node) -> Node {
    let (spec, status) = (node.spec.clone().unwrap_or_default(), node.status.clone().unwrap_or_default());
    let is_ready = status.conditions.iter().flatten().any(|it| it.type_ == "Ready" && it.status == "True");
    let keeps_off = |taint: &v1::Taint| taint.effect == "NoSchedule" || taint.effect == "NoExecute";
    let taints = spec.taints.into_iter().flatten().filter(keeps_off).map(|taint| Taint {
        key: taint.key,
        value: taint.value.unwrap_or_default(),
        effect: taint.effect,
    });
    Node {
        name: node.name_any(),
        labels: node.labels().clone(),
        taints: taints.collect(),
        is_open: is_ready && spec.unschedulable != Some(true),
        allocatable: amounts(status.allocatable.as_ref()),
    }
}

fn placed(pod: &Pod) -> Option<Placed> {
    let spec = pod.spec.as_ref()?;
    Some(Placed {
        node: spec.node_name.clone().filter(|name| !name.is_empty())?,
        namespace: pod.namespace().unwrap_or_default(),
        labels: pod.labels().clone(),
        requests: requests(spec),
        is_going: pod.metadata.deletion_timestamp.is_some(),
    })
}

/// What the scheduler counts: containers and sidecars together, or whatever one init container needs beside the sidecars
/// before it, if that is more; and the overhead.
fn requests(spec: &PodSpec) -> Amounts {
    let asked = |container: &v1::Container| {
        let resources = container.resources.as_ref();
        // Where only a limit is given, the API server makes it the request.
        let mut all = amounts(resources.and_then(|resources| resources.limits.as_ref()));
        all.extend(amounts(resources.and_then(|resources| resources.requests.as_ref())));
        all
    };
    let (mut sidecars, mut most) = (Amounts::new(), Amounts::new());
    for container in spec.init_containers.iter().flatten() {
        let mut beside = sidecars.clone();
        placement::add(&mut beside, &asked(container));
        for (resource, amount) in &beside {
            let known = most.entry(resource.clone()).or_default();
            *known = (*known).max(*amount);
        }
        if container.restart_policy.as_deref() == Some("Always") {
            sidecars = beside;
        }
    }
    let mut all = sidecars;
    spec.containers.iter().for_each(|container| placement::add(&mut all, &asked(container)));
    for (resource, amount) in most {
        let known = all.entry(resource).or_default();
        *known = (*known).max(amount);
    }
    placement::add(&mut all, &amounts(spec.overhead.as_ref()));
    all.insert(PODS.to_owned(), 1_000);
    all
}

/// What a replica of a Deployment needs.
pub fn needs(deployment: &Deployment) -> Needs {
    let Some(spec) = &deployment.spec else { return Needs::default() };
    let pod = spec.template.spec.clone().unwrap_or_default();
    let labels = spec.template.metadata.as_ref().and_then(|meta| meta.labels.clone()).unwrap_or_default();
    let affinity = pod.affinity.as_ref();
    Needs {
        namespace: deployment.namespace().unwrap_or_default(),
        // By its own labels where the selector says more than labels.
        selector: match &spec.selector.match_labels {
            Some(selector) if spec.selector.match_expressions.is_none() => selector.clone(),
            _ => labels.clone(),
        },
        requests: requests(&pod),
        node_selector: pod.node_selector.clone().unwrap_or_default(),
        affinity: affinity.and_then(required),
        tolerations: pod.tolerations.iter().flatten().map(toleration).collect(),
        is_alone: affinity.is_some_and(|affinity| is_alone(affinity, &labels)),
    }
}

fn required(affinity: &Affinity) -> Option<Vec<Vec<Requirement>>> {
    let selector = affinity.node_affinity.as_ref()?.required_during_scheduling_ignored_during_execution.as_ref()?;
    let terms = selector.node_selector_terms.iter().map(|term| {
        let of_labels = term.match_expressions.iter().flatten().map(requirement);
        // Of a node's fields there is only its name, which no count needs.
        let of_fields = term.match_fields.iter().flatten().map(|_| Requirement::Unknown);
        of_labels.chain(of_fields).collect()
    });
    Some(terms.collect())
}

fn requirement(asked: &NodeSelectorRequirement) -> Requirement {
    let (key, values) = (asked.key.clone(), asked.values.clone().unwrap_or_default());
    let number = values.first().and_then(|value| value.parse().ok());
    match (asked.operator.as_str(), number) {
        ("In", _) => Requirement::In(key, values),
        ("NotIn", _) => Requirement::NotIn(key, values),
        ("Exists", _) => Requirement::Exists(key),
        ("DoesNotExist", _) => Requirement::DoesNotExist(key),
        ("Gt", Some(number)) => Requirement::Above(key, number),
        ("Lt", Some(number)) => Requirement::Below(key, number),
        _ => Requirement::Unknown,
    }
}

fn toleration(toleration: &v1::Toleration) -> Toleration {
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let is_any = toleration.operator.as_deref() == Some("Exists");
    Toleration {
        key: filled(&toleration.key),
        value: (!is_any).then(|| toleration.value.clone().unwrap_or_default()),
        effect: filled(&toleration.effect),
    }
}

/// Whether it asks for a node on which there is none of its own.
fn is_alone(affinity: &Affinity, labels: &Labels) -> bool {
    let apart = affinity.pod_anti_affinity.as_ref();
    let terms = apart.and_then(|apart| apart.required_during_scheduling_ignored_during_execution.as_ref());
    terms.into_iter().flatten().filter(|term| term.topology_key == HOST).any(|term| {
        let selector = term.label_selector.clone().unwrap_or_default();
        let chosen = selector.match_labels.unwrap_or_default();
        selector.match_expressions.is_none() && placement::matches(&chosen, labels)
    })
}

#[cfg(test)]
mod tests;
