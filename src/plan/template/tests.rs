#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

fn variables(template: &str) -> Variables {
    Variables {
        wave_send_rate: 200.0,
        send_id: "marketing/sale".into(),
        key: "704beceb".into(),
        channel: "push".into(),
        campaign_namespace: "marketing".into(),
        campaign_name: "sale".into(),
        audience_size: 40_000,
        audience_class: "consumer".into(),
        wave_name: "canary".into(),
        wave_offset: 0,
        wave_recipients: 800,
        parameters: BTreeMap::from([("template".to_owned(), template.to_owned())]),
    }
}

#[test]
fn placeholders_are_whole_values() {
    let template = Template::parse(
        r#"{"template": {{ parameters.template }}, "offset": {{wave.offset}}, "count": {{ wave.recipients }}}"#,
    )
    .unwrap();
    assert_eq!(template.render(&variables("7")).unwrap(), r#"{"template": "7", "offset": 0, "count": 800}"#);
}

#[test]
fn a_parameter_never_becomes_structure() {
    let template = Template::parse(r#"{"template": {{ parameters.template }}}"#).unwrap();
    for hostile in [r#"7", "count": 1000000, "x": ""#, "\"}", "\\", "\u{0}\n\u{2028}", "{{ wave.offset }}", "}}"] {
        let body = template.render(&variables(hostile)).unwrap();
        let read: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(read, json!({ "template": hostile }), "{hostile:?}");
    }
}

#[test]
fn without_a_body_all_variables_are_sent() {
    let body: Value = serde_json::from_str(&Template::default_body().render(&variables("7")).unwrap()).unwrap();
    assert_eq!(body["wave"], json!({"name": "canary", "offset": 0, "recipients": 800}));
    assert_eq!(body["parameters"]["template"], "7");
    assert_eq!(body["audience"]["size"], 40_000);
}

#[test]
fn bodies_that_cannot_be_made_say_why_and_what_to_do() {
    let told = |text: &str| Template::parse(text).unwrap_err().to_string();
    assert!(told(r#"{"a": {{ wave.offset }"#).contains("is not closed; a placeholder is written {{ wave.offset }}"));
    assert!(
        told(r#"{"a": {{ wave.nothing }}}"#).contains("there is no variable \"wave.nothing\"; there are sendId, key")
    );
    assert!(told(r#"{"a": {{ wave.offset | add 1 }}}"#).contains("there is no variable"));
    assert!(told(r#"{"a": {{ parameters }}}"#).contains("there is no variable \"parameters\""));
    assert!(told(r#"{"a": "{{ wave.offset }}"}"#).contains("stands inside quotes"));
    assert!(told(r#"{"a": "say \"{{ wave.offset }}"}"#).contains("stands inside quotes"));
    assert!(told(r#"{"a": 1, "a": {{ wave.offset }}}"#).contains("the key \"a\" stands there twice"));
    assert!(told(r#"{"a": {{ wave.offset }} "b": 2}"#).contains("the body is not JSON"));
    assert!(told(r#"{"a": 1} {"b": 2}"#).contains("the body is not JSON"));
    // Digits beside it would grow together with a number: 1 and 4000 would be 14000.
    assert!(told(r#"{"a": 1{{ wave.offset }}}"#).contains("the body is not JSON"));
    assert!(told(r#"{"a": -{{ wave.offset }}}"#).contains("the body is not JSON"));
    assert!(told(r#"{"a": {{ wave.offset }}0}"#).contains("the body is not JSON"));
    // A placeholder as a key would let a parameter choose the structure.
    assert!(told(r"{ {{ parameters.template }}: 1}").contains("the body is not JSON"));
}

#[test]
fn parameters_and_body_must_fit_each_other() {
    let template = Template::parse(r#"{"t": {{ parameters.template }}}"#).unwrap();
    let given = |name: &str| BTreeMap::from([(name.to_owned(), "x".to_owned())]);
    assert!(template.check_parameters(&given("template")).is_ok());
    assert!(template.check_parameters(&BTreeMap::new()).unwrap_err().to_string().contains("needs parameters.template"));
    let mut both = given("template");
    both.extend(given("typo"));
    assert!(template.check_parameters(&both).unwrap_err().to_string().contains("has no place for \"typo\""));
    let long =
        Variables { parameters: BTreeMap::from([("template".to_owned(), "x".repeat(LONGEST))]), ..variables("") };
    assert!(matches!(template.render(&long), Err(TemplateError::TooLong { .. })));
}
