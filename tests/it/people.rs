//! People acting from outside Git, with the very commands and rights they would have: a hold outlives a sync, the one switch
//! stops everything, and only who may approve approves, in his own name, exactly what he saw.

use serde_json::{Value, json};

use crate::support::person::{headroom, person};
use crate::support::world::{Wants, World};

fn done(kubeconfig: &str, arguments: &[&str]) -> String {
    let output = headroom(kubeconfig, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(kubeconfig: &str, arguments: &[&str]) -> String {
    let output = headroom(kubeconfig, arguments);
    assert!(!output.status.success(), "{arguments:?} was let through");
    String::from_utf8(output.stderr).unwrap()
}

fn admin(world: &World) -> String {
    let config = world.bed().kubectl(&["config", "view", "--raw", "--minify", "-o", "json"]);
    let path = world.bed().dir.join(format!("{}-admin.kubeconfig", world.name));
    std::fs::write(&path, config).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_hold_outlives_a_sync_by_replace_and_ends_with_a_resume() {
    let world = World::new("held", Wants::default());
    let (admin, marketing) = (admin(&world), world.marketing());
    let waves = json!([{"name": "canary", "percent": 10, "soak": "10s"}, {"name": "rest"}]);
    world.apply_campaign("sale", &json!({ "waves": waves }));
    world.until(60, "the canary has gone", || world.received().len() == 1);
    done(&admin, &["pause", "sale", "-n", &marketing, "--reason", "the landing page is down"]);
    let status = world.until_reason("sale", "OnHold", 30);
    assert!(status["message"].as_str().unwrap().contains("the landing page is down"), "{}", status["message"]);
    let why = done(&admin, &["why", "sale", "-n", &marketing]);
    assert!(why.starts_with(&format!("{marketing}/sale: Held (OnHold)\n")), "{why}");
    assert!(why.contains("the landing page is down") && why.contains("canary Released 2,000 recipients"), "{why}");
    // A sync by replace: the object as Git has it, without the annotation.
    let mut sale = world.get(&["-n", &marketing, "get", "campaign", "sale"]);
    sale["metadata"]["annotations"] = json!({});
    sale["metadata"]["resourceVersion"] = Value::Null;
    world.bed().replace(&sale);
    world.always(15, "nothing goes while it is held", || world.received().len() == 1);
    assert_eq!(world.status("sale")["reason"], "OnHold");
    done(&admin, &["resume", "sale", "-n", &marketing]);
    world.until_phase("sale", "Completed", 120);
    assert_eq!(world.received().len(), 2);
    world.check_safety();
}

#[test]
fn why_a_campaign_waits_is_told_with_queries_from_the_cluster_and_from_a_file() {
    // Nothing that the workload may be raised to bears what the send brings.
    let world = World::new("why", Wants { hpa_max: 5, ..Wants::default() });
    let (admin, marketing) = (admin(&world), world.marketing());
    world.apply_campaign("sale", &json!({"load": {"responseMedian": "3s", "visitRate": "60%"}}));
    world.until(60, "its gate was weighed", || world.status("sale")["headroom"]["checks"][0]["name"] == "web");
    let told = done(&admin, &["why", "sale", "-n", &marketing]);
    let query = r#"sum(rate(http_requests_total{namespace="why-shop",app="web"}[5s]))"#;
    for words in
        ["closed workload web: ", " req/s needed, sample ", query, "What has to change:\n", " must be free on web: "]
    {
        assert!(told.contains(words), "{words} in {told}");
    }
    // The same from what somebody has sent, without a cluster.
    let sent = tempfile::tempdir().unwrap();
    let path = sent.path().join("sent.yaml");
    let campaign = world.bed().kubectl(&["-n", &marketing, "get", "campaign", "sale", "-o", "yaml"]);
    let pool = world.bed().kubectl(&["-n", &world.shop(), "get", "capacitypool", "storefront", "-o", "yaml"]);
    std::fs::write(&path, format!("{campaign}---\n{pool}")).unwrap();
    let path = path.to_str().unwrap();
    let read: Value = serde_json::from_str(&done("/nowhere", &["why", "-f", path, "--json"])).unwrap();
    assert_eq!((&read["gate"][0]["query"], &read["gate"][0]["passed"]), (&json!(query), &json!(false)));
    assert_eq!(read["campaign"], format!("{marketing}/sale"));
    let said = refused("/nowhere", &["why", "other", "-f", path]);
    assert!(said.contains("holds no such Campaign"), "{said}");
    assert!(world.received().is_empty());
}

#[test]
fn the_one_switch_stops_everything_and_one_pool_and_lets_go_again() {
    let world = World::new("switch", Wants::default());
    let (admin, operator) = (admin(&world), "switch-op");
    let here = ["--operator-namespace", operator];
    let with = |words: &[&str]| [words, &here].concat().into_iter().map(str::to_owned).collect::<Vec<_>>();
    let run = |words: &[&str]| done(&admin, &with(words).iter().map(String::as_str).collect::<Vec<_>>());
    run(&["stop", "--reason", "database moves"]);
    world.apply_campaign("sale", &json!({}));
    let status = world.until_reason("sale", "Stopped", 30);
    assert!(status["message"].as_str().unwrap().starts_with("Held: every release is stopped: database moves ("));
    world.always(10, "nothing goes while it is stopped", || world.received().is_empty());
    // Stopped for another pool as well, and then for everything no more: this one goes.
    run(&["stop", "--pool", "other-shop/storefront", "--reason", "theirs"]);
    world.bed().kubectl(&[
        "-n",
        operator,
        "patch",
        "configmap",
        "headroom-stop",
        "--type=json",
        "-p",
        r#"[{"op": "remove", "path": "/data/reason"}]"#,
    ]);
    world.until(60, "the canary has gone", || !world.received().is_empty());
    run(&["go", "--pool", "other-shop/storefront"]);
    let told = run(&["go"]);
    assert!(told.starts_with("Nothing is stopped"), "{told}");
    world.until_phase("sale", "Completed", 120);
    world.check_safety();
}

#[test]
fn only_who_may_approve_approves_in_his_own_name_and_exactly_what_he_saw() {
    let world = World::new("approval", Wants { protect_approvals: true, ..Wants::default() });
    let (mia, sam, marketing) = (person(&world, "mia"), person(&world, "sam"), world.marketing());
    let approver = ["--clusterrole=headroom-approver.approval-op.headroom", "--serviceaccount=approval-marketing:sam"];
    world.bed().kubectl(&[&["-n", &world.shop(), "create", "rolebinding", "approvers"][..], &approver].concat());
    world.apply_campaign("sale", &json!({"approval": {"required": true}, "audience": {"size": 20_000}}));
    world.until_phase("sale", "AwaitingApproval", 30);
    let told = refused(&mia, &["approve", "sale", "-n", &marketing]);
    assert!(told.contains("you may not approve campaigns on the CapacityPool approval-shop/storefront"), "{told}");
    // Nor by hand, and nobody in another's name.
    let digest = world.status("sale")["approval"]["digest"].as_str().unwrap().to_owned();
    let forged = format!("headroom.dev/approved={digest} system:serviceaccount:approval-marketing:mia");
    let by_hand = |who: &str| {
        world
            .bed()
            .command("kubectl")
            .args(["--kubeconfig", who, "-n", &marketing, "annotate", "campaign", "sale", &forged])
            .output()
            .unwrap()
    };
    assert!(!by_hand(&mia).status.success());
    let output = by_hand(&sam);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("given in one's own name"), "{told}");
    // An approval of what was edited since counts for nothing.
    done(&sam, &["approve", "sale", "-n", &marketing]);
    world.until(60, "the canary has gone", || !world.received().is_empty());
    world.patch_campaign("sale", &json!({"audience": {"size": 30_000}}));
    let status = world.until_reason("sale", "AwaitingApproval", 60);
    assert!(status["message"].as_str().unwrap().contains("has been edited since"), "{}", status["message"]);
    done(&sam, &["approve", "sale", "-n", &marketing]);
    world.until_phase("sale", "Completed", 120);
    let by = world.status("sale")["approval"]["by"].clone();
    assert_eq!(by, "system:serviceaccount:approval-marketing:sam");
    world.check_safety();
}

#[test]
fn somebody_answers_for_a_send_that_nothing_could_confirm() {
    // Nothing listens there: Prometheus is dead.
    let world = World::new("crisis", Wants { prometheus: Some("http://127.0.0.1:1".into()), ..Wants::default() });
    let (admin, marketing) = (admin(&world), world.marketing());
    world.apply_campaign("recall", &json!({"waves": [{"name": "all", "percent": 100}]}));
    world.until_reason("recall", "SensorUntrusted", 60);
    let told = refused(&admin, &["approve", "recall", "-n", &marketing, "--without-headroom"]);
    assert!(told.contains("--reason"), "{told}");
    done(&admin, &["approve", "recall", "-n", &marketing, "--without-headroom", "--reason", "recall of a product"]);
    world.until(60, "it has gone", || world.received().len() == 1);
    let entries = world.get(&["-n", "crisis-ledger", "get", "wavereleases"]);
    let evidence = &entries["items"][0]["spec"]["evidence"]["withoutHeadroom"];
    assert_eq!(evidence["reason"], "recall of a product");
    assert!(evidence["insteadOf"].as_str().unwrap().contains("cannot be believed"), "{evidence}");
    world.until(30, "it is told where the pool's owner looks", || {
        let events = world.get(&["-n", &world.shop(), "get", "events.events.k8s.io"]);
        events["items"].as_array().unwrap().iter().any(|event| {
            event["reason"] == "WithoutHeadroom" && event["note"].as_str().unwrap().contains("recall of a product")
        })
    });
}
