//! A real Prometheus behind TLS that lets nobody in without a certificate and a password: it is measured with both, and with one of
//! them missing nothing is.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use headroom::plan::reading::Question;
use headroom::prometheus::{Access, Sensor};
use jiff::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

use crate::support::bed::bed;

/// bcrypt of "hush", by golang.org/x/crypto.
const HUSH: &str = "$2a$04$TblHVd4D2CSoiDt2DMhycOiFN8VoRH4KMj2mIa7NkgKVcuGnA8doK";

/// Ends with the test.
struct Server {
    child: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
    path
}

/// An authority of the test's own, and what it has signed for the server and for Headroom.
fn certificates(folder: &Path) {
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    write(folder, "ca.crt", &authority.self_signed(&key).unwrap().pem());
    let issuer = Issuer::new(authority, key);
    for (name, purpose) in
        [("server", ExtendedKeyUsagePurpose::ServerAuth), ("headroom", ExtendedKeyUsagePurpose::ClientAuth)]
    {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.extended_key_usages = vec![purpose];
        write(folder, &format!("{name}.crt"), &params.signed_by(&key, &issuer).unwrap().pem());
        write(folder, &format!("{name}.key"), &key.serialize_pem());
    }
}

/// It scrapes the shop, as the bed's own does.
fn prometheus(folder: &Path) -> Server {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let shop = bed().shop.strip_prefix("http://").unwrap();
    write(
        folder,
        "prometheus.yml",
        &format!(
            "scrape_configs: [{{job_name: shop, scrape_interval: 1s, static_configs: [{{targets: ['{shop}']}}]}}]\n"
        ),
    );
    let tls = "cert_file: server.crt, key_file: server.key, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt";
    write(folder, "web.yml", &format!("tls_server_config: {{{tls}}}\nbasic_auth_users: {{headroom: '{HUSH}'}}\n"));
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let child = Command::new(bed().bin.join("prometheus"))
        .arg(format!("--config.file={}", at("prometheus.yml")))
        .arg(format!("--web.config.file={}", at("web.yml")))
        .arg(format!("--storage.tsdb.path={}", at("data")))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(folder.join("log")).unwrap())
        .spawn()
        .unwrap();
    Server { child, address: format!("https://127.0.0.1:{port}") }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_behind_tls_is_measured_by_whoever_shows_certificate_and_password() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    certificates(place);
    let server = prometheus(place);
    let file = |name: &str| Some(place.join(name));
    write(place, "user", "headroom");
    write(place, "password", "hush\n");
    write(place, "wrong", "loud");
    let access = Access {
        username_file: file("user"),
        password_file: file("password"),
        ca_file: file("ca.crt"),
        certificate_file: file("headroom.crt"),
        key_file: file("headroom.key"),
        ..Access::default()
    };
    let read = async |access: &Access| {
        let sensor = Sensor::new(&server.address, access.clone()).unwrap();
        let now = Timestamp::now();
        sensor.read(&Question::plain("sum(up)"), now, now).await
    };
    let begun = Instant::now();
    loop {
        match read(&access).await {
            Ok(reading) if reading.value > 0.5 => break,
            other => {
                let log = std::fs::read_to_string(place.join("log")).unwrap();
                assert!(begun.elapsed() < Duration::from_mins(1), "{other:?}\n{log}");
            }
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }

    for (what, without, label) in [
        ("another password", Access { password_file: file("wrong"), ..access.clone() }, "NotAllowed"),
        ("no user", Access { username_file: None, password_file: None, ..access.clone() }, "NotAllowed"),
        ("no certificate", Access { certificate_file: None, key_file: None, ..access.clone() }, "Unreachable"),
        ("an authority that nobody knows", Access { ca_file: None, ..access.clone() }, "Unreachable"),
        ("a file that is not there", Access { password_file: file("gone"), ..access.clone() }, "NoAccess"),
    ] {
        let fault = read(&without).await.unwrap_err();
        assert_eq!(fault.label(), label, "{what}: {fault}");
    }
}
