//! What a wave goes by, made before anything is written for it: a request with its secrets, a Job, or a campaign in listmonk. What cannot be made costs no
//! attempt.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::HeaderName;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;

use crate::api::release::EntryListmonk;
use crate::api::sender::Webhook;
use crate::api::{Sender, WaveRelease};
use crate::clock;
use crate::cluster::Error;
use crate::plan::contract::Contract;
use crate::plan::job::{self, JobTemplate};
use crate::plan::number;
use crate::plan::order::Release;
use crate::senders::{Effect, EffectError, Expected, SecretValue, SigningKey, Target, Trust};

use super::context::Context;
use super::listmonk::Listmonk;
use super::secrets::{self, secret};

/// What a wave goes by.
#[allow(clippy::large_enum_variant)] // One at a time.
pub enum Means {
    /// A request.
    Request {
        /// The request itself.
        effect: Effect,
        /// Whom its Sender believes, and what it shows, if that is something of its own.
        trust: Option<Trust>,
    },
    /// A Job.
    Job(Job),
    /// A campaign in listmonk, which only has to be started.
    Listmonk(Listmonk),
}

impl Means {
    /// What was made ready for it in listmonk, where it goes by that.
    pub fn listmonk(&self) -> Option<EntryListmonk> {
        match self {
            Means::Listmonk(listmonk) => Some(listmonk.entry()),
            Means::Request { .. } | Means::Job(_) => None,
        }
    }
}

/// Makes it; or says why it cannot be made.
pub async fn means(
    ctx: &Context,
    order: &Release,
    sender: &Sender,
    ledger: &BTreeMap<String, WaveRelease>,
) -> Result<Result<Means, String>, Error> {
    if let (Some(there), Some(rest)) = (&sender.spec.listmonk, &order.rest) {
        return Ok(Listmonk::paused(ctx, order, rest, sender, ledger, there).await?.map(Means::Listmonk));
    }
    if let Some(there) = &sender.spec.listmonk {
        return Ok(Listmonk::prepare(ctx, order, sender, ledger, there).await?.map(Means::Listmonk));
    }
    match (&sender.spec.webhook, &sender.spec.job) {
        (Some(webhook), _) => {
            let made = effect(ctx, order, sender, webhook).await?;
            Ok(made.map(|(effect, trust)| Means::Request { effect, trust }))
        }
        (None, Some(from)) => Ok(JobTemplate::parse(&from.template).map(|template| Means::Job(job(order, &template)))),
        (None, None) => Ok(Err("its Sender has neither webhook, job nor listmonk".to_owned())),
    }
}

fn job(order: &Release, template: &JobTemplate) -> Job {
    let recipients = number::of_count(u64::try_from(order.wave.recipients).unwrap_or(0));
    template.job(&job::Wave {
        entry: &order.entry,
        namespace: &order.sender.0,
        send_label: &order.send_label,
        key: &order.key,
        nonce: &order.nonce,
        body: &order.body,
        leaves_within: recipients / order.load.send_rate,
    })
}

async fn effect(
    ctx: &Context,
    order: &Release,
    sender: &Sender,
    webhook: &Webhook,
) -> Result<Result<(Effect, Option<Trust>), String>, Error> {
    let body = Bytes::from(order.body.clone().into_bytes());
    let recipients = u64::try_from(order.wave.recipients).unwrap_or(0);
    // What was frozen counts, and only while the receiver is still said to guarantee it.
    let keyed = order.contract.is_keyed() && Contract::of_sender(&sender.spec).as_ref() == Ok(&order.contract);
    let expected = Expected { recipients: Some(recipients), keyed };
    request(ctx, sender, webhook, &webhook.url, |target, headers| {
        Effect::new(target, headers, &order.key, body).map(|effect| effect.expecting(expected))
    })
    .await
}

/// A request to a Sender's receiver, with its secrets, and whom it believes and what it shows there; or why it cannot be made.
pub async fn request(
    ctx: &Context,
    sender: &Sender,
    webhook: &Webhook,
    url: &str,
    make: impl FnOnce(Target, Vec<(HeaderName, SecretValue)>) -> Result<Effect, EffectError>,
) -> Result<Result<(Effect, Option<Trust>), String>, Error> {
    let namespace = sender.namespace().unwrap_or_default();
    let target = match Target::parse(url) {
        Ok(target) => target,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let mut headers = Vec::new();
    for header in webhook.headers.iter().flatten() {
        let from = &header.secret_key_ref;
        match secret(ctx, &namespace, from, SecretValue::new).await? {
            Ok(value) => match header.name.parse() {
                Ok(name) => headers.push((name, value)),
                Err(_) => return Ok(Err(format!("{} is not a name for a header", header.name))),
            },
            Err(why) => return Ok(Err(format!("the header {}: {why}", header.name))),
        }
    }
    let made = make(target, headers).map_err(|error| error.to_string());
    let signed = match &webhook.signing {
        None => made,
        // Signed before anything is written: a request whose signature cannot be made costs no attempt.
        Some(signing) => secret(ctx, &namespace, &signing.secret_key_ref, SigningKey::parse)
            .await?
            .and_then(|key| made?.signed(&key, clock::now()).map_err(|error| error.to_string()))
            .map_err(|why| format!("the signature: {why}")),
    };
    let effect = match signed {
        Ok(effect) => effect,
        Err(why) => return Ok(Err(why)),
    };
    Ok(secrets::trust(ctx, sender).await?.map(|trust| (effect, trust)))
}
