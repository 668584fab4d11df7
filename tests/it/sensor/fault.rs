//! What may befall a real Prometheus, or the clocks around it, for a while. Each is done to the process itself.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::support::prometheus::{Prometheus, RULE, Sees};
use crate::support::skew::Skew;

/// What is wrong for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not there.
    Killed,
    /// It is not there, and then again, having forgotten everything.
    Forgetful,
    /// It remembers, and scrapes nothing.
    Blind,
    /// It scrapes Headroom alone.
    HalfBlind,
    /// It has lost four pods, of 24 at the most.
    SomePods,
    /// It is that of another cluster.
    Stranger,
    /// A remote store that it reads as well does not answer.
    RemoteSilent,
    /// What it records by rule is of a minute ago.
    RulesLate,
    /// What it recorded by rule it records no more.
    RulesIdle,
    /// Forgetful, and what is asked for is recorded by rule: nothing in its samples tells that they look back over too little.
    RulesForgetful,
    /// The operator's clock is a minute ahead of its own, and of the API server's.
    ClockAhead,
    /// A minute behind.
    ClockBehind,
}

pub const FAULTS: [Fault; 12] = [
    Fault::Killed,
    Fault::Forgetful,
    Fault::Blind,
    Fault::HalfBlind,
    Fault::SomePods,
    Fault::Stranger,
    Fault::RemoteSilent,
    Fault::RulesLate,
    Fault::RulesIdle,
    Fault::RulesForgetful,
    Fault::ClockAhead,
    Fault::ClockBehind,
];

/// A Prometheus in trouble; none where there is none.
pub struct Wrong {
    fault: Fault,
    pub prometheus: Option<Prometheus>,
    /// It takes connections, as its system does for it, and says nothing.
    _remote: Option<TcpListener>,
}

impl Fault {
    /// From now on it is so, in place of one that saw everything.
    pub fn befalls(self, port: u16, seeing: Prometheus, skew: &Skew) -> Wrong {
        let (mut remote, mut still) = (None, None);
        match self {
            Fault::ClockAhead | Fault::ClockBehind => {
                skew.set(if self == Fault::ClockAhead { 60 } else { -60 });
                still = Some(seeing);
            }
            Fault::Forgetful | Fault::RulesForgetful | Fault::Stranger => seeing.forget(),
            _ => drop(seeing),
        }
        let sees = match self {
            Fault::Killed | Fault::Forgetful | Fault::RulesForgetful | Fault::ClockAhead | Fault::ClockBehind => None,
            Fault::Blind => Some(Sees::Nothing),
            Fault::HalfBlind => Some(Sees::Headroom),
            Fault::SomePods => Some(Sees::AllBut("web-.+-bbbb[bcdf]")),
            Fault::Stranger => Some(Sees::TheShop),
            Fault::RulesLate => Some(Sees::ByLateRules),
            Fault::RulesIdle => Some(Sees::ByIdleRules),
            Fault::RemoteSilent => {
                let listener = remote.insert(TcpListener::bind("127.0.0.1:0").unwrap());
                Some(Sees::WithRemote(listener.local_addr().unwrap().port()))
            }
        };
        let prometheus = still.or_else(|| sees.map(|sees| Prometheus::start(port, &sees)));
        Wrong { fault: self, prometheus, _remote: remote }
    }

    /// Whether it lies in what was recorded by a rule.
    pub fn is_of_rules(self) -> bool {
        matches!(self, Fault::RulesLate | Fault::RulesIdle | Fault::RulesForgetful)
    }

    /// Whether it has begun anew when it is there again.
    pub fn forgets(self) -> bool {
        matches!(self, Fault::Forgetful | Fault::RulesForgetful)
    }

    /// The pool's workloads: measured as everybody should, or by the rule.
    pub fn workloads(self, world: &str) -> Value {
        let shop = format!(r#"namespace="{world}-shop""#);
        let demand = if self.is_of_rules() {
            // One that has ended while nobody scraped it is repeated for five minutes.
            let fresh = format!(r#"timestamp(http_requests_total{{{shop},app="web"}}) > time() - 10"#);
            let pods = format!("count(count by (pod) ({fresh}))");
            json!({"query": format!("sum({RULE}{{{shop}}})"), "peak": "320/s", "coverage": {"query": pods}})
        } else {
            json!({"query": format!(r#"sum(rate(http_requests_total{{{shop},app="web"}}[5s]))"#), "peak": "320/s"})
        };
        json!([{
            "name": "web", "targetRef": {"kind": "Deployment", "name": "web"},
            "demand": demand, "capacityPerReplica": "100/s", "maxReplicas": 24,
        }])
    }

    /// Whether these words tell of it.
    pub fn is_told_by(self, reason: &str, message: &str) -> bool {
        let is_untrusted = reason == "SensorUntrusted";
        let is_late = reason == "SampleTooOld";
        match self {
            Fault::Killed => is_untrusted && message.contains("cannot be reached"),
            // What a rule wrote ends where its Prometheus does, as far as that knows.
            Fault::RulesLate | Fault::RulesIdle => is_late || (is_untrusted && message.contains("no series")),
            Fault::Forgetful | Fault::RulesForgetful | Fault::Blind | Fault::HalfBlind => is_untrusted || is_late,
            // Of pods that are new nobody can know whether they will be scraped.
            Fault::SomePods => is_untrusted || reason == "MeasuringReplicas",
            Fault::Stranger => is_untrusted,
            Fault::RemoteSilent => is_untrusted && message.contains("warning"),
            // By a clock that is behind, what has left is still leaving.
            Fault::ClockBehind if ["Sending", "Soaking"].contains(&reason) => true,
            Fault::ClockAhead | Fault::ClockBehind => is_untrusted && message.contains("clock"),
        }
    }
}

impl Wrong {
    /// Everything is well again.
    pub fn ends(self, port: u16, skew: &Skew) -> Prometheus {
        skew.set(0);
        match (self.fault, self.prometheus) {
            (Fault::ClockAhead | Fault::ClockBehind, Some(still)) => return still,
            (Fault::Stranger, Some(stranger)) => stranger.forget(),
            (_, gone) => drop(gone),
        }
        Prometheus::start(port, &Sees::Everything)
    }
}
