//! Two replicas of one install, each with a proxy of its own in front of the API server. What has died is started again after a while,
//! as a cluster would.

use std::time::{Duration, Instant};

use headroom::api::Campaign;
use headroom::api::campaign_status::CampaignStatus;
use jiff::Timestamp;
use kube::Api;
use tokio::runtime::Runtime;

use crate::support::operator::{Operator, last_lines};
use crate::support::proxy::{Book, Proxy, runtime};
use crate::support::world::{Wants, World};

/// Longer than another needs to take over.
const STARTED_AGAIN: Duration = Duration::from_secs(5);

/// One process, from its start to its end.
pub struct Life {
    pub name: String,
    pub operator: Operator,
    pub proxy: Proxy,
    ended: Option<Instant>,
}

impl Life {
    fn log(&self) -> String {
        std::fs::read_to_string(&self.operator.log).unwrap()
    }

    /// When it said so first.
    fn said(&self, words: &str) -> Option<Timestamp> {
        let log = self.log();
        let line = log.lines().find(|line| line.contains(words))?;
        let is_of_a_time = |letter: char| letter.is_ascii_digit() || "-T:.Z".contains(letter);
        line.split(|letter| !is_of_a_time(letter)).find_map(|word| word.parse().ok())
    }

    /// When it began to lead; no process does twice.
    pub fn led_at(&self) -> Option<Timestamp> {
        self.said("this replica leads its install")
    }

    pub fn is_alive(&self) -> bool {
        self.operator.is_alive()
    }

    fn stands_by(&self) -> bool {
        self.led_at().is_none() && self.said("another replica leads; this one stands by").is_some()
    }
}

pub struct Pair {
    pub world: World,
    /// Those that live, and those that have died since the run began.
    pub lives: Vec<Life>,
    pub book: Book,
    campaigns: Api<Campaign>,
    started: usize,
    // Dropped last: the proxies live in it.
    runtime: Runtime,
}

impl Pair {
    pub fn new(name: &str) -> Pair {
        let runtime = runtime();
        // Shorter than the window in which a wave is fired.
        let wants = Wants { values: vec!["leaderElection.leaseDuration=3s".to_owned()], ..Wants::default() };
        let bed = crate::support::bed::bed();
        let world = World::without_operator(bed, name, &wants, &["crds.install=false"]);
        let campaigns = runtime.block_on(async {
            let client = kube::Client::try_from(bed.config().await).unwrap();
            Api::<Campaign>::namespaced(client, &world.marketing())
        });
        let mut pair = Pair { world, lives: Vec::new(), book: Book::default(), campaigns, started: 0, runtime };
        pair.start();
        pair.start();
        pair
    }

    fn start(&mut self) {
        self.started += 1;
        let name = format!("-{}", self.started);
        let proxy = self.runtime.block_on(Proxy::of_replica(&name, &self.book));
        let server = format!("http://127.0.0.1:{}", proxy.port);
        let operator = Operator::start_as(&name, &self.world.operator_namespace(), "headroom", Some(&server), None);
        proxy.aim(operator.victim());
        self.lives.push(Life { name, operator, proxy, ended: None });
    }

    /// Whoever died is started again after a while.
    pub fn tend(&mut self) {
        let mut living = 0;
        for life in &mut self.lives {
            if !life.operator.is_alive() {
                life.ended.get_or_insert_with(Instant::now);
            }
            living += usize::from(life.ended.is_none_or(|ended| ended.elapsed() < STARTED_AGAIN));
        }
        for _ in living..2 {
            self.start();
        }
    }

    /// Forgets the dead, and waits until one leads and the other stands by.
    pub fn settle(&mut self) {
        self.lives.retain(Life::is_alive);
        let begun = Instant::now();
        while self.lives.len() != 2 || self.leader().is_none() || !self.lives.iter().any(Life::stands_by) {
            self.fail_after(begun, 120, || "one leads and the other stands by".to_owned());
            std::thread::sleep(Duration::from_millis(200));
            self.lives.retain(Life::is_alive);
            while self.lives.len() < 2 {
                self.start();
            }
        }
    }

    /// Of those that live, who was the last to take the lead.
    pub fn leader(&self) -> Option<&Life> {
        let leads = self.lives.iter().filter(|life| life.is_alive() && life.led_at().is_some());
        leads.max_by_key(|life| life.led_at())
    }

    /// Nothing of one that cannot be read just now.
    pub fn status(&self, campaign: &str) -> CampaignStatus {
        let read = self.runtime.block_on(self.campaigns.get(campaign));
        read.ok().and_then(|campaign| campaign.status).unwrap_or_default()
    }

    /// Fails, with what everybody has said, if it took too long.
    pub fn fail_after(&self, begun: Instant, seconds: u64, what: impl FnOnce() -> String) {
        if begun.elapsed() < Duration::from_secs(seconds) {
            return;
        }
        let tail = |life: &Life| format!("{} (alive: {}):\n{}", life.name, life.is_alive(), last_lines(&life.log()));
        let told: Vec<String> = self.lives.iter().map(tail).collect();
        panic!("{}: it was not so after {seconds} s: {}\n{}", self.world.name, what(), told.join("\n"));
    }
}
