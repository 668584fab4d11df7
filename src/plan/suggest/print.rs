//! A proposal as a `CapacityPool` that a person reviews: every number with where it comes from, and what nobody but the owner can say.
//! The text is YAML that passes `headroom lint`; what is said in it is said in comments.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::known::Subject;
use super::{MOST_ERRORS, Suggestion};
use crate::plan::number;
use crate::plan::units::people::{Rounding, grouped, plain};

/// Comments are broken before this column.
const WIDTH: usize = 120;
/// A `CapacityPool` may ask for no more replicas.
const MOST_REPLICAS: i32 = 10_000;

/// What is printed besides the proposal.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The workload.
    pub subject: Subject,
    /// Its demand query.
    pub demand: String,
    /// Where that comes from, as a sentence.
    pub source: String,
    /// The metric, where something else than its pods counts their requests.
    pub counted_by: Option<&'static str>,
    /// What is to be said of replicas that are not seen behind it.
    pub unseen: Option<String>,
    /// `70%`.
    pub utilization: String,
    /// The most its autoscaler allows.
    pub autoscaler_max: Option<i32>,
    /// The most its owner allows.
    pub max_replicas: Option<i32>,
    /// The share of requests that failed, if that is known.
    pub errors: Option<String>,
}

/// A number that no pool can hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} of {value} req/s cannot be written as a rate; is the query in requests per second?")]
pub struct Unwritable {
    what: &'static str,
    value: String,
}

/// Prints it.
pub fn print(suggestion: &Suggestion, terms: &Terms) -> Result<String, Unwritable> {
    let Suggestion { per_replica: safe, utilization, peak, evidence, .. } = suggestion;
    let unwritable = |what, value: f64| Unwritable { what, value: format!("{value:e}") };
    // The operator multiplies by the utilisation, and what was learnt has it in already.
    let before = safe / utilization;
    let capacity = rate(before, Rounding::Down).ok_or_else(|| unwritable("a capacity", before))?;
    let most = rate(peak.per_second, Rounding::Up).ok_or_else(|| unwritable("a peak", peak.per_second))?;
    let mut text = String::new();
    let mut page = Page { text: &mut text };
    let Subject { kind, namespace, name } = &terms.subject;
    page.comment(
        0,
        &format!(
            "Proposed by headroom suggest pool, from what Prometheus has seen of the {} {namespace}/{name}; to be reviewed by whoever owns it.",
            kind.name()
        ),
    );
    page.comment(
        0,
        &format!(
            "{} usable bins of five minutes on {} days, from {} to {}; of {} bins {}. Load of one replica: {} req/s (5th percentile), {} (median), {} (highest healthy).",
            whole(evidence.usable),
            evidence.days,
            moment(evidence.from),
            moment(evidence.to),
            whole(evidence.bins),
            evidence.dropped,
            plain(evidence.load[0]),
            plain(evidence.load[1]),
            plain(evidence.load[2])
        ),
    );
    let label: String = name.replace('.', "-").chars().take(63).collect();
    let label = label.trim_matches('-');
    page.line("apiVersion: headroom.dev/v1alpha1\nkind: CapacityPool\nmetadata:");
    page.line(&format!("  name: {}\n  namespace: {}", quoted(label), quoted(namespace)));
    page.line("spec:\n  workloads:");
    page.line(&format!("  - name: {}\n    targetRef:\n      kind: {}", quoted(label), kind.name()));
    page.line(&format!("      name: {}\n    demand:", quoted(name)));
    page.comment(6, &terms.source);
    page.line(&format!("      query: {}", quoted(&terms.demand)));
    let before = peak.before.map_or_else(String::new, |(value, at)| {
        format!(" Before that there was more: {} req/s at {}. If that is ordinary, write it.", plain(value), moment(at))
    });
    page.comment(
        6,
        &format!(
            "The most that this query gave in the last seven days, {} req/s at {}.{before} It stands for history until there are eight days of it.",
            plain(peak.per_second),
            moment(peak.at)
        ),
    );
    page.line(&format!("      peak: {most}"));
    if let Some(unseen) = &terms.unseen {
        page.comment(6, unseen);
    }
    if let Some(metric) = terms.counted_by {
        page.comment(6, "To be confirmed by the owner, since nobody looked: that every request passes this ingress, and that all of its pods are scraped. Its replicas are not in the labels of that metric. Where demand can truly be 0, add plausible: {min: 0/s}.");
        page.line(&format!("      coverage:\n        unverified: counted at the ingress by {metric}; to be confirmed"));
    }
    page.capacity(suggestion, &capacity, terms);
    page.line(&format!("    capacityPerReplica: {capacity}"));
    let replicas = page.replicas(terms, evidence.most_ready);
    page.line(&format!("    maxReplicas: {replicas}"));
    page.comment(2, "Share of capacityPerReplica that is used; change both together, or learn anew with --target-utilization. 58 % is good for up to 4 workers per replica, 80 % from 16 on.");
    page.line(&format!("  targetUtilization: {}", terms.utilization));
    page.open_questions(terms);
    Ok(text)
}

struct Page<'a> {
    text: &'a mut String,
}

impl Page<'_> {
    fn line(&mut self, text: &str) {
        let _ = writeln!(self.text, "{text}");
    }

    /// A comment, broken into lines; whatever is in it, it stays one.
    fn comment(&mut self, indent: usize, text: &str) {
        let start = format!("{:indent$}#", "");
        let mut line = start.clone();
        for word in text.split_whitespace() {
            if line.len() > start.len() && line.len() + 1 + word.len() > WIDTH {
                self.line(&line);
                line.clone_from(&start);
            }
            line.push(' ');
            line.push_str(word);
        }
        self.line(&line);
    }

    fn capacity(&mut self, suggestion: &Suggestion, capacity: &str, terms: &Terms) {
        let mut comment = |text: &str| self.comment(4, text);
        comment(&format!(
            "{:?}: {} req/s are safe for one replica. Written before utilisation, since Headroom multiplies: {capacity} x {} = {} req/s.",
            suggestion.provenance,
            plain(suggestion.per_replica),
            terms.utilization,
            plain(suggestion.per_replica)
        ));
        for (index, bound) in suggestion.bounds.iter().enumerate() {
            let binds = if index == 0 { " (binds)" } else { "" };
            comment(&format!("- {} req/s by {:?}{binds}: {}.", plain(bound.per_replica), bound.provenance, bound.how));
        }
        if suggestion.bounds.len() == 1 {
            comment(
                "Nothing else could be told: this is what it has borne and no more than a quarter on top, not what it can bear. A load test says that.",
            );
        }
        for untold in &suggestion.untold {
            comment(&format!("- {untold}"));
        }
    }

    /// The most replicas, with where that comes from above it.
    fn replicas(&mut self, terms: &Terms, most_ready: f64) -> i32 {
        let (value, source) = match (terms.max_replicas, terms.autoscaler_max) {
            (Some(given), Some(allows)) if allows < given => {
                (given, format!("As given by --max-replicas; its autoscaler allows no more than {allows}."))
            }
            (Some(given), _) => (given, "As given by --max-replicas.".to_owned()),
            (None, Some(allows)) => (allows, "The most that its autoscaler allows.".to_owned()),
            (None, None) => {
                let seen = i32::try_from(number::place(most_ready)).unwrap_or(MOST_REPLICAS);
                let source = "It has no autoscaler: the most replicas that were ready at a time. To be decided: how many the nodes, and what stands behind it, bear.";
                (seen, source.to_owned())
            }
        };
        self.comment(4, &source);
        value.clamp(1, MOST_REPLICAS)
    }

    fn open_questions(&mut self, terms: &Terms) {
        self.comment(2, "To be decided by the owner:");
        let mut comment = |text: &str| self.comment(2, text);
        comment(
            "- other workloads that the same visits reach, with requestsPerRequest: the share of a visit's requests that each gets.",
        );
        comment("- limits: what cannot be scaled, such as connections of a database.");
        comment("- guardrails: what must stay healthy while messages leave.");
        if let Some(errors) = &terms.errors {
            let percent = plain(MOST_ERRORS * 100.0);
            comment(&format!("Such as {{name: errors, max: {percent}%, for: 1m}} with the query {errors}"));
        }
        comment("- admission: whose campaigns may use it; without it only those of its own namespace.");
        comment("- mode: Observe, to see for a while what it would decide before it does.");
    }
}

/// A count as people read it.
fn whole(items: usize) -> String {
    grouped(u64::try_from(items).unwrap_or(u64::MAX))
}

fn moment(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%-d %b %Y %H:%M UTC").to_string()
}

/// A string that every reader of YAML takes for this very string.
fn quoted(text: &str) -> String {
    if text.chars().any(char::is_control) {
        // Escaped as in JSON, which YAML reads.
        return serde_json::Value::from(text).to_string();
    }
    format!("'{}'", text.replace('\'', "''"))
}

/// A rate with four digits that count; None where the CRD could not hold it.
pub fn rate(value: f64, rounding: Rounding) -> Option<String> {
    // The largest rate there is.
    if !(value.is_finite() && value > 0.0 && value <= 1e9) {
        return None;
    }
    let places = (0..8).find(|places| value * 10_f64.powi(*places) >= 1_000.0).unwrap_or(8);
    let scale = 10_f64.powi(places);
    // A number that is a whole one but for rounding noise is that whole one.
    let (scaled, noise) = (value * scale, 1e-12);
    let scaled = match rounding {
        Rounding::Down => (scaled * (1.0 + noise)).floor(),
        Rounding::Up => (scaled * (1.0 - noise)).ceil(),
    };
    let text = format!("{:.*}", usize::try_from(places).unwrap_or(0), scaled / scale);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    (text != "0").then(|| format!("{text}/s"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::plan::units::Rate;

    #[test]
    fn rates_have_four_digits_and_err_to_the_safe_side() {
        let down = |value| rate(value, Rounding::Down).unwrap();
        let up = |value| rate(value, Rounding::Up).unwrap();
        assert_eq!((down(137.469), up(137.41)), ("137.4/s".into(), "137.5/s".into()));
        assert_eq!((down(12_345.9), up(12_345.1)), ("12345/s".into(), "12346/s".into()));
        // 84 ÷ 0.7 is not quite 120 to a computer.
        assert_eq!((down(84.0 / 0.7), up(120.0)), ("120/s".into(), "120/s".into()));
        assert_eq!((down(0.012_345_6), down(1.0)), ("0.01234/s".into(), "1/s".into()));
        for value in [0.0, -1.0, 1e-12, 1e12, f64::NAN, f64::INFINITY] {
            assert_eq!(rate(value, Rounding::Down), None, "{value}");
        }
        for value in [1e-6, 0.000_123_456, 3.0, 99.999_99, 1e9] {
            for rounding in [Rounding::Down, Rounding::Up] {
                let read = Rate::parse(&rate(value, rounding).unwrap()).unwrap().per_second();
                assert!((read - value).abs() <= 0.01 * value, "{value} became {read}");
            }
        }
    }

    #[test]
    fn strings_are_quoted_so_that_nobody_reads_them_otherwise() {
        assert_eq!(quoted("no"), "'no'");
        assert_eq!(quoted("a 'b'"), "'a ''b'''");
        assert_eq!(quoted("sum(a) # all\n+ b"), r#""sum(a) # all\n+ b""#);
    }

    #[test]
    fn a_comment_is_broken_and_stays_a_comment() {
        let mut text = String::new();
        Page { text: &mut text }.comment(2, &format!("{} kind: Pod\nspec: {{}}", "word ".repeat(40)));
        assert!(text.lines().count() > 1);
        assert!(text.lines().all(|line| line.starts_with("  # ") && line.len() <= WIDTH), "{text}");
    }
}
