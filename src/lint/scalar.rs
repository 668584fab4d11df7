//! What a bare word means to kubectl, whose reader follows YAML 1.1 in part: `no` is false, `0777` is 511, `1_000` is
//! 1000, `09:00` is text. Follows `resolve` of go.yaml.in/yaml/v2.

use serde_json::{Number, Value};

/// What a scalar is.
#[derive(Clone, Debug, PartialEq)]
pub enum Means {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// Another number.
    Float(f64),
    /// Text.
    Text,
}

/// A scalar as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    /// Without its quotes.
    pub text: String,
    /// Whether it had none.
    pub plain: bool,
    /// What it is.
    pub means: Means,
}

impl Scalar {
    /// Without quotes.
    pub fn plain(text: &str) -> Scalar {
        Scalar { text: text.to_owned(), plain: true, means: resolve(text) }
    }

    /// In quotes, or a block of text.
    pub fn quoted(text: &str) -> Scalar {
        Scalar { text: text.to_owned(), plain: false, means: Means::Text }
    }

    /// As the API server gets it. What JSON cannot hold is text, and the type is wrong then.
    pub fn to_json(&self) -> Value {
        let text = || Value::String(self.text.clone());
        match self.means {
            Means::Null => Value::Null,
            Means::Bool(value) => Value::Bool(value),
            Means::Int(value) => integer(value).unwrap_or_else(text),
            Means::Float(value) if value.fract() == 0.0 && value.abs() < 1e15 => {
                format!("{value:.0}").parse().ok().and_then(integer).unwrap_or_else(text)
            }
            Means::Float(value) => Number::from_f64(value).map_or_else(text, Value::Number),
            Means::Text => text(),
        }
    }

    /// As a key.
    pub fn to_key(&self) -> String {
        match self.to_json() {
            Value::String(text) => text,
            Value::Null => self.text.clone(),
            other => other.to_string(),
        }
    }
}

fn integer(value: i128) -> Option<Value> {
    i64::try_from(value).map(Value::from).or_else(|_| u64::try_from(value).map(Value::from)).ok()
}

/// Words that mean a truth value.
const WORDS: [(&str, bool); 8] = [
    ("y", true),
    ("yes", true),
    ("on", true),
    ("true", true),
    ("n", false),
    ("no", false),
    ("off", false),
    ("false", false),
];

/// `no`, `No` and `NO`, but not `nO`.
fn is_spelled(text: &str, word: &str) -> bool {
    let mut letters = word.chars();
    let capital = letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str());
    text == word || text == word.to_ascii_uppercase() || capital.is_some_and(|capital| text == capital)
}

/// What a bare word means.
pub fn resolve(text: &str) -> Means {
    if text.is_empty() || text == "~" || is_spelled(text, "null") {
        return Means::Null;
    }
    if let Some((_, value)) = WORDS.iter().find(|(word, _)| is_spelled(text, word)) {
        return Means::Bool(*value);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if let Some(word) = unsigned.strip_prefix('.') {
        if is_spelled(word, "inf") {
            return Means::Float(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY });
        }
        if text.starts_with('.') && ["nan", "NaN", "NAN"].contains(&word) {
            return Means::Float(f64::NAN);
        }
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) {
        return Means::Text;
    }
    let digits = if text.starts_with('.') { text.to_owned() } else { text.replace('_', "") };
    if let Some(value) = whole(&digits) {
        return Means::Int(value);
    }
    if is_float(&digits) {
        // One that is too large for a number is text to kubectl.
        return digits.parse().ok().filter(|value: &f64| value.is_finite()).map_or(Means::Text, Means::Float);
    }
    Means::Text
}

/// A whole number: decimal, `0x1f`, `0b101`, `0o17`, or octal after a plain 0.
fn whole(text: &str) -> Option<i128> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, text.get(1..)?),
        b'+' => (1, text.get(1..)?),
        _ => (1, text),
    };
    let prefix = digits.get(..2).filter(|_| digits.len() > 2).map(str::to_ascii_lowercase);
    let (radix, digits) = match prefix.as_deref() {
        Some("0x") => (16, digits.get(2..)?),
        Some("0b") => (2, digits.get(2..)?),
        Some("0o") => (8, digits.get(2..)?),
        _ if digits.len() > 1 && digits.starts_with('0') => (8, digits.get(1..)?),
        _ => (10, digits),
    };
    if !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let value = sign * i128::from_str_radix(digits, radix).ok()?;
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&value).then_some(value)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (number, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (unsigned, None),
    };
    let exponent_is_one = exponent.is_none_or(|text| all_digits(text.strip_prefix(['+', '-']).unwrap_or(text)));
    let number_is_one = match number.split_once('.') {
        None => all_digits(number),
        Some(("", part)) => all_digits(part),
        Some((whole, part)) => all_digits(whole) && (part.is_empty() || all_digits(part)),
    };
    exponent_is_one && number_is_one
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bare_words_mean_what_kubectl_takes_them_for() {
        // Each value was printed by kubectl 1.32 itself: `kubectl annotate --local -o json -f … a=b`.
        for (text, value) in [
            ("0777", json!(511)),
            ("1_200", json!(1200)),
            ("09:00", json!("09:00")),
            ("18:00", json!("18:00")),
            ("yes", json!(true)),
            ("n", json!(false)),
            ("y", json!(true)),
            ("1e3", json!(1000)),
            ("1.0", json!(1)),
            ("012_3", json!(83)),
            ("0o17", json!(15)),
            ("08", json!(8)),
            ("1_2.5", json!(12.5)),
            ("2027-01-01", json!("2027-01-01")),
            ("2027-01-01T09:00:00Z", json!("2027-01-01T09:00:00Z")),
            (".5", json!(0.5)),
            ("+1", json!(1)),
            ("0x1F", json!(31)),
            ("~", Value::Null),
            ("Null", Value::Null),
            ("NO", json!(false)),
            ("On", json!(true)),
            ("00", json!(0)),
            ("-0", json!(0)),
            ("1__0", json!(10)),
            ("-0b11", json!(-3)),
            ("0x_1", json!(1)),
            ("0_777", json!(511)),
            ("-0777", json!(-511)),
            ("1_000.5", json!(1000.5)),
            ("1e-2", json!(0.01)),
            ("1.e3", json!(1000)),
            ("1.", json!(1)),
            ("-.5", json!(-0.5)),
            ("08.5", json!(8.5)),
            ("12e03", json!(12000)),
            ("1e400", json!("1e400")),
            ("._5", json!("._5")),
            ("0o8", json!("0o8")),
            ("0b12", json!("0b12")),
            ("nUll", json!("nUll")),
            ("2027-1-2", json!("2027-1-2")),
        ] {
            assert_eq!(Scalar::plain(text).to_json(), value, "{text}");
        }
        for text in ["nO", "-", "+", ".", "1,200", "100/s", "1.2.3", "e3", "0x", "_1", "99999999999999999999999z"] {
            assert_eq!(resolve(text), Means::Text, "{text}");
        }
        assert_eq!(Scalar::quoted("no").to_json(), json!("no"));
    }
}
