#![allow(clippy::unwrap_used)]

use super::*;

fn amounts(cpu: u64, memory: u64, pods: u64) -> Amounts {
    [("cpu", cpu), ("memory", memory), (PODS, pods)].map(|(name, amount)| (name.to_owned(), amount)).into()
}

fn labels(of: &[(&str, &str)]) -> Labels {
    of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn node(name: &str, cpu: u64, memory: u64, pods: u64) -> Node {
    let allocatable = amounts(cpu, memory, pods);
    Node { name: name.into(), is_open: true, allocatable, labels: labels(&[("zone", name)]), ..Node::default() }
}

fn placed(node: &str, app: &str, cpu: u64, memory: u64) -> Placed {
    let (labels, requests) = (labels(&[("app", app)]), amounts(cpu, memory, 1));
    Placed { node: node.into(), namespace: "shop".into(), labels, requests, is_going: false }
}

fn needs(cpu: u64, memory: u64) -> Needs {
    let (selector, requests) = (labels(&[("app", "web")]), amounts(cpu, memory, 1));
    Needs { namespace: "shop".into(), selector, requests, ..Needs::default() }
}

#[test]
fn slots_are_counted_node_by_node() {
    // 4,000 and 4,000 of which 3,500 and 3,500 are free: 1,000 each fit three times on each, and seven times into the sum.
    let census = Census {
        nodes: vec![node("a", 4_000, 100, 110), node("b", 4_000, 100, 110)],
        pods: vec![placed("a", "api", 500, 1), placed("b", "api", 500, 1)],
    };
    assert_eq!(fits(&census, &needs(1_000, 1)), 6);
    // Memory is the narrower one: ⌊99 / 40⌋ = 2 on each.
    assert_eq!(fits(&census, &needs(1_000, 40)), 4);
    // A pod asks for nothing: 109 more pods on each.
    assert_eq!(fits(&census, &needs(0, 0)), 218);
    // A resource that no node has.
    let mut gpu = needs(1, 1);
    gpu.requests.insert("nvidia.com/gpu".into(), 1);
    assert_eq!(fits(&census, &gpu), 0);
}

#[test]
fn its_own_replicas_count_wherever_they_are_unless_they_go() {
    let mut census = Census {
        nodes: vec![node("a", 4_000, 100, 110)],
        pods: vec![placed("a", "web", 1_000, 1), placed("gone", "web", 1_000, 1)],
    };
    // Two are placed, three more fit.
    assert_eq!(fits(&census, &needs(1_000, 1)), 5);
    // One that goes takes its place until it is gone, and is none any more.
    census.pods[0].is_going = true;
    assert_eq!(fits(&census, &needs(1_000, 1)), 4);
    // Another namespace's are others.
    census.pods[1].namespace = "elsewhere".into();
    assert_eq!(fits(&census, &needs(1_000, 1)), 3);
}

#[test]
fn closed_tainted_and_unwanted_nodes_hold_none() {
    let one = |change: &dyn Fn(&mut Node), needs: &Needs| {
        let mut node = node("a", 4_000, 100, 110);
        change(&mut node);
        fits(&Census { nodes: vec![node], pods: Vec::new() }, needs)
    };
    let plain = needs(1_000, 1);
    assert_eq!(one(&|_| {}, &plain), 4);
    assert_eq!(one(&|node| node.is_open = false, &plain), 0);
    let taint = |node: &mut Node| {
        node.taints.push(Taint { key: "gpu".into(), value: "yes".into(), effect: "NoSchedule".into() });
    };
    let bearing = |key: Option<&str>, value: Option<&str>, effect: Option<&str>| {
        let own = |text: Option<&str>| text.map(ToOwned::to_owned);
        Needs {
            tolerations: vec![Toleration { key: own(key), value: own(value), effect: own(effect) }],
            ..needs(1_000, 1)
        }
    };
    assert_eq!(one(&taint, &plain), 0);
    assert_eq!(one(&taint, &bearing(None, None, None)), 4);
    assert_eq!(one(&taint, &bearing(Some("gpu"), Some("yes"), Some("NoSchedule"))), 4);
    assert_eq!(one(&taint, &bearing(Some("gpu"), Some("no"), None)), 0);
    assert_eq!(one(&taint, &bearing(Some("gpu"), None, Some("NoExecute"))), 0);
    let chosen = Needs { node_selector: labels(&[("zone", "b")]), ..needs(1_000, 1) };
    assert_eq!(one(&|_| {}, &chosen), 0);
    assert_eq!(one(&|node| node.labels = labels(&[("zone", "b")]), &chosen), 4);
}

#[test]
fn required_affinity_is_one_whole_list_of_several() {
    let census = Census { nodes: vec![node("a", 4_000, 100, 110)], pods: Vec::new() };
    let with = |terms: Vec<Vec<Requirement>>| fits(&census, &Needs { affinity: Some(terms), ..needs(1_000, 1) });
    let zone =
        |values: &[&str]| Requirement::In("zone".into(), values.iter().map(|value| (*value).to_owned()).collect());
    assert_eq!(with(vec![vec![zone(&["a", "b"])]]), 4);
    assert_eq!(with(vec![vec![zone(&["b"])], vec![zone(&["a"])]]), 4);
    assert_eq!(with(vec![vec![zone(&["a"]), Requirement::Exists("disk".into())]]), 0);
    assert_eq!(with(vec![vec![Requirement::DoesNotExist("disk".into())]]), 4);
    assert_eq!(with(vec![vec![Requirement::NotIn("zone".into(), vec!["a".into()])]]), 0);
    assert_eq!(with(vec![vec![Requirement::Unknown]]), 0);
    // An empty list matches nothing, as the API says.
    assert_eq!(with(vec![Vec::new()]), 0);
    let mut numbered = census.clone();
    numbered.nodes[0].labels = labels(&[("cores", "16")]);
    let cores = |asked| fits(&numbered, &Needs { affinity: Some(vec![vec![asked]]), ..needs(1_000, 1) });
    assert_eq!(cores(Requirement::Above("cores".into(), 15)), 4);
    assert_eq!(cores(Requirement::Above("cores".into(), 16)), 0);
    assert_eq!(cores(Requirement::Below("cores".into(), 17)), 4);
}

#[test]
fn one_that_bears_no_second_takes_a_node_each() {
    let census = Census {
        nodes: vec![node("a", 4_000, 100, 110), node("b", 4_000, 100, 110), node("c", 4_000, 100, 110)],
        pods: vec![placed("a", "web", 1_000, 1)],
    };
    assert_eq!(fits(&census, &Needs { is_alone: true, ..needs(1_000, 1) }), 3);
}
