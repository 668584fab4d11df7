//! How the stand-in sends: one clock looks at all campaigns tick by tick, picks up what is running, and one line feeds them
//! batch by batch at a pace. Its weak sides are the real server's: what was fetched and not sent is passed over for good, where
//! nothing was accepted in the same run. It answers no request.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::json;

use super::campaign::{Campaign, now};
use super::people::People;

/// So many people are fetched at once.
const BATCH: usize = 1000;

/// A campaign from its pick-up until it is finished or stopped. It may have several, one after the other.
struct Run {
    campaign: u64,
    /// Fetched, and not sent yet.
    batch: VecDeque<u64>,
    accepted: u64,
    /// Accepted and not yet added to the campaign's `sent`.
    uncounted: u64,
    /// The highest id that was accepted in this run.
    last: u64,
    errors: u64,
    /// Since a pause or cancel: when the messages on their way have ended too.
    drained_at: Option<Instant>,
}

pub struct Sending {
    line: VecDeque<Run>,
    /// Messages that were accepted: campaign and person.
    pub accepted: Vec<(u64, u64)>,
    /// So many more are accepted, and then none.
    pub accepts: Option<u64>,
    /// So many errors in a run pause it. The real server's default is 1000, and a test's lists are shorter.
    pub most_errors: u64,
    tick: Duration,
    next_tick: Instant,
    per_second: u64,
    stepped_at: Instant,
    /// Microseconds of sending that nothing was sent in yet.
    unused: u64,
}

impl Sending {
    pub fn new(tick: Duration, per_second: u64) -> Sending {
        let now = Instant::now();
        Sending {
            line: VecDeque::new(),
            accepted: Vec::new(),
            accepts: None,
            most_errors: 10,
            tick,
            next_tick: now + tick,
            per_second,
            stepped_at: now,
            unused: 0,
        }
    }

    pub fn set_pace(&mut self, tick: Duration, per_second: u64) {
        (self.tick, self.per_second) = (tick, per_second);
        self.next_tick = Instant::now() + tick;
    }

    /// Goes on until now.
    pub fn step(&mut self, campaigns: &mut BTreeMap<u64, Campaign>, people: &People) {
        let now = Instant::now();
        if now >= self.next_tick {
            self.next_tick = now + self.tick;
            self.look(campaigns, people);
        }
        let (drained, line) =
            self.line.drain(..).partition::<VecDeque<_>, _>(|run| run.drained_at.is_some_and(|at| now >= at));
        self.line = line;
        for mut run in drained {
            // Each worker ends the message it holds.
            for _ in 0..(self.per_second / 10).clamp(1, 10).min(run.batch.len() as u64) {
                let person = run.batch.pop_front().unwrap();
                self.send(&mut run, person);
            }
            clean_up(&run, campaigns);
        }
        let passed = u64::try_from(now.duration_since(self.stepped_at).as_micros()).unwrap();
        self.stepped_at = now;
        self.unused += passed;
        let each = 1_000_000 / self.per_second.max(1);
        while let Some(place) = self.line.iter().position(|run| run.drained_at.is_none()) {
            let mut run = self.line.remove(place).unwrap();
            if run.batch.is_empty() && !fetch(&mut run, campaigns, people) {
                self.finish(&run, campaigns);
                continue;
            }
            if self.unused < each {
                self.line.insert(place, run);
                return;
            }
            self.unused -= each;
            let person = run.batch.pop_front().unwrap();
            self.send(&mut run, person);
            if run.errors >= self.most_errors {
                // The rest is still fetched, and dropped.
                if let Some(campaign) = campaigns.get_mut(&run.campaign) {
                    campaign.fetched_to = campaign.most;
                    clean_up(&run, campaigns);
                }
                if let Some(campaign) = campaigns.get_mut(&run.campaign) {
                    campaign.store("paused");
                }
            } else if run.batch.is_empty() {
                self.line.push_back(run);
            } else {
                self.line.insert(place, run);
            }
        }
        self.unused = 0;
    }

    /// The tick: counts so far, and what is to be picked up.
    fn look(&mut self, campaigns: &mut BTreeMap<u64, Campaign>, people: &People) {
        for run in &mut self.line {
            if let Some(campaign) = campaigns.get_mut(&run.campaign) {
                add_sent(campaign, std::mem::take(&mut run.uncounted));
            }
        }
        for (id, campaign) in campaigns {
            let is_due =
                campaign.status() == "scheduled" && campaign.send_at().is_some_and(|at| at <= Timestamp::now());
            if (!is_due && campaign.status() != "running") || self.line.iter().any(|run| run.campaign == *id) {
                continue;
            }
            let reached = people.reached_by(&campaign.lists());
            // With nobody to send to, nothing is written, and the run ends by itself.
            if let Some(most) = reached.last() {
                campaign.most = *most;
                campaign.shown["to_send"] = json!(reached.len());
                campaign.shown["status"] = json!("running");
                if campaign.shown["started_at"].is_null() {
                    campaign.shown["started_at"] = now();
                }
            }
            let (batch, drained_at) = (VecDeque::new(), None);
            self.line.push_back(Run {
                campaign: *id,
                batch,
                accepted: 0,
                uncounted: 0,
                last: 0,
                errors: 0,
                drained_at,
            });
        }
    }

    fn send(&mut self, run: &mut Run, person: u64) {
        match &mut self.accepts {
            Some(0) => run.errors += 1,
            accepts => {
                if let Some(left) = accepts {
                    *left -= 1;
                }
                self.accepted.push((run.campaign, person));
                run.accepted += 1;
                run.uncounted += 1;
                run.last = run.last.max(person);
            }
        }
    }

    /// Nobody is left to fetch.
    fn finish(&mut self, run: &Run, campaigns: &mut BTreeMap<u64, Campaign>) {
        clean_up(run, campaigns);
        if let Some(campaign) = campaigns.get_mut(&run.campaign)
            && matches!(campaign.status(), "running" | "scheduled")
        {
            campaign.store("finished");
        }
    }

    /// A pause or a cancel: what was fetched is dropped, but for the messages on their way.
    pub fn stop(&mut self, campaign: u64) {
        let drained_at = Instant::now() + self.tick / 5;
        if let Some(run) = self.line.iter_mut().find(|run| run.campaign == campaign) {
            run.drained_at.get_or_insert(drained_at);
        }
    }

    /// Accepted in the present run. The real one says it of the last 60 s.
    pub fn rate(&self, campaign: u64) -> u64 {
        self.line.iter().find(|run| run.campaign == campaign).map_or(0, |run| run.accepted)
    }
}

fn add_sent(campaign: &mut Campaign, more: u64) {
    let sent = campaign.shown["sent"].as_u64().unwrap();
    campaign.shown["sent"] = json!(sent + more);
}

/// The next people, and the checkpoint is behind them at once, sent or not.
fn fetch(run: &mut Run, campaigns: &mut BTreeMap<u64, Campaign>, people: &People) -> bool {
    let Some(campaign) = campaigns.get_mut(&run.campaign).filter(|campaign| campaign.status() == "running") else {
        return false;
    };
    let reached = people.reached_by(&campaign.lists()).into_iter();
    let next = reached.filter(|id| *id > campaign.fetched_to && *id <= campaign.most).take(BATCH);
    run.batch = next.collect();
    let Some(last) = run.batch.back() else { return false };
    campaign.fetched_to = *last;
    campaign.shown["updated_at"] = now();
    true
}

/// The end of a run, however it came: the count is complete, and the checkpoint goes back to the last one accepted, if any was.
fn clean_up(run: &Run, campaigns: &mut BTreeMap<u64, Campaign>) {
    if let Some(campaign) = campaigns.get_mut(&run.campaign) {
        add_sent(campaign, run.uncounted);
        if run.last > 0 {
            campaign.fetched_to = run.last;
        }
        campaign.shown["updated_at"] = now();
    }
}
