//! The operator's pod ends in the middle of a wave, in every way a pod ends: the wave has no second effect, what nobody knows
//! is left to a person, and a new pod is back in seconds.

use std::time::Instant;

use super::{held_long, under_way};
use crate::support::node::{self, pod};
use crate::support::world::{Wants, World};

/// Ids, on this machine, of the processes that run in the operator's pod.
fn processes(world: &World) -> Vec<u32> {
    let install = format!("--install={}/headroom", world.operator_namespace());
    // Other beds may be there as well.
    let groups = std::fs::read_to_string(world.bed().dir.join("cgroups")).unwrap();
    let group = groups.lines().next().unwrap().rsplit('/').next().unwrap().to_owned();
    let is_here = |id: u32| std::fs::read_to_string(format!("/proc/{id}/cgroup")).is_ok_and(|all| all.contains(&group));
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let line = std::fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
        if line.starts_with("/usr/local/bin/headroom\0") && line.split('\0').any(|word| word == install) && is_here(id)
        {
            found.push(id);
        }
    }
    found
}

/// How a pod ends.
type Fault = fn(&World);

fn killed(world: &World) {
    let ids = processes(world);
    assert_eq!(ids.len(), 1, "{ids:?}");
    let done = std::process::Command::new("kill").args(["-9", &ids[0].to_string()]).status().unwrap();
    assert!(done.success());
}

/// Somebody else eats the memory of the container up, and the kernel ends what the kubelet said can be spared: the operator.
fn out_of_memory(world: &World) {
    let id = processes(world)[0];
    let groups = std::fs::read_to_string(format!("/proc/{id}/cgroup")).unwrap();
    let group = groups.lines().find_map(|line| line.split_once(":memory:").map(|(_, path)| path.to_owned())).unwrap();
    let eater = format!("echo $$ >/sys/fs/cgroup/memory{group}/cgroup.procs; exec tail /dev/zero");
    let mut eater =
        std::process::Command::new("sh").args(["-c", &eater]).stdout(std::process::Stdio::null()).spawn().unwrap();
    world.until(60, "the kernel ends the operator for its memory", || {
        let pod = world.get(&["-n", &world.operator_namespace(), "get", "pods"])["items"][0].clone();
        let container = &pod["status"]["containerStatuses"][0];
        ["state", "lastState"].iter().any(|state| container[*state]["terminated"]["reason"] == "OOMKilled")
    });
    let _ = eater.kill();
    let _ = eater.wait();
}

fn evicted(world: &World) {
    let namespace = world.operator_namespace();
    let pod = pod(world)["metadata"]["name"].as_str().unwrap().to_owned();
    let eviction = serde_json::json!({
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace},
    });
    let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/eviction");
    let file = world.bed().dir.join("eviction.json");
    std::fs::write(&file, eviction.to_string()).unwrap();
    world.bed().kubectl(&["create", "--raw", &path, "-f", file.to_str().unwrap()]);
}

fn deleted_at_once(world: &World) {
    world.bed().kubectl(&["-n", &world.operator_namespace(), "delete", "pod", "--all", "--grace-period=0", "--force"]);
}

/// Ends the pod in the middle of a first wave. Whether the wave's fate is known afterwards.
fn ends(name: &str, fault: Fault, is_known: bool) {
    let Some(world) = node::world(name, &Wants { pool: held_long(name), ..Wants::default() }) else { return };
    let before = pod(&world);
    under_way(&world, "sale", 8_000);
    world.until(60, "the receiver has it", || world.received().len() == 1);
    fault(&world);
    let begun = Instant::now();
    let is_another = || {
        let now = pod(&world);
        let id = |pod: &serde_json::Value| pod["status"]["containerStatuses"][0]["containerID"].clone();
        id(&now) != id(&before)
    };
    world.until(120, "another is there", is_another);
    println!("{name}: another one was ready after {:.1} s", begun.elapsed().as_secs_f64());
    if is_known {
        world.until_phase("sale", "Completed", 120);
        assert_eq!(world.waves_received(), ["canary", "rest"]);
    } else {
        world.until_phase("sale", "NeedsAttention", 120);
        world.always(15, "nothing is sent twice", || world.waves_received() == ["canary"]);
    }
    world.check_safety();
}

#[test]
fn its_process_is_killed() {
    ends("killed", killed, false);
}

#[test]
fn the_kernel_ends_it_for_its_memory() {
    ends("hungry", out_of_memory, false);
}

/// It is asked to end, and has the time to hear the answer.
#[test]
fn it_is_evicted() {
    ends("evicted", evicted, true);
}

#[test]
fn its_pod_is_deleted_at_once() {
    ends("forced", deleted_at_once, false);
}
