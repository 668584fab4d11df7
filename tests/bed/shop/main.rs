//! The shop: the system behind the sends, with a ground truth. One process serves many worlds, one per namespace.
//!
//! It serves the traffic of each world to Prometheus and to a real autoscaler, receives releases and lets them bring
//! the visits they would bring, and writes down at each release whether there was room. It uses nothing of Headroom's
//! planning: it is the witness.

#![allow(clippy::disallowed_methods)] // The witness reads a clock of its own.

mod behaviour;
mod external;
mod line;
mod load;
mod receiver;
mod replicas;
mod traffic;
mod world;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post, put};
use clap::Parser;

use line::{Line, Lines};
use world::Worlds;

/// What the shop is given.
#[derive(Parser)]
struct Arguments {
    /// Written when the shop is ready: {"http": PORT, "https": PORT}.
    #[arg(long)]
    port_file: Option<PathBuf>,
    /// Where worlds, releases and metrics are served: a free port on loopback, if not given.
    #[arg(long, default_value = "127.0.0.1:0")]
    http: SocketAddr,
    /// Where the API server asks for external metrics.
    #[arg(long, default_value = "127.0.0.1:0")]
    https: SocketAddr,
    /// Where the logs of requests are kept; in memory alone when not given.
    #[arg(long)]
    log_dir: Option<PathBuf>,
    /// Ends when standard input is closed.
    #[arg(long)]
    until_stdin_closes: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let arguments = Arguments::parse();
    if let Some(folder) = &arguments.log_dir {
        std::fs::create_dir_all(folder)?;
    }
    let has_cluster = replicas::has_cluster();
    let worlds = Arc::new(Worlds::new(arguments.log_dir, has_cluster));
    tokio::spawn(traffic::run(Arc::clone(&worlds)));
    if has_cluster {
        let client = kube::Client::try_default().await?;
        tokio::spawn(replicas::watch(Arc::clone(&worlds), client));
    }

    let plain = Router::new()
        .route("/worlds/{namespace}", put(world::put).patch(world::patch).get(world::show).delete(world::delete))
        .route("/worlds/{namespace}/send", post(receiver::send))
        .route("/worlds/{namespace}/sends/{key}", get(receiver::account))
        .route("/worlds/{namespace}/log", get(receiver::log))
        .route("/worlds/{namespace}/truth", get(world::truth))
        .route("/metrics", get(traffic::metrics))
        .with_state(Arc::clone(&worlds));
    let listener = tokio::net::TcpListener::bind(arguments.http).await?;
    let http = listener.local_addr()?.port();

    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
    let config = axum_server::tls_rustls::RustlsConfig::from_der(
        vec![certified.cert.der().to_vec()],
        certified.signing_key.serialize_der(),
    )
    .await?;
    let secure = std::net::TcpListener::bind(arguments.https)?;
    secure.set_nonblocking(true)?;
    let https: SocketAddr = secure.local_addr()?;
    let api = external::router(worlds);
    let served = axum_server::tls_rustls::from_tcp_rustls(secure, config)?;
    tokio::spawn(async move { served.serve(api.into_make_service()).await });

    if let Some(file) = &arguments.port_file {
        let draft = file.with_extension("draft");
        std::fs::write(&draft, serde_json::json!({"http": http, "https": https.port()}).to_string())?;
        std::fs::rename(&draft, file)?;
    }
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    // Read on a thread of its own: one of the runtime's would be waited for at the end, as long as the input is open.
    let (closing, mut closed) = tokio::sync::mpsc::channel::<()>(1);
    let closing_kept = closing.clone();
    if arguments.until_stdin_closes {
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            let _ = closing.blocking_send(());
        });
    }
    tokio::select! {
        served = axum::serve(Lines(listener), plain.into_make_service_with_connect_info::<Line>()) => served?,
        _ = terminate.recv() => {}
        _ = closed.recv() => {}
    }
    drop(closing_kept);
    // A request that is being logged is synced before it is answered; nothing else needs to be kept.
    tokio::time::sleep(Duration::from_millis(50)).await;
    Ok(())
}
