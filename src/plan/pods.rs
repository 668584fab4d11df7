//! How Kubernetes names the pods of a workload, as a regular expression over whole names. It holds no backslash and no quote, so
//! that it stands in a string of `PromQL` as it is.

/// Letters that Kubernetes makes hashes and endings from: no vowels and no 0, 1 and 3, so that `web-canary-x7k2p` of a Job, or
/// `web-2` of a `StatefulSet`, is no pod of the Deployment `web`.
const SAFE: &str = "[b-df-hj-np-tv-xz24-9]";
/// So much of what stands before the ending is kept.
const KEPT: usize = 58;
/// A hash has at most so many letters, and a dash stands on either side of it.
const HASH: usize = 10;

/// Pods of a Deployment: its name, a hash and five letters. Of a long name all before the ending is cut at 58 characters.
pub fn of_deployment(name: &str) -> String {
    let kept: String = name.chars().take(KEPT).collect();
    let written = kept.replace('.', "[.]");
    if name.len() + HASH + 2 <= KEPT {
        return format!("{written}-{SAFE}{{1,{HASH}}}-{SAFE}{{5}}");
    }
    if name.len() >= KEPT {
        return format!("{written}{SAFE}{{5}}");
    }
    format!("{written}-({SAFE}{{1,{HASH}}}-?)?{SAFE}{{5}}")
}

/// Pods of a `StatefulSet`: its name and a number.
pub fn of_stateful_set(name: &str) -> String {
    format!("{}-[0-9]+", name.replace('.', "[.]"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use promql_parser::parser::{self, Expr};

    use super::*;

    /// Whether `PromQL` takes a name for that of a pod.
    fn takes(pattern: &str, pod: &str) -> bool {
        let Ok(Expr::VectorSelector(selector)) = parser::parse(&format!(r#"a{{pod=~"{pattern}"}}"#)) else {
            unreachable!("{pattern}")
        };
        selector.matchers.matchers[0].is_match(pod)
    }

    #[test]
    fn a_pod_is_told_from_that_of_a_neighbour() {
        let web = of_deployment("web");
        for pod in ["web-7c9d5f8b-x7k2p", "web-6d4cf56db6-2zq9d", "web-5-bbbbb"] {
            assert!(takes(&web, pod), "{pod}");
        }
        for pod in ["web-canary-7c9d5f8b-x7k2p", "web-2", "web-backup-x7k2p", "webs-7c9d5f8b-x7k2p", "web-x7k2p", ""] {
            assert!(!takes(&web, pod), "{pod}");
        }
        assert!(takes(&of_deployment("web.v2"), "web.v2-7c9d5f8b-x7k2p"));
        assert!(!takes(&of_deployment("web.v2"), "webxv2-7c9d5f8b-x7k2p"));
        assert!(takes(&of_stateful_set("db"), "db-11") && !takes(&of_stateful_set("db"), "db-7c9d5f8b-x7k2p"));
    }

    /// As the API server's own name generator cuts them: 58 characters of name, dash, hash and dash, and five letters.
    #[test]
    fn of_long_names_what_is_left_of_the_name_is_looked_for() {
        let hash = "6d4cf56db6";
        for length in [46, 47, 50, 56, 57, 58, 60, 100] {
            let name = "n".repeat(length);
            let whole = format!("{name}-{hash}-");
            let pod = format!("{}x7k2p", &whole[..whole.len().min(58)]);
            assert!(takes(&of_deployment(&name), &pod), "{length}: {pod}");
        }
    }
}
