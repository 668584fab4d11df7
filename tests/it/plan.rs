//! `headroom plan` against a live cluster: it says what would happen, and nothing happens.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::world::{Wants, World, by_gauge};

fn plan(world: &World, files: &[(&str, Value)], more: &[&str]) -> Output {
    let config = world.bed().kubectl(&["config", "view", "--raw", "--minify", "-o", "json"]);
    let kubeconfig = world.bed().dir.join(format!("{}-plan.kubeconfig", world.name));
    std::fs::write(&kubeconfig, config).unwrap();
    let paths: Vec<_> = files
        .iter()
        .map(|(name, object)| {
            let path = world.bed().dir.join(format!("{}-{name}.json", world.name));
            std::fs::write(&path, object.to_string()).unwrap();
            path
        })
        .collect();
    Command::new(env!("CARGO_BIN_EXE_headroom"))
        .arg("plan")
        .args(&paths)
        .args(["--prometheus-url", &world.bed().prometheus, "--ledger-namespace", &format!("{}-ledger", world.name)])
        .args(["--operator-namespace", &format!("{}-op", world.name)])
        .args(more)
        .env_clear()
        .env("KUBECONFIG", &kubeconfig)
        .output()
        .unwrap()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn it_says_what_would_happen_and_nothing_happens() {
    let world = World::new("asked", Wants { pool: by_gauge("asked", "320/s"), ..Wants::default() });
    let sale = world.campaign("sale", &json!({"audience": {"size": 20_000}}));
    world.until(30, "the operator is scraped", || {
        // Looks ask of a moment of a grid, up to two seconds ago.
        let heartbeat = r#"max(headroom_heartbeat_timestamp_seconds{install="asked-op/headroom"} offset 3s)"#;
        world.bed().measured(heartbeat).is_some()
    });
    let output = plan(&world, &[("sale", sale.clone())], &[]);
    let said = told(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.starts_with("asked-marketing/sale (new): Scaling, ScalingUp\n  Scaling web for wave"), "{said}");
    assert!(said.contains("HorizontalPodAutoscaler asked-shop/web would be set to "), "{said}");
    assert_eq!((world.floor(), world.received().len()), (2, 0), "nothing is scaled, and nothing sent");
    let campaigns = world.get(&["-n", &world.marketing(), "get", "campaigns"]);
    assert_eq!(campaigns["items"], json!([]), "and nothing is applied");

    // With a pool among the files that pool counts: here one that only observes, in machine's words.
    let mut pool = world.pool();
    pool["spec"]["mode"] = json!("Observe");
    let output = plan(&world, &[("sale", sale.clone()), ("pool", pool)], &["--json"]);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(&output)));
    assert_eq!(said["floors"], json!([]));
    let message = said["campaigns"][0]["status"]["message"].as_str().unwrap();
    assert!(message.starts_with("(The pool only observes"), "{message}");

    // What would be refused ends with 1, what is wrong as it stands too, and what cannot be told with 2.
    let late = world.campaign("late", &json!({"urgent": true}));
    let output = plan(&world, &[("late", late)], &[]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("does not let campaigns of namespace asked-marketing use its reserve"));
    let wrong = world.campaign("wrong", &json!({"audience": {"size": 0}}));
    let output = plan(&world, &[("wrong", wrong)], &[]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("spec.audience.size"));
    let output = plan(&world, &[("sale", sale)], &["--context", "elsewhere"]);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
}
