//! The receivers that are there to be copied, asked by Headroom's own client: the same key is one job, whatever happens, and nobody
//! else's request is taken.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use headroom::senders::{Attempt, Effect, Expected, Limits, Reach, SigningKey, Target, Trust, connect};
use jiff::{SignedDuration, Timestamp};
use standardwebhooks::Webhook;

use crate::support::bed::root;

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDgEQiMGUeMHA=";
const FIRST: &str = "704beceb-8ee9-5440-be27-89be6ce29984";
const SECOND: &str = "1f0e6b1c-59a5-5a52-8b57-0b9a3c6b1a11";
const THIRD: &str = "3c0e6b1c-59a5-5a52-8b57-0b9a3c6b1a33";

/// A receiver that runs. It is killed when dropped.
struct Receiver {
    child: Child,
    address: String,
}

impl Receiver {
    fn start(mut command: Command) -> Receiver {
        let mut child = command.env("SIGNING_KEY", KEY).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address =
            line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("it says {line:?}")).to_owned();
        Receiver { child, address }
    }

    async fn ask(&self, key: &str, body: &str, signing: &str, at: Timestamp) -> Attempt {
        let target = Target::parse(&format!("http://{}/send", self.address)).unwrap();
        let effect = Effect::new(target, Vec::new(), key, Bytes::from(body.to_owned())).unwrap();
        let expected = Expected { recipients: Some(2_000), keyed: true };
        let effect = effect.expecting(expected).signed(&SigningKey::parse(signing.as_bytes()).unwrap(), at).unwrap();
        let reach = Reach::new(Vec::new(), vec!["127.0.0.0/8".parse().unwrap()]);
        match connect(effect.target(), &Trust::platform().unwrap(), &reach, &Limits::default()).await {
            Ok(connection) => connection.send(&effect, || Ok(())).await,
            Err(attempt) => attempt,
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn body(offset: u64, recipients: u64) -> String {
    serde_json::json!({"sendId": "marketing/sale", "wave": {"name": "canary", "offset": offset, "recipients": recipients}})
        .to_string()
}

/// Asks for two waves, all at once and again and wrongly. `jobs` counts what the receiver has to do.
async fn check(receiver: &Receiver, jobs: impl Fn() -> usize) {
    let (now, released) = (Timestamp::now(), Attempt::Released { status: 200 });
    let first = body(0, 2_000);
    // Twenty at the same moment.
    let all = (0..20).map(|_| receiver.ask(FIRST, &first, KEY, now));
    assert!(futures::future::join_all(all).await.iter().all(|attempt| *attempt == released));
    assert_eq!(jobs(), 1);
    assert_eq!(receiver.ask(FIRST, &first, KEY, Timestamp::now()).await, released);
    assert_eq!(jobs(), 1);
    // Another job under the same key.
    let other = receiver.ask(FIRST, &body(2_000, 2_000), KEY, now).await;
    assert!(matches!(other, Attempt::Rejected { status: 422, .. }), "{other}");
    // Of somebody without the key, or of somebody who has kept an old request.
    let old = now - SignedDuration::from_mins(10);
    for (signing, at) in [(OTHER, now), (KEY, old)] {
        let refused = receiver.ask(SECOND, &first, signing, at).await;
        assert!(matches!(refused, Attempt::Rejected { status: 401, .. }), "{refused}");
    }
    let strange = receiver.ask("../../etc/passwd", &first, KEY, now).await;
    assert!(matches!(strange, Attempt::Rejected { status: 400, .. }), "{strange}");
    assert_eq!(jobs(), 1);
    assert_eq!(receiver.ask(SECOND, &body(2_000, 2_000), KEY, now).await, released);
    assert_eq!(jobs(), 2);
    taken_as_the_reference_library_has_it(receiver).await;
    assert_eq!(jobs(), 3);
    // It tells how many it takes, and a wave of another size than was asked for would be seen.
    let fewer = receiver.ask("2b1f6b1c-59a5-5a52-8b57-0b9a3c6b1a22", &body(0, 10), KEY, now).await;
    assert!(fewer.to_string().contains("took 10 of 2000 recipients"), "{fewer}");
}

/// Signed by the public reference library of the specification, and by nobody of ours.
async fn taken_as_the_reference_library_has_it(receiver: &Receiver) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let (now, body) = (Timestamp::now().as_second(), body(4_000, 2_000));
    let sign = |key: &str, at: i64| Webhook::new(key).unwrap().sign(THIRD, at, body.as_bytes()).unwrap();
    let (right, wrong) = (sign(KEY, now), sign(OTHER, now));
    let both = format!("{wrong} {right}");
    for (signature, at, status) in [
        (wrong.as_str(), now, 401),
        (right.trim_start_matches("v1,"), now, 401),
        (&right.replace("v1,", "v1a,"), now, 401),
        (&right[..20], now, 401),
        // Right, and of another moment than it says.
        (&right, now - 1, 401),
        (&sign(KEY, now - 400), now - 400, 401),
        (&sign(KEY, now + 400), now + 400, 401),
        // While a key is being changed there are two.
        (&both, now, 200),
        (&right, now, 200),
    ] {
        let sent = client.post(format!("http://{}/send", receiver.address)).body(body.clone());
        let sent = sent.header("idempotency-key", THIRD).header("webhook-id", THIRD);
        let sent = sent.header("webhook-timestamp", at).header("webhook-signature", signature);
        assert_eq!(sent.send().await.unwrap().status(), status, "{signature} at {at}");
    }
}

fn runtime() -> tokio::runtime::Runtime {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn the_one_in_go() {
    let folder = tempfile::tempdir().unwrap();
    let (program, jobs) = (folder.path().join("receiver"), folder.path().join("jobs"));
    let mut build = Command::new("go");
    build.args(["build", "-o"]).arg(&program).arg(".").current_dir(root().join("examples/receiver/go"));
    assert!(build.status().unwrap().success());
    let mut command = Command::new(&program);
    command.arg("127.0.0.1:0").arg(&jobs);
    let receiver = Receiver::start(command);
    let count = || std::fs::read_dir(&jobs).unwrap().count();
    runtime().block_on(check(&receiver, count));
}

#[test]
fn the_one_in_python() {
    if Command::new("python3").args(["-c", "import sqlite3"]).status().is_ok_and(|status| status.success()) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("jobs.sqlite");
        let mut command = Command::new("python3");
        command.arg(root().join("examples/receiver/python/receiver.py")).arg("127.0.0.1:0").arg(&file);
        let receiver = Receiver::start(command);
        let count = || {
            let script = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM jobs').fetchone()[0])";
            let told = Command::new("python3").args(["-c", script]).arg(&file).output().unwrap();
            String::from_utf8(told.stdout).unwrap().trim().parse().unwrap()
        };
        runtime().block_on(check(&receiver, count));
    } else {
        eprintln!("python3 with sqlite3 was not found: the receiver in Python was not tried");
    }
}
