//! What lies outside the cluster, as the operator meets it: servers it measures at, and receivers it sends to. Two narrow
//! doors, so that a simulated world can stand behind them and the operator never notices. The API server is not one of
//! them: a simulated one speaks its own protocol.

use std::sync::Arc;

use futures::future::BoxFuture;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};

use crate::api::pool::Reduce;
use crate::plan::inquiry::Said;
use crate::plan::reading::{HistoryPoints, Question, Reading, SensorFault};
use crate::prometheus::{Access, Sensor};
use crate::senders::{self, Attempt, Connection, Effect, LastCheck, Limits, Reach, Target, Trust};

/// A server that is asked for measurements.
pub trait Gauge: Send + Sync {
    /// One number as it was at an instant, and what it rests on.
    fn read<'a>(
        &'a self,
        question: &'a Question,
        at: Timestamp,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Reading, SensorFault>>;

    /// Numbers over time.
    fn history<'a>(
        &'a self,
        query: &'a str,
        reduce: Option<Reduce>,
        from: Timestamp,
        to: Timestamp,
        step: SignedDuration,
    ) -> BoxFuture<'a, Result<HistoryPoints, SensorFault>>;
}

/// A fresh connection to a receiver, over which nothing has gone.
pub trait Wire: Send {
    /// Sends one request, once.
    fn send<'a>(self: Box<Self>, effect: &'a Effect, last_check: LastCheck) -> BoxFuture<'a, Attempt>
    where
        Self: 'a;

    /// Asks what became of a wave with so many recipients.
    fn ask<'a>(self: Box<Self>, question: &'a Effect, recipients: u64) -> BoxFuture<'a, Said>
    where
        Self: 'a;

    /// Says something that may be said twice, and gives the answer back.
    fn call<'a>(self: Box<Self>, call: &'a Effect) -> BoxFuture<'a, Result<(StatusCode, Vec<u8>), String>>
    where
        Self: 'a;
}

/// Everything outside.
pub trait Outside: Send + Sync {
    /// The server at an address, or why the address cannot be used. Each call is another one: whoever asks keeps it, so that its
    /// bound on questions in flight holds.
    fn gauge(&self, address: &str) -> Result<Arc<dyn Gauge>, String>;

    /// Why no request goes to a URL, as far as that is known without looking up its name; the end of a sentence.
    fn bars(&self, target: &Target) -> Option<String>;

    /// Connects to a receiver, on the trust of its Sender if that has one of its own; nothing of a request leaves.
    fn connect<'a>(
        &'a self,
        target: &'a Target,
        trust: Option<&'a Trust>,
    ) -> BoxFuture<'a, Result<Box<dyn Wire>, Attempt>>;
}

/// Where is measured.
pub struct Measured {
    /// The address of the platform's Prometheus.
    pub address: String,
    /// What that one is shown. No other is shown anything: whoever writes a pool names its address, and could have the
    /// credentials sent to himself.
    pub access: Access,
    /// Further addresses that pools may name; None: any. Whoever writes a pool could have the operator knock anywhere.
    pub others: Option<Vec<String>>,
}

impl Measured {
    /// Why an address is not asked; the end of a sentence.
    fn bars(&self, address: &str) -> Option<String> {
        let is = |known: &str| plain(known) == plain(address);
        let is_listed = self.others.as_ref().is_none_or(|others| others.iter().any(|other| is(other)));
        (!is(&self.address) && !is_listed).then(|| {
            format!("pools may not be measured at {address}; the platform team allows that by prometheus.addresses of the chart")
        })
    }
}

/// An address as it is told from others: whether a slash ends it means nothing.
pub(super) fn plain(address: &str) -> &str {
    address.trim_end_matches('/')
}

/// The real one.
pub struct Network {
    trust: Trust,
    reach: Reach,
    limits: Limits,
    measured: Measured,
}

impl Network {
    /// Believes receivers by these certificates, goes no further than this, and measures there.
    pub fn new(trust: Trust, reach: Reach, measured: Measured) -> Network {
        Network { trust, reach, limits: Limits::default(), measured }
    }
}

impl Outside for Network {
    fn gauge(&self, address: &str) -> Result<Arc<dyn Gauge>, String> {
        if let Some(barred) = self.measured.bars(address) {
            return Err(barred);
        }
        let is_known = plain(address) == plain(&self.measured.address);
        let access = if is_known { self.measured.access.clone() } else { Access::default() };
        let sensor = Sensor::new(address, access).map_err(|error| error.to_string())?;
        Ok(Arc::new(sensor))
    }

    fn bars(&self, target: &Target) -> Option<String> {
        self.reach.target(target).err().map(|barred| barred.to_string())
    }

    fn connect<'a>(
        &'a self,
        target: &'a Target,
        trust: Option<&'a Trust>,
    ) -> BoxFuture<'a, Result<Box<dyn Wire>, Attempt>> {
        Box::pin(async move {
            let trust = trust.unwrap_or(&self.trust);
            let connection = senders::connect(target, trust, &self.reach, &self.limits).await?;
            Ok(Box::new(connection) as Box<dyn Wire>)
        })
    }
}

/// Nothing is outside: for whoever must neither measure nor send.
pub struct Nowhere;

impl Outside for Nowhere {
    fn gauge(&self, _: &str) -> Result<Arc<dyn Gauge>, String> {
        Err("nothing is measured here".to_owned())
    }

    fn bars(&self, _: &Target) -> Option<String> {
        None
    }

    fn connect<'a>(&'a self, _: &'a Target, _: Option<&'a Trust>) -> BoxFuture<'a, Result<Box<dyn Wire>, Attempt>> {
        Box::pin(async { Err(Attempt::NotFired { why: "nothing is sent from here".to_owned() }) })
    }
}

impl Gauge for Sensor {
    fn read<'a>(
        &'a self,
        question: &'a Question,
        at: Timestamp,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Reading, SensorFault>> {
        Box::pin(Sensor::read(self, question, at, now))
    }

    fn history<'a>(
        &'a self,
        query: &'a str,
        reduce: Option<Reduce>,
        from: Timestamp,
        to: Timestamp,
        step: SignedDuration,
    ) -> BoxFuture<'a, Result<HistoryPoints, SensorFault>> {
        Box::pin(Sensor::history(self, query, reduce, from, to, step))
    }
}

impl Wire for Connection {
    fn send<'a>(self: Box<Self>, effect: &'a Effect, last_check: LastCheck) -> BoxFuture<'a, Attempt>
    where
        Self: 'a,
    {
        Box::pin(Connection::send(*self, effect, last_check))
    }

    fn ask<'a>(self: Box<Self>, question: &'a Effect, recipients: u64) -> BoxFuture<'a, Said>
    where
        Self: 'a,
    {
        Box::pin(Connection::ask(*self, question, recipients))
    }

    fn call<'a>(self: Box<Self>, call: &'a Effect) -> BoxFuture<'a, Result<(StatusCode, Vec<u8>), String>>
    where
        Self: 'a,
    {
        Box::pin(Connection::call(*self, call))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_measured_only_where_the_platform_team_lets_it() {
        let measured = |others: Option<&[&str]>| Measured {
            address: "http://prometheus:9090".to_owned(),
            access: Access::default(),
            others: others.map(|others| others.iter().map(|other| (*other).to_owned()).collect()),
        };
        let closed = measured(Some(&[]));
        assert_eq!(closed.bars("http://prometheus:9090/"), None);
        let barred = closed.bars("http://169.254.169.254/").unwrap_or_default();
        assert!(barred.contains("may not be measured at http://169.254.169.254/"), "{barred}");
        assert!(barred.contains("prometheus.addresses"), "{barred}");
        let listed = measured(Some(&["http://thanos:9090/"]));
        assert_eq!(listed.bars("http://thanos:9090"), None);
        assert!(listed.bars("http://thanos:9090.evil").is_some());
        assert_eq!(measured(None).bars("http://anywhere"), None);
    }
}
