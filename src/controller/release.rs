//! Releasing one wave, at most once: the steps P0 to P6 of the protocol, in the one order that is safe.
//!
//! What was decided counts for exactly the objects that were read. Each step re-reads or compares-and-swaps, the
//! ledger's CREATE is the point of no return, and whatever is not known to have stayed away is never repeated here.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use kube::api::ObjectMeta;

use crate::api::campaign_status::Armed;
use crate::api::pool_status::Reservation;
use crate::api::release::{Attempt as Try, EntryCampaign, EntryRequest, Outcome, WaveReleaseStatus};
use crate::api::{Campaign, CapacityPool, POOL_LABEL, SEND_LABEL, Sender, WaveRelease, WaveReleaseSpec};
use crate::clock::{self, Window};
use crate::cluster::{Error, ledger, objects};
use crate::plan::contract::{self, Contract};
use crate::plan::identity;
use crate::plan::order::Release;
use crate::senders::Attempt;

use super::context::Context;
use super::gates;
use super::job;
use super::request::{self, Means};
use super::resume;

/// From arming to the first byte.
const FIRE_WINDOW: SignedDuration = SignedDuration::from_secs(5);
/// Evidence older than this does not open a gate.
const EVIDENCE_LIFE: SignedDuration = SignedDuration::from_secs(30);
/// A reservation without a ledger entry is void after this.
const RESERVATION_LIFE: SignedDuration = SignedDuration::from_secs(60);
/// So long the outcome of what was sent is tried to be written, before it is left to a person. Meanwhile nobody else can
/// take the attempt for one without an outcome: that needs longer.
const OUTCOME_PATIENCE: SignedDuration = SignedDuration::from_mins(5);
/// What came of letting a wave go on the wave itself tells as well: meanwhile it may have to be paused.
const RESUME_PATIENCE: SignedDuration = SignedDuration::from_secs(20);

/// What became of a release.
#[derive(Debug)]
pub enum Done {
    /// Something was not as it had been when it was decided; nothing was armed. Look again.
    Stale(String),
    /// The request cannot be made; nothing was armed.
    Unable(String),
    /// It was armed and not sent, or it was sent.
    Attempted(Attempt),
}

/// Releases one wave. `pool` and `entries` are what the decision was made on.
pub async fn release(
    ctx: &Context,
    order: &Release,
    pool: &mut CapacityPool,
    entries: &BTreeMap<String, String>,
) -> Result<Done, Error> {
    // P0: everything that was decided on, as the API server's majority has it now.
    let (campaign_key, sender_key) = (&order.campaign, &order.sender);
    let Some(mut campaign) = objects::get::<Campaign>(&ctx.client, &campaign_key.0, &campaign_key.1).await? else {
        return Ok(Done::Stale("the Campaign is gone".into()));
    };
    if campaign.resource_version().as_ref() != Some(&order.campaign_version) {
        return Ok(Done::Stale("the Campaign was changed since it was weighed".into()));
    }
    let Some(sender) = objects::get::<Sender>(&ctx.client, &sender_key.0, &sender_key.1).await? else {
        return Ok(Done::Stale("the Sender is gone".into()));
    };
    if sender.metadata.generation != Some(order.sender_generation) || sender.uid().as_deref() != Some(&order.sender_uid)
    {
        return Ok(Done::Stale("the Sender was changed since it was weighed".into()));
    }
    let now_there = read_entries(ctx, order).await?;
    if now_there.keys().any(|name| !entries.contains_key(name)) {
        return Ok(Done::Stale("the ledger has grown since it was weighed".into()));
    }
    for (name, version) in entries {
        if now_there.get(name).is_some_and(|there| there.resource_version().as_ref() != Some(version)) {
            return Ok(Done::Stale("the ledger was changed since it was weighed".into()));
        }
    }
    // The last check would refuse it; an attempt in the ledger is not spent on that.
    if let Err(why) = ctx.mandate.check().and_then(|()| in_time(order.evidence_at, order.latest_start)) {
        return Ok(Done::Stale(why));
    }
    let means = match request::means(ctx, order, &sender, &now_there).await? {
        Ok(means) => means,
        Err(why) => return Ok(Done::Unable(why)),
    };
    // What was made ready took its time.
    if let Err(why) = ctx.mandate.check().and_then(|()| in_time(order.evidence_at, order.latest_start)) {
        return Ok(Done::Stale(why));
    }
    if let Means::Job(job) = &means
        && let Some(why) = job::refused(ctx, job).await?
    {
        return Ok(Done::Unable(why));
    }

    // P2: the pool's headroom is promised to this wave, to the exclusion of any other operator.
    let status = pool.status.get_or_insert_default();
    let valid_until = clock::now() + RESERVATION_LIFE;
    status.reservation = Some(Reservation { entry: order.entry.clone(), valid_until: Time(valid_until) });
    *pool = objects::replace_status(&ctx.client, pool).await?;

    // P3: armed by compare-and-swap. The window in which it may be fired opens before the write.
    let window = Window::open(FIRE_WINDOW);
    let nonce = order.nonce.clone();
    let armed_at = Time(clock::now());
    let status = campaign.status.get_or_insert_default();
    status.armed = Some(Armed { wave: order.wave.name.clone(), nonce: nonce.clone(), at: armed_at.clone() });
    let campaign = objects::replace_status(&ctx.client, &campaign).await?;

    // P4: the point of no return.
    let entry = match (now_there.get(&order.entry), &order.rest) {
        (Some(there), Some(rest)) => resume::begin(ctx, there.clone(), order, rest, &armed_at).await?,
        (None, Some(_)) => return Ok(Done::Stale("the ledger has no entry of this wave any more".into())),
        (None, None) => {
            let draft = draft(&ctx.settings.ledger_namespace, order, &means, (&campaign, &sender), &armed_at);
            match ledger::create_own(&ctx.client, &draft).await? {
                Some(entry) => entry,
                None => return Ok(Done::Stale("the ledger has an entry of this wave that is not ours".into())),
            }
        }
        (Some(there), None) => begin_another_try(ctx, there.clone(), order, &armed_at).await?,
    };

    // P5 and P6.
    let check = Recheck {
        campaign: &campaign,
        pool,
        sender: &sender,
        window,
        evidence_at: order.evidence_at,
        latest_start: order.latest_start,
        valid_until,
    };
    let attempt = fire(ctx, &means, check).await;
    if order.rest.is_some() {
        write(ctx, entry, &attempt, RESUME_PATIENCE, |status| resume::note(status, &nonce, &attempt)).await;
    } else {
        record(ctx, entry, &nonce, &armed_at, &attempt).await;
    }
    Ok(Done::Attempted(attempt))
}

async fn read_entries(ctx: &Context, order: &Release) -> Result<BTreeMap<String, WaveRelease>, Error> {
    let of_send = ledger::labelled(&ctx.client, &ctx.settings.ledger_namespace, SEND_LABEL, &order.send_label);
    let of_pool = ledger::labelled(&ctx.client, &ctx.settings.ledger_namespace, POOL_LABEL, &order.pool_label);
    let (of_send, of_pool) = futures::try_join!(of_send, of_pool)?;
    Ok(of_send.into_iter().chain(of_pool).map(|entry| (entry.name_any(), entry)).collect())
}

/// So long the receiver keeps a key, as its Sender has it.
fn retention(sender: &Sender) -> Option<String> {
    let keyed = sender.spec.webhook.as_ref()?.contract.as_ref()?.keyed.as_ref()?;
    Some(keyed.retention.clone())
}

/// The digest of the URL at which its receiver is asked what became of it.
fn query_digest(contract: &Contract) -> Option<String> {
    match contract {
        Contract::Queryable { url_digest } => Some(url_digest.clone()),
        Contract::AtMostOnce | Contract::Keyed { .. } | Contract::Job | Contract::Listmonk => None,
    }
}

/// Everything a later try, or a rebuild of the load, will ever need.
fn draft(
    namespace: &str,
    order: &Release,
    means: &Means,
    (campaign, sender): (&Campaign, &Sender),
    at: &Time,
) -> WaveRelease {
    let labels = [(SEND_LABEL, &order.send_label), (POOL_LABEL, &order.pool_label)];
    let metadata = ObjectMeta {
        name: Some(order.entry.clone()),
        namespace: Some(namespace.to_owned()),
        labels: Some(labels.into_iter().map(|(name, value)| (name.to_owned(), value.clone())).collect()),
        ..ObjectMeta::default()
    };
    let spec = WaveReleaseSpec {
        send_id: order.send_id.clone(),
        wave: order.wave.clone(),
        disposition: crate::api::release::Disposition::Fire,
        skip: None,
        campaign: EntryCampaign {
            namespace: campaign.namespace().unwrap_or_default(),
            name: campaign.name_any(),
            uid: campaign.uid().unwrap_or_default(),
            generation: campaign.metadata.generation.unwrap_or_default(),
        },
        pool: order.pool.clone(),
        nonce: order.nonce.clone(),
        request: Some(EntryRequest {
            sender: format!("{}/{}", order.sender.0, order.sender.1),
            sender_uid: order.sender_uid.clone(),
            url_digest: contract::place(&sender.spec),
            key: order.key.clone(),
            key_header: "Idempotency-Key".to_owned(),
            body: order.body.clone(),
            digest: identity::digest(order.body.as_bytes()),
            contract: order.contract.name().to_owned(),
            retention: retention(sender).filter(|_| order.contract.is_keyed()),
            listmonk: means.listmonk(),
            query_digest: query_digest(&order.contract),
        }),
        load: Some(order.load.clone()),
        evidence: Some(order.evidence.clone()),
        first_attempt_at: at.clone(),
    };
    WaveRelease { metadata, spec, status: None }
}

/// A further try on an entry whose tries so far are known to have left nothing at the receiver, or whose receiver keeps its key.
async fn begin_another_try(
    ctx: &Context,
    mut entry: WaveRelease,
    order: &Release,
    at: &Time,
) -> Result<WaveRelease, Error> {
    let begun = |nonce: &str, at: &Time, send_rate: Option<f64>| Try {
        nonce: nonce.to_owned(),
        at: at.clone(),
        result: None,
        message: None,
        again: None,
        send_rate,
    };
    let first = begun(&entry.spec.nonce, &entry.spec.first_attempt_at, None);
    let recorded = entry.spec.load.as_ref().map(|load| load.send_rate);
    let send_rate = Some(order.load.send_rate).filter(|_| recorded != Some(order.load.send_rate));
    let status = entry.status.get_or_insert_default();
    // Nobody lived to write down how the first ended: that it was made is not forgotten.
    if status.attempts.is_empty() {
        status.attempts.push(first);
    }
    status.attempts.push(begun(&order.nonce, at, send_rate));
    objects::replace_status(&ctx.client, &entry).await
}

/// What the last reads must find unchanged.
struct Recheck<'a> {
    campaign: &'a Campaign,
    pool: &'a CapacityPool,
    sender: &'a Sender,
    window: Window,
    evidence_at: Timestamp,
    latest_start: Option<Timestamp>,
    valid_until: Timestamp,
}

/// Whether the evidence is fresh enough, and the wave would still leave before its window closes.
fn in_time(evidence_at: Timestamp, latest_start: Option<Timestamp>) -> Result<(), String> {
    let now = clock::now();
    let age = now.duration_since(evidence_at);
    if age > EVIDENCE_LIFE || age.is_negative() {
        return Err(format!("the evidence was {} s old", age.as_secs()));
    }
    if latest_start.is_some_and(|latest| now > latest) {
        return Err("its last message would have left after its window had closed".to_owned());
    }
    Ok(())
}

async fn fire(ctx: &Context, means: &Means, check: Recheck<'_>) -> Attempt {
    // P5a: a fresh connection; nothing of the request has gone. The API server is reached already.
    let connected = match means {
        Means::Request { effect, trust } => match ctx.outside.connect(effect.target(), trust.as_ref()).await {
            Ok(connection) => Some((connection, effect)),
            Err(attempt) => return attempt,
        },
        Means::Listmonk(listmonk) => match ctx.outside.connect(listmonk.start.target(), listmonk.trust()).await {
            Ok(connection) => Some((connection, &listmonk.start)),
            Err(attempt) => return attempt,
        },
        Means::Job(_) => None,
    };
    if let Means::Listmonk(listmonk) = means
        && let Err(why) = listmonk.still(ctx).await
    {
        return Attempt::NotFired { why };
    }
    // P5b: nothing that could stop it has been written meanwhile. The last that is read.
    if let Err(why) = unchanged(ctx, &check).await {
        return Attempt::NotFired { why };
    }
    // P5c: asked immediately before the first byte.
    let Recheck { window, evidence_at, latest_start, valid_until, .. } = check;
    let mandate = ctx.mandate.clone();
    let last_check = move || {
        window.check()?;
        mandate.check()?;
        if clock::now() > valid_until {
            return Err("the pool's reservation had run out".to_owned());
        }
        in_time(evidence_at, latest_start)
    };
    match (connected, means) {
        (Some((connection, start)), Means::Listmonk(listmonk)) => {
            let attempt = connection.send(start, Box::new(last_check)).await;
            listmonk.settle(ctx, attempt).await
        }
        (Some((connection, effect)), _) => connection.send(effect, Box::new(last_check)).await,
        (None, Means::Job(job)) => match last_check() {
            Ok(()) => job::create(ctx, job).await,
            Err(why) => Attempt::NotFired { why },
        },
        (None, Means::Request { .. } | Means::Listmonk(_)) => {
            Attempt::NotFired { why: "it was not connected".to_owned() }
        }
    }
}

async fn unchanged(ctx: &Context, check: &Recheck<'_>) -> Result<(), String> {
    let place = |object: &dyn Fn() -> (Option<String>, String)| {
        let (namespace, name) = object();
        (namespace.unwrap_or_default(), name)
    };
    let campaign_at = place(&|| (check.campaign.namespace(), check.campaign.name_any()));
    let pool_at = place(&|| (check.pool.namespace(), check.pool.name_any()));
    let sender_at = place(&|| (check.sender.namespace(), check.sender.name_any()));
    let reads = futures::future::try_join3(
        objects::get::<Campaign>(&ctx.client, &campaign_at.0, &campaign_at.1),
        objects::get::<CapacityPool>(&ctx.client, &pool_at.0, &pool_at.1),
        objects::get::<Sender>(&ctx.client, &sender_at.0, &sender_at.1),
    );
    let (read, stopped) = futures::join!(reads, gates::stop(ctx));
    let (campaign, pool, sender) = read.map_err(|error| error.to_string())?;
    // The one switch is no object of ours: it is asked for at the same moment.
    let pool_key = format!("{}/{}", pool_at.0, pool_at.1);
    if let Some(why) = stopped.as_ref().and_then(|stop| stop.of(&pool_key)) {
        return Err(format!("every release was stopped: {why}"));
    }
    let campaign = campaign.ok_or("the Campaign was deleted")?;
    if campaign.uid() != check.campaign.uid() || campaign.resource_version() != check.campaign.resource_version() {
        return Err("the Campaign was changed while its wave was being fired".to_owned());
    }
    let pool = pool.ok_or("the CapacityPool was deleted")?;
    let pool_same = pool.uid() == check.pool.uid() && pool.metadata.generation == check.pool.metadata.generation;
    if !pool_same || pool.metadata.deletion_timestamp.is_some() {
        return Err("the CapacityPool was changed while the wave was being fired".to_owned());
    }
    if pool.status.as_ref().and_then(|status| status.reservation.as_ref())
        != check.pool.status.as_ref().and_then(|status| status.reservation.as_ref())
    {
        return Err("the pool's headroom was promised to another wave meanwhile".to_owned());
    }
    let sender = sender.ok_or("the Sender was deleted")?;
    let sender_same =
        sender.uid() == check.sender.uid() && sender.metadata.generation == check.sender.metadata.generation;
    if !sender_same || sender.metadata.deletion_timestamp.is_some() {
        return Err("the Sender was changed while the wave was being fired".to_owned());
    }
    Ok(())
}

/// Writes what became of the attempt.
async fn record(ctx: &Context, entry: WaveRelease, nonce: &str, at: &Time, attempt: &Attempt) {
    let is_keyed = entry.spec.request.as_ref().is_some_and(|request| Contract::of_entry(request).is_keyed());
    write(ctx, entry, attempt, OUTCOME_PATIENCE, |status| note(status, is_keyed, nonce, at, attempt)).await;
}

/// Writes it as it is noted. It is repeated until it is written: after this moment nobody else knows.
async fn write(
    ctx: &Context,
    mut entry: WaveRelease,
    attempt: &Attempt,
    patience: SignedDuration,
    noted: impl Fn(&mut WaveReleaseStatus),
) {
    let begun = clock::boot();
    for tried in 0_u32.. {
        noted(entry.status.get_or_insert_default());
        match objects::replace_status(&ctx.client, &entry).await {
            Ok(written) => {
                ctx.remember_entry(written);
                return;
            }
            Err(error) => {
                tracing::warn!(%error, entry = entry.name_any(), "failed to write what became of a wave");
                if matches!(error, Error::Refused { .. } | Error::CrdOutdated { .. } | Error::NotFound { .. }) {
                    break;
                }
            }
        }
        if clock::boot() - begun > patience {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200 << tried.min(6))).await;
        let (namespace, name) = (entry.namespace().unwrap_or_default(), entry.name_any());
        if let Ok(Some(there)) = objects::get::<WaveRelease>(&ctx.client, &namespace, &name).await {
            entry = there;
        }
    }
    tracing::error!(entry = entry.name_any(), %attempt, "what became of a wave could not be written; it will need a person");
}

fn note(status: &mut WaveReleaseStatus, is_keyed: bool, nonce: &str, at: &Time, attempt: &Attempt) {
    let (outcome, after) = match attempt {
        Attempt::NotFired { .. } | Attempt::NotSent { .. } | Attempt::Started { .. } => (None, None),
        Attempt::Deferred { after, .. } => (None, *after),
        Attempt::Released { .. } => (Some(Outcome::Released), None),
        Attempt::Refused { .. } | Attempt::Rejected { .. } => (Some(Outcome::Rejected), None),
        Attempt::Unknown { after, .. } => (Some(Outcome::Unknown), after.filter(|_| is_keyed)),
    };
    let message = attempt.to_string();
    let told = Try {
        nonce: nonce.to_owned(),
        at: at.clone(),
        result: Some(attempt.label().to_owned()),
        message: Some(message.chars().take(512).collect()),
        again: after.and_then(|after| Some(Time(clock::now().checked_add(after).ok()?))),
        send_rate: None,
    };
    // In the order in which they were begun, whoever writes last: the newest decides.
    if let Some(there) = status.attempts.iter_mut().find(|there| there.nonce == nonce) {
        *there = Try { send_rate: there.send_rate, ..told };
    } else {
        let later = status.attempts.iter().position(|there| there.at.0 > at.0);
        status.attempts.insert(later.unwrap_or(status.attempts.len()), told);
    }
    // A later answer never launders an outcome that is there, but that a receiver which keeps keys has it.
    let is_cleared_up = is_keyed && status.outcome == Some(Outcome::Unknown) && outcome == Some(Outcome::Released);
    if (status.outcome.is_none() && outcome.is_some()) || is_cleared_up {
        status.outcome = outcome;
        status.decided_at = Some(Time(clock::now()));
        status.decided_by = Some("headroom".to_owned());
        status.message = Some(message.chars().take(1024).collect());
    } else if status.outcome == Some(Outcome::Unknown) && outcome.is_some() {
        // Why nobody knows is told of the newest request that left.
        status.message = Some(message.chars().take(1024).collect());
    }
}

#[cfg(test)]
mod tests;
