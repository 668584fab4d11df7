#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::json;

use super::*;

const KEY: &str = "704beceb-8ee9-5440-be27-89be6ce29984";

fn template() -> Value {
    json!({
        "metadata": {"labels": {"team": "mail"}, "annotations": {"sidecar.istio.io/inject": "false"}},
        "spec": {"template": {"spec": {
            "serviceAccountName": "mailer",
            "initContainers": [{"name": "list", "image": "registry.internal/list:1"}],
            "containers": [{
                "name": "mailer", "image": "registry.internal/mailer:4",
                "args": ["--from=$(HEADROOM_WAVE_OFFSET)", "--count=$(HEADROOM_WAVE_RECIPIENTS)"],
                "env": [{"name": "SMTP", "value": "smtp.internal"}],
            }],
        }}},
    })
}

const BODY: &str = r#"{"sendId":"marketing/sale","key":"k","channel":"email","audience":{"size":1200000,"class":"consumer"},"wave":{"name":"canary","offset":0,"recipients":24000,"sendRate":0.5},"parameters":{"template-id":"7 $(x)"}}"#;

fn made(template: &Value) -> Job {
    JobTemplate::parse(template).unwrap().job(&Wave {
        entry: "marketing-sale-canary-64ca8aa3c5a9",
        namespace: "mail",
        send_label: "0123",
        key: KEY,
        nonce: "n1",
        body: BODY,
        leaves_within: 12.1,
    })
}

#[test]
fn a_job_runs_once_and_knows_its_wave() {
    let job = made(&template());
    assert_eq!(job.metadata.name.as_deref(), Some("marketing-sale-canary-64ca8aa3c5a9"));
    assert_eq!(job.metadata.namespace.as_deref(), Some("mail"));
    let labels = job.metadata.labels.as_ref().unwrap();
    assert_eq!((labels["team"].as_str(), labels["headroom.dev/send"].as_str()), ("mail", "0123"));
    let annotations = job.metadata.annotations.as_ref().unwrap();
    assert_eq!((annotations[KEY_ANNOTATION].as_str(), annotations[NONCE_ANNOTATION].as_str()), (KEY, "n1"));
    assert_eq!(annotations["sidecar.istio.io/inject"], "false");
    let spec = serde_json::to_value(job.spec.as_ref().unwrap()).unwrap();
    for (field, value) in [
        ("parallelism", json!(1)),
        ("completions", json!(1)),
        ("backoffLimit", json!(0)),
        ("podReplacementPolicy", json!("Failed")),
        ("suspend", json!(false)),
        // Twice 12.1 s, and ten minutes.
        ("activeDeadlineSeconds", json!(625)),
    ] {
        assert_eq!(spec[field], value, "{field}");
    }
    assert!(spec.get("ttlSecondsAfterFinished").is_none());
    let pod = &spec["template"]["spec"];
    assert_eq!((&pod["restartPolicy"], &pod["serviceAccountName"]), (&json!("Never"), &json!("mailer")));
    for container in [&pod["containers"][0], &pod["initContainers"][0]] {
        let env = container["env"].as_array().unwrap();
        let of = |name: &str| env.iter().find(|variable| variable["name"] == name).unwrap()["value"].clone();
        for (name, value) in [
            ("HEADROOM_SEND_ID", "marketing/sale"),
            ("HEADROOM_KEY", "k"),
            ("HEADROOM_AUDIENCE_SIZE", "1200000"),
            ("HEADROOM_WAVE_NAME", "canary"),
            ("HEADROOM_WAVE_OFFSET", "0"),
            ("HEADROOM_WAVE_RECIPIENTS", "24000"),
            ("HEADROOM_WAVE_SEND_RATE", "0.5"),
            // What a person wrote is no reference to another variable.
            ("HEADROOM_PARAMETERS", r#"{"template-id":"7 $$(x)"}"#),
        ] {
            assert_eq!(of(name), value, "{name}");
        }
        assert_eq!(of("HEADROOM_RELEASE"), BODY.replace('$', "$$"));
    }
    // Its own come last, so that they may refer to ours.
    assert_eq!(pod["containers"][0]["env"].as_array().unwrap().last().unwrap()["name"], "SMTP");
}

#[test]
fn a_limit_of_its_own_stays_and_a_rate_is_passed_on_where_it_is_named() {
    let mut own = template();
    own["spec"]["activeDeadlineSeconds"] = json!(3_600);
    assert_eq!(made(&own).spec.unwrap().active_deadline_seconds, Some(3_600));
    assert!(!JobTemplate::parse(&own).unwrap().passes_rate_on());
    own["spec"]["template"]["spec"]["containers"][0]["args"] = json!(["--rate=$(HEADROOM_WAVE_SEND_RATE)"]);
    assert!(JobTemplate::parse(&own).unwrap().passes_rate_on());
}

#[test]
fn what_would_start_it_twice_is_refused_with_its_field() {
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut template = template();
        change(&mut template);
        JobTemplate::parse(&template).expect_err("it is refused")
    };
    for (field, value) in [
        ("parallelism", json!(2)),
        ("completions", json!(2)),
        ("completionMode", json!("Indexed")),
        ("backoffLimit", json!(6)),
        ("backoffLimitPerIndex", json!(0)),
        ("podReplacementPolicy", json!("TerminatingOrFailed")),
        ("ttlSecondsAfterFinished", json!(60)),
        ("suspend", json!(true)),
        ("managedBy", json!("kueue.x-k8s.io/multikueue")),
        ("manualSelector", json!(true)),
        ("podFailurePolicy", json!({"rules": []})),
        ("successPolicy", json!({"rules": []})),
    ] {
        let told = refused(&|template| template["spec"][field] = value.clone());
        let named = if field == "manualSelector" { "selector" } else { field };
        assert!(told.starts_with(&format!("spec.job.template.spec.{named}: ")), "{field}: {told}");
        assert!(told.contains("leave it out"), "{told}");
    }
    let told = refused(&|template| template["spec"]["template"]["spec"]["restartPolicy"] = json!("OnFailure"));
    assert!(told.starts_with("spec.job.template.spec.template.spec.restartPolicy: it must be Never"), "{told}");
    let told = refused(&|template| template["spec"]["template"]["spec"]["containers"][0]["imgae"] = json!("x"));
    assert_eq!(
        told,
        "spec.job.template.spec.template.spec.containers[0].imgae is no field of a Job; correct or remove it"
    );
    let told = refused(&|template| template["metadata"]["name"] = json!("x"));
    assert!(told.starts_with("spec.job.template.metadata: only labels and annotations"), "{told}");
    let told = refused(&|template| {
        template["spec"]["template"]["spec"]["containers"][0]["env"] =
            json!([{"name": "HEADROOM_KEY", "value": "mine"}]);
    });
    assert!(told.contains("the environment variable HEADROOM_KEY is Headroom's"), "{told}");
    for (field, value) in [
        ("restartPolicy", json!("OnFailure")),
        ("restartPolicyRules", json!([{"action": "Restart", "exitCodes": {"operator": "In", "values": [3]}}])),
    ] {
        let told = refused(&|template| template["spec"]["template"]["spec"]["containers"][0][field] = value.clone());
        assert!(told.contains("the container mailer has rules of its own"), "{told}");
    }
    // One that runs beside the program would be started again as often as it ends, and knows the wave too.
    let told = refused(&|template| {
        template["spec"]["template"]["spec"]["initContainers"][0]["restartPolicy"] = json!("Always");
    });
    assert!(told.contains("the container list has rules of its own"), "{told}");
    assert!(
        refused(&|template| template["spec"]["template"]["spec"]["containers"] = json!([]))
            .contains("containers is empty")
    );
    assert!(JobTemplate::parse(&json!({})).unwrap_err().contains("spec is missing"));
    assert!(JobTemplate::parse(&json!({"spec": []})).unwrap_err().starts_with("spec.job.template: "));
}

#[test]
fn a_name_that_is_too_long_keeps_what_makes_it_unique() {
    assert_eq!(name("marketing-sale-canary-64ca8aa3c5a9"), "marketing-sale-canary-64ca8aa3c5a9");
    // 50 characters of the readable part, a dash, and twelve.
    let long = format!("{}-64ca8aa3c5a9", "a".repeat(70));
    assert_eq!(name(&long), format!("{}-64ca8aa3c5a9", "a".repeat(50)));
    let dashed = format!("{}---bbb-64ca8aa3c5a9", "a".repeat(48));
    assert_eq!(name(&dashed), format!("{}-64ca8aa3c5a9", "a".repeat(48)));
    assert!(name(&long).len() == LONGEST_NAME);
}

#[test]
fn what_the_cluster_makes_of_a_job_is_looked_at() {
    let mut answer = made(&template());
    let spec = answer.spec.as_mut().unwrap();
    spec.selector =
        Some(serde_json::from_value(json!({"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}})).unwrap());
    spec.manual_selector = Some(false);
    spec.completion_mode = Some("NonIndexed".into());
    assert_eq!(changed(&answer), None);
    answer.spec.as_mut().unwrap().suspend = Some(true);
    let told = changed(&answer).unwrap();
    assert!(
        told.contains("sets spec.suspend of its Job: a Job that waits could be started by anybody. Take"),
        "{told}"
    );
}

#[test]
fn what_a_job_says() {
    let with = |status: &Value| {
        let mut job = made(&template());
        job.status = Some(serde_json::from_value(status.clone()).unwrap());
        said(Some(&job), "mail/j", KEY)
    };
    let condition = |kind: &str, status: &str| json!({"type": kind, "status": status, "reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit"});
    assert_eq!(said(None, "mail/j", KEY), Said::Absent("there is no Job mail/j".into()));
    assert_eq!(with(&json!({"conditions": [condition("Complete", "True")]})), Said::Done);
    let failed = "its Job mail/j failed (BackoffLimitExceeded: Job has reached the specified backoff limit), and some of it may have gone";
    assert_eq!(with(&json!({"conditions": [condition("Failed", "True")]})), Said::Ended(failed.into()));
    let suspended = Said::Other("somebody has suspended its Job mail/j".into());
    assert_eq!(with(&json!({"conditions": [condition("Suspended", "True")]})), suspended);
    for (status, told) in [
        (json!({}), "its Job mail/j has no pod yet"),
        (json!({"active": 1}), "the pod of its Job mail/j is not ready yet"),
        (json!({"active": 1, "ready": 1}), "its Job mail/j is running"),
        // That all pods have succeeded is not yet that it is over.
        (json!({"conditions": [condition("SuccessCriteriaMet", "True")]}), "its Job mail/j has no pod yet"),
        (json!({"conditions": [condition("Failed", "False")]}), "its Job mail/j has no pod yet"),
        // Its pod is being ended, and sends until it has.
        (
            json!({"active": 1, "ready": 1, "conditions": [condition("FailureTarget", "True")]}),
            "its Job mail/j is running",
        ),
    ] {
        assert_eq!(with(&status), Said::Running(told.into()));
    }
    let other = said(Some(&made(&template())), "mail/j", "another");
    assert_eq!(other, Said::Other("the Job mail/j is not this wave's".into()));
}
