//! Which answers of a sensor are believed. A gate opens on what is known, never on the absence of bad news.

use jiff::{SignedDuration, Timestamp};

use super::number;
use super::reading::{Reading, SensorFault};
use super::rules::{Plausible, WorkloadRules};
use super::snapshot::Found;
use super::why::{Measured, Why};

/// A reading that is fresh enough to act on and can be true, or why it is not.
pub fn plausible<'a>(
    answer: &'a Result<Reading, SensorFault>,
    (measured, name): (Measured, &str),
    plausible: &Plausible,
    most: SignedDuration,
    now: Timestamp,
) -> Result<&'a Reading, Why> {
    let reading = reading(answer, measured, name, "", most, now)?;
    admitted(reading, measured, name, plausible)
}

fn admitted<'a>(
    reading: &'a Reading,
    measured: Measured,
    name: &str,
    plausible: &Plausible,
) -> Result<&'a Reading, Why> {
    if plausible.admits(reading.value) {
        return Ok(reading);
    }
    let (name, plausible) = (name.to_owned(), plausible.clone());
    Err(Why::Implausible { measured, name, value: reading.value, plausible })
}

/// A reading that is fresh enough to act on, or why it is not.
pub fn reading<'a>(
    answer: &'a Result<Reading, SensorFault>,
    measured: Measured,
    name: &str,
    workload: &str,
    most: SignedDuration,
    now: Timestamp,
) -> Result<&'a Reading, Why> {
    let reading =
        answer.as_ref().map_err(|fault| Why::Sensor { measured, name: name.to_owned(), fault: fault.clone() })?;
    // A sensor refuses these itself; what is weighed must be a number whoever read it.
    if !reading.value.is_finite() {
        let fault = if reading.value.is_nan() { SensorFault::NotANumber } else { SensorFault::Infinite };
        return Err(Why::Sensor { measured, name: name.to_owned(), fault });
    }
    let age = now.duration_since(reading.sample_at);
    if age > most {
        return Err(Why::TooOld {
            measured,
            name: name.to_owned(),
            age: age.as_secs(),
            limit: most.as_secs(),
            workload: workload.to_owned(),
        });
    }
    Ok(reading)
}

/// A workload's demand: a reading that can be true, and is no less than nothing. Exactly nothing is what a query gives, too, that
/// finds nothing and says 0 then: it counts only where its replicas are seen behind it, or the owner says that it can be.
pub fn demand<'a>(
    answer: &'a Result<Reading, SensorFault>,
    rules: &WorkloadRules,
    workload: &str,
    most: SignedDuration,
    now: Timestamp,
) -> Result<&'a Reading, Why> {
    let reading = reading(answer, Measured::Demand, &rules.name, workload, most, now)?;
    if reading.value < 0.0 {
        return Err(Why::Negative { workload: rules.name.clone(), value: reading.value });
    }
    if reading.value == 0.0 && rules.coverage.is_none() && rules.plausible.min.is_none() {
        let (name, plausible) = (rules.name.clone(), Plausible::default());
        return Err(Why::Implausible { measured: Measured::Demand, name, value: 0.0, plausible });
    }
    admitted(reading, Measured::Demand, &rules.name, &rules.plausible)
}

/// Whether the demand of all, or nearly all, replicas that are ready is in a reading. A share of what is not counted is 0. Where
/// more are seen than there are, some are leaving, and hide how many of the others are not seen. Where all are seen but some of those
/// that are beyond the `fewest` that were ready a moment ago, nothing is wrong, and it is told so; no less is asked for.
pub fn covered(reading: &Reading, rules: &WorkloadRules, least: f64, found: &Found, fewest: i32) -> Result<(), Why> {
    let Some(seen_by) = &rules.coverage else { return Ok(()) };
    let (seen, there) = (reading.replicas.unwrap_or(0.0), f64::from(found.replicas.max(found.ready)));
    let is_none_of_some = seen <= 0.0 && there > 0.0;
    if number::suffices(seen, f64::from(found.ready) * least) && number::suffices(there, seen) && !is_none_of_some {
        return Ok(());
    }
    let are_old_seen = seen > 0.0 && number::suffices(seen, f64::from(fewest) * least);
    Err(Why::Uncovered {
        workload: rules.name.clone(),
        are_new: fewest < found.ready && are_old_seen && number::suffices(there, seen),
        seen,
        ready: found.ready,
        there: found.replicas.max(found.ready),
        least,
        seen_by: seen_by.clone(),
    })
}
