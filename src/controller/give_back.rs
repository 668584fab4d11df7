//! Leaving an install: everything borrowed is given back, pool by pool, with the operator's own decision and its own
//! writes, whether an operator runs or not. Nothing else is done: it sends nothing, and says nothing of any campaign.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use kube::api::Api;
use tokio::time::Instant;

use crate::api::RESTORE_FINALIZER;
use crate::clock;
use crate::cluster::bounded;
use crate::cluster::stores::Touched;
use crate::plan;
use crate::plan::stop::Stop;

use super::act;
use super::context::Context;
use super::error::Error;
use super::observe::{self, Looked};

/// Between two rounds.
pub const ROUND: Duration = Duration::from_millis(300);

/// What is left to be given back, by pool, and why if that is known.
pub type Rest = BTreeMap<(String, String), String>;

/// What is left of one pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// It is looked after by another install, and was not touched.
    Foreign,
    /// Nothing is borrowed, as read back from its targets.
    Nothing,
    /// These are: `<kind> <name>`.
    Borrowed(Vec<String>),
}

/// One step of one pool: decides, and writes what gives scale back. Of a pool of another install nothing is touched.
pub async fn step(ctx: &Context, namespace: &str, name: &str, now: Timestamp) -> Result<Left, Error> {
    let mut observed = match observe::observe(ctx, namespace, name, now).await? {
        Looked::Ours(observed) => *observed,
        Looked::Foreign(_) => return Ok(Left::Foreign),
        Looked::Gone => return Ok(Left::Nothing),
    };
    let Some(pool) = &observed.pool else {
        // It is there, and what it has borrowed is written in what cannot be read.
        return Ok(Left::Borrowed(vec!["whatever it has borrowed: it cannot be read by this release".to_owned()]));
    };
    let is_marked = pool.finalizers().iter().any(|finalizer| finalizer == RESTORE_FINALIZER);
    if observed.snapshot.pool.status.claims.is_empty() && !is_marked {
        return Ok(Left::Nothing);
    }
    observed.snapshot.gates.stop = Some(Stop::leaving());
    let mut decided = plan::plan(&observed.snapshot, now);
    // Campaigns and the ledger are the operator's, if there is one.
    (decided.release, decided.skips, decided.outcomes, decided.reports) = (None, vec![], vec![], vec![]);
    decided.resolves.clear();
    let claims = decided.pool.claims.iter().map(|claim| format!("{} {}", claim.kind, claim.name)).collect::<Vec<_>>();
    let is_done = claims.is_empty() && decided.floors.is_empty();
    Box::pin(act::act(ctx, observed, decided, now)).await?;
    Ok(if is_done { Left::Nothing } else { Left::Borrowed(claims) })
}

/// One step of every pool that is kept in sight: how many are this install's, and what they still borrow.
pub async fn round(ctx: &Context) -> (usize, Rest) {
    let (mut ours, mut rest) = (0, Rest::new());
    for pool in ctx.stores.pools.state() {
        let (namespace, name) = (pool.namespace().unwrap_or_default(), pool.name_any());
        let left = match Box::pin(step(ctx, &namespace, &name, clock::now())).await {
            Ok(Left::Foreign) => continue,
            Ok(Left::Nothing) => None,
            Ok(Left::Borrowed(what)) => Some(what.join(", ")),
            Err(error) => Some(error.to_string()),
        };
        ours += 1;
        rest.extend(left.map(|left| ((namespace, name), left)));
    }
    (ours, rest)
}

/// Rounds until nothing is borrowed, or the time is over: what is left then. The stores are kept up while it goes on.
pub async fn rounds(ctx: &Context, mut touched: BoxStream<'static, Touched>, until: Instant) -> Rest {
    let listener = tokio::spawn(async move { while touched.next().await.is_some() {} });
    let rest = loop {
        let (_, rest) = round(ctx).await;
        if rest.is_empty() || Instant::now() >= until {
            break rest;
        }
        tokio::time::sleep(ROUND).await;
    };
    listener.abort();
    rest
}

/// Whether the operator's own namespace is being deleted. Then nobody comes after it who would give back what is borrowed, and
/// a pool that waits for that could never be deleted. Where nobody can tell, it is not.
pub async fn is_homeless(ctx: &Context) -> bool {
    let home = ctx.settings.namespace();
    let api = Api::<Namespace>::all(ctx.client.clone());
    match bounded(format!("read Namespace {home}"), api.get_opt(home)).await {
        Ok(namespace) => namespace.is_some_and(|namespace| namespace.metadata.deletion_timestamp.is_some()),
        Err(error) => {
            tracing::warn!(%error, "whether the operator's namespace is being deleted cannot be told; what is borrowed stays");
            false
        }
    }
}
