//! What a Sender's Secrets hold: read at the time it is needed, understood, and kept nowhere. Only in the namespaces that the platform
//! team has named, and before anything is written for a wave, so that what is wrong in one costs no attempt.

use std::collections::BTreeMap;
use std::fmt::Display;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt};

use crate::api::Sender;
use crate::api::reference::SecretKeyRef;
use crate::api::sender::Webhook;
use crate::cluster::{Error, bounded};
use crate::senders::{Authorities, Identity, Trust};

use super::context::Context;

/// The keys of a Secret of the type `kubernetes.io/tls`.
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";

/// Whether requests need anything from Secrets.
pub(super) fn needs(webhook: &Webhook) -> bool {
    let has_headers = webhook.headers.as_ref().is_some_and(|headers| !headers.is_empty());
    has_headers || webhook.signing.is_some() || webhook.tls.is_some()
}

/// Why Secrets of a namespace are not read, if they are not.
pub(super) fn barred(ctx: &Context, namespace: &str) -> Option<String> {
    let may = ctx.settings.sender_namespaces.iter().any(|allowed| allowed == namespace);
    (!may).then(|| format!("Headroom may not read Secrets in {namespace}; add it to senderNamespaces of the chart"))
}

/// One key of a Secret.
pub(super) async fn secret<T, E: Display>(
    ctx: &Context,
    namespace: &str,
    from: &SecretKeyRef,
    parse: impl FnOnce(&[u8]) -> Result<T, E>,
) -> Result<Result<T, String>, Error> {
    let SecretKeyRef { name, key } = from;
    Ok(read(ctx, namespace, name).await?.and_then(|data| {
        let value = of(&data, namespace, name, key)?;
        parse(&value.0).map_err(|error| format!("the key {key} of Secret {namespace}/{name}: {error}"))
    }))
}

/// Whom a Sender believes, and what it shows; None: nothing of its own.
pub(super) async fn trust(ctx: &Context, sender: &Sender) -> Result<Result<Option<Trust>, String>, Error> {
    let Some((field, tls)) = sender.spec.tls() else { return Ok(Ok(None)) };
    let namespace = sender.namespace().unwrap_or_default();
    let authorities = match &tls.ca {
        None => None,
        Some(ca) => match secret(ctx, &namespace, &ca.secret_key_ref, Authorities::parse).await? {
            Ok(authorities) => Some(authorities),
            Err(why) => return Ok(Err(format!("{field}.tls.ca: {why}"))),
        },
    };
    let identity = match &tls.client_certificate {
        None => None,
        Some(shown) => match identity(ctx, &namespace, &shown.secret_name).await? {
            Ok(identity) => Some(identity),
            Err(why) => return Ok(Err(format!("{field}.tls.clientCertificate: {why}"))),
        },
    };
    Ok(Trust::new(authorities, identity).map(Some).map_err(|why| why.to_string()))
}

/// Certificate and key, of one reading: a Secret that is replaced in between would give halves of two pairs.
async fn identity(ctx: &Context, namespace: &str, name: &str) -> Result<Result<Identity, String>, Error> {
    Ok(read(ctx, namespace, name).await?.and_then(|data| {
        let certificate = of(&data, namespace, name, CERTIFICATE)?;
        let key = of(&data, namespace, name, KEY)?;
        Identity::parse(&certificate.0, &key.0).map_err(|error| {
            let keys = format!("the keys {CERTIFICATE} and {KEY} of Secret {namespace}/{name}");
            format!("{keys}: {error}")
        })
    }))
}

fn of<'a>(
    data: &'a BTreeMap<String, ByteString>,
    namespace: &str,
    name: &str,
    key: &str,
) -> Result<&'a ByteString, String> {
    data.get(key).ok_or_else(|| format!("the Secret {namespace}/{name} has no key {key}"))
}

async fn read(
    ctx: &Context,
    namespace: &str,
    name: &str,
) -> Result<Result<BTreeMap<String, ByteString>, String>, Error> {
    if let Some(why) = barred(ctx, namespace) {
        return Ok(Err(why));
    }
    let api = Api::<Secret>::namespaced(ctx.client.clone(), namespace);
    match bounded(format!("read Secret {namespace}/{name}"), api.get_opt(name)).await {
        Ok(Some(secret)) => Ok(Ok(secret.data.unwrap_or_default())),
        Ok(None) => Ok(Err(format!("there is no Secret {namespace}/{name}"))),
        Err(Error::Refused { message, .. }) => Ok(Err(message)),
        Err(error) => Err(error),
    }
}
