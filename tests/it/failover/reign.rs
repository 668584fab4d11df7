//! Who led when, and what those wrote who did not: judged from what the API server took. Its versions are of one sequence for all
//! objects, so that they tell the order of any two writes, whatever a clock says.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::support::proxy::Write;

/// So long a lease is unchanged before another takes it, less what two clocks' steps may make of it.
const LASTS: SignedDuration = SignedDuration::from_millis(2_950);

/// From one write of the Lease to the next.
struct Reign {
    version: u64,
    begun: Timestamp,
    answered: Timestamp,
    /// Whose it is; none where it was given back.
    who: Option<String>,
}

/// What was written by those who led no more.
#[derive(Clone, Copy, Debug, Default)]
pub struct Late {
    /// What became of attempts of their own, in the ledger.
    pub outcomes: usize,
    /// Ends of what was under way, each by the version that was read.
    pub others: usize,
}

fn version(object: &Value) -> Option<u64> {
    object["metadata"]["resourceVersion"].as_str()?.parse().ok()
}

fn is_of_the_lease(write: &Write) -> bool {
    write.path.contains("/leases")
}

fn taken(book: &[Write]) -> Vec<(u64, &Write)> {
    let is_taken = |write: &&Write| (200..300).contains(&write.status) && !write.path.contains("dryRun");
    // What changed nothing has the version of an earlier write.
    let changed = |write: &Write| version(&write.answer).filter(|now| version(&write.body) != Some(*now));
    let mut taken: Vec<(u64, &Write)> =
        book.iter().filter(is_taken).filter_map(|write| Some((changed(write)?, write))).collect();
    taken.sort_by_key(|(version, _)| *version);
    taken
}

fn reigns(taken: &[(u64, &Write)]) -> Vec<Reign> {
    let of_lease = taken.iter().filter(|(_, write)| is_of_the_lease(write));
    let reign = |(version, write): &(u64, &Write)| {
        let holder = write.answer["spec"]["holderIdentity"].as_str().unwrap_or_default();
        let who = (!holder.is_empty()).then(|| write.who.clone());
        Reign { version: *version, begun: write.begun, answered: write.answered, who }
    };
    of_lease.map(reign).collect()
}

/// The entry of a write of the ledger, and whether an attempt was begun by it.
fn entry(write: &Write) -> Option<(&str, bool)> {
    if !write.path.contains("/wavereleases") {
        return None;
    }
    let newest = write.body["status"]["attempts"].as_array().and_then(|attempts| attempts.last());
    let begins = write.method == "POST" || newest.is_some_and(|attempt| attempt["result"].is_null());
    Some((write.answer["metadata"]["name"].as_str()?, begins))
}

/// The writes by which attempts of an entry were begun.
fn begun<'a>(taken: &[(u64, &'a Write)], name: &str) -> Vec<&'a Write> {
    let begins = |write: &&Write| entry(write).is_some_and(|(of, begins)| begins && of == name);
    taken.iter().map(|(_, write)| *write).filter(begins).collect()
}

/// What is broken, and what came late and was in order.
pub fn check(book: &[Write], received: &[Value]) -> (Vec<String>, Late) {
    let (taken, mut broken, mut late) = (taken(book), Vec::new(), Late::default());
    let reigns = reigns(&taken);
    for pair in reigns.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        let held = after.begun.duration_since(before.begun);
        if before.who.is_some() && after.who.is_some() && before.who != after.who && held < LASTS {
            broken.push(format!("{:?} took the lease of {:?} {held:#} after it was written", after.who, before.who));
        }
    }
    for (version, write) in taken.iter().filter(|(_, write)| !is_of_the_lease(write) && !is_event(write)) {
        let place = reigns.partition_point(|reign| reign.version < *version);
        let (led, told) = (&reigns[..place], format!("{}: {} {}", write.who, write.method, write.path));
        if led.last().is_some_and(|reign| reign.who.as_ref() == Some(&write.who)) {
            continue;
        }
        if !led.iter().any(|reign| reign.who.as_ref() == Some(&write.who)) {
            broken.push(format!("{told} by one who had not led"));
            continue;
        }
        match entry(write) {
            // Whether it came to anything is seen where it would have come to.
            Some((_, true)) => late.others += 1,
            Some((name, false)) if begun(&taken, name).iter().any(|begun| begun.who == write.who) => late.outcomes += 1,
            Some(_) => broken.push(format!("{told} of an attempt of another by one who led no more")),
            None if self::version(&write.body).is_some() => late.others += 1,
            None => broken.push(format!("{told} without a version by one who led no more")),
        }
    }
    for request in received {
        let (at, key) = (request["at"].as_str().unwrap().parse::<Timestamp>().unwrap(), &request["key"]);
        let made =
            taken.iter().find(|(_, write)| write.method == "POST" && write.body["spec"]["request"]["key"] == *key);
        let name = made.and_then(|(_, write)| entry(write)).map(|(name, _)| name);
        let Some(by) = name.and_then(|name| begun(&taken, name).into_iter().rfind(|write| write.begun < at)) else {
            broken.push(format!("{key} came and nobody had begun it"));
            continue;
        };
        let led = reigns.iter().rfind(|reign| reign.answered <= at).and_then(|reign| reign.who.as_ref());
        if led != Some(&by.who) {
            broken.push(format!("{key} came from {} at {at}, and {led:?} led", by.who));
        }
    }
    (broken, late)
}

fn is_event(write: &Write) -> bool {
    write.path.contains("/events")
}
