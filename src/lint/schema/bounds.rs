//! How large, how long, how many. Lengths count characters, as the API server counts them.

use serde_json::Value;

fn whole(schema: &Value, name: &str) -> Option<usize> {
    schema.get(name).and_then(Value::as_u64).and_then(|bound| usize::try_from(bound).ok())
}

/// A bound as people write it: `1000000000`, and not `1000000000.0`.
fn plain(bound: f64) -> String {
    format!("{bound}")
}

fn count(count: usize, least: Option<usize>, most: Option<usize>, what: [&str; 2]) -> Option<String> {
    let named = if count == 1 { what[0] } else { what[1] };
    match (least, most) {
        (Some(least), _) if count < least => Some(format!("it has {count} {named}, and must have at least {least}")),
        (_, Some(most)) if count > most => Some(format!("it has {count} {named}, and may have at most {most}")),
        _ => None,
    }
}

/// A number that is too small or too large.
pub fn of_number(value: &Value, schema: &Value) -> Option<String> {
    let number = value.as_f64()?;
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    let is_exclusive = |name: &str| schema.get(name).and_then(Value::as_bool) == Some(true);
    let below = |least: &f64| number < *least || (is_exclusive("exclusiveMinimum") && number <= *least);
    let above = |most: &f64| number > *most || (is_exclusive("exclusiveMaximum") && number >= *most);
    let (least, most) = (bound("minimum"), bound("maximum"));
    if !least.as_ref().is_some_and(below) && !most.as_ref().is_some_and(above) {
        return None;
    }
    Some(match (least, most) {
        (Some(least), Some(most)) => format!("{value} is not from {} to {}", plain(least), plain(most)),
        (Some(least), None) => format!("{value} is below the least, {}", plain(least)),
        (None, most) => format!("{value} is above the most, {}", plain(most.unwrap_or(f64::INFINITY))),
    })
}

/// A text that is too short or too long.
pub fn of_text(value: &Value, schema: &Value) -> Option<String> {
    let text = value.as_str()?;
    count(text.chars().count(), whole(schema, "minLength"), whole(schema, "maxLength"), ["character", "characters"])
}

/// A list that is too short or too long.
pub fn of_list(length: usize, schema: &Value) -> Option<String> {
    count(length, whole(schema, "minItems"), whole(schema, "maxItems"), ["entry", "entries"])
}

/// Too few or too many fields.
pub fn of_fields(length: usize, schema: &Value) -> Option<String> {
    count(length, whole(schema, "minProperties"), whole(schema, "maxProperties"), ["field", "fields"])
}
