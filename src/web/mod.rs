//! What the operator serves: `/healthz`, `/readyz` that says what it waits for, and `/metrics`. Reads, never acts.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::clock;
use crate::controller::context::Context;

/// The routes.
pub fn router(ctx: Arc<Context>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(ctx)
}

async fn ready(State(ctx): State<Arc<Context>>) -> Response {
    let waiting = ctx.stores.waiting_for();
    if waiting.is_empty() {
        return (StatusCode::OK, "ready\n").into_response();
    }
    let text = format!("waiting for the first list of: {}\n", waiting.join(", "));
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

async fn metrics(State(ctx): State<Arc<Context>>) -> Response {
    ctx.count();
    match ctx.metrics.render(&ctx.settings.install, clock::now()) {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Serves until `stop` is done.
pub async fn serve(
    address: SocketAddr,
    ctx: Arc<Context>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "serving /healthz, /readyz and /metrics");
    axum::serve(listener, router(ctx)).with_graceful_shutdown(stop).await
}
