//! The programs of a simulated world's Jobs: each begins a while after its Job was made, sends to the recipients of its wave, and ends
//! well or not. Plays the Job controller and the nodes under the real ones' name, and knows nothing of the operator.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::{Job, JobCondition, JobStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use tokio::time::{Instant, sleep_until};

use super::receiver::{Manner, Request, Surroundings};
use crate::clock;
use crate::plan::job::key;

const MANAGER: &str = "kube-controller-manager";
const JOBS: &str = "jobs.batch";
/// From a Job's being made to its program's running.
const START: SignedDuration = SignedDuration::from_secs(3);
/// The same, where its image has to be fetched.
const SLOW_START: SignedDuration = SignedDuration::from_secs(75);
/// Its program runs so long.
const RUNS: SignedDuration = SignedDuration::from_secs(20);

/// How a Job goes on.
#[derive(Clone, Copy, Debug)]
struct Course {
    begins: Timestamp,
    ends: Timestamp,
    /// Whether it sends before it ends.
    sends: bool,
    completes: bool,
    at: Stage,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Waits,
    Runs,
    Ended,
}

/// All of them.
pub struct Programs {
    around: Surroundings,
    courses: BTreeMap<(String, String), Course>,
}

impl Programs {
    /// Of this world.
    pub fn new(around: Surroundings) -> Programs {
        Programs { around, courses: BTreeMap::new() }
    }

    /// Works until it is dropped.
    pub async fn run(mut self) {
        let Some(mut jobs) = self.around.server.changes_of(JOBS) else { return };
        loop {
            jobs.catch_up();
            let next = self.step();
            tokio::select! {
                biased;
                is_served = jobs.rung() => if !is_served { return },
                () = sleep_until(next) => {}
            }
        }
    }

    /// Does what is due, and says when something will be due by time alone.
    fn step(&mut self) -> Instant {
        let now = clock::world();
        let mut next = now.saturating_add(SignedDuration::from_hours(1)).unwrap_or(now);
        for job in self.around.server.read_all::<Job>("") {
            let name = (job.namespace().unwrap_or_default(), job.name_any());
            let mut course = match self.courses.get(&name) {
                Some(course) => *course,
                None => self.made(&job, now),
            };
            if course.at == Stage::Waits && course.begins <= now {
                course.at = Stage::Runs;
                if course.sends {
                    self.around.take_by_job(key(&job));
                }
                self.tell(&job, JobStatus { active: Some(1), ready: Some(1), ..JobStatus::default() });
            }
            if course.at == Stage::Runs && course.ends <= now {
                course.at = Stage::Ended;
                self.tell(&job, ended(course.completes, now));
            }
            match course.at {
                Stage::Waits => next = next.min(course.begins),
                Stage::Runs => next = next.min(course.ends),
                Stage::Ended => {}
            }
            self.courses.insert(name, course);
        }
        Instant::now() + Duration::try_from(next.duration_since(now)).unwrap_or(Duration::ZERO)
    }

    /// A Job was made, and how it goes on is settled. Its wave went when the call that made it came: as a request does when its first
    /// byte comes, however long it is read.
    fn made(&self, job: &Job, now: Timestamp) -> Course {
        let manner = self.around.next_manner();
        let begins = now.saturating_add(if manner.is_some_and(is_slow) { SLOW_START } else { START }).unwrap_or(now);
        let ends = begins.saturating_add(RUNS).unwrap_or(begins);
        let (sends, completes) = match manner {
            Some(Manner::Answers(_, has) | Manner::Hangs(has) | Manner::Cuts(has)) => (has, false),
            _ => (true, true),
        };
        let revision = job.resource_version().and_then(|version| version.parse().ok()).unwrap_or(0);
        let body = variable(job, "HEADROOM_RELEASE");
        let came = self.around.server.came(revision).unwrap_or(now);
        let request = Request { at: came, agent: JOBS, revision, key: key(job), body: body.as_bytes() };
        self.around.hear(&request, sends);
        Course { begins, ends, sends, completes, at: Stage::Waits }
    }

    fn tell(&self, job: &Job, status: JobStatus) {
        let told = Job { status: Some(status), ..job.clone() };
        // A Job that went in the same moment is no fault.
        if let Ok(told) = serde_json::to_value(told) {
            let _ = self.around.server.update_status(MANAGER, &told);
        }
    }
}

fn is_slow(manner: Manner) -> bool {
    matches!(manner, Manner::Refuses | Manner::ConnectsIn(_) | Manner::Stalls(_) | Manner::Hangs(_))
}

/// As the program finds it: two dollars are one.
fn variable(job: &Job, name: &str) -> String {
    let pod = job.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    let mut all = pod.into_iter().flat_map(|pod| &pod.containers).flat_map(|container| container.env.iter().flatten());
    let value = all.find(|variable| variable.name == name).and_then(|variable| variable.value.clone());
    value.unwrap_or_default().replace("$$", "$")
}

fn ended(completes: bool, now: Timestamp) -> JobStatus {
    let condition = JobCondition {
        type_: if completes { "Complete" } else { "Failed" }.to_owned(),
        status: "True".to_owned(),
        reason: Some(if completes { "CompletionsReached" } else { "BackoffLimitExceeded" }.to_owned()),
        last_transition_time: Some(Time(now)),
        ..JobCondition::default()
    };
    let (succeeded, failed) = if completes { (Some(1), None) } else { (None, Some(1)) };
    JobStatus { succeeded, failed, conditions: Some(vec![condition]), ..JobStatus::default() }
}
