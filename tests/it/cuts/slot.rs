//! A place in which runs are played one after another: namespaces, a workload, a pool and Senders on the real API server, and the
//! lives of an operator there. Every run has a Campaign of its own name, so that its calls are known again.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use headroom::api::{Campaign, WaveRelease};
use headroom::cluster::stores;
use headroom::controller::context::{Context, Settings};
use headroom::controller::outside::{Measured, Network};
use headroom::controller::{self};
use headroom::plan::scope::Scope;
use headroom::prometheus::Access;
use headroom::senders::{Reach, Trust};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::{Client, Config, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::door::Door;
use super::outside::{Books, Surroundings};
use crate::support::bed::{Bed, bed};
use crate::support::listmonk::{Listmonk, TOKEN, USER};

/// All there is of a kind, for whoever watches a run: a server that is busy or has just come up is asked again.
pub async fn all<K: Clone + DeserializeOwned + Debug>(api: &Api<K>) -> Vec<K> {
    let begun = Instant::now();
    loop {
        match api.list(&ListParams::default()).await {
            Ok(list) => return list.items,
            Err(error) => assert!(begun.elapsed() < Duration::from_mins(1), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// People on the list that sends by listmonk go to.
pub const PEOPLE: u64 = 60;

pub struct Slot {
    pub name: String,
    pub config: Config,
    pub admin: Client,
    pub listmonk: Listmonk,
    list: u64,
    network: Arc<Network>,
}

/// A contract, and the Sender of that name which has it.
fn sender(contract: &str, listmonk: &Listmonk) -> Value {
    let webhook = |contract: Value| json!({"url": "http://receiver/send", "contract": contract});
    let mut spec = match contract {
        "keyed" => json!({"webhook": webhook(json!({"keyed": {"retention": "48h"}}))}),
        "queryable" => json!({"webhook": webhook(json!({"queryable": {"url": "http://receiver/sends/{{ key }}"}}))}),
        "job" => {
            json!({"job": {"template": {"spec": {"template": {"spec": {"containers": [{"name": "mailer", "image": "bed.local/idle:1"}]}}}}}})
        }
        "listmonk" => json!({"listmonk": {"url": listmonk.url(), "secretRef": {"name": "listmonk"}}}),
        _ => json!({"webhook": webhook(json!({"atMostOnce": {}}))}),
    };
    spec["sendRate"] = json!("20000/s");
    spec["namespaceSelector"] = json!({});
    spec
}

pub const CONTRACTS: [&str; 5] = ["once", "keyed", "queryable", "job", "listmonk"];

impl Slot {
    pub async fn new(index: usize) -> Slot {
        let bed: &Bed = tokio::task::spawn_blocking(bed).await.unwrap();
        let name = format!("cuts{index:02}");
        let mut config = bed.config().await;
        config.default_retry = false;
        let admin = Client::try_from(config.clone()).unwrap();
        let listmonk = Listmonk::start();
        listmonk.set_pace(Duration::from_millis(200), 1000);
        let list = listmonk.add_list("customers", false);
        listmonk.subscribe(list, PEOPLE);
        let mut objects = Vec::new();
        for part in ["shop", "mail", "marketing", "ledger"] {
            objects
                .push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": format!("{name}-{part}")}}));
        }
        objects.push(json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": format!("{name}-shop")},
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": {
                "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "bed.local/idle:1"}]},
            }},
        }));
        objects.push(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "listmonk", "namespace": format!("{name}-mail")},
            "stringData": {"username": USER, "token": TOKEN},
        }));
        objects.extend(CONTRACTS.iter().map(|contract| {
            json!({
                "apiVersion": "headroom.dev/v1alpha1", "kind": "Sender",
                "metadata": {"name": contract, "namespace": format!("{name}-mail")}, "spec": sender(contract, &listmonk),
            })
        }));
        objects.push(json!({
            "apiVersion": "headroom.dev/v1alpha1", "kind": "CapacityPool",
            "metadata": {
                "name": "pool", "namespace": format!("{name}-shop"),
                "annotations": {"headroom.dev/install": format!("{name}-op/headroom")},
            },
            "spec": {
                "workloads": [{
                    "name": "web", "targetRef": {"kind": "Deployment", "name": "web"},
                    "demand": {"query": "demand", "peak": "20/s", "coverage": {"unverified": "a test"}}, "capacityPerReplica": "5000/s", "maxReplicas": 8,
                }],
                "targetUtilization": "75%", "loadMargin": "1.2", "admission": {"namespaceSelector": {}},
                "confirm": {"samples": 1, "span": "0s"}, "scaleDown": {"hold": "6h"},
            },
        }));
        let all: Vec<String> = objects.iter().map(Value::to_string).collect();
        let text = all.join("\n---\n");
        tokio::task::spawn_blocking(move || {
            bed.apply(&text);
        })
        .await
        .unwrap();
        let reach = Reach::new(Vec::new(), vec!["127.0.0.0/8".parse().unwrap()]);
        let measured =
            Measured { address: "http://prometheus".to_owned(), access: Access::default(), others: Some(Vec::new()) };
        let network = Network::new(Trust::platform().unwrap(), reach, measured);
        Slot { name, config, admin, listmonk, list, network: Arc::new(network) }
    }

    pub fn namespace(&self, part: &str) -> String {
        format!("{}-{part}", self.name)
    }

    /// A campaign of two waves.
    pub async fn apply(&self, name: &str, contract: &str) {
        let mut spec = json!({
            "poolRef": {"namespace": self.namespace("shop"), "name": "pool"},
            "senderRef": {"namespace": self.namespace("mail"), "name": contract},
            "channel": "push", "audience": {"size": 1000},
            "load": {"visitRate": "0.1%", "requestsPerVisit": 1, "responseMedian": "1s"},
            "waves": [{"name": "canary", "percent": 10, "soak": "1s"}, {"name": "rest"}],
        });
        if contract == "listmonk" {
            let draft = json!({"name": name, "subject": name, "lists": [self.list]});
            spec["audience"]["size"] = json!(PEOPLE);
            spec["parameters"] = json!({"campaignId": self.listmonk.add_draft(&draft).to_string()});
        }
        let campaign: Campaign = serde_json::from_value(json!({
            "apiVersion": "headroom.dev/v1alpha1", "kind": "Campaign",
            "metadata": {"name": name, "namespace": self.namespace("marketing")}, "spec": spec,
        }))
        .unwrap();
        self.campaigns().create(&kube::api::PostParams::default(), &campaign).await.unwrap();
    }

    pub fn campaigns(&self) -> Api<Campaign> {
        Api::namespaced(self.admin.clone(), &self.namespace("marketing"))
    }

    pub async fn ledger(&self) -> Vec<WaveRelease> {
        all(&Api::<WaveRelease>::namespaced(self.admin.clone(), &self.namespace("ledger"))).await
    }

    /// Starts an operator; it lives until it is dead, or told to stop.
    pub fn life(&self, door: &Door, books: &Arc<Mutex<Books>>, keeps_keys: bool) -> Life {
        let around = Surroundings {
            door: door.clone(),
            books: Arc::clone(books),
            keeps_keys,
            admin: self.admin.clone(),
            ledger: self.namespace("ledger"),
            network: Arc::clone(&self.network),
        };
        let namespaces = ["shop", "mail", "marketing"].map(|part| self.namespace(part));
        let settings = Settings {
            install: format!("{}-op/headroom", self.name),
            scope: Scope::of(namespaces),
            ledger_namespace: self.namespace("ledger"),
            prometheus_url: "http://prometheus".to_owned(),
            sender_namespaces: vec![self.namespace("mail")],
            job_namespaces: vec![self.namespace("mail")],
            breach_recovery: jiff::SignedDuration::from_secs(1),
        };
        let (stop, mut stopped) = tokio::sync::watch::channel(false);
        let (config, door) = (self.config.clone(), door.clone());
        // A runtime of its own: when it ends, nothing of the process goes on.
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let client = door.client(config);
                let (stores, touched) = stores::start(&client, &settings.scope, &settings.ledger_namespace);
                let ctx = Arc::new(Context::new(client, stores, settings, Box::new(around)));
                let operator = controller::run(ctx, touched, std::future::ready(()), std::future::pending());
                tokio::select! {
                    _ = operator => {}
                    () = dead(&door) => {}
                    _ = stopped.wait_for(|stop| *stop) => {}
                }
            });
            runtime.shutdown_background();
        });
        Life { stop, thread: Some(thread) }
    }

    /// The nodes, for Jobs: whatever runs has done its work.
    pub async fn end_jobs(&self) {
        let pods = Api::<Pod>::namespaced(self.admin.clone(), &self.namespace("mail"));
        let Ok(all) = pods.list(&ListParams::default().labels("batch.kubernetes.io/job-name")).await else { return };
        for pod in all {
            let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            if phase == Some("Running") {
                let done = json!({"status": {"phase": "Succeeded"}});
                let _ = pods.patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Merge(done)).await;
            }
        }
    }

    /// How often something happened by key: Jobs that were made, campaigns of listmonk that were started, and mails to one person; and
    /// Jobs of which the ledger knows nothing. `ledger` are the entries of one run.
    pub async fn effects(&self, ledger: &[WaveRelease], all: &[WaveRelease]) -> (BTreeMap<String, usize>, Vec<String>) {
        let (mut effects, mut strange) = (BTreeMap::new(), Vec::new());
        let is_known = |key: &str| all.iter().any(|entry| entry.spec.request.as_ref().is_some_and(|it| it.key == key));
        let keys = ledger.iter().filter_map(|entry| Some(entry.spec.request.as_ref()?.key.clone()));
        let keys: Vec<String> = keys.collect();
        let jobs = Api::<Job>::namespaced(self.admin.clone(), &self.namespace("mail"));
        for job in self::all(&jobs).await {
            let key = job.annotations().get("headroom.dev/key").cloned().unwrap_or_default();
            if !is_known(&key) {
                strange.push(format!("I2: the Job {} is of no entry", job.name_any()));
            }
            if keys.contains(&key) {
                *effects.entry(key).or_default() += 1;
            }
        }
        for key in &keys {
            for campaign in self.listmonk.campaigns_tagged(&format!("headroom-wave-{key}")) {
                let sent = self.listmonk.sent_to(campaign["id"].as_u64().unwrap());
                if !sent.is_empty() {
                    *effects.entry(key.clone()).or_default() += 1;
                }
                for person in sent {
                    *effects.entry(format!("person {person}")).or_default() += 1;
                }
            }
        }
        (effects, strange)
    }

    /// What was started of this run in listmonk has come to its end, or stands still.
    pub async fn is_listmonk_quiet(&self) -> bool {
        let sends = self.ledger().await;
        let labels = sends.iter().filter_map(|entry| entry.labels().get(headroom::api::SEND_LABEL));
        let labels: std::collections::BTreeSet<&String> = labels.collect();
        let running = |label: &&String| {
            let all = self.listmonk.campaigns_tagged(&format!("headroom-send-{label}"));
            all.iter().any(|campaign| campaign["status"] == "running")
        };
        !labels.iter().any(running)
    }
}

/// An operator that lives.
pub struct Life {
    stop: tokio::sync::watch::Sender<bool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Life {
    /// Whether its process has ended.
    pub fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(std::thread::JoinHandle::is_finished)
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the operator broke off");
        }
    }
}

async fn dead(door: &Door) {
    while !door.is_dead() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
