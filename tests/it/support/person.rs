//! People at their own terminals: a kubeconfig with the rights that a role gives, and the command as they type it.

use std::process::{Command, Output};

use serde_json::{Value, json};

use super::world::World;

/// The command, as somebody with this kubeconfig types it.
pub fn headroom(kubeconfig: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_headroom"))
        .args(arguments)
        .env_clear()
        .env("KUBECONFIG", kubeconfig)
        .output()
        .unwrap()
}

/// A kubeconfig of somebody who may edit campaigns, and what else the roles say.
pub fn person(world: &World, name: &str) -> String {
    let bed = world.bed();
    let marketing = world.marketing();
    bed.kubectl(&["-n", &marketing, "create", "serviceaccount", name]);
    let account = format!("--serviceaccount={marketing}:{name}");
    let role = format!("--clusterrole=headroom-marketer.{}-op.headroom", world.name);
    bed.kubectl(&["-n", &marketing, "create", "rolebinding", name, &role, &account]);
    let token = bed.kubectl(&["-n", &marketing, "create", "token", name, "--duration=1h"]);
    let config = bed.kubectl(&["config", "view", "--raw", "--minify", "-o", "json"]);
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["users"][0]["user"] = json!({ "token": token.trim() });
    let path = bed.dir.join(format!("{}-{name}.kubeconfig", world.name));
    std::fs::write(&path, config.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}
