//! Which of the replicas of an install acts: one, by a Lease. The others are warm, and one of them goes on when it is gone.
//!
//! It is not what keeps a wave from going twice: the ledger is. It keeps two replicas from working against one another, and one that
//! was stopped in the middle from sending late. Every write carries the version that was read; what the client library's own
//! elections do not.

use std::time::Duration;

use jiff::SignedDuration;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Client;

use crate::clock;
use crate::cluster::{Error, leases};

mod mandate;
mod term;

pub use mandate::Mandate;
pub use term::{Candidate, Record, Step, Times};

/// One replica's part in it.
pub struct Election {
    client: Client,
    /// Namespace and name of the Lease.
    place: (String, String),
    /// Who this is: no other process ever has the same.
    identity: String,
    times: Times,
    mandate: Mandate,
}

fn wait(span: SignedDuration) -> tokio::time::Sleep {
    tokio::time::sleep(Duration::try_from(span).unwrap_or(Duration::ZERO))
}

impl Election {
    /// For the lead of an install, by a Lease that lasts so long.
    pub fn new(client: Client, place: (String, String), identity: String, lasts: SignedDuration) -> Election {
        Election { client, place, identity, times: Times::of(lasts), mandate: Mandate::to_be_won() }
    }

    /// The right to act, that it gives and takes.
    pub fn mandate(&self) -> &Mandate {
        &self.mandate
    }

    /// Waits until this replica leads; its Lease.
    pub async fn win(&self) -> Lease {
        let mut candidate = Candidate::default();
        let mut leader = None;
        loop {
            match self.stand(&mut candidate, &mut leader).await {
                Ok(Some(lease)) => {
                    tracing::info!(identity = self.identity, "this replica leads its install");
                    return lease;
                }
                Ok(None) | Err(Error::Conflict { .. } | Error::AlreadyExists { .. }) => {}
                Err(error) => tracing::warn!(%error, "the Lease could not be looked at"),
            }
            wait(self.times.pause).await;
        }
    }

    async fn stand(&self, candidate: &mut Candidate, leader: &mut Option<String>) -> Result<Option<Lease>, Error> {
        let (record, there) = self.read().await?.unzip();
        let step = candidate.step(&self.identity, record.as_ref(), &self.times, clock::boot());
        let begun = clock::boot();
        let lease = match (step, there) {
            (Step::Make, _) => {
                self.in_time(leases::make(&self.client, &self.place, &self.identity, self.times.lasts)).await?
            }
            (Step::Take, Some(there)) => self.write(&there, &self.identity).await?,
            (Step::Wait | Step::Take, _) => {
                let holder = record.map(|record| record.holder);
                if *leader != holder {
                    tracing::info!(leader = holder, "another replica leads; this one stands by");
                    *leader = holder;
                }
                return Ok(None);
            }
        };
        self.mandate.extend(begun + self.times.acts);
        Ok(Some(lease))
    }

    /// Keeps the lead; comes back when it is lost, with why.
    pub async fn keep(&self, mut lease: Lease) -> String {
        loop {
            wait(self.times.pause).await;
            let begun = clock::boot();
            match self.write(&lease, &self.identity).await {
                Ok(renewed) => {
                    lease = renewed;
                    self.mandate.extend(begun + self.times.acts);
                }
                // Perhaps it was written and the answer was lost: whose it is now is read. It counts as renewed only by a write of
                // which the answer came.
                Err(error) => {
                    tracing::warn!(%error, "the Lease could not be renewed");
                    match self.read().await {
                        Ok(Some((record, there))) if record.holder == self.identity => lease = there,
                        Ok(there) => {
                            self.mandate.extend(SignedDuration::MIN);
                            let holder = there.map(|(record, _)| record.holder).filter(|holder| !holder.is_empty());
                            let who = holder.unwrap_or_else(|| "nobody".to_owned());
                            return format!("its Lease was taken away; {who} holds it now");
                        }
                        Err(_) => {}
                    }
                }
            }
            if !self.mandate.lasts() {
                return format!("the Lease could not be renewed for {} s", self.times.acts.as_secs());
            }
        }
    }

    /// Gives the lead away, so that nobody has to wait until it has run out.
    pub async fn resign(&self) {
        self.mandate.extend(SignedDuration::MIN);
        let done = async {
            match self.read().await? {
                Some((record, there)) if record.holder == self.identity => self.write(&there, "").await.map(drop),
                _ => Ok(()),
            }
        };
        if let Err(error) = done.await {
            tracing::info!(%error, "the Lease was not given back; another replica takes over when it has run out");
        }
    }

    async fn read(&self) -> Result<Option<(Record, Lease)>, Error> {
        let there = self.in_time(leases::read(&self.client, &self.place)).await?;
        Ok(there.map(|lease| (leases::record(&lease), lease)))
    }

    async fn write(&self, read: &Lease, holder: &str) -> Result<Lease, Error> {
        self.in_time(leases::write(&self.client, &self.place, read, holder, self.times.lasts)).await
    }

    /// What takes longer than the pause between two writes is tried again.
    async fn in_time<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let longest = Duration::try_from(self.times.pause * 2).unwrap_or(Duration::ZERO);
        tokio::time::timeout(longest, call).await.unwrap_or_else(|_| {
            let message = format!("the API server did not answer within {} s", longest.as_secs_f32());
            Err(Error::Ambiguous { what: "reach the Lease".to_owned(), message })
        })
    }
}
