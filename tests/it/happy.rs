//! The main job: floor raised, confirmed, canary, soak, rest, observed, completed, and the scale given back.

use serde_json::json;

use crate::support::world::{Wants, World};

#[test]
fn a_campaign_waits_for_headroom_is_sent_wave_by_wave_and_gives_the_scale_back() {
    let world = World::new("happy", Wants::default());
    assert_eq!(world.floor(), 2);
    world
        .apply_campaign("sale", &json!({"waves": [{"name": "canary", "percent": 10, "soak": "8s"}, {"name": "rest"}]}));
    // The pods that the autoscaler gives are not enough: the floor is raised, with the baseline noted on the target.
    world.until(30, "the floor is raised above what the autoscaler gives", || world.floor() > 4);
    let hpa = world.hpa();
    let note = hpa["metadata"]["annotations"]["headroom.dev/floor"].as_str().unwrap();
    let note: serde_json::Value = serde_json::from_str(note).unwrap();
    assert_eq!((&note["baseline"], &note["lastWritten"]), (&json!(2), &hpa["spec"]["minReplicas"]));
    let status = world.until_phase("sale", "Completed", 120);
    assert_eq!(status["display"]["waves"], "2/2");
    assert_eq!(status["display"]["sent"], "20k/20k");
    assert_eq!(status["message"], "20,000 messages went in 2 waves.");
    assert_eq!(world.waves_received(), ["canary", "rest"]);
    for entry in world.entries() {
        assert!(entry["spec"]["evidence"]["confirmations"].as_i64() >= Some(2), "{entry}");
    }
    world.check_safety();
    world.until_restored(2);
    world.until(60, "the pods are back", || {
        let pods =
            world.bed().kubectl(&["-n", &world.shop(), "get", "deployment", "web", "-o", "jsonpath={.spec.replicas}"]);
        pods == "4" || pods == "5"
    });

    // `kubectl wait` ends, and each transition was told once.
    world.bed().kubectl(&[
        "-n",
        &world.marketing(),
        "wait",
        "--for=condition=Finished",
        "campaign/sale",
        "--timeout=5s",
    ]);
    let events = world.bed().kubectl(&[
        "-n",
        &world.marketing(),
        "get",
        "events",
        "-o",
        "jsonpath={range .items[*]}{.reason}{\"\\n\"}{end}",
    ]);
    for reason in ["ScalingUp", "Confirming", "Sending", "Soaking", "LoadStillArriving", "Completed"] {
        assert!(events.lines().any(|line| line == reason), "{reason} in {events}");
    }
    let notes = world.bed().kubectl(&[
        "-n",
        &world.marketing(),
        "get",
        "events",
        "-o",
        "jsonpath={range .items[*]}{.message}{\"\\n\"}{end}",
    ]);
    for wave in ["canary", "rest"] {
        let told = format!("Confirming headroom for wave \"{wave}\"");
        assert_eq!(notes.lines().filter(|note| note.starts_with(&told)).count(), 1, "{wave} in {notes}");
    }
    // What people type, and the columns they read.
    let head = |arguments: &[&str]| {
        let mut all = vec!["-n", "happy-marketing", "get"];
        all.extend(arguments);
        let table = world.bed().kubectl(&all);
        table.lines().next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(head(&["campaigns"]), "NAME PHASE WAVES SENT ROOM NEXT AGE WHY");
    let wide = "NAME PHASE WAVES SENT ROOM NEXT AGE WHY POOL SENDER CHANNEL PRIORITY DEADLINE MESSAGE";
    assert_eq!(head(&["campaigns", "-o", "wide"]), wide);
    assert!(world.bed().kubectl(&["get", "headroom", "-A"]).contains("campaign.headroom.dev/sale"));
    let described = world.bed().kubectl(&["-n", &world.marketing(), "describe", "campaign", "sale"]);
    for told in ["Events:", "20,000 messages went in 2 waves.", "Confirming headroom for wave \"rest\""] {
        assert!(described.contains(told), "{told} in {described}");
    }
    // An edit after the end changes nothing, and says so.
    world.patch_campaign("sale", &json!({"audience": {"size": 40000}}));
    world.until(20, "the edit is answered", || {
        world.status("sale")["message"].as_str().unwrap().contains("It was edited after its end; that changes nothing.")
    });
    assert_eq!(world.received().len(), 2);
}

/// Asks the operator's own address, which its log names.
fn ask(world: &World, path: &str) -> (u16, String) {
    let log = std::fs::read_to_string(&world.operator.as_ref().unwrap().log).unwrap();
    let serving = log.rfind("serving /healthz").expect("the log tells of the address");
    let line = log[..serving].rfind('\n').map_or(0, |end| end + 1);
    let at = line + log[line..].find("127.0.0.1:").expect("the line names the address");
    let address: String =
        log[at..].chars().take_while(|character| character.is_ascii_digit() || ".:".contains(*character)).collect();
    let url = format!("http://{address}{path}");
    std::thread::spawn(move || {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let answer = reqwest::Client::builder().no_proxy().build().unwrap().get(url).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        })
    })
    .join()
    .unwrap()
}

#[test]
fn it_serves_probes_and_metrics_and_stops_when_it_is_asked_to() {
    let world = World::new("probes", Wants::default());
    world.until(30, "the pool is seen", || world.pool()["status"]["observedGeneration"] == 1);
    assert_eq!(ask(&world, "/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(ask(&world, "/readyz"), (200, "ready\n".to_owned()));
    world.apply_campaign("sale", &json!({"suspend": true}));
    world.until_reason("sale", "Suspended", 20);
    let (status, text) = ask(&world, "/metrics");
    assert_eq!(status, 200);
    for line in ["headroom_looks_total ", "headroom_campaigns{kind=\"Held\"} ", "headroom_waves_unknown 0", "# EOF"] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(!text.contains("probes-marketing") && !text.contains("sale"), "no name of an object is a label");
    let operator = world.operator.as_ref().unwrap();
    let ended = std::process::Command::new("kill").args(["-TERM", &operator.pid().to_string()]).status().unwrap();
    assert!(ended.success());
    world.until(20, "it has stopped", || !operator.is_alive());
    assert!(operator.victim().lock().unwrap().wait().unwrap().success(), "it ends well when it is asked to");
}
