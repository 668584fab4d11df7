//! What a Sender can do beside firing a wave, as one table; and why a plan that needs more of it is refused at admission. Does nothing.

use crate::api::sender::{ListmonkWaves, SenderSpec};

use super::contract::{Contract, Way};
use super::waves::{Size, WavePlan};

/// What a Sender can do with a wave that it has fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// It tells what became of it.
    pub tells: bool,
    /// It tells how far it is, and can be made to pause it, to let it go on, or to end it.
    pub halts: bool,
    /// It can fire more than one of a send.
    pub several: bool,
}

/// The table.
pub fn of(sender: &SenderSpec) -> Abilities {
    let contract = Contract::of_sender(sender).unwrap_or_default();
    let is_whole = sender.listmonk.as_ref().is_some_and(|there| there.waves == Some(ListmonkWaves::Whole));
    match contract.way() {
        Way::Request => {
            Abilities { tells: matches!(contract, Contract::Queryable { .. }), halts: false, several: true }
        }
        Way::Job => Abilities { tells: true, halts: false, several: true },
        Way::Listmonk => Abilities { tells: true, halts: true, several: !is_whole },
    }
}

impl Abilities {
    /// As a Sender's status has them.
    pub fn words(self) -> String {
        let halted = ["pause", "resume", "cancel"].map(|word| (word, self.halts));
        let all = [("fire", true), ("tell", self.tells)].into_iter().chain(halted);
        all.filter_map(|(word, is_able)| is_able.then_some(word)).collect::<Vec<_>>().join(", ")
    }
}

/// Why a Sender cannot carry a plan out: the field of the Campaign, and a sentence's end with the way out.
pub fn check(sender: &SenderSpec, plan: &WavePlan) -> Result<(), (&'static str, String)> {
    if of(sender).several {
        return Ok(());
    }
    let refused = |what: String| {
        let why = format!(
            "its Sender starts a campaign of listmonk as a whole (listmonk.waves: Whole), and {what}; write one wave without percent and recipients, and pace: Asap, or ask the platform team for waves: Exact"
        );
        Err(("spec.waves", why))
    };
    match plan.waves.as_slice() {
        _ if plan.cut.is_some() => refused("pace: Smooth cuts it into parts".to_owned()),
        [one] if matches!(one.size, Size::Rest | Size::Percent(100)) => Ok(()),
        [one] => refused(format!("wave \"{}\" is only a part of it", one.name)),
        several => refused(format!("the plan has {} waves", several.len())),
    }
}

/// Why a Sender sends no slower than it does, as the rest of a sentence with the way out.
pub fn cannot_go_slower(sender: &SenderSpec) -> &'static str {
    match Contract::of_sender(sender).unwrap_or_default().way() {
        Way::Request => {
            "its body does not pass {{ wave.sendRate }} on, so that its receiver cannot be told to go slower. Ask the platform team to add it, or leave maxSendRate out"
        }
        Way::Job => {
            "its template does not name $(HEADROOM_WAVE_SEND_RATE), so that its program cannot be told to go slower. Ask the platform team to add it, or leave maxSendRate out"
        }
        Way::Listmonk => {
            "listmonk has one rate for all that it sends, and cannot be told to go slower for one campaign. Leave maxSendRate out, or ask the platform team for a listmonk with a lower rate"
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::plan::waves::Beside;

    fn sender(what: &Value) -> SenderSpec {
        let mut spec = json!({"sendRate": "1/s"});
        spec.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
        serde_json::from_value(spec).unwrap()
    }

    fn listmonk(waves: &str) -> SenderSpec {
        sender(&json!({"listmonk": {"url": "http://a", "secretRef": {"name": "b"}, "waves": waves}}))
    }

    #[test]
    fn the_table() {
        let queryable = json!({"webhook": {"url": "http://a", "contract": {"queryable": {"url": "http://b"}}}});
        for (spec, words, several) in [
            (sender(&json!({"webhook": {"url": "http://a"}})), "fire", true),
            (sender(&queryable), "fire, tell", true),
            (sender(&json!({"job": {"template": {}}})), "fire, tell", true),
            (listmonk("Exact"), "fire, tell, pause, resume, cancel", true),
            (listmonk("Whole"), "fire, tell, pause, resume, cancel", false),
        ] {
            let abilities = of(&spec);
            assert_eq!((abilities.words().as_str(), abilities.several), (words, several), "{spec:?}");
        }
    }

    #[test]
    fn a_plan_that_a_sender_cannot_carry_out_is_refused() {
        let plan = |waves: Value| {
            let waves: Vec<crate::api::campaign::Wave> = serde_json::from_value(waves).unwrap();
            let beside = Beside { pace: crate::api::campaign::Pace::Asap, canary: None, gone: &[] };
            WavePlan::of(Some(&waves), None, &beside).unwrap()
        };
        let (one, part) = (plan(json!([{"name": "all"}])), plan(json!([{"name": "all", "recipients": 10}])));
        let two = plan(json!([{"name": "canary", "percent": 2}, {"name": "rest"}]));
        for whole in [&one, &two, &part] {
            assert_eq!(check(&listmonk("Exact"), whole), Ok(()));
        }
        assert_eq!(check(&listmonk("Whole"), &one), Ok(()));
        let (field, why) = check(&listmonk("Whole"), &two).unwrap_err();
        assert!(field == "spec.waves" && why.contains("the plan has 2 waves; write one wave"), "{why}");
        assert!(check(&listmonk("Whole"), &part).unwrap_err().1.contains("\"all\" is only a part"));
    }
}
