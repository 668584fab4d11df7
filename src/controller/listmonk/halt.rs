//! Pauses and cancels what is leaving by listmonk, and writes down what will tell a pause of ours from anybody else's: before it is
//! asked for, once listmonk has confirmed it, and how the wave came to rest. That none of it can be written keeps nothing from being paused.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};
use kube::ResourceExt;

use crate::api::release::{Pause, Rest};
use crate::api::{Campaign, WaveRelease};
use crate::clock;
use crate::cluster::{Error, ledger, objects};
use crate::plan::halt::{self, Halt, How};
use crate::plan::inquiry::Heard;
use crate::plan::resume::{CameToRest, Written};
use crate::senders::listmonk::Server;

use super::super::context::Context;
use super::{look, number, server_of};

/// A look waits no longer for all that is to be halted: floors and guardrails wait for it too.
const ASIDE: Duration = Duration::from_secs(8);
/// A pause waits no longer for each of the two things that make it one of ours.
const OWN: Duration = Duration::from_secs(2);
/// The longest text the ledger takes for why.
const LONGEST: usize = 256;

/// Pauses and cancels what is leaving. What came of it the next look tells: what fails is decided again.
pub async fn halt_all(
    ctx: &Context,
    halts: &[Halt],
    entries: &BTreeMap<String, WaveRelease>,
    campaigns: &BTreeMap<(String, String), Campaign>,
    now: Timestamp,
) {
    let all = halts.iter().filter_map(|wanted| Some(halt(ctx, wanted, entries.get(&wanted.entry)?, campaigns, now)));
    let all: Vec<_> = all.collect();
    if !all.is_empty() && tokio::time::timeout(ASIDE, join_all(all)).await.is_err() {
        tracing::warn!(
            seconds = ASIDE.as_secs(),
            "not all waves that are to be halted in listmonk were within this time"
        );
    }
}

async fn halt(
    ctx: &Context,
    halt: &Halt,
    entry: &WaveRelease,
    campaigns: &BTreeMap<(String, String), Campaign>,
    now: Timestamp,
) {
    let of = (&entry.spec.campaign.namespace, &entry.spec.campaign.name);
    // A store that is not whole must not end a send: what is gone is asked for.
    if halt.why == halt::GONE {
        let there = objects::get::<Campaign>(&ctx.client, of.0, of.1).await;
        if there.is_err()
            || there.is_ok_and(|there| there.is_some_and(|it| it.uid().as_ref() == Some(&entry.spec.campaign.uid)))
        {
            return;
        }
    }
    // As people call it.
    let word = match halt.how {
        How::Pause => "paused",
        How::Cancel => "cancelled",
    };
    let told = async {
        let id = number(entry)?;
        let server = server_of(ctx, entry).await?.0;
        let is_ours = match halt.how {
            How::Pause => pause(ctx, &server, id, halt.written.as_ref(), entry).await,
            How::Cancel => server.halt(id, "cancelled").await.map(|()| false).map_err(|trouble| trouble.to_string()),
        };
        Ok::<(u64, bool), String>((id, is_ours?))
    };
    let (wave, why) = (&entry.spec.wave.name, &halt.why);
    let note = match told.await {
        Ok((id, is_ours)) => {
            let further = if is_ours {
                " It goes on by itself when that is over and headroom for the rest of it is confirmed."
            } else {
                ""
            };
            format!("Wave \"{wave}\" was {word} in listmonk, where it is campaign {id}: {why}.{further}")
        }
        Err(error) => format!("Wave \"{wave}\" could not be {word} in listmonk ({error}): {why}."),
    };
    tracing::warn!(campaign = format!("{}/{}", of.0, of.1), entry = entry.name_any(), note);
    if let Some(campaign) = campaigns.get(&(of.0.clone(), of.1.clone())) {
        ctx.events.tell(campaign, true, "WaveHalted", &format!("Halt {wave}"), &note).await;
    }
    look_again(ctx, entry, now).await;
}

/// Pauses one. Whether it is known to stand still by this, and written down so that it can go on.
async fn pause(
    ctx: &Context,
    server: &Server<'_>,
    id: u64,
    wanted: Option<&Written>,
    entry: &WaveRelease,
) -> Result<bool, String> {
    let mut written = None;
    if let Some(wanted) = wanted {
        let taken = match tokio::time::timeout(OWN, server.taken_lately(id)).await {
            Ok(Ok(taken)) => taken.unwrap_or(0),
            Ok(Err(_)) | Err(_) => 0,
        };
        let pause = Pause {
            nonce: wanted.nonce.clone(),
            at: MicroTime(clock::now()),
            reason: wanted.reason.chars().take(LONGEST).collect(),
            sent_before: wanted.sent_before,
            taken: i64::try_from(taken).unwrap_or(i64::MAX),
            changed: None,
            rest: None,
        };
        written = tokio::time::timeout(OWN, write_down(ctx, entry, &pause)).await.ok().flatten();
    }
    // It is answered with success only where it was running.
    server.halt(id, "paused").await.map_err(|trouble| trouble.to_string())?;
    let Some(mut written) = written else { return Ok(false) };
    let there = server.account_of(id).await.ok().flatten();
    let Some(still) = there.and_then(|account| account.still()) else { return Ok(false) };
    let newest = written.status.as_mut().and_then(|status| status.pauses.last_mut());
    if let Some(pause) = newest {
        pause.changed = Some(still.changed);
    }
    match objects::replace_status(&ctx.client, &written).await {
        Ok(written) => {
            let taken = written.status.iter().flat_map(|status| &status.pauses).last().map(|pause| pause.taken);
            ctx.remember_entry(written);
            Ok(taken.is_some_and(|taken| taken > 0))
        }
        Err(error) => {
            tracing::warn!(%error, entry = entry.name_any(), "that a pause was confirmed could not be written");
            Ok(false)
        }
    }
}

/// Writes a pause into the ledger; None where it cannot be.
async fn write_down(ctx: &Context, entry: &WaveRelease, pause: &Pause) -> Option<WaveRelease> {
    let mut entry = entry.clone();
    let pauses = &mut entry.status.get_or_insert_default().pauses;
    // One that was never confirmed gives way.
    pauses.pop_if(|newest| newest.changed.is_none());
    pauses.push(pause.clone());
    match objects::replace_status(&ctx.client, &entry).await {
        Ok(written) => {
            ctx.remember_entry(written.clone());
            Some(written)
        }
        Err(error) => {
            tracing::warn!(%error, entry = entry.name_any(), "a pause could not be written down, and counts as anybody's");
            None
        }
    }
}

/// Asks at once what became of a wave that was told something.
pub async fn look_again(ctx: &Context, entry: &WaveRelease, now: Timestamp) {
    let name = entry.name_any();
    let Some(attempt) = ledger::entry(entry).map(|entry| entry.newest_nonce) else { return };
    let before = ctx.heard(&name, &attempt);
    if let Ok(answered) = tokio::time::timeout(ASIDE, look(ctx, entry)).await {
        ctx.keep_heard(&name, Heard::next(attempt, now, answered, before.as_ref()));
    }
}

/// Writes down how a wave came to rest, by the version that was read. Whether it was.
pub async fn came_to_rest(ctx: &Context, mut entry: WaveRelease, seen: &CameToRest) -> Result<bool, Error> {
    let newest = entry.status.as_mut().and_then(|status| status.pauses.last_mut());
    let Some(pause) = newest.filter(|pause| pause.nonce == seen.pause && pause.rest.is_none()) else {
        return Ok(false);
    };
    pause.rest = Some(Rest { at: Time(seen.at), changed: seen.changed.clone(), sent: seen.sent });
    match objects::replace_status(&ctx.client, &entry).await {
        Ok(written) => {
            ctx.remember_entry(written);
            Ok(true)
        }
        // What somebody else has written is read first.
        Err(Error::Conflict { .. }) => Ok(true),
        Err(error) => Err(error),
    }
}
