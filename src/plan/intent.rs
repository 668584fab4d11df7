//! What a campaign means: its spec, and what its sender and pool add, parsed once into numbers and rules.
//!
//! Whatever cannot be understood is a refusal that names the field and the way out; nothing is guessed.

use std::collections::BTreeMap;

use crate::api::campaign::Load;

use super::abilities;
use super::canary::{self, Noise};
use super::contract::Contract;
use super::identity::{SendId, WaveId};
use super::job::JobTemplate;
use super::listmonk;
use super::load::{self, Burst, Component, Profile, Send};
use super::profiles;
use super::rules::{Rules, at};
use super::schedule::{Schedule, WaveSchedule};
use super::snapshot::{Campaign, Sender};
use super::template::{Template, Variables};
use super::units::{Percent, Rate, Span};
use super::waves::{Beside, CANARY_SOAK, Gone, WavePlan, WavesError};
use super::why::Why;
use jiff::Timestamp;

/// The priority of a campaign that names none.
pub const PRIORITY: i32 = 500;

/// A campaign, understood.
#[derive(Debug)]
pub struct Intent {
    /// Identity of the send.
    pub send_id: SendId,
    /// When messages may leave.
    pub schedule: Schedule,
    /// The waves, in the order they go.
    pub waves: WavePlan,
    /// When each of them may leave.
    pub times: Vec<WaveSchedule>,
    /// How fast messages leave.
    pub rate: Rate,
    /// The load of one message.
    pub components: Vec<Component>,
    /// Factor by which that may be exceeded.
    pub margin: f64,
    /// The request's body.
    pub template: Template,
    /// Number of recipients, as the spec says today.
    pub audience: u64,
}

/// A refusal that names a field.
fn invalid(field: &str, why: impl std::fmt::Display) -> Why {
    Why::Invalid { field: field.to_owned(), why: why.to_string() }
}

/// The identity of a campaign's send.
pub fn send_id(campaign: &Campaign) -> Result<SendId, Why> {
    match &campaign.spec.send_id {
        None => Ok(SendId::for_campaign(&campaign.namespace, &campaign.name)),
        Some(text) => SendId::parse(text, &campaign.namespace).map_err(|error| invalid("spec.sendId", error)),
    }
}

impl Intent {
    /// Understands a campaign.
    pub fn parse(campaign: &Campaign, sender: &Sender, rules: &Rules, known: &Known<'_>) -> Result<Intent, Why> {
        let spec = &campaign.spec;
        let send_id = send_id(campaign)?;
        let raw = spec.schedule.clone().unwrap_or_default();
        let schedule = Schedule::parse(&raw).map_err(|error| invalid("", error))?;
        let mut waves = waves(campaign, Some(rules), known.gone, None).map_err(|error| invalid("", error))?;
        let Sending { rate, components, template } = Sending::of(campaign, sender, rules)?;
        let audience = u64::try_from(spec.audience.size).map_err(|error| invalid("spec.audience.size", error))?;
        if let Some(percent) = canary(campaign, rules, &rate, &components, known) {
            waves =
                self::waves(campaign, Some(rules), known.gone, Some(percent)).map_err(|error| invalid("", error))?;
        }
        abilities::check(&sender.spec, &waves).map_err(|(field, why)| invalid(field, why))?;
        let mut times = Vec::new();
        for wave in &waves.waves {
            let path = format!("spec.waves[{}]", wave.name);
            let own = schedule.for_wave(&path, wave.time_zone.as_deref(), wave.windows.as_deref());
            times.push(own.map_err(|error| invalid("", error))?);
            let parameters = parameters(campaign, &wave.parameters);
            template.check_parameters(&parameters).map_err(|error| invalid("spec.parameters", error))?;
            if sender.spec.listmonk.is_some() {
                listmonk::check_parameters(&parameters).map_err(|(field, why)| invalid(field, why))?;
            }
        }
        Ok(Intent { send_id, schedule, waves, times, rate, components, margin: rules.margin, template, audience })
    }

    /// The fewest recipients that one of its waves takes, were it to go next: less than it could where it is cut.
    pub fn at_least(&self, index: usize, recipients: u64) -> u64 {
        match self.waves.cut {
            Some(cut) if index + 1 == self.waves.waves.len() => recipients.min(cut.least(self.audience)),
            _ => recipients,
        }
    }

    /// The load of one of its waves, were it to start then.
    pub fn burst(&self, name: &str, recipients: u64, start: Timestamp) -> Burst {
        Burst::new(Send {
            name: name.to_owned(),
            start,
            rate: self.rate.per_second(),
            recipients,
            components: self.components.clone(),
            margin: self.margin,
        })
    }

    /// The identity of one of its waves.
    pub fn wave_id(&self, wave: &str) -> WaveId {
        WaveId::new(&self.send_id, wave)
    }

    /// The request's body for one of its waves.
    pub fn body(&self, campaign: &Campaign, index: usize, offset: u64, recipients: u64) -> Result<String, Why> {
        let Some(wave) = self.waves.waves.get(index) else { return Err(invalid("spec.waves", "the wave is gone")) };
        let variables = Variables {
            send_id: self.send_id.as_str().to_owned(),
            key: self.wave_id(&wave.name).key().to_string(),
            channel: campaign.spec.channel.clone(),
            campaign_namespace: campaign.namespace.clone(),
            campaign_name: campaign.name.clone(),
            audience_size: self.audience,
            audience_class: campaign.spec.audience.class.clone().unwrap_or_else(|| "consumer".to_owned()),
            wave_name: wave.name.clone(),
            wave_offset: offset,
            wave_recipients: recipients,
            wave_send_rate: self.rate.per_second(),
            parameters: parameters(campaign, &wave.parameters),
        };
        self.template.render(&variables).map_err(|error| invalid("spec.parameters", error))
    }
}

/// How its messages leave, and what each brings.
struct Sending {
    rate: Rate,
    components: Vec<Component>,
    template: Template,
}

impl Sending {
    fn of(campaign: &Campaign, sender: &Sender, rules: &Rules) -> Result<Sending, Why> {
        let spec = &campaign.spec;
        let unable = |why: String| Why::SenderUnable { sender: format!("{}/{}", sender.namespace, sender.name), why };
        if let Some(why) = &sender.trouble {
            return Err(unable(why.clone()));
        }
        let able =
            at("spec.sendRate", Rate::parse(&sender.spec.send_rate)).map_err(|error| unable(error.to_string()))?;
        Contract::of_sender(&sender.spec).map_err(unable)?;
        let audience = u64::try_from(spec.audience.size).map_err(|error| invalid("spec.audience.size", error))?;
        let class = spec.audience.class.as_deref().unwrap_or("consumer");
        let body = sender.spec.webhook.as_ref().and_then(|webhook| webhook.body.as_deref());
        let template = match (&sender.spec.job, body) {
            (Some(job), _) => Template::of_job(JobTemplate::parse(&job.template).map_err(unable)?.passes_rate_on()),
            (None, None) if sender.spec.listmonk.is_some() => Template::of_listmonk(),
            (None, None) => Template::default_body(),
            (None, Some(text)) => {
                Template::parse(text).map_err(|error| unable(format!("spec.webhook.body: {error}")))?
            }
        };
        let rate = match &spec.max_send_rate {
            None => able,
            Some(text) => {
                let field = "spec.maxSendRate";
                let most = at(field, Rate::parse(text)).map_err(|error| invalid(field, error.why))?;
                if most.per_second() >= able.per_second() {
                    able
                } else if template.passes_rate_on() {
                    most
                } else {
                    let silent = abilities::cannot_go_slower(&sender.spec);
                    return Err(unable(format!(
                        "the Campaign's spec.maxSendRate is {most} and it sends {able}; {silent}"
                    )));
                }
            }
        };
        let profile = profiles::of(&rules.profiles, &spec.channel, class);
        let components = components(profile, &spec.channel, class, spec.load.as_ref(), rate.per_second(), audience)?;
        Ok(Sending { rate, components, template })
    }
}

/// What is known of a campaign beside what is written of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// Its waves in the ledger.
    pub gone: &'a [Gone],
    /// How demand moves on the workloads of its pool.
    pub noises: &'a [Noise],
}

/// The waves of a campaign, with a canary of so many percent where nobody has written one.
pub fn waves(
    campaign: &Campaign,
    rules: Option<&Rules>,
    gone: &[Gone],
    canary: Option<u32>,
) -> Result<WavePlan, WavesError> {
    let pools = rules.and_then(|rules| rules.waves.as_deref());
    let beside = Beside { pace: campaign.spec.pace.unwrap_or_default(), canary, gone };
    WavePlan::of(campaign.spec.waves.as_deref(), pools, &beside)
}

/// The share of a canary that can be measured, where nobody has written a plan and none has gone.
fn canary(campaign: &Campaign, rules: &Rules, rate: &Rate, components: &[Component], known: &Known<'_>) -> Option<u32> {
    if campaign.spec.waves.is_some() || rules.waves.is_some() || !known.gone.is_empty() {
        return None;
    }
    let audience = u64::try_from(campaign.spec.audience.size).ok()?;
    // The first part of a load is people's.
    canary::percent(known.noises, components.first()?, rate.per_second(), audience, CANARY_SOAK)
}

/// The same, told without understanding the whole campaign: its canary is the one that would go.
pub fn waves_as_told(campaign: &Campaign, rules: Option<&Rules>, known: &Known<'_>) -> Result<WavePlan, WavesError> {
    let canary = || {
        let (rules, sender) = (rules?, campaign.sender.as_ref()?);
        if campaign.spec.waves.is_some() || rules.waves.is_some() || !known.gone.is_empty() || known.noises.is_empty() {
            return None;
        }
        let Sending { rate, components, .. } = Sending::of(campaign, sender, rules).ok()?;
        canary(campaign, rules, &rate, &components, known)
    };
    waves(campaign, rules, known.gone, canary())
}

/// The campaign's parameters, and over them the wave's own.
fn parameters(campaign: &Campaign, own: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut all = campaign.spec.parameters.clone().unwrap_or_default();
    all.extend(own.iter().map(|(name, value)| (name.clone(), value.clone())));
    all
}

/// What one message brings: what is known of its channel, and what the campaign knows better.
fn components(
    known_profile: Option<Profile>,
    channel: &str,
    class: &str,
    known: Option<&Load>,
    rate: f64,
    audience: u64,
) -> Result<Vec<Component>, Why> {
    let load = known.cloned().unwrap_or_default();
    let mut profile = match known_profile {
        Some(profile) => profile,
        None if load.visit_rate.is_some() && load.requests_per_visit.is_some() && load.response_median.is_some() => {
            Profile::unknown(channel)
        }
        None => {
            return Err(invalid(
                "spec.channel",
                format!(
                    "nothing is known of the load of \"{channel}\" to \"{class}\"; use email, push or sms, give load.visitRate, load.requestsPerVisit and load.responseMedian, or ask the pool's owner for a profile"
                ),
            ));
        }
    };
    let wrong = |field: &str, error: super::rules::Unusable| invalid(field, error.why);
    if let Some(text) = &load.visit_rate {
        let field = "spec.load.visitRate";
        profile.human.visit_rate = at(field, Percent::parse(text)).map_err(|error| wrong(field, error))?.fraction();
    }
    if let Some(requests) = load.requests_per_visit {
        profile.human.requests_per_visit = f64::from(requests);
    }
    if let Some(text) = &load.response_median {
        let field = "spec.load.responseMedian";
        let median = at(field, Span::parse(text)).map_err(|error| wrong(field, error))?.to_duration();
        profile.human.median_minutes = median.as_secs_f64() / 60.0;
    }
    let components = profile.components();
    match &load.peak {
        None => Ok(components),
        Some(text) => {
            let field = "spec.load.peak";
            let peak = at(field, Rate::parse(text)).map_err(|error| wrong(field, error))?.per_second();
            Ok(load::scale_to_peak(&components, rate, audience, peak))
        }
    }
}
