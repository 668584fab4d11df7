//! A Prometheus of a test's own, that can be stopped, and started again to see more or less than there is.

use std::process::{Child, Command, Stdio};

use super::bed::{bed, root};

/// What it scrapes.
pub enum Sees {
    /// What the bed's own does.
    Everything,
    /// Nothing: it only remembers.
    Nothing,
    /// The operators, and not the shop.
    Headroom,
    /// The shop, and not the operators: as one of another cluster would.
    TheShop,
    /// Everything, but for the pods whose name matches this.
    AllBut(&'static str),
    /// Everything, and its recording rules are of a minute ago.
    ByLateRules,
    /// Everything, and its recording rules are not followed any more.
    ByIdleRules,
    /// Everything, and besides it asks a remote store, at this port, before it answers.
    WithRemote(u16),
}

/// What the rule writes that every one of them has, by namespace: the shop's requests per second.
pub const RULE: &str = "shop:http_requests:rate5s";

/// One that is killed when dropped.
pub struct Prometheus {
    child: Child,
    port: u16,
}

impl Prometheus {
    /// Starts one, with what the one before it on this port remembered.
    pub fn start(port: u16, sees: &Sees) -> Prometheus {
        let bed = bed();
        let folder = bed.dir.join(format!("prometheus-{port}"));
        std::fs::create_dir_all(&folder).unwrap();
        let targets = bed.dir.join("prometheus/targets");
        let (files, drops) = match sees {
            Sees::Everything | Sees::ByLateRules | Sees::ByIdleRules | Sees::WithRemote(_) => (Some("*"), None),
            Sees::Nothing => (None, None),
            Sees::Headroom => (Some("operator-*"), None),
            Sees::TheShop => (Some("shop"), None),
            Sees::AllBut(pods) => (Some("*"), Some(pods)),
        };
        let drops = drops.map_or_else(String::new, |pods| {
            format!("metric_relabel_configs: [{{source_labels: [pod], regex: '{pods}', action: drop}}], ")
        });
        let job = files.map_or_else(String::new, |files| {
            let sources = format!("[{{files: ['{}/{files}.json'], refresh_interval: 1s}}]", targets.display());
            format!("{{job_name: bed, honor_labels: true, {drops}file_sd_configs: {sources}}}")
        });
        let config = folder.join("prometheus.yml");
        let often = "global: {scrape_interval: 1s, scrape_timeout: 1s}";
        let remote = match sees {
            Sees::WithRemote(port) => {
                format!("remote_read: [{{url: 'http://127.0.0.1:{port}', remote_timeout: 1s, read_recent: true}}]\n")
            }
            _ => String::new(),
        };
        let turn = match sees {
            Sees::ByLateRules => "interval: 1s, query_offset: 1m",
            Sees::ByIdleRules => "interval: 1h",
            _ => "interval: 1s",
        };
        let rules = folder.join("rules.yml");
        let rule = format!("{{record: '{RULE}', expr: 'sum by (namespace) (rate(http_requests_total[5s]))'}}");
        std::fs::write(&rules, format!("groups: [{{name: shop, {turn}, rules: [{rule}]}}]\n")).unwrap();
        let rules = format!("rule_files: ['{}']\n", rules.display());
        std::fs::write(&config, format!("{often}\n{rules}{remote}scrape_configs: [{job}]\n")).unwrap();
        let child = Command::new(bed.bin.join("prometheus"))
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=error")
            .current_dir(root())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::fs::write(bed.dir.join(format!("pids/prometheus-{port}")), child.id().to_string()).unwrap();
        Prometheus { child, port }
    }

    /// Ends it, with all that it remembered.
    pub fn forget(self) {
        let folder = bed().dir.join(format!("prometheus-{}", self.port));
        drop(self);
        std::fs::remove_dir_all(folder).unwrap();
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Killed: it has no time to mark its series as ended, just as when a machine dies.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(bed().dir.join(format!("pids/prometheus-{}", self.port)));
    }
}

/// A port below those that systems hand out for connections: while Prometheus is away, nobody else is given it. Tests that run
/// side by side take different `of`.
pub fn free_port(of: u16) -> u16 {
    let begin = u16::try_from(std::process::id() % 500).unwrap();
    let free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (12_000 + of * 400 + begin % 400..22_000).find(free).expect("a port is free")
}
