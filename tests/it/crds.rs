//! The definitions: the files hold what the code says, and a real API server accepts and refuses what it should, in
//! words that read well. Here are objects as a person writes them, right and wrong; `bounds` walks every field.

mod bounds;
mod change;
mod examples;
mod rules;
mod schema;
mod texts;

use std::process::Command;

use serde_json::{Value, json};

use crate::support::bed::{bed, root};

#[test]
fn the_files_hold_what_the_code_says() {
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new(env!("CARGO_BIN_EXE_headroom")).args(["crd", "--out"]).arg(folder.path()).status().unwrap();
    assert!(made.success());
    for file in ["campaigns.yaml", "capacitypools.yaml", "senders.yaml", "wavereleases.yaml"] {
        let wanted = std::fs::read_to_string(folder.path().join(file)).unwrap();
        for place in ["crds", "charts/headroom/files/crds"] {
            let there = std::fs::read_to_string(root().join(place).join(file)).unwrap();
            assert!(there == wanted, "{place}/{file} is not what `headroom crd --out {place}` writes; run it");
        }
    }
}

fn campaign(change: impl FnOnce(&mut Value)) -> Value {
    let mut object = json!({
        "apiVersion": "headroom.dev/v1alpha1", "kind": "Campaign",
        "metadata": {"name": "x", "namespace": "default"},
        "spec": {
            "poolRef": {"name": "p"}, "senderRef": {"name": "s"}, "channel": "email", "audience": {"size": 1000},
        },
    });
    change(&mut object);
    object
}

fn pool(change: impl FnOnce(&mut Value)) -> Value {
    let mut object = json!({
        "apiVersion": "headroom.dev/v1alpha1", "kind": "CapacityPool",
        "metadata": {"name": "x", "namespace": "default", "annotations": {"headroom.dev/install": "nobody/none"}},
        "spec": {"workloads": [{
            "name": "web", "targetRef": {"kind": "Deployment", "name": "web"}, "demand": {"query": "up"},
            "capacityPerReplica": "100/s", "maxReplicas": 10,
        }]},
    });
    change(&mut object);
    object
}

fn sender(change: impl FnOnce(&mut Value)) -> Value {
    let mut object = json!({
        "apiVersion": "headroom.dev/v1alpha1", "kind": "Sender",
        "metadata": {"name": "x", "namespace": "default"},
        "spec": {"sendRate": "100/s", "webhook": {"url": "https://mail.internal/send"}},
    });
    change(&mut object);
    object
}

/// Asks the API server without leaving anything behind.
fn verdict(object: &Value) -> Result<String, String> {
    use std::io::Write;
    let mut child = bed()
        .command("kubectl")
        .args(["create", "--dry-run=server", "--validate=strict", "-f", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(object.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(said) } else { Err(said) }
}

/// For whoever asks too often for a kubectl each, or what kubectl does not pass on.
pub async fn client() -> kube::Client {
    kube::Client::try_from(bed().config().await).unwrap()
}

/// A wrong object, and a part of what is said of it.
pub type Wrong = (Value, &'static str);

pub fn wrong() -> Vec<Wrong> {
    let spec = |field: &'static str, value: Value| move |object: &mut Value| object["spec"][field] = value;
    let workload =
        |field: &'static str, value: Value| move |object: &mut Value| object["spec"]["workloads"][0][field] = value;
    vec![
        (campaign(spec("audience", json!({"size": 0}))), "spec.audience.size"),
        (campaign(spec("audience", json!({"size": 2_000_000_000_i64}))), "spec.audience.size"),
        (campaign(spec("audience", json!({"size": "1,200,000"}))), "spec.audience.size"),
        (campaign(spec("channel", json!("E-Mail"))), "spec.channel"),
        (campaign(spec("priority", json!(1001))), "spec.priority"),
        (campaign(spec("sendId", json!("UPPER/x"))), "spec.sendId"),
        (campaign(spec("hurry", json!(true))), "unknown field \"spec.hurry\""),
        (campaign(spec("maxSendRate", json!("fast"))), "spec.maxSendRate"),
        (
            campaign(spec("after", json!([{"campaign": {"name": "a"}, "check": "b"}]))),
            "one of campaign, workload and check",
        ),
        (campaign(spec("after", json!([{"workload": {"kind": "Pod", "name": "a"}}]))), "spec.after[0].workload.kind"),
        (campaign(spec("schedule", json!({"start": "tomorrow"}))), "spec.schedule.start"),
        (
            campaign(spec("schedule", json!({"start": "2027-03-19T18:00", "end": "2027-03-19T09:00"}))),
            "start must be before end",
        ),
        (
            campaign(spec("schedule", json!({"windows": [{"from": "9:00", "to": "18:00"}]}))),
            "spec.schedule.windows[0].from",
        ),
        (
            campaign(spec("schedule", json!({"windows": [{"from": "09:00", "to": "09:00"}]}))),
            "from and to are the same",
        ),
        (
            campaign(spec("schedule", json!({"windows": [{"days": ["Funday"], "from": "09:00", "to": "10:00"}]}))),
            "spec.schedule.windows[0].days[0]",
        ),
        (campaign(spec("waves", json!([{"name": "a"}, {"name": "b"}]))), "only one wave may leave out its size"),
        (
            campaign(spec("waves", json!([{"name": "a", "percent": 50}, {"name": "b", "percent": 49}]))),
            "must add up to 100",
        ),
        (campaign(spec("waves", json!([{"name": "a", "percent": 50, "recipients": 5}, {"name": "b"}]))), "not both"),
        (campaign(spec("waves", json!([{"name": "a", "percent": 50}, {"name": "a"}]))), "Duplicate value"),
        (campaign(spec("waves", json!([]))), "spec.waves"),
        (campaign(spec("load", json!({"peak": "5/s", "visitRate": "2%"}))), "give load.peak alone"),
        (campaign(spec("parameters", json!({"template": 7}))), "spec.parameters.template"),
        (campaign(|object| object["metadata"]["name"] = json!("x".repeat(53))), "at most 52 characters"),
        (pool(spec("workloads", json!([]))), "spec.workloads"),
        (pool(workload("capacityPerReplica", json!("100"))), "spec.workloads[0].capacityPerReplica"),
        (pool(workload("maxReplicas", json!(0))), "spec.workloads[0].maxReplicas"),
        (pool(workload("demand", json!({"query": ""}))), "spec.workloads[0].demand.query"),
        (pool(spec("targetUtilization", json!("90%"))), "spec.targetUtilization"),
        (pool(spec("loadMargin", json!("0.5"))), "spec.loadMargin"),
        (
            pool(spec("guardrails", json!([{"name": "e", "query": "up", "max": "1%", "min": "1%"}]))),
            "give a guardrail max or min",
        ),
        (pool(spec("guardrails", json!([{"name": "e", "query": "up"}]))), "give a guardrail max or min"),
        (pool(spec("limits", json!([{"name": "e", "query": "up", "max": "much"}]))), "spec.limits[0].max"),
        (pool(spec("confirm", json!({"samples": 0}))), "spec.confirm.samples"),
        (sender(spec("sendRate", json!("fast"))), "spec.sendRate"),
        (sender(spec("webhook", json!({"url": "https://user:pass@mail/send"}))), "spec.webhook.url"),
        (
            sender(spec("webhook", json!({"url": "https://mail/send", "contract": {}}))),
            "a contract names one thing that the receiver guarantees",
        ),
        (
            sender(spec(
                "webhook",
                json!({"url": "http://mail/send", "tls": {"clientCertificate": {"secretName": "a"}}}),
            )),
            "tls is for a url that begins with https://",
        ),
        (
            sender(|object| {
                let tls = json!({"clientCertificate": {"secretName": "a"}});
                let there = json!({"url": "http://listmonk", "secretRef": {"name": "a"}, "tls": tls});
                object["spec"] = json!({"sendRate": "1/s", "listmonk": there});
            }),
            "tls is for a url that begins with https://",
        ),
        (
            sender(|object| {
                let there = json!({"url": "https://listmonk", "secretRef": {"name": "a"}, "tls": {}});
                object["spec"] = json!({"sendRate": "1/s", "listmonk": there});
            }),
            "tls names neither ca nor clientCertificate",
        ),
        (
            sender(spec("webhook", json!({"url": "https://mail/send", "tls": {}}))),
            "tls names neither ca nor clientCertificate",
        ),
        (
            sender(spec(
                "webhook",
                json!({"url": "https://mail/send", "tls": {"clientCertificate": {"secretName": ""}}}),
            )),
            "spec.webhook.tls.clientCertificate.secretName",
        ),
        (
            sender(spec(
                "webhook",
                json!({"url": "https://mail/send", "headers": [{"name": "bad header", "secretKeyRef": {"name": "a", "key": "b"}}]}),
            )),
            "spec.webhook.headers[0].name",
        ),
    ]
}

#[test]
fn wrong_objects_are_refused_and_the_refusal_names_the_field() {
    for object in [campaign(|_| ()), pool(|_| ()), sender(|_| ())] {
        verdict(&object).unwrap_or_else(|said| panic!("{said}"));
    }
    for (object, part) in wrong() {
        let said = verdict(&object).expect_err(&format!("{object} is refused"));
        assert!(said.contains(part), "{part} in: {said}");
    }
}

#[test]
fn right_objects_of_every_union_are_accepted() {
    let spec = |field: &'static str, value: Value| move |object: &mut Value| object["spec"][field] = value;
    for object in [
        campaign(spec("waves", json!([{"name": "a", "percent": 40}, {"name": "b", "percent": 60}]))),
        campaign(spec("waves", json!([{"name": "a", "recipients": 40}, {"name": "b", "percent": 10}, {"name": "c"}]))),
        campaign(spec("load", json!({"peak": "640/s"}))),
        campaign(spec("load", json!({"visitRate": "2.5%", "responseMedian": "1h30m"}))),
        campaign(spec(
            "schedule",
            json!({"timeZone": "Europe/Berlin", "start": "2027-03-19T09:00", "end": "2027-03-19T18:00+01:00", "windows": [{"days": ["Mon-Fri", "Sun"], "from": "22:00", "to": "06:00"}, {"from": "00:00", "to": "24:00"}]}),
        )),
        pool(spec(
            "guardrails",
            json!([{"name": "e", "query": "up", "max": "1%", "for": "1m", "onBreach": "Abort"}, {"name": "s", "query": "up", "min": "97%"}]),
        )),
        pool(spec("admission", json!({"namespaceSelector": {}}))),
        sender(spec(
            "webhook",
            json!({"url": "http://mail:8080/send?x=1", "contract": {"atMostOnce": {}}, "body": "{\"a\": {{ wave.offset }}}"}),
        )),
        sender(spec(
            "webhook",
            json!({
                "url": "http://mail:8080/send", "contract": {"keyed": {"retention": "48h"}},
                "signing": {"secretKeyRef": {"name": "mail", "key": "signing-key"}},
            }),
        )),
        sender(spec(
            "webhook",
            json!({
                "url": "https://mail:8443/send",
                "tls": {
                    "ca": {"secretKeyRef": {"name": "mail", "key": "ca.crt"}},
                    "clientCertificate": {"secretName": "headroom"},
                },
            }),
        )),
    ] {
        verdict(&object).unwrap_or_else(|said| panic!("{object}: {said}"));
    }
}
