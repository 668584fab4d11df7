//! A wave that the receiver refused: only who may says what shall become of it, in his own name, and it goes once the Sender is
//! mended; what was said stands in the ledger.

use serde_json::{Value, json};

use crate::support::person::{headroom, person};
use crate::support::world::{Wants, World};

fn bind(world: &World, name: &str, namespace: &str, role: &str) {
    let binding = format!("{name}-{role}");
    let (account, role) = (
        format!("--serviceaccount={}:{name}", world.marketing()),
        format!("--clusterrole=headroom-{role}.{}-op.headroom", world.name),
    );
    world.bed().kubectl(&["-n", namespace, "create", "rolebinding", &binding, &role, &account]);
}

#[test]
fn a_refused_wave_goes_once_somebody_who_may_says_that_it_has_not_gone() {
    let world = World::new("resolve", Wants { protect_approvals: true, ..Wants::default() });
    let (mia, sam, marketing) = (person(&world, "mia"), person(&world, "sam"), world.marketing());
    for namespace in ["resolve-mail", "resolve-ledger"] {
        bind(&world, "sam", namespace, "resolver");
    }
    bind(&world, "mia", "resolve-ledger", "viewer");
    world.change_shop(json!({"behaviour": ["status:400"]}));
    world.apply_campaign("sale", &json!({}));
    let status = world.until_reason("sale", "Rejected", 60);
    let command =
        format!("kubectl headroom resolve sale -n {marketing} --wave canary --as not-sent|skip --reason TEXT.");
    assert!(status["message"].as_str().unwrap().ends_with(&command), "{}", status["message"]);

    let words = |what: &str| {
        let words = [
            "resolve",
            "sale",
            "-n",
            &marketing,
            "--ledger-namespace",
            "resolve-ledger",
            "--wave",
            "canary",
            "--as",
            what,
        ];
        [&words[..], &["--reason", "the receiver was set up wrongly"]]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let say = |who: &str, what: &str| headroom(who, &words(what).iter().map(String::as_str).collect::<Vec<_>>());
    let told = say(&mia, "not-sent");
    let told = String::from_utf8_lossy(&told.stderr);
    assert!(told.contains("you may not say what became of a wave of the Sender resolve-mail/push"), "{told}");
    let forged = "headroom.dev/resolve=canary NotSent x system:serviceaccount:resolve-marketing:mia";
    let forged = ["--kubeconfig", &sam, "-n", &marketing, "annotate", "campaign", "sale", forged];
    let told = world.bed().command("kubectl").args(forged).output().unwrap();
    let told = String::from_utf8_lossy(&told.stderr);
    assert!(told.contains("What became of a wave is said in one's own name"), "{told}");

    // It is known to have been refused: nobody may say that it went.
    assert!(say(&sam, "sent").status.success());
    world.until(30, "it is told that this cannot be", || {
        let said = world.status("sale")["message"].as_str().unwrap_or_default().to_owned();
        said.contains("What was said cannot be taken: nothing of wave \"canary\" has gone, as Headroom knows itself")
    });
    assert_eq!(world.received().len(), 1);

    let done = say(&sam, "not-sent");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    world.until_phase("sale", "Completed", 120);
    let waves: Vec<Value> = world.received().iter().map(|request| request["body"]["wave"]["name"].clone()).collect();
    assert_eq!(waves, ["canary", "canary", "rest"]);
    let entries = world.entries();
    let canary = entries.iter().find(|entry| entry["spec"]["wave"]["name"] == "canary").unwrap();
    let said = &canary["status"]["resolutions"][0];
    assert_eq!((&said["resolvedAs"], &said["reason"]), (&json!("NotSent"), &json!("the receiver was set up wrongly")));
    assert_eq!(said["by"], "system:serviceaccount:resolve-marketing:sam");
    assert_eq!(canary["status"]["attempts"].as_array().unwrap().len(), 2);
    let told = say(&sam, "skip");
    let told = String::from_utf8_lossy(&told.stderr);
    assert!(told.contains("what became of wave \"canary\" is known: Released"), "{told}");
}
