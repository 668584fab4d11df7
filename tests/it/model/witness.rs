//! What a receiver that sees all says of each request: whether the ledger knew it, whether its evidence was fresh, whether
//! anybody had stopped it, and whether there was room. It asks for nothing that the operator checked.

use super::Protocol;
use super::cluster::{Breach, END, Outcome, SOAK, State, WAVES, slot};
use super::hand::Order;
use super::steps::FRESH;

/// What is free with 10 replicas at 300 requests per second: 10 · 100 · 75 % − 300.
const FREE: u32 = 450;

/// What a wave of so many thousands brings at most, in requests per second, by hand: 2,000 messages a second, 0.4 requests
/// for each, half of them within 10 s (σ = 2), margin 1.66. At the end of n/2 s of sending that is
/// 800 · 1.66 · Φ(ln(n/20)/2): Φ(−1.151) = 0.1248, Φ(−0.805) = 0.2105, Φ(−0.602) = 0.2736, Φ(−0.458) = 0.3234.
fn load_of(thousands: u8) -> u32 {
    match thousands {
        0 => 0,
        2 => 166,
        4 => 280,
        6 => 363,
        8 => 430,
        _ => u32::MAX / 8,
    }
}

impl Protocol {
    /// What a receiver that sees all would say of a request. Nothing of what the operator checked is asked here.
    pub fn witness(&self, state: &mut State, me: usize, order: &Order, has_effect: bool) {
        let place = usize::from(order.slot);
        let (campaign, wave) = (place / WAVES, place % WAVES);
        let mine = Some(u8::try_from(me).unwrap());
        if !state.entries[place].is_some_and(|entry| entry.skip.is_none() && entry.maker == mine) {
            state.broke(Breach::Intent);
        }
        if !self.is_within(state, order.weighed, FRESH) {
            state.broke(Breach::Evidence);
        }
        if order.was_stopped {
            state.broke(Breach::Stop);
        }
        if self.seconds(state.now) + i64::from(order.recipients) / 2 > END {
            state.broke(Breach::CaughtUp);
        }
        let canary = state.entries[slot(campaign, 0)];
        let has_canary = canary.is_some_and(|entry| entry.skip.is_some() || entry.outcome == Some(Outcome::Released));
        let others = (0..WAVES).filter(|other| *other != wave).map(|other| (other, slot(campaign, other)));
        let is_soaked = others.filter(|(_, other)| state.received[*other].effects > 0).all(|(other, place)| {
            let went = state.received[place];
            let soak = if other == 0 { SOAK } else { 0 };
            let is_released = state.entries[place].is_some_and(|entry| entry.outcome == Some(Outcome::Released));
            is_released && self.since(state, went.at) >= i64::from(went.recipients) / 2 + soak
        });
        if !is_soaked || (wave > 0 && !has_canary) {
            state.broke(Breach::Order);
        }
        if !has_effect {
            return;
        }
        let arriving = state.received.iter().filter(|went| went.effects > 0 && went.at == state.now);
        if arriving.map(|went| load_of(went.recipients)).sum::<u32>() + load_of(order.recipients) > FREE {
            state.broke(Breach::Room);
        }
        let log = &mut state.received[place];
        log.effects = (log.effects + 1).min(2);
        (log.at, log.offset, log.recipients) = (state.now, order.offset, order.recipients);
    }
}
