//! Operators that are wrong in one point each: every one of them must break the property that the point is for. A model
//! that cannot fail proves nothing.

use super::cluster::{Outcome, SLOTS, Sensor, Tried, WAVES};
use super::decide::Seen;
use super::hand::Streak;
use super::{Mix, Protocol};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// No P5b.
    NoReread,
    /// No P5c.
    NoLastCheck,
    /// P3 as a patch without a version.
    ArmsWithoutVersion,
    /// P2 as a patch without a version.
    ReservesWithoutVersion,
    /// P4 takes `AlreadyExists` for its own write.
    TakesAnyEntryForItsOwn,
    /// P6 before P4.
    SendsBeforeLedger,
    /// P0 reads and compares nothing.
    NoSecondLook,
    /// Neither the plan nor P5b looks at the pool's promise.
    IgnoresReservation,
    /// A promise counts as kept as soon as its wave has an entry, be it of a try that stayed away. So did the plan itself
    /// until this model found how room was sold twice.
    TakesRetryForKept,
    /// The outcome is written whatever is there.
    RecordsWithoutVersion,
    /// An Unknown is taken for one that stayed away.
    RetriesUnknown,
    /// A Campaign made anew does not know the entries of the one before.
    KnowsByUid,
    /// Who has had it is worked out anew, not read from the ledger.
    ForgetsOffsets,
    /// When a wave went is not read from the ledger.
    ForgetsSoak,
    /// The last value stands for a silent sensor.
    TakesSilenceForRoom,
    /// A look that fails does not begin the count anew.
    KeepsStreak,
}

impl Protocol {
    /// What a wrong operator shows to the plan.
    pub fn distort(&self, seen: &mut Seen) {
        match self.mutant {
            Some(Mutant::IgnoresReservation) => seen.pool.reservation = None,
            Some(Mutant::TakesRetryForKept) => {
                seen.pool.reservation =
                    seen.pool.reservation.filter(|(slot, _)| seen.entries[usize::from(*slot)].is_none());
            }
            Some(Mutant::TakesSilenceForRoom) if seen.sensor == Sensor::Silent => seen.sensor = Sensor::Room,
            Some(Mutant::RetriesUnknown) => {
                let unknown = |outcome| outcome == Some(Outcome::Unknown);
                for entry in seen.entries.iter_mut().flatten().filter(|entry| unknown(entry.outcome)) {
                    (entry.outcome, entry.result) = (None, Some(Tried::NotSent));
                }
            }
            Some(Mutant::KnowsByUid) => {
                for (slot, entry) in seen.entries.iter_mut().enumerate() {
                    let birth = seen.campaigns[slot / WAVES].birth;
                    *entry = entry.filter(|entry| entry.birth == birth);
                }
            }
            Some(Mutant::ForgetsOffsets) => {
                seen.entries.iter_mut().flatten().for_each(|entry| (entry.offset, entry.recipients) = (0, 0));
            }
            Some(Mutant::ForgetsSoak) => seen.entries.iter_mut().flatten().for_each(|entry| entry.newest = 0),
            _ => {}
        }
    }

    /// What an operator remembers after a look.
    pub fn remembered(
        &self,
        seen: &Seen,
        before: &[Option<Streak>; SLOTS],
        after: [Option<Streak>; SLOTS],
    ) -> [Option<Streak>; SLOTS] {
        let is_room = seen.sensor == Sensor::Room && seen.is_scaled;
        if self.mutant == Some(Mutant::KeepsStreak) && !is_room { *before } else { after }
    }
}

#[test]
fn each_wrong_operator_is_caught_by_the_property_it_breaks() {
    let crashes = Mix { crash: true, ..Mix::default() };
    let stops = Mix { stops: true, ..Mix::default() };
    let deletes = Mix { deletes: true, ..Mix::default() };
    let edits = Mix { edits: true, ..Mix::default() };
    let lags = Mix { lag: true, ..Mix::default() };
    let receivers = Mix { receiver: true, ..Mix::default() };
    let sensors = Mix { sensor: true, ..Mix::default() };
    let wrong: [(Mutant, Mix, u8, u8, &str); 16] = [
        (Mutant::NoReread, stops, 0, 1, "I6 nothing new is fired after a stop"),
        (Mutant::NoLastCheck, crashes, 0, 0, "I3 the evidence was fresh"),
        (Mutant::ArmsWithoutVersion, stops, 0, 1, "I6 nothing new is fired after a stop"),
        (Mutant::ReservesWithoutVersion, crashes, 0, 0, "I7 room is sold once"),
        (Mutant::TakesAnyEntryForItsOwn, crashes, 0, 0, "I1 a wave goes at most once"),
        (Mutant::SendsBeforeLedger, crashes, 0, 0, "I2 the ledger knows it first"),
        (Mutant::NoSecondLook, lags, 1, 0, "I7 room is sold once"),
        (Mutant::IgnoresReservation, crashes, 0, 0, "I7 room is sold once"),
        (Mutant::TakesRetryForKept, crashes, 0, 0, "I7 room is sold once"),
        (Mutant::RecordsWithoutVersion, crashes, 0, 0, "R8 an outcome stays, and Released was received"),
        (Mutant::RetriesUnknown, receivers, 1, 0, "I1 a wave goes at most once"),
        (Mutant::KnowsByUid, deletes, 0, 2, "I1 a wave goes at most once"),
        (Mutant::ForgetsOffsets, edits, 0, 0, "R10 nobody is in two waves"),
        (Mutant::ForgetsSoak, crashes, 0, 0, "I5 in order, and soaked"),
        (Mutant::TakesSilenceForRoom, sensors, 1, 0, "I4 no gate opens without proof"),
        (Mutant::KeepsStreak, sensors, 1, 0, "I4 no gate opens without proof"),
    ];
    for (mutant, mix, faults, deeds, property) in wrong {
        let mut protocol = Protocol::new(mix, faults, deeds);
        if mutant == Mutant::KnowsByUid {
            protocol = protocol.until(1);
        }
        if mutant == Mutant::KeepsStreak {
            protocol = protocol.confirming();
        }
        protocol.mutant = Some(mutant);
        protocol.finds(property);
    }
}
