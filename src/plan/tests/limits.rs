//! What cannot be scaled: a limit is foretold with the load that is still to come.

use super::*;

#[test]
fn a_limit_is_foretold_with_the_load_that_is_to_come() {
    let mut limited = snapshot();
    let rules = limited.pool.rules.as_mut().unwrap();
    let max = units::Threshold::parse("70%").unwrap();
    rules.limits = vec![rules::LimitRules {
        name: "db".into(),
        query: "q".into(),
        max,
        per_request: None,
        plausible: rules::Plausible::default(),
    }];
    // The canary brings 280 on 300: it grows by 93 %.
    limited.limits = vec![Some(reading(0.30, 1))];
    assert!(plan(&limited, at(0)).release.is_some());
    limited.limits = vec![Some(reading(0.40, 1))];
    assert_eq!(reason(&limited), "LimitReached");
    limited.limits = vec![Some(reading(0.75, 1))];
    assert_eq!(reason(&limited), "LimitReached");
    limited.limits = vec![Some(Err(SensorFault::Empty))];
    assert_eq!(reason(&limited), "SensorUntrusted");
}
