//! What lies outside the cluster, as the operator meets it: servers it measures at, and receivers it sends to. Two narrow
//! doors, so that a simulated world can stand behind them and the operator never notices. The API server is not one of
//! them: a simulated one speaks its own protocol.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};

use crate::api::pool::Reduce;
use crate::plan::inquiry::Said;
use crate::plan::reading::{HistoryPoints, Reading, SensorFault};
use crate::prometheus::{Access, Sensor};
use crate::senders::{self, Attempt, Connection, Effect, LastCheck, Limits, Reach, Target, Trust};

/// A server that is asked for measurements.
pub trait Gauge: Send + Sync {
    /// One number, and how old the samples behind it are.
    fn read<'a>(
        &'a self,
        query: &'a str,
        reduce: Option<Reduce>,
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
    /// The server at an address, or why the address cannot be used. The same address is the same server, so that its bound
    /// on questions in flight holds.
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

/// The real one.
pub struct Network {
    trust: Trust,
    reach: Reach,
    limits: Limits,
    /// The address of the platform's Prometheus, and what that one is shown.
    known: (String, Access),
    sensors: Mutex<HashMap<String, Arc<Sensor>>>,
}

impl Network {
    /// Believes receivers by these certificates, goes no further than this, and shows the Prometheus at this address what it may
    /// see. No other is shown anything: whoever writes a pool names its address, and could have the credentials sent to himself.
    pub fn new(trust: Trust, reach: Reach, prometheus: &str, access: Access) -> Network {
        let known = (prometheus.to_owned(), access);
        Network { trust, reach, limits: Limits::default(), known, sensors: Mutex::default() }
    }
}

impl Outside for Network {
    fn gauge(&self, address: &str) -> Result<Arc<dyn Gauge>, String> {
        let mut sensors = self.sensors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sensor) = sensors.get(address) {
            return Ok(Arc::clone(sensor) as Arc<dyn Gauge>);
        }
        let (known, access) = &self.known;
        let access = if address == known { access.clone() } else { Access::default() };
        let sensor = Arc::new(Sensor::new(address, access).map_err(|error| error.to_string())?);
        sensors.insert(address.to_owned(), Arc::clone(&sensor));
        Ok(sensor)
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
        query: &'a str,
        reduce: Option<Reduce>,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Reading, SensorFault>> {
        Box::pin(Sensor::read(self, query, reduce, now))
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
