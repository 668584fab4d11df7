//! How the operator writes, and that it lives.

use headroom::sim::apiserver::Verb;

use super::Case;

pub fn every_write_insists(case: &Case<'_>) -> Result<(), String> {
    for call in &case.played.calls {
        let is_ours = call.agent.starts_with("headroom") && call.place.plural != "events";
        if is_ours && matches!(call.verb, Verb::Update | Verb::Patch) && call.insisted.is_none() {
            return Err(format!("{} wrote {} at {} without a resource version", call.agent, call.place, call.at));
        }
        if is_ours && matches!(call.verb, Verb::Delete | Verb::DeleteCollection) {
            return Err(format!("{} deleted {} at {}", call.agent, call.place, call.at));
        }
    }
    Ok(())
}

pub fn the_operator_goes_on(case: &Case<'_>) -> Result<(), String> {
    if case.played.is_alive { Ok(()) } else { Err("an operator has ended that nobody killed".to_owned()) }
}
