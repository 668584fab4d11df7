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

use super::ApiServer;
use super::answer::Answer;
use super::ask::{Ask, Verb};
use super::fault::{Interference, Then};
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
        let call = Arc::new(self.server.arrive(ask));
        if let Some(refusal) = undergo(self.server.before(&call)).await? {
            return refuse(&refusal);
        }
        if call.ask.verb == Verb::Watch {
            let begun = Feed::begin(&self.server, &call);
            self.server.note_watch(&call, begun.as_ref().err());
            return match begun {
                Ok(feed) => {
                    let lines = feed.lines().map(|line| Ok(Frame::data(line)));
                    respond(200, StreamBody::new(lines).boxed_unsync())
                }
                Err(refusal) => refuse(&refusal),
            };
        }
        let answered = self.server.apply(&call);
        let code = answered.as_ref().map_or_else(|refusal| refusal.code, |answer| success(&call.ask, answer));
        if let Some(refusal) = undergo(self.server.after(&call, code)).await? {
            return refuse(&refusal);
        }
        match answered {
            Ok(answer) => respond(code, Full::from(answer.body(call.ask.metadata_only)).boxed_unsync()),
            Err(refusal) => refuse(&refusal),
        }
    }
}

pub(super) fn success(ask: &Ask, _answer: &Answer) -> u16 {
    if ask.verb == Verb::Create { 201 } else { 200 }
}

/// Lets happen what interferes; returns the answer it puts in place of the real one.
async fn undergo(interference: Interference) -> Result<Option<Refusal>, BoxError> {
    if !interference.delay.is_zero() {
        tokio::time::sleep(interference.delay).await;
    }
    match interference.then {
        Then::Go => Ok(None),
        Then::Refuse(refusal) => Ok(Some(refusal)),
        Then::Break => Err("the connection was reset".into()),
        Then::Hang => std::future::pending().await,
    }
}

fn respond(code: u16, content: Content) -> Result<Response<Content>, BoxError> {
    let response = Response::builder().status(StatusCode::from_u16(code)?);
    Ok(response.header(http::header::CONTENT_TYPE, "application/json").body(content)?)
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
