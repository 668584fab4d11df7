//! A wave that goes by listmonk: made ready before anything is written for it, started once, and followed; paused, let go on and
//! cancelled where that was decided. What an answer means is decided in `plan::listmonk`; how listmonk is spoken to is
//! `senders::listmonk`'s matter.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;

use crate::api::reference::SecretKeyRef;
use crate::api::release::{Disposition, EntryListmonk};
use crate::api::sender::{Listmonk as Place, ListmonkWaves};
use crate::api::{SEND_LABEL, Sender, WaveRelease};
use crate::cluster::Error;
use crate::plan::contract::{self, Way};
use crate::plan::inquiry::{Answered, Said, Still};
use crate::plan::listmonk as meaning;
use crate::plan::order::Release;
use crate::plan::resume::AtRest;
use crate::senders::listmonk::{Door, Known, Paused, Ready, Server, Wave, is_as_left, prepare, still};
use crate::senders::{Attempt, Effect, Trust};

use super::context::Context;
use super::observe::Observed;
use super::secrets::{self, secret};

mod halt;

pub use halt::{came_to_rest, halt_all, look_again};

/// A wave is made ready within this, or with the next try: what it rests on must not grow old meanwhile. listmonk goes on with what it
/// was told last.
const PATIENCE: Duration = Duration::from_secs(25);
/// What is only looked at takes no longer than this at a time: floors and guardrails wait for it too.
const PATIENT: Duration = Duration::from_secs(15);
/// Those who left by a send's mails are looked for so often.
const LEAVERS: SignedDuration = SignedDuration::from_mins(5);

impl Door for Context {
    fn carry<'a>(
        &'a self,
        call: &'a Effect,
        trust: Option<&'a Trust>,
    ) -> BoxFuture<'a, Result<(StatusCode, Vec<u8>), String>> {
        Box::pin(async move {
            let wire = self.outside.connect(call.target(), trust).await.map_err(Attempt::why)?;
            wire.call(call).await
        })
    }
}

/// A campaign of listmonk that only has to be started, or let go on.
pub struct Listmonk {
    /// What starts it.
    pub start: Effect,
    known: Known,
    stands: Stands,
    access: Access,
    planned: i64,
}

/// How it must be found immediately before it is started.
enum Stands {
    Ready(Ready),
    Paused(Paused),
}

/// Where a listmonk is, who asks it, and on whose certificates.
struct Access {
    url: String,
    login: (String, String),
    trust: Option<Trust>,
}

impl Access {
    /// From the Sender's Secrets; or why not.
    async fn of(ctx: &Context, sender: &Sender, place: &Place) -> Result<Result<Access, String>, Error> {
        let namespace = sender.namespace().unwrap_or_default();
        let login = match login(ctx, &namespace, place).await? {
            Ok(login) => login,
            Err(why) => return Ok(Err(why)),
        };
        let trust = secrets::trust(ctx, sender).await?;
        Ok(trust.map(|trust| Access { url: place.url.clone(), login, trust }))
    }

    fn server<'a>(&self, ctx: &'a Context) -> Result<Server<'a>, String> {
        Server::new(ctx, &self.url, (&self.login.0, &self.login.1), self.trust.clone())
    }
}

/// User and token, as the Secret has them.
async fn login(ctx: &Context, namespace: &str, place: &Place) -> Result<Result<(String, String), String>, Error> {
    let read = |key: &str| {
        let from = SecretKeyRef { name: place.secret_ref.name.clone(), key: key.to_owned() };
        async move { secret(ctx, namespace, &from, |bytes| String::from_utf8(bytes.to_vec())).await }
    };
    let username = match read("username").await? {
        Ok(username) => username,
        Err(why) => return Ok(Err(format!("spec.listmonk.secretRef: {why}"))),
    };
    let token = read("token").await?.map_err(|why| format!("spec.listmonk.secretRef: {why}"));
    Ok(token.map(|token| (username, token)))
}

impl Listmonk {
    /// Makes a wave ready; or says why it cannot be.
    pub async fn prepare(
        ctx: &Context,
        order: &Release,
        sender: &Sender,
        ledger: &BTreeMap<String, WaveRelease>,
        place: &Place,
    ) -> Result<Result<Listmonk, String>, Error> {
        let access = match Access::of(ctx, sender, place).await? {
            Ok(access) => access,
            Err(why) => return Ok(Err(why)),
        };
        let Some(draft) = meaning::draft(&order.body) else {
            return Ok(Err("spec.parameters.campaignId of the Campaign names no campaign of listmonk".to_owned()));
        };
        let waves = place.waves.unwrap_or_default();
        let after = match after(order, &contract::place(&sender.spec), ledger) {
            Ok(after) => after,
            // Who goes before it in a plan of one wave does not matter: there is none.
            Err(_) if waves == ListmonkWaves::Whole => Vec::new(),
            Err(why) => return Ok(Err(why)),
        };
        let wave = Wave {
            draft,
            waves,
            send_label: &order.send_label,
            key: &order.key,
            name: &order.wave.name,
            recipients: u64::try_from(order.wave.recipients).unwrap_or(0),
            known: ledger.get(&order.entry).and_then(known),
            after: &after,
        };
        let made = async {
            let server = access.server(ctx)?;
            let prepared = tokio::time::timeout(PATIENCE, prepare(&server, &wave)).await;
            let late = |_| {
                format!(
                    "listmonk took longer than {} s to make the wave ready; it goes on with the next try",
                    PATIENCE.as_secs()
                )
            };
            let ready = prepared.map_err(late)?.map_err(|trouble| trouble.to_string())?;
            let start = server.start(ready.known.campaign).map_err(|trouble| trouble.to_string())?;
            Ok((start, ready))
        };
        let (start, ready) = match made.await {
            Ok(made) => made,
            Err(why) => return Ok(Err(why)),
        };
        let known = ready.known;
        Ok(Ok(Listmonk { start, known, stands: Stands::Ready(ready), access, planned: order.wave.recipients }))
    }

    /// A wave that Headroom has paused, as it was left; or why it cannot be let go on.
    pub async fn paused(
        ctx: &Context,
        order: &Release,
        rest: &AtRest,
        sender: &Sender,
        ledger: &BTreeMap<String, WaveRelease>,
        place: &Place,
    ) -> Result<Result<Listmonk, String>, Error> {
        let access = match Access::of(ctx, sender, place).await? {
            Ok(access) => access,
            Err(why) => return Ok(Err(why)),
        };
        let own = match (place.waves.unwrap_or_default(), after(order, &contract::place(&sender.spec), ledger)) {
            (ListmonkWaves::Whole, _) => None,
            (ListmonkWaves::Exact, Ok(after)) => Some((order.key.clone(), order.send_label.clone(), after)),
            (ListmonkWaves::Exact, Err(why)) => return Ok(Err(why)),
        };
        let Some(known) = ledger.get(&order.entry).and_then(known) else {
            return Ok(Err("the ledger has no number of its campaign in listmonk".to_owned()));
        };
        let left = Still { changed: rest.changed.clone(), sent: rest.sent };
        let most = u64::try_from(order.wave.recipients).unwrap_or(0);
        let paused = Paused { known, left, most, own };
        let start = access.server(ctx).and_then(|server| server.start(known.campaign).map_err(|it| it.to_string()));
        let stands = Stands::Paused(paused);
        let made = match start {
            Ok(start) => Listmonk { start, known, stands, access, planned: order.wave.recipients },
            Err(why) => return Ok(Err(why)),
        };
        // What has changed costs no try.
        let late = |_| Err(format!("listmonk took longer than {} s to tell how the wave stands", PATIENT.as_secs()));
        let still = tokio::time::timeout(PATIENT, made.still(ctx)).await.unwrap_or_else(late);
        Ok(still.map(|()| made))
    }

    /// As the ledger keeps it.
    pub fn entry(&self) -> EntryListmonk {
        let number = |id: u64| i64::try_from(id).unwrap_or(i64::MAX);
        let Known { campaign, last, sent } = self.known;
        EntryListmonk { campaign: number(campaign), last: last.map(number), sent: sent.map(number) }
    }

    /// On whose certificates it is reached, if that is its Sender's own matter.
    pub fn trust(&self) -> Option<&Trust> {
        self.access.trust.as_ref()
    }

    /// Whether it is still as it was made ready, or left; or what has changed.
    pub async fn still(&self, ctx: &Context) -> Result<(), String> {
        let server = self.access.server(ctx)?;
        let still = match &self.stands {
            Stands::Ready(ready) => still(&server, ready).await,
            Stands::Paused(paused) => is_as_left(&server, paused).await,
        };
        still.map_err(|trouble| trouble.to_string())
    }

    /// What is known after it was told to start: whatever was answered, the campaign itself decides.
    pub async fn settle(&self, ctx: &Context, attempt: Attempt) -> Attempt {
        if matches!(attempt, Attempt::NotFired { .. } | Attempt::NotSent { .. }) {
            return attempt;
        }
        let id = self.known.campaign;
        let server = match self.access.server(ctx) {
            Ok(server) => server,
            Err(why) => {
                return Attempt::cut(format!(
                    "campaign {id} of listmonk cannot be seen: {why}; to its start {attempt}"
                ));
            }
        };
        let there = server.account_of(id).await;
        let answered = attempt.to_string();
        let cut = |what: String| Attempt::cut(format!("{what}; to its start {answered}"));
        match there {
            Ok(Some(account)) => match (account.status.as_str(), &self.stands) {
                ("running" | "finished", Stands::Paused(_)) => {
                    Attempt::Started { what: format!("campaign {id} of listmonk goes on") }
                }
                ("running" | "finished" | "paused" | "cancelled", Stands::Ready(ready)) => {
                    let planned = u64::try_from(self.planned).unwrap_or(0);
                    let fewer = match ready.people {
                        people if people < planned => format!(", to {people} people where {planned} were planned"),
                        _ => String::new(),
                    };
                    Attempt::Started { what: format!("campaign {id} of listmonk was started{fewer}") }
                }
                // Somebody has given it a time in the last moment, by which listmonk would start it.
                ("scheduled", _) => {
                    unschedule(&server, id).await;
                    cut(format!("campaign {id} of listmonk was given a time of its own, and is put back to a draft"))
                }
                // It was told, and says why not: nothing of it has gone.
                ("draft", Stands::Ready(_)) | ("paused", Stands::Paused(_))
                    if matches!(attempt, Attempt::Rejected { .. }) =>
                {
                    Attempt::Refused { why: format!("campaign {id} of listmonk was not started: {answered}") }
                }
                (status, _) => cut(format!("campaign {id} of listmonk is \"{status}\"")),
            },
            Ok(None) => cut(format!("campaign {id} of listmonk is not there")),
            Err(why) => cut(format!("campaign {id} of listmonk cannot be seen: {why}")),
        }
    }
}

/// What the ledger has of what was made ready for a wave.
fn known(entry: &WaveRelease) -> Option<Known> {
    let EntryListmonk { campaign, last, sent } = entry.spec.request.as_ref()?.listmonk.as_ref()?;
    let number = |id: i64| u64::try_from(id).ok();
    Some(Known { campaign: number(*campaign)?, last: last.and_then(number), sent: sent.and_then(number) })
}

/// The last person of each other wave of the send that was made ready before this one: of all that were, where this one never was.
fn after(order: &Release, place: &str, ledger: &BTreeMap<String, WaveRelease>) -> Result<Vec<u64>, String> {
    let own = ledger.get(&order.entry).map(|entry| entry.spec.first_attempt_at.0);
    let others = ledger.values().filter(|entry| entry.spec.send_id == order.send_id && entry.name_any() != order.entry);
    let earlier = others.filter(|entry| {
        let is_earlier = own.is_none_or(|own| entry.spec.first_attempt_at.0 <= own);
        entry.spec.disposition == Disposition::Fire && is_earlier
    });
    let way_out = "so that somebody could be sent to twice; end this send with spec.abort, and prepare another one for those who are left";
    let last = |entry: &WaveRelease| {
        let wave = &entry.spec.wave.name;
        let request = entry.spec.request.as_ref();
        let is_here =
            request.is_some_and(|request| request.sender_uid == order.sender_uid && request.url_digest == place);
        if !is_here {
            return Err(format!("wave \"{wave}\" of this send went by another Sender, or another listmonk, {way_out}"));
        }
        let last = known(entry).and_then(|known| known.last);
        last.ok_or_else(|| {
            format!("the ledger does not tell how far wave \"{wave}\" of this send came in listmonk, {way_out}")
        })
    };
    earlier.map(last).collect()
}

/// Takes from a campaign the time by which listmonk would start it: nothing goes by its clock. What came of it is seen at the campaign.
async fn unschedule(server: &Server<'_>, id: u64) {
    if let Err(error) = server.halt(id, "draft").await {
        tracing::warn!(campaign = id, %error, "a campaign in listmonk has a time of its own, and keeps it");
    }
}

/// The Sender by which an entry went, if it is still the one that was frozen, as a server.
async fn server_of<'a>(ctx: &'a Context, entry: &WaveRelease) -> Result<(Server<'a>, ListmonkWaves), String> {
    let lost = || "the ledger does not tell by which Sender it went".to_owned();
    let request = entry.spec.request.as_ref().ok_or_else(lost)?;
    let (namespace, name) = request.sender.split_once('/').ok_or_else(lost)?;
    let there = ctx.stores.senders.get(&ObjectRef::new(name).within(namespace));
    let sender = match there.as_ref().map(|sender| &sender.0) {
        Some(Ok(sender)) => sender,
        Some(Err(error)) => return Err(format!("its Sender cannot be read: {error}")),
        None => return Err("its Sender is not there".to_owned()),
    };
    let is_same =
        sender.uid().as_ref() == Some(&request.sender_uid) && contract::place(&sender.spec) == request.url_digest;
    let Some(place) = sender.spec.listmonk.as_ref().filter(|_| is_same) else {
        return Err("its Sender says another listmonk than when the wave went".to_owned());
    };
    let access = Access::of(ctx, sender, place).await.map_err(|error| error.to_string())??;
    Ok((access.server(ctx)?, place.waves.unwrap_or_default()))
}

/// The number of an entry's campaign in listmonk, as the ledger has it.
fn number(entry: &WaveRelease) -> Result<u64, String> {
    known(entry).map(|known| known.campaign).ok_or_else(|| "the ledger has no number of its campaign".to_owned())
}

/// What listmonk says of the wave of an entry now.
pub async fn look(ctx: &Context, entry: &WaveRelease) -> Answered {
    let found = async {
        let id = number(entry)?;
        let server = server_of(ctx, entry).await?.0;
        let there = server.account_of(id).await.map_err(|trouble| trouble.to_string())?;
        if there.as_ref().is_none_or(|account| account.status != "scheduled") {
            return Ok((there, id));
        }
        unschedule(&server, id).await;
        server.account_of(id).await.map(|there| (there, id)).map_err(|trouble| trouble.to_string())
    };
    match found.await {
        Ok((there, id)) => {
            let (said, sent) = meaning::said(there.as_ref(), &format!("campaign {id} in listmonk"));
            Answered { said, sent, still: there.and_then(|account| account.still()) }
        }
        Err(why) => Said::Other(format!("it could not be asked: {why}")).into(),
    }
}

/// Sends whose leavers are to be brought back now, each with an entry of it.
pub fn leavers(ctx: &Context, observed: &Observed, now: Timestamp) -> Vec<WaveRelease> {
    if ctx.stores.is_still {
        return Vec::new();
    }
    let mut sends: BTreeMap<&str, &WaveRelease> = BTreeMap::new();
    // Few ledgers have any: campaigns are not looked through for each line of one.
    let by_listmonk = observed.snapshot.entries.iter().filter(|entry| entry.contract.way() == Way::Listmonk);
    for entry in by_listmonk {
        let is_there = observed.snapshot.campaigns.iter().any(|campaign| campaign.uid == entry.campaign_uid);
        let has_gone = entry.disposition == Disposition::Fire && !entry.may_be_tried_again();
        if let Some(release) = observed.entries.get(&entry.name)
            && is_there
            && has_gone
        {
            sends.insert(&release.spec.send_id, release);
        }
    }
    let due = sends.into_iter().filter(|(send_id, _)| ctx.takes_turn(send_id, now, LEAVERS));
    due.map(|(_, entry)| entry.clone()).collect()
}

/// Takes those who have left by a wave's mail off the lists that their send was made of.
pub async fn bring_back(ctx: &Context, sends: Vec<WaveRelease>) {
    let all = sends.iter().map(|entry| async move {
        let done = async {
            let (server, waves) = server_of(ctx, entry).await?;
            if waves == ListmonkWaves::Whole {
                return Ok(());
            }
            let label = entry.labels().get(SEND_LABEL).cloned().unwrap_or_default();
            server.bring_back_leavers(&label).await.map_err(|trouble| trouble.to_string())
        };
        let late = |_| Err(format!("it took longer than {} s", PATIENT.as_secs()));
        if let Err(error) = tokio::time::timeout(PATIENT, done).await.unwrap_or_else(late) {
            let send_id = &entry.spec.send_id;
            tracing::warn!(
                send_id,
                error,
                "who has left by a wave's mail could not be taken off the lists of its send"
            );
        }
    });
    join_all(all).await;
}
