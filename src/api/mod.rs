//! The objects people write and read: `Campaign`, `CapacityPool`, `Sender` and the ledger's `WaveRelease`.
//!
//! Types, schemas and CEL rules only. Nothing here parses a quantity or decides anything; `plan` does both.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

pub mod campaign;
pub mod campaign_status;
pub mod condition;
pub mod pool;
pub mod pool_status;
pub mod reference;
pub mod release;
pub mod schema;
pub mod sender;

pub use campaign::{Campaign, CampaignSpec};
pub use campaign_status::{CampaignStatus, Phase};
pub use pool::{CapacityPool, CapacityPoolSpec};
pub use pool_status::CapacityPoolStatus;
pub use release::{WaveRelease, WaveReleaseSpec};
pub use sender::{Sender, SenderSpec};

/// The API group of every object.
pub const GROUP: &str = "headroom.dev";
/// The one served version.
pub const VERSION: &str = "v1alpha1";

/// Written on a scaled target: whose floor it carries, and what it was before.
pub const FLOOR_ANNOTATION: &str = "headroom.dev/floor";
/// Written on a pool: the install (`<namespace>/<release>`) that looks after it.
pub const INSTALL_ANNOTATION: &str = "headroom.dev/install";
/// On a pool while scale is borrowed; it waits until the restore has been observed.
pub const RESTORE_FINALIZER: &str = "headroom.dev/restore";
/// On every ledger entry: a hash of its `sendId`, to find all entries of one send.
pub const SEND_LABEL: &str = "headroom.dev/send";
/// On every ledger entry: a hash of its pool, to find all that draws on one pool.
pub const POOL_LABEL: &str = "headroom.dev/pool";
/// On a Campaign: a person holds it; the value says who and why. Latched in status until it is resumed.
pub const HOLD_ANNOTATION: &str = "headroom.dev/hold";
/// On a Campaign: lifts the hold whose `since` it names.
pub const RESUME_ANNOTATION: &str = "headroom.dev/resume";
/// On a Campaign: a person ends it; the value says who and why.
pub const ABORT_ANNOTATION: &str = "headroom.dev/abort";
/// On a Campaign: `<digest of the spec> <user>`. Only holders of the verb `approve` on its pool may write it, in their own name.
pub const APPROVED_ANNOTATION: &str = "headroom.dev/approved";
/// On a Campaign: `<digest of the spec> <until> <user>`, by the same people. It goes without confirmed headroom.
pub const WITHOUT_HEADROOM_ANNOTATION: &str = "headroom.dev/without-headroom";
/// On a Campaign: why it goes without confirmed headroom.
pub const WITHOUT_HEADROOM_REASON_ANNOTATION: &str = "headroom.dev/without-headroom-reason";
/// On a Campaign: `<wave> <Sent|NotSent|Skip> <attempt> <user>`, what became of an attempt of which nobody knows. Only holders of the
/// verb `resolve` on its Sender may write it, in their own name.
pub const RESOLVE_ANNOTATION: &str = "headroom.dev/resolve";
/// On a Campaign: how the person knows.
pub const RESOLVE_REASON_ANNOTATION: &str = "headroom.dev/resolve-reason";
/// The `ConfigMap` in the operator's namespace that stops every release, or those of the pools it names.
pub const STOP_CONFIG_MAP: &str = "headroom-stop";
/// The field manager of every write, and the reporter of every event.
pub const MANAGER: &str = "headroom";

/// File name and definition of every kind.
pub fn definitions() -> [(&'static str, CustomResourceDefinition); 4] {
    [
        ("campaigns.yaml", Campaign::crd()),
        ("capacitypools.yaml", CapacityPool::crd()),
        ("senders.yaml", Sender::crd()),
        ("wavereleases.yaml", WaveRelease::crd()),
    ]
}
