//! Everything that `headroom suggest pool` asks Prometheus: the queries its user gave, or those that are well known. What has no
//! answer is said to be unknown; what fails ends the command, since a signal that could not be asked for is not one that is not there.

use anyhow::{Context as _, anyhow};
use jiff::{SignedDuration, Timestamp};

use super::PoolArguments;
use crate::clock;
use crate::plan::reading::{Question, Replicas, SeenBy, SensorFault};
use crate::plan::rules::{MAX_SAMPLE_AGE, POD_LABEL};
use crate::plan::suggest::known::{self, Family, Subject};
use crate::plan::suggest::{Container, Cpu, Latency, Measured, STEP, Series, Workers, series};
use crate::prometheus::Sensor;

/// What takes too long, or is too large, in one piece is asked for in smaller ones, down to this.
const SMALLEST: SignedDuration = SignedDuration::from_hours(24);

/// A demand without an answer for so long has ended.
const ENDED: SignedDuration = SignedDuration::from_mins(15);

/// Who asks, and for what time.
pub struct Ask<'a> {
    arguments: &'a PoolArguments,
    sensor: Sensor,
    from: Timestamp,
    to: Timestamp,
}

/// What came of it.
pub struct Asked {
    /// All that was measured.
    pub measured: Measured,
    /// The demand query.
    pub demand: String,
    /// The metric, where something else than its pods counts their requests.
    pub counted_by: Option<&'static str>,
    /// Where it comes from, as a sentence.
    pub source: String,
    /// How many replicas are seen behind it now, or why that cannot be told.
    pub seen: Result<f64, SensorFault>,
    /// The query of the share of errors, if it has an answer.
    pub errors: Option<String>,
}

/// The demand, before anything else is asked.
struct Demand {
    query: String,
    source: String,
    series: Series,
    family: Option<Family>,
}

impl<'a> Ask<'a> {
    /// Of the Prometheus that the arguments name, back from now.
    pub fn new(arguments: &'a PoolArguments) -> anyhow::Result<Ask<'a>> {
        let sensor = Sensor::new(&arguments.prometheus_url, arguments.access.access())?;
        let seconds = clock::now().as_second();
        let to =
            Timestamp::from_second(seconds - seconds.rem_euclid(STEP.as_secs())).context("failed to tell the time")?;
        let back = SignedDuration::from_hours(24 * i64::from(arguments.days));
        let from = to.checked_sub(back).context("failed to look back that far")?;
        Ok(Ask { arguments, sensor, from, to })
    }

    /// Asks for everything.
    pub async fn all(&self, subject: &Subject, containers: &[Container]) -> anyhow::Result<Asked> {
        let given = self.arguments;
        let Demand { query, source, series, family } = self.demand(subject).await?;
        let newest = series.last_key_value().map(|(at, _)| *at);
        if let Some(newest) = newest.filter(|newest| self.to.duration_since(*newest) > ENDED) {
            return Err(anyhow!(
                "the demand has had no answer since {newest}; is it still called so, and is it still scraped?\n  {query}"
            ));
        }
        let seen = self.seen(subject, &query).await?;
        let mut unknown = Vec::new();
        let replicas = self.replicas(subject, family.as_ref(), &mut unknown).await?;
        let errors = self.errors(family.as_ref()).await?;
        if errors.is_none() {
            unknown.push("Errors are not known, so bins with errors count too: give --errors.".to_owned());
        }
        let latency = self.latency(family.as_ref(), &mut unknown).await?;
        let mut told = async |what: &str, query: String, why: &str| {
            let found = self.series(what, &query).await?;
            if found.is_none() {
                unknown.push(why.to_owned());
            }
            anyhow::Ok(found)
        };
        // What the pods do not count themselves is whole, whoever scrapes them.
        let is_whole = family.as_ref().is_some_and(|family| !family.is_in_pods);
        let up = if is_whole {
            None
        } else {
            let why = "Whether all replicas were scraped is not known (no up of its pods), so bins in which some were not count too.";
            told("scraped replicas", known::scraped(subject), why).await?
        };
        let rollouts = told(
            "rollouts",
            known::rollouts(subject),
            "Rollouts are not known (no kube-state-metrics), so bins with a rollout count too.",
        )
        .await?;
        let restarts = told(
            "restarts",
            known::restarts(subject),
            "Restarts are not known (no kube-state-metrics), so bins with a restart count too.",
        )
        .await?;
        let cpu = self.cpu(subject, containers, &mut unknown).await?;
        let workers = self.workers(family.as_ref(), &mut unknown).await?;
        let (errors, its) = errors.unzip();
        let measured = Measured {
            demand: series,
            replicas,
            up,
            errors: its,
            rollouts,
            restarts,
            latency,
            cpu,
            workers,
            utilization: given.target_utilization.share,
            unknown,
        };
        Ok(Asked {
            measured,
            demand: query,
            counted_by: family.filter(|_| is_whole).map(|family| family.metric),
            source,
            seen,
            errors,
        })
    }

    /// How many replicas the operator would see behind a demand now, by the label that it looks at unless a pool says otherwise; or why
    /// none.
    async fn seen(&self, subject: &Subject, query: &str) -> anyhow::Result<Result<f64, SensorFault>> {
        let replicas = Replicas {
            namespace: subject.namespace.clone(),
            deployment: subject.name.clone(),
            seen_by: SeenBy::Label(POD_LABEL.to_owned()),
            max_age: MAX_SAMPLE_AGE,
        };
        let question = Question { replicas: Some(replicas), ..Question::plain(query) };
        let now = clock::now();
        let at = Timestamp::from_second(now.as_second()).context("failed to tell the time")?;
        Ok(self.sensor.read(&question, at, now).await.map(|reading| reading.replicas.unwrap_or(0.0)))
    }

    async fn demand(&self, subject: &Subject) -> anyhow::Result<Demand> {
        let families = known::families(subject);
        if let Some(given) = &self.arguments.demand {
            let family = families.into_iter().find(|family| family.demand == given.trim());
            let found = self.series("--demand", given).await?;
            let series = found.ok_or_else(|| {
                anyhow!("--demand has no answer for any time of the last {} days; is it scraped, and is the query right?\n  {given}", self.arguments.days)
            })?;
            let source = "Requests per second, as given by --demand.".to_owned();
            return Ok(Demand { query: given.trim().to_owned(), source, series, family });
        }
        let mut found = Vec::new();
        for family in &families {
            let answer = self.series("the demand", &family.demand).await?;
            // What never counted anything is not what counts its requests.
            let counts = |series: &Series| series.values().any(|value| *value > 0.0);
            found.extend(answer.filter(counts).map(|series| (family.clone(), series)));
        }
        let whose = format!("{} {}/{}", subject.kind.name(), subject.namespace, subject.name);
        match (found.pop(), found.is_empty()) {
            (Some((family, series)), true) => {
                let source =
                    format!("Requests per second by {}, the one well-known metric that counts them.", family.metric);
                Ok(Demand { query: family.demand.clone(), source, series, family: Some(family) })
            }
            (Some(last), false) => {
                found.push(last);
                let queries: Vec<String> = found.iter().map(|(family, _)| format!("\n  {}", family.demand)).collect();
                Err(anyhow!(
                    "{} well-known metrics count requests of {whose}, and they may not count the same ones; say which is its demand with --demand QUERY:{}",
                    found.len(),
                    queries.concat()
                ))
            }
            (None, _) => {
                let mut names: Vec<&str> = families.iter().map(|family| family.metric).collect();
                names.dedup();
                Err(anyhow!(
                    "no well-known metric counts requests of {whose} (tried {}); say what does with --demand QUERY, such as 'sum(rate(my_requests_total{{namespace=\"{}\"}}[2m]))'",
                    names.join(", "),
                    subject.namespace
                ))
            }
        }
    }

    async fn replicas(
        &self,
        subject: &Subject,
        family: Option<&Family>,
        unknown: &mut Vec<String>,
    ) -> anyhow::Result<Series> {
        if let Some(given) = &self.arguments.replicas {
            let found = self.series("--replicas", given).await?;
            return found.ok_or_else(|| anyhow!("--replicas has no answer for any time\n  {given}"));
        }
        if let Some(found) = self.series("replicas", &known::ready(subject)).await? {
            return Ok(found);
        }
        if let Some(own) = family.and_then(|family| family.replicas.as_ref())
            && let Some(found) = self.series("replicas", own).await?
        {
            unknown.push("Replicas are those that count requests (no kube-state-metrics): one that had none is missing, and the load of the others looks higher than it would be.".to_owned());
            return Ok(found);
        }
        Err(anyhow!(
            "how many replicas were ready is not known: kube-state-metrics has no answer ({}); give --replicas QUERY",
            known::ready(subject)
        ))
    }

    /// The query that has an answer, with it.
    async fn errors(&self, family: Option<&Family>) -> anyhow::Result<Option<(String, Series)>> {
        if let Some(given) = &self.arguments.errors {
            let found = self.series("--errors", given).await?;
            let found = found.ok_or_else(|| anyhow!("--errors has no answer for any time\n  {given}"))?;
            return Ok(Some((given.clone(), found)));
        }
        for query in family.into_iter().flat_map(|family| &family.errors) {
            if let Some(found) = self.series("errors", query).await? {
                return Ok(Some((query.clone(), found)));
            }
        }
        Ok(None)
    }

    async fn latency(&self, family: Option<&Family>, unknown: &mut Vec<String>) -> anyhow::Result<Option<Latency>> {
        let Some(max) = self.arguments.latency_max else {
            unknown.push("Latency was not looked at: no --latency-max was given.".to_owned());
            return Ok(None);
        };
        let max = max.to_duration().as_secs_f64();
        let found = match (&self.arguments.latency, family.and_then(|family| family.latency.as_ref())) {
            (Some(given), _) => {
                let found = self.series("--latency", given).await?;
                Some(found.ok_or_else(|| anyhow!("--latency has no answer for any time\n  {given}"))?)
            }
            (None, Some(known)) => self.series("latency", known).await?,
            (None, None) => None,
        };
        // A bound that was asked for, and is not looked at, must not pass in silence.
        let series = found.ok_or_else(|| {
            anyhow!("no well-known metric tells its latency; give --latency QUERY, or leave out --latency-max")
        })?;
        Ok(Some(Latency { series, max }))
    }

    async fn cpu(
        &self,
        subject: &Subject,
        containers: &[Container],
        unknown: &mut Vec<String>,
    ) -> anyhow::Result<Vec<Cpu>> {
        let mut all = Vec::new();
        for container in containers {
            let name = &container.name;
            let Some(cores) = container.cores else {
                unknown.push(format!(
                    "Container {name} has neither a CPU limit nor a request, so its CPU tells no bound."
                ));
                continue;
            };
            let found = match &self.arguments.cpu {
                Some(given) => {
                    let found = self.series("--cpu", given).await?;
                    Some(found.ok_or_else(|| anyhow!("--cpu has no answer for any time\n  {given}"))?)
                }
                None => self.series("CPU", &known::cpu(subject, name)).await?,
            };
            match found {
                Some(series) => {
                    let seen = match &self.arguments.cpu {
                        Some(_) => None,
                        None => self.series("replicas whose CPU is known", &known::cpu_seen(subject, name)).await?,
                    };
                    all.push(Cpu { container: name.clone(), cores, series, seen });
                }
                None => unknown.push(format!(
                    "The CPU of container {name} is not known (no container_cpu_usage_seconds_total of it): give --cpu."
                )),
            }
        }
        Ok(all)
    }

    async fn workers(&self, family: Option<&Family>, unknown: &mut Vec<String>) -> anyhow::Result<Option<Workers>> {
        let Some(count) = self.arguments.workers else {
            unknown.push("Workers were not looked at: no --workers was given.".to_owned());
            return Ok(None);
        };
        let given = self.arguments.mean_latency.as_ref();
        let query = given.or_else(|| family.and_then(|family| family.service.as_ref()));
        let found = match query {
            Some(query) => self.series("the mean time of an answer", query).await?,
            None => None,
        };
        let service = found.ok_or_else(|| {
            anyhow!("the mean time of an answer is not known; give --mean-latency QUERY, or leave out --workers")
        })?;
        Ok(Some(Workers { count: f64::from(count), service }))
    }

    /// What a query gave all the time; None where it never gave anything.
    async fn series(&self, what: &str, query: &str) -> anyhow::Result<Option<Series>> {
        let mut found = Vec::new();
        let mut pieces = vec![(self.from, self.to)];
        while let Some((from, to)) = pieces.pop() {
            match self.sensor.history(query, None, from, to, STEP).await {
                Ok(history) => found.extend(history.points),
                // A long time of many series takes long; a part of it less.
                Err(SensorFault::TimedOut { .. } | SensorFault::TooLarge { .. })
                    if to.duration_since(from) > SMALLEST =>
                {
                    let half = to.duration_since(from).as_secs() / STEP.as_secs() / 2 * STEP.as_secs();
                    let middle = from.checked_add(SignedDuration::from_secs(half)).unwrap_or(to);
                    let next = middle.checked_add(STEP).unwrap_or(to);
                    pieces.extend([(next, to), (from, middle)]);
                }
                Err(fault) => return Err(anyhow!("failed to ask Prometheus for {what}: {fault}\n  {query}")),
            }
        }
        let found = series(found);
        Ok((!found.is_empty()).then_some(found))
    }
}
