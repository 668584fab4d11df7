//! A world of a test's own: namespaces, workloads, a pool, a sender, an install of the chart and its operator.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::audit;
use super::bed::{Bed, bed, root};
use super::operator::{Operator, last_lines};

/// The names of all that belongs to one test begin with its name.
pub struct World {
    pub name: String,
    bed: &'static Bed,
    /// The operator as a process; none where it runs as a pod.
    pub operator: Option<Operator>,
    /// Values of the chart that its release has all its life.
    values: Vec<String>,
}

/// What a test wants otherwise than usual.
pub struct Wants {
    /// Demand without any send.
    pub demand: f64,
    /// The pool's spec, over the usual one.
    pub pool: Value,
    /// The most replicas of the HPA.
    pub hpa_max: u32,
    /// The address that the Sender's URL names, if not the shop's own.
    pub receiver: Option<String>,
    /// Where the operator finds the API server.
    pub server: Option<String>,
    /// Where it finds Prometheus.
    pub prometheus: Option<String>,
    /// Whether the API server watches over approvals: for the whole bed, so only where that is the matter.
    pub protect_approvals: bool,
    /// Further values of the chart, or flags of helm.
    pub values: Vec<String>,
}

impl Default for Wants {
    fn default() -> Self {
        Wants {
            demand: 300.0,
            pool: json!({}),
            hpa_max: 30,
            receiver: None,
            server: None,
            prometheus: None,
            protect_approvals: false,
            values: Vec::new(),
        }
    }
}

const SHOP: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: NAME-shop}
---
apiVersion: v1
kind: Namespace
metadata: {name: NAME-mail}
---
apiVersion: v1
kind: Namespace
metadata: {name: NAME-marketing, labels: {team: NAME}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: NAME-shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "bed.local/idle:1"}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: NAME-shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: MAX
  metrics:
  - type: External
    external:
      metric: {name: shop-demand, selector: {matchLabels: {app: web}}}
      target: {type: AverageValue, averageValue: "75"}
  behavior: {scaleDown: {stabilizationWindowSeconds: 2}}
"#;

/// A pool's workloads, measured by the shop's own gauge of demand: exact from the first sample on, where a rate climbs for
/// its whole range and dips whenever pods come. The gauge is the shop's alone, and no series of its is a pod's.
pub fn by_gauge(name: &str, peak: &str) -> Value {
    json!({"workloads": [{
        "name": "web", "targetRef": {"kind": "Deployment", "name": "web"},
        "demand": {
            "query": format!(r#"sum(shop_demand{{namespace="{name}-shop",app="web"}})"#), "peak": peak,
            "coverage": {"unverified": "the shop itself knows its demand"},
        },
        "capacityPerReplica": "100/s", "maxReplicas": 24,
    }]})
}

impl World {
    /// Sets everything up, and starts the operator.
    pub fn new(name: &str, wants: Wants) -> World {
        let (server, prometheus) = (wants.server.clone(), wants.prometheus.clone());
        let mut world = World::without_operator(bed(), name, &wants, &["crds.install=false"]);
        world.operator =
            Some(Operator::start(&world.operator_namespace(), "headroom", server.as_deref(), prometheus.as_deref()));
        world
    }

    /// Sets everything up, with further values of the chart.
    pub fn without_operator(bed: &'static Bed, name: &str, wants: &Wants, values: &[&str]) -> World {
        bed.apply(&SHOP.replace("NAME", name).replace("MAX", &wants.hpa_max.to_string()));
        let world = World { name: name.to_owned(), bed, operator: None, values: wants.values.clone() };
        bed.shop(
            reqwest::Method::PUT,
            &format!("/worlds/{name}-shop"),
            Some(json!({
                "workloads": [{"name": "web", "per_replica": 100.0, "demand": wants.demand}],
                "response": {"visit_rate": 0.04, "requests_per_visit": 10.0, "median_minutes": 0.05, "sigma": 2.0},
                "send_rate": 2000.0,
            })),
        );
        let approval = format!("approval.protect={}", wants.protect_approvals);
        world.helm("install", &[&[approval.as_str()][..], values].concat());
        world.apply_sender(wants.receiver.as_deref().unwrap_or(&bed.inside.shop));
        world.apply_pool(&wants.pool);
        bed.kubectl(&["-n", &world.shop(), "rollout", "status", "deployment/web", "--timeout=120s"]);
        world.until_demand_is(wants.demand);
        world
    }

    /// `helm install` or `helm upgrade` of this world's release, with the values that every world has and further ones, or flags.
    pub fn helm(&self, verb: &str, values: &[&str]) {
        let name = &self.name;
        let usual = [
            format!("prometheus.url={}", self.bed.inside.prometheus),
            format!("ledger.namespace={name}-ledger"),
            "ledger.protect=false".to_owned(),
            format!("senderNamespaces={{{name}-mail}}"),
            format!("receivers.networks={{{}}}", self.bed.inside.network),
            "breachRecovery=3s".to_owned(),
            // A busy machine may not answer for seconds; where the time itself is the matter, a test wants less.
            "leaderElection.leaseDuration=8s".to_owned(),
            "logging.format=text".to_owned(),
        ];
        let mut command = self.bed.command("helm");
        command.args([verb, "headroom", root().join("charts/headroom").to_str().unwrap()]);
        command.args(["--namespace", &self.operator_namespace()]);
        if verb == "install" {
            command.arg("--create-namespace");
        }
        for value in usual.iter().chain(&self.values).map(String::as_str).chain(values.iter().copied()) {
            match value.strip_prefix("--") {
                Some(_) => command.arg(value),
                None => command.args(["--set", value]),
            };
        }
        let done = command.output().unwrap();
        assert!(done.status.success(), "helm {verb}: {}", String::from_utf8_lossy(&done.stderr));
    }

    pub fn bed(&self) -> &'static Bed {
        self.bed
    }

    pub fn operator_namespace(&self) -> String {
        format!("{}-op", self.name)
    }

    pub fn shop(&self) -> String {
        format!("{}-shop", self.name)
    }

    pub fn marketing(&self) -> String {
        format!("{}-marketing", self.name)
    }

    /// Starts the operator again, after it was killed.
    pub fn restart(&mut self, server: Option<&str>) {
        self.operator = None;
        self.operator = Some(Operator::start(&self.operator_namespace(), "headroom", server, None));
    }

    /// The Sender, which sends to the shop behind this address.
    pub fn apply_sender(&self, receiver: &str) {
        let name = &self.name;
        self.bed().apply(
            &json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": "push", "namespace": format!("{name}-mail")},
                "stringData": {"authorization": "Bearer hush"},
            })
            .to_string(),
        );
        self.bed().apply(
            &json!({
                "apiVersion": "headroom.dev/v1alpha1", "kind": "Sender",
                "metadata": {"name": "push", "namespace": format!("{name}-mail")},
                "spec": {
                    "namespaceSelector": {"matchLabels": {"team": name}},
                    "sendRate": "2000/s",
                    "webhook": {
                        "url": format!("{receiver}/worlds/{name}-shop/send"),
                        "headers": [{"name": "Authorization", "secretKeyRef": {"name": "push", "key": "authorization"}}],
                    },
                },
            })
            .to_string(),
        );
    }

    /// The usual pool, and over it what a test wants.
    pub fn apply_pool(&self, over: &Value) {
        let shop = self.shop();
        let mut spec = json!({
            "workloads": [{
                "name": "web",
                "targetRef": {"kind": "Deployment", "name": "web"},
                "demand": {"query": format!(r#"sum(rate(http_requests_total{{namespace="{shop}",app="web"}}[5s]))"#), "peak": "320/s"},
                "capacityPerReplica": "100/s",
                "maxReplicas": 24,
            }],
            "targetUtilization": "75%",
            "loadMargin": "1.66",
            "admission": {"namespaceSelector": {"matchLabels": {"team": self.name}}},
            "confirm": {"samples": 2, "span": "2s"},
            "sensor": {"maxSampleAge": "10s"},
            "scaleDown": {"hold": "3s", "step": "100%"},
        });
        for (field, value) in over.as_object().unwrap() {
            spec[field] = value.clone();
        }
        let pool = json!({
            "apiVersion": "headroom.dev/v1alpha1", "kind": "CapacityPool",
            "metadata": {
                "name": "storefront", "namespace": shop,
                "annotations": {"headroom.dev/install": format!("{}-op/headroom", self.name)},
            },
            "spec": spec,
        });
        self.bed().apply(&pool.to_string());
    }

    /// A campaign as a text, 20,000 pushes in a canary and the rest, and over it what a test wants.
    pub fn campaign(&self, name: &str, over: &Value) -> Value {
        let mut spec = json!({
            "poolRef": {"namespace": self.shop(), "name": "storefront"},
            "senderRef": {"namespace": format!("{}-mail", self.name), "name": "push"},
            "channel": "push",
            "audience": {"size": 20000},
            "load": {"responseMedian": "3s"},
            "waves": [{"name": "canary", "percent": 10, "soak": "2s"}, {"name": "rest"}],
        });
        for (field, value) in over.as_object().unwrap() {
            spec[field] = value.clone();
        }
        json!({
            "apiVersion": "headroom.dev/v1alpha1", "kind": "Campaign",
            "metadata": {"name": name, "namespace": self.marketing()},
            "spec": spec,
        })
    }

    pub fn patch_pool(&self, spec: &Value) {
        let patch = json!({ "spec": spec }).to_string();
        self.bed().kubectl(&["-n", &self.shop(), "patch", "capacitypool", "storefront", "--type=merge", "-p", &patch]);
    }

    pub fn apply_campaign(&self, name: &str, over: &Value) {
        self.bed().apply(&self.campaign(name, over).to_string());
    }

    pub fn patch_campaign(&self, name: &str, spec: &Value) {
        let patch = json!({ "spec": spec }).to_string();
        self.bed().kubectl(&["-n", &self.marketing(), "patch", "campaign", name, "--type=merge", "-p", &patch]);
    }

    pub fn get(&self, arguments: &[&str]) -> Value {
        let mut all = arguments.to_vec();
        all.extend(["-o", "json"]);
        serde_json::from_str(&self.bed().kubectl(&all)).unwrap()
    }

    pub fn status(&self, name: &str) -> Value {
        let path = format!("/apis/headroom.dev/v1alpha1/namespaces/{}/campaigns/{name}", self.marketing());
        self.bed().read(&path)["status"].clone()
    }

    pub fn pool(&self) -> Value {
        self.bed().read(&format!("/apis/headroom.dev/v1alpha1/namespaces/{}/capacitypools/storefront", self.shop()))
    }

    pub fn hpa(&self) -> Value {
        self.bed().read(&format!("/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers/web", self.shop()))
    }

    pub fn floor(&self) -> i64 {
        self.hpa()["spec"]["minReplicas"].as_i64().unwrap()
    }

    /// What its ledger has of its own campaigns. Of campaigns without a pool, which other tests make, every install notes what did not go.
    pub fn entries(&self) -> Vec<Value> {
        let mut all = self.bed().objects(&format!("{}-ledger", self.name), "wavereleases");
        all.retain(|entry| self.is_of_ours(&entry["spec"]));
        all
    }

    /// Whether an entry's spec is of a campaign of this world.
    pub fn is_of_ours(&self, spec: &Value) -> bool {
        spec["campaign"]["namespace"] == self.marketing().as_str()
    }

    /// Everything the receiver was sent.
    pub fn received(&self) -> Vec<Value> {
        let log = self.bed().shop(reqwest::Method::GET, &format!("/worlds/{}/log", self.shop()), None);
        log.as_array().unwrap().clone()
    }

    /// Waits until Prometheus measures the demand that the shop was told: a rate climbs for its whole range first, and
    /// what is weighed on the way up is true of another demand.
    pub fn until_demand_is(&self, demand: f64) {
        let query = format!(r#"sum(rate(http_requests_total{{namespace="{}",app="web"}}[5s]))"#, self.shop());
        self.until(90, &format!("a demand of {demand}"), || {
            self.bed().measured(&query).is_some_and(|measured| (measured - demand).abs() <= 0.05 * demand)
        });
    }

    pub fn change_shop(&self, change: Value) {
        self.bed().shop(reqwest::Method::PATCH, &format!("/worlds/{}", self.shop()), Some(change));
    }

    /// Names of the waves the receiver was sent, in order.
    pub fn waves_received(&self) -> Vec<String> {
        self.received().iter().map(|request| request["body"]["wave"]["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until something is so; what was there at the end is the failure. A busy machine gets time: what is
    /// asked for is the least.
    pub fn until(&self, seconds: u64, what: &str, mut is_so: impl FnMut() -> bool) {
        let seconds = seconds.max(120);
        let begun = Instant::now();
        while !is_so() {
            if begun.elapsed() > Duration::from_secs(seconds) {
                let campaigns = self.bed().kubectl(&["-n", &self.marketing(), "get", "campaigns", "-o", "wide"]);
                let pools = self.bed().kubectl(&["-n", &self.shop(), "get", "capacitypools", "-o", "wide"]);
                let log = match &self.operator {
                    Some(operator) => std::fs::read_to_string(&operator.log).unwrap(),
                    None => self
                        .bed()
                        .try_kubectl(&["-n", &self.operator_namespace(), "logs", "deployment/headroom"])
                        .unwrap_or_default(),
                };
                panic!("{what} was not so after {seconds} s\n{campaigns}{pools}{}", last_lines(&log));
            }
            std::thread::sleep(Duration::from_millis(400));
        }
    }

    /// Waits for a phase.
    pub fn until_phase(&self, campaign: &str, phase: &str, seconds: u64) -> Value {
        self.until(seconds, &format!("{campaign} {phase}"), || self.status(campaign)["phase"] == phase);
        self.status(campaign)
    }

    /// Waits for a reason.
    pub fn until_reason(&self, campaign: &str, reason: &str, seconds: u64) -> Value {
        self.until(seconds, &format!("{campaign} {reason}"), || self.status(campaign)["reason"] == reason);
        self.status(campaign)
    }

    /// Holds that something stays so.
    pub fn always(&self, seconds: u64, what: &str, mut is_so: impl FnMut() -> bool) {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(seconds) {
            assert!(is_so(), "{what} was no longer so after {:?}", begun.elapsed());
            std::thread::sleep(Duration::from_millis(250));
        }
    }

    /// The least replicas are so many again, and nothing of a floor is written anywhere.
    pub fn is_back_at(&self, baseline: i64) -> bool {
        let (hpa, pool) = (self.hpa(), self.pool());
        hpa["spec"]["minReplicas"] == baseline
            && hpa["metadata"]["annotations"]["headroom.dev/floor"].is_null()
            && pool["status"]["claims"].as_array().is_none_or(Vec::is_empty)
            && pool["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty)
    }

    /// The scale is as it was, and nothing of ours is left.
    pub fn until_restored(&self, baseline: i64) {
        self.until(150, "the scale is back", || self.is_back_at(baseline));
    }

    /// Every write of this world's operator that was answered with success, as the API server's audit log has it.
    pub fn history(&self) -> Vec<Value> {
        let mut events =
            audit::events(self.bed(), &format!("system:serviceaccount:{}:headroom", self.operator_namespace()));
        events.retain(|event| (200..300).contains(&audit::code(event)));
        events
    }

    /// Whether the operator's account has a right, as the API server sees it.
    pub fn may(&self, verb: &str, what: &str, namespace: &str) -> bool {
        let account = format!("--as=system:serviceaccount:{}:headroom", self.operator_namespace());
        let asked = self.bed().try_kubectl(&["auth", "can-i", verb, what, "-n", namespace, &account]);
        asked.is_ok_and(|said| said.trim() == "yes")
    }

    /// The operator may read Secrets one at a time where the Senders are, and nowhere else.
    pub fn check_secrets(&self) {
        let mail = format!("{}-mail", self.name);
        let namespaces = self.get(&["get", "namespaces"]);
        for namespace in namespaces["items"].as_array().unwrap() {
            let namespace = namespace["metadata"]["name"].as_str().unwrap();
            assert_eq!(self.may("get", "secrets", namespace), namespace == mail, "{namespace}");
        }
        for verb in ["list", "watch", "create", "update", "patch", "delete"] {
            assert!(!self.may(verb, "secrets", &mail), "{verb}");
        }
    }

    /// A claim is written into the pool before its floor is on the target.
    fn check_floors(&self, history: &[Value]) {
        let first = |verb: &str, resource: &str, part: Option<&str>| {
            let mut events = history.iter().filter(|event| {
                let object = &event["objectRef"];
                event["verb"] == verb && object["resource"] == resource && object["subresource"].as_str() == part
            });
            events.next().map(answered_at)
        };
        if let Some(floor) = first("patch", "horizontalpodautoscalers", None) {
            let claim = first("update", "capacitypools", Some("status"));
            assert!(claim.is_some_and(|claim| claim < floor), "claimed {claim:?}, floor written {floor}");
            let finalizer = first("patch", "capacitypools", None);
            assert!(finalizer.is_some_and(|at| at < floor), "finalizer {finalizer:?}, floor written {floor}");
        }
    }

    /// What must hold whatever happened: each wave at most once, nobody in two waves, an entry before every request
    /// with its key and digest, and by the ground truth there was room.
    pub fn check_safety(&self) {
        let (received, entries, history) = (self.received(), self.entries(), self.history());
        self.check_floors(&history);
        let mut keys = std::collections::BTreeSet::new();
        let mut taken: Vec<(String, i64, i64)> = Vec::new();
        for request in &received {
            let key = request["key"].as_str().unwrap();
            let entry = entries.iter().find(|entry| entry["spec"]["request"]["key"] == key);
            let entry = entry.unwrap_or_else(|| panic!("no ledger entry for {key}"));
            // A receiver that keeps keys may be asked again, and does nothing about it.
            let may_repeat = entry["spec"]["request"]["contract"] == "keyed";
            let has_effect = !may_repeat || request["taken"] == true;
            assert!(!has_effect || keys.insert(key.to_owned()), "the receiver was sent {key} twice");
            assert_eq!(entry["spec"]["request"]["digest"], request["digest"], "the body is the one that was recorded");
            let at = request["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
            let name = entry["metadata"]["name"].as_str().unwrap();
            let is_creation = |event: &&Value| event["verb"] == "create" && event["objectRef"]["name"] == name;
            let created = history.iter().find(is_creation).map(answered_at);
            assert!(created.is_some_and(|created| created < at), "{name} was created {created:?}, and sent at {at}");
            assert_eq!(request["authorization"], "Bearer hush");
            if !has_effect {
                continue;
            }
            let wave = &request["body"]["wave"];
            let send = request["body"]["sendId"].as_str().unwrap().to_owned();
            let (from, count) = (wave["offset"].as_i64().unwrap(), wave["recipients"].as_i64().unwrap());
            for (other, begin, end) in &taken {
                assert!(*other != send || from >= *end || from + count <= *begin, "recipients in two waves of {send}");
            }
            taken.push((send, from, from + count));
            for truth in request["truth"].as_array().unwrap() {
                assert!(truth["fits"].as_bool().unwrap(), "released without room: {truth}");
            }
        }
    }
}

/// In no world does Headroom ask for what it has no right to.
impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let refused = audit::refused(self.bed, &self.operator_namespace());
            assert!(refused.is_empty(), "refused for want of a right: {refused:?}");
        }
    }
}

/// When the API server had done what an event tells of.
fn answered_at(event: &Value) -> jiff::Timestamp {
    event["stageTimestamp"].as_str().unwrap().parse().unwrap()
}
