//! The pods of one Deployment: born when it asks for more, ready some time after there was a place for them, gone when
//! it asks for fewer, the unready and the newest first.

use jiff::{SignedDuration, Timestamp};

/// A pod, by when it is ready; None while there is no place for it.
type Ready = Option<Timestamp>;

/// The pods of one Deployment, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Pods(Vec<Ready>);

/// How pods come up here and now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Start {
    /// From having a place to being ready.
    pub takes: SignedDuration,
    /// So many pods have a place; None: all.
    pub places: Option<usize>,
}

impl Pods {
    /// Brings the pods to `wanted` at `now`.
    pub fn follow(&mut self, wanted: usize, start: Start, now: Timestamp) {
        if self.0.len() > wanted {
            // The unready first, then the newest: a stable sort keeps the oldest in front.
            self.0.sort_by_key(|ready| !is_ready(*ready, now));
            self.0.truncate(wanted);
        }
        self.0.resize(wanted, None);
        let placed = self.0.iter().filter(|ready| ready.is_some()).count();
        let free = start.places.map_or(usize::MAX, |places| places.saturating_sub(placed));
        let ready_at = now.saturating_add(start.takes).unwrap_or(Timestamp::MAX);
        self.0.iter_mut().filter(|ready| ready.is_none()).take(free).for_each(|ready| *ready = Some(ready_at));
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// How many are ready.
    pub fn ready(&self, now: Timestamp) -> usize {
        self.0.iter().filter(|ready| is_ready(**ready, now)).count()
    }

    /// When the next one will be ready.
    pub fn next_ready(&self, now: Timestamp) -> Option<Timestamp> {
        self.0.iter().flatten().filter(|ready| **ready > now).min().copied()
    }

    /// All that have a place are ready at once: the cluster was there before the story begins.
    pub fn settle(&mut self, now: Timestamp) {
        self.0.iter_mut().flatten().for_each(|ready| *ready = (*ready).min(now));
    }
}

fn is_ready(ready: Ready, now: Timestamp) -> bool {
    ready.is_some_and(|at| at <= now)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn pods_become_ready_after_their_time_where_there_is_a_place() {
        let start = |places| Start { takes: SignedDuration::from_secs(30), places };
        let mut pods = Pods::default();
        pods.follow(3, start(None), at(0));
        assert_eq!((pods.count(), pods.ready(at(29)), pods.ready(at(30))), (3, 0, 3));
        pods.follow(6, start(Some(5)), at(100));
        assert_eq!((pods.count(), pods.ready(at(100)), pods.ready(at(130))), (6, 3, 5), "one has no place");
        assert_eq!(pods.next_ready(at(100)), Some(at(130)));
        pods.follow(6, start(Some(8)), at(200));
        assert_eq!((pods.ready(at(229)), pods.ready(at(230))), (5, 6), "a node was added");
        pods.follow(8, start(None), at(300));
        pods.follow(6, start(None), at(310));
        assert_eq!((pods.count(), pods.ready(at(310))), (6, 6), "the two that were not ready went");
        pods.follow(2, start(None), at(320));
        assert_eq!((pods.count(), pods.ready(at(320)), pods.next_ready(at(320))), (2, 2, None));
    }
}
