//! A pool: its rules, and its plan of waves.

use crate::api::CapacityPoolSpec;
use crate::api::campaign::{Schedule as Written, Wave};
use crate::plan::rules::Rules;
use crate::plan::schedule::Schedule;
use crate::plan::waves::WavePlan;

use super::super::finding::{Rule, Severity};
use super::super::object::Held;
use super::{read, tell};

/// Looks at a pool.
pub fn look(object: &mut Held) {
    let Some(spec) = read::<CapacityPoolSpec>(object) else { return };
    match Rules::parse(&spec) {
        Err(unusable) => object.tell(Severity::Error, Rule::Invalid, &unusable.field, unusable.why),
        Ok(rules) => {
            for full in rules.without_capacity() {
                object.tell(Severity::Warning, Rule::NoCapacity, &full.field, full.why);
            }
        }
    }
    if let Some(waves) = &spec.waves {
        plan(object, waves, &Written::default());
    }
}

/// Looks at a plan of waves and when each may leave.
pub fn plan(object: &mut Held, waves: &[Wave], schedule: &Written) {
    if let Err(error) = WavePlan::resolve(Some(waves), None) {
        tell(object, Rule::Invalid, &error.to_string(), "spec.waves");
    }
    let Ok(schedule) = Schedule::parse(schedule) else { return };
    for wave in waves {
        let path = format!("spec.waves[{}]", wave.name);
        if let Err(error) = schedule.for_wave(&path, wave.time_zone.as_deref(), wave.windows.as_deref()) {
            object.tell(Severity::Error, Rule::Invalid, &error.field, error.why);
        }
    }
}
