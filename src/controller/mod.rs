//! The one place where decisions meet the world: observe → plan → act, for one pool at a time.
//!
//! A look is called for by an event, or by the clock when the last look said so. Looks at different pools run side by
//! side, at one pool never. It is a loop of our own, and not the client library's, since a campaign may name a pool
//! that is not there, which is a key without an object.

use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use tokio::task::{self, JoinSet};
use tokio::time::Instant;

use crate::clock;
use crate::cluster::objects;
use crate::cluster::stores::Touched;
use crate::metrics::Metrics;
use crate::plan;
use crate::plan::sender_report;

pub mod act;
pub mod context;
pub mod error;
pub mod gates;
pub mod give_back;
pub mod inquire;
pub mod job;
pub mod listmonk;
pub mod observe;
pub mod outside;
pub mod release;
pub mod request;
mod resume;
mod secrets;
mod sends;
pub mod servers;

use context::Context;
use error::Error;
use observe::Looked;

/// So many pools are looked at at the same time.
const SIDE_BY_SIDE: usize = 8;
/// Events that come together are answered by one look.
const GATHER: Duration = Duration::from_millis(50);
/// A pool of another install is asked about again after this.
const FOREIGN: Duration = Duration::from_mins(5);

/// A pool that has just gone, or whose look broke off, is looked at again after this.
const AGAIN_SOON: Duration = Duration::from_secs(5);
const BROKEN_OFF: Duration = Duration::from_secs(30);

/// Namespace and name of a pool.
type Key = (String, String);

/// Keeps the stores up and does nothing else until this replica leads; what the first lists told that no store keeps. None: it
/// was told to stop.
async fn stand_by(
    touched: &mut BoxStream<'static, Touched>,
    lead: impl Future<Output = ()>,
    mut stop: Pin<&mut impl Future<Output = ()>>,
) -> Option<Vec<Touched>> {
    tokio::pin!(lead);
    let (mut kept, mut has_come) = (HashMap::new(), false);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => return None,
            () = &mut lead => break,
            event = touched.next() => match event? {
                Touched::Unreadable(object, why) => {
                    kept.insert((object.kind.clone(), object.namespace.clone(), object.name.clone()), (object, why));
                }
                _ => has_come = true,
            },
        }
    }
    let unreadable = kept.into_values().map(|(object, why)| Touched::Unreadable(object, why));
    Some(unreadable.chain(has_come.then_some(Touched::Everything)).collect())
}

/// Looks at pools from when this replica leads until it is told to stop; what is under way then is brought to its end. Hands back
/// what keeps the stores up.
pub async fn run(
    ctx: Arc<Context>,
    mut touched: BoxStream<'static, Touched>,
    lead: impl Future<Output = ()>,
    stop: impl Future<Output = ()>,
) -> BoxStream<'static, Touched> {
    tokio::pin!(stop);
    let Some(mut missed) = stand_by(&mut touched, lead, stop.as_mut()).await else { return touched };
    let mut due: BTreeMap<Key, Instant> = BTreeMap::new();
    // At most eight: a search through them costs nothing.
    let mut busy: HashMap<task::Id, Key> = HashMap::new();
    let mut looks: JoinSet<Duration> = JoinSet::new();
    let mut asides: JoinSet<()> = JoinSet::new();
    if !missed.is_empty() {
        missed.extend(ctx.stores.every_sender().into_iter().map(|(namespace, name)| Touched::Sender(namespace, name)));
    }
    for event in &missed {
        take(&ctx, event, &mut due, &mut asides);
    }
    loop {
        let is_ready = ctx.stores.waiting_for().is_empty() && ctx.mandate.lasts();
        let now = Instant::now();
        if is_ready {
            let mut ready: Vec<(Instant, Key)> = due
                .iter()
                .filter(|(key, at)| **at <= now && !is_busy(&busy, key))
                .map(|(key, at)| (*at, key.clone()))
                .collect();
            ready.sort();
            for (_, key) in ready.into_iter().take(SIDE_BY_SIDE.saturating_sub(busy.len())) {
                due.remove(&key);
                let ctx = Arc::clone(&ctx);
                let looked_at = key.clone();
                let handle = looks.spawn(async move { Box::pin(look(&ctx, &looked_at)).await });
                busy.insert(handle.id(), key);
            }
        }
        let next = due.iter().filter(|(key, _)| !is_busy(&busy, key)).map(|(_, at)| *at).min();
        let idle = Instant::now() + Duration::from_millis(if is_ready { 60_000 } else { 200 });
        let wake = if is_ready && busy.len() < SIDE_BY_SIDE { next.unwrap_or(idle).min(idle) } else { idle };
        tokio::select! {
            // In one order, so that a simulated world is the same when it is played again. What has ended goes before what
            // has come: looks end only as often as they are begun, and events may come without end.
            biased;
            () = &mut stop => break,
            Some(ended) = looks.join_next_with_id(), if !looks.is_empty() => {
                let (id, again) = match ended {
                    Ok((id, again)) => (id, again),
                    Err(error) => {
                        // Its pool waits, whatever came meanwhile; nobody else's does.
                        tracing::error!(%error, "a look broke off");
                        Metrics::count(&ctx.metrics.failures, "BrokenOff");
                        busy.get(&error.id()).map(|key| due.remove(key));
                        (error.id(), BROKEN_OFF)
                    }
                };
                if let Some(key) = busy.remove(&id) {
                    let at = Instant::now() + again;
                    let earlier = due.get(&key).copied().unwrap_or(at);
                    due.insert(key, at.min(earlier));
                }
            }
            Some(_) = asides.join_next(), if !asides.is_empty() => {}
            event = touched.next() => match event {
                Some(event) => take(&ctx, &event, &mut due, &mut asides),
                None => break,
            },
            () = tokio::time::sleep_until(wake) => {}
        }
    }
    while looks.join_next().await.is_some() {}
    while asides.join_next().await.is_some() {}
    touched
}

fn is_busy(busy: &HashMap<task::Id, Key>, key: &Key) -> bool {
    busy.values().any(|pool| pool == key)
}

/// Notes what an event calls for.
fn take(ctx: &Arc<Context>, event: &Touched, due: &mut BTreeMap<Key, Instant>, asides: &mut JoinSet<()>) {
    let soon = Instant::now() + GATHER;
    for key in ctx.stores.pools_of(event) {
        let at = due.entry(key).or_insert(soon);
        *at = (*at).min(soon);
    }
    let ctx = Arc::clone(ctx);
    match event {
        Touched::Sender(namespace, name) => {
            let (namespace, name) = (namespace.clone(), name.clone());
            asides.spawn(async move { look_at_sender(&ctx, &namespace, &name).await });
        }
        Touched::Unreadable(object, why) => {
            let (object, why) = (object.clone(), why.clone());
            asides.spawn(async move {
                let what = format!(
                    "{} {}",
                    object.kind.as_deref().unwrap_or_default(),
                    object.name.as_deref().unwrap_or_default()
                );
                tracing::warn!(what, why, "an object cannot be read and is left alone");
                let note = format!("This object was accepted by the API server and cannot be read by Headroom: {why}");
                ctx.events.tell_of(&object, true, "Unreadable", "Read", &note).await;
            });
        }
        Touched::Pool(..) | Touched::PoolsOf(_) | Touched::Everything => {}
    }
}

/// One look at one pool, and when to look again.
async fn look(ctx: &Context, key: &Key) -> Duration {
    let begun = clock::boot();
    let again = match Box::pin(look_once(ctx, key)).await {
        Ok(again) => {
            ctx.metrics.looks.inc();
            again
        }
        Err(error) => {
            Metrics::count(&ctx.metrics.failures, error.label());
            tracing::warn!(%error, pool = format!("{}/{}", key.0, key.1), "a look at a pool ended early");
            error.again()
        }
    };
    ctx.metrics.look_seconds.observe((clock::boot() - begun).as_secs_f64());
    ctx.metrics.last_look.set(clock::now().as_duration().as_secs_f64());
    again
}

async fn look_once(ctx: &Context, (namespace, name): &Key) -> Result<Duration, Error> {
    let now = clock::now();
    let observed = match observe::observe(ctx, namespace, name, now).await? {
        Looked::Ours(observed) => *observed,
        Looked::Gone => return Ok(AGAIN_SOON),
        Looked::Foreign(install) => {
            tracing::debug!(
                pool = format!("{namespace}/{name}"),
                install,
                "this pool is looked after by another install"
            );
            return Ok(FOREIGN);
        }
    };
    let key = format!("{namespace}/{name}");
    let nobody = observed.snapshot.pool.missing && observed.snapshot.campaigns.is_empty();
    // The time of the decision is that of the readings it rests on.
    let decided = plan::plan(&observed.snapshot, now);
    if nobody {
        ctx.forget(&key);
        return Ok(FOREIGN);
    }
    ctx.remember(&key, decided.memory.clone());
    let again = decided.again;
    let leavers = listmonk::leavers(ctx, &observed, now);
    let acted = Box::pin(act::act(ctx, observed, decided, now)).await?;
    listmonk::bring_back(ctx, leavers).await;
    if acted {
        return Ok(Duration::from_millis(100));
    }
    Ok(Duration::try_from(again).unwrap_or(Duration::from_secs(1)))
}

/// Says whether a Sender can be used.
async fn look_at_sender(ctx: &Context, namespace: &str, name: &str) {
    let Some(there) = ctx.stores.senders.get(&ObjectRef::new(name).within(namespace)) else { return };
    let Ok(sender) = &there.0 else { return };
    let old = sender.status.clone().unwrap_or_default();
    let generation = sender.metadata.generation.unwrap_or_default();
    let trouble = observe::trouble_here(ctx, namespace, &sender.spec);
    let mut status = sender_report::tell(&sender.spec, generation, &old, trouble, clock::now());
    let install = &ctx.settings.install;
    let is_able = observe::barred(ctx, namespace, &sender.spec).is_none();
    status.install = is_able.then(|| install.clone());
    if !sender_report::stands_over(&status, &old, install) {
        return;
    }
    let mut wanted = sender.clone();
    wanted.status = Some(status);
    match objects::replace_status(&ctx.client, &wanted).await {
        Ok(written) => ctx.stores.echoes.expect(&written),
        Err(error) => tracing::debug!(%error, sender = sender.name_any(), "the status of a Sender was not written"),
    }
}
