//! The body of a request: JSON with placeholders, each a whole value. What a parameter holds is always data: it can
//! never become structure, since it is put in as a JSON string and the result is parsed strictly.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::strict_json;

/// The longest body.
pub const LONGEST: usize = 64 * 1024;

/// Variables that a template may name beside `parameters.NAME`.
const KNOWN: [&str; 11] = [
    "sendId",
    "key",
    "channel",
    "campaign.namespace",
    "campaign.name",
    "audience.size",
    "audience.class",
    "wave.name",
    "wave.offset",
    "wave.recipients",
    SEND_RATE,
];

/// The rate at which the wave shall leave, messages per second: a body that passes it on is how a receiver is told.
const SEND_RATE: &str = "wave.sendRate";

/// A body that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A placeholder that is not closed.
    #[error("\"{{{{\" at character {at} is not closed; a placeholder is written {{{{ wave.offset }}}}")]
    Open {
        /// Where.
        at: usize,
    },
    /// A placeholder that names nothing.
    #[error("there is no variable \"{name}\"; there are {}, and parameters.NAME", KNOWN.join(", "))]
    Unknown {
        /// What it names.
        name: String,
    },
    /// A placeholder inside a string.
    #[error(
        "the placeholder {{{{ {name} }}}} stands inside quotes; it is a whole value and brings its own: leave them out"
    )]
    Quoted {
        /// What it names.
        name: String,
    },
    /// It is no JSON.
    #[error("the body is not JSON: {why}")]
    NotJson {
        /// Where and why.
        why: String,
    },
    /// A parameter that the campaign does not have.
    #[error("the Sender's body needs parameters.{name}, which the Campaign does not give; add it")]
    Missing {
        /// The parameter.
        name: String,
    },
    /// A parameter that the body has no use for.
    #[error(
        "the Sender's body has no place for \"{name}\"; take it out, or ask the platform team to add {{{{ parameters.{name} }}}}"
    )]
    Unused {
        /// The parameter.
        name: String,
    },
    /// It is too long.
    #[error("the body would be {length} bytes long, and {LONGEST} are the most")]
    TooLong {
        /// How long.
        length: usize,
    },
}

/// What the placeholders stand for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variables {
    /// Identity of the send.
    pub send_id: String,
    /// The idempotency key of the wave.
    pub key: String,
    /// The campaign's channel.
    pub channel: String,
    /// Its namespace.
    pub campaign_namespace: String,
    /// Its name.
    pub campaign_name: String,
    /// Number of recipients of the send.
    pub audience_size: u64,
    /// Their kind.
    pub audience_class: String,
    /// The wave's name.
    pub wave_name: String,
    /// Its first recipient, counted from 0.
    pub wave_offset: u64,
    /// How many.
    pub wave_recipients: u64,
    /// Messages per second at which it shall leave.
    pub wave_send_rate: f64,
    /// The campaign's parameters and the wave's own.
    pub parameters: BTreeMap<String, String>,
}

impl Variables {
    fn value(&self, name: &str) -> Result<Value, TemplateError> {
        Ok(match name {
            "sendId" => json!(self.send_id),
            "key" => json!(self.key),
            "channel" => json!(self.channel),
            "campaign.namespace" => json!(self.campaign_namespace),
            "campaign.name" => json!(self.campaign_name),
            "audience.size" => json!(self.audience_size),
            "audience.class" => json!(self.audience_class),
            "wave.name" => json!(self.wave_name),
            "wave.offset" => json!(self.wave_offset),
            "wave.recipients" => json!(self.wave_recipients),
            SEND_RATE => json!(self.wave_send_rate),
            other => match other.strip_prefix("parameters.") {
                Some(name) => match self.parameters.get(name) {
                    Some(value) => json!(value),
                    None => return Err(TemplateError::Missing { name: name.to_owned() }),
                },
                None => return Err(TemplateError::Unknown { name: other.to_owned() }),
            },
        })
    }

    /// All of them, as the default body; but not the rate, of which nobody has said that this receiver obeys it.
    fn all(&self) -> Value {
        json!({
            "sendId": self.send_id,
            "key": self.key,
            "channel": self.channel,
            "campaign": {"namespace": self.campaign_namespace, "name": self.campaign_name},
            "audience": {"size": self.audience_size, "class": self.audience_class},
            "wave": {"name": self.wave_name, "offset": self.wave_offset, "recipients": self.wave_recipients},
            "parameters": self.parameters,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(String),
}

/// A body with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// None: all variables.
    parts: Option<Vec<Part>>,
    /// That of a Job holds the rate: whether its program is told.
    job: Option<bool>,
}

impl Template {
    /// All variables.
    pub fn default_body() -> Template {
        Template { parts: None, job: None }
    }

    /// All variables and the rate, for a Job whose program is told the rate or not.
    pub fn of_job(passes_rate_on: bool) -> Template {
        Template { parts: None, job: Some(passes_rate_on) }
    }

    /// All variables, for listmonk: it has one rate for everything.
    pub fn of_listmonk() -> Template {
        Template::of_job(false)
    }

    /// Understands a body.
    pub fn parse(text: &str) -> Result<Template, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(begin) = rest.find("{{") {
            let (before, after) = rest.split_at(begin);
            let at = text.len() - after.len();
            let inside = after.get(2..).unwrap_or_default();
            let Some(end) = inside.find("}}") else { return Err(TemplateError::Open { at }) };
            let name = inside.get(..end).unwrap_or_default().trim().to_owned();
            let is_parameter = name.strip_prefix("parameters.").is_some_and(is_name);
            if !is_parameter && !KNOWN.contains(&name.as_str()) {
                return Err(TemplateError::Unknown { name });
            }
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Variable(name));
            rest = inside.get(end + 2..).unwrap_or_default();
        }
        parts.push(Part::Text(rest.to_owned()));
        let template = Template { parts: Some(parts), job: None };
        // A placeholder that is a whole value leaves JSON behind whatever stands for it; a number has no quotes that
        // could close those around it, and a string does not grow together with digits beside it.
        template.check_places()?;
        for neutral in ["0", r#""""#] {
            let text: String = template.written(|_| Ok(neutral.to_owned()))?;
            strict_json::check(&text).map_err(|why| TemplateError::NotJson { why })?;
        }
        Ok(template)
    }

    fn check_places(&self) -> Result<(), TemplateError> {
        let mut inside = false;
        for part in self.parts.iter().flatten() {
            match part {
                Part::Text(text) => {
                    let mut escaped = false;
                    for character in text.chars() {
                        match character {
                            _ if escaped => escaped = false,
                            '\\' if inside => escaped = true,
                            '"' => inside = !inside,
                            _ => {}
                        }
                    }
                }
                Part::Variable(name) if inside => return Err(TemplateError::Quoted { name: name.clone() }),
                Part::Variable(_) => {}
            }
        }
        Ok(())
    }

    fn written(&self, value: impl Fn(&str) -> Result<String, TemplateError>) -> Result<String, TemplateError> {
        let mut text = String::new();
        for part in self.parts.iter().flatten() {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Variable(name) => text.push_str(&value(name)?),
            }
        }
        Ok(text)
    }

    /// Whether it tells the receiver how fast to send.
    pub fn passes_rate_on(&self) -> bool {
        self.job == Some(true)
            || self.parts.iter().flatten().any(|part| matches!(part, Part::Variable(name) if name == SEND_RATE))
    }

    /// Whether the campaign gives every parameter the body needs, and none it has no use for.
    pub fn check_parameters(&self, parameters: &BTreeMap<String, String>) -> Result<(), TemplateError> {
        let Some(parts) = &self.parts else { return Ok(()) };
        let needed: Vec<&str> = parts
            .iter()
            .filter_map(|part| match part {
                Part::Variable(name) => name.strip_prefix("parameters."),
                Part::Text(_) => None,
            })
            .collect();
        if let Some(name) = needed.iter().find(|name| !parameters.contains_key(**name)) {
            return Err(TemplateError::Missing { name: (*name).to_owned() });
        }
        match parameters.keys().find(|name| !needed.contains(&name.as_str())) {
            Some(name) => Err(TemplateError::Unused { name: name.clone() }),
            None => Ok(()),
        }
    }

    /// The body.
    pub fn render(&self, variables: &Variables) -> Result<String, TemplateError> {
        let text = match &self.parts {
            None if self.job.is_some() => {
                let mut all = variables.all();
                all["wave"]["sendRate"] = json!(variables.wave_send_rate);
                all.to_string()
            }
            None => variables.all().to_string(),
            Some(_) => self.written(|name| Ok(variables.value(name)?.to_string()))?,
        };
        if text.len() > LONGEST {
            return Err(TemplateError::TooLong { length: text.len() });
        }
        strict_json::check(&text).map_err(|why| TemplateError::NotJson { why })?;
        Ok(text)
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|character| character.is_ascii_alphanumeric() || "-_".contains(character))
}

#[cfg(test)]
mod tests;
