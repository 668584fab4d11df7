//! Every bound and every rule of every field, from both sides: the value at the bound is taken by a real API server, and
//! the one just beyond is refused with the field's name. The definitions say which fields there are; what is right and
//! wrong of a text's form and of a rule is told by hand in `texts` and `rules`.

use std::collections::BTreeSet;

use futures::StreamExt;
use serde_json::{Value, json};

use super::schema::{Place, Step, find, places, spelt, text, value_at, with, without};
use super::{change, client, examples, rules, texts};

/// One object that is tried.
struct Trial {
    /// What of it is tried.
    what: String,
    object: Value,
    /// None: it is taken. Else the field that the refusal names, and a part of what it says.
    refused: Option<(String, String)>,
}

/// Trials of one place, in an example that has it.
struct Desk {
    kind: &'static str,
    path: String,
    example: Value,
    steps: Vec<Step>,
    trials: Vec<Trial>,
}

impl Desk {
    fn new(place: &Place) -> Desk {
        let path = &place.path;
        let found = examples::of(place.kind).into_iter().find_map(|example| {
            let steps = find(&example, path)?;
            Some((example, steps))
        });
        let (example, steps) = found.unwrap_or_else(|| panic!("no example of a {} has {path}", place.kind));
        Desk { kind: place.kind, path: path.clone(), example, steps, trials: Vec::new() }
    }

    fn take(&mut self, what: &str, value: Value) {
        self.weigh(what, value, None);
    }

    fn refuse(&mut self, what: &str, value: Value, words: &str) {
        let field = spelt(&self.steps);
        self.weigh(what, value, Some((field, words.to_owned())));
    }

    fn weigh(&mut self, what: &str, value: Value, refused: Option<(String, String)>) {
        let mut shown = value.to_string();
        shown.truncate(80);
        let what = format!("{} {}: {what}: {shown}", self.kind, self.path);
        let object = if self.steps.is_empty() {
            // The object itself: what is told is laid over the example.
            let mut object = self.example.clone();
            object.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
            object
        } else {
            with(&self.example, &self.steps, value)
        };
        self.trials.push(Trial { what, object, refused });
    }
}

/// So many items, of which the last of the example is the model.
fn items(model: &Value, count: usize) -> Value {
    let item = model.as_array().unwrap().last().unwrap();
    let named = |index: usize| {
        let mut item = item.clone();
        if item.get("name").is_some() {
            item["name"] = json!(format!("n{index}"));
        }
        item
    };
    Value::Array((0..count).map(named).collect())
}

fn entries(count: usize) -> Value {
    Value::Object((0..count).map(|index| (format!("k{index}"), json!("v"))).collect())
}

fn try_numbers(place: &Place, desk: &mut Desk) {
    let is_whole = place.schema["type"] == "integer";
    // The definitions write whole bounds as 1.0.
    let number =
        |value: f64| if is_whole { json!(format!("{value:.0}").parse::<i64>().unwrap()) } else { json!(value) };
    let step = if is_whole { 1.0 } else { 0.001 };
    if let Some(least) = place.bound("minimum").and_then(Value::as_f64) {
        desk.take("the least", number(least));
        desk.refuse("below the least", number(least - step), "should be greater than or equal to");
    }
    if let Some(most) = place.bound("maximum").and_then(Value::as_f64) {
        desk.take("the most", number(most));
        desk.refuse("above the most", number(most + step), "should be less than or equal to");
    }
    desk.refuse("a text", json!("7"), "must be of type");
    if is_whole {
        desk.refuse("a fraction", json!(7.5), "must be of type integer");
    }
}

fn try_texts(place: &Place, desk: &mut Desk) {
    desk.refuse("a number", json!(7), "must be of type");
    if let Some(words) = place.bound("enum").and_then(Value::as_array) {
        for word in words {
            desk.take("a word of the list", word.clone());
            desk.refuse("a word in small letters", json!(text(word).to_lowercase()), "supported values");
        }
        desk.refuse("another word", json!("Otherwise"), "supported values");
        return;
    }
    let form = texts::form(place.kind, &place.path).unwrap_or(&texts::FREE);
    for good in form.good {
        desk.take("a right form", json!(good));
    }
    for bad in form.bad {
        desk.refuse("a wrong form", json!(bad), "");
    }
    if let Some(most) = place.count("maxLength") {
        match form.fill {
            Some(fill) => {
                desk.take("the longest", json!(fill(most)));
                desk.refuse("too long", json!(fill(most + 1)), &format!("may not be more than {most}"));
            }
            None => desk.refuse("too long", json!("1".repeat(most + 1)), &format!("may not be more than {most}")),
        }
    }
    if let Some(least) = place.count("minLength") {
        let fill = form.fill.unwrap();
        desk.take("the shortest", json!(fill(least)));
        desk.refuse("too short", json!(fill(least - 1)), &format!("should be at least {least} chars long"));
    }
}

fn try_lists_and_maps(place: &Place, desk: &mut Desk) {
    let model = value_at(&desk.example, &desk.steps);
    if let Some(most) = place.count("maxItems") {
        desk.take("the most items", items(&model, most));
        desk.refuse("too many items", items(&model, most + 1), &format!("must have at most {most} items"));
    }
    if let Some(least) = place.count("minItems") {
        desk.take("the fewest items", items(&model, least));
        desk.refuse("too few items", items(&model, least - 1), &format!("should have at least {least} items"));
    }
    if let Some(most) = place.count("maxProperties") {
        desk.take("the most entries", entries(most));
        desk.refuse("too many entries", entries(most + 1), &format!("must have at most {most} items"));
    }
    for field in place.bound("required").and_then(Value::as_array).into_iter().flatten().map(text) {
        let refused = Some((spelt(&[&desk.steps[..], &[Step::Field(field.clone())]].concat()), "Required".to_owned()));
        let what = format!("{} {}: without {field}", desk.kind, desk.path);
        desk.trials.push(Trial { what, object: without(&desk.example, &desk.steps, &field), refused });
    }
}

/// What a place requires and a trial of a rule does not name is as in the example.
fn whole(place: &Place, desk: &Desk, mut value: Value) -> Value {
    let example = desk.steps.iter().fold(&desk.example, |value, step| match step {
        Step::Field(name) => &value[name.as_str()],
        Step::Item(index) => &value[*index],
    });
    if let Some(fields) = value.as_object_mut() {
        for field in place.bound("required").and_then(Value::as_array).into_iter().flatten().map(text) {
            fields.entry(field.clone()).or_insert_with(|| example[field.as_str()].clone());
        }
    }
    value
}

fn try_rules(place: &Place, desk: &mut Desk) {
    for (message, _) in place.rules().into_iter().filter(|(_, compares)| !compares) {
        let told = rules::trials().into_iter().find(|told| message.starts_with(told.message));
        let told = told.unwrap_or_else(|| panic!("no trial of the rule \"{message}\""));
        for right in told.right {
            desk.take(told.message, whole(place, desk, right));
        }
        for wrong in told.wrong {
            desk.refuse(told.message, whole(place, desk, wrong), &message);
        }
    }
}

fn trials_of(place: &Place) -> Vec<Trial> {
    let mut desk = Desk::new(place);
    match place.schema["type"].as_str().unwrap() {
        "integer" | "number" => try_numbers(place, &mut desk),
        "string" => try_texts(place, &mut desk),
        "boolean" => {
            desk.take("true", json!(true));
            desk.refuse("a text", json!("true"), "must be of type boolean");
        }
        "array" | "object" => try_lists_and_maps(place, &mut desk),
        other => panic!("{other} of {} {}", place.kind, place.path),
    }
    try_rules(place, &mut desk);
    desk.trials
}

fn every_place() -> Vec<Place> {
    examples::KINDS.into_iter().flat_map(|(kind, file)| places(kind, file)).collect()
}

/// Asks the API server without leaving anything behind; what is not as it should be, as a sentence.
async fn judge(client: &kube::Client, trial: Trial) -> Option<String> {
    let Trial { what, object, refused } = trial;
    let kind = object["kind"].as_str().unwrap();
    let (_, plural) = examples::KINDS.into_iter().find(|(known, _)| *known == kind).unwrap();
    let path = format!(
        "/apis/headroom.dev/v1alpha1/namespaces/default/{plural}?dryRun=All&fieldValidation=Strict&fieldManager=tests"
    );
    let request = http::Request::post(path)
        .header("content-type", "application/json")
        .body(object.to_string().into_bytes())
        .unwrap();
    match (client.request::<Value>(request).await, refused) {
        (Ok(_), None) => None,
        (Ok(_), Some((field, _))) => Some(format!("{what} is taken, and should be refused at {field}")),
        (Err(kube::Error::Api(status)), Some((field, words))) => {
            let causes = status.details.clone().map(|details| details.causes).unwrap_or_default();
            // Rules are not asked while the form is wrong; of that the server tells beside the field, without one.
            let fields: BTreeSet<&str> =
                causes.iter().map(|cause| cause.field.as_str()).filter(|field| *field != "<nil>").collect();
            // A rule of the object itself stands at no field.
            let is_named = if field.is_empty() {
                causes.len() == 1
            } else {
                fields == BTreeSet::from([field.as_str()]) && status.message.contains(&field)
            };
            let says = status.message.contains(&words);
            (!is_named || !says)
                .then(|| format!("{what} names {fields:?}, not {field}, or not \"{words}\": {}", status.message))
        }
        (Err(error), _) => Some(format!("{what}: {error}")),
    }
}

#[tokio::test]
async fn every_bound_and_every_rule_takes_what_is_at_it_and_refuses_what_is_beyond() {
    let client = client().await;
    let mut trials: Vec<Trial> = every_place().iter().flat_map(trials_of).collect();
    for (kind, _) in examples::KINDS {
        for object in examples::of(kind) {
            trials.push(Trial { what: format!("the example of a {kind}"), object, refused: None });
        }
    }
    let count = trials.len();
    let verdicts = futures::stream::iter(trials).map(|trial| judge(&client, trial)).buffer_unordered(16);
    let wrong: Vec<String> = verdicts.filter_map(std::future::ready).collect().await;
    assert!(wrong.is_empty(), "{} of {count} objects:\n{}", wrong.len(), wrong.join("\n"));
    // The definitions are large; far fewer would mean that they were not walked.
    assert!(count > 700, "{count} objects were tried");
}

#[test]
fn every_form_is_told_and_every_form_that_is_told_is_held() {
    let held: BTreeSet<(&str, String)> = every_place()
        .into_iter()
        .filter(|place| place.bound("pattern").is_some() || place.bound("format").is_some_and(|it| it == "date-time"))
        .map(|place| (place.kind, place.path))
        .collect();
    let told: BTreeSet<(&str, String)> = texts::all().map(|(kind, path)| (kind, path.to_owned())).collect();
    assert_eq!(held, told);
}

#[test]
fn every_rule_is_tried() {
    let all: Vec<(String, bool)> = every_place().iter().flat_map(Place::rules).collect();
    let of = |compares: bool| all.iter().filter(|rule| rule.1 == compares).map(|rule| rule.0.as_str()).collect();
    let (with_past, without): (BTreeSet<&str>, BTreeSet<&str>) = (of(true), of(false));
    assert_eq!(with_past, change::TOLD.into_iter().collect::<BTreeSet<&str>>());
    let told = rules::trials();
    for trial in &told {
        assert!(without.iter().any(|message| message.starts_with(trial.message)), "no rule says \"{}\"", trial.message);
    }
    assert_eq!(without.len(), told.len());
}

/// A rule at the root or on the spec is asked at every status write too. One that an object could begin to break while
/// nobody touches it would keep the operator from saying anything.
#[test]
fn a_rule_that_a_status_write_meets_only_compares_with_the_past() {
    for place in every_place().iter().filter(|place| place.path.is_empty() || place.path == "spec") {
        for (message, compares) in place.rules() {
            // A name never changes either, and how the waves are planned, or by what they go, only by an edit, which is
            // refused then.
            let steady = ["metadata.name", "pace Smooth", "a Sender has"];
            let is_steady = steady.iter().any(|beginning| message.starts_with(beginning));
            assert!(compares || is_steady, "{} {}: {message}", place.kind, place.path);
        }
    }
}

#[test]
fn nothing_that_people_write_is_without_a_bound() {
    for place in every_place().iter().filter(|place| place.path.starts_with("spec")) {
        let has = |bounds: &[&str]| bounds.iter().all(|bound| place.bound(bound).is_some());
        let is_bound = match place.schema["type"].as_str().unwrap() {
            "string" => has(&["maxLength"]) || has(&["enum"]) || has(&["format"]),
            "array" => has(&["maxItems"]),
            "object" => has(&["properties"]) || has(&["maxProperties"]) || place.path.ends_with("atMostOnce"),
            // The ledger's numbers are the operator's own.
            "integer" | "number" => has(&["minimum", "maximum"]) || place.kind == "WaveRelease",
            _ => true,
        };
        assert!(is_bound, "{} {} has no bound", place.kind, place.path);
    }
}
