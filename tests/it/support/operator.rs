//! The operator as a process: the arguments are the chart's, and the rights are those of its `ServiceAccount`.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use super::bed::{bed, root};
use super::skew::Skew;

/// A running operator. It is killed when dropped.
pub struct Operator {
    child: Arc<Mutex<Child>>,
    pid_file: PathBuf,
    target: PathBuf,
    pub log: PathBuf,
}

/// Its process, for whoever shall kill it.
pub type Victim = Arc<Mutex<Child>>;

impl Operator {
    /// Starts one for an install. `server` is where it finds the API server: the bed's own, or a proxy in front of it.
    pub fn start(namespace: &str, release: &str, server: Option<&str>, prometheus: Option<&str>) -> Operator {
        Operator::start_as("", namespace, release, server, prometheus)
    }

    /// The same, with a clock of its own.
    pub fn start_by(skew: &Skew, namespace: &str, release: &str, prometheus: Option<&str>) -> Operator {
        Operator::spawn("", namespace, release, None, prometheus, skew.environment())
    }

    /// The same, as a further replica with a name of its own.
    pub fn start_as(
        replica: &str,
        namespace: &str,
        release: &str,
        server: Option<&str>,
        prometheus: Option<&str>,
    ) -> Operator {
        Operator::spawn(replica, namespace, release, server, prometheus, Vec::new())
    }

    fn spawn(
        replica: &str,
        namespace: &str,
        release: &str,
        server: Option<&str>,
        prometheus: Option<&str>,
        environment: Vec<(String, String)>,
    ) -> Operator {
        let bed = bed();
        let path = "jsonpath={range .spec.template.spec.containers[0].args[*]}{@}{\"\\n\"}{end}";
        let given = bed.kubectl(&["-n", namespace, "get", "deployment", release, "-o", path]);
        let token = bed.kubectl(&["-n", namespace, "create", "token", release, "--duration=24h"]);
        let config = bed.kubectl(&["config", "view", "--raw", "--minify", "-o", "json"]);
        let mut config: serde_json::Value = serde_json::from_str(&config).unwrap();
        config["users"][0]["user"] = serde_json::json!({ "token": token.trim() });
        if let Some(server) = server {
            config["clusters"][0]["cluster"] = serde_json::json!({ "server": server });
        }
        let kubeconfig = bed.dir.join(format!("operator-{namespace}{replica}.kubeconfig"));
        std::fs::write(&kubeconfig, config.to_string()).unwrap();
        let log = bed.dir.join(format!("logs/operator-{namespace}{replica}.log"));
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let address = free_address();
        let mut arguments: Vec<String> = given.lines().map(|line| line.replace("0.0.0.0:8080", &address)).collect();
        if let Some(prometheus) = prometheus {
            arguments.retain(|argument| !argument.starts_with("--prometheus-url="));
            arguments.push(format!("--prometheus-url={prometheus}"));
        }
        // For figures of a release build: HEADROOM_BINARY=target/release/headroom
        let binary = std::env::var("HEADROOM_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_headroom").to_owned());
        let child = Command::new(root().join(binary))
            .args(arguments)
            .env_clear()
            .envs(environment)
            .env("KUBECONFIG", kubeconfig)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .unwrap();
        let pid_file = bed.dir.join(format!("pids/operator-{namespace}{replica}"));
        std::fs::write(&pid_file, child.id().to_string()).unwrap();
        // Prometheus scrapes it, as a ServiceMonitor would have it, and so it finds its own heartbeat there.
        let target = bed.dir.join(format!("prometheus/targets/operator-{namespace}{replica}.json"));
        std::fs::write(&target, format!(r#"[{{"targets": ["{address}"]}}]"#)).unwrap();
        Operator { child: Arc::new(Mutex::new(child)), pid_file, target, log }
    }

    pub fn victim(&self) -> Victim {
        Arc::clone(&self.child)
    }

    pub fn pid(&self) -> u32 {
        self.child.lock().unwrap().id()
    }

    /// Sends it a signal, by its name with a dash.
    pub fn signal(&self, name: &str) {
        let mut child = self.child.lock().unwrap();
        // The number of one that has ended may be somebody else's.
        if child.try_wait().unwrap().is_none() {
            signal(child.id(), name);
        }
    }

    pub fn is_alive(&self) -> bool {
        self.child.lock().unwrap().try_wait().unwrap().is_none()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap();
        let _ = child.kill();
        let _ = child.wait();
        let _ = std::fs::remove_file(&self.pid_file);
        let _ = std::fs::remove_file(&self.target);
    }
}

/// The end of a log, as much as a failure shows of it.
pub fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(25)..].join("\n")
}

/// Sends a process a signal; one that has just ended is not there any more, which is as good.
pub fn signal(process: u32, name: &str) {
    let _ = Command::new("kill").args([name, &process.to_string()]).stderr(Stdio::null()).status().unwrap();
}

/// An address on loopback that nobody listens on.
fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}
