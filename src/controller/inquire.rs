//! Asks receivers that can tell what became of a wave of which nobody knows, and looks after what was started. When that is done, and what an answer
//! is worth, is decided in `plan::inquiry`; here a question goes out and what was heard is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use kube::runtime::reflector::ObjectRef;

use crate::api::sender::Webhook;
use crate::api::{Sender, WaveRelease};
use crate::plan::contract::{Contract, Way};
use crate::plan::inquiry::{self, Heard, Said};
use crate::plan::snapshot::Snapshot;
use crate::senders::{Effect, Target, TargetError};

use super::context::Context;
use super::job;
use super::listmonk;
use super::request::request;

/// A look waits no longer for all answers together: guardrails are watched by it too.
const PATIENCE: Duration = Duration::from_secs(5);
/// Stands for the key in the URL.
const KEY: [&str; 2] = ["{{ key }}", "{{key}}"];

/// The URL at which the receiver is asked about a key; None: it cannot be asked.
fn url(webhook: &Webhook, key: &str) -> Option<String> {
    let queryable = webhook.contract.as_ref()?.queryable.as_ref()?;
    Some(KEY.iter().fold(queryable.url.clone(), |url, place| url.replace(place, key)))
}

/// Where the receiver is asked about a key; None: it cannot be asked.
pub(super) fn target(webhook: &Webhook, key: &str) -> Option<Result<Target, TargetError>> {
    url(webhook, key).map(|url| Target::parse(&url))
}

/// Asks receivers, and looks for Jobs, of which is to be asked now, and tells the snapshot what was heard.
pub async fn ask(ctx: &Context, entries: &BTreeMap<String, WaveRelease>, snapshot: &mut Snapshot, now: Timestamp) {
    let known = |entry: &mut crate::plan::snapshot::Entry| entry.heard = ctx.heard(&entry.name, &entry.newest_nonce);
    snapshot.entries.iter_mut().for_each(known);
    // Whoever only asks what would happen asks nobody else.
    if ctx.stores.is_still {
        return;
    }
    let due = inquiry::due(snapshot, now);
    if due.is_empty() {
        return;
    }
    let asked = due.into_iter().filter_map(|(entry, sender)| {
        let release = entries.get(&entry.name)?;
        let (name, attempt, way) = (entry.name.clone(), entry.newest_nonce.clone(), entry.contract.way());
        let at = sender.map(|sender| ObjectRef::new(&sender.name).within(&sender.namespace));
        Some(async move {
            let said = tokio::time::timeout(PATIENCE, async {
                match at.and_then(|at| ctx.stores.senders.get(&at)).as_ref().map(|sender| &sender.0) {
                    _ if way == Way::Job => job::look(ctx, release).await.into(),
                    _ if way == Way::Listmonk => listmonk::look(ctx, release).await,
                    Some(Ok(sender)) => one(ctx, sender, release).await.into(),
                    Some(Err(error)) => Said::Other(format!("its Sender cannot be read: {error}")).into(),
                    None => Said::Other("its Sender is not there".to_owned()).into(),
                }
            });
            let late = |_| Said::Other(format!("it did not answer within {} s", PATIENCE.as_secs())).into();
            let said = said.await.unwrap_or_else(late);
            (name, Heard::next(attempt, now, said, entry.heard.as_ref()))
        })
    });
    for (name, heard) in join_all(asked.collect::<Vec<_>>()).await {
        let Some(entry) = snapshot.entries.iter_mut().find(|entry| entry.name == name) else { continue };
        // What is under way says the same every half minute.
        if entry.heard.as_ref().is_none_or(|before| before.said != heard.said) {
            tracing::info!(entry = name, said = ?heard.said, "asked what became of a wave");
        }
        ctx.keep_heard(&name, heard.clone());
        entry.heard = Some(heard);
    }
}

async fn one(ctx: &Context, sender: &Sender, entry: &WaveRelease) -> Said {
    let unasked = |why: String| Said::Other(format!("it could not be asked: {why}"));
    let Some(entry_request) = &entry.spec.request else { return unasked("the ledger has no key of it".to_owned()) };
    let webhook = sender.spec.webhook.as_ref();
    let Some((webhook, url)) = webhook.and_then(|webhook| Some((webhook, url(webhook, &entry_request.key)?))) else {
        return unasked("its Sender does not say where".to_owned());
    };
    // Of exactly the one that was frozen: it may have been changed since this look began.
    if Contract::of_sender(&sender.spec) != Ok(Contract::of_entry(entry_request)) {
        return unasked("its Sender says another address than when the wave went".to_owned());
    }
    let make = |target, headers| Effect::question(target, headers, &entry_request.key);
    let (question, trust) = match request(ctx, sender, webhook, &url, make).await {
        Ok(Ok(made)) => made,
        Ok(Err(why)) => return unasked(why),
        Err(error) => return unasked(error.to_string()),
    };
    let recipients = u64::try_from(entry.spec.wave.recipients).unwrap_or(0);
    match ctx.outside.connect(question.target(), trust.as_ref()).await {
        Ok(wire) => wire.ask(&question, recipients).await,
        Err(attempt) => unasked(attempt.why()),
    }
}
