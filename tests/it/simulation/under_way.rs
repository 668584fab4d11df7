//! What is written while a connection to the receiver is being made, after the ledger's CREATE and before the first byte, is seen: the
//! wave does not leave on that connection.

use headroom::sim::deed::{Deed, Thing};
use headroom::sim::moment::Played;
use headroom::sim::receiver::Manner;
use headroom::sim::story::Story;
use headroom::sim::tape::Tape;
use headroom::sim::world::{self, Watch};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::told::{demo, seconds};

const NAME: &str = "flash-sale";

/// The first connection takes four seconds of the five that a wave may take from arming to its first byte.
fn slow() -> Story {
    let mut story = demo(0.94);
    story.troubles.manners = vec![Some(Manner::ConnectsIn(std::time::Duration::from_secs(4)))];
    story.troubles.manners_end = seconds(600);
    story
}

fn play(story: &Story) -> Played {
    let watch = Watch::every(seconds(2), SignedDuration::from_mins(25));
    world::play_onto(&Tape::keeping(0), story, watch, None, &mut |_| {}).unwrap()
}

#[test]
fn nothing_leaves_by_a_connection_that_was_overtaken() {
    let undisturbed = play(&slow());
    let first = undisturbed.heard.first().expect("a wave goes").at;
    let edit = |spec: Value| Deed::Edit { campaign: ("marketing".to_owned(), NAME.to_owned()), spec };
    let campaign = Thing::new("campaigns.headroom.dev", "marketing", NAME);
    let pool = Thing::new("capacitypools.headroom.dev", "shop", "storefront");
    let sender = Thing::new("senders.headroom.dev", "mail", "app-push");
    let write = |to: &Thing, fields: Value| Deed::Write { by: "kubectl", to: to.clone(), fields };
    let delete = |what: &Thing| Deed::Delete { by: "kubectl", what: what.clone() };
    let suspend = || json!({"spec": {"suspend": true}});
    // Whether it goes later, once what was written has been weighed.
    for (deed, goes_later) in [
        (edit(json!({"suspend": true})), false),
        (edit(json!({"abort": true})), false),
        (edit(json!({"audience": {"size": 39_000}})), true),
        (delete(&campaign), false),
        (write(&pool, suspend()), false),
        (delete(&pool), false),
        (write(&sender, json!({"spec": {"webhook": {"url": "http://127.0.0.1:80/other"}}})), false),
        (write(&sender, json!({"spec": {"sendRate": "900/s"}})), true),
        (delete(&sender), false),
    ] {
        let mut story = slow();
        story.deeds = vec![(first.duration_since(undisturbed.begun) - seconds(2), deed.clone())];
        let played = play(&story);
        let at: Vec<SignedDuration> = played.heard.iter().map(|heard| heard.at.duration_since(first)).collect();
        assert!(at.iter().all(|at| *at > SignedDuration::ZERO), "{deed:?}: it left at {at:?} from then");
        assert_eq!(!at.is_empty(), goes_later, "{deed:?}: {at:?}");
    }
}
