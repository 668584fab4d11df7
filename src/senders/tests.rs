#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! Each row of the classification, against a scripted receiver on loopback.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::plan::inquiry::Said;

/// That of the reference libraries.
const SIGNING: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What the receiver does once it has read a request.
#[derive(Clone)]
enum Then {
    /// Closes at once, without reading.
    CloseAtOnce,
    /// Reads, and answers this, byte for byte, and closes.
    Answer(String),
    /// Reads, and closes without an answer.
    Close,
    /// Reads, and says nothing.
    Hang,
}

struct Receiver {
    url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

async fn receiver(then: Then) -> Receiver {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/send?x=1", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            serve(&mut stream, then.clone(), &log).await;
        }
    });
    Receiver { url, seen }
}

async fn serve(stream: &mut TcpStream, then: Then, log: &Mutex<Vec<String>>) {
    if matches!(then, Then::CloseAtOnce) {
        return;
    }
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    // A request here is short; its body ends with a brace, and a question has none.
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(count) => read.extend_from_slice(&buffer[..count]),
        }
        if read.ends_with(b"}") || (read.starts_with(b"GET") && read.ends_with(b"\r\n\r\n")) {
            break;
        }
    }
    log.lock().unwrap().push(String::from_utf8(read).unwrap());
    match then {
        Then::Answer(answer) => stream.write_all(answer.as_bytes()).await.unwrap_or_default(),
        // For longer than any limit here: only the limit can end it.
        Then::Hang => tokio::time::sleep(Duration::from_secs(30)).await,
        Then::Close | Then::CloseAtOnce => {}
    }
}

fn effect(url: &str) -> Effect {
    let secret = SecretValue::new(b"Bearer hush\n").unwrap();
    let headers = vec![("authorization".parse().unwrap(), secret)];
    Effect::new(Target::parse(url).unwrap(), headers, "704beceb", Bytes::from_static(b"{\"wave\":1}")).unwrap()
}

fn trust() -> Trust {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Trust::platform().unwrap()
}

fn loopback() -> Reach {
    Reach::new(Vec::new(), vec!["127.0.0.0/8".parse().unwrap()])
}

/// Far beyond what an exchange on loopback takes, however busy the machine is.
const LIMITS: Limits = Limits { connect: Duration::from_secs(10), request: Duration::from_secs(10) };
/// For a receiver that says nothing, where the limit is what ends it.
const IMPATIENT: Limits = Limits { request: Duration::from_millis(500), ..LIMITS };

async fn attempt(url: &str, check: Result<(), String>) -> Attempt {
    attempt_within(&LIMITS, url, check).await
}

async fn attempt_within(limits: &Limits, url: &str, check: Result<(), String>) -> Attempt {
    let effect = effect(url);
    match connect(effect.target(), &trust(), &loopback(), limits).await {
        Ok(connection) => connection.send(&effect, move || check).await,
        Err(attempt) => attempt,
    }
}

fn answer(status: &str, body: &str) -> Then {
    Then::Answer(format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nlocation: http://127.0.0.1:9/\r\nretry-after: 1\r\n\r\n{body}",
        body.len()
    ))
}

#[tokio::test]
async fn one_request_with_key_and_body_is_sent() {
    let receiver = receiver(answer("202 Accepted", "{}")).await;
    assert_eq!(attempt(&receiver.url, Ok(())).await, Attempt::Released { status: 202 });
    let seen = receiver.seen.lock().unwrap();
    assert_eq!(seen.len(), 1);
    let request = &seen[0];
    assert!(request.starts_with("POST /send?x=1 HTTP/1.1\r\n"), "{request}");
    for line in [
        "idempotency-key: 704beceb",
        "webhook-id: 704beceb",
        "x-envoy-max-retries: 0",
        "authorization: Bearer hush",
        "content-type: application/json",
    ] {
        assert!(request.contains(&format!("\r\n{line}\r\n")), "{line} in {request}");
    }
    assert!(request.ends_with("\r\n\r\n{\"wave\":1}"));
}

#[tokio::test]
async fn every_complete_answer_has_its_class() {
    for (status, label) in [
        ("200 OK", "Released"),
        ("204 No Content", "Released"),
        ("301 Moved", "Rejected"),
        ("307 Temporary Redirect", "Rejected"),
        ("400 Bad Request", "Rejected"),
        ("401 Unauthorized", "Rejected"),
        ("404 Not Found", "Rejected"),
        ("413 Too Large", "Rejected"),
        ("422 Unprocessable", "Rejected"),
        ("408 Request Timeout", "Unknown"),
        ("409 Conflict", "Unknown"),
        ("418 Teapot", "Unknown"),
        ("429 Too Many Requests", "Unknown"),
        ("500 Internal Server Error", "Unknown"),
        ("502 Bad Gateway", "Unknown"),
        ("503 Service Unavailable", "Unknown"),
    ] {
        let body = if status.starts_with("204") { "" } else { "why" };
        let receiver = receiver(answer(status, body)).await;
        let attempt = attempt(&receiver.url, Ok(())).await;
        assert_eq!(attempt.label(), label, "{status}: {attempt}");
        assert_eq!(receiver.seen.lock().unwrap().len(), 1, "{status}: sent once, and no redirect followed");
    }
}

async fn attempt_at_one_that_keeps_keys(then: Then) -> Attempt {
    let receiver = receiver(then).await;
    let effect = effect(&receiver.url).expecting(Expected { recipients: None, keyed: true });
    let connection =
        connect(effect.target(), &trust(), &loopback(), &LIMITS).await.unwrap_or_else(|attempt| panic!("{attempt}"));
    connection.send(&effect, || Ok(())).await
}

fn after(attempt: &Attempt) -> Option<i64> {
    match attempt {
        Attempt::Deferred { after, .. } | Attempt::Unknown { after, .. } => after.map(|after| after.as_secs()),
        _ => None,
    }
}

#[tokio::test]
async fn one_that_keeps_keys_says_when_to_ask_again() {
    for (status, label, wait) in [
        ("200 OK", "Released", None),
        ("422 Unprocessable", "Rejected", None),
        ("409 Conflict", "Unknown", Some(1)),
        ("429 Too Many Requests", "Deferred", Some(1)),
        ("503 Service Unavailable", "Deferred", Some(1)),
        ("500 Internal Server Error", "Unknown", Some(360)),
        ("502 Bad Gateway", "Unknown", Some(360)),
        ("408 Request Timeout", "Unknown", Some(360)),
    ] {
        let attempt = attempt_at_one_that_keeps_keys(answer(status, "why")).await;
        assert_eq!((attempt.label(), after(&attempt)), (label, wait), "{status}: {attempt}");
    }
    let answered =
        |status: &str, head: &str| Then::Answer(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n{head}\r\n"));
    let tomorrow = (crate::clock::now() + jiff::SignedDuration::from_hours(24)).strftime("%a, %d %b %Y %H:%M:%S GMT");
    for (status, head, label, wait) in [
        // At it, and it does not say for how long. Busy without a word is no refusal: something in front of it may say so.
        ("409 Conflict", String::new(), "Unknown", Some(5)),
        ("503 Busy", String::new(), "Unknown", Some(360)),
        ("429 Busy", String::new(), "Deferred", None),
        // However late it asks for: within an hour a person hears of it. What cannot be read is not there.
        ("429 Busy", "retry-after: 86400\r\n".to_owned(), "Deferred", Some(3_600)),
        ("429 Busy", format!("retry-after: {tomorrow}\r\n"), "Deferred", Some(3_600)),
        ("429 Busy", "retry-after: -5\r\n".to_owned(), "Deferred", Some(0)),
        ("429 Busy", "retry-after: soon\r\n".to_owned(), "Deferred", None),
    ] {
        let attempt = attempt_at_one_that_keeps_keys(answered(status, &head)).await;
        assert_eq!((attempt.label(), after(&attempt)), (label, wait), "{status} {head}: {attempt}");
    }
    // It took another number than it was asked to: under the same key it would only say so again.
    let receiver = receiver(answer("200 OK", r#"{"recipients": 799}"#)).await;
    let effect = effect(&receiver.url).expecting(Expected { recipients: Some(800), keyed: true });
    let connection =
        connect(effect.target(), &trust(), &loopback(), &LIMITS).await.unwrap_or_else(|attempt| panic!("{attempt}"));
    let attempt = connection.send(&effect, || Ok(())).await;
    assert_eq!((attempt.label(), after(&attempt)), ("Unknown", None));
    // Nobody knows how far it came; the request may be under way for six minutes.
    assert_eq!(after(&attempt_at_one_that_keeps_keys(Then::Close).await), Some(360));
}

#[tokio::test]
async fn what_became_of_one_is_believed_only_where_all_of_it_is_said() {
    let ask = async |then: Then| {
        let receiver = receiver(then).await;
        let target = Target::parse(&receiver.url).unwrap();
        let secret = SecretValue::new(b"Bearer hush\n").unwrap();
        let question = Effect::question(target, vec![("authorization".parse().unwrap(), secret)], "704beceb").unwrap();
        let connection = connect(question.target(), &trust(), &Reach::everywhere(), &IMPATIENT)
            .await
            .unwrap_or_else(|attempt| panic!("{attempt}"));
        let said = connection.ask(&question, 800).await;
        let seen = receiver.seen.lock().unwrap().join("");
        (said, seen)
    };
    let done = r#"{"key": "704beceb", "state": "done", "recipients": 800, "by": "mailer-2"}"#;
    let (said, _) = ask(answer("200 OK", done)).await;
    assert_eq!(said, Said::Done);
    for (status, body, told) in [
        ("202 Accepted", done, "it answered 202"),
        ("404 Not Found", "", "it answered 404"),
        ("302 Found", "", "it answered 302"),
        ("200 OK", "done", "it answered 200, and not with "),
        ("200 OK", r#"{"state": "done", "recipients": 800}"#, "it answered 200, and not with "),
        ("200 OK", r#"{"key": "704beceb", "state": "done"}"#, "it answered 200, and not with "),
        (
            "200 OK",
            r#"{"key": "704beceb", "state": "done", "state": "done", "recipients": 800}"#,
            "it answered 200, and not",
        ),
        ("200 OK", r#"{"key": "another", "state": "done", "recipients": 800}"#, "it spoke of another key"),
        (
            "200 OK",
            r#"{"key": "704beceb", "state": "queued", "recipients": 800}"#,
            "it says that its state is \"queued\"",
        ),
        (
            "200 OK",
            r#"{"key": "704beceb", "state": "done", "recipients": 799}"#,
            "it says that it is done, with 799 of 800 recipients",
        ),
    ] {
        match ask(answer(status, body)).await.0 {
            Said::Other(other) => assert!(other.starts_with(told), "{status} {body}: {other}"),
            said => panic!("{status} {body}: {said:?}"),
        }
    }
    for then in [Then::Close, Then::Hang, Then::Answer("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{}".into())] {
        let (said, _) = ask(then).await;
        assert!(matches!(&said, Said::Other(told) if told.starts_with("it did not answer: ")), "{said:?}");
    }
}

#[tokio::test]
async fn a_signed_request_says_by_whom_and_when() {
    let receiver = receiver(answer("200 OK", "")).await;
    let key = SigningKey::parse(SIGNING.as_bytes()).unwrap();
    let effect = effect(&receiver.url).signed(&key, jiff::Timestamp::from_second(1_614_265_330).unwrap()).unwrap();
    let connection =
        connect(effect.target(), &trust(), &loopback(), &LIMITS).await.unwrap_or_else(|attempt| panic!("{attempt}"));
    assert_eq!(connection.send(&effect, || Ok(())).await, Attempt::Released { status: 200 });
    let seen = receiver.seen.lock().unwrap();
    // By openssl: printf '704beceb.1614265330.{"wave":1}' | openssl dgst -sha256 -mac HMAC -macopt hexkey:… -binary | base64
    for line in [
        "webhook-id: 704beceb",
        "webhook-timestamp: 1614265330",
        "webhook-signature: v1,Ai241zucLorkaHXTtWBm0YJP+PsMEDcBit3N09cOmfg=",
    ] {
        assert!(seen[0].contains(&format!("\r\n{line}\r\n")), "{line} in {}", seen[0]);
    }
    assert!(!format!("{effect:?}").contains("Ai241zucLorkaHXTtWBm0YJP+PsMEDcBit3N09cOmfg="));
}

/// A request that was signed at this time, as it came to its receiver: its headers and its body.
async fn signed_at(at: jiff::Timestamp) -> (http::HeaderMap, String) {
    let receiver = receiver(answer("200 OK", "")).await;
    let key = SigningKey::parse(SIGNING.as_bytes()).unwrap();
    let effect = effect(&receiver.url).signed(&key, at).unwrap();
    let connection =
        connect(effect.target(), &trust(), &loopback(), &LIMITS).await.unwrap_or_else(|attempt| panic!("{attempt}"));
    assert_eq!(connection.send(&effect, || Ok(())).await, Attempt::Released { status: 200 });
    let seen = receiver.seen.lock().unwrap().join("");
    let (head, body) = seen.split_once("\r\n\r\n").unwrap();
    let header = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.parse::<http::HeaderName>().unwrap(), value.parse::<http::HeaderValue>().unwrap())
    };
    (head.lines().skip(1).map(header).collect(), body.to_owned())
}

#[tokio::test]
async fn the_reference_library_takes_what_was_signed_and_nothing_else() {
    use standardwebhooks::{Webhook, WebhookError};
    let (now, theirs) = (crate::clock::now(), Webhook::new(SIGNING).unwrap());
    let (headers, body) = signed_at(now).await;
    theirs.verify(body.as_bytes(), &headers).unwrap();
    let refused =
        |key: &Webhook, headers: &http::HeaderMap, body: &str| key.verify(body.as_bytes(), headers).unwrap_err();
    let is_wrong = |error: WebhookError| assert!(matches!(error, WebhookError::InvalidSignature), "{error}");
    is_wrong(refused(&theirs, &headers, &body.replace('1', "2")));
    is_wrong(refused(&theirs, &headers, &format!("{body} ")));
    is_wrong(refused(&Webhook::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap(), &headers, &body));
    // What was signed is its id and its time as well.
    let later = now.as_second() + 1;
    for (name, value) in [("webhook-id", "704beced".to_owned()), ("webhook-timestamp", later.to_string())] {
        let mut changed = headers.clone();
        changed.insert(name, value.parse().unwrap());
        is_wrong(refused(&theirs, &changed, &body));
    }
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut without = headers.clone();
        without.remove(name);
        assert!(matches!(refused(&theirs, &without, &body), WebhookError::MissingHeader(_)), "{name}");
    }
    // Five minutes are what it allows.
    let minutes = |count| now + jiff::SignedDuration::from_mins(count);
    let (old, body) = signed_at(minutes(-6)).await;
    assert!(matches!(refused(&theirs, &old, &body), WebhookError::TimestampTooOldError));
    let (early, body) = signed_at(minutes(6)).await;
    assert!(matches!(refused(&theirs, &early, &body), WebhookError::FutureTimestampError));
}

#[tokio::test]
async fn a_receiver_that_took_another_number_than_asked_needs_a_person() {
    for (body, label) in [
        (r#"{"recipients": 800}"#, "Released"),
        (r#"{"recipients": 799}"#, "Unknown"),
        (r#"{"recipients": "all"}"#, "Released"),
        ("thanks", "Released"),
    ] {
        let receiver = receiver(answer("200 OK", body)).await;
        let effect = effect(&receiver.url).expecting(Expected { recipients: Some(800), keyed: false });
        let connection = connect(effect.target(), &trust(), &loopback(), &LIMITS)
            .await
            .unwrap_or_else(|attempt| panic!("{attempt}"));
        let attempt = connection.send(&effect, || Ok(())).await;
        assert_eq!(attempt.label(), label, "{body}: {attempt}");
    }
}

#[tokio::test]
async fn whatever_breaks_after_a_byte_is_unknown() {
    let truncated = Then::Answer("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".into());
    let half_head = Then::Answer("HTTP/1.1 200 OK\r\ncontent-".into());
    let nonsense = Then::Answer("hello\r\n\r\n".into());
    let chunked = Then::Answer("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhe".into());
    for then in [Then::Close, truncated, half_head, nonsense, chunked] {
        let receiver = receiver(then).await;
        let attempt = attempt(&receiver.url, Ok(())).await;
        assert_eq!(attempt.label(), "Unknown", "{attempt}");
        assert!(receiver.seen.lock().unwrap().len() == 1);
    }
    // It closes before a byte was read: one may have been on its way all the same.
    let closing = receiver(Then::CloseAtOnce).await;
    let label = attempt(&closing.url, Ok(())).await.label();
    assert!(label == "Unknown" || label == "NotSent", "{label}");
}

#[tokio::test]
async fn a_receiver_that_says_nothing_is_given_up_and_what_it_did_is_unknown() {
    let silent = receiver(Then::Hang).await;
    let attempt = attempt_within(&IMPATIENT, &silent.url, Ok(())).await;
    assert_eq!(attempt.label(), "Unknown", "{attempt}");
    assert!(attempt.to_string().contains("no complete answer came within 0.5 s"), "{attempt}");
    // Where a busy machine let the limit pass before the request was read, there is nothing to have been seen.
    assert!(silent.seen.lock().unwrap().len() <= 1);
}

#[tokio::test]
async fn what_never_left_is_known_not_to_have() {
    let refused = attempt("http://127.0.0.1:9/send", Ok(())).await;
    assert_eq!(refused.label(), "NotSent", "{refused}");
    // No label of a name is longer than 63 characters: this one is known to be nobody's without asking anyone.
    let nowhere = attempt(&format!("http://{}/send", "x".repeat(64)), Ok(())).await;
    assert_eq!(nowhere.label(), "NotSent", "{nowhere}");
    assert!(nowhere.to_string().contains("is not known"), "{nowhere}");
    let plain = receiver(answer("200 OK", "")).await;
    let no_tls = attempt(&plain.url.replace("http://", "https://"), Ok(())).await;
    assert_eq!(no_tls.label(), "NotSent", "{no_tls}");
    let metadata = attempt("http://169.254.169.254/latest", Ok(())).await;
    assert!(metadata.to_string().contains("and no request goes there"), "{metadata}");
}

#[tokio::test]
async fn what_a_name_resolves_to_is_held_against_where_requests_may_go() {
    let receiver = receiver(answer("200 OK", "")).await;
    let by_name = receiver.url.replace("127.0.0.1", "localhost");
    let effect = effect(&by_name);
    let told = async |reach: &Reach| {
        let Err(refused) = connect(effect.target(), &trust(), reach, &LIMITS).await else { return String::new() };
        assert_eq!(refused.label(), "NotSent", "{refused}");
        refused.to_string()
    };
    let why = told(&Reach::default()).await;
    assert!(why.contains("localhost:") && why.contains("a loopback address"), "{why}");
    assert!(why.contains("receivers.networks of the chart"), "{why}");
    // A host that is not listed is not looked up: this one would be told of as unknown.
    let listed = Reach::new(vec!["mail.internal".parse().unwrap()], vec!["127.0.0.0/8".parse().unwrap()]);
    let nowhere = Target::parse(&format!("http://{}/", "x".repeat(64))).unwrap();
    let why = connect(&nowhere, &trust(), &listed, &LIMITS).await.err().unwrap().to_string();
    assert!(why.contains("receivers.hosts of the chart") && !why.contains("is not known"), "{why}");
    assert!(told(&listed).await.contains("no request goes to localhost"));
    let both = ["127.0.0.0/8", "::1/128"].map(|network| network.parse().unwrap()).to_vec();
    assert_eq!(told(&Reach::new(vec!["localhost".parse().unwrap()], both)).await, "");
    assert!(receiver.seen.lock().unwrap().iter().all(String::is_empty));
}

#[tokio::test]
async fn a_last_check_that_fails_leaves_nothing_at_the_receiver() {
    let receiver = receiver(answer("200 OK", "")).await;
    let attempt = attempt(&receiver.url, Err("the campaign was suspended".into())).await;
    assert_eq!(attempt, Attempt::NotFired { why: "the campaign was suspended".into() });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let seen = receiver.seen.lock().unwrap();
    assert!(seen.iter().all(String::is_empty), "{seen:?}");
}

#[test]
fn bad_addresses_headers_and_secrets_are_refused() {
    for (url, error) in [
        ("mail.internal/send", TargetError::NotUrl),
        ("ftp://mail/send", TargetError::Scheme),
        ("https://user:pass@mail/send", TargetError::UserInfo),
        ("https://", TargetError::NotUrl),
    ] {
        assert_eq!(Target::parse(url), Err(error), "{url}");
    }
    assert_eq!(Target::parse("https://[::1]/x").unwrap().host, "::1");
    assert!(SecretValue::new(b"one\r\ntwo: three").is_err());
    assert_eq!(format!("{:?}", SecretValue::new(b"hush").unwrap()), "(secret)");
    for name in ["host", "Content-Length", "transfer-encoding", "idempotency-key"] {
        let headers = vec![(name.parse().unwrap(), SecretValue::new(b"x").unwrap())];
        let made = Effect::new(Target::parse("http://a/").unwrap(), headers, "k", Bytes::new());
        assert!(matches!(made, Err(EffectError::Ours { .. })), "{name}");
    }
}
