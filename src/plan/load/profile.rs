//! What is known of a channel before anything was measured: how many respond, when, and with how many requests.

use super::Component;

/// What a message of a channel brings.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// People who come.
    pub human: Human,
    /// Machines that follow every link before anyone reads the message.
    pub scanner: Option<Scanner>,
}

/// People who come.
#[derive(Clone, Debug, PartialEq)]
pub struct Human {
    /// Share of recipients who come.
    pub visit_rate: f64,
    /// Requests of one visit.
    pub requests_per_visit: f64,
    /// Half of those who come have come by then, in minutes.
    pub median_minutes: f64,
    /// Standard deviation of the logarithm of the delay.
    pub sigma: f64,
}

/// Machines that follow links.
#[derive(Clone, Debug, PartialEq)]
pub struct Scanner {
    /// Share of messages that are scanned.
    pub share: f64,
    /// Links followed in each.
    pub links: f64,
}

/// How scanners respond: median in minutes, and sigma.
const SCANNING: (f64, f64) = (0.5, 1.0);

impl Profile {
    /// The built-in profile of a channel and class; none for what needs to be told.
    pub fn builtin(channel: &str, class: &str) -> Option<Profile> {
        let human =
            |visit_rate, median_minutes, sigma| Human { visit_rate, requests_per_visit: 10.0, median_minutes, sigma };
        let scanner = |share, links| Some(Scanner { share, links });
        match (channel, class) {
            ("email", "consumer") => Some(Profile { human: human(0.025, 165.0, 2.4), scanner: scanner(0.03, 3.0) }),
            ("email", "business") => Some(Profile { human: human(0.025, 165.0, 2.4), scanner: scanner(0.2, 5.0) }),
            ("push", _) => Some(Profile { human: human(0.04, 15.0, 2.0), scanner: None }),
            ("sms", _) => Some(Profile { human: human(0.04, 25.0, 2.0), scanner: scanner(0.02, 1.0) }),
            _ => None,
        }
    }

    /// For what has no built-in profile: how many come, when, and with how many requests has to be told. What nobody
    /// knows of his own send stays: the spread of the response, and machines that follow links, of which a class of its
    /// own is taken to have as many as any class of its channel.
    pub fn unknown(channel: &str) -> Profile {
        Profile::builtin(channel, "business").unwrap_or(Profile {
            human: Human { visit_rate: 1.0, requests_per_visit: 10.0, median_minutes: 15.0, sigma: 2.0 },
            scanner: None,
        })
    }

    /// As components of the load of one message.
    pub fn components(&self) -> Vec<Component> {
        let human = Component {
            per_message: self.human.visit_rate * self.human.requests_per_visit,
            median: self.human.median_minutes,
            sigma: self.human.sigma,
        };
        let scanner = self.scanner.as_ref().map(|scanner| Component {
            per_message: scanner.share * scanner.links,
            median: SCANNING.0,
            sigma: SCANNING.1,
        });
        std::iter::once(human).chain(scanner).collect()
    }
}
