//! Questions to the API server and to whatever else speaks HTTP, on one runtime of their own, so that they may be asked inside and
//! outside of one. A process for each would take a tenth of a second of a core, and many worlds ask many times in a second.

use std::future::Future;
use std::sync::{OnceLock, mpsc};

use serde_json::Value;

/// Does it there, and waits for what comes of it.
pub fn wait_for<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
    });
    let (tell, told) = mpsc::sync_channel(1);
    runtime.spawn(async move { tell.send(work.await) });
    told.recv().expect("it came to its end")
}

/// What stands at a path of an API server, or why it cannot be read.
pub fn read(client: kube::Client, path: String) -> Result<Value, String> {
    wait_for(async move {
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        client.request(request).await.map_err(|error: kube::Error| error.to_string())
    })
}

/// One question by HTTP; what is no JSON is null.
pub fn ask(method: reqwest::Method, url: String, body: Option<Value>) -> Value {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    let answer = wait_for(async move {
        let client = CLIENT.get_or_init(|| reqwest::Client::builder().no_proxy().build().unwrap());
        let request = client.request(method, &url);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let answer = request.send().await.and_then(reqwest::Response::error_for_status);
        let text = match answer {
            Ok(answer) => answer.text().await,
            Err(error) => Err(error),
        };
        text.map_err(|error| format!("{url}: {error}"))
    });
    serde_json::from_str(&answer.unwrap()).unwrap_or(Value::Null)
}
