//! Which answers of a sensor are believed. A gate opens on what is known, never on the absence of bad news.

use jiff::{SignedDuration, Timestamp};

use super::reading::{Reading, SensorFault};
use super::why::{Measured, Why};

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

/// A workload's demand: a reading that is no less than nothing.
pub fn demand<'a>(
    answer: &'a Result<Reading, SensorFault>,
    name: &str,
    workload: &str,
    most: SignedDuration,
    now: Timestamp,
) -> Result<&'a Reading, Why> {
    let reading = reading(answer, Measured::Demand, name, workload, most, now)?;
    if reading.value < 0.0 {
        return Err(Why::Negative { workload: name.to_owned(), value: reading.value });
    }
    Ok(reading)
}
