//! The Lease by which replicas agree on who leads: read, made, and written by the version that was read. Decides nothing.

use jiff::SignedDuration;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::{Client, ResourceExt};

use crate::clock;
use crate::election::Record;

use super::error::{Error, bounded};

/// Namespace and name of a Lease.
pub type Place = (String, String);

fn api(client: &Client, place: &Place) -> Api<Lease> {
    Api::namespaced(client.clone(), &place.0)
}

fn told(what: &str, place: &Place) -> String {
    format!("{what} Lease {}/{}", place.0, place.1)
}

/// As it is there; None: there is none.
pub async fn read(client: &Client, place: &Place) -> Result<Option<Lease>, Error> {
    bounded(told("read", place), api(client, place).get_opt(&place.1)).await
}

/// What of it counts.
pub fn record(lease: &Lease) -> Record {
    let spec = lease.spec.clone().unwrap_or_default();
    Record {
        holder: spec.holder_identity.unwrap_or_default(),
        version: lease.resource_version().unwrap_or_default(),
        lasts: SignedDuration::from_secs(spec.lease_duration_seconds.unwrap_or(0).into()),
    }
}

/// Makes it.
pub async fn make(client: &Client, place: &Place, holder: &str, lasts: SignedDuration) -> Result<Lease, Error> {
    let metadata =
        ObjectMeta { name: Some(place.1.clone()), namespace: Some(place.0.clone()), ..ObjectMeta::default() };
    let lease = held(Lease { metadata, spec: None }, holder, lasts);
    bounded(told("create", place), api(client, place).create(&PostParams::default(), &lease)).await
}

/// Writes who holds it, if it is still the one that was read.
pub async fn write(
    client: &Client,
    place: &Place,
    read: &Lease,
    holder: &str,
    lasts: SignedDuration,
) -> Result<Lease, Error> {
    let lease = held(read.clone(), holder, lasts);
    bounded(told("update", place), api(client, place).replace(&place.1, &PostParams::default(), &lease)).await
}

/// Times and counts are for people who look at it: what decides is how long it stays unchanged.
fn held(mut lease: Lease, holder: &str, lasts: SignedDuration) -> Lease {
    let before = lease.spec.take().unwrap_or_default();
    let now = MicroTime(clock::now());
    let is_same = before.holder_identity.as_deref() == Some(holder);
    lease.spec = Some(LeaseSpec {
        holder_identity: Some(holder.to_owned()),
        lease_duration_seconds: i32::try_from(lasts.as_secs().max(1)).ok(),
        acquire_time: before.acquire_time.filter(|_| is_same).or_else(|| Some(now.clone())),
        renew_time: Some(now),
        lease_transitions: Some(before.lease_transitions.unwrap_or(0).saturating_add(i32::from(!is_same))),
        ..before
    });
    lease
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_it_since_when_and_after_how_many_others() {
        let first = held(Lease::default(), "a", SignedDuration::from_secs(15));
        let renewed = held(first.clone(), "a", SignedDuration::from_secs(15));
        let taken = held(renewed.clone(), "b", SignedDuration::from_millis(400));
        let of = |lease: &Lease| lease.spec.clone().unwrap();
        assert_eq!(of(&first).acquire_time, of(&renewed).acquire_time);
        assert!(of(&renewed).acquire_time < of(&taken).acquire_time);
        let transitions: Vec<Option<i32>> = [&first, &renewed, &taken].map(|lease| of(lease).lease_transitions).into();
        assert_eq!(transitions, [Some(1), Some(1), Some(2)]);
        assert_eq!((of(&first).lease_duration_seconds, of(&taken).lease_duration_seconds), (Some(15), Some(1)));
    }
}
