//! Jobs by which waves go: created once, and never changed or deleted here. They are read like any other object.

use k8s_openapi::api::batch::v1::Job;
use kube::api::{Api, PostParams};
use kube::{Client, ResourceExt};

use super::error::{Error, bounded};

/// Creates a Job. `AlreadyExists` and `Ambiguous` say nothing about whose Job is there: read it and look at its key.
/// `only_asked`: it is told whether it would be created, and is not.
pub async fn create(client: &Client, job: &Job, only_asked: bool) -> Result<Job, Error> {
    let api = Api::<Job>::namespaced(client.clone(), &job.namespace().unwrap_or_default());
    let params = PostParams { dry_run: only_asked, ..PostParams::default() };
    bounded(format!("create Job {}", job.name_any()), api.create(&params, job)).await
}
