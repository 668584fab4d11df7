//! A pool's own load profiles: what its owner knows of channels better than the built-in profiles do. The built-in ones
//! are `load`'s; what a single campaign knows better still is `intent`'s.

use crate::api::pool::LoadProfile;

use super::load::{Human, Profile, Scanner};
use super::rules::{Unusable, at};
use super::units::{Percent, Span};

/// The spread of a response of which nothing is known, as for push and SMS.
const SIGMA: f64 = 2.0;

/// Understands a pool's profiles: channel, class, profile.
pub fn parse_all(written: &[LoadProfile]) -> Result<Vec<(String, Option<String>, Profile)>, Unusable> {
    written
        .iter()
        .enumerate()
        .map(|(index, profile)| {
            let field = |name: &str| format!("spec.profiles[{index}].{name}");
            let twin = |other: &&LoadProfile| other.channel == profile.channel && other.class == profile.class;
            if written.iter().take(index).find(twin).is_some() {
                let class = profile.class.as_deref().unwrap_or("every class");
                let why = format!("\"{}\" has a profile for {class} already; give it one", profile.channel);
                return Err(Unusable { field: field("channel"), why });
            }
            Ok((profile.channel.clone(), profile.class.clone(), parse(profile, &field)?))
        })
        .collect()
}

fn parse(written: &LoadProfile, field: &dyn Fn(&str) -> String) -> Result<Profile, Unusable> {
    let builtin = Profile::builtin(&written.channel, written.class.as_deref().unwrap_or("consumer"));
    let sigma = match &written.response_sigma {
        None => builtin.as_ref().map_or(SIGMA, |builtin| builtin.human.sigma),
        Some(text) => match text.parse::<f64>() {
            Ok(sigma) if sigma.is_finite() && sigma > 0.0 => sigma,
            _ => {
                let why = format!("\"{text}\" is not a number above 0; write it like \"2.4\"");
                return Err(Unusable { field: field("responseSigma"), why });
            }
        },
    };
    let scanner = match &written.scanned_links {
        None => builtin.and_then(|builtin| builtin.scanner),
        Some(text) => {
            let links = at(field("scannedLinks"), text.parse::<f64>())?;
            Some(Scanner { share: 1.0, links })
        }
    };
    Ok(Profile {
        human: Human {
            visit_rate: at(field("visitRate"), Percent::parse(&written.visit_rate))?.fraction(),
            requests_per_visit: f64::from(written.requests_per_visit),
            median_minutes: at(field("responseMedian"), Span::parse(&written.response_median))?
                .to_duration()
                .as_secs_f64()
                / 60.0,
            sigma,
        },
        scanner,
    })
}

/// The profile that counts for a channel and class: the pool's own for exactly this class, the pool's own for every
/// class, the built-in one.
pub fn of(own: &[(String, Option<String>, Profile)], channel: &str, class: &str) -> Option<Profile> {
    let found = |wanted: Option<&str>| {
        own.iter().find(|(name, of, _)| name == channel && of.as_deref() == wanted).map(|(.., profile)| profile.clone())
    };
    found(Some(class)).or_else(|| found(None)).or_else(|| Profile::builtin(channel, class))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn written(channel: &str, class: Option<&str>, visits: &str) -> LoadProfile {
        LoadProfile {
            channel: channel.into(),
            class: class.map(Into::into),
            visit_rate: visits.into(),
            requests_per_visit: 6,
            response_median: "20m".into(),
            response_sigma: None,
            scanned_links: None,
        }
    }

    #[test]
    fn the_narrower_profile_counts_and_what_it_leaves_out_is_the_built_in_ones() {
        let own = parse_all(&[written("email", None, "4%"), written("email", Some("vip"), "9%")]).unwrap();
        let rate = |class| of(&own, "email", class).unwrap().human.visit_rate;
        assert!((rate("vip") - 0.09).abs() < 1e-12);
        assert!((rate("consumer") - 0.04).abs() < 1e-12);
        let profile = of(&own, "email", "consumer").unwrap();
        assert!((profile.human.sigma - 2.4).abs() < 1e-12, "e-mail answers as e-mail does");
        assert_eq!(profile.scanner, Some(Scanner { share: 0.03, links: 3.0 }), "and is scanned as e-mail is");
        assert!(of(&own, "billboard", "consumer").is_none());
    }

    #[test]
    fn a_profile_twice_or_without_a_spread_is_refused_with_its_field() {
        let twice = parse_all(&[written("email", None, "4%"), written("email", None, "5%")]).unwrap_err();
        assert_eq!(twice.field, "spec.profiles[1].channel");
        let flat = LoadProfile { response_sigma: Some("0".into()), ..written("ads", None, "4%") };
        assert_eq!(parse_all(&[flat]).unwrap_err().field, "spec.profiles[0].responseSigma");
    }
}
