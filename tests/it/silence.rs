//! A sensor that falls silent: nothing goes, nothing scales down, and the reason is said; it goes on when it is back.

use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::support::bed::{bed, root};
use crate::support::world::{Wants, World};

/// A Prometheus of the test's own, that can be stopped.
struct Prometheus {
    child: Child,
    port: u16,
}

impl Prometheus {
    /// Starts one; `scrapes` tells whether it measures anything, or only remembers.
    fn start(port: u16, scrapes: bool) -> Prometheus {
        let bed = bed();
        let folder = bed.dir.join(format!("prometheus-{port}"));
        std::fs::create_dir_all(&folder).unwrap();
        let blind = folder.join("blind.yml");
        std::fs::write(&blind, "scrape_configs: []\n").unwrap();
        let config = if scrapes { bed.dir.join("prometheus/prometheus.yml") } else { blind };
        let child = Command::new(bed.bin.join("prometheus"))
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=error")
            .current_dir(root())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::fs::write(bed.dir.join(format!("pids/prometheus-{port}")), child.id().to_string()).unwrap();
        Prometheus { child, port }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Killed: it has no time to mark its series as ended, just as when a machine dies.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(bed().dir.join(format!("pids/prometheus-{}", self.port)));
    }
}

/// A port below those that systems hand out for connections: while Prometheus is away, nobody else is given it.
fn free_port() -> u16 {
    let begin = u16::try_from(std::process::id() % 5_000).unwrap();
    let free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (15_000 + begin..20_000).find(free).expect("a port is free")
}

#[test]
fn a_silent_prometheus_holds_everything_and_scales_nothing_down() {
    let port = free_port();
    let server = format!("http://127.0.0.1:{port}");
    // A gauge: Prometheus repeats its last sample for five minutes, and only the age tells that it has died.
    let demand = json!({"workloads": [{
        "name": "web", "targetRef": {"kind": "Deployment", "name": "web"},
        "demand": {"query": r#"sum(shop_demand{namespace="silence-shop",app="web"})"#, "peak": "320/s"},
        "capacityPerReplica": "100/s", "maxReplicas": 24,
    }]});
    let world = World::new("silence", Wants { prometheus: Some(server), pool: demand, ..Wants::default() });
    // Dead before the first wave.
    world.apply_campaign(
        "sale",
        &json!({"waves": [{"name": "canary", "percent": 10, "soak": "20s"}, {"name": "rest"}]}),
    );
    let status = world.until_reason("sale", "SensorUntrusted", 30);
    assert!(status["message"].as_str().unwrap().contains("Prometheus cannot be reached"), "{}", status["message"]);
    world.always(5, "nothing goes and nothing is scaled", || world.received().is_empty() && world.floor() == 2);
    let seeing = Prometheus::start(port, true);
    world.until(90, "the canary has gone", || world.received().len() == 1);

    // Dead between the waves: the floor stands.
    drop(seeing);
    world.until_reason("sale", "SensorUntrusted", 60);
    let floor = world.floor();
    assert!(floor > 2);
    world.always(5, "nothing goes and the floor stands", || world.received().len() == 1 && world.floor() == floor);

    // Back, and measuring nothing: it answers with what it remembers.
    let blind = Prometheus::start(port, false);
    let status = world.until_reason("sale", "SampleTooOld", 60);
    let told = status["message"].as_str().unwrap();
    assert!(
        told.starts_with("Waiting: the newest sample of the demand of \"web\" is ")
            && told.contains(" s old (limit 10 s). Is the scrape of silence-shop/web working?"),
        "{told}"
    );
    world.always(5, "nothing goes and the floor stands", || world.received().len() == 1 && world.floor() == floor);
    drop(blind);
    let _seeing = Prometheus::start(port, true);
    world.until_phase("sale", "Completed", 120);
    assert_eq!(world.waves_received(), ["canary", "rest"]);
    world.check_safety();
    world.until_restored(2);
}
