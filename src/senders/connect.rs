//! One fresh connection, and one request over it.

use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use http::header::RETRY_AFTER;
use http::response::Parts;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use jiff::SignedDuration;
use rustls::CertificateError;
use rustls::pki_types::ServerName;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::clock;
use crate::plan::inquiry::Said;

use super::attempt::{Answer, Attempt};
use super::effect::Effect;
use super::line::{LastCheck, Line, Tally};
use super::reach::Reach;
use super::said::said;
use super::target::Target;
use super::trust::Trust;

/// So much of an answer is kept; the rest is read and dropped.
const KEPT: usize = 4 * 1024;
/// The same of one that is read for what it says: the campaign that marketing has prepared is in it.
const KEPT_WHOLE: usize = 4 * 1024 * 1024;

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Until the connection stands.
    pub connect: Duration,
    /// From the first byte to the last of the answer.
    pub request: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { connect: Duration::from_secs(5), request: Duration::from_secs(30) }
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection over which nothing has gone.
pub struct Connection {
    stream: Box<dyn Stream>,
    /// The same socket, to reset it when it is given up.
    socket: OwnedFd,
    limits: Limits,
}

fn not_sent(why: impl std::fmt::Display) -> Attempt {
    Attempt::NotSent { why: why.to_string() }
}

/// Why no TLS came about, and what can be done.
fn no_tls(place: &str, error: &std::io::Error) -> String {
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let way_out = match cause {
        Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "; if its certificate is the right one, name the authority that signed it in tls.ca of the Sender"
        }
        Some(rustls::Error::InvalidCertificate(_)) => {
            "; its certificate is not believed, and the receiver needs another one, or the Sender another url or tls.ca"
        }
        Some(rustls::Error::AlertReceived(_)) => {
            "; if it asks who comes, name a certificate that it believes in tls.clientCertificate of the Sender"
        }
        _ => "",
    };
    format!("no TLS with {place}: {error}{way_out}")
}

/// Resolves, connects, and agrees on TLS. Nothing of a request leaves.
pub async fn connect(target: &Target, trust: &Trust, reach: &Reach, limits: &Limits) -> Result<Connection, Attempt> {
    let deadline = Instant::now() + limits.connect;
    let place = &target.authority;
    let late = |_| not_sent(format!("{place} could not be reached within {} s", limits.connect.as_secs_f32()));
    reach.target(target).map_err(not_sent)?;
    let found =
        timeout_at(deadline, tokio::net::lookup_host((target.host.as_str(), target.port))).await.map_err(late)?;
    let addresses: Vec<SocketAddr> =
        found.map_err(|error| not_sent(format!("{place} is not known: {error}")))?.collect();
    // Each of them, since any of them may be the one that answers. What was checked is what is connected to.
    for address in &addresses {
        reach.address(address.ip()).map_err(|barred| not_sent(format!("{place} cannot be gone to: {barred}")))?;
    }
    let connected = timeout_at(deadline, TcpStream::connect(addresses.as_slice())).await.map_err(late)?;
    let tcp = connected.map_err(|error| not_sent(format!("{place} cannot be reached: {error}")))?;
    let prepared = tcp.set_nodelay(true).and_then(|()| SockRef::from(&tcp).set_tcp_user_timeout(Some(limits.request)));
    prepared.map_err(|error| not_sent(format!("the connection cannot be set up: {error}")))?;
    let socket = tcp
        .as_fd()
        .try_clone_to_owned()
        .map_err(|error| not_sent(format!("the connection cannot be set up: {error}")))?;
    let stream: Box<dyn Stream> = if target.tls {
        let name = ServerName::try_from(target.host.clone()).map_err(|error| not_sent(format!("{place}: {error}")))?;
        let agreed = timeout_at(deadline, TlsConnector::from(trust.config()).connect(name, tcp)).await.map_err(late)?;
        Box::new(agreed.map_err(|error| not_sent(no_tls(place, &error)))?)
    } else {
        Box::new(tcp)
    };
    Ok(Connection { stream, socket, limits: *limits })
}

impl Connection {
    /// Sends the request once. `last_check` is asked immediately before the first byte.
    pub async fn send(
        self,
        effect: &Effect,
        last_check: impl FnOnce() -> Result<(), String> + Send + 'static,
    ) -> Attempt {
        let tally = Tally::default();
        let broken = match self.exchange(effect, Box::new(last_check), &tally, KEPT).await {
            Ok((head, body)) => {
                let answer = Answer { status: head.status, retry_after: retry_after(&head.headers), body: &body };
                return Attempt::of_answer(&answer, effect.expected());
            }
            Err(broken) => broken,
        };
        match (tally.refused(), tally.bytes()) {
            (Some(why), _) => Attempt::NotFired { why },
            (None, 0) => not_sent(broken),
            (None, bytes) => Attempt::cut(format!("{broken}, after {bytes} bytes had been handed over")),
        }
    }

    /// Asks what became of a wave with so many recipients.
    pub async fn ask(self, question: &Effect, recipients: u64) -> Said {
        match self.exchange(question, Box::new(|| Ok(())), &Tally::default(), KEPT).await {
            Ok((head, body)) => {
                said(&Answer { status: head.status, retry_after: None, body: &body }, question.key(), recipients)
            }
            Err(broken) => Said::Other(format!("it did not answer: {broken}")),
        }
    }

    /// Says something that may be said twice, and gives the answer back: its status and the whole of its body.
    pub async fn call(self, call: &Effect) -> Result<(StatusCode, Vec<u8>), String> {
        let (head, body) = self.exchange(call, Box::new(|| Ok(())), &Tally::default(), KEPT_WHOLE).await?;
        if body.len() >= KEPT_WHOLE {
            return Err(format!("its answer is longer than {} MiB", KEPT_WHOLE / 1024 / 1024));
        }
        Ok((head.status, body))
    }

    async fn exchange(
        self,
        effect: &Effect,
        check: LastCheck,
        tally: &Tally,
        most: usize,
    ) -> Result<(Parts, Vec<u8>), String> {
        let Connection { stream, socket, limits } = self;
        let line = Line::new(stream, check, tally.clone());
        let broken = match tokio::time::timeout(limits.request, exchange(line, effect, most)).await {
            Ok(Ok(answered)) => return Ok(answered),
            Ok(Err(error)) => format!("the connection broke: {error}"),
            Err(_) => format!("no complete answer came within {} s", limits.request.as_secs_f32()),
        };
        // Given up: reset, so that nothing that is still on its way is taken for a whole request later. A failure
        // leaves an ordinary close.
        let _ = SockRef::from(&socket).set_linger(Some(Duration::ZERO));
        Err(broken)
    }
}

/// When a receiver asks to be asked again: in so many seconds, or at a time.
fn retry_after(headers: &HeaderMap) -> Option<SignedDuration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let at = |text| Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp().duration_since(clock::now()));
    text.parse().ok().map(SignedDuration::from_secs).or_else(|| at(text))
}

async fn exchange(line: Line<Box<dyn Stream>>, effect: &Effect, most: usize) -> Result<(Parts, Vec<u8>), String> {
    let told = |error: hyper::Error| {
        let mut cause: &dyn std::error::Error = &error;
        while let Some(next) = cause.source() {
            cause = next;
        }
        cause.to_string()
    };
    let request = effect.request().map_err(|error| error.to_string())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(line)).await.map_err(told)?;
    // Driven here and not by a task of its own: when this is dropped, nothing goes on writing.
    let answered = async {
        let response = sender.send_request(request).await.map_err(told)?;
        let (head, mut body) = response.into_parts();
        let mut kept = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(told)?;
            if let Some(data) = frame.data_ref() {
                let room = most.saturating_sub(kept.len());
                kept.extend_from_slice(data.get(..data.len().min(room)).unwrap_or_default());
            }
        }
        Ok((head, kept))
    };
    tokio::pin!(answered);
    tokio::pin!(connection);
    tokio::select! {
        biased;
        answer = &mut answered => answer,
        // The connection ends first when the receiver closes it; what was answered by then is still to be read.
        _ = &mut connection => answered.await,
    }
}
