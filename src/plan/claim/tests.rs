#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unnecessary_wraps)]

use super::*;

const POOL: &str = "shop/storefront";
const PACE: Pace = Pace { hold: SignedDuration::from_secs(600), step: 0.1 };

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// A target whose value is ours where the note says so, and else of "gitops".
fn target(value: Option<i32>, note: Option<Note>) -> Target {
    let is_ours = note.as_ref().is_some_and(|note| value == Some(note.last_written));
    Target {
        kind: TargetKind::Hpa,
        name: "web".into(),
        uid: "u".into(),
        value,
        note,
        note_is_alive: true,
        writer: Some(if is_ours { "headroom" } else { "gitops" }.into()),
    }
}

fn note(baseline: Option<i32>, last_written: i32) -> Option<Note> {
    asserted(baseline, last_written, 0)
}

fn asserted(baseline: Option<i32>, last_written: i32, reassertions: i32) -> Option<Note> {
    Some(Note { pool: POOL.into(), claim: "c".into(), baseline, last_written, reassertions })
}

/// A claim on the autoscaler "web", as it stands.
pub fn claim(baseline: Option<i32>, floor: i32) -> Claim {
    Claim {
        id: "c".into(),
        workload: "web".into(),
        kind: "HorizontalPodAutoscaler".into(),
        name: "web".into(),
        uid: "u".into(),
        baseline,
        floor,
        quiet_since: None,
        silent_since: None,
        stepped_at: None,
        raised_at: None,
        observed: true,
        reassertions: 0,
        rival: None,
    }
}

fn step(target: &Target, claim: Option<&Claim>, wish: Wish) -> Move {
    within(None, target, claim, wish)
}

fn within(most: Option<i32>, target: &Target, claim: Option<&Claim>, wish: Wish) -> Move {
    next(POOL, "web", target, claim, wish, most, PACE, &|_| true, "c", now())
}

const RISE: Wish = Wish::Hold { replicas: 12, rising: true };

#[test]
fn a_claim_with_the_baseline_comes_before_the_floor() {
    let taken = step(&target(Some(2), None), None, RISE);
    let made = taken.claim.unwrap();
    assert_eq!((made.baseline, made.floor, made.uid.as_str()), (Some(2), 12, "u"));
    assert_eq!(taken.write, Some(Write { value: Some(12), note: note(Some(2), 12) }));
    // A field that was not set is given back as not set.
    let unset = step(&target(None, None), None, RISE).claim.unwrap();
    assert_eq!(unset.baseline, None);
    let back = step(&target(Some(12), note(None, 12)), Some(&claim(None, 12)), Wish::ReleaseNow);
    assert_eq!(back.write, Some(Write { value: None, note: None }));
}

#[test]
fn a_value_that_was_given_back_to_somebody_is_still_his_when_scale_is_needed_again() {
    let rival = Some(Rival { manager: "gitops".into(), value: 3, seen_at: Time(now()) });
    // Given back, and read back with the claim still there, since what gave it back was answered with a conflict.
    let before = Claim { reassertions: 2, rival, ..claim(Some(3), 3) };
    let third = step(&target(Some(3), None), Some(&before), RISE);
    assert_eq!(third.claim.as_ref().map(|claim| (claim.floor, claim.reassertions)), Some((12, 3)));
    assert_eq!(third.write.and_then(|write| write.value), Some(12));
    let exhausted = Claim { reassertions: 3, ..before };
    let no_more = step(&target(Some(3), None), Some(&exhausted), RISE);
    assert!(no_more.write.is_none());
    assert_eq!(no_more.trouble, Some(Trouble::Contested { manager: "gitops".into(), value: 3 }));
}

#[test]
fn a_crash_between_claim_and_floor_is_healed() {
    let unwritten = Claim { observed: false, ..claim(Some(2), 12) };
    let healed = step(&target(Some(2), None), Some(&unwritten), RISE);
    assert_eq!(healed.write, Some(Write { value: Some(12), note: note(Some(2), 12) }));
    assert_eq!(healed.claim.unwrap().baseline, Some(2), "the baseline is the one that was written ahead");
    let standing = step(&target(Some(12), note(Some(2), 12)), Some(&claim(Some(2), 12)), RISE);
    assert_eq!(standing.write, None);
    // The note was taken away by a rollout's undo: it is written again, from the claim.
    let ours = Target { writer: Some(MANAGER.into()), ..target(Some(12), None) };
    let undone = step(&ours, Some(&claim(Some(2), 12)), RISE);
    assert_eq!(undone.write, Some(Write { value: Some(12), note: note(Some(2), 12) }));
    // Who wrote it is not known: as far as can be told it is ours.
    let unknown = Target { writer: None, ..target(Some(12), None) };
    assert_eq!(step(&unknown, Some(&claim(Some(2), 12)), RISE), undone);
}

#[test]
fn the_very_value_of_our_floor_is_somebodys_own_where_he_wrote_it_after_our_note_was_gone() {
    // "gitops" took our note away and set 12 itself: that is what it gets back, and no fourth time is it written over.
    let theirs = target(Some(12), None);
    let kept = step(&theirs, Some(&claim(Some(2), 12)), RISE);
    assert_eq!(kept.write, Some(Write { value: Some(12), note: note(Some(12), 12) }));
    let exhausted = Claim { reassertions: 3, ..claim(Some(2), 12) };
    let more = Wish::Hold { replicas: 15, rising: true };
    let no_more = step(&theirs, Some(&exhausted), more);
    assert_eq!(no_more.trouble, Some(Trouble::Contested { manager: "gitops".into(), value: 12 }));
    assert_eq!(no_more.write, None);
}

#[test]
fn only_what_was_read_back_under_our_claim_is_held() {
    let ours = claim(Some(2), 12);
    assert_eq!(held(&target(Some(12), note(Some(2), 12)), Some(&ours)), 12);
    assert_eq!(held(&target(Some(12), note(Some(2), 12)), None), 0);
    assert_eq!(held(&target(Some(12), None), Some(&ours)), 0);
    assert_eq!(held(&target(Some(9), note(Some(2), 12)), Some(&ours)), 0, "somebody has lowered it");
    let replaced = Target { uid: "other".into(), ..target(Some(12), note(Some(2), 12)) };
    assert_eq!(held(&replaced, Some(&ours)), 0);
}

#[test]
fn while_a_wave_waits_the_floor_only_rises() {
    let there = target(Some(12), note(Some(2), 12));
    let lower = step(&there, Some(&claim(Some(2), 12)), Wish::Hold { replicas: 8, rising: true });
    assert_eq!((lower.write, lower.claim.unwrap().floor), (None, 12));
    let higher = step(&there, Some(&claim(Some(2), 12)), Wish::Hold { replicas: 15, rising: true });
    assert_eq!(higher.write.unwrap().value, Some(15));
    let silent = within(Some(30), &there, Some(&claim(Some(2), 12)), Wish::Keep);
    assert_eq!((silent.write, silent.claim.unwrap().floor), (None, 12));
}

#[test]
fn a_floor_whose_note_is_gone_has_been_seen_and_is_not_taken_for_one_that_is_yet_to_be_written() {
    // Written by an operator that died of it; then "gitops" took the note away.
    let unseen = Claim { observed: false, ..claim(Some(2), 12) };
    let bare = Target { writer: Some(MANAGER.into()), ..target(Some(12), None) };
    let seen = step(&bare, Some(&unseen), RISE).claim.unwrap();
    assert!(seen.observed);
    // When the old value stands there again, somebody has put it back, which counts.
    let again = step(&target(Some(2), None), Some(&seen), RISE).claim.unwrap();
    assert_eq!((again.reassertions, again.rival.map(|rival| rival.value)), (1, Some(2)));
    // Whoever has set as much himself has shown nothing of ours.
    assert!(!step(&target(Some(12), None), Some(&Claim { floor: 9, ..unseen }), RISE).claim.unwrap().observed);
}

#[test]
fn a_floor_that_was_to_be_lowered_and_stands_is_not_lowered_in_silence() {
    // The claim says 2, and whoever was to write that has died; then the sensor fell silent.
    let there = target(Some(6), note(Some(2), 6));
    let silent = within(Some(30), &there, Some(&claim(Some(2), 2)), Wish::Keep);
    assert_eq!((silent.write, silent.claim.unwrap().floor), (None, 6));
    // While it is measured that nothing needs it, it goes as it was decided.
    let measured = step(&there, Some(&claim(Some(2), 2)), Wish::Release);
    assert_eq!(measured.write, Some(Write { value: Some(2), note: None }));
}

#[test]
fn a_floor_is_raised_above_no_cap_that_was_lowered_while_it_stood() {
    let ours = claim(Some(2), 17);
    for wish in [RISE, Wish::Hold { replicas: 5, rising: true }, Wish::Keep] {
        // Where it stands it stays, and goes down in its steps.
        let stands = within(Some(12), &target(Some(17), note(Some(2), 17)), Some(&ours), wish);
        assert_eq!((stands.write, stands.claim.unwrap().floor), (None, 17), "{wish:?}");
        // "gitops" has set 4: it is raised again, as far as its owner lets it be by now.
        let again = within(Some(12), &target(Some(4), note(Some(2), 17)), Some(&ours), wish);
        assert_eq!(again.write.and_then(|write| write.value), Some(12), "{wish:?}");
        // Or not at all.
        let below = within(Some(3), &target(Some(4), note(Some(2), 17)), Some(&ours), Wish::Keep);
        assert_eq!(below.claim.unwrap().floor, 4);
        // And so is one that was claimed and not written.
        let unwritten = Claim { observed: false, ..ours.clone() };
        let first = within(Some(12), &target(Some(2), None), Some(&unwritten), wish);
        assert_eq!(first.write.and_then(|write| write.value), Some(12), "{wish:?}");
    }
}

#[test]
fn a_floor_that_was_only_somebodys_own_value_is_kept_in_silence_no_higher_than_the_cap() {
    // He set 27 and we held it with him; now he has set 14.
    let lowered = target(Some(14), note(Some(27), 27));
    let moved = |most| within(most, &lowered, Some(&claim(Some(27), 27)), Wish::Keep).claim.unwrap();
    let below = moved(Some(24));
    assert_eq!((below.floor, below.baseline), (24, Some(14)));
    assert_eq!(moved(Some(30)).floor, 27, "what is needed may be as much, and nobody can say");
    // Rules that cannot be read know of no need and no cap.
    assert_eq!(moved(None).floor, 14);
}

#[test]
fn our_own_value_without_its_note_is_no_rivals() {
    // The floor was 12; the note was taken away; the floor was raised to 15 in the pool, and not on the target yet.
    let raised = Claim { observed: true, ..claim(Some(2), 15) };
    let ours = Target { writer: Some("headroom".into()), ..target(Some(12), None) };
    let moved = step(&ours, Some(&raised), Wish::Hold { replicas: 15, rising: true });
    let claimed = moved.claim.unwrap();
    assert_eq!((claimed.baseline, claimed.reassertions, claimed.rival), (Some(2), 0, None));
    assert_eq!(moved.write.unwrap().value, Some(15));
    // Somebody else's is.
    let moved = step(&target(Some(12), None), Some(&raised), Wish::Hold { replicas: 15, rising: true });
    assert_eq!(moved.claim.unwrap().baseline, Some(12));
}

#[test]
fn the_very_value_of_the_floor_is_his_who_set_it_last() {
    let his = Target { writer: Some("gitops".into()), ..target(Some(12), note(Some(2), 12)) };
    let moved = step(&his, Some(&claim(Some(2), 12)), RISE);
    assert_eq!(moved.adopted.as_ref().map(|rival| rival.value), Some(12));
    let claimed = moved.claim.unwrap();
    assert_eq!((claimed.baseline, claimed.floor, claimed.reassertions), (Some(12), 12, 0));
    let given = step(&his, Some(&claimed), Wish::Release);
    assert_eq!(given.write, Some(Write { value: Some(12), note: None }));
}

#[test]
fn the_restore_is_over_when_it_was_seen() {
    let there = target(Some(12), note(Some(2), 12));
    let given = step(&there, Some(&claim(Some(2), 12)), Wish::ReleaseNow);
    assert_eq!(given.write, Some(Write { value: Some(2), note: None }));
    let kept = given.claim.expect("the claim stays until the target was read without the note");
    let seen = step(&target(Some(2), None), Some(&kept), Wish::ReleaseNow);
    assert_eq!((seen.write, seen.claim), (None, None));
}

#[test]
fn a_foreign_value_is_the_new_baseline_and_is_written_over_three_times() {
    let mut claimed = claim(Some(2), 12);
    let mut there = note(Some(2), 12);
    for round in 1..=3 {
        let lowered = target(Some(5), there.clone());
        let moved = step(&lowered, Some(&claimed), RISE);
        claimed = moved.claim.unwrap();
        assert_eq!((claimed.baseline, claimed.reassertions), (Some(5), round));
        assert_eq!(claimed.rival.as_ref().unwrap().manager, "gitops");
        // The claim is written and the target is not, since somebody else was quicker: it is not counted twice.
        let again = step(&lowered, Some(&claimed), RISE);
        assert_eq!(again.claim.as_ref().unwrap().reassertions, round);
        assert_eq!(again.write, Some(Write { value: Some(12), note: asserted(Some(5), 12, round) }));
        there = again.write.unwrap().note;
    }
    let contested = step(&target(Some(5), there.clone()), Some(&claimed), RISE);
    assert_eq!(contested.trouble, Some(Trouble::Contested { manager: "gitops".into(), value: 5 }));
    assert_eq!(contested.write, None);
    // Given up: his value stays.
    let given = step(&target(Some(5), there), Some(&claimed), Wish::Release);
    assert_eq!(given.write, Some(Write { value: Some(5), note: None }));
    // A value above the floor is no contest, and nothing to be written down.
    let above = step(&target(Some(20), note(Some(2), 12)), Some(&claim(Some(2), 12)), RISE);
    assert_eq!((above.trouble, above.claim.unwrap().baseline), (None, Some(20)));
}

#[test]
fn what_another_pool_holds_is_left_alone_and_what_nobody_holds_is_cleared() {
    let theirs = Some(Note {
        pool: "shop/other".into(),
        claim: "x".into(),
        baseline: Some(2),
        last_written: 12,
        reassertions: 0,
    });
    let taken = step(&target(Some(12), theirs.clone()), None, RISE);
    assert_eq!(
        (taken.trouble, taken.write, taken.claim),
        (Some(Trouble::Claimed { by: "shop/other".into() }), None, None)
    );
    // A copy or a restored backup: the note speaks of a claim that nobody holds.
    let dead = Target { note_is_alive: false, ..target(Some(12), theirs.clone()) };
    assert_eq!(step(&dead, None, RISE).write, Some(Write { value: Some(2), note: None }));
    let edited = Target { note_is_alive: false, ..target(Some(7), theirs) };
    assert_eq!(step(&edited, None, RISE).write, Some(Write { value: Some(7), note: None }));
}

#[test]
fn what_was_replaced_is_forgotten() {
    let other = Target { uid: "other".into(), ..target(Some(3), None) };
    assert_eq!(step(&other, Some(&claim(Some(2), 12)), RISE), Move::default());
}

#[test]
fn a_plain_workload_goes_down_only_to_what_bears_its_demand() {
    let plain = Target { kind: TargetKind::Deployment, ..target(Some(12), note(Some(2), 12)) };
    let mut quiet = claim(Some(2), 12);
    quiet.quiet_since = Some(Time(now() - SignedDuration::from_secs(700)));
    let moved = |bears: &dyn Fn(i32) -> bool| {
        next(POOL, "web", &plain, Some(&quiet), Wish::Release, None, PACE, bears, "c", now())
    };
    assert_eq!(moved(&|_| true).write.unwrap().value, Some(10), "a tenth of twelve is two whole replicas");
    assert_eq!(moved(&|replicas| replicas >= 11).write, None);
}
