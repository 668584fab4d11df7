//! The sentences for what is measured of too little, and for what cannot be true.

use crate::plan::reading::SeenBy;
use crate::plan::rules::Plausible;
use crate::plan::why::Measured;

/// A value that cannot be true.
pub fn implausible(measured: Measured, name: &str, value: f64, plausible: &Plausible) -> String {
    let what = format!("Waiting: the {} \"{name}\" reads ", measured.name());
    let bound = match (&plausible.min, &plausible.max) {
        (Some(min), _) if value < min.value() => {
            format!("{}, and is never below {}", min.show_against(value), min.show(min.value()))
        }
        (_, Some(max)) => format!("{}, and is never above {}", max.show_against(value), max.show(max.value())),
        _ => {
            return format!(
                "{what}exactly {value}, and nothing shows that its replicas are behind that. If it can truly be 0, write demand.plausible: {{min: 0/s}} into the pool."
            );
        }
    };
    format!("{what}{bound} by what the pool says is plausible. Check its query, or correct plausible.")
}

/// Some that are ready are new, and all the others are seen.
pub fn newcomers(workload: &str, seen: f64, ready: i32) -> String {
    format!(
        "Scaling {workload}: {ready} replicas are ready, and Prometheus has scraped {seen:.0} of them often enough. The new ones count from their second scrape on."
    )
}

/// Fresh samples of too few replicas are behind a demand, or of more than there are.
pub fn uncovered(workload: &str, seen: f64, (ready, there): (i32, i32), least: f64, seen_by: &SeenBy) -> String {
    let start = format!("Waiting: the demand of \"{workload}\" cannot be believed: ");
    if seen > f64::from(there) {
        return format!(
            "{start}{seen:.0} replicas have fresh samples in it, and there are {there}. Those that are leaving hide how many of the others are missing; it waits until they have gone."
        );
    }
    let way_out = match seen_by {
        SeenBy::Label(label) if seen <= 0.0 => format!(
            "No series of its query has the name of one of its pods in the label \"{label}\" (with its namespace, or none, in \"namespace\") and a fresh sample. If they are counted elsewhere, say how in demand.coverage of the pool."
        ),
        SeenBy::Label(label) => format!(
            "They are told by the label \"{label}\". A new one counts from its second scrape on, and one that had no request may have no series yet: where that is usual, count them by up, in demand.coverage.query. Else let Prometheus scrape all of them."
        ),
        SeenBy::Query(_) => "Let Prometheus scrape all of them (counted by demand.coverage.query).".to_owned(),
    };
    format!(
        "{start}of {ready} ready replicas {seen:.0} have fresh samples in it ({:.0} % are needed). {way_out}",
        least * 100.0
    )
}
