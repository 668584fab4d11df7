//! A sensor that falls silent: nothing goes, nothing scales down, and the reason is said; it goes on when it is back.

use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::support::bed::{bed, root};
use crate::support::world::{Wants, World};

/// A Prometheus of the test's own, that can be stopped.
struct Prometheus {
    child: Child,
    port: u16,
    folder: std::path::PathBuf,
}

impl Prometheus {
    fn start(port: u16) -> Prometheus {
        let bed = bed();
        let folder = bed.dir.join(format!("prometheus-{port}"));
        std::fs::create_dir_all(&folder).unwrap();
        let child = Command::new(bed.bin.join("prometheus"))
            .arg(format!("--config.file={}", bed.dir.join("prometheus/prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=error")
            .current_dir(root())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::fs::write(bed.dir.join(format!("pids/prometheus-{port}")), child.id().to_string()).unwrap();
        Prometheus { child, port, folder }
    }

    fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(bed().dir.join(format!("pids/prometheus-{}", self.port)));
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_silent_prometheus_holds_everything_and_scales_nothing_down() {
    let port = free_port();
    let mut prometheus = Prometheus::start(port);
    let server = format!("http://127.0.0.1:{port}");
    let world = World::new("silence", Wants { prometheus: Some(server), ..Wants::default() });
    world.apply_campaign(
        "sale",
        &json!({"waves": [{"name": "canary", "percent": 10, "soak": "20s"}, {"name": "rest"}]}),
    );
    world.until(60, "the canary has gone", || world.received().len() == 1);
    prometheus.stop();
    let floor = world.floor();
    assert!(floor > 2);
    let status = world.until_reason("sale", "SensorUntrusted", 60);
    assert!(status["message"].as_str().unwrap().contains("Prometheus cannot be reached"), "{}", status["message"]);
    world.always(10, "nothing goes and the floor stands", || world.received().len() == 1 && world.floor() == floor);
    drop(prometheus);
    let _again = Prometheus::start(port);
    world.until_phase("sale", "Completed", 120);
    assert_eq!(world.waves_received(), ["canary", "rest"]);
    world.check_safety();
    world.until_restored(2);
}

#[test]
fn a_scrape_that_has_died_is_seen_by_the_age_of_the_samples() {
    // The metric goes on being answered for five minutes after its last sample; only its age tells.
    let world = World::new("stale", Wants { pool: json!({"sensor": {"maxSampleAge": "3s"}}), ..Wants::default() });
    let targets = world.bed().dir.join("prometheus/targets/stale.json");
    // A second, dead series set of this world's own: pushed once, never again.
    let _ = std::fs::remove_file(&targets);
    let gone = format!(r#"sum(max_over_time(shop_demand{{namespace="{}"}}[1h]))"#, world.shop());
    std::thread::sleep(std::time::Duration::from_secs(3));
    world.bed().shop(reqwest::Method::DELETE, &format!("/worlds/{}", world.shop()), None);
    world.apply_pool(&json!({
        "sensor": {"maxSampleAge": "3s"},
        "workloads": [{
            "name": "web", "targetRef": {"kind": "Deployment", "name": "web"},
            "demand": {"query": gone, "peak": "320/s"}, "capacityPerReplica": "100/s", "maxReplicas": 24,
        }],
    }));
    world.apply_campaign("sale", &json!({}));
    world.until(30, "the age is noticed", || {
        let status = world.status("sale");
        status["reason"] == "SampleTooOld"
            || status["message"].as_str().is_some_and(|said| said.contains("the age of its samples cannot be told"))
    });
    world.always(3, "nothing is recorded", || world.entries().is_empty());
}
