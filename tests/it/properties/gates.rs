//! What may keep a world's campaigns back beside the room there is, as it is drawn: what people said, freezes, incidents and
//! what is waited for; and what each of them forbids, said apart from the program.

use headroom::api::Phase;
use headroom::api::campaign::{After, AfterCampaign, Approval};
use headroom::api::campaign_status::Hold;
use headroom::plan::after::Other;
use headroom::plan::approval::digest;
use headroom::plan::freezes::Freeze;
use headroom::plan::snapshot::Snapshot;
use headroom::plan::stop::Stop;
use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use proptest::prelude::*;

use super::world::{Drawn, ago, now};

/// One of them.
#[derive(Clone, Debug)]
pub enum Gate {
    Open,
    /// The data of the switch, as one key.
    Stop(&'static str),
    Unreadable,
    Hold,
    /// Kept in status; the resume names an instant so many seconds later.
    Kept(Option<i64>),
    /// Whether an approval is there, and of this very spec.
    Approval(Option<bool>),
    /// It begins after so many seconds, and lasts an hour.
    Freeze(i64),
    Incidents(Drawn),
    After(Phase, bool),
}

/// A permission to go without headroom runs for so many seconds more.
pub type Permit = Option<i64>;

pub fn gate(incidents: impl Strategy<Value = Drawn> + 'static) -> impl Strategy<Value = Gate> {
    let phase = prop::sample::select(vec![Phase::Completed, Phase::Completed, Phase::Sending, Phase::Aborted]);
    prop_oneof![
        20 => Just(Gate::Open),
        1 => prop::sample::select(vec!["reason", "", "shop_storefront", "shop_other"]).prop_map(Gate::Stop),
        1 => prop::sample::select(vec![Gate::Unreadable, Gate::Hold]),
        1 => prop::option::of(0_i64..2).prop_map(Gate::Kept),
        1 => prop::option::of(any::<bool>()).prop_map(Gate::Approval),
        2 => prop_oneof![-4_000_i64..1_500, -3_601_i64..-3_598, -1_i64..3].prop_map(Gate::Freeze),
        2 => incidents.prop_map(Gate::Incidents),
        1 => (phase, any::<bool>()).prop_map(|(phase, gone)| Gate::After(phase, gone)),
    ]
}

impl Gate {
    /// Laid upon a world, the last of all: an approval is of the spec as it is.
    pub fn lay_upon(&self, world: &mut Snapshot, permit: Permit) {
        let (sale, rules) = (world.campaigns.first_mut().unwrap(), world.pool.rules.as_mut().unwrap());
        match self {
            Gate::Open => {}
            Gate::Stop(key) => {
                world.gates.stop = Some(Stop::read(&[((*key).to_owned(), "x".to_owned())].into()));
            }
            Gate::Unreadable => world.gates.stop = Some(Stop::unreadable("it took too long")),
            Gate::Hold => sale.asks.hold = Some("anna: wait".to_owned()),
            Gate::Kept(resumed) => {
                sale.status.hold = Some(Hold { reason: "anna: wait".to_owned(), since: Time(ago(3_600)) });
                sale.asks.resume = resumed.map(|later| ago(3_600 - later).to_string());
            }
            Gate::Approval(given) => {
                sale.spec.approval = Some(Approval { required: Some(true) });
                let of = |is_this| if is_this { digest(&sale.spec) } else { "0123456789abcdef".to_owned() };
                sale.asks.approved = given.map(|is_this| format!("{} sam", of(is_this)));
            }
            Gate::Freeze(after) => {
                let from = now() + SignedDuration::from_secs(*after);
                let to = from + SignedDuration::from_hours(1);
                rules.freezes = vec![Freeze { from, to, reason: "stock-taking".to_owned() }];
            }
            Gate::Incidents(drawn) => {
                rules.incidents = Some("i".to_owned());
                world.gates.incidents = drawn.answer(now());
            }
            Gate::After(phase, has_gone) => {
                let campaign = Some(AfterCampaign { name: "teaser".to_owned() });
                sale.spec.after = Some(vec![After { campaign, workload: None, check: None }]);
                let teaser = Other { phase: Some(*phase), has_gone: *has_gone, after: Vec::new() };
                world.gates.others.insert("marketing/teaser".to_owned(), teaser);
            }
        }
        if let Some(left) = permit {
            let until = now() + SignedDuration::from_secs(left);
            sale.asks.without_headroom = Some(format!("{} {until} sam", digest(&sale.spec)));
            sale.asks.without_headroom_reason = Some("recall of a product".to_owned());
        }
    }

    /// Whether a wave of so many recipients, at 2,000/s, may go now; `first` is of the campaign that people spoke of, and
    /// `answered` of one that somebody answers for.
    pub fn lets(&self, recipients: u64, first: bool, answered: bool) -> bool {
        match self {
            Gate::Open => true,
            Gate::Stop(key) => *key == "shop_other",
            Gate::Unreadable => false,
            Gate::Hold => !first,
            Gate::Kept(resumed) => !first || *resumed == Some(0),
            Gate::Approval(given) => !first || *given == Some(true) || answered,
            Gate::Freeze(after) => {
                let is_gone_before = u64::try_from(*after).is_ok_and(|after| after > 0 && recipients <= 2_000 * after);
                *after <= -3_600 || is_gone_before
            }
            Gate::Incidents(drawn) => answered || (drawn.is_sound() && drawn.value() == 0.0),
            Gate::After(phase, gone) => !first || (*phase == Phase::Completed && *gone),
        }
    }
}
