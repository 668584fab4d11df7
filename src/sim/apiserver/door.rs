//! The door that `kube::Client` knocks at: an HTTP request comes in, an HTTP answer goes out, and in between whoever
//! interferes is asked. No socket, no thread.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::StreamExt;
use futures::future::BoxFuture;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use kube::client::Body;
use tower::{BoxError, Service};

use crate::clock;

use super::ApiServer;
use super::answer::Answer;
use super::ask::{Ask, Verb};
use super::fault::{Call, Interference, Then};
use super::feed::Feed;
use super::refusal::Refusal;

/// A client's way in.
#[derive(Clone)]
pub struct Door {
    server: ApiServer,
    agent: String,
}

/// What an answer carries.
type Content = UnsyncBoxBody<Bytes, Infallible>;

impl Door {
    pub(super) fn new(server: ApiServer, agent: &str) -> Door {
        Door { server, agent: agent.to_owned() }
    }

    async fn answer(self, request: Request<Body>) -> Result<Response<Content>, BoxError> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let ask = match Ask::read(&self.agent, &parts, &body) {
            Ok(ask) => ask,
            Err(refusal) => return refuse(&refusal),
        };
        self.live().await;
        let call = Arc::new(self.server.arrive(ask));
        self.server.note(call.ask.verb.word(), call.number, &call.ask.place, &body);
        if call.ask.verb.writes() {
            self.server.note_write();
        }
        if let Some(refusal) = self.undergo(&call, self.server.before(&call)).await? {
            return self.refuse(&call, &refusal);
        }
        if call.ask.verb == Verb::Watch {
            let begun = Feed::begin(&self.server, &call);
            self.server.note_watch(&call, begun.as_ref().err());
            return match begun {
                Ok(feed) => {
                    let lines = feed.lines().map(|line| Ok(Frame::data(line)));
                    respond(200, StreamBody::new(lines).boxed_unsync())
                }
                Err(refusal) => self.refuse(&call, &refusal),
            };
        }
        let answered = self.server.apply(&call);
        let code = answered.as_ref().map_or_else(|refusal| refusal.code, |answer| success(&call.ask, answer));
        if let Some(refusal) = self.undergo(&call, self.server.after(&call, code)).await? {
            return self.refuse(&call, &refusal);
        }
        match answered {
            Ok(answer) => {
                let body = answer.body(call.ask.metadata_only);
                self.server.note("answer", call.number, &code, &body);
                respond(code, Full::from(body).boxed_unsync())
            }
            Err(refusal) => self.refuse(&call, &refusal),
        }
    }

    /// Goes no further if the client is dead.
    async fn live(&self) {
        if self.server.is_dead(&self.agent) {
            std::future::pending::<()>().await;
        }
    }

    /// Lets happen what interferes; returns the answer it puts in place of the real one.
    async fn undergo(&self, call: &Call, interference: Interference) -> Result<Option<Refusal>, BoxError> {
        if !interference.delay.is_zero() {
            self.server.note("delay", call.number, &interference.delay.as_millis(), &[]);
            tokio::time::sleep(interference.delay).await;
            self.live().await;
        }
        match interference.then {
            Then::Go => Ok(None),
            Then::Refuse(refusal) => Ok(Some(refusal)),
            Then::Break => {
                self.server.note("break", call.number, &"", &[]);
                Err("the connection was reset".into())
            }
            Then::Hang => {
                self.server.note("hang", call.number, &"", &[]);
                std::future::pending().await
            }
            Then::Die => {
                self.server.note("die", call.number, &self.agent, &[]);
                self.server.kill(&self.agent);
                std::future::pending().await
            }
            Then::LastWords => {
                self.server.note("last words", call.number, &self.agent, &[]);
                self.server.kill(&self.agent);
                Ok(None)
            }
        }
    }

    fn refuse(&self, call: &Call, refusal: &Refusal) -> Result<Response<Content>, BoxError> {
        self.server.note("answer", call.number, &refusal.code, refusal.message.as_bytes());
        refuse(refusal)
    }
}

pub(super) fn success(ask: &Ask, _answer: &Answer) -> u16 {
    if ask.verb == Verb::Create { 201 } else { 200 }
}

fn respond(code: u16, content: Content) -> Result<Response<Content>, BoxError> {
    let response = Response::builder().status(StatusCode::from_u16(code)?);
    let date = jiff::fmt::rfc2822::to_string(&clock::world().to_zoned(jiff::tz::TimeZone::UTC))?;
    let response = response.header(http::header::CONTENT_TYPE, "application/json").header(http::header::DATE, date);
    Ok(response.body(content)?)
}

fn refuse(refusal: &Refusal) -> Result<Response<Content>, BoxError> {
    respond(refusal.code, Full::from(refusal.status().to_string()).boxed_unsync())
}

impl Service<Request<Body>> for Door {
    type Response = Response<Content>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.clone().answer(request))
    }
}
