//! What every look at a pool shares: the client, the stores, the sensors, and what is remembered between two looks.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use kube::{Client, ResourceExt};

use crate::api::WaveRelease;
use crate::api::campaign_status::Phase;
use crate::api::pool::Reduce;
use crate::api::release::Disposition;
use crate::cluster::drift::{self, Drift};
use crate::cluster::error::Error;
use crate::cluster::events::Events;
use crate::cluster::stores::{self, Guarded, Stores};
use crate::cluster::{ledger, nodes};
use crate::election::Mandate;
use crate::metrics::{Metrics, Word};
use crate::plan::contract::Contract;
use crate::plan::inquiry::Heard;
use crate::plan::memory::Memory;
use crate::plan::placement::Census;
use crate::plan::reading::{HistoryPoints, SensorFault};
use crate::plan::scope::Scope;

use super::outside::{self, Outside};
use super::servers::Server;

/// What the platform team has set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `<namespace>/<release>`: which of several installs this is.
    pub install: String,
    /// Where it looks.
    pub scope: Scope,
    /// Where the ledger is.
    pub ledger_namespace: String,
    /// Where pools are measured that name no server of their own.
    pub prometheus_url: String,
    /// Namespaces in which Secrets may be read.
    pub sender_namespaces: Vec<String>,
    /// Namespaces in which Jobs of Senders are made.
    pub job_namespaces: Vec<String>,
    /// A breach lasts until its guardrail has been fine for at least so long.
    pub breach_recovery: SignedDuration,
}

impl Settings {
    /// The namespace the operator runs in.
    pub fn namespace(&self) -> &str {
        self.install.split_once('/').map_or(self.install.as_str(), |(namespace, _)| namespace)
    }
}

/// A history that was read, and when.
type KeptHistory = (Timestamp, Result<HistoryPoints, SensorFault>);

/// What a history was asked of: the server, the query, and how several series become one.
type Asked = (String, String, Option<Reduce>);

/// What could not be made ready: a kind, its namespace and its name.
type Unable = (&'static str, String, String);

/// Shared by every look.
pub struct Context {
    /// The API server.
    pub client: Client,
    /// How far its clock is from ours.
    pub drift: Drift,
    /// What is kept in sight.
    pub stores: Stores,
    /// Events.
    pub events: Events,
    /// Metrics.
    pub metrics: Metrics,
    /// Settings.
    pub settings: Settings,
    /// Where it measures and where it sends.
    pub outside: Box<dyn Outside>,
    /// Until when this process may act for the install.
    pub mandate: Mandate,
    memories: Mutex<HashMap<String, Memory>>,
    own_entries: Mutex<HashMap<String, WaveRelease>>,
    servers: Mutex<HashMap<String, Arc<Server>>>,
    histories: Mutex<HashMap<Asked, KeptHistory>>,
    unable: Mutex<HashMap<Unable, (Timestamp, String)>>,
    heard: Mutex<HashMap<String, Heard>>,
    brought_back: Mutex<HashMap<String, Timestamp>>,
    census: Mutex<Option<(Timestamp, Arc<Census>)>>,
}

/// What is on the nodes is read anew after this.
const COUNTED: SignedDuration = SignedDuration::from_secs(30);
/// Whether a request can be made is tried again after this: a Secret may have been mended.
const UNABLE: SignedDuration = SignedDuration::from_secs(15);

/// A lock that another task left in the middle of a panic is still good for plain data.
fn open<T>(lock: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Context {
    /// Starts with nothing remembered.
    pub fn new(client: Client, stores: Stores, settings: Settings, outside: Box<dyn Outside>) -> Context {
        let (client, drift) = drift::listening(client);
        Context {
            events: Events::new(client.clone()),
            client,
            drift,
            stores,
            metrics: Metrics::default(),
            settings,
            outside,
            mandate: Mandate::alone(),
            memories: Mutex::default(),
            own_entries: Mutex::default(),
            servers: Mutex::default(),
            histories: Mutex::default(),
            unable: Mutex::default(),
            heard: Mutex::default(),
            brought_back: Mutex::default(),
            census: Mutex::default(),
        }
    }

    /// Acts only while this lasts.
    #[must_use]
    pub fn under(self, mandate: Mandate) -> Context {
        Context { mandate, ..self }
    }

    /// Nodes and pods, read no more often than pods come and go; for every pool that counts them the same.
    pub async fn census(&self, now: Timestamp) -> Result<Arc<Census>, Error> {
        let kept = open(&self.census).clone();
        if let Some((_, census)) = kept.filter(|(read_at, _)| now.duration_since(*read_at).abs() < COUNTED) {
            return Ok(census);
        }
        let census = Arc::new(nodes::census(&self.client).await?);
        *open(&self.census) = Some((now, Arc::clone(&census)));
        Ok(census)
    }

    /// What was seen of a pool before.
    pub fn memory(&self, pool: &str) -> Memory {
        open(&self.memories).get(pool).cloned().unwrap_or_default()
    }

    /// Keeps what was seen of a pool.
    pub fn remember(&self, pool: &str, memory: Memory) {
        open(&self.memories).insert(pool.to_owned(), memory);
    }

    /// Forgets a pool that is gone.
    pub fn forget(&self, pool: &str) {
        open(&self.memories).remove(pool);
    }

    /// Keeps an entry as we last wrote it: the store may not have seen it yet, and a decision must.
    pub fn remember_entry(&self, entry: WaveRelease) {
        open(&self.own_entries).insert(entry.name_any(), entry);
    }

    /// What is wanted of the ledger as it is known here: of what is kept, and where we have written something newer, that.
    pub fn entries(
        &self,
        kept: &[Arc<Guarded<WaveRelease>>],
        is_wanted: impl Fn(&WaveRelease) -> bool,
    ) -> BTreeMap<String, WaveRelease> {
        let mut there: HashMap<&str, &WaveRelease> = HashMap::new();
        there.extend(stores::readable(kept).filter_map(|entry| Some((entry.metadata.name.as_deref()?, entry))));
        let mut own = open(&self.own_entries);
        own.retain(|name, entry| there.get(name.as_str()).is_none_or(|there| version(there) < version(entry)));
        there.extend(own.iter().map(|(name, entry)| (name.as_str(), entry)));
        let wanted = there.into_iter().filter(|(_, entry)| is_wanted(entry));
        wanted.map(|(name, entry)| (name.to_owned(), entry.clone())).collect()
    }

    /// Counts what is there: campaigns by phase, waves of which nobody knows, objects that cannot be read.
    pub fn count(&self) {
        self.metrics.campaigns.clear();
        self.metrics.leader.set(i64::from(self.mandate.lasts()));
        // Whoever stands by sees the same, and would be counted beside whoever leads.
        if !self.mandate.lasts() {
            self.metrics.unknown_outcomes.set(0);
            self.metrics.unreadable.set(0);
            self.metrics.under_way.0.set(0);
            self.metrics.under_way.1.set(0);
            return;
        }
        let mut unreadable = 0;
        for campaign in self.stores.campaigns.state() {
            match &campaign.0 {
                Ok(campaign) => {
                    let phase = campaign.status.as_ref().and_then(|status| status.phase).unwrap_or(Phase::Pending);
                    self.metrics.campaigns.get_or_create(&Word { kind: phase.name() }).inc();
                }
                Err(_) => unreadable += 1,
            }
        }
        let is_unknown = |entry: &&WaveRelease| {
            ledger::entry(entry).is_some_and(|entry| entry.disposition == Disposition::Fire && entry.is_unknown())
        };
        let kept = self.stores.entries.state();
        let entries = self.entries(&kept, |_| true);
        let unknown = entries.values().filter(is_unknown).count();
        let (all, sent) = self.under_way(&entries);
        self.metrics.under_way.0.set(all);
        self.metrics.under_way.1.set(sent);
        self.metrics.unknown_outcomes.set(i64::try_from(unknown).unwrap_or(i64::MAX));
        unreadable +=
            i64::try_from(self.stores.pools.state().iter().filter(|pool| pool.0.is_err()).count()).unwrap_or(0);
        unreadable += i64::try_from(kept.iter().filter(|entry| entry.0.is_err()).count()).unwrap_or(0);
        self.metrics.unreadable.set(unreadable);
    }

    /// Recipients of waves under way whose Senders tell how far they are, and those that it was sent to.
    fn under_way(&self, entries: &BTreeMap<String, WaveRelease>) -> (i64, i64) {
        let is_followed = |release: &&WaveRelease| {
            release.spec.request.as_ref().is_some_and(|request| Contract::of_entry(request).is_followed())
        };
        let told = entries.values().filter(is_followed).filter_map(|release| {
            let mut entry = ledger::entry(release)?;
            entry.heard = self.heard(&entry.name, &entry.newest_nonce);
            Some((release.spec.wave.recipients, i64::try_from(entry.sent_so_far()?).ok()?))
        });
        told.fold((0, 0), |(all, sent), (recipients, so_far)| {
            (all.saturating_add(recipients), sent.saturating_add(so_far))
        })
    }

    /// Notes that a wave could not be made ready, and why: for all of its Sender, or for its Campaign alone.
    pub fn note_unable(&self, (kind, namespace, name): (&'static str, &str, &str), why: &str, now: Timestamp) {
        open(&self.unable).insert((kind, namespace.to_owned(), name.to_owned()), (now, why.to_owned()));
    }

    /// Why that was so a short while ago.
    pub fn unable(&self, (kind, namespace, name): (&'static str, &str, &str), now: Timestamp) -> Option<String> {
        let unable = open(&self.unable);
        let (at, why) = unable.get(&(kind, namespace.to_owned(), name.to_owned()))?;
        (now.duration_since(*at) < UNABLE).then(|| why.clone())
    }

    /// What a receiver said when it was asked about this attempt of an entry.
    pub fn heard(&self, entry: &str, attempt: &str) -> Option<Heard> {
        open(&self.heard).get(entry).filter(|heard| heard.attempt == attempt).cloned()
    }

    /// Keeps what a receiver said of an entry.
    pub fn keep_heard(&self, entry: &str, heard: Heard) {
        open(&self.heard).insert(entry.to_owned(), heard);
    }

    /// Whether those who left by a send's mails are to be looked for now; then it counts as done.
    pub fn takes_turn(&self, send_id: &str, now: Timestamp, every: SignedDuration) -> bool {
        let mut turns = open(&self.brought_back);
        let is_due = turns.get(send_id).is_none_or(|at| now.duration_since(*at) >= every);
        if is_due {
            turns.insert(send_id.to_owned(), now);
        }
        is_due
    }

    /// The server at an address, the same for every pool; or why the address cannot be used.
    pub fn server(&self, address: &str) -> Result<Arc<Server>, String> {
        let address = outside::plain(address);
        let mut servers = open(&self.servers);
        if let Some(server) = servers.get(address) {
            return Ok(Arc::clone(server));
        }
        let server = Arc::new(Server::new(self.outside.gauge(address)?));
        servers.insert(address.to_owned(), Arc::clone(&server));
        Ok(server)
    }

    /// A history that was read a short while ago.
    pub fn kept_history(&self, asked: &Asked, since: Timestamp) -> Option<Result<HistoryPoints, SensorFault>> {
        let histories = open(&self.histories);
        let (at, history) = histories.get(asked)?;
        (*at >= since).then(|| history.clone())
    }

    /// Keeps a history.
    pub fn keep_history(&self, asked: Asked, at: Timestamp, history: Result<HistoryPoints, SensorFault>) {
        open(&self.histories).insert(asked, (at, history));
    }
}

/// Resource versions of one resource are numbers that grow.
fn version(entry: &WaveRelease) -> u128 {
    entry.resource_version().and_then(|version| version.parse().ok()).unwrap_or(0)
}
