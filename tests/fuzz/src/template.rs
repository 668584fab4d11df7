//! Bodies with placeholders: whatever template is taken, and whatever stands in its parameters, the body is JSON without
//! two values under one name, of the template's own structure, with each value at its place and nowhere else.

use std::collections::BTreeMap;

use headroom::plan::template::{LONGEST, Template, TemplateError, Variables};

use super::bytes::Bytes;
use super::json::Tree;

/// What no template says by itself.
const WORD: &str = "\0placeholder ";

/// Reads one input; whether it is a template.
pub fn holds(data: &[u8]) -> bool {
    let mut bytes = Bytes::new(data);
    let own: Vec<String> = (0..4).map(|_| String::from_utf8_lossy(bytes.some(24)).into_owned()).collect();
    let [first, second, name, other] = own.as_slice() else { unreachable!("four were taken") };
    let (size, send_rate) = (u64::from(bytes.next()) << (bytes.next() & 0x38), bytes.number());
    let text = String::from_utf8_lossy(bytes.rest()).into_owned();
    let Ok(template) = Template::parse(&text) else { return false };
    let names = placeholders(&text);
    let mut variables = Variables {
        send_id: first.clone(),
        key: second.clone(),
        channel: other.clone(),
        campaign_namespace: "shop".to_owned(),
        campaign_name: name.clone(),
        audience_size: size,
        audience_class: first.clone(),
        wave_name: second.clone(),
        wave_offset: size / 2,
        wave_recipients: size / 3,
        wave_send_rate: send_rate,
        parameters: BTreeMap::new(),
    };
    let parameters: Vec<&str> = names.iter().filter_map(|name| name.strip_prefix("parameters.")).collect();
    for (index, parameter) in parameters.iter().enumerate() {
        let given = variables.parameters.clone();
        if !given.contains_key(*parameter) {
            assert!(matches!(template.check_parameters(&given), Err(TemplateError::Missing { .. })), "of {text:?}");
            assert!(matches!(
                template.render(&variables),
                Err(TemplateError::Missing { .. } | TemplateError::TooLong { .. })
            ));
        }
        variables.parameters.insert((*parameter).to_owned(), own[index % own.len()].clone());
    }
    assert_eq!(template.check_parameters(&variables.parameters), Ok(()), "of {text:?}");
    let body = match template.render(&variables) {
        Ok(body) => body,
        Err(TemplateError::TooLong { length }) => {
            assert!(length > LONGEST);
            return true;
        }
        Err(error) => panic!("{text:?} is taken, and then: {error}"),
    };
    assert!(body.len() <= LONGEST);
    let read = Tree::read(body.as_bytes()).unwrap_or_else(|| panic!("{body:?} of {text:?} is no JSON"));
    assert!(read.is_plain(), "{body:?} of {text:?} has two values under one name");
    // The same with a word for every placeholder: what the template itself is, whatever it is filled with.
    let (mut words, mut rest) = (String::new(), text.as_str());
    for index in 0..names.len() {
        let (before, behind) = rest.split_once("{{").expect("there is one");
        words.push_str(before);
        words.push_str("\"\\u0000placeholder ");
        words.push_str(&index.to_string());
        words.push('"');
        rest = behind.split_once("}}").expect("it is closed").1;
    }
    let words = Tree::read((words + rest).as_bytes()).unwrap_or_else(|| panic!("{text:?} is no JSON with words in it"));
    let values: Vec<Tree> = names.iter().map(|name| value(name, &variables)).collect();
    assert_eq!(read, filled(words, &values), "{body:?} of {text:?}");
    true
}

fn placeholders(text: &str) -> Vec<&str> {
    text.split("{{").skip(1).map(|behind| behind.split("}}").next().unwrap_or_default().trim()).collect()
}

#[allow(clippy::cast_precision_loss)]
fn value(name: &str, variables: &Variables) -> Tree {
    let text = |text: &String| Tree::Text(text.clone());
    let number = |number: u64| Tree::Number(number as f64);
    match name {
        "sendId" => text(&variables.send_id),
        "key" => text(&variables.key),
        "channel" => text(&variables.channel),
        "campaign.namespace" => text(&variables.campaign_namespace),
        "campaign.name" => text(&variables.campaign_name),
        "audience.size" => number(variables.audience_size),
        "audience.class" => text(&variables.audience_class),
        "wave.name" => text(&variables.wave_name),
        "wave.offset" => number(variables.wave_offset),
        "wave.recipients" => number(variables.wave_recipients),
        "wave.sendRate" if !variables.wave_send_rate.is_finite() => Tree::Null,
        "wave.sendRate" => Tree::Number(variables.wave_send_rate),
        other => text(&variables.parameters[other.trim_start_matches("parameters.")]),
    }
}

fn filled(tree: Tree, values: &[Tree]) -> Tree {
    match tree {
        Tree::Text(word) if word.starts_with(WORD) => word[WORD.len()..]
            .parse::<usize>()
            .ok()
            .and_then(|index| values.get(index))
            .cloned()
            .unwrap_or(Tree::Text(word)),
        Tree::List(items) => Tree::List(items.into_iter().map(|item| filled(item, values)).collect()),
        Tree::Map(fields) => Tree::Map(fields.into_iter().map(|(name, value)| (name, filled(value, values))).collect()),
        other => other,
    }
}
