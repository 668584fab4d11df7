//! What people say became of a wave: taken for this very attempt, at a time at which it can be known, by the right Sender, and
//! what follows from it. Never twice: a word is about one attempt.

use super::super::resolve::{Resolve, word};
use super::*;
use crate::api::release::ResolvedAs;

/// Ten minutes after a canary of which nobody knows.
fn unknown(outcome: Option<Outcome>, said: ResolvedAs) -> Snapshot {
    let mut snapshot = snapshot();
    snapshot.entries = vec![Entry { newest_nonce: "first".into(), ..entry("canary", 4_000, -600, outcome) }];
    snapshot.campaigns[0].asks.resolve = Some(word("canary", said, "first", "sam"));
    snapshot.campaigns[0].asks.resolve_reason = Some("the provider has no such job".into());
    snapshot
}

fn taken(snapshot: &Snapshot) -> Vec<Resolve> {
    let decided = plan(snapshot, at(0));
    assert!(decided.release.is_none(), "nothing goes in the look that takes a word down");
    decided.resolves
}

/// What nobody takes down, and what is said of it.
fn refused(snapshot: &Snapshot) -> String {
    let decided = plan(snapshot, at(0));
    assert!(decided.resolves.is_empty() && decided.release.is_none());
    said(&decided).1
}

#[test]
fn each_word_leads_to_its_outcome_with_name_and_reason() {
    for (said, outcome) in [
        (ResolvedAs::Sent, Some(Outcome::Released)),
        (ResolvedAs::NotSent, None),
        (ResolvedAs::Skip, Some(Outcome::Skipped)),
    ] {
        // Also where the operator was stopped in the middle, and no outcome was ever written.
        for before in [Some(Outcome::Unknown), None] {
            let all = taken(&unknown(before, said));
            assert_eq!(all.len(), 1);
            assert_eq!((all[0].outcome(), all[0].resolved_as, all[0].attempt.as_str()), (outcome, said, "first"));
            assert_eq!((all[0].by.as_str(), all[0].reason.as_str()), ("sam", "the provider has no such job"));
            let again_by =
                (said == ResolvedAs::NotSent).then(|| ("sender".into(), identity::digest(b"http://mail/send")));
            assert_eq!(all[0].sender, again_by);
        }
    }
    // The outcome that nobody knows is not written beside what somebody says.
    assert!(plan(&unknown(None, ResolvedAs::Sent), at(0)).outcomes.is_empty());
}

#[test]
fn a_word_counts_once_and_for_one_attempt() {
    // Taken down, tried again, and again nobody knows: the word of before is not about that.
    let mut again = unknown(Some(Outcome::Unknown), ResolvedAs::NotSent);
    again.entries[0] =
        Entry { newest_nonce: "second".into(), resolved: vec!["first".into()], ..again.entries[0].clone() };
    assert!(!refused(&again).contains("What was said"));
    let mut other = unknown(Some(Outcome::Unknown), ResolvedAs::NotSent);
    other.entries[0].newest_nonce = "second".into();
    assert!(
        refused(&other).contains("What was said cannot be taken: it is about an earlier attempt of wave \"canary\".")
    );
    // Nobody has to say what is known.
    for outcome in [Outcome::Released, Outcome::Skipped, Outcome::Missed] {
        assert!(plan(&unknown(Some(outcome), ResolvedAs::NotSent), at(0)).resolves.is_empty(), "{outcome:?}");
    }
}

#[test]
fn nobody_knows_while_the_request_may_be_under_way() {
    for outcome in [Some(Outcome::Unknown), None] {
        let mut young = unknown(outcome, ResolvedAs::NotSent);
        (young.entries[0].first_attempt, young.entries[0].newest_attempt) = (at(-359), at(-359));
        let told = refused(&young);
        assert!(
            told.contains("What was said counts from 08:00 on: until then the request may still be under way."),
            "{told}"
        );
        assert_eq!(plan(&young, at(0)).again, SignedDuration::from_secs(1));
        assert_eq!(plan(&young, at(1)).resolves.len(), 1);
    }
    // A refusal is an answer: there is nothing to wait for.
    let mut young = unknown(Some(Outcome::Rejected), ResolvedAs::NotSent);
    (young.entries[0].first_attempt, young.entries[0].newest_attempt) = (at(-5), at(-5));
    assert_eq!(taken(&young).len(), 1);
}

type Change = fn(&mut Snapshot);

#[test]
fn a_word_that_cannot_be_taken_is_told_with_the_reason() {
    let usual = || unknown(Some(Outcome::Unknown), ResolvedAs::Sent);
    let cases: [(Change, &str); 6] = [
        (|it| it.campaigns[0].asks.resolve = Some("canary gone first sam".into()), "cannot be read"),
        (|it| it.campaigns[0].asks.resolve = Some("canary Sent first ".into()), "cannot be read"),
        (|it| it.campaigns[0].asks.resolve = Some("rest Sent first sam".into()), "the ledger has no wave \"rest\""),
        (|it| it.campaigns[0].asks.resolve_reason = Some(" ".into()), "it does not say how that is known"),
        (|it| it.entries[0].outcome = Some(Outcome::Rejected), "nothing of wave \"canary\" has gone"),
        (
            |it| it.entries[0].sender_key = Some("mail/other".into()),
            "wave \"canary\" went by the Sender mail/other, and spec.senderRef names mail/push",
        ),
    ];
    for (change, told) in cases {
        let mut snapshot = usual();
        change(&mut snapshot);
        let message = refused(&snapshot);
        assert!(
            message.contains(&format!("What was said cannot be taken: {told}")) || message.contains(told),
            "{message}"
        );
    }
    // Of another namespace's send nobody here says anything.
    let mut stranger = usual();
    stranger.campaigns[0].namespace = "elsewhere".into();
    stranger.campaigns[0].spec.send_id = Some("marketing/sale".into());
    assert!(plan(&stranger, at(0)).resolves.is_empty());
}

#[test]
fn what_follows_from_each_outcome() {
    // Said to have gone: watched as if it had just left when it was tried, and the rest goes.
    let mut sent = snapshot();
    sent.entries = vec![entry("canary", 4_000, -600, Some(Outcome::Released))];
    let order = plan(&sent, at(0)).release.expect("the rest goes");
    assert_eq!((order.wave.name.as_str(), order.wave.offset), ("rest", 4_000));
    // Passed over: its people are nobody else's, and the rest goes.
    let mut skipped = snapshot();
    skipped.entries = vec![entry("canary", 4_000, -600, Some(Outcome::Skipped))];
    let order = plan(&skipped, at(0)).release.expect("the rest goes");
    assert_eq!((order.wave.name.as_str(), order.wave.offset, order.wave.recipients), ("rest", 4_000, 36_000));
    // Said not to have gone: the very same wave is tried again.
    let mut again = snapshot();
    again.entries = vec![Entry {
        newest_result: Some("NotSent".into()),
        resolved: vec!["attempt".into()],
        ..entry("canary", 4_000, -600, None)
    }];
    let order = plan(&again, at(0)).release.expect("it is tried again");
    assert_eq!((order.wave.name.as_str(), order.wave.recipients, order.body.as_str()), ("canary", 4_000, "{}"));
}
