#![allow(clippy::unwrap_used)]
//! What is written of an attempt, and what of an outcome that is there already.

use super::*;

fn at(second: i64) -> Time {
    Time(Timestamp::from_second(1_800_000_000 + second).unwrap())
}

fn unknown(after: Option<i64>) -> Attempt {
    Attempt::Unknown { why: "cut".into(), after: after.map(SignedDuration::from_secs) }
}

/// An entry after these attempts, in their order.
fn after(is_keyed: bool, attempts: &[Attempt]) -> WaveReleaseStatus {
    let mut status = WaveReleaseStatus::default();
    for (index, attempt) in (0_i64..).zip(attempts) {
        note(&mut status, is_keyed, &format!("n{index}"), &at(index), attempt);
    }
    status
}

#[test]
fn nothing_launders_an_unknown_but_the_success_of_a_receiver_that_keeps_keys() {
    let released = Attempt::Released { status: 200 };
    let refused = Attempt::Rejected { status: 422, said: String::new() };
    let called_off = Attempt::NotFired { why: "suspended".into() };
    let busy = Attempt::Deferred { why: "429".into(), after: None };
    for (is_keyed, later, outcome) in [
        (true, &released, Outcome::Released),
        (false, &released, Outcome::Unknown),
        (true, &refused, Outcome::Unknown),
        (true, &called_off, Outcome::Unknown),
        (true, &busy, Outcome::Unknown),
        (true, &unknown(None), Outcome::Unknown),
    ] {
        let status = after(is_keyed, &[unknown(Some(360)), later.clone()]);
        assert_eq!(status.outcome, Some(outcome), "{is_keyed} {later}");
        assert_eq!(status.attempts.len(), 2);
    }
    // What is known stays: a word that comes late changes nothing.
    let mut status = after(true, &[released]);
    note(&mut status, true, "late", &at(-1), &unknown(None));
    assert_eq!(status.outcome, Some(Outcome::Released));
    assert_eq!(status.attempts.iter().map(|attempt| attempt.nonce.as_str()).collect::<Vec<_>>(), ["late", "n0"]);
}

#[test]
fn when_to_ask_again_is_written_where_that_may_clear_it_up() {
    let again = |is_keyed, attempt: Attempt| after(is_keyed, &[attempt]).attempts[0].again.is_some();
    assert!(again(true, unknown(Some(360))));
    assert!(!again(false, unknown(Some(360))));
    assert!(!again(true, unknown(None)));
    // Nothing has gone: whoever asks for time is given it.
    assert!(again(true, Attempt::Deferred { why: "429".into(), after: Some(SignedDuration::from_secs(30)) }));
    assert!(!again(true, Attempt::Rejected { status: 400, said: String::new() }));
}

#[test]
fn the_newest_that_was_sent_is_told_of_one_that_nobody_knows() {
    let refused = Attempt::Rejected { status: 422, said: " and said: no".into() };
    let status = after(true, &[unknown(Some(360)), refused]);
    assert_eq!(status.message.as_deref(), Some("the receiver answered 422 and said: no."));
    let called_off = Attempt::NotFired { why: "suspended".into() };
    assert_eq!(after(true, &[unknown(Some(360)), called_off]).message.as_deref(), Some("cut."));
}
