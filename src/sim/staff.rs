//! The operators of a simulated world: started as `headroom run` starts them, with nothing remembered; killed, replaced
//! after a while, and at times two of them at once. Each process has a name of its own, so that the API server can tell
//! the calls of a dead one from those of its successor.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::task::JoinHandle;

use super::receiver::Surroundings;
use super::story::Story;
use crate::cluster::stores;
use crate::controller::{self, context};
use crate::plan::scope::Scope;

/// The operator's install in a simulated world.
const INSTALL: &str = "headroom/headroom";
const LEDGER: &str = "headroom-ledger";

/// Everybody who is, or will be, at work.
pub(super) struct Staff<'story> {
    story: &'story Story,
    around: Surroundings,
    at_work: Vec<(String, JoinHandle<()>)>,
    /// When somebody starts in place of one who ended.
    due: Vec<Timestamp>,
    hired: usize,
    /// Whether one has ended that nobody killed.
    has_failed: bool,
}

impl<'story> Staff<'story> {
    pub(super) fn new(story: &'story Story, around: Surroundings) -> Staff<'story> {
        Staff { story, around, at_work: Vec::new(), due: Vec::new(), hired: 0, has_failed: false }
    }

    /// Starts an operator.
    pub(super) fn hire(&mut self) {
        self.hired += 1;
        // What stands before the slash is what managed fields name.
        let agent = format!("headroom/{}", self.hired);
        let around = Surroundings { agent: agent.clone(), ..self.around.clone() };
        self.around.tape.note(&format!("start {agent}"), &[]);
        self.at_work.push((agent.clone(), start(self.story, around)));
    }

    /// Kills one of those at work, the one that has been there for the longest; somebody starts in its place.
    pub(super) fn kill(&mut self, now: Timestamp, downtime: SignedDuration) {
        if let Some((agent, _)) = self.at_work.first() {
            self.around.server.kill(&agent.clone());
            self.bury(now, downtime);
        }
    }

    /// Kills the newest, and nobody starts in its place.
    pub(super) fn dismiss(&mut self) {
        if let Some((agent, work)) = self.at_work.pop() {
            self.around.server.kill(&agent);
            work.abort();
        }
    }

    /// Takes away those who have died; somebody starts in their place.
    pub(super) fn bury(&mut self, now: Timestamp, downtime: SignedDuration) {
        let server = self.around.server.clone();
        let dead =
            self.at_work.extract_if(.., |(agent, _)| server.is_dead(agent)).map(|(_, work)| work.abort()).count();
        let again = now.checked_add(downtime).unwrap_or(now);
        self.due.extend(std::iter::repeat_n(again, dead));
        self.has_failed |= self.at_work.iter().any(|(_, work)| work.is_finished());
    }

    /// Starts those who are due.
    pub(super) fn start_due(&mut self, now: Timestamp) {
        for _ in self.due.extract_if(.., |at| *at <= now).collect::<Vec<_>>() {
            self.hire();
        }
    }

    /// When the next one starts.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.due.iter().min().copied()
    }

    /// Ends them all; whether they were still at work.
    pub(super) fn end(mut self) -> bool {
        let is_alive = !self.has_failed && self.at_work.iter().all(|(_, work)| !work.is_finished());
        self.at_work.drain(..).for_each(|(_, work)| work.abort());
        is_alive
    }
}

fn start(story: &Story, around: Surroundings) -> JoinHandle<()> {
    let client = around.server.client(&around.agent);
    let namespace = |object: &Value| object["metadata"]["namespace"].as_str().map(ToOwned::to_owned);
    let settings = context::Settings {
        install: INSTALL.to_owned(),
        scope: Scope::Everywhere,
        ledger_namespace: LEDGER.to_owned(),
        prometheus_url: "http://prometheus".to_owned(),
        sender_namespaces: story.objects.iter().filter_map(namespace).collect(),
        job_namespaces: story.objects.iter().filter_map(namespace).collect(),
        breach_recovery: SignedDuration::from_mins(10),
    };
    let (stores, touched) = stores::start(&client, &settings.scope, LEDGER);
    let ctx = Arc::new(context::Context::new(client, stores, settings, Box::new(around)));
    tokio::spawn(
        async move { drop(controller::run(ctx, touched, std::future::ready(()), std::future::pending()).await) },
    )
}
