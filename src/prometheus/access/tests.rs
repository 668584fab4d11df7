#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! What is shown, to a scripted server that lets nobody in without it: that it is shown, read anew, and never left out.

use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::Access;
use crate::clock;
use crate::plan::reading::{Question, SensorFault};
use crate::prometheus::Sensor;

/// The header that opens the door, and what it must say.
type Key = Arc<Mutex<(&'static str, String)>>;

async fn door(State(key): State<Key>, headers: HeaderMap) -> Response {
    let (name, wanted) = key.lock().unwrap().clone();
    if headers.get(name).is_none_or(|shown| *shown != wanted) {
        return (StatusCode::UNAUTHORIZED, "Unauthorized\n").into_response();
    }
    let now = clock::now().as_second();
    let result = format!(r#"[{{"metric":{{}},"value":[{now},"{now}"]}}]"#);
    format!(r#"{{"status":"success","data":{{"resultType":"vector","result":{result}}}}}"#).into_response()
}

async fn opens(name: &'static str, wanted: &str) -> (String, Key) {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let key: Key = Arc::new(Mutex::new((name, wanted.to_owned())));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(door).with_state(Arc::clone(&key));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (address, key)
}

async fn ask(sensor: &Sensor) -> Result<(), SensorFault> {
    sensor.read(&Question::plain("max(a)"), clock::now(), clock::now()).await.map(drop)
}

fn file(folder: &Path, name: &str, text: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[tokio::test]
async fn a_token_is_read_anew_for_each_question() {
    let folder = tempfile::tempdir().unwrap();
    let (address, key) = opens("authorization", "Bearer first").await;
    let token = file(folder.path(), "token", "first\n");
    let sensor = Sensor::new(&address, Access { token_file: Some(token.clone()), ..Access::default() }).unwrap();
    ask(&sensor).await.unwrap();
    key.lock().unwrap().1 = "Bearer second".to_owned();
    assert_eq!(ask(&sensor).await.unwrap_err(), SensorFault::NotAllowed { status: 401 });
    std::fs::write(&token, "second").unwrap();
    ask(&sensor).await.unwrap();
    // A token that has gone, or is being written, is no question without one.
    std::fs::write(&token, "\n").unwrap();
    let empty = ask(&sensor).await.unwrap_err();
    assert_eq!(empty.label(), "NoAccess");
    let told = format!("the bearer token for it in {} cannot be used: it is empty", token.display());
    assert_eq!(empty.to_string(), format!("Prometheus is not asked, since {told}"));
    std::fs::remove_file(&token).unwrap();
    assert_eq!(ask(&sensor).await.unwrap_err().label(), "NoAccess");
    std::fs::write(&token, "second\nline").unwrap();
    assert_eq!(ask(&sensor).await.unwrap_err().label(), "NoAccess");
}

#[tokio::test]
async fn a_user_is_shown_with_his_password_and_a_tenant_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    // RFC 7617, section 2: the example of the specification.
    let (address, key) = opens("authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").await;
    let access = Access {
        username_file: Some(file(folder.path(), "user", "Aladdin")),
        password_file: Some(file(folder.path(), "password", "open sesame\n")),
        tenant: Some("shop".to_owned()),
        ..Access::default()
    };
    ask(&Sensor::new(&address, access.clone()).unwrap()).await.unwrap();
    *key.lock().unwrap() = ("x-scope-orgid", "shop".to_owned());
    ask(&Sensor::new(&address, access.clone()).unwrap()).await.unwrap();
    let nobody = ask(&Sensor::new(&address, Access::default()).unwrap()).await.unwrap_err();
    assert_eq!(nobody, SensorFault::NotAllowed { status: 401 });
    let colon = Access { username_file: Some(file(folder.path(), "user", "a:b")), ..access };
    assert_eq!(ask(&Sensor::new(&address, colon).unwrap()).await.unwrap_err().label(), "NoAccess");
}

#[tokio::test]
async fn certificates_that_cannot_be_used_are_told_by_their_file() {
    let folder = tempfile::tempdir().unwrap();
    let (address, _) = opens("authorization", "").await;
    let none = file(folder.path(), "ca.crt", "no certificate\n");
    let ca = Access { ca_file: Some(none.clone()), ..Access::default() };
    let both = Access { certificate_file: Some(none.clone()), key_file: Some(none.clone()), ..Access::default() };
    for access in [ca, both] {
        let fault = ask(&Sensor::new(&address, access).unwrap()).await.unwrap_err();
        assert_eq!(fault.label(), "NoAccess", "{fault}");
        assert!(fault.to_string().contains(none.to_str().unwrap()), "{fault}");
    }
}
