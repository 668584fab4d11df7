//! How many waves leave in a second when many are due at once in several pools, held against how many compare-and-swap updates
//! the same API server takes from a client that does nothing else.

use std::time::Instant;

use headroom::api::Campaign;
use jiff::{SignedDuration, Timestamp};
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

use crate::support::bed::bed;
use crate::support::world::{Wants, World, by_gauge};

use super::{MOST_WAVES, is_entry, open_pool, quick, times, waves};

/// The operator looks at as many pools side by side, and at eight at most.
const POOLS: usize = 4;
/// So many updates tell how many there are in a second.
const MOST_UPDATES: usize = 1000;

fn per_second(count: usize, seconds: f64) -> f64 {
    f64::from(u32::try_from(count).unwrap()) / seconds
}

/// A workload without an autoscaler, and a pool for it.
fn another_pool(world: &World, number: usize) {
    let (name, shop) = (format!("w{number}"), world.shop());
    let labels = json!({ "app": name });
    let container = json!({"name": "web", "image": "bed.local/idle:1"});
    world.bed().apply(
        &json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": shop},
            "spec": {
                "replicas": 2, "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        })
        .to_string(),
    );
    let first = world.pool();
    let mut spec = first["spec"].clone();
    let workload = &mut spec["workloads"][0];
    workload["targetRef"]["name"] = json!(name);
    workload["demand"]["query"] = json!(format!(r#"sum(shop_demand{{namespace="{shop}",app="{name}"}})"#));
    let annotations = json!({"headroom.dev/install": first["metadata"]["annotations"]["headroom.dev/install"]});
    world.bed().apply(
        &json!({
            "apiVersion": "headroom.dev/v1alpha1", "kind": "CapacityPool",
            "metadata": {"name": name, "namespace": shop, "annotations": annotations}, "spec": spec,
        })
        .to_string(),
    );
}

/// So many updates of one object's status, each of the version that the one before made.
async fn updates(client: kube::Client, namespace: String, name: String, count: usize) {
    let api = Api::<Campaign>::namespaced(client, &namespace);
    let mut object = api.get(&name).await.unwrap();
    for number in 0..count {
        object.status.as_mut().unwrap().message = Some(format!("Update {number}."));
        object = api.replace_status(&name, &PostParams::default(), &object).await.unwrap();
    }
}

/// How many updates there are in a second, one after another and so many at a time.
fn ceiling(world: &World, names: &[String], count: usize) -> (f64, f64) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let client = kube::Client::try_from(bed().config().await).unwrap();
        let of = |name: &String, count| updates(client.clone(), world.marketing(), name.clone(), count);
        let begun = Instant::now();
        of(&names[0], count).await;
        let alone = per_second(count, begun.elapsed().as_secs_f64());
        let each = count.div_ceil(names.len());
        let begun = Instant::now();
        let all: Vec<_> = names.iter().map(|name| tokio::spawn(of(name, each))).collect();
        for one in all {
            one.await.unwrap();
        }
        (alone, per_second(each * names.len(), begun.elapsed().as_secs_f64()))
    })
}

#[test]
fn waves_in_a_second_against_the_updates_that_the_api_server_takes() {
    let wants = Wants { demand: 10.0, pool: open_pool(&by_gauge("throughput", "20/s")), ..Wants::default() };
    let mut world = World::new("throughput", wants);
    let shop = world.shop();
    let workload = |name: String| json!({"name": name, "per_replica": 100.0, "demand": 10.0});
    let workloads: Vec<Value> =
        (0..POOLS).map(|number| format!("w{number}")).chain(["web".to_owned()]).map(workload).collect();
    let response = json!({"visit_rate": 0.04, "requests_per_visit": 10.0, "median_minutes": 0.05, "sigma": 2.0});
    let shops = json!({"workloads": workloads, "response": response, "send_rate": 2000.0});
    world.bed().shop(reqwest::Method::PUT, &format!("/worlds/{shop}"), Some(shops));
    (0..POOLS).for_each(|number| another_pool(&world, number));
    let each = waves(12).div_ceil(POOLS);
    let start = Timestamp::now() + SignedDuration::from_secs(25);
    let start = start.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut names = Vec::new();
    for pool in 0..POOLS {
        for (number, begin) in (0..each).step_by(MOST_WAVES).enumerate() {
            let name = format!("send-{pool}-{number}");
            let mut over = quick(MOST_WAVES.min(each - begin));
            over["poolRef"] = json!({"namespace": shop, "name": format!("w{pool}")});
            over["schedule"] = json!({ "start": start });
            names.push((name.clone(), world.campaign(&name, &over).to_string()));
        }
    }
    let campaigns: Vec<String> = names.iter().map(|(_, campaign)| campaign.clone()).collect();
    world.bed().apply(&campaigns.join("\n---\n"));
    let (of, all) = (["--for=condition=Completed", "--timeout=1800s"], ["wait", "campaign", "--all"]);
    world.bed().kubectl(&[&["-n", &world.marketing()][..], &all[..], &of[..]].concat());
    world.check_safety();

    let history = world.history();
    let mut created: Vec<Timestamp> =
        history.iter().filter(|event| is_entry(event)).map(|event| times(event).0).collect();
    created.sort();
    assert_eq!(created.len(), each * POOLS);
    let (first, last) = (created[0], created[created.len() - 1]);
    let is_of_run = |event: &&Value| (first..=last).contains(&times(event).0);
    let writes = history.iter().filter(is_of_run).count();
    let waves = per_second(created.len() - 1, last.duration_since(first).as_secs_f64());
    let for_each = per_second(writes, per_second(created.len() - 1, 1.0));

    // Whoever leads reacts to what is written, and would take part.
    world.operator = None;
    let objects: Vec<String> = (0..POOLS).map(|pool| format!("send-{pool}-0")).collect();
    let (alone, together) = ceiling(&world, &objects, writes.clamp(POOLS, MOST_UPDATES));
    let (one, several) = (alone / for_each, together / for_each);
    eprintln!(
        "figures: {} waves of {} campaigns, all due at once in {POOLS} pools: {waves:.2} waves/s with {for_each:.1} writes each, without events",
        created.len(),
        names.len()
    );
    eprintln!(
        "figures: compare-and-swap of a plain client: {alone:.0}/s one after another, so {one:.1} waves/s, of which {:.0} %; {together:.0}/s {POOLS} at a time, so {several:.1} waves/s, of which {:.0} %",
        100.0 * waves / one,
        100.0 * waves / several
    );
}
