//! One bed for the whole run, with simulated nodes. It ends itself when this process is gone.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::asking;

/// Where everything is.
pub struct Bed {
    pub dir: PathBuf,
    pub bin: PathBuf,
    pub kubeconfig: PathBuf,
    /// Addresses of Prometheus and the shop, as tests reach them.
    pub prometheus: String,
    pub shop: String,
    /// The same, as the operator reaches them.
    pub inside: Inside,
    /// By whom its API server is read, once somebody has asked.
    pub reader: OnceLock<kube::Client>,
    /// Dropped with the process: the shop ends when its input is closed.
    pub _shop_input: Option<std::process::ChildStdin>,
}

pub struct Inside {
    pub prometheus: String,
    pub shop: String,
    /// The network in which the shop has its address.
    pub network: &'static str,
}

/// What `tests/bed/up` says of the bed that it started.
pub struct Exports(String);

impl Exports {
    /// Starts a bed that ends with this process. None where the machine cannot have it, which was said.
    pub fn of(arguments: &[&str]) -> Option<Exports> {
        let output = Command::new(root().join("tests/bed/up"))
            .args(arguments)
            .args(["--owner", &std::process::id().to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .expect("tests/bed/up can be run");
        if output.status.code() == Some(3) {
            return None;
        }
        assert!(output.status.success(), "the test bed did not come up; the lines above say why");
        Some(Exports(String::from_utf8(output.stdout).unwrap()))
    }

    pub fn value(&self, name: &str) -> String {
        let field = self.0.split_whitespace().find_map(|word| word.strip_prefix(&format!("{name}=")));
        field.unwrap_or_else(|| panic!("no {name} in {}", self.0)).to_owned()
    }
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The folder cargo builds into: the binary of the operator lies there.
pub fn target() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_headroom")).parent().unwrap().to_owned()
}

/// The bed, brought up by whoever asks first.
pub fn bed() -> &'static Bed {
    static BED: OnceLock<Bed> = OnceLock::new();
    BED.get_or_init(up)
}

fn up() -> Bed {
    let exports = Exports::of(&[]).expect("a bed of simulated nodes can be anywhere");
    let dir = PathBuf::from(exports.value("HEADROOM_BED"));
    let kubeconfig = PathBuf::from(exports.value("KUBECONFIG"));
    let ports = dir.join("shop.json");
    // `cargo test --test it` alone does not build it.
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--example", "shop"])
        .current_dir(root())
        .status()
        .expect("cargo can be run");
    assert!(built.success(), "the shop was not built; the lines above say why");
    let mut shop = Command::new(target().join("examples/shop"))
        .arg("--port-file")
        .arg(&ports)
        .arg("--log-dir")
        .arg(dir.join("shop"))
        .arg("--until-stdin-closes")
        .env("KUBECONFIG", &kubeconfig)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the shop is built beside the tests");
    std::fs::write(dir.join("pids/shop"), shop.id().to_string()).unwrap();
    let begun = Instant::now();
    while !ports.exists() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the shop did not open");
        std::thread::sleep(Duration::from_millis(50));
    }
    let ports: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(ports).unwrap()).unwrap();
    let (http, https) = (ports["http"].as_u64().unwrap(), ports["https"].as_u64().unwrap());
    let targets = format!(r#"[{{"targets": ["127.0.0.1:{http}"]}}]"#);
    std::fs::write(dir.join("prometheus/targets/shop.json"), targets).unwrap();
    let (prometheus, at) = (exports.value("PROMETHEUS_URL"), format!("http://127.0.0.1:{http}"));
    let bed = Bed {
        bin: PathBuf::from(exports.value("HEADROOM_BED_BIN")),
        inside: Inside { prometheus: prometheus.clone(), shop: at.clone(), network: "127.0.0.0/8" },
        prometheus,
        shop: at,
        reader: OnceLock::new(),
        _shop_input: shop.stdin.take(),
        dir,
        kubeconfig,
    };
    let service = std::fs::read_to_string(root().join("tests/bed/shop/apiservice.yaml")).unwrap();
    bed.apply(&service.replace("PORT", &https.to_string()));
    bed.apply_definitions();
    bed
}

impl Bed {
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command.env("KUBECONFIG", &self.kubeconfig).stdin(Stdio::null());
        // helm keeps files of its own; not in the home of whoever tests.
        command
            .env("HELM_CACHE_HOME", self.dir.join("helm"))
            .env("HELM_CONFIG_HOME", self.dir.join("helm"))
            .env("HELM_DATA_HOME", self.dir.join("helm"));
        command
    }

    pub fn apply_definitions(&self) {
        self.kubectl(&["apply", "--server-side", "-f", root().join("crds").to_str().unwrap()]);
        self.kubectl(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]);
    }

    /// Runs kubectl; what it says is the failure.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        self.try_kubectl(arguments).unwrap_or_else(|said| panic!("kubectl {arguments:?}: {said}"))
    }

    pub fn try_kubectl(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.command("kubectl").args(arguments).output().unwrap();
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    pub fn apply(&self, yaml: &str) {
        self.try_apply(yaml).unwrap_or_else(|said| panic!("{said}\n{yaml}"));
    }

    /// Applies a text, or returns the refusal.
    pub fn try_apply(&self, yaml: &str) -> Result<String, String> {
        self.feed("apply", yaml)
    }

    /// Replaces an object as a whole.
    pub fn replace(&self, object: &serde_json::Value) {
        self.feed("replace", &object.to_string()).unwrap_or_else(|said| panic!("{said}\n{object}"));
    }

    fn feed(&self, verb: &str, yaml: &str) -> Result<String, String> {
        use std::io::Write;
        let mut child = self
            .command("kubectl")
            .args([verb, "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(yaml.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        if output.status.success() {
            // Warnings are on the other stream.
            Ok(String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// Asks the shop.
    pub fn shop(&self, method: reqwest::Method, path: &str, body: Option<serde_json::Value>) -> serde_json::Value {
        asking::ask(method, format!("{}{path}", self.shop), body)
    }

    /// The objects of Headroom's own kinds in a namespace.
    pub fn objects(&self, namespace: &str, kinds: &str) -> Vec<serde_json::Value> {
        let all = self.read(&format!("/apis/headroom.dev/v1alpha1/namespaces/{namespace}/{kinds}"));
        all["items"].as_array().unwrap().clone()
    }

    /// What stands in this field of every campaign's status in a namespace, where there is something.
    pub fn told_of_all(&self, namespace: &str, field: &str) -> Vec<String> {
        let told = self.objects(namespace, "campaigns").into_iter();
        told.filter_map(|campaign| Some(campaign["status"][field].as_str()?.to_owned())).collect()
    }

    /// How its API server is reached as its administrator, by whom a kubectl for each question is too slow or too kind.
    pub async fn config(&self) -> kube::Config {
        config(&self.kubeconfig).await
    }

    /// What stands at a path of its API server.
    pub fn read(&self, path: &str) -> serde_json::Value {
        let client = self.reader.get_or_init(|| {
            let kubeconfig = self.kubeconfig.clone();
            asking::wait_for(async move { kube::Client::try_from(config(&kubeconfig).await).unwrap() })
        });
        asking::read(client.clone(), path.to_owned()).unwrap_or_else(|said| panic!("{path}: {said}"))
    }

    /// The one number that a query gives now on the bed's own Prometheus; None while there is none.
    pub fn measured(&self, query: &str) -> Option<f64> {
        let mut url = reqwest::Url::parse(&format!("{}/api/v1/query", self.prometheus)).unwrap();
        url.query_pairs_mut().append_pair("query", query);
        let answer = asking::ask(reqwest::Method::GET, url.to_string(), None);
        answer["data"]["result"][0]["value"][1].as_str()?.parse().ok()
    }
}

async fn config(kubeconfig: &Path) -> kube::Config {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let kubeconfig = kube::config::Kubeconfig::read_from(kubeconfig).unwrap();
    kube::Config::from_custom_kubeconfig(kubeconfig, &kube::config::KubeConfigOptions::default()).await.unwrap()
}
