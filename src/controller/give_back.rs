//! Leaving an install: everything borrowed is given back, pool by pool, with the operator's own decision and its own
//! writes, whether an operator runs or not. Nothing else is done: it sends nothing, and says nothing of any campaign.

use jiff::Timestamp;
use kube::ResourceExt;

use crate::api::RESTORE_FINALIZER;
use crate::plan;
use crate::plan::stop::Stop;

use super::act;
use super::context::Context;
use super::error::Error;
use super::observe::{self, Looked};

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
    let claims = decided.pool.claims.iter().map(|claim| format!("{} {}", claim.kind, claim.name)).collect::<Vec<_>>();
    let is_done = claims.is_empty() && decided.floors.is_empty();
    Box::pin(act::act(ctx, observed, decided, now)).await?;
    Ok(if is_done { Left::Nothing } else { Left::Borrowed(claims) })
}
