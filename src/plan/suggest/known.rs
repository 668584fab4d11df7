//! Metrics that are known well enough to be tried: what counts the requests of a workload, what they are called next to that, and what the
//! cluster itself tells of its pods. Only texts are made here. That one of them has an answer is for whoever asks to find out; what has
//! none is not assumed to be anything.

use crate::plan::pods;

/// Rates are taken over this: the window that a pool's demand is usually measured with.
const WINDOW: &str = "2m";
/// What a rollout or a restart disturbs ends with this.
const DISTURBED: &str = "10m";
/// What kind of workload it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A Deployment.
    Deployment,
    /// A `StatefulSet`.
    StatefulSet,
}

impl Kind {
    /// As its objects say it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Deployment => "Deployment",
            Kind::StatefulSet => "StatefulSet",
        }
    }
}

/// The workload that is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// How it is named: `web`, `deployment/web`, `statefulset/queue`.
pub fn named(text: &str) -> Result<(Kind, String), String> {
    let (kind, name) = match text.split_once('/') {
        None => (Kind::Deployment, text),
        Some(("deployment" | "deployments" | "deploy" | "deployment.apps", name)) => (Kind::Deployment, name),
        Some(("statefulset" | "statefulsets" | "sts" | "statefulset.apps", name)) => (Kind::StatefulSet, name),
        Some((kind, _)) => return Err(format!("{kind} is no kind of workload that is known; write deployment/NAME")),
    };
    // It becomes a part of queries, where anything else would mean something.
    let is_name = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '-' | '.');
    if name.is_empty() || name.len() > 253 || !name.chars().all(is_name) {
        return Err(format!("\"{name}\" is no name of a workload; write it like web or deployment/web"));
    }
    Ok((kind, name.to_owned()))
}

/// What counts requests, and what is told next to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// The metric.
    pub metric: &'static str,
    /// Requests per second, of all replicas together.
    pub demand: String,
    /// The share of them that failed: the first that has an answer.
    pub errors: Vec<String>,
    /// Their 95th percentile, in seconds.
    pub latency: Option<String>,
    /// Their mean, in seconds.
    pub service: Option<String>,
    /// Replicas that count requests, where the replicas do so themselves.
    pub replicas: Option<String>,
    /// Whether it is counted in the pods, so that one that is not scraped is missing in it.
    pub is_in_pods: bool,
}

/// Where a family's series come from.
struct Source {
    metric: &'static str,
    /// Its time histogram, without `_bucket`, and how many of its units are a second.
    histogram: &'static str,
    per_second: Option<u32>,
    /// Labels that may hold the status.
    statuses: &'static [&'static str],
    selector: String,
    by_pod: bool,
    is_in_pods: bool,
}

impl Source {
    fn family(&self) -> Family {
        let Source { metric, histogram, selector, .. } = self;
        let rate = |metric: &str, more: &str| format!("sum(rate({metric}{{{selector}{more}}}[{WINDOW}]))");
        let errors = |label: &&str| {
            // A label that is not there must not look like no errors.
            let all = rate(metric, &format!(r#",{label}!="""#));
            let failed = rate(metric, &format!(r#",{label}=~"5..""#));
            format!("({failed} or 0 * {all}) / {all}")
        };
        let scaled = |query: String| match self.per_second {
            None => query,
            Some(units) => format!("{query} / {units}"),
        };
        let buckets = format!("sum by (le) (rate({histogram}_bucket{{{selector}}}[{WINDOW}]))");
        let (sum, number) = (rate(&format!("{histogram}_sum"), ""), rate(&format!("{histogram}_count"), ""));
        Family {
            metric,
            demand: rate(metric, ""),
            errors: self.statuses.iter().map(errors).collect(),
            latency: Some(scaled(format!("histogram_quantile(0.95, {buckets})"))),
            is_in_pods: self.is_in_pods,
            service: Some(scaled(format!("{sum} / {number}"))),
            replicas: self.by_pod.then(|| format!("count(count by (pod) (rate({metric}{{{selector}}}[{WINDOW}])))")),
        }
    }
}

/// The pods of a workload, by their names.
fn pods(subject: &Subject) -> String {
    let Subject { kind, namespace, name } = subject;
    let pods = match kind {
        Kind::Deployment => pods::of_deployment(name),
        Kind::StatefulSet => pods::of_stateful_set(name),
    };
    format!(r#"namespace="{namespace}",pod=~"{pods}""#)
}

/// What may count the requests of a workload, in the order in which it is told of.
pub fn families(subject: &Subject) -> Vec<Family> {
    let Subject { namespace, name, .. } = subject;
    let own = |metric, histogram, statuses| {
        let selector = pods(subject);
        Source { metric, histogram, per_second: None, statuses, selector, by_pod: true, is_in_pods: true }
    };
    let ingress = |selector: String| Source {
        metric: "nginx_ingress_controller_requests",
        histogram: "nginx_ingress_controller_request_duration_seconds",
        per_second: None,
        statuses: &["status"],
        selector,
        by_pod: false,
        is_in_pods: false,
    };
    let istio = Source {
        metric: "istio_requests_total",
        histogram: "istio_request_duration_milliseconds",
        per_second: Some(1_000),
        statuses: &["response_code"],
        selector: format!(
            r#"reporter="destination",destination_workload="{name}",destination_workload_namespace="{namespace}""#
        ),
        by_pod: false,
        is_in_pods: true,
    };
    let sources = [
        own("http_requests_total", "http_request_duration_seconds", &["code", "status", "status_code"]),
        // OpenTelemetry.
        own(
            "http_server_request_duration_seconds_count",
            "http_server_request_duration_seconds",
            &["http_response_status_code"],
        ),
        // Micrometer.
        own("http_server_requests_seconds_count", "http_server_requests_seconds", &["status"]),
        istio,
        // By the Service of the same name; the labels are exported ones unless they are honoured.
        ingress(format!(r#"exported_namespace="{namespace}",exported_service="{name}""#)),
        ingress(format!(r#"namespace="{namespace}",service="{name}""#)),
    ];
    sources.into_iter().map(|source| source.family()).collect()
}

/// A metric of kube-state-metrics on the workload itself.
fn state(subject: &Subject, deployment: &str, stateful_set: &str) -> String {
    let Subject { kind, namespace, name } = subject;
    let (metric, label) = match kind {
        Kind::Deployment => (deployment, "deployment"),
        Kind::StatefulSet => (stateful_set, "statefulset"),
    };
    // Two copies of kube-state-metrics tell the same.
    format!(r#"max({metric}{{namespace="{namespace}",{label}="{name}"}})"#)
}

/// Replicas that are ready.
pub fn ready(subject: &Subject) -> String {
    state(subject, "kube_deployment_status_replicas_ready", "kube_statefulset_status_replicas_ready")
}

/// Replicas of another template than the newest, the most of the last ten minutes.
pub fn rollouts(subject: &Subject) -> String {
    let all = state(subject, "kube_deployment_status_replicas", "kube_statefulset_status_replicas");
    let new = state(subject, "kube_deployment_status_replicas_updated", "kube_statefulset_status_replicas_updated");
    format!("max_over_time(({all} - {new})[{DISTURBED}:1m])")
}

/// Restarts of its containers in the last ten minutes.
pub fn restarts(subject: &Subject) -> String {
    format!("sum(increase(kube_pod_container_status_restarts_total{{{}}}[{DISTURBED}]))", pods(subject))
}

/// Replicas that Prometheus scrapes.
pub fn scraped(subject: &Subject) -> String {
    format!("count(max by (pod) (up{{{}}}) == 1)", pods(subject))
}

/// Replicas whose cores are known.
pub fn cpu_seen(subject: &Subject, container: &str) -> String {
    let pods = pods(subject);
    format!(
        r#"count(max by (pod) (rate(container_cpu_usage_seconds_total{{{pods},container="{container}"}}[{WINDOW}])))"#
    )
}

/// Cores that a container uses, in all replicas together.
pub fn cpu(subject: &Subject, container: &str) -> String {
    let pods = pods(subject);
    format!(
        r#"sum(max by (pod) (rate(container_cpu_usage_seconds_total{{{pods},container="{container}"}}[{WINDOW}])))"#
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn web() -> Subject {
        Subject { kind: Kind::Deployment, namespace: "shop".to_owned(), name: "web".to_owned() }
    }

    #[test]
    fn a_workload_is_named_as_kubectl_names_it() {
        assert_eq!(named("web"), Ok((Kind::Deployment, "web".to_owned())));
        assert_eq!(named("deploy/web"), Ok((Kind::Deployment, "web".to_owned())));
        assert_eq!(named("statefulset/queue"), Ok((Kind::StatefulSet, "queue".to_owned())));
        for wrong in ["", "deployment/", "cronjob/web", "Web", "web\"}", "a/b/c"] {
            assert!(named(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_query_is_promql_and_the_age_of_a_demand_can_be_told() {
        let odd = Subject { name: "web.v2".to_owned(), ..web() };
        let queue = Subject { kind: Kind::StatefulSet, ..web() };
        for subject in [web(), odd, queue] {
            let families = families(&subject);
            assert_eq!(families.len(), 6);
            for family in families {
                crate::prometheus::companion::of(&family.demand).unwrap();
                let others =
                    family.errors.into_iter().chain(family.latency).chain(family.service).chain(family.replicas);
                others.for_each(|query| {
                    promql_parser::parser::parse(&query).unwrap_or_else(|why| panic!("{query}: {why}"));
                });
            }
            let more = [restarts(&subject), scraped(&subject), cpu(&subject, "web"), cpu_seen(&subject, "web")];
            for query in more.into_iter().chain([ready(&subject), rollouts(&subject)]) {
                promql_parser::parser::parse(&query).unwrap_or_else(|why| panic!("{query}: {why}"));
            }
        }
    }

    #[test]
    fn a_status_label_that_is_not_there_is_not_taken_for_no_errors() {
        let family = families(&web()).remove(0);
        assert_eq!(family.errors.len(), 3);
        assert!(family.errors[0].contains("or 0 * sum(rate(http_requests_total{"));
        assert_eq!(family.errors[0].matches(r#",code!="""#).count(), 2, "{}", family.errors[0]);
    }
}
