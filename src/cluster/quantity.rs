//! Amounts as Kubernetes writes them: `100m`, `1.5`, `2Gi`, `1e3`. Whole thousandths come of them; what a pod asks for is
//! never made smaller by that.

/// So many digits are more than any amount has.
const MOST_DIGITS: usize = 24;

/// Thousandths of the amount, rounded up; None for what is no amount, or is below zero.
pub fn thousandths(text: &str) -> Option<u64> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{part}");
    if digits.is_empty() || digits.len() > MOST_DIGITS || part.contains('.') {
        return None;
    }
    let digits: u128 = digits.parse().ok()?;
    let (tens, factor) = scale(suffix)?;
    let amount = digits.checked_mul(factor)?;
    let tens = tens.checked_add(3)?.checked_sub(i32::try_from(part.len()).ok()?)?;
    let power = 10_u128.checked_pow(tens.unsigned_abs())?;
    let amount = if tens < 0 { amount.div_ceil(power) } else { amount.checked_mul(power)? };
    Some(u64::try_from(amount).unwrap_or(u64::MAX))
}

/// Powers of ten, and a factor.
fn scale(suffix: &str) -> Option<(i32, u128)> {
    let binary = |power: u32| 1024_u128.checked_pow(power).map(|factor| (0, factor));
    match suffix {
        "n" => Some((-9, 1)),
        "u" => Some((-6, 1)),
        "m" => Some((-3, 1)),
        "" => Some((0, 1)),
        "k" => Some((3, 1)),
        "M" => Some((6, 1)),
        "G" => Some((9, 1)),
        "T" => Some((12, 1)),
        "P" => Some((15, 1)),
        "E" => Some((18, 1)),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            exponent.parse::<i32>().ok().filter(|exponent| exponent.abs() <= 18).map(|exponent| (exponent, 1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::thousandths;

    #[test]
    fn amounts_are_read_as_kubernetes_writes_them() {
        for (text, expected) in [
            ("0", 0),
            ("1", 1_000),
            ("100m", 100),
            ("1.5", 1_500),
            ("0.1", 100),
            (".5", 500),
            ("2.", 2_000),
            ("+3", 3_000),
            ("1e3", 1_000_000),
            ("1E-2", 10),
            ("2Gi", 2 * 1_073_741_824 * 1_000),
            ("1.5Ki", 1_536_000),
            ("128M", 128_000_000_000),
            ("250u", 1),
            ("1n", 1),
            ("1000001n", 2),
            ("20E", u64::MAX),
        ] {
            assert_eq!(thousandths(text), Some(expected), "{text}");
        }
        for wrong in ["", ".", "m", "-1", "1.2.3", "1 Gi", "1gi", "1e", "1e99", "９", "1234567890123456789012345"] {
            assert_eq!(thousandths(wrong), None, "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".{0,30}", number in "[0-9.]{0,26}[a-zA-Z]{0,2}[-+0-9]{0,4}") {
            let _ = (thousandths(&text), thousandths(&number));
        }
    }
}
