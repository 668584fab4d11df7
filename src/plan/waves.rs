//! The waves of a send: their names, their sizes, and the rule that no recipient is in two of them.
//!
//! A wave begins where the last one that went has ended, whatever was edited since; so an edit of the audience
//! neither repeats nor skips anybody.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use crate::api::campaign::{Pace, Wave, Window};

use super::units::Span;

mod parts;

pub use parts::Cut;

/// The plan of a send that has none: a canary, watched for ten minutes, and the rest.
const CANARY: (&str, u32, SignedDuration) = ("canary", 2, SignedDuration::from_mins(10));
/// How long that canary is watched.
pub const CANARY_SOAK: SignedDuration = CANARY.2;
/// Parts per million in one percent.
const PPM: u32 = 10_000;

/// A plan that cannot be carried out, or does not fit what has gone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WavesError {
    /// Two waves have one name.
    #[error("spec.waves: two waves are called \"{name}\"; a wave's name is its identity, give each its own")]
    Twice {
        /// The name.
        name: String,
    },
    /// A wave has two sizes.
    #[error("spec.waves[{name}]: give percent or recipients, not both")]
    TwoSizes {
        /// The wave.
        name: String,
    },
    /// Several waves leave out their size.
    #[error(
        "spec.waves: \"{first}\" and \"{second}\" both leave out their size; only one wave may, and takes the rest"
    )]
    TwoRests {
        /// One.
        first: String,
        /// The other.
        second: String,
    },
    /// Percentages that make no whole.
    #[error(
        "spec.waves: the percentages add up to {sum}; make it 100, or let one wave leave out its size and take the rest"
    )]
    Sum {
        /// What they add up to.
        sum: u32,
    },
    /// Percentages that leave nothing to the wave that takes the rest.
    #[error(
        "spec.waves: the percentages add up to {sum}, which leaves nobody to the wave that takes the rest; make them less than 100, or take that wave out"
    )]
    NoRest {
        /// What they add up to.
        sum: u32,
    },
    /// A number out of range.
    #[error("spec.waves[{name}].{field}: {why}")]
    Field {
        /// The wave.
        name: String,
        /// The field.
        field: &'static str,
        /// What is wrong.
        why: String,
    },
    /// A wave that has gone is not in the plan any more.
    #[error(
        "wave \"{name}\" went to {} recipients and is not in spec.waves any more; a wave that has gone keeps its name: put it back",
        super::units::people::grouped(*recipients)
    )]
    Removed {
        /// The wave.
        name: String,
        /// How many.
        recipients: u64,
    },
    /// A wave that has gone has another size now.
    #[error(
        "wave \"{name}\" went with the size {was} and has {is} in spec.waves now; a wave that has gone keeps its size: put it back"
    )]
    Resized {
        /// The wave.
        name: String,
        /// The size it went with.
        was: String,
        /// The size it has now.
        is: String,
    },
    /// Parts have gone, and the plan is written now.
    #[error(
        "wave \"{name}\" went as one of the parts that Headroom cut by spec.pace; spec.waves cannot be written any more: take it out again"
    )]
    Written {
        /// The part.
        name: String,
    },
    /// A plan whose last wave cannot be cut.
    #[error(
        "spec.pace: Smooth cuts the last wave of the pool's plan, \"{name}\", into parts, and that has a fixed number of recipients; leave spec.pace out, or ask the pool's owner for a plan whose last wave takes the rest"
    )]
    Fixed {
        /// The wave.
        name: String,
    },
}

/// How much of the audience a wave takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Whole percents of the audience.
    Percent(u32),
    /// So many recipients.
    Recipients(u64),
    /// What the others leave.
    Rest,
    /// So many as Headroom has chosen, of what the others leave.
    Part,
}

/// What a plan rests on beside what is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    /// Whether Headroom cuts the last wave into parts.
    pub pace: Pace,
    /// A canary that is large enough to be measured, in percent; None: there is none, or nothing is known.
    pub canary: Option<u32>,
    /// What has an entry in the ledger.
    pub gone: &'a [Gone],
}

impl Size {
    /// As it is written.
    pub fn as_written(&self) -> String {
        match self {
            Size::Percent(percent) => format!("{percent}%"),
            Size::Recipients(count) => count.to_string(),
            Size::Rest => "rest".to_owned(),
            Size::Part => parts::SHARE.to_owned(),
        }
    }

    fn ppm(self) -> u64 {
        match self {
            Size::Percent(percent) => u64::from(percent) * u64::from(PPM),
            Size::Recipients(_) | Size::Rest | Size::Part => 0,
        }
    }
}

/// One wave of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedWave {
    /// With the send, its identity.
    pub name: String,
    /// How much of the audience.
    pub size: Size,
    /// How long it is watched after its last message.
    pub soak: SignedDuration,
    /// Instead of the campaign's.
    pub time_zone: Option<String>,
    /// Instead of the campaign's.
    pub windows: Option<Vec<Window>>,
    /// Over the campaign's.
    pub parameters: BTreeMap<String, String>,
}

/// A wave that has an entry in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// Its name.
    pub name: String,
    /// Its first recipient.
    pub offset: u64,
    /// How many.
    pub recipients: u64,
    /// Its size as it was written then.
    pub share: String,
}

impl Gone {
    /// Its size, where that was written in percent.
    fn percent(&self) -> Option<u32> {
        self.share.strip_suffix('%')?.parse().ok().filter(|percent| (1..=100).contains(percent))
    }
}

/// A wave's part of the audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sized {
    /// Its first recipient, counted from 0.
    pub offset: u64,
    /// How many.
    pub recipients: u64,
}

/// The waves of a send, in the order they go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WavePlan {
    /// In the order they go.
    pub waves: Vec<PlannedWave>,
    /// Set where Headroom chooses how many recipients the last of them takes.
    pub cut: Option<Cut>,
}

fn planned(wave: &Wave) -> Result<PlannedWave, WavesError> {
    let field = |field, why: String| WavesError::Field { name: wave.name.clone(), field, why };
    let size = match (wave.percent, wave.recipients) {
        (Some(_), Some(_)) => return Err(WavesError::TwoSizes { name: wave.name.clone() }),
        (Some(percent), None) => match u32::try_from(percent) {
            Ok(percent @ 1..=100) => Size::Percent(percent),
            _ => return Err(field("percent", format!("{percent} is not a whole number from 1 to 100"))),
        },
        (None, Some(count)) => match u64::try_from(count) {
            Ok(count) if count > 0 => Size::Recipients(count),
            _ => return Err(field("recipients", format!("{count} is not a number of recipients above 0"))),
        },
        (None, None) => Size::Rest,
    };
    let soak = match &wave.soak {
        None => SignedDuration::ZERO,
        Some(text) => Span::parse_or_zero(text).map_err(|error| field("soak", error.to_string()))?.to_duration(),
    };
    Ok(PlannedWave {
        name: wave.name.clone(),
        size,
        soak,
        time_zone: wave.time_zone.clone(),
        windows: wave.windows.clone(),
        parameters: wave.parameters.clone().unwrap_or_default(),
    })
}

impl WavePlan {
    /// The campaign's own plan, else the pool's, else a canary and the rest; cut into parts where the pace asks for it.
    pub fn of(own: Option<&[Wave]>, pool: Option<&[Wave]>, beside: &Beside<'_>) -> Result<WavePlan, WavesError> {
        let whole = WavePlan::whole(own, pool, beside)?;
        if own.is_some() { Ok(whole) } else { parts::cut(whole, beside) }
    }

    /// A plan as it is written.
    pub fn resolve(own: Option<&[Wave]>, pool: Option<&[Wave]>) -> Result<WavePlan, WavesError> {
        WavePlan::whole(own, pool, &Beside::default())
    }

    fn whole(own: Option<&[Wave]>, pool: Option<&[Wave]>, beside: &Beside<'_>) -> Result<WavePlan, WavesError> {
        let Some(written) = own.or(pool).filter(|waves| !waves.is_empty()) else {
            let wave = |name: &str, size, soak| PlannedWave {
                name: name.to_owned(),
                size,
                soak,
                time_zone: None,
                windows: None,
                parameters: BTreeMap::new(),
            };
            // One that has gone keeps its size, whatever is known by now.
            let went = beside.gone.iter().find(|gone| gone.name == CANARY.0).and_then(Gone::percent);
            let percent = went.or(beside.canary).unwrap_or(CANARY.1);
            let canary = wave(CANARY.0, Size::Percent(percent), CANARY.2);
            return Ok(WavePlan { waves: vec![canary, wave("rest", Size::Rest, SignedDuration::ZERO)], cut: None });
        };
        let waves = written.iter().map(planned).collect::<Result<Vec<_>, _>>()?;
        let mut names = BTreeSet::new();
        if let Some(twice) = waves.iter().find(|wave| !names.insert(wave.name.clone())) {
            return Err(WavesError::Twice { name: twice.name.clone() });
        }
        let mut rests = waves.iter().filter(|wave| wave.size == Size::Rest);
        if let (Some(first), Some(second)) = (rests.next(), rests.next()) {
            return Err(WavesError::TwoRests { first: first.name.clone(), second: second.name.clone() });
        }
        let percents = waves.iter().filter_map(|wave| match wave.size {
            Size::Percent(percent) => Some(percent),
            _ => None,
        });
        let (sum, has_percents) = (percents.clone().sum::<u32>(), percents.count() > 0);
        let has_rest = waves.iter().any(|wave| wave.size == Size::Rest);
        let all_percents = waves.iter().all(|wave| matches!(wave.size, Size::Percent(_)));
        if has_rest && sum >= 100 {
            return Err(WavesError::NoRest { sum });
        }
        if sum > 100 || (all_percents && has_percents && sum != 100) {
            return Err(WavesError::Sum { sum });
        }
        Ok(WavePlan { waves, cut: None })
    }

    /// The part of the audience that a wave takes, were it to go next, after those that have gone.
    pub fn size(&self, index: usize, audience: u64, gone: &[Gone]) -> Sized {
        let offset = gone.iter().map(|gone| gone.offset + gone.recipients).max().unwrap_or(0);
        let nobody = Sized { offset, recipients: 0 };
        let Some(wave) = self.waves.get(index) else { return nobody };
        let has_gone = |name: &str| gone.iter().any(|gone| gone.name == name);
        // What the waves behind this one, and not gone yet, will take.
        let later = self.waves.iter().enumerate().filter(|(place, wave)| *place > index && !has_gone(&wave.name));
        let claimed: u64 = later
            .map(|(_, wave)| match wave.size {
                Size::Recipients(count) => count,
                size => audience - share(audience, 1_000_000 - size.ppm().min(1_000_000)),
            })
            .fold(0, u64::saturating_add);
        let rest_is_before =
            self.waves.iter().enumerate().any(|(place, wave)| {
                wave.size == Size::Rest && place != index && (place < index || has_gone(&wave.name))
            });
        let end = match wave.size {
            // The rest was sized so that this share is left behind it; people added since go with it too.
            Size::Percent(_) if rest_is_before => audience.saturating_sub(claimed),
            Size::Recipients(count) => offset.saturating_add(count),
            Size::Percent(_) => {
                // Every wave that has gone, wherever it stands now, and what stands before this one.
                let before =
                    self.waves.iter().enumerate().filter(|(place, wave)| *place < index || has_gone(&wave.name));
                let ppm = before.map(|(_, wave)| wave.size.ppm()).sum::<u64>() + wave.size.ppm();
                share(audience, ppm.min(1_000_000))
            }
            Size::Rest | Size::Part => audience.saturating_sub(claimed),
        };
        Sized { offset, recipients: end.min(audience).saturating_sub(offset) }
    }

    /// Whether the plan still holds every wave that has gone, as it went. Where they stand in it does not matter: what
    /// has gone is where the ledger says, and a wave inserted before others goes after what has gone.
    pub fn check_against(&self, gone: &[Gone]) -> Result<(), WavesError> {
        for gone in gone {
            let Some(wave) = self.waves.iter().find(|wave| wave.name == gone.name) else {
                if gone.share == parts::SHARE {
                    return Err(WavesError::Written { name: gone.name.clone() });
                }
                return Err(WavesError::Removed { name: gone.name.clone(), recipients: gone.recipients });
            };
            let is = wave.size.as_written();
            // A wave that was passed over had no size.
            if gone.recipients > 0 && gone.share != is {
                return Err(WavesError::Resized { name: gone.name.clone(), was: gone.share.clone(), is });
            }
        }
        Ok(())
    }
}

/// ⌊audience · ppm / 10⁶⌋, exactly.
fn share(audience: u64, ppm: u64) -> u64 {
    let exact = u128::from(audience) * u128::from(ppm) / 1_000_000;
    u64::try_from(exact).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
