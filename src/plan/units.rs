//! Quantities as people write them: rates, percents, spans and thresholds. Each is parsed once and is finite and in
//! range by construction; an error names the text and shows how it is written.

pub mod people;
mod percent;
mod rate;
mod span;
mod threshold;

pub use percent::Percent;
pub use rate::Rate;
pub use span::Span;
pub use threshold::Threshold;

/// A text that is not the quantity it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not {what}; write it like {example}")]
pub struct UnitError {
    /// What was written.
    pub text: String,
    /// What was expected.
    pub what: &'static str,
    /// How it is written.
    pub example: &'static str,
}

/// A number without sign or exponent, as a fraction `digits / 10^places`, split from the unit behind it.
fn number(text: &str) -> Option<(u64, u32, &str)> {
    let end = text.find(|character: char| !(character.is_ascii_digit() || character == '.')).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || (digits.contains('.') && part.is_empty()) || part.contains('.') || part.len() > 9 {
        return None;
    }
    let value: u64 = format!("{whole}{part}").parse().ok()?;
    let places = u32::try_from(part.len()).ok()?;
    Some((value, places, unit))
}

/// The nearest f64 of a small fraction: both parts are below 2^53, so that the division rounds once.
fn fraction(numerator: u64, denominator: u64) -> Option<f64> {
    const EXACT: u64 = 1 << 53;
    if numerator >= EXACT || denominator >= EXACT || denominator == 0 {
        return None;
    }
    // Through text, so that no cast can lose a digit unnoticed.
    let numerator: f64 = numerator.to_string().parse().ok()?;
    let denominator: f64 = denominator.to_string().parse().ok()?;
    Some(numerator / denominator)
}
