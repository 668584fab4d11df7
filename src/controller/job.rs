//! A wave that goes by a Job: whether the API server would take it, the one CREATE, and what is then known. What it means that a
//! Job is there, or is not, is decided in `plan`.

use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;

use crate::api::WaveRelease;
use crate::cluster::{Error, jobs, objects};
use crate::plan::inquiry::Said;
use crate::plan::job;
use crate::senders::Attempt;

use super::context::Context;

/// `<namespace>/<name>`.
fn place(job: &Job) -> String {
    format!("{}/{}", job.namespace().unwrap_or_default(), job.name_any())
}

/// Why the API server would not take a Job, asked without creating one: a template that is wrong costs no attempt.
pub async fn refused(ctx: &Context, job: &Job) -> Result<Option<String>, Error> {
    match jobs::create(&ctx.client, job, true).await {
        Ok(answer) => Ok(job::changed(&answer)),
        Err(Error::AlreadyExists { .. }) => in_the_way(ctx, job).await,
        Err(Error::Refused { message, .. }) => Ok(Some(format!("its Job {} would be refused: {message}", place(job)))),
        Err(Error::NotFound { .. }) => Ok(Some(format!("there is no namespace for its Job {}", place(job)))),
        Err(error) => Err(error),
    }
}

/// Creates the Job, once.
pub async fn create(ctx: &Context, job: &Job) -> Attempt {
    let place = place(job);
    match jobs::create(&ctx.client, job, false).await {
        Ok(answer) => {
            let changed = job::changed(&answer).map_or_else(String::new, |changed| format!("; {changed}"));
            Attempt::Started { what: format!("its Job {place} was made{changed}") }
        }
        Err(Error::AlreadyExists { .. }) => there_already(ctx, job, &place).await,
        Err(Error::Refused { message, .. }) => {
            Attempt::Refused { why: format!("its Job {place} was refused: {message}") }
        }
        Err(Error::NotFound { .. }) => Attempt::Refused { why: format!("there is no namespace for its Job {place}") },
        Err(error) => Attempt::cut(error.to_string()),
    }
}

/// A Job of that name is this wave's, from an earlier try or an earlier life of the ledger, or a stranger's.
async fn there_already(ctx: &Context, job: &Job, place: &str) -> Attempt {
    let there = match objects::get::<Job>(&ctx.client, &job.namespace().unwrap_or_default(), &job.name_any()).await {
        Ok(there) => there,
        Err(error) => return Attempt::cut(format!("a Job {place} is there, and cannot be read: {error}")),
    };
    match job::said(there.as_ref(), place, job::key(job)) {
        Said::Done | Said::Running(_) => Attempt::Started { what: format!("its Job {place} was there already") },
        said => {
            let told = said.told().map_or_else(String::new, |told| format!(": {told}"));
            Attempt::cut(format!("a Job {place} was there already{told}"))
        }
    }
}

/// Why a Job that is there keeps a wave from being tried; none, if it has begun already.
async fn in_the_way(ctx: &Context, job: &Job) -> Result<Option<String>, Error> {
    let place = place(job);
    let there = objects::get::<Job>(&ctx.client, &job.namespace().unwrap_or_default(), &job.name_any()).await?;
    Ok(match job::said(there.as_ref(), &place, job::key(job)) {
        Said::Ended(told) => Some(format!(
            "{told}; it is the one of an earlier try: once it is known what it has sent, delete it with kubectl delete job --cascade=foreground"
        )),
        Said::Other(told) => Some(format!("{told}; it stands in the way: delete or rename it")),
        Said::Done | Said::Short(_) | Said::Running(_) | Said::Hidden(_) | Said::Absent(_) => None,
    })
}

/// What the Job of an entry says now.
pub async fn look(ctx: &Context, entry: &WaveRelease) -> Said {
    let request = entry.spec.request.as_ref();
    let Some((namespace, key)) = request.and_then(|request| Some((request.sender.split_once('/')?.0, &request.key)))
    else {
        return Said::Other("the ledger does not tell where its Job is".to_owned());
    };
    let name = job::name(&entry.name_any());
    let place = format!("{namespace}/{name}");
    match objects::get::<Job>(&ctx.client, namespace, &name).await {
        Ok(there) => job::said(there.as_ref(), &place, key),
        Err(error) => Said::Other(format!("its Job {place} cannot be seen: {error}")),
    }
}
