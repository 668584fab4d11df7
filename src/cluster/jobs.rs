//! Jobs by which waves go: created once, read again, and never changed or deleted here.

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

/// Reads a Job as the API server's majority has it now.
pub async fn get(client: &Client, namespace: &str, name: &str) -> Result<Option<Job>, Error> {
    let api = Api::<Job>::namespaced(client.clone(), namespace);
    bounded(format!("read Job {namespace}/{name}"), api.get_opt(name)).await
}
