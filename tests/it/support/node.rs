//! One real node for the whole run, on which the operator runs as a pod. Only Linux with root has it: elsewhere the tests
//! that need it say so and show nothing, and in CI they fail.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::json;

use super::bed::{Bed, Exports, Inside, root};
use super::world::{Wants, World};

/// Two images of the same program: that of the chart, and the one after it.
pub const IMAGES: [&str; 2] = ["0.1.0", "0.1.1"];

/// The node, brought up by whoever asks first. None where the machine cannot have one.
pub fn node() -> Option<&'static Bed> {
    static NODE: OnceLock<Option<Bed>> = OnceLock::new();
    let node = NODE.get_or_init(up).as_ref();
    assert!(
        node.is_some() || std::env::var_os("CI").is_none(),
        "CI needs a real node; the lines above say what it lacks"
    );
    node
}

fn up() -> Option<Bed> {
    let exports = Exports::of(&["--node"])?;
    let bed = Bed {
        dir: PathBuf::from(exports.value("HEADROOM_BED")),
        bin: PathBuf::from(exports.value("HEADROOM_BED_BIN")),
        kubeconfig: PathBuf::from(exports.value("KUBECONFIG")),
        prometheus: exports.value("PROMETHEUS_URL"),
        shop: exports.value("SHOP_URL"),
        inside: Inside {
            prometheus: "http://prometheus.bed.svc:9090".to_owned(),
            shop: "http://shop.bed.svc:8080".to_owned(),
            // That of the Services.
            network: "10.96.0.0/16",
        },
        reader: std::sync::OnceLock::new(),
        _shop_input: None,
    };
    for tag in IMAGES {
        let said = load(&bed, tag);
        println!("image {said}");
    }
    bed.apply_definitions();
    Some(bed)
}

/// Makes an image of the operator, brings it to the node, and says what was made.
fn load(bed: &Bed, tag: &str) -> String {
    let tar = bed.dir.join(format!("headroom-{tag}.tar"));
    let binary = std::env::var("HEADROOM_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_headroom").to_owned());
    let made = Command::new(root().join("tests/bed/image"))
        .args([&format!("bed.local/headroom:{tag}"), path(&tar), &binary])
        .output();
    let made = made.unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    enter(bed, &["ctr", "--namespace", "k8s.io", "images", "import", path(&tar)]);
    std::fs::remove_file(tar).unwrap();
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Runs a command inside the node.
pub fn enter(bed: &Bed, command: &[&str]) -> String {
    let output = Command::new(root().join("tests/bed/node/run"))
        .args(command)
        .env("HEADROOM_BED", &bed.dir)
        .env("HEADROOM_BED_BIN", &bed.bin)
        .output()
        .unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A world on the node, its operator a pod in a namespace that enforces the restricted Pod Security Standard. None where
/// there is no node.
pub fn world(name: &str, wants: &Wants) -> Option<World> {
    let node = node()?;
    let labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
    let namespace = json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": format!("{name}-op"), "labels": labels},
    });
    node.apply(&namespace.to_string());
    Some(World::without_operator(node, name, wants, &VALUES))
}

/// Values of the chart that every install on the node has.
pub const VALUES: [&str; 6] = [
    "image.registry=bed.local",
    "image.repository=headroom",
    "crds.install=false",
    // Who fails is seen where there is one; `handover` has two.
    "replicas=1",
    "--wait",
    "--timeout=120s",
];

/// The one pod of this world's operator that is not on its way out, once there is one and it is ready.
pub fn pod(world: &World) -> serde_json::Value {
    let ready = || {
        let selector = "app.kubernetes.io/name=headroom";
        let pods = world.get(&["-n", &world.operator_namespace(), "get", "pods", "-l", selector]);
        let pods = pods["items"].as_array().unwrap().clone();
        pods.into_iter().find(|pod| {
            let conditions = pod["status"]["conditions"].as_array();
            let is = |it: &&serde_json::Value| it["type"] == "Ready" && it["status"] == "True";
            pod["metadata"]["deletionTimestamp"].is_null() && conditions.is_some_and(|all| all.iter().any(|it| is(&it)))
        })
    };
    let mut found = None;
    world.until(120, "the operator's pod is ready", || {
        found = ready();
        found.is_some()
    });
    found.unwrap()
}
