//! What must be true in every state, by the names of `testing.md` and `protocol.md`; and what must be true in some, or the
//! model would be dead and prove nothing.

use stateright::Property;

use super::Protocol;
use super::cluster::{Breach, CAMPAIGNS, Entry, Outcome, SLOTS, State, WAVES, slot};

fn entries(state: &State) -> impl Iterator<Item = &Entry> {
    state.entries.iter().flatten()
}

/// No recipient is in two waves of a send that had an effect.
fn is_disjoint(state: &State) -> bool {
    (0..CAMPAIGNS).all(|campaign| {
        let of = |wave| state.received[slot(campaign, wave)];
        (0..WAVES).all(|one| {
            (0..one).all(|other| {
                let (a, b) = (of(one), of(other));
                a.effects == 0
                    || b.effects == 0
                    || a.offset + a.recipients <= b.offset
                    || b.offset + b.recipients <= a.offset
            })
        })
    })
}

/// What happens between two states and shows in neither.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum Sight {
    Conflict = 1,
    FactWins = 2,
    Retry = 4,
}

pub fn all() -> Vec<Property<Protocol>> {
    vec![
        Property::always("I1 a wave goes at most once", |_, state: &State| {
            state.received.iter().all(|received| received.effects <= 1)
        }),
        Property::always("R10 nobody is in two waves", |_, state: &State| is_disjoint(state)),
        Property::always("I2 the ledger knows it first", |_, state: &State| !state.has_broken(Breach::Intent)),
        Property::always("I3 the evidence was fresh", |_, state: &State| !state.has_broken(Breach::Evidence)),
        Property::always("I4 no gate opens without proof", |_, state: &State| !state.has_broken(Breach::Proof)),
        Property::always("I5 in order, and soaked", |_, state: &State| !state.has_broken(Breach::Order)),
        Property::always("I6 nothing new is fired after a stop", |_, state: &State| !state.has_broken(Breach::Stop)),
        Property::always("I7 room is sold once", |_, state: &State| !state.has_broken(Breach::Room)),
        Property::always("I12 nothing is caught up", |_, state: &State| !state.has_broken(Breach::CaughtUp)),
        Property::always("R8 an outcome stays, and Released was received", |_, state: &State| {
            let is_received = |slot: usize| state.received[slot].effects > 0;
            let is_released =
                |slot: usize| state.entries[slot].is_some_and(|entry| entry.outcome == Some(Outcome::Released));
            !state.has_broken(Breach::Ledger) && (0..SLOTS).all(|slot| !is_released(slot) || is_received(slot))
        }),
        Property::sometimes("every wave of both Campaigns is released", |_, state: &State| {
            entries(state).filter(|entry| entry.outcome == Some(Outcome::Released)).count() == 4
        }),
        Property::sometimes("a compare-and-swap fails", |model, _| model.has_witnessed(Sight::Conflict)),
        Property::sometimes("an outcome is unknown", |_, state: &State| {
            entries(state).any(|entry| entry.outcome == Some(Outcome::Unknown))
        }),
        Property::sometimes("the time of a wave passes", |_, state: &State| {
            entries(state).any(|entry| entry.skip == Some(super::cluster::Reason::Missed))
        }),
        Property::sometimes("a fact wins against a wave that is armed", |model, _| {
            model.has_witnessed(Sight::FactWins)
        }),
        Property::sometimes("a wave that stayed away is released later", |model, _| model.has_witnessed(Sight::Retry)),
    ]
}

/// Not every mix can show everything that is shown sometimes.
pub fn is_shown(property: &str, model: &Protocol) -> bool {
    let (is_coarse, last) = (model.samples == 1, model.last);
    match property {
        "every wave of both Campaigns is released" => last >= if is_coarse { 3 } else { 5 },
        "an outcome is unknown" => model.mix.receiver || (is_coarse && last >= 3),
        "the time of a wave passes" => is_coarse && last == 4,
        "a fact wins against a wave that is armed" => model.mix.stops || (is_coarse && last == 4),
        _ => true,
    }
}
