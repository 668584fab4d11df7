//! TLS with a receiver, on a real server: by whom it is believed, who comes, and what is known where one of them is not. Then on the
//! bed, with the Secrets of a Sender; and Senders whose requests may not go where they point.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use headroom::senders::{Attempt, Authorities, Effect, Identity, Limits, Reach, Target, Trust, connect};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::support::bed::bed;
use crate::support::listmonk::{Listmonk, TOKEN, USER};
use crate::support::world::{Wants, World};

const BOTH: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12, &rustls::version::TLS13];

/// Signs certificates.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, PEM.
struct Pair {
    certificate: String,
    key: String,
}

impl Authority {
    fn new(name: &str) -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Authority { pem: params.self_signed(&key).unwrap().pem(), issuer: Issuer::new(params, key) }
    }

    fn signs(&self, purpose: ExtendedKeyUsagePurpose) -> Pair {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.extended_key_usages = vec![purpose];
        Pair { certificate: params.signed_by(&key, &self.issuer).unwrap().pem(), key: key.serialize_pem() }
    }

    fn server(&self) -> Pair {
        self.signs(ExtendedKeyUsagePurpose::ServerAuth)
    }

    fn client(&self) -> Pair {
        self.signs(ExtendedKeyUsagePurpose::ClientAuth)
    }
}

/// What a server shows; and whose clients it lets in, or everybody.
fn config(own: &Pair, clients: Option<&Authority>, versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions).unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let chain = vec![CertificateDer::from_pem_slice(own.certificate.as_bytes()).unwrap()];
    builder.with_single_cert(chain, PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap()).unwrap()
}

/// A receiver behind TLS. It lives as long as the tests.
struct Receiver {
    address: SocketAddr,
    /// Requests that it has read.
    requests: Arc<AtomicUsize>,
}

impl Receiver {
    /// Answers each request with 200, or hands it on to somebody who speaks plainly.
    fn start(config: ServerConfig, onward: Option<String>) -> Receiver {
        let requests = Arc::new(AtomicUsize::new(0));
        let (acceptor, count) = (TlsAcceptor::from(Arc::new(config)), Arc::clone(&requests));
        let address = serve(move |stream| {
            let (acceptor, count, onward) = (acceptor.clone(), Arc::clone(&count), onward.clone());
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                match onward {
                    None => answer(&mut stream, &count).await,
                    Some(onward) => {
                        let mut onward = TcpStream::connect(onward).await.unwrap();
                        count.fetch_add(1, Ordering::SeqCst);
                        let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
                    }
                }
            }
        });
        Receiver { address, requests }
    }

    /// What this one says after its first words comes late: whatever is sent without waiting for it is sent before.
    fn heard_late(&self) -> SocketAddr {
        let address = self.address;
        serve(move |client| async move {
            let (mut from, mut to) = client.into_split();
            let (mut back, mut forth) = TcpStream::connect(address).await.unwrap().into_split();
            let there = tokio::io::copy(&mut from, &mut forth);
            let here = async {
                let mut buffer = [0; 16 * 1024];
                for words in 0.. {
                    let count = back.read(&mut buffer).await.unwrap_or(0);
                    if words > 0 {
                        tokio::time::sleep(Duration::from_millis(500)).await;
                    }
                    if count == 0 || to.write_all(&buffer[..count]).await.is_err() {
                        return;
                    }
                }
            };
            let _ = tokio::join!(there, here);
        })
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// Serves connections on loopback, each in a task of its own.
fn serve<F>(each: impl Fn(TcpStream) -> F + Clone + Send + Sync + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(each(stream));
            }
        });
    });
    address
}

/// A request here is short, and its body ends with a brace.
async fn answer(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), requests: &AtomicUsize) {
    let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
    while !read.ends_with(b"}") {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => read.extend_from_slice(&buffer[..count]),
        }
    }
    requests.fetch_add(1, Ordering::SeqCst);
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let _ = stream.shutdown().await;
}

/// What Headroom trusts in, and shows.
fn trust(authority: Option<&Authority>, shown: Option<&Pair>) -> Trust {
    let authorities = authority.map(|authority| Authorities::parse(authority.pem.as_bytes()).unwrap());
    let shown = shown.map(|pair| Identity::parse(pair.certificate.as_bytes(), pair.key.as_bytes()).unwrap());
    Trust::new(authorities, shown).unwrap()
}

async fn attempt(url: &str, trust: &Trust) -> Attempt {
    let effect = Effect::new(Target::parse(url).unwrap(), Vec::new(), "k", Bytes::from_static(b"{}")).unwrap();
    let reach = Reach::new(Vec::new(), vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
    match connect(effect.target(), trust, &reach, &Limits::default()).await {
        Ok(connection) => connection.send(&effect, || Ok(())).await,
        Err(attempt) => attempt,
    }
}

fn not_sent(attempt: &Attempt, part: &str) {
    assert!(matches!(attempt, Attempt::NotSent { .. }) && attempt.to_string().contains(part), "{part} in: {attempt}");
}

#[tokio::test]
async fn a_receiver_is_believed_by_the_authorities_of_its_sender_and_by_no_others() {
    let (ours, others) = (Authority::new("ours"), Authority::new("others"));
    let receiver = Receiver::start(config(&ours.server(), None, BOTH), None);
    let url = format!("https://{}/send", receiver.address);
    for stranger in [trust(None, None), trust(Some(&others), None)] {
        let attempt = attempt(&url, &stranger).await;
        not_sent(&attempt, "name the authority that signed it in tls.ca of the Sender");
    }
    let believed = trust(Some(&ours), None);
    let elsewhere = url.replace("127.0.0.1", "localhost");
    not_sent(&attempt(&elsewhere, &believed).await, "its certificate is not believed");
    assert_eq!(receiver.requests(), 0);
    assert_eq!(attempt(&url, &believed).await, Attempt::Released { status: 200 });
    assert_eq!(receiver.requests(), 1);
    // Among several it is enough that one has signed.
    let both = format!("{}{}", others.pem, ours.pem);
    let both = Trust::new(Some(Authorities::parse(both.as_bytes()).unwrap()), None).unwrap();
    assert_eq!(attempt(&url, &both).await, Attempt::Released { status: 200 });
}

#[tokio::test]
async fn a_receiver_that_asks_who_comes_is_shown_the_certificate() {
    let (ours, others) = (Authority::new("ours"), Authority::new("others"));
    let (right, wrong) = (ours.client(), others.client());
    for versions in [BOTH, &BOTH[..1]] {
        let receiver = Receiver::start(config(&ours.server(), Some(&ours), versions), None);
        let url = format!("https://{}/send", receiver.address);
        assert_eq!(attempt(&url, &trust(Some(&ours), Some(&right))).await, Attempt::Released { status: 200 });
        assert_eq!(receiver.requests(), 1);
        let late = format!("https://{}/send", receiver.heard_late());
        for shown in [None, Some(&wrong)] {
            let attempt = attempt(&late, &trust(Some(&ours), shown)).await;
            if versions.len() == 1 {
                not_sent(&attempt, "name a certificate that it believes in tls.clientCertificate");
            } else {
                // TLS 1.3 lets the request leave before it is told that nobody wanted it: bytes went, and that is what counts.
                let Attempt::Unknown { why, .. } = &attempt else { panic!("{attempt}") };
                assert!(why.contains("bytes had been handed over"), "{why}");
            }
        }
        assert_eq!(receiver.requests(), 1);
    }
}

/// The condition `Ready` of a Sender.
fn ready(world: &World, namespace: &str, name: &str) -> Value {
    let sender = world.get(&["-n", namespace, "get", "sender", name]);
    let is_of_this = sender["status"]["observedGeneration"] == sender["metadata"]["generation"];
    let condition = sender["status"]["conditions"][0].clone();
    if is_of_this { condition } else { Value::Null }
}

fn until_unready(world: &World, namespace: &str, name: &str, words: &str) {
    world.until(60, words, || {
        let ready = ready(world, namespace, name);
        ready["status"] == "False" && ready["message"].as_str().is_some_and(|message| message.contains(words))
    });
}

#[test]
fn a_wave_goes_over_tls_on_the_certificates_of_its_sender() {
    let (ours, others) = (Authority::new("ours"), Authority::new("others"));
    let onward = bed().shop.strip_prefix("http://").unwrap().to_owned();
    let receiver = Receiver::start(config(&ours.server(), Some(&ours), BOTH), Some(onward));
    let wants = Wants { receiver: Some(format!("https://{}", receiver.address)), ..Wants::default() };
    let world = World::new("tls", wants);
    let secret = |name: &str, kind: &str, data: Value| {
        let metadata = json!({"name": name, "namespace": "tls-mail"});
        let secret =
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "stringData": data});
        world.bed().apply(&secret.to_string());
    };
    let shown = |certificate: &str, key: &str| {
        secret("headroom", "kubernetes.io/tls", json!({"tls.crt": certificate, "tls.key": key}));
    };
    let tls = json!({"ca": {"secretKeyRef": {"name": "ca", "key": "ca.crt"}}, "clientCertificate": {"secretName": "headroom"}});
    let patch = json!({"spec": {"webhook": {"tls": tls}}}).to_string();
    world.bed().kubectl(&["-n", "tls-mail", "patch", "sender", "push", "--type=merge", "-p", &patch]);
    world.apply_campaign("sale", &json!({}));
    // What is wrong in the Secrets is told one by one, and costs no attempt.
    let until_told = |words: &str| {
        world.until(120, words, || {
            let status = world.status("sale");
            status["reason"] == "SenderUnable" && status["message"].as_str().unwrap().contains(words)
        });
    };
    until_told("spec.webhook.tls.ca: there is no Secret tls-mail/ca");
    secret("ca", "Opaque", json!({"other": "x"}));
    until_told("spec.webhook.tls.ca: the Secret tls-mail/ca has no key ca.crt");
    secret("ca", "Opaque", json!({"ca.crt": "hush"}));
    until_told("spec.webhook.tls.ca: the key ca.crt of Secret tls-mail/ca: there is no certificate that can be read");
    secret("ca", "Opaque", json!({"ca.crt": ours.pem}));
    until_told("spec.webhook.tls.clientCertificate: there is no Secret tls-mail/headroom");
    let (right, wrong) = (ours.client(), others.client());
    shown(&right.certificate, &wrong.key);
    until_told("the keys tls.crt and tls.key of Secret tls-mail/headroom: certificate and key cannot be used together");
    assert_eq!((world.entries().len(), receiver.requests()), (0, 0));

    shown(&right.certificate, &right.key);
    world.until_phase("sale", "Completed", 180);
    assert_eq!(world.waves_received(), ["canary", "rest"]);
    assert_eq!(receiver.requests(), 2);
    let message = ready(&world, "tls-mail", "push")["message"].as_str().unwrap().to_owned();
    let words = "The receiver is believed by the authorities in spec.webhook.tls.ca alone. It is shown a certificate.";
    assert!(message.contains(words), "{message}");
    let log = std::fs::read_to_string(&world.operator.as_ref().unwrap().log).unwrap();
    for line in right.key.lines().chain(wrong.key.lines()).filter(|line| !line.starts_with("-----")) {
        assert!(!log.contains(line));
    }
    world.check_safety();
    world.until_restored(2);
}

#[test]
fn a_wave_goes_by_listmonk_over_tls_on_the_certificates_of_its_sender() {
    let (ours, others) = (Authority::new("ours"), Authority::new("others"));
    let listmonk = Listmonk::start();
    let onward = listmonk.url().strip_prefix("http://").unwrap().to_owned();
    let receiver = Receiver::start(config(&ours.server(), Some(&ours), BOTH), Some(onward));
    let list = listmonk.add_list("customers", false);
    listmonk.subscribe(list, 50);
    let draft = listmonk.add_draft(&json!({"name": "Sale", "subject": "x", "lists": [list]}));
    let world = World::new("lmtls", Wants::default());
    let secret = |name: &str, data: Value| {
        let metadata = json!({"name": name, "namespace": "lmtls-mail"});
        world.bed().apply(
            &json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}).to_string(),
        );
    };
    secret("listmonk", json!({"username": USER, "token": TOKEN}));
    let shown = ours.client();
    secret("headroom", json!({"tls.crt": shown.certificate, "tls.key": shown.key}));
    let tls = json!({"ca": {"secretKeyRef": {"name": "ca", "key": "ca.crt"}}, "clientCertificate": {"secretName": "headroom"}});
    let there = json!({"url": format!("https://{}", receiver.address), "secretRef": {"name": "listmonk"}, "tls": tls});
    let patch = json!({"spec": {"webhook": null, "listmonk": there}}).to_string();
    world.bed().kubectl(&["-n", "lmtls-mail", "patch", "sender", "push", "--type=merge", "-p", &patch]);
    let one =
        json!({"audience": {"size": 50}, "waves": [{"name": "all"}], "parameters": {"campaignId": draft.to_string()}});
    world.apply_campaign("sale", &one);
    let until_told = |words: &str| {
        world.until(120, words, || {
            let status = world.status("sale");
            status["reason"] == "SenderUnable" && status["message"].as_str().unwrap().contains(words)
        });
    };
    until_told("spec.listmonk.tls.ca: there is no Secret lmtls-mail/ca");
    secret("ca", json!({"ca.crt": others.pem}));
    until_told("name the authority that signed it in tls.ca of the Sender");
    assert_eq!((world.entries().len(), receiver.requests(), listmonk.requests().len()), (0, 0, 0));

    secret("ca", json!({"ca.crt": ours.pem}));
    world.until_phase("sale", "Completed", 180);
    assert!(receiver.requests() > 0);
    assert_eq!(listmonk.requests().iter().filter(|request| request.ends_with(" running")).count(), 1);
    let message = ready(&world, "lmtls-mail", "push")["message"].as_str().unwrap().to_owned();
    let words = "The receiver is believed by the authorities in spec.listmonk.tls.ca alone. It is shown a certificate.";
    assert!(message.contains(words), "{message}");
}

#[test]
fn a_sender_that_points_where_requests_may_not_go_is_told_so_and_sends_nothing() {
    let values = vec!["receivers.hosts={127.0.0.1,10.0.0.7}".to_owned()];
    let wants = Wants { receiver: Some("http://mail.internal".to_owned()), values, ..Wants::default() };
    let world = World::new("reach", wants);
    world.apply_campaign("sale", &json!({}));
    let until_told = |words: &str| {
        until_unready(&world, "reach-mail", "push", words);
        world.until(60, words, || {
            let status = world.status("sale");
            status["reason"] == "SenderUnable" && status["message"].as_str().unwrap().contains(words)
        });
    };
    until_told(
        "spec.webhook.url: no request goes to mail.internal; the platform team can allow it by receivers.hosts of the chart",
    );
    world.apply_sender("http://10.0.0.7");
    until_told("spec.webhook.url: 10.0.0.7 is a private address, and no request goes there");
    assert_eq!(world.entries().len(), 0);

    // One that needs a Secret where none may be read, for its signature or for TLS alone.
    let secret = json!({"secretKeyRef": {"name": "a", "key": "b"}});
    for (name, webhook) in [
        ("signed", json!({"url": "http://127.0.0.1/", "signing": secret})),
        ("secure", json!({"url": "https://127.0.0.1/", "tls": {"ca": secret}})),
    ] {
        let metadata = json!({"name": name, "namespace": "reach-marketing"});
        let spec = json!({"sendRate": "1/s", "webhook": webhook});
        let sender =
            json!({"apiVersion": "headroom.dev/v1alpha1", "kind": "Sender", "metadata": metadata, "spec": spec});
        world.bed().apply(&sender.to_string());
        until_unready(&world, "reach-marketing", name, "Headroom may not read Secrets in reach-marketing; add it to");
    }

    world.apply_sender(&world.bed().inside.shop);
    world.until_phase("sale", "Completed", 180);
    assert_eq!(world.waves_received(), ["canary", "rest"]);
    world.check_safety();
    world.until_restored(2);
}
