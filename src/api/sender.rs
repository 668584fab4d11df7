//! `Sender`: what the platform team writes. How a release is made, how fast, and with what guarantee.
//!
//! Campaigns hold no URL: only whoever may write Senders decides where requests go.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::reference::{NamespaceSelector, SecretKeyRef, SecretRef};
use super::{condition, schema};

/// What is said of `tls` beside a URL without TLS.
pub const TLS_NEEDS_HTTPS: &str = "tls is for a url that begins with https://; write that, or leave out tls";
/// What is said of an empty `tls`.
pub const TLS_NAMES_NOTHING: &str =
    "tls names neither ca nor clientCertificate; write one of them or both, or leave out tls";

/// How a release is made, how fast, and with what guarantee.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "headroom.dev",
    version = "v1alpha1",
    kind = "Sender",
    namespaced,
    status = "SenderStatus",
    category = "headroom",
    doc = "A Sender says how a wave is released: where the request goes, how fast messages then leave, and what the receiver guarantees.",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Type", type_ = "string", json_path = ".status.type"),
    printcolumn(name = "Contract", type_ = "string", json_path = ".status.contract"),
    printcolumn(name = "Can", type_ = "string", json_path = ".status.abilities"),
    printcolumn(name = "Rate", type_ = "string", json_path = ".spec.sendRate"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.message", priority = 1)
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(has(self.webhook) ? 1 : 0) + (has(self.job) ? 1 : 0) + (has(self.listmonk) ? 1 : 0) == 1").message("a Sender has webhook, job or listmonk, one of them"))]
pub struct SenderSpec {
    /// Namespaces whose Campaigns may use this Sender. Absent: its own only; `{}`: every namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<NamespaceSelector>,
    /// How fast messages leave once a wave is released, such as `2000/s`. A receiver that may go faster must say so here.
    #[schemars(length(max = 24), regex(pattern = schema::RATE))]
    pub send_rate: String,
    /// A wave is released by one HTTP request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("!has(self.tls) || self.url.startsWith('https://')").message(TLS_NEEDS_HTTPS))]
    pub webhook: Option<Webhook>,
    /// A wave is released by one Job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobSender>,
    /// A wave is released by starting a campaign that was prepared in listmonk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("!has(self.tls) || self.url.startsWith('https://')").message(TLS_NEEDS_HTTPS))]
    pub listmonk: Option<Listmonk>,
}

/// A listmonk server. Each Campaign names the draft that was prepared there in `parameters.campaignId`.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listmonk {
    /// Where it is, such as `http://listmonk.mail:9000`.
    #[schemars(length(max = 1024), regex(pattern = "^https?://[^@?#/]+(/[^#]*)?$"))]
    pub url: String,
    /// A Secret in the Sender's namespace with the keys `username` and `token` of an API user of listmonk.
    pub secret_ref: SecretRef,
    /// How waves are made of the prepared campaign. Default Exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waves: Option<ListmonkWaves>,
    /// By which certificates it is believed, and which one it is shown; for an https URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("has(self.ca) || has(self.clientCertificate)").message(TLS_NAMES_NOTHING))]
    pub tls: Option<Tls>,
}

/// How waves are made of a campaign that was prepared in listmonk.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
pub enum ListmonkWaves {
    /// Each wave has a list of its own, filled by chance from those of the prepared campaign, and a copy of that campaign.
    #[default]
    Exact,
    /// The prepared campaign itself is started, so that the plan has one wave.
    Whole,
}

/// One Job per wave, in the Sender's namespace.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobSender {
    /// `metadata.labels`, `metadata.annotations` and `spec` of a batch/v1 Job. Its program finds the wave in `HEADROOM_KEY`,
    /// `HEADROOM_WAVE_NAME`, `HEADROOM_WAVE_OFFSET`, `HEADROOM_WAVE_RECIPIENTS` and so on, and all of it in `HEADROOM_RELEASE`. It is
    /// started once.
    #[schemars(schema_with = "schema::template")]
    pub template: serde_json::Value,
}

/// One POST per wave.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Where the request goes. Redirects are not followed.
    #[schemars(length(max = 1024), regex(pattern = "^https?://[^@?#/]+(/[^#]*)?$"))]
    pub url: String,
    /// What the receiver guarantees. Default `atMostOnce: {}`: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("(has(self.keyed) ? 1 : 0) + (has(self.queryable) ? 1 : 0) + (has(self.atMostOnce) ? 1 : 0) == 1").message("a contract names one thing that the receiver guarantees: keyed: {retention: 48h}, queryable: {url: …} or atMostOnce: {}"))]
    pub contract: Option<Contract>,
    /// Requests are signed as Standard Webhooks 1.0 says, so that the receiver can tell them from others'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing: Option<Signing>,
    /// By which certificates the receiver is believed, and which one it is shown; for an https URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("has(self.ca) || has(self.clientCertificate)").message(TLS_NAMES_NOTHING))]
    pub tls: Option<Tls>,
    /// Further headers; their values come from Secrets in the Sender's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub headers: Option<Vec<Header>>,
    /// JSON with placeholders such as `{{ wave.offset }}`, each a whole value. Default: all variables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 16_384))]
    pub body: Option<String>,
}

/// What a receiver guarantees about a request it may have seen before.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Contract {
    /// It keeps keys: a request with a key that it has seen has no second effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyed: Option<Keyed>,
    /// It can be asked what became of a request; where that does not tell, a person decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queryable: Option<Queryable>,
    /// Nothing: a request that may have arrived is never repeated; a person decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most_once: Option<AtMostOnce>,
}

/// A request that may have arrived is repeated under the same key, which the receiver knows again.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Keyed {
    /// So long the receiver keeps a key, such as `48h`; counted from the first try. At least 10 minutes.
    #[schemars(length(max = 16), regex(pattern = schema::SPAN))]
    pub retention: String,
}

/// Of a request that may have arrived the receiver is asked by its key, and it is never repeated.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
pub struct Queryable {
    /// Asked by GET, with the key in `Idempotency-Key` and wherever `{{ key }}` stands in it. It counts as gone where the answer is
    /// 200 with `{"key": …, "state": "done", "recipients": …}` and both are as they were asked for.
    #[schemars(length(max = 1024), regex(pattern = "^https?://[^@?#/]+(/[^#]*)?$"))]
    pub url: String,
}

/// A request that may have arrived is never repeated.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
pub struct AtMostOnce {}

/// The key with which requests are signed: HMAC-SHA256, in the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Signing {
    /// Where the key is: `whsec_` and base64, 24 to 64 bytes.
    pub secret_key_ref: SecretKeyRef,
}

/// By which certificates a receiver is believed, and which one it is shown.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// The authorities whose certificates are believed, and no others. Absent: those of the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<Ca>,
    /// What is shown to a receiver that asks who comes (mTLS).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<ClientCertificate>,
}

/// Certificates of authorities.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ca {
    /// Where they are: one or more, PEM.
    pub secret_key_ref: SecretKeyRef,
}

/// A certificate with its key.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientCertificate {
    /// A Secret of the type `kubernetes.io/tls` in the Sender's namespace, with the keys `tls.crt` and `tls.key`.
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: String,
}

/// A header whose value stays in a Secret.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// Such as `Authorization`.
    #[schemars(length(max = 64), regex(pattern = "^[A-Za-z0-9-]+$"))]
    pub name: String,
    /// Where its value is.
    pub secret_key_ref: SecretKeyRef,
}

impl SenderSpec {
    /// Its `tls`, if it has one, and the field in which that stands.
    pub fn tls(&self) -> Option<(&'static str, &Tls)> {
        let of_webhook = self.webhook.as_ref().and_then(|webhook| Some(("spec.webhook", webhook.tls.as_ref()?)));
        of_webhook.or_else(|| Some(("spec.listmonk", self.listmonk.as_ref()?.tls.as_ref()?)))
    }
}

/// What the operator says about a Sender.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SenderStatus {
    /// The generation of the spec this speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Which of several installs speaks of it: one that could use it. None, while all that spoke may not read the Secrets that it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub install: Option<String>,
    /// `webhook`, `job` or `listmonk`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub kind: Option<String>,
    /// `at most once`, `keyed`, `queryable`, `job` or `listmonk`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub contract: Option<String>,
    /// What it can do: `fire` a wave, `tell` what became of it and how far it is, `pause` and `cancel` it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub abilities: Option<String>,
    /// A sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
    /// `Ready`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::schema")]
    pub conditions: Vec<Condition>,
}
