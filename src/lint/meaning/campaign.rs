//! A Campaign: its identity, its schedule, its waves, and with the pool and the Sender it names, as far as they are
//! among the files, whether it can be carried out.

use crate::api::{CampaignSpec, CapacityPoolSpec, SenderSpec};
use crate::plan::intent::{self, Intent, Known};
use crate::plan::rules::Rules;
use crate::plan::schedule::Schedule;
use crate::plan::snapshot::Sender;
use crate::plan::units::people::grouped;
use crate::plan::waves::Gone;
use crate::plan::why::Why;
use crate::plan::{admit, after, deadline};

use super::super::definitions::Kind;
use super::super::finding::{Rule, Severity};
use super::super::object::Held;
use super::{named, pool, read, stand_in, tell};

/// What the sizes of waves follow from.
const AUDIENCE: &str = "spec.audience.size";

/// The pool's own words on what only it can allow or have.
fn asks_of_pool(object: &mut Held, spec: &CampaignSpec, with: &With) {
    let Some(pool) = &with.pool else { return };
    if let Some(why) = after::unknown_check(spec.after.as_ref(), &with.rules, pool) {
        object.tell(Severity::Error, Rule::Invalid, "spec.after", why);
    }
    let home = pool.split_once('/').map_or("", |(namespace, _)| namespace);
    if spec.urgent == Some(true) && with.rules.admits_urgent.is_none() && home != object.namespace {
        let why = admit::not_urgent(pool, &object.namespace);
        object.tell(Severity::Error, Rule::Invalid, "spec.urgent", why);
    }
}

/// What a Campaign is carried out with, and whether that is the real thing.
struct With {
    rules: Rules,
    /// `<namespace>/<name>` of the pool, if it is among the files.
    pool: Option<String>,
    knows_waves: bool,
    sender: Sender,
    knows_sender: bool,
}

/// Looks at one Campaign among all.
pub fn look(held: &mut [Held], index: usize) {
    let Some(object) = held.get_mut(index).filter(|object| object.kind == Kind::Campaign) else { return };
    let Some(spec) = read::<CampaignSpec>(object) else { return };
    let with = held.get(index).and_then(|object| with(held, object, &spec));
    let Some(object) = held.get_mut(index) else { return };
    let campaign = stand_in::campaign(object, spec);
    if let Err(why) = intent::send_id(&campaign) {
        refuse(object, &why);
    }
    let schedule = campaign.spec.schedule.clone().unwrap_or_default();
    if let Err(error) = Schedule::parse(&schedule) {
        object.tell(Severity::Error, Rule::Invalid, &error.field, error.why);
    }
    if let Some(waves) = &campaign.spec.waves {
        pool::plan(object, waves, &schedule);
    }
    let Some(with) = with else { return };
    asks_of_pool(object, &campaign.spec, &with);
    match Intent::parse(&campaign, &with.sender, &with.rules, &Known::default()) {
        Err(why) => refuse(object, &why),
        // With a size or a time that is wrong, nothing that follows from it is worth telling.
        Ok(intent) if !object.is_wrong() => carried_out(object, &intent, &with),
        Ok(_) => {}
    }
}

fn with(held: &[Held], object: &Held, spec: &CampaignSpec) -> Option<With> {
    let key = |namespace: &Option<String>, name: &str| {
        format!("{}/{name}", namespace.as_deref().unwrap_or(&object.namespace))
    };
    // What is wrong with them is told where they stand.
    let pool = named(held, Kind::Pool, &key(&spec.pool_ref.namespace, &spec.pool_ref.name));
    let pool = pool.filter(|pool| !pool.is_wrong());
    let known = pool.and_then(|pool| serde_json::from_value::<CapacityPoolSpec>(pool.spec.clone()).ok());
    let knows_waves = known.is_some() || spec.waves.is_some();
    let sender = named(held, Kind::Sender, &key(&spec.sender_ref.namespace, &spec.sender_ref.name));
    let sender = sender.filter(|sender| !sender.is_wrong()).and_then(|sender| {
        let spec = serde_json::from_value::<SenderSpec>(sender.spec.clone()).ok()?;
        Some(stand_in::known(&sender.namespace, &sender.name, spec))
    });
    Some(With {
        pool: pool.filter(|_| known.is_some()).map(Held::key),
        rules: Rules::parse(&known.or_else(stand_in::pool)?).ok()?,
        knows_waves,
        knows_sender: sender.is_some(),
        sender: sender.or_else(stand_in::sender)?,
    })
}

/// What the operator would refuse it for.
fn refuse(object: &mut Held, why: &Why) {
    match why {
        Why::Invalid { field, why } => {
            let field = if field.is_empty() { "spec" } else { field };
            let why = why.strip_prefix(&format!("{field}: ")).unwrap_or(why);
            tell(object, Rule::Invalid, why, field);
        }
        Why::SenderUnable { sender, why } => {
            let message = format!("the Sender {sender} cannot carry this out: {why}");
            object.tell(Severity::Error, Rule::SenderUnable, "spec.senderRef", message);
        }
        // Nothing else is refused before there is a ledger.
        _ => {}
    }
}

/// What becomes of it, wave by wave.
fn carried_out(object: &mut Held, intent: &Intent, with: &With) {
    if with.knows_waves {
        sizes(object, intent);
    }
    if !(with.knows_waves && with.knows_sender) {
        return;
    }
    if let Some((index, Why::NeverFits { why })) = deadline::never(intent, &with.rules.freezes) {
        let wave = intent.waves.waves.get(index);
        let own = wave.filter(|wave| wave.windows.is_some()).map(|wave| format!("spec.waves[{}].windows", wave.name));
        let field = own.unwrap_or_else(|| "spec.schedule".to_owned());
        let message = format!("{why}. Choose a longer window, a later end, or smaller waves");
        object.tell(Severity::Error, Rule::NeverFits, &field, message);
    }
}

/// Waves without recipients, and recipients without a wave: both go through, and are seldom meant.
fn sizes(object: &mut Held, intent: &Intent) {
    let has_own = object.spec.get("waves").is_some();
    let mut gone: Vec<Gone> = Vec::new();
    for (index, wave) in intent.waves.waves.iter().enumerate() {
        let sized = intent.waves.size(index, intent.audience, &gone);
        if sized.recipients == 0 {
            let message = format!(
                "of {} recipients none are left for wave \"{}\", which is passed over; make it larger, those before it smaller, or take it out",
                grouped(intent.audience),
                wave.name
            );
            let own = format!("spec.waves[{}]", wave.name);
            object.tell(Severity::Warning, Rule::EmptyWave, if has_own { &own } else { AUDIENCE }, message);
        }
        gone.push(Gone {
            name: wave.name.clone(),
            offset: sized.offset,
            recipients: sized.recipients,
            share: wave.size.as_written(),
        });
    }
    let reached: u64 = gone.iter().map(|gone| gone.recipients).fold(0, u64::saturating_add);
    let left = intent.audience.saturating_sub(reached);
    if left > 0 {
        let message = format!(
            "the waves take {} of {} recipients, and {} get nothing; let one wave leave out its size and take the rest",
            grouped(reached),
            grouped(intent.audience),
            grouped(left)
        );
        object.tell(Severity::Warning, Rule::LeftOver, if has_own { "spec.waves" } else { AUDIENCE }, message);
    }
}
